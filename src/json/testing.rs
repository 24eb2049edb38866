//! Texts for the tests of messages.

use serde_json::{Value, json};

/// The text with a member that no type knows, in each of its objects in turn.
pub(crate) fn each_with_one_more(text: &str) -> Vec<String> {
    let whole: Value = serde_json::from_str(text).unwrap();
    let mut pointers = Vec::new();
    objects(&whole, String::new(), &mut pointers);
    assert!(!pointers.is_empty(), "{text}");
    let with_one_more = |pointer: &String| {
        let mut whole = whole.clone();
        whole.pointer_mut(pointer).unwrap()["a member that no type knows"] = json!(1);
        whole.to_string()
    };
    pointers.iter().map(with_one_more).collect()
}

/// Where the objects are (RFC 6901).
fn objects(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| objects(value, format!("{pointer}/{name}"), found));
            found.push(pointer);
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, value)| objects(value, format!("{pointer}/{place}"), found));
        }
        _ => {}
    }
}
