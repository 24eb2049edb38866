//! The token endpoint for agents: codes, refresh tokens, keys of clients, and the end of a grant.

use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::Gateway;
use postern::jose::Es256Signer;
use serde_json::{Value, json};

use super::agents_server::{CALLBACK, CLIENT, VERIFIER, code, document, publish, resource, with_agents, world};
use super::sender::Machine;
use crate::support::{Answered, Asked, Browser, Fault, ORIGIN, World, gateway, signer_named};

const TOKEN: &str = "/auth/agents/token";

fn deployment(table: Value) -> (World, Gateway) {
    (world(), gateway(&with_agents(table)))
}

/// A form to the token endpoint, or to that for revocation.
fn post(path: &str, fields: &[(&str, &str)]) -> Asked {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Asked::new("POST", path).with("content-type", "application/x-www-form-urlencoded").with_body(Ok(&body))
}

pub fn redeeming(code: &str, changes: &[(&str, Option<&str>)]) -> Asked {
    let mut all = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", CLIENT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (*name, value)));
    }
    post(TOKEN, &all)
}

pub fn refreshing(token: &str) -> Asked {
    post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", CLIENT)])
}

fn text(answered: &Answered, name: &str) -> String {
    answered.json()[name].as_str().unwrap_or_else(|| panic!("{} {}", answered.event, answered.reply().body)).to_owned()
}

/// Whether an agent gets in with this token.
fn opens(world: &World, gateway: &Gateway, token: &str) -> bool {
    Browser::new(world, gateway).send(&Asked::bearing("/mcp", token)).event["outcome"] == "allow"
}

fn assert_error(answered: &Answered, status: u16, error: &str, reason: &str) {
    let said = (answered.reply().status.as_u16(), answered.json()["error"].clone(), &answered.event["reason"]);
    assert_eq!(said, (status, json!(error), &json!(reason)), "{}", answered.event);
    assert_eq!(answered.event["outcome"], "deny");
    let headers = &answered.reply().headers;
    assert_eq!(
        (&headers["cache-control"], &headers["access-control-allow-origin"]),
        (&"private, no-store".parse().unwrap(), &"*".parse().unwrap())
    );
}

#[test]
fn a_code_becomes_tokens_that_open_their_resource_alone() {
    //
    let (world, gateway) = deployment(json!({ "access": "5m" }));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let answered = machine.send(&redeeming(&code(&browser, &[]), &[]));
    let tokens = answered.json();
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("Bearer"), &json!(300), &json!("docs:read"))
    );
    assert_eq!(
        (&answered.event["event"], &answered.event["reason"]),
        (&json!("agent.token"), &json!("agent.token_issued"))
    );
    assert_eq!((&answered.event["client_id"], &answered.event["subject"]), (&json!(CLIENT), &json!("alice")));
    let headers = &answered.reply().headers;
    assert_eq!(
        (&headers["cache-control"], &headers["access-control-allow-origin"]),
        (&"private, no-store".parse().unwrap(), &"*".parse().unwrap())
    );
    assert_eq!(headers.get("access-control-allow-credentials"), None);
    let access = text(&answered, "access_token");
    assert!(opens(&world, &gateway, &access));
    let other = machine.send(&Asked::bearing("/other", &access));
    assert_eq!(other.reply().status.as_u16(), 401);
    let refreshed = machine.send(&refreshing(&text(&answered, "refresh_token")));
    assert_eq!(
        (&refreshed.event["event"], &refreshed.event["reason"]),
        (&json!("agent.refresh"), &json!("agent.token_refreshed"))
    );
    assert!(opens(&world, &gateway, &text(&refreshed, "access_token")));
    assert!(!world.lines.borrow().iter().any(|line| line.contains("pstn_")) && !world.dump().contains("pstn_"));
    world.now.set(world.now.get() + 301);
    assert!(!opens(&world, &gateway, &access), "after its time");
}

#[test]
fn a_code_is_good_for_its_client_and_request_alone() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    const OTHER: &str = "https://other.example/c";
    publish(&world, OTHER, 200, &json!({ "client_id": OTHER, "client_name": "Other", "redirect_uris": [CALLBACK] }));
    let code = code(&browser, &[]);
    let wrong = "a".repeat(43);
    for (name, value, error, reason) in [
        ("client_id", Some(OTHER), "invalid_grant", "agent.other_client"),
        ("redirect_uri", Some("http://127.0.0.1/cb"), "invalid_grant", "agent.other_redirect_uri"),
        ("redirect_uri", None, "invalid_request", "agent.invalid_request"),
        ("code_verifier", Some(wrong.as_str()), "invalid_grant", "agent.other_verifier"),
        ("code_verifier", None, "invalid_request", "agent.invalid_request"),
        ("code_verifier", Some("short"), "invalid_request", "agent.invalid_request"),
        ("resource", Some("https://app.example.com/other"), "invalid_target", "agent.other_resource"),
        ("resource", Some("https://app.example.com/none"), "invalid_target", "agent.invalid_target"),
        ("code", Some("pstn_ac_x"), "invalid_grant", "agent.grant_forged"),
        ("code", None, "invalid_request", "agent.invalid_request"),
        ("grant_type", None, "invalid_request", "agent.invalid_request"),
        ("grant_type", Some("password"), "unsupported_grant_type", "agent.grant_type"),
        ("grant_type", Some("client_credentials"), "unsupported_grant_type", "agent.grant_type"),
        ("client_id", None, "invalid_request", "agent.invalid_request"),
        (
            "grant_type",
            Some("urn:ietf:params:oauth:grant-type:jwt-bearer"),
            "unsupported_grant_type",
            "agent.grant_type",
        ),
    ] {
        assert_error(&machine.send(&redeeming(&code, &[(name, value)])), 400, error, reason);
    }
    let secret = machine.send(&redeeming(&code, &[("client_secret", Some("x"))]));
    assert_error(&secret, 401, "invalid_client", "agent.client_method");
    let basic = machine.send(&redeeming(&code, &[]).with("authorization", "Basic eDp5"));
    assert_error(&basic, 401, "invalid_client", "agent.client_method");
    assert!(basic.reply().headers.contains_key("www-authenticate"), "RFC 6749 §5.2");
    let json = Asked::new("POST", TOKEN).with("content-type", "application/json").with_body(Ok("{}"));
    assert_error(&machine.send(&json), 400, "invalid_request", "agent.invalid_request");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", CLIENT),
        ("code_verifier", VERIFIER),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let other_type = Asked::new("POST", TOKEN).with("content-type", "text/plain").with_body(Ok(&body));
    assert_error(&machine.send(&other_type), 400, "invalid_request", "agent.invalid_request");
    // None of that has used it up.
    let said = machine.send(&redeeming(&code, &[("resource", Some(&resource()))]));
    assert_eq!(said.event["reason"], "agent.token_issued");
}

#[test]
fn a_code_is_good_for_a_minute_and_once_and_a_second_use_ends_the_grant() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let late = code(&browser, &[]);
    world.now.set(world.now.get() + 60);
    assert_error(&machine.send(&redeeming(&late, &[])), 400, "invalid_grant", "agent.grant_gone");
    let code = code(&browser, &[]);
    let first = machine.send(&redeeming(&code, &[]));
    let access = text(&first, "access_token");
    assert!(opens(&world, &gateway, &access));
    let second = machine.send(&redeeming(&code, &[]));
    assert_error(&second, 400, "invalid_grant", "agent.code_reused");
    assert_eq!(second.event["event"], "agent.reuse");
    assert!(!opens(&world, &gateway, &access));
    assert_error(&machine.send(&refreshing(&text(&first, "refresh_token"))), 400, "invalid_grant", "agent.grant_gone");
}

#[test]
fn of_fifty_that_have_one_code_one_gets_tokens() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let code = code(&browser, &[]);
    let machines: Vec<Browser<'_>> = (0..50).map(|_| Browser::new(&world, &gateway)).collect();
    let asked = redeeming(&code, &[]);
    let all = block_on(join_all(machines.iter().map(|machine| machine.send_later(&asked))));
    let winners: Vec<&Answered> = all.iter().filter(|answered| answered.reply().status.as_u16() == 200).collect();
    assert_eq!(winners.len(), 1);
    assert!(!opens(&world, &gateway, &text(winners[0], "access_token")), "a second use has ended the grant");
}

#[test]
fn of_many_that_refresh_at_once_all_get_the_same_successor_and_later_none() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let first = text(&machine.send(&redeeming(&code(&browser, &[]), &[])), "refresh_token");
    let machines: Vec<Browser<'_>> = (0..50).map(|_| Browser::new(&world, &gateway)).collect();
    let asked = refreshing(&first);
    let all = block_on(join_all(machines.iter().map(|machine| machine.send_later(&asked))));
    let next = text(&all[0], "refresh_token");
    assert!(next != first && all.iter().all(|answered| text(answered, "refresh_token") == next));
    world.now.set(world.now.get() + 11);
    let access = text(&machine.send(&refreshing(&next)), "access_token");
    world.now.set(world.now.get() + 11);
    let stolen = machine.send(&refreshing(&next));
    assert_error(&stolen, 400, "invalid_grant", "agent.refresh_reused");
    assert_eq!(stolen.event["event"], "agent.reuse");
    assert!(!opens(&world, &gateway, &access));
}

#[test]
fn a_grant_hands_out_only_so_many_tokens() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let mut token = text(&machine.send(&redeeming(&code(&browser, &[]), &[])), "refresh_token");
    for _ in 0..60 {
        token = text(&machine.send(&refreshing(&token)), "refresh_token");
    }
    let answered = machine.send(&refreshing(&token));
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!("limit.agent_tokens"), 429));
    assert_readable(&answered);
}

/// Whether a page of another origin learns what it is refused for, and when to come again.
#[track_caller]
fn assert_readable(answered: &Answered) {
    let headers = &answered.reply().headers;
    assert_eq!(headers["access-control-allow-origin"], "*", "{}", answered.event);
    assert!(headers.contains_key("retry-after"), "{}", answered.event);
    let exposed = headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("Retry-After"), "{exposed}");
}

#[test]
fn a_page_of_another_origin_may_read_why_it_gets_nothing_now() {
    //
    let (world, gateway) = deployment(json!({ "register": true }));
    let browser = Browser::new(&world, &gateway).signed_in();
    let code = code(&browser, &[]);
    world.fault.set(Fault::Sessions);
    let answered = browser.send(&redeeming(&code, &[]));
    assert_eq!(answered.reply().status.as_u16(), 503, "{}", answered.event);
    assert_readable(&answered);
    world.fault.set(Fault::None);
    let mut variables = with_agents(json!({ "register": true }));
    variables["LIMITS"]["own"] = json!({ "rate": "1/1h", "burst": 1 });
    let limited = crate::support::gateway(&variables);
    for path in [TOKEN, "/auth/agents/revoke", "/auth/agents/register"] {
        let machine = Browser::new(&world, &limited);
        machine.send(&post(path, &[]));
        let answered = machine.send(&post(path, &[]));
        assert_eq!(answered.reply().status.as_u16(), 429, "{}", answered.event);
        assert_readable(&answered);
    }
}

#[test]
fn a_client_gives_back_its_own_and_nobody_elses() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    const OTHER: &str = "https://other.example/c";
    publish(&world, OTHER, 200, &json!({ "client_id": OTHER, "client_name": "Other", "redirect_uris": [CALLBACK] }));
    let tokens = machine.send(&redeeming(&code(&browser, &[]), &[]));
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let revoke = |token: &str, client: &str| {
        machine.send(&post("/auth/agents/revoke", &[("token", token), ("client_id", client)]))
    };
    for (token, client) in [(refresh.as_str(), OTHER), ("pstn_rt_x", CLIENT), ("nothing", CLIENT)] {
        let answered = revoke(token, client);
        assert_eq!(
            (answered.reply().status.as_u16(), &answered.event["reason"]),
            (200, &json!("agent.nothing_revoked")),
            "{token}"
        );
        assert!(opens(&world, &gateway, &access));
    }
    let answered = revoke(&refresh, CLIENT);
    assert_eq!((answered.reply().status.as_u16(), &answered.event["event"]), (200, &json!("agent.revoked")));
    assert_eq!((&answered.event["ended"], answered.reply().body.as_str()), (&json!(1), ""));
    assert!(!opens(&world, &gateway, &access));
    assert_eq!(revoke(&access, CLIENT).event["reason"], "agent.nothing_revoked");
    assert_error(&machine.send(&refreshing(&refresh)), 400, "invalid_grant", "agent.grant_gone");
    let nothing = machine.send(&post("/auth/agents/revoke", &[("client_id", CLIENT)]));
    assert_error(&nothing, 400, "invalid_request", "agent.invalid_request");
}

#[test]
fn pages_of_any_origin_may_ask_for_tokens_and_no_cookie_counts() {
    //
    let (world, gateway) = deployment(json!({}));
    let machine = Browser::new(&world, &gateway);
    for path in [TOKEN, "/auth/agents/revoke", "/.well-known/oauth-authorization-server"] {
        let asked = Asked::new("OPTIONS", path).with("origin", "https://inspector.example");
        let answered = machine.send(&asked.with("access-control-request-method", "POST"));
        let headers = &answered.reply().headers;
        assert_eq!(
            (answered.reply().status.as_u16(), &headers["access-control-allow-origin"]),
            (204, &"*".parse().unwrap()),
            "{path}"
        );
        assert_eq!(headers.get("access-control-allow-credentials"), None);
    }
    assert_eq!(machine.send(&Asked::new("GET", TOKEN)).reply().status.as_u16(), 405);
    let authorize = machine.send(&Asked::new("OPTIONS", "/auth/agents/authorize").with("origin", "https://a.example"));
    assert_eq!(
        (authorize.reply().status.as_u16(), authorize.reply().headers.get("access-control-allow-origin")),
        (405, None)
    );
}

#[test]
fn a_grant_may_end_with_the_session_that_it_was_given_in() {
    //
    let (world, gateway) = deployment(json!({ "with_session": true }));
    let browser = Browser::new(&world, &gateway).signed_in();
    let page = super::agents_server::sent(&browser, &super::agents_server::authorize(&[]));
    assert!(!page.reply().body.contains("30 days"), "{}", page.reply().body);
    let question = super::agents_server::question(&page);
    let answered = browser.send(&super::agents_server::form(&question, "allow", "session"));
    let code = super::agents_server::told_of(&answered, "code").unwrap();
    let machine = Browser::new(&world, &gateway);
    let access = text(&machine.send(&redeeming(&code, &[])), "access_token");
    assert!(opens(&world, &gateway, &access));
    browser.send(&Asked::form("/auth/logout"));
    assert!(!browser.is_in() && !opens(&world, &gateway, &access));
}

/// What proves that a client has this key.
fn assertion(key: &Es256Signer, world: &World, change: impl FnOnce(&mut Value)) -> String {
    let now = world.now.get();
    let mut claims = json!({ "iss": CLIENT, "sub": CLIENT, "aud": ORIGIN, "jti": "1", "iat": now, "exp": now + 60 });
    change(&mut claims);
    key.sign(None, claims.as_object().unwrap())
}

fn public(key: &Es256Signer) -> Value {
    json!({ "keys": [key.public_jwk()] })
}

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn proving(code: &str, assertion: &str) -> Asked {
    redeeming(code, &[("client_assertion_type", Some(TYPE)), ("client_assertion", Some(assertion))])
}

#[test]
fn a_client_with_keys_proves_itself_and_only_once_by_one_assertion() {
    //
    let (world, gateway) = deployment(json!({}));
    let (key, other) = (signer_named(7, "one"), signer_named(8, "two"));
    let impostor = signer_named(9, "one");
    let keys_at = "https://client.example/jwks.json";
    let mut published = document();
    published["token_endpoint_auth_method"] = "private_key_jwt".into();
    published["jwks_uri"] = keys_at.into();
    publish(&world, CLIENT, 200, &published);
    publish(&world, keys_at, 200, &public(&key));
    let browser = Browser::new(&world, &gateway).signed_in();
    let machine = Browser::new(&world, &gateway);
    let code = code(&browser, &[]);
    assert_error(&machine.send(&redeeming(&code, &[])), 401, "invalid_client", "agent.client_unproven");
    let wrong = [
        (assertion(&impostor, &world, |_| {}), "jwt.bad_signature"),
        (assertion(&key, &world, |claims| claims["aud"] = "https://other.example".into()), "agent.assertion_audience"),
        (
            assertion(&key, &world, |claims| claims["sub"] = "https://other.example/c".into()),
            "agent.assertion_of_another",
        ),
        (assertion(&key, &world, |claims| claims["exp"] = json!(1)), "agent.assertion_exp"),
        ("x".to_owned(), "jwt.malformed"),
    ];
    for (assertion, reason) in wrong {
        assert_error(&machine.send(&proving(&code, &assertion)), 401, "invalid_client", reason);
    }
    let typed = redeeming(&code, &[("client_assertion_type", Some("x")), ("client_assertion", Some("y"))]);
    assert_error(&machine.send(&typed), 401, "invalid_client", "agent.client_method");
    let good = assertion(&key, &world, |_| {});
    let untyped = redeeming(&code, &[("client_assertion", Some(&good))]);
    assert_error(&machine.send(&untyped), 400, "invalid_request", "agent.invalid_request");
    // Whom it does not name is asked for no keys again so soon.
    let early = assertion(&other, &world, |claims| claims["jti"] = "early".into());
    let fetches = world.sent.borrow().len();
    assert_error(&machine.send(&proving(&code, &early)), 401, "invalid_client", "jwt.key_unknown");
    assert_eq!(world.sent.borrow().len(), fetches);
    assert_eq!(machine.send(&proving(&code, &good)).event["reason"], "agent.token_issued");
    assert_error(&machine.send(&proving(&code, &good)), 401, "invalid_client", "agent.assertion_reused");
    // The client has another key since.
    publish(&world, keys_at, 200, &public(&other));
    world.now.set(world.now.get() + 120);
    let code = super::agents_server::code(&browser, &[]);
    let fresh = assertion(&other, &world, |claims| claims["jti"] = "2".into());
    let answered = machine.send(&proving(&code, &fresh));
    assert_eq!(answered.event["reason"], "agent.token_issued");
    let unknown = assertion(&signer_named(6, "three"), &world, |claims| claims["jti"] = "3".into());
    assert_error(&machine.send(&proving(&code, &unknown)), 401, "invalid_client", "jwt.key_unknown");
    // An assertion for one endpoint is none for the other.
    let revoke = |place: &str, jti: &str| {
        let proof = assertion(&other, &world, |claims| {
            claims["aud"] = format!("{ORIGIN}{place}").into();
            claims["jti"] = jti.into();
        });
        let typ = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let token = text(&answered, "access_token");
        let fields = [("token", token.as_str()), ("client_assertion_type", typ), ("client_assertion", &proof)];
        machine.send(&post("/auth/agents/revoke", &fields))
    };
    assert_error(&revoke(TOKEN, "4"), 401, "invalid_client", "agent.assertion_audience");
    assert_eq!(revoke("/auth/agents/revoke", "5").event["reason"], "agent.revoked");
}

#[test]
fn tokens_are_bound_to_the_key_that_the_client_proves() {
    //
    let (world, gateway) = deployment(json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let (machine, client) = (Machine::new(3), Browser::new(&world, &gateway));
    let proof =
        |key: &Machine, jti: &str| key.proof(&world, TOKEN, "", &json!({ "htm": "POST", "ath": null, "jti": jti }));
    let code = code(&browser, &[]);
    let asked = redeeming(&code, &[]);
    let bad = client.send(&redeeming(&code, &[]).with("dpop", "x"));
    assert_error(&bad, 400, "invalid_dpop_proof", "dpop.not_verified");
    let first_proof = proof(&machine, "1");
    let answered = client.send(&asked.with("dpop", &first_proof));
    assert_eq!(answered.json()["token_type"], "DPoP", "{}", answered.event);
    let (access, refresh) = (text(&answered, "access_token"), text(&answered, "refresh_token"));
    assert!(!opens(&world, &gateway, &access), "without its key");
    assert_error(&client.send(&refreshing(&refresh)), 400, "invalid_grant", "agent.other_key");
    let replayed = client.send(&refreshing(&refresh).with("dpop", &first_proof));
    assert_error(&replayed, 400, "invalid_dpop_proof", "dpop.replayed");
    let other = client.send(&refreshing(&refresh).with("dpop", &proof(&Machine::new(4), "2")));
    assert_error(&other, 400, "invalid_grant", "agent.other_key");
    let again = client.send(&refreshing(&refresh).with("dpop", &proof(&machine, "3")));
    assert_eq!(
        (&again.event["reason"], &again.json()["token_type"]),
        (&json!("agent.token_refreshed"), &json!("DPoP"))
    );
}
