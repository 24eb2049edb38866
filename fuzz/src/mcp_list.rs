//! A list that is passed on has nothing in it that the caller may not use, in JSON and in events; and what is passed on can be
//! read again, and is then passed on as it is.

use std::rc::Rc;

use serde_json::Value;

use postern::mcp::{ListFilter, McpRules, OperationPattern, ScopeRule};

fn filter() -> ListFilter {
    let rule = |operation: &str, scope: &str| ScopeRule {
        operation: OperationPattern::parse(operation).expect("an operation"),
        scopes: vec![scope.to_owned()],
    };
    let rules = McpRules {
        scopes: vec![rule("tools/call:a*", "read"), rule("resources/read:a*", "read"), rule("*", "write")],
        approve: Vec::new(),
        approvers: None,
        filters_lists: true,
        legacy: true,
        max_body: 4096,
    };
    ListFilter::new(Rc::new(rules), vec!["read".to_owned()])
}

fn messages(passed: &str) -> impl Iterator<Item = Value> {
    let json = |text: &str| serde_json::from_str(text.strip_prefix("data: ").unwrap_or(text)).ok();
    passed.lines().filter_map(json)
}

/// The same, but for the last place of a number that is no integer of 64 bits: `serde_json` may read it otherwise than it wrote it.
fn are_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |((name, one), (named, other))| name == named && are_same(one, other);
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        _ => one == other,
    }
}

/// Line by line: what is no message is the same text.
fn are_same_lines(one: &str, other: &str) -> bool {
    let message = |line: &str| messages(line).next();
    one.lines().count() == other.lines().count()
        && one.lines().zip(other.lines()).all(|(one, other)| {
            one == other || matches!((message(one), message(other)), (Some(one), Some(other)) if are_same(&one, &other))
        })
}

pub fn check(data: &[u8]) {
    let filter = filter();
    for media_type in ["application/json", "text/event-stream"] {
        let Ok(passed) = filter.apply(media_type, data) else { continue };
        let again = filter.apply(media_type, passed.as_bytes()).expect("what is passed on can be read");
        assert!(are_same_lines(&again, &passed), "{again} instead of {passed}");
        for message in messages(&passed) {
            let tools = message["result"]["tools"].as_array().into_iter().flatten();
            assert!(tools.into_iter().all(|tool| tool["name"].as_str().is_some_and(|name| name.starts_with('a'))));
        }
    }
}
