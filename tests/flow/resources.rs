//! A token for one resource of the deployment opens that one, and nothing beside it.

use postern::explain::{Reading, Who, read};
use postern::gateway::{Disposition, Gateway};
use postern::time::Timestamp;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::verify;
use crate::support::{Answered, Asked, Browser, World, gateway};

const NOTES: &str = "https://app.example.com/mcp/notes";
const MAIL: &str = "https://app.example.com/mcp/mail";

fn deployment(audiences: &Value) -> Gateway {
    let mut vars = with_issuers();
    vars["VERIFY"] = json!({});
    vars["ISSUERS"]["machines"]["audience"] = audiences.clone();
    let api = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    for pattern in ["/mcp/notes/{*rest}", "/mcp/mail", "/mcp/{*rest}", "/else/{*rest}"] {
        vars["ROUTES"][pattern] = api.clone();
    }
    vars["AUTHZEN"] = json!({ "require": { "scopes": ["read"] } });
    vars["RELATIONS"] = json!({ "plan": { "viewer": "[user]" } });
    gateway(&vars)
}

fn call(world: &World, gateway: &Gateway, path: &str, aud: &Value) -> Answered {
    let token = token(world, Some("at+jwt"), &json!({ "aud": aud }));
    Browser::new(world, gateway).send(&Asked::bearing(path, &token))
}

#[test]
fn a_token_for_one_resource_opens_no_other() {
    // R-211
    let (world, gateway) = (World::new(), deployment(&json!([NOTES, MAIL, "urn:api"])));
    for (path, aud, opens) in [
        ("/mcp/notes/7", json!(NOTES), true),
        ("/mcp/notes/", json!([NOTES, "urn:else"]), true),
        ("/mcp/mail", json!(MAIL), true),
        ("/mcp/mail", json!([NOTES, MAIL]), true),
        ("/mcp/mail", json!(NOTES), false),
        ("/mcp/notes/7", json!(MAIL), false),
        ("/mcp/notes/7", json!("urn:api"), false),
        ("/mcp/other", json!(NOTES), false),
        ("/else/x", json!(NOTES), false),
        ("/v1/x", json!([NOTES, MAIL]), false),
        ("/else/x", json!("urn:api"), true),
        ("/mcp/other", json!("urn:api"), true),
        ("/mcp/Notes/7", json!("urn:api"), false),
    ] {
        let answered = call(&world, &gateway, path, &aud);
        if opens {
            assert!(matches!(answered.outcome, Disposition::Forward(_)), "{path} {aud}: {}", answered.event);
        } else {
            answered.assert_refused(401, "access_token.other_resource");
            let challenge = answered.reply().headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("invalid_token"), "{challenge}");
        }
    }
}

#[test]
fn a_token_that_is_remembered_opens_no_more() {
    let (world, gateway) = (World::new(), deployment(&json!([NOTES, MAIL])));
    let token = token(&world, Some("at+jwt"), &json!({ "aud": NOTES }));
    let browser = Browser::new(&world, &gateway);
    for _ in 0..2 {
        assert!(matches!(browser.send(&Asked::bearing("/mcp/notes/7", &token)).outcome, Disposition::Forward(_)));
        browser.send(&Asked::bearing("/mcp/mail", &token)).assert_refused(401, "access_token.other_resource");
    }
}

#[test]
fn another_proxy_and_other_services_are_held_to_it_too() {
    let (world, gateway) = (World::new(), deployment(&json!([NOTES, MAIL, "urn:api"])));
    let token = |aud: &str| {
        let changes = json!({ "aud": aud, "sub": "reporter", "client_id": "reporter" });
        format!("Bearer {}", token(&world, Some("at+jwt"), &changes))
    };
    let browser = Browser::new(&world, &gateway);
    let asks = |path: &str, aud: &str| {
        browser.send(&verify::forwarded(
            Asked::new("GET", "/auth/verify").with("authorization", &token(aud)),
            "GET",
            path,
        ))
    };
    assert_eq!(asks("/mcp/notes/7", NOTES).reply().status, 204);
    assert_eq!(asks("/mcp/mail", NOTES).event["reason"], "access_token.other_resource");
    let question = |aud: &str| {
        let asked = Asked::new("POST", "/access/v1/evaluation").with("content-type", "application/json");
        let body = r#"{"subject":{"type":"user","id":"corp|a"},"action":{"name":"viewer"},"resource":{"type":"plan","id":"7"}}"#;
        browser.send(&asked.with("authorization", &token(aud)).with_body(Ok(body)))
    };
    assert_eq!(question("urn:api").reply().status, 200);
    assert_eq!(question(NOTES).event["reason"], "access_token.other_resource");
}

#[test]
fn who_asks_what_would_be_decided_hears_the_same() {
    let (gateway, now) = (deployment(&json!([NOTES, MAIL])), Timestamp::from_unix(1_800_000_000));
    let who: Who = serde_json::from_value(json!({ "issuer": "machines", "claims": { "aud": NOTES } })).unwrap();
    let who = who.suppose(gateway.config(), now).unwrap();
    for (request, expected) in
        [("GET /mcp/notes/7", "authz.requirements_met"), ("GET /mcp/mail", "access_token.other_resource")]
    {
        let because = match read(gateway.config(), Some(&who), request, now).unwrap() {
            Reading::Case(case) => case.decide().because,
            Reading::Refused(refused) => refused.because,
        };
        assert_eq!(because, expected, "{request}");
    }
}
