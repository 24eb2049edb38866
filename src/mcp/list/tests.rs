use serde_json::json;

use super::super::{OperationPattern, ScopeRule};
use super::*;

fn filter(granted: &[&str]) -> ListFilter {
    let rule = |operation: &str, scope: &str| ScopeRule {
        operation: OperationPattern::parse(operation).unwrap(),
        scopes: vec![scope.to_owned()],
    };
    let rules = McpRules {
        scopes: vec![
            rule("tools/call:search", "docs:read"),
            rule("tools/call:delete_*", "docs:write"),
            rule("resources/read:file:///public/*", "docs:read"),
            rule("prompts/get", "docs:write"),
        ],
        approve: Vec::new(),
        approvers: None,
        filters_lists: true,
        legacy: false,
        max_body: 4096,
    };
    ListFilter::new(Rc::new(rules), granted.iter().map(|scope| (*scope).to_owned()).collect())
}

fn answer() -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "result": {
        "tools": [
            { "name": "search", "inputSchema": { "type": "object" } },
            { "name": "delete_doc" },
            { "name": "dump" },
            { "title": "nameless" },
            "odd",
        ],
        "prompts": [{ "name": "review" }],
        "resources": [{ "uri": "file:///public/a" }, { "uri": "file:///private/a" }],
        "resourceTemplates": [
            { "uriTemplate": "file:///public/{path}" },
            { "uriTemplate": "file:///{path}" },
            { "uriTemplate": "https://{host}" },
        ],
        "cacheScope": "public", "ttlMs": 5, "nextCursor": "c",
    } })
}

#[test]
fn a_list_loses_what_the_caller_may_not_use() {
    // R-298
    let left = |granted: &[&str]| {
        let text = filter(granted).apply("application/json", answer().to_string().as_bytes()).unwrap();
        let result = serde_json::from_str::<Value>(&text).unwrap()["result"].take();
        assert_eq!(result["cacheScope"], "private");
        assert_eq!((&result["ttlMs"], &result["nextCursor"]), (&json!(5), &json!("c")));
        let names = |list: &str, member: &str| {
            let entries = result[list].as_array().unwrap().iter();
            entries.map(|entry| entry[member].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        [
            names("tools", "name"),
            names("prompts", "name"),
            names("resources", "uri"),
            names("resourceTemplates", "uriTemplate"),
        ]
    };
    assert_eq!(left(&[]), ["", "", "", ""]);
    assert_eq!(left(&["docs:read"]), ["search", "", "file:///public/a", "file:///public/{path} file:///{path}"]);
    assert_eq!(left(&["docs:write"]), ["delete_doc", "review", "", ""]);
}

#[test]
fn a_list_in_a_stream_loses_the_same() {
    // R-298
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": 1 } });
    let stream = format!("id: 1\ndata:\n\ndata: {progress}\n\nevent: message\r\ndata: {}\r\n\r\n", answer());
    let filtered = filter(&["docs:read"]).apply("text/event-stream", stream.as_bytes()).unwrap();
    assert!(filtered.contains("\"search\"") && filtered.contains("notifications/progress"));
    assert!(!filtered.contains("delete_doc") && !filtered.contains("dump"), "{filtered}");
    // One event in several lines of data.
    let pretty = serde_json::to_string_pretty(&answer()).unwrap().replace('\n', "\ndata: ");
    let filtered = filter(&["docs:read"]).apply("text/event-stream", format!("data: {pretty}\n\n").as_bytes()).unwrap();
    assert!(filtered.contains("\"search\"") && !filtered.contains("delete_doc"));
}

#[test]
fn what_cannot_be_read_is_never_passed_on() {
    // R-298
    let filter = filter(&["docs:read"]);
    for (media_type, body) in [
        ("application/json", "".to_owned()),
        ("application/json", "[]".to_owned()),
        ("application/json", format!("[{}]", answer())),
        ("application/json", format!("{} ", answer()).replace("}}", "}")),
        ("application/json", r#"{"result":{"tools":[]},"result":{"tools":[{"name":"dump"}]}}"#.to_owned()),
        ("application/json", r#"{"result":{"tools":{"name":"dump"}}}"#.to_owned()),
        ("application/json", r#"{"result":[{"name":"dump"}]}"#.to_owned()),
        ("application/json", format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_LIST_BYTES))),
        ("text/event-stream", format!("data: {}\n\ndata: [1]\n\n", answer())),
        ("text/html", answer().to_string()),
        ("", answer().to_string()),
    ] {
        let short: String = body.chars().take(100).collect();
        assert_eq!(filter.apply(media_type, body.as_bytes()), Err(UnreadableList), "{media_type} {short}");
    }
    assert_eq!(filter.apply("application/json", &[0xff]), Err(UnreadableList));
    // A refusal has no list.
    let refusal = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}"#;
    assert!(filter.apply("Application/JSON", refusal.as_bytes()).unwrap().contains("-32601"));
}

#[test]
fn a_list_that_is_too_long_is_not_passed_on() {
    // R-298
    let of = |length: usize| {
        let (before, after) = (r#"{"result":{"x":""#, r#""}}"#);
        let filling = "x".repeat(length - before.len() - after.len());
        filter(&[]).apply("application/json", format!("{before}{filling}{after}").as_bytes())
    };
    assert!(of(MAX_LIST_BYTES).is_ok());
    assert_eq!(of(MAX_LIST_BYTES + 1), Err(UnreadableList));
}
