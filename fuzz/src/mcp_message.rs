//! Whatever is taken for a message is one to a lenient parser too, by the same method and name, whichever member of a name it
//! takes and whether or not it looks at letter case; and each header that agrees with it is what it would be made of.

use postern::mcp::{McpMessage, MessageTarget};
use serde_json::{Map, Value};

const MAX_BYTES: usize = 4096;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for answers in [false, true] {
        let Ok(message) = McpMessage::parse(text, MAX_BYTES, answers) else { continue };
        let lenient: Value = serde_json::from_str(text).expect("a message is JSON");
        let members = lenient.as_object().expect("a message is an object");
        assert_eq!(loosely(members, "method").unwrap_or(&Value::String(String::new())), &message.method);
        let none = Map::new();
        let params = loosely(members, "params").and_then(Value::as_object).unwrap_or(&none);
        if let Some(name) = message.name() {
            let held = ["name", "uri", "taskId"].map(|member| loosely(params, member).and_then(Value::as_str));
            assert!(held.contains(&Some(name)), "{text}");
        }
        let targets = message.targets().expect("a message says what it is for");
        assert!(targets.iter().all(|MessageTarget { name, .. }| name.is_none_or(|name| !name.is_empty())));
        assert!(!message.method.is_empty() || answers);
    }
}

/// The member by a parser that ignores letter case, and takes the last of several.
fn loosely<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    members.iter().filter(|(own, _)| folded(own) == folded(name)).map(|(_, value)| value).next_back()
}
