use serde_json::json;

use super::*;

fn rules(scopes: &[(&str, &str)], approve: &[&str]) -> McpRules {
    let pattern = |text: &str| OperationPattern::parse(text).unwrap();
    let rule = |(operation, scopes): &(&str, &str)| ScopeRule {
        operation: pattern(operation),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
    };
    McpRules {
        scopes: scopes.iter().map(rule).collect(),
        approve: approve.iter().map(|text| pattern(text)).collect(),
        approvers: None,
        filters_lists: true,
        legacy: false,
        max_body: 4096,
    }
}

fn needed(rules: &McpRules, method: &str, name: &str) -> Option<String> {
    let name = Some(name).filter(|name| !name.is_empty());
    rules.needed(MessageTarget { method, name }).map(|scopes| scopes.join(" "))
}

#[test]
fn a_name_is_meant_exactly_or_by_its_beginning() {
    //
    let rules = rules(
        &[
            ("tools/call:search", "docs:read"),
            ("tools/call:delete_*", "docs:write"),
            ("tools/call:delete_all", "docs:admin docs:write"),
            ("resources/read:*", "docs:read"),
            ("prompts/get", "docs:read"),
        ],
        &[],
    );
    for (method, name, expected) in [
        ("tools/call", "search", Some("docs:read")),
        ("tools/call", "delete_doc", Some("docs:write")),
        ("tools/call", "delete_", Some("docs:write")),
        ("tools/call", "delete_all", Some("docs:admin docs:write")),
        ("resources/read", "file:///a", Some("docs:read")),
        ("prompts/get", "p", Some("docs:read")),
        ("tools/call", "Search", None),
        ("tools/call", "search2", None),
        ("tools/call", "delete", None),
        ("tools/call", "xdelete_doc", None),
        ("tools/call", "*", None),
        ("TOOLS/CALL", "search", None),
    ] {
        assert_eq!(needed(&rules, method, name).as_deref(), expected, "{method} {name}");
    }
}

#[test]
fn what_no_rule_names_is_denied_where_there_are_rules() {
    //
    let strict = rules(&[("tools/call:search", "docs:read")], &[]);
    for method in ["tools/call", "prompts/get", "resources/read", "tasks/get"] {
        assert_eq!(needed(&strict, method, "other"), None, "{method}");
    }
    assert_eq!(needed(&strict, "vendor/dump", ""), None);
    for open in ["initialize", "ping", "tools/list", "server/discover", "notifications/initialized", ""] {
        assert_eq!(needed(&strict, open, "").as_deref(), Some(""), "{open}");
    }
    let others = rules(&[("tools/call:search", "docs:read"), ("*", "docs:write")], &[]);
    assert_eq!(needed(&others, "tools/call", "other").as_deref(), Some("docs:write"));
    assert_eq!(needed(&others, "vendor/dump", "").as_deref(), Some("docs:write"));
    assert_eq!(needed(&others, "tools/call", "search").as_deref(), Some("docs:read"));
    assert_eq!(needed(&others, "tools/list", "").as_deref(), Some(""));
    let listed = rules(&[("tools/list", "docs:list"), ("*", "docs:write")], &[]);
    assert_eq!(needed(&listed, "tools/list", "").as_deref(), Some("docs:list"));
    assert_eq!(needed(&rules(&[], &[]), "tools/call", "other").as_deref(), Some(""));
}

#[test]
fn a_message_needs_all_that_it_is_for() {
    //
    let rules = rules(&[("resources/read:a", "a:read base"), ("resources/read:b", "b:read base")], &[]);
    let message = |uris: &[&str]| {
        let params = json!({ "notifications": { "resourceSubscriptions": uris } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params });
        McpMessage::parse(&body.to_string(), 4096, false).unwrap()
    };
    assert_eq!(rules.needed_by(&message(&["a", "b"])).unwrap(), ["a:read", "base", "b:read"]);
    assert_eq!(rules.needed_by(&message(&[])).unwrap(), Vec::<String>::new());
    assert_eq!(rules.needed_by(&message(&["a", "c"])), None);
}

#[test]
fn only_a_star_at_the_end_means_more_than_itself() {
    //
    for good in ["*", "tools/call", "tools/call:a", "tools/call:a*", "tools/call:*", "resources/read:file:///a/*"] {
        assert_eq!(OperationPattern::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", ":", "tools/call:", ":a", "tools/call:a*b", "tools/call:**", "tools/*", "tools call", "*:a", "a:\n"]
    {
        assert_eq!(OperationPattern::parse(bad), None, "{bad}");
    }
}

#[test]
fn approval_is_wanted_for_what_is_named() {
    let rules = rules(&[], &["tools/call:delete_*"]);
    let call = |name: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name } });
        McpMessage::parse(&body.to_string(), 4096, false).unwrap()
    };
    assert!(rules.wants_approval(&call("delete_doc")));
    assert!(!rules.wants_approval(&call("search")));
}

#[test]
fn a_star_wants_approval_for_all_that_is_used_and_a_message_for_each_that_it_is_for() {
    //
    let message = |method: &str, params: serde_json::Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        McpMessage::parse(&body.to_string(), 4096, false).unwrap()
    };
    let all = rules(&[], &["*"]);
    for (method, params, wanted) in [
        ("tools/call", json!({ "name": "a" }), true),
        ("prompts/get", json!({ "name": "a" }), true),
        ("resources/subscribe", json!({ "uri": "a" }), true),
        ("tasks/get", json!({ "taskId": "a" }), true),
        ("vendor/dump", json!({}), true),
        ("tools/list", json!({}), false),
        ("notifications/cancelled", json!({}), false),
    ] {
        assert_eq!(all.wants_approval(&message(method, params)), wanted, "{method}");
    }
    let some = rules(&[], &["resources/read:b"]);
    let listen =
        |uris: &[&str]| message("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } }));
    assert!(some.wants_approval(&listen(&["a", "b"])) && !some.wants_approval(&listen(&["a", "c"])));
}
