//! What the log tells: enough to mend what is wrong, and nothing that would let anybody in.

use postern::http::StatusCode;
use postern::ports::FetchError;
use postern::refusal::Reason;
use serde_json::{Value, json};

use crate::bearer;
use crate::renewal::{LIFE, api, events};
use crate::support::{Answered, Asked, Browser, CANARY, Endpoint, World, answer, gateway, signer, variables};

/// A login that ends as the provider was prepared to have it end.
fn login(prepare: impl Fn(&World)) -> Answered {
    let (world, gateway) = (World::new(), gateway(&variables()));
    prepare(&world);
    Browser::new(&world, &gateway).login()
}

fn claims(name: &'static str, value: Value) -> Box<dyn Fn(&World)> {
    Box::new(move |world| {
        let value = value.clone();
        world.corp.bend_claims(move |claims| claims[name] = value.clone());
    })
}

fn token(scripted: Result<postern::ports::OutboundResponse, FetchError>) -> Box<dyn Fn(&World)> {
    Box::new(move |world| world.corp.script(Endpoint::Token, scripted.clone()))
}

fn tokens(name: &'static str, value: Value) -> Box<dyn Fn(&World)> {
    Box::new(move |world| {
        let value = value.clone();
        world.corp.bend_tokens(move |tokens| tokens[name] = value.clone());
    })
}

#[test]
fn every_reason_that_is_a_providers_has_its_detail() {
    let now = 1_800_000_000;
    type Case = (Box<dyn Fn(&World)>, &'static str, &'static str);
    let other_key = || -> Box<dyn Fn(&World)> { Box::new(|world| *world.corp.key.borrow_mut() = signer(9)) };
    let cases: Vec<Case> = vec![
        (token(Err(FetchError::Timeout)), "provider.timeout", "token"),
        (token(Ok(answer(500, &Value::Null))), "token.server_error", "500"),
        (token(Ok(answer(504, &Value::Null))), "token.answer_lost", "504"),
        (token(Ok(answer(400, &json!({ "error": "invalid_grant" })))), "token.invalid_grant", "invalid_grant"),
        (token(Ok(answer(401, &json!({})))), "token.invalid_client", "401"),
        (tokens("token_type", json!("mac")), "token.type_unknown", "token_type"),
        (tokens("access_token", json!(7)), "token.member_missing", "access_token"),
        (
            claims("iss", json!("https://evil.example")),
            "id_token.iss_mismatch",
            "iss: expected `https://login.corp.example/t1`, found `https://evil.example`",
        ),
        (claims("aud", json!("other")), "id_token.aud_mismatch", "aud: expected `app`, found `other`"),
        (claims("aud", json!(7)), "id_token.aud_malformed", "aud: expected `app`, found `7`"),
        (claims("azp", json!("other")), "id_token.azp_mismatch", "azp: expected `app`, found `other`"),
        (
            claims("exp", json!(now - 3600)),
            "id_token.expired",
            "exp: expected a time after 1800000000, found `1799996400`",
        ),
        (
            claims("iat", json!(now - 3600)),
            "id_token.iat_too_old",
            "iat: expected a time near 1800000000, found `1799996400`",
        ),
        (
            claims("iat", json!(now + 3600)),
            "id_token.iat_in_future",
            "iat: expected a time near 1800000000, found `1800003600`",
        ),
        (claims("nonce", json!("planted")), "id_token.nonce_mismatch", "nonce"),
        (claims("at_hash", json!("planted")), "id_token.at_hash_mismatch", "at_hash"),
        (claims("sub", json!("")), "id_token.sub_malformed", "sub"),
        (
            claims("auth_time", json!("soon")),
            "id_token.auth_time_malformed",
            "auth_time: expected a time near 1800000000, found `soon`",
        ),
        (claims("events", json!({})), "id_token.events_present", "events"),
        (other_key(), "jwt.key_unknown", "found a kid, alg: found `ES256`"),
    ];
    for (prepare, reason, detail) in cases {
        let event = login(&prepare).event;
        assert_eq!((&event["reason"], &event["detail"]), (&json!(reason), &json!(detail)));
    }
}

#[test]
fn an_algorithm_that_is_not_allowed_is_named_beside_those_that_are() {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["id_token_algs"] = json!(["RS256", "PS256"]);
    let (world, gateway) = (World::new(), gateway(&variables));
    let event = Browser::new(&world, &gateway).login().event;
    assert_eq!(event["reason"], "jwt.alg_not_allowed");
    assert_eq!(event["detail"], "alg: expected `RS256` or `PS256`, found `ES256`");
}

#[test]
fn metadata_of_another_issuer_is_told_by_its_name() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.metadata.borrow_mut()["issuer"] = json!("https://login.corp.example/t1/");
    let answered = Browser::new(&world, &gateway).go("/auth/login");
    answered.assert_refused(503, "metadata.issuer_mismatch");
    assert_eq!(answered.event["detail"], "found `https://login.corp.example/t1/`");
    assert!(!answered.reply().body.contains("login.corp.example/t1/"));
}

#[test]
fn a_refresh_and_a_logout_token_tell_the_same() {
    let world = crate::renewal::world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["aud"] = json!("other"));
    world.wait(LIFE);
    browser.send(&api());
    let refreshed = &events(&world, "session.refresh")[0];
    assert_eq!(refreshed["detail"], "aud: expected `app`, found `other`");
    assert_eq!(refreshed["session"].as_str().map(str::len), Some(16));
    let logout_token =
        world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "alice", "aud": "other" }));
    let notice = Asked::new("POST", "/auth/backchannel-logout/corp")
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(Ok(&format!("logout_token={logout_token}")));
    let event = browser.send(&notice).event;
    assert_eq!(
        (&event["reason"], &event["detail"]),
        (&json!("logout_token.aud_mismatch"), &json!("aud: expected `app`, found `other`"))
    );
}

#[test]
fn an_access_token_that_is_refused_tells_why() {
    let (world, gateway) = (World::new(), gateway(&bearer::with_issuers()));
    let browser = Browser::new(&world, &gateway);
    let sent =
        |changes: Value| browser.send(&Asked::bearing("/v1/a", &bearer::token(&world, Some("at+jwt"), &changes))).event;
    let event = sent(json!({ "aud": "https://other.example" }));
    assert_eq!(event["reason"], "access_token.aud_mismatch");
    let detail = event["detail"].as_str().unwrap();
    assert!(detail.starts_with("aud: expected `") && detail.ends_with("found `https://other.example`"), "{event}");
    let event = sent(json!({ "iss": "https://evil.example" }));
    assert_eq!(event["reason"], "bearer.issuer_unknown");
    assert_eq!(event["detail"], "iss: found `https://evil.example`");
}

/// A deployment whose roles are the groups of the ID token.
fn by_groups() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["groups"]);
    variables["ROUTES"]["/staff"] = json!({ "upstream": "service:API", "require": { "roles": ["admin"] } });
    variables
}

#[test]
fn groups_that_the_provider_left_out_are_told_apart_from_groups_that_nobody_has() {
    let overage = json!({ "_claim_names": { "groups": "src1", "address": "src2" }, "_claim_sources": { "src1": { "endpoint": "https://graph.example" } } });
    for said in [overage, json!({ "hasgroups": true }), json!({ "hasgroups": "true" })] {
        let (world, gateway) = (World::new(), gateway(&by_groups()));
        let more = said.clone();
        world.corp.bend_claims(move |claims| claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone()));
        let browser = Browser::new(&world, &gateway);
        assert_eq!(browser.login().event["left_out"], json!(["groups"]), "{said}");
        let refused = browser.send(&Asked::script("GET", "/staff"));
        refused.assert_refused(403, "authz.role_missing");
        assert_eq!(refused.event["left_out"], json!(["groups"]), "{said}");
        assert_eq!(
            refused.event["detail"],
            "expected `admin`, found none; its issuer left `groups` out, as it says in `_claim_names`"
        );
    }
    // Of those that are there nothing is said, nor of claims that nobody looks at.
    let (world, gateway) = (World::new(), gateway(&by_groups()));
    world.corp.bend_claims(|claims| {
        claims["groups"] = json!(["user"]);
        claims["_claim_names"] = json!({ "groups": "src1", "address": "src2" });
    });
    let browser = Browser::new(&world, &gateway);
    assert!(browser.login().event.get("left_out").is_none());
    let refused = browser.send(&Asked::script("GET", "/staff"));
    assert_eq!(
        (&refused.event["detail"], &refused.event["roles"]),
        (&json!("expected `admin`, found `user`"), &json!(["user"]))
    );
}

#[test]
fn an_event_names_session_roles_and_country_and_no_cookie_can_be_made_of_it() {
    let (world, gateway) = (World::new(), gateway(&by_groups()));
    let many: Vec<String> = (0..20).map(|number| format!("group-{number}-{}", "x".repeat(100))).collect();
    world.corp.bend_claims(move |claims| claims["groups"] = json!(many));
    let browser = Browser::new(&world, &gateway);
    let begun = browser.login().event;
    let read = browser.go("/app/a").event;
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    let ended = browser.send(&Asked::script("POST", "/auth/logout")).event;
    for event in [&begun, &read, &ended] {
        assert_eq!(event["session"], listed["sessions"][0]["id"], "{event}");
        assert_eq!(event["country"], "PT", "{event}");
    }
    for event in [begun, read] {
        let roles = event["roles"].as_array().unwrap();
        assert!(roles.len() == 16 && roles.iter().all(|role| role.as_str().unwrap().len() == 64), "{event}");
        // As the name of a session it opens nothing.
        browser.plant("__Host-postern", event["session"].as_str().unwrap());
        browser.send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.cookie_forged");
    }
}

#[test]
fn the_event_of_a_request_that_was_sent_on_has_the_upstreams_status() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let sent_on = browser.go("/app/a");
    assert_eq!((&sent_on.event["status"], &sent_on.event["upstream_status"]), (&json!(200), &json!(200)));
    let plan = sent_on.forwarded();
    for (answered, outcome, status, upstream, reason) in [
        (Ok(StatusCode::BAD_GATEWAY), "allow", 502, json!(502), "authz.requirements_met"),
        (Ok(StatusCode::NOT_FOUND), "allow", 404, json!(404), "authz.requirements_met"),
        (Err(Reason::UpstreamUnreachable), "deny", 502, Value::Null, "upstream.unreachable"),
        (Err(Reason::UpstreamTimeout), "deny", 504, Value::Null, "upstream.timeout"),
        (Err(Reason::NoFile), "deny", 404, Value::Null, "upstream.no_file"),
    ] {
        world.take_events();
        gateway.forwarded(&world, plan, answered.as_ref().copied());
        let events = world.take_events();
        assert_eq!(events.len(), 1);
        let event = &events[0];
        assert_eq!(
            (&event["outcome"], &event["status"], &event["reason"]),
            (&json!(outcome), &json!(status), &json!(reason))
        );
        assert_eq!(
            (event.get("upstream_status").unwrap_or(&Value::Null), &event["subject"]),
            (&upstream, &json!("alice"))
        );
    }
}

#[test]
fn the_event_of_a_request_whose_client_went_away_has_no_status_of_the_upstreams() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let sent_on = browser.go("/app/a");
    world.take_events();
    gateway.abandoned(&world, sent_on.forwarded());
    let events = world.take_events();
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["outcome"], &events[0]["subject"]), (&json!("allow"), &json!("alice")));
    assert_eq!(events[0].get("upstream_status"), None);
}

#[test]
fn what_a_provider_says_is_told_without_any_code_or_token() {
    //
    let answered = login(|world| {
        let says = json!({ "error": "invalid_grant", "error_description": "code SplxlOBeZQQYbYS6WxSbIA and eyJhbGciOiJSUzI1NiJ9.e30.x are\r\nbad" });
        world.corp.script(Endpoint::Token, Ok(answer(400, &says)));
    });
    assert_eq!(answered.event["provider_says"], "code … and ….e30.x are bad");
    assert!(!answered.event.to_string().contains(CANARY));
}
