//! Routes with a server of the Model Context Protocol behind them, for clients with access tokens.

use postern::gateway::{Disposition, Gateway};
use postern::http::{StatusCode, header};
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::policies::publish;
use crate::support::{Answered, Asked, Browser, CANARY, ORIGIN, World, gateway};

const MODERN: &str = "2026-07-28";
const METADATA: &str = r#"resource_metadata="https://app.example.com/.well-known/oauth-protected-resource/mcp""#;

fn deployment(mcp: &Value, more: &Value) -> Gateway {
    let mut vars = with_issuers();
    vars["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "authenticate": ["bearer"], "mcp": mcp });
    vars["ROUTES"]["/mcp"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway(&vars)
}

fn with_tools() -> Value {
    json!({ "scopes": { "tools/call:search": "read", "tools/call:delete_*": ["read", "write"] } })
}

/// A request by the revision of 2026.
fn modern(method: &str, params: Value) -> (Asked, String) {
    let mut params = params;
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": MODERN });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
    let asked = posted(&body).with("mcp-protocol-version", MODERN).with("mcp-method", method);
    let name = params.get("name").or(params.get("uri")).and_then(Value::as_str);
    let asked = match name {
        Some(name) => asked.with("mcp-name", name),
        None => asked,
    };
    (asked, body)
}

fn posted(body: &str) -> Asked {
    Asked::new("POST", "/mcp").with("content-type", "application/json").with_body(Ok(body))
}

fn bearing(asked: Asked, world: &World, scope: &str) -> Asked {
    let token = token(world, Some("at+jwt"), &json!({ "scope": scope }));
    asked.with("authorization", &format!("Bearer {token}"))
}

fn call(world: &World, gateway: &Gateway, tool: &str, scope: &str) -> Answered {
    let (asked, _) = modern("tools/call", json!({ "name": tool, "arguments": {} }));
    Browser::new(world, gateway).send(&bearing(asked, world, scope))
}

fn challenge(answered: &Answered) -> String {
    answered.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned()
}

/// Refused as the protocol has it, before anybody is asked who they are.
#[track_caller]
fn is_no_message(answered: &Answered, reason: &str, code: i32) {
    assert_eq!((&answered.event["reason"], &answered.event["status"]), (&json!(reason), &json!(400)));
    assert_eq!((answered.reply().status, &answered.json()["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(code)));
    assert_eq!(answered.event["subject"], Value::Null);
}

#[test]
fn a_message_goes_on_byte_for_byte_with_an_assertion_and_no_token() {
    // R-293, R-296, R-328
    let (world, gateway) = (World::new(), deployment(&json!(true), &json!({})));
    let (asked, body) = modern("tools/call", json!({ "name": "search", "arguments": { "q": CANARY } }));
    let answered = Browser::new(&world, &gateway).send(&bearing(asked, &world, "read"));
    let plan = answered.forwarded();
    assert_eq!(plan.body.as_deref(), Some(body.as_str()));
    assert!(plan.headers.contains_key("x-postern-assertion") && !plan.headers.contains_key("authorization"));
    assert!(plan.headers["mcp-method"] == "tools/call" && plan.headers["mcp-name"] == "search");
    assert!(plan.list_filter.is_none());
    let told = &answered.event["mcp"];
    assert_eq!((&told["method"], &told["name"]), (&json!("tools/call"), &json!("search")));
    assert_eq!(told["params"].as_str().unwrap().len(), 43);
    assert!(!world.lines.borrow().join("").contains(CANARY));
}

#[test]
fn what_the_body_says_and_no_header_decides() {
    // R-293
    let (world, gateway) = (World::new(), deployment(&with_tools(), &json!({})));
    let body = |tool: &str| {
        let params = json!({ "name": tool, "_meta": { "io.modelcontextprotocol/protocolVersion": MODERN } });
        json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string()
    };
    let told = |body: &str, method: &str, name: &str| {
        let asked = posted(body).with("mcp-protocol-version", MODERN).with("mcp-method", method).with("mcp-name", name);
        Browser::new(&world, &gateway).send(&bearing(asked, &world, "read"))
    };
    told(&body("search"), "tools/call", "search").forwarded();
    told(&body("search"), "tools/call", "=?base64?c2VhcmNo?=").forwarded();
    is_no_message(&told(&body("delete_doc"), "tools/call", "search"), "mcp.header_mismatch", -32_020);
    is_no_message(&told(&body("search"), "tools/list", "search"), "mcp.header_mismatch", -32_020);
    let twice = body("search").replace(r#""method":"#, r#""method":"tools/list","method":"#);
    is_no_message(&told(&twice, "tools/call", "search"), "mcp.ambiguous", -32_600);
    is_no_message(&told(&format!("[{}]", body("search")), "tools/call", "search"), "mcp.not_a_message", -32_600);
    is_no_message(&told("{", "tools/call", "search"), "mcp.not_json", -32_700);
    let long = body("search").replace("search", &"x".repeat(257 * 1024));
    is_no_message(&told(&long, "tools/call", "search"), "mcp.unreadable", -32_600);
}

#[test]
fn a_body_that_could_be_read_by_another_charset_or_encoding_is_refused() {
    // R-293
    let (world, gateway) = (World::new(), deployment(&json!(true), &json!({})));
    let (_, body) = modern("tools/list", json!({}));
    let send = |lines: &[(&'static str, &str)]| {
        let asked = Asked::new("POST", "/mcp").with_body(Ok(&body));
        let asked = asked.with("mcp-protocol-version", MODERN).with("mcp-method", "tools/list");
        let asked = lines.iter().fold(asked, |asked, (name, value)| asked.with(name, value));
        Browser::new(&world, &gateway).send(&bearing(asked, &world, "read"))
    };
    send(&[("content-type", "application/json; charset=UTF-8")]).forwarded();
    for lines in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/json"), ("content-type", "application/json")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
    ] {
        is_no_message(&send(lines), "mcp.content_type", -32_600);
    }
}

#[test]
fn a_tool_needs_the_scopes_of_its_rule_and_one_without_a_rule_opens_for_nobody() {
    // R-292, R-297
    let (world, gateway) = (World::new(), deployment(&with_tools(), &json!({ "require": { "scopes": ["base"] } })));
    call(&world, &gateway, "search", "base read").forwarded();
    call(&world, &gateway, "delete_doc", "base read write").forwarded();
    let refused = call(&world, &gateway, "delete_doc", "read");
    refused.assert_refused(403, "authz.insufficient_scope");
    let said = challenge(&refused);
    assert!(said.starts_with(r#"Bearer error="insufficient_scope", scope="base read write", "#), "{said}");
    assert!(said.contains(METADATA), "{said}");
    let refused = call(&world, &gateway, "dump", "base read write");
    refused.assert_refused(403, "mcp.unlisted");
    assert_eq!(refused.event["subject"], "alice");
    // Who nobody is hears what to come back with for this very operation.
    let (asked, _) = modern("tools/call", json!({ "name": "delete_doc" }));
    let anonymous = Browser::new(&world, &gateway).send(&asked);
    anonymous.assert_refused(401, "authn.no_token");
    let said = challenge(&anonymous);
    assert!(said.starts_with(r#"Bearer scope="base read write", "#) && said.contains(METADATA), "{said}");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn a_denial_for_another_reason_names_the_resource_too() {
    // R-292
    let (world, gateway) = (World::new(), deployment(&json!(true), &json!({ "require": { "roles": ["editor"] } })));
    let refused = call(&world, &gateway, "search", "read");
    refused.assert_refused(403, "authz.role_missing");
    let said = challenge(&refused);
    assert!(said.starts_with("Bearer ") && said.contains(METADATA) && !said.contains("error"), "{said}");
}

#[test]
fn earlier_revisions_are_taken_where_the_route_says_so_and_their_headers_end_here() {
    // R-294
    let world = World::new();
    let (modern_only, both) =
        (deployment(&json!(true), &json!({})), deployment(&json!({ "legacy": true }), &json!({})));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;
    let lies = |asked: Asked| {
        bearing(asked.with("mcp-name", "other").with("mcp-param-q", "x").with("mcp-session-id", "s"), &world, "read")
    };
    for version in [Some("2025-11-25"), None] {
        let asked = || match version {
            Some(version) => posted(body).with("mcp-protocol-version", version),
            None => posted(body),
        };
        let (reason, code) = if version.is_some() { ("mcp.version", -32_022) } else { ("mcp.header_missing", -32_020) };
        let refused = Browser::new(&world, &modern_only).send(&lies(asked()));
        is_no_message(&refused, reason, code);
        assert_eq!(refused.json()["id"], 1);
        let answered = Browser::new(&world, &both).send(&lies(asked()));
        let headers = &answered.forwarded().headers;
        assert!(!headers.contains_key("mcp-name") && !headers.contains_key("mcp-param-q"));
        assert!(headers.contains_key("mcp-session-id"));
        assert_eq!(answered.event["mcp"]["name"], "search");
    }
    // Streams and the end of a conversation have no message.
    for method in ["GET", "DELETE"] {
        let asked = || bearing(Asked::new(method, "/mcp").with("mcp-protocol-version", "2025-11-25"), &world, "read");
        Browser::new(&world, &both).send(&asked()).forwarded();
        Browser::new(&world, &modern_only).send(&asked()).assert_refused(405, "route.method_not_allowed");
        let modern = bearing(Asked::new(method, "/mcp").with("mcp-protocol-version", MODERN), &world, "read");
        is_no_message(&Browser::new(&world, &both).send(&modern), "mcp.version", -32_022);
    }
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let answered = Browser::new(&world, &both).send(&bearing(posted(answer), &world, "read"));
    assert_eq!(
        (answered.forwarded().body.as_deref(), &answered.event["mcp"]["method"]),
        (Some(answer), &json!("answer"))
    );
    // Clients of this revision give none.
    let modern = bearing(posted(answer).with("mcp-protocol-version", MODERN), &world, "read");
    for gateway in [&both, &modern_only] {
        is_no_message(&Browser::new(&world, gateway).send(&modern), "mcp.not_a_message", -32_600);
    }
}

#[test]
fn a_page_of_another_origin_is_refused_before_its_token_is_looked_at() {
    // R-295
    let world = World::new();
    let gateway = deployment(&json!(true), &json!({ "cors": { "origins": ["https://inspector.example"] } }));
    let send = |origins: &[&str]| {
        let (asked, _) = modern("tools/list", json!({}));
        let asked = origins.iter().fold(asked, |asked, origin| asked.with("origin", origin));
        Browser::new(&world, &gateway).send(&bearing(asked, &world, "read"))
    };
    for good in [&[][..], &[ORIGIN], &["https://inspector.example"]] {
        send(good).forwarded();
    }
    for bad in [&["https://evil.example"][..], &["null"], &[""], &[ORIGIN, ORIGIN], &["http://app.example.com"]] {
        let refused = send(bad);
        refused.assert_refused(403, "cors.origin");
        assert_eq!(refused.event["subject"], Value::Null, "{bad:?}");
    }
}

#[test]
fn a_list_is_filtered_for_the_caller_where_there_are_rules() {
    // R-298
    let world = World::new();
    let listed = |mcp: &Value, method: &str, scope: &str| {
        let gateway = deployment(mcp, &json!({}));
        let (asked, _) = modern(method, json!({}));
        let answered =
            Browser::new(&world, &gateway).send(&bearing(asked.with("accept-encoding", "gzip"), &world, scope));
        let plan = answered.forwarded();
        let encoding = plan.headers["accept-encoding"].to_str().unwrap().to_owned();
        (plan.list_filter.clone(), encoding)
    };
    let (filter, encoding) = listed(&with_tools(), "tools/list", "read");
    assert_eq!(encoding, "identity");
    let list = json!({ "jsonrpc": "2.0", "id": 7, "result": {
        "tools": [{ "name": "search" }, { "name": "delete_doc" }, { "name": "dump" }], "cacheScope": "public",
    } });
    let left = filter.unwrap().apply("application/json", list.to_string().as_bytes()).unwrap();
    let left: Value = serde_json::from_str(&left).unwrap();
    assert_eq!(left["result"], json!({ "tools": [{ "name": "search" }], "cacheScope": "private" }));
    for (mcp, method) in [
        (json!(true), "tools/list"),
        (with_tools(), "server/discover"),
        (json!({ "scopes": { "*": "read" }, "list": "whole" }), "tools/list"),
    ] {
        let (filter, encoding) = listed(&mcp, method, "read");
        assert!(filter.is_none() && encoding == "gzip", "{mcp} {method}");
    }
    let legacy = deployment(&json!({ "scopes": { "*": "read" }, "legacy": true }), &json!({}));
    let stream = bearing(Asked::new("GET", "/mcp").with("last-event-id", "7"), &world, "read");
    assert!(!Browser::new(&world, &legacy).send(&stream).forwarded().headers.contains_key("last-event-id"));
}

#[test]
fn policies_are_asked_about_the_tool_and_its_arguments() {
    let (world, gateway) = (World::new(), deployment(&json!(true), &json!({ "policy": true })));
    let text = r#"permit(principal, action == Action::"mcp.tools/call", resource in Route::"/mcp") when {
            resource.name like "read_*" || (resource == Tool::"/mcp/delete_doc" && context has mcp &&
            context.mcp.arguments.hasTag("folder") && context.mcp.arguments.getTag("folder") == "drafts") };
        permit(principal, action == Action::"POST", resource == Resource::"/mcp") when {
            context has mcp && context.mcp.method == "tools/list" };"#;
    publish(&world, 1, text, None);
    let send = |method: &str, params: Value| {
        let (asked, _) = modern(method, params);
        Browser::new(&world, &gateway).send(&bearing(asked, &world, "read"))
    };
    for (method, params, opens) in [
        ("tools/list", json!({}), true),
        ("tools/call", json!({ "name": "read_doc" }), true),
        ("tools/call", json!({ "name": "delete_doc", "arguments": { "folder": "drafts" } }), true),
        ("tools/call", json!({ "name": "delete_doc", "arguments": { "folder": "final" } }), false),
        ("tools/call", json!({ "name": "delete_doc" }), false),
        ("prompts/get", json!({ "name": "read_doc" }), false),
        ("server/discover", json!({}), false),
    ] {
        let answered = send(method, params.clone());
        if opens {
            assert!(matches!(answered.outcome, Disposition::Forward(_)), "{method} {params}: {}", answered.event);
        } else {
            answered.assert_refused(403, "policy.nothing_permits");
        }
    }
}

#[test]
fn who_cannot_show_the_body_is_not_let_through() {
    // R-293
    let mut vars = with_issuers();
    vars["VERIFY"] = json!({});
    vars["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "authenticate": ["bearer"], "mcp": true });
    let (world, gateway) = (World::new(), gateway(&vars));
    let token = token(&world, Some("at+jwt"), &json!({}));
    let asked = Asked::new("GET", "/auth/verify").with("authorization", &format!("Bearer {token}"));
    let asked = super::verify::forwarded(asked, "POST", "/mcp");
    assert_eq!(Browser::new(&world, &gateway).send(&asked).event["reason"], "mcp.unseen");
}

#[test]
fn what_a_person_would_have_to_approve_is_not_let_through_without_that() {
    let (world, gateway) = (World::new(), deployment(&json!({ "approve": ["tools/call:delete_*"] }), &json!({})));
    call(&world, &gateway, "search", "read").forwarded();
    call(&world, &gateway, "delete_doc", "read").assert_refused(403, "approval.no_grant");
}

#[test]
fn a_resource_tells_agents_to_come_to_us_and_what_they_could_ask_for() {
    // R-292
    let mut vars = with_issuers();
    vars["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "mcp": with_tools() });
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway);
    let told = browser.send(&Asked::new("GET", "/.well-known/oauth-protected-resource/mcp")).json();
    assert_eq!(told["resource"], "https://app.example.com/mcp");
    assert_eq!(told["authorization_servers"], json!([ORIGIN]));
    assert_eq!(told["scopes_supported"], json!(["read", "write"]));
    let (asked, _) = modern("tools/list", json!({}));
    let refused = browser.send(&asked);
    refused.assert_refused(401, "authn.no_token");
    assert!(challenge(&refused).contains(METADATA));
}
