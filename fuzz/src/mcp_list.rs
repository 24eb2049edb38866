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

/// Whether there is a number that is no integer of 64 bits: `serde_json` may read its last place otherwise than it was written.
fn has_inexact_number(passed: &str) -> bool {
    fn inner(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.is_f64(),
            Value::Array(all) => all.iter().any(inner),
            Value::Object(all) => all.values().any(inner),
            _ => false,
        }
    }
    messages(passed).any(|message| inner(&message))
}

pub fn check(data: &[u8]) {
    let filter = filter();
    for media_type in ["application/json", "text/event-stream"] {
        let Ok(passed) = filter.apply(media_type, data) else { continue };
        let again = filter.apply(media_type, passed.as_bytes()).expect("what is passed on can be read");
        assert!(again == passed || has_inexact_number(&passed), "{again} instead of {passed}");
        for message in messages(&passed) {
            let tools = message["result"]["tools"].as_array().into_iter().flatten();
            assert!(tools.into_iter().all(|tool| tool["name"].as_str().is_some_and(|name| name.starts_with('a'))));
        }
    }
}
