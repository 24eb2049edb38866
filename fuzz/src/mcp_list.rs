//! A list that is passed on has nothing in it that the caller may not use, in JSON and in events; and what is passed on can be
//! read again, and is then passed on as it is.

use std::rc::Rc;

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

pub fn check(data: &[u8]) {
    let filter = filter();
    for media_type in ["application/json", "text/event-stream"] {
        let Ok(passed) = filter.apply(media_type, data) else { continue };
        assert_eq!(filter.apply(media_type, passed.as_bytes()).as_deref(), Ok(passed.as_str()));
        for text in passed.lines() {
            let json = text.strip_prefix("data: ").unwrap_or(text);
            let Ok(message) = serde_json::from_str::<serde_json::Value>(json) else { continue };
            let tools = message["result"]["tools"].as_array().into_iter().flatten();
            assert!(tools.into_iter().all(|tool| tool["name"].as_str().is_some_and(|name| name.starts_with('a'))));
        }
    }
}
