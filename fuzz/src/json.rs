//! The strict reader takes exactly what `serde_json` takes too and has no doubled member, no more depth than allowed,
//! and an object around it; and it reads the same out of it.

use postern::json::{MAX_DEPTH, parse_object};
use serde_json::Value;

const MAX_BYTES: usize = 4096;

pub fn check(data: &[u8]) {
    let strict = parse_object(data, MAX_BYTES).ok().map(Value::Object);
    let lenient = serde_json::from_slice::<Value>(data).ok();
    let expected = lenient.filter(|value| {
        data.len() <= MAX_BYTES && value.is_object() && colons(data) == members(value) && depth(value) <= MAX_DEPTH
    });
    assert_eq!(strict, expected);
}

/// As many as there are members in a JSON text, doubled ones counted twice.
fn colons(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b':' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Value::Array(array) => array.iter().map(members).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        Value::Array(array) => 1 + array.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
