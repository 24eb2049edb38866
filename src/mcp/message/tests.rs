use serde_json::json;

use super::*;

const MAX: usize = 4096;

fn parse(body: &str) -> Result<McpMessage, McpError> {
    McpMessage::parse(body, MAX, false)
}

fn call(params: &Value) -> Result<McpMessage, McpError> {
    parse(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string())
}

#[test]
fn a_request_has_a_method_an_id_and_the_name_of_what_it_is_for() {
    // R-293
    for (method, member) in [("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")] {
        let body = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": { member: "x:y" } });
        let message = parse(&body.to_string()).unwrap();
        assert_eq!((message.method.as_str(), message.name()), (method, Some("x:y")));
        assert_eq!(message.targets().unwrap(), [MessageTarget { method, name: Some("x:y") }]);
        assert_eq!(message.id(), Some(&json!("a")));
        for bad in [json!({}), json!({ member: "" }), json!({ member: 1 }), json!({ member: "a\nb" })] {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": bad });
            assert_eq!(parse(&body.to_string()), Err(McpError::Params(member)), "{bad}");
        }
    }
    let notification = parse(r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#).unwrap();
    assert_eq!((notification.kind, notification.params.len()), (MessageKind::Notification, 0));
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    // R-293
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","\u006dethod":"tools/call","params":{"name":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","paramſ":{"name":"a"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","argumentſ":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a","tas\u212aId":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":{"y":1,"y":2}}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","else":1}"#,
    ] {
        assert_eq!(parse(body), Err(McpError::Ambiguous), "{body}");
    }
    let deep = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{deep}}}}}"#);
    assert_eq!(parse(&body), Err(McpError::Ambiguous));
}

#[test]
fn what_is_not_exactly_one_message_is_refused() {
    // R-293
    for body in [
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        "[]",
        r#""ping""#,
        "{}",
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":""}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        assert_eq!(parse(body), Err(McpError::NotAMessage), "{body}");
    }
    for body in ["", "{", r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#, "\u{feff}{}", "ping"] {
        assert_eq!(parse(body), Err(McpError::NotJson), "{body}");
    }
    let long = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "a": "x".repeat(MAX) } }).to_string();
    assert_eq!(parse(&long), Err(McpError::Unreadable));
}

#[test]
fn clients_give_answers_in_earlier_revisions_only() {
    // R-294
    for body in [r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#] {
        let message = McpMessage::parse(body, MAX, true).unwrap();
        assert_eq!((message.kind, message.method.as_str()), (MessageKind::Answer, ""), "{body}");
        assert_eq!(parse(body), Err(McpError::NotAMessage), "{body}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#,
    ] {
        assert_eq!(McpMessage::parse(body, MAX, true), Err(McpError::NotAMessage), "{body}");
    }
}

#[test]
fn what_tells_of_a_prompt_or_resource_is_for_it() {
    // R-297
    let targets = |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let message = parse(&body)?;
        let targets = message.targets()?;
        let owned = |target: &MessageTarget<'_>| format!("{}:{}", target.method, target.name.unwrap_or("-"));
        Ok::<_, McpError>(targets.iter().map(owned).collect::<Vec<_>>())
    };
    for (method, params, expected) in [
        ("resources/subscribe", json!({ "uri": "u" }), &["resources/read:u"][..]),
        ("completion/complete", json!({ "ref": { "type": "ref/prompt", "name": "p" } }), &["prompts/get:p"]),
        ("completion/complete", json!({ "ref": { "type": "ref/resource", "uri": "u" } }), &["resources/read:u"]),
        ("subscriptions/listen", json!({ "notifications": {} }), &["subscriptions/listen:-"]),
        (
            "subscriptions/listen",
            json!({ "notifications": { "resourceSubscriptions": ["u", "v"] } }),
            &["subscriptions/listen:-", "resources/read:u", "resources/read:v"],
        ),
        ("tasks/get", json!({ "taskId": "t" }), &["tasks/get:t"]),
        ("tasks/cancel", json!({ "taskId": "t" }), &["tasks/cancel:t"]),
        ("tools/list", json!({}), &["tools/list:-"]),
    ] {
        assert_eq!(targets(method, params).unwrap(), expected, "{method}");
    }
    for (method, params) in [
        ("completion/complete", json!({})),
        ("tasks/update", json!({})),
        ("resources/unsubscribe", json!({})),
        ("completion/complete", json!({ "ref": { "type": "ref/tool", "name": "p" } })),
        ("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": "u" } })),
        ("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": [1] } })),
    ] {
        assert!(matches!(targets(method, params), Err(McpError::Params(_))), "{method}");
    }
}

#[test]
fn the_digest_is_that_of_the_parameters_as_they_were_sent() {
    // R-328
    let digest = |text: &str| <[u8; 32]>::from(Sha256::digest(text));
    for (body, params) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a": 1.0}}"#, r#"{"a": 1.0}"#),
        (r#" { "params" : {"a":"}\"{,"} , "jsonrpc":"2.0","id":"}","method":"x" } "#, r#"{"a":"}\"{,"}"#),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x","p\u0061rams":{"a":[{}]}}"#, r#"{"a":[{}]}"#),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, ""),
    ] {
        assert_eq!(parse(body).unwrap().params_digest, digest(params), "{body}");
    }
    let large = |number: &str| {
        call(&json!({ "name": "a" })).map(|_| {
            parse(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{number}}}}}"#))
                .unwrap()
                .params_digest
        })
    };
    assert_ne!(large("18446744073709551617"), large("18446744073709551618"));
}
