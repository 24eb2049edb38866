//! Opaque access tokens: the issuer is asked, its word is checked, kept for a while, and never guessed.

use postern::gateway::Gateway;
use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::ports::{FetchError, OutboundResponse};
use serde_json::{Value, json};

use super::token_cache::assert_each_answers_for_its_owner;
use crate::support::{Answered, Asked, Browser, CANARY, CORP, Endpoint, PARTNER, World, answer, gateway, variables};

const API: &str = "https://api.example.com";

/// The usual deployment, where `partner` issues opaque tokens, and `corp` signed ones.
fn opaque() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "partner": { "issuer": PARTNER, "audience": API, "tokens": "opaque", "client_id": "api" },
        "corp": { "issuer": CORP, "audience": API, "algs": ["ES256"] },
    });
    variables["ROUTES"]["/v1/{*rest}"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    variables["ROUTES"]["/corp"] =
        json!({ "upstream": "service:API", "authenticate": ["bearer"], "require": { "issuers": ["corp"] } });
    variables["ROUTES"]["/read"] = json!({ "upstream": "service:API", "authenticate": ["bearer"], "require": { "scopes": ["read"] }, "token": "relay" });
    variables
}

fn with(key: &str, value: Value) -> Value {
    let mut variables = opaque();
    variables["ISSUERS"]["partner"][key] = value;
    variables
}

/// An opaque token of `partner`'s, of which this is said; `null` takes a member away.
fn token(world: &World, name: &str, changes: &Value) -> String {
    let now = world.now.get();
    let mut said = json!({
        "active": true, "iss": PARTNER, "aud": API, "sub": "alice", "client_id": "reporter", "scope": "read write",
        "token_type": "Bearer", "iat": now, "exp": now + 3600,
    });
    let members = said.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    let token = format!("{name}-{CANARY}");
    world.partner.opaque.borrow_mut().insert(token.clone(), said);
    token
}

fn call(world: &World, gateway: &Gateway, token: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::bearing("/v1/a", token))
}

fn questions(world: &World) -> usize {
    world.asked(Endpoint::Introspection)
}

fn script(world: &World, answer: Result<OutboundResponse, FetchError>) {
    world.partner.script(Endpoint::Introspection, answer);
}

fn labelled(content_type: &'static str, body: &str) -> OutboundResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    OutboundResponse { status: StatusCode::OK, headers, body: body.as_bytes().to_vec() }
}

#[test]
fn an_opaque_token_is_what_its_issuer_says_and_is_asked_about_once() {
    // R-119, R-120
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let token = token(&world, "alice", &json!({}));
    let first = call(&world, &gateway, &token);
    assert!(first.forwarded().private);
    let event = &first.event;
    assert_eq!(
        (&event["token_issuer"], &event["issuer"], &event["subject"]),
        (&json!("partner"), &json!(PARTNER), &json!("alice"))
    );
    assert_eq!(
        (&event["kind"], &event["client_id"], &event["means"]),
        (&json!("human"), &json!("reporter"), &json!("bearer"))
    );
    assert_eq!(event["remembered"], Value::Null);
    let again = call(&world, &gateway, &token);
    assert_eq!((&again.event["remembered"], &again.event["subject"]), (&json!(true), &json!("alice")));
    assert_eq!((questions(&world), world.asked(Endpoint::Metadata), world.asked(Endpoint::Keys)), (1, 1, 0));
    let sent = world.sent.borrow();
    let question = sent.iter().find(|request| request.url == format!("{PARTNER}/introspect")).unwrap();
    assert!(question.method == "POST" && question.headers[header::AUTHORIZATION].is_sensitive());
    assert_eq!((question.max_bytes, question.timeout.get()), (16 * 1024, 10));
}

#[test]
fn an_endpoint_that_is_configured_is_asked_without_discovery() {
    let (world, gateway) =
        (World::new(), gateway(&with("introspection_endpoint", format!("{PARTNER}/introspect").into())));
    call(&world, &gateway, &token(&world, "alice", &json!({}))).forwarded();
    assert_eq!((questions(&world), world.asked(Endpoint::Metadata)), (1, 0));
}

#[test]
fn scopes_count_and_the_token_is_relayed_where_that_is_configured() {
    // R-113, R-117
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let (good, poor) = (token(&world, "good", &json!({})), token(&world, "poor", &json!({ "scope": "readx" })));
    let browser = Browser::new(&world, &gateway);
    let answered = browser.send(&Asked::bearing("/read", &good));
    assert_eq!(answered.forwarded().headers["authorization"], format!("Bearer {good}"));
    browser.send(&Asked::bearing("/read", &poor)).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn a_clients_own_token_is_a_service() {
    // R-118
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let event = call(&world, &gateway, &token(&world, "robot", &json!({ "sub": null }))).event;
    assert_eq!((&event["kind"], &event["subject"]), (&json!("service"), &json!("reporter")));
}

#[test]
fn what_is_said_of_a_token_is_checked_and_a_bad_one_is_refused_for_a_moment_unasked() {
    // R-103, R-106, R-113, R-116, R-119, R-120
    let now = World::new().now.get();
    let near = |claim: &str, found: i64| format!("{claim}: expected a time near {now}, found `{found}`");
    for (changes, reason, detail) in [
        (json!({ "active": false }), "introspection.inactive", ""),
        (json!({ "iss": CORP }), "introspection.iss_mismatch", &format!("iss: expected `{PARTNER}`, found `{CORP}`")),
        (
            json!({ "aud": "https://other.example" }),
            "introspection.aud_mismatch",
            &format!("aud: expected `{API}`, found `https://other.example`"),
        ),
        (json!({ "aud": null }), "introspection.aud_missing", &format!("aud: expected `{API}`, found nothing")),
        (
            json!({ "token_type": "refresh_token" }),
            "introspection.token_type_refused",
            "token_type: expected `bearer` or `dpop`, found `refresh_token`",
        ),
        (json!({ "token_type": "DPoP" }), "introspection.dpop_key_missing", "cnf: expected a `jkt`, found nothing"),
        (
            json!({ "exp": now - 60 }),
            "introspection.expired",
            &format!("exp: expected a time after {now}, found `{}`", now - 60),
        ),
        (json!({ "nbf": now + 90 }), "introspection.not_yet_valid", &near("nbf", now + 90)),
        (json!({ "iat": now + 90 }), "introspection.iat_in_future", &near("iat", now + 90)),
        (json!({ "sub": 7 }), "introspection.sub_malformed", "sub"),
        (json!({ "sub": "", "username": "alice" }), "introspection.sub_malformed", "sub"),
    ] {
        let (world, gateway) = (World::new(), gateway(&opaque()));
        let token = token(&world, "odd", &changes);
        for round in 0..3 {
            let answered = call(&world, &gateway, &token);
            // What was refused a moment ago is known by its reason alone.
            let told = answered.event["detail"].as_str().unwrap_or_default();
            assert_eq!(told, if round == 0 { detail } else { "" }, "{reason}");
            answered.assert_refused(401, reason);
            let challenge = answered.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap();
            assert!(challenge.starts_with(r#"Bearer error="invalid_token""#), "{challenge}");
        }
        assert_eq!(questions(&world), 1, "{reason}");
        world.wait(10);
        call(&world, &gateway, &token).assert_refused(401, reason);
        assert_eq!(questions(&world), 2, "{reason}");
    }
}

#[test]
fn an_actor_that_cannot_be_read_is_nobody() {
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let answered = call(&world, &gateway, &token(&world, "odd", &json!({ "act": "x" })));
    answered.assert_refused(401, "access_token.act_malformed");
    assert_eq!(answered.event["detail"], "act: found `x`");
}

#[test]
fn a_bound_token_is_not_taken_for_a_plain_one() {
    // R-130, R-136, R-145
    let (world, gateway) = (World::new(), gateway(&opaque()));
    for cnf in [json!({ "jkt": "x" }), json!({ "unknown": "x" }), json!({})] {
        let token = token(&world, "bound", &json!({ "cnf": cnf, "jti": cnf.to_string() }));
        for _ in 0..2 {
            let answered = call(&world, &gateway, &token);
            assert_eq!(answered.reply().status, 401, "{}", answered.event);
        }
        world.wait(60);
    }
}

#[test]
fn an_answer_that_says_nothing_of_the_token_is_a_fault_of_ours() {
    // R-119
    let doubled = format!(r#"{{"active":false,"active":true,"sub":"alice","aud":"{API}"}}"#);
    for (scripted, reason) in [
        (Ok(answer(200, &json!({ "active": "true", "sub": "alice", "aud": API }))), "introspection.active_malformed"),
        (Ok(answer(200, &json!({ "active": 1, "sub": "alice", "aud": API }))), "introspection.active_malformed"),
        (Ok(answer(200, &json!({ "sub": "alice", "aud": API }))), "introspection.active_malformed"),
        (Ok(labelled("application/json", &doubled)), "introspection.not_json"),
        (Ok(labelled("text/html", r#"{"active":true}"#)), "introspection.not_json"),
        (Ok(answer(401, &json!({ "active": true }))), "introspection.client_refused"),
        (Ok(answer(302, &json!({ "active": true }))), "introspection.unexpected_status"),
        (Ok(answer(500, &json!({ "active": true }))), "introspection.unexpected_status"),
        (Ok(answer(503, &json!({ "active": true }))), "introspection.unexpected_status"),
        (Err(FetchError::Timeout), "provider.timeout"),
        (Err(FetchError::Network), "provider.unreachable"),
        (Err(FetchError::TooLarge), "provider.answer_too_large"),
    ] {
        let (world, gateway) = (World::new(), gateway(&opaque()));
        let token = token(&world, "alice", &json!({}));
        script(&world, scripted);
        let answered = call(&world, &gateway, &token);
        answered.assert_refused(503, reason);
        assert_eq!(answered.reply().headers[header::RETRY_AFTER], "10");
        assert!(!answered.reply().headers.contains_key(header::WWW_AUTHENTICATE), "the token is not to blame");
        world.partner.recover();
        world.wait(5);
        call(&world, &gateway, &token).forwarded();
    }
}

#[test]
fn an_issuer_that_does_not_say_where_to_ask_lets_nobody_in() {
    let (world, gateway) = (World::new(), gateway(&opaque()));
    world.partner.metadata.borrow_mut().as_object_mut().unwrap().remove("introspection_endpoint");
    let token = token(&world, "alice", &json!({}));
    call(&world, &gateway, &token).assert_refused(503, "metadata.member_missing");
    assert_eq!(questions(&world), 0);
}

#[test]
fn a_revoked_token_is_refused_when_the_issuers_word_has_run_out_and_no_later() {
    // R-120, R-145
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let token = token(&world, "alice", &json!({}));
    call(&world, &gateway, &token).forwarded();
    world.partner.opaque.borrow_mut().clear();
    world.wait(59);
    call(&world, &gateway, &token).forwarded();
    world.wait(1);
    call(&world, &gateway, &token).assert_refused(401, "introspection.inactive");
}

#[test]
fn the_issuers_word_counts_for_as_long_as_configured_and_never_past_the_tokens_end() {
    // R-103, R-120
    let (world, gateway) = (World::new(), gateway(&with("cache", json!("1h"))));
    let token = token(&world, "alice", &json!({ "exp": world.now.get() + 100 }));
    call(&world, &gateway, &token).forwarded();
    world.wait(100 + 59);
    call(&world, &gateway, &token).forwarded();
    assert_eq!(questions(&world), 1);
    world.wait(1);
    call(&world, &gateway, &token).assert_refused(401, "introspection.expired");
    assert_eq!(questions(&world), 2);
}

#[test]
fn without_a_cache_every_request_asks() {
    // R-120, R-145
    let (world, gateway) = (World::new(), gateway(&with("cache", json!("0s"))));
    let token = token(&world, "alice", &json!({}));
    for asked in 1..=3 {
        call(&world, &gateway, &token).forwarded();
        assert_eq!(questions(&world), asked);
    }
    world.partner.opaque.borrow_mut().clear();
    for asked in 4..=5 {
        call(&world, &gateway, &token).assert_refused(401, "introspection.inactive");
        assert_eq!(questions(&world), asked);
    }
}

#[test]
fn while_the_issuer_is_down_known_tokens_work_and_others_wait() {
    // R-119, R-120
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let (known, fresh) = (token(&world, "known", &json!({})), token(&world, "fresh", &json!({})));
    call(&world, &gateway, &known).forwarded();
    script(&world, Err(FetchError::Timeout));
    call(&world, &gateway, &fresh).assert_refused(503, "provider.timeout");
    call(&world, &gateway, &fresh).assert_refused(503, "introspection.paused");
    call(&world, &gateway, &known).forwarded();
    assert_eq!(questions(&world), 2);
    world.wait(60);
    call(&world, &gateway, &known).assert_refused(503, "provider.timeout");
    world.partner.recover();
    world.wait(5);
    call(&world, &gateway, &known).forwarded();
    call(&world, &gateway, &fresh).forwarded();
}

#[test]
fn an_issuer_that_takes_too_long_is_left_alone_from_when_that_is_known() {
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let (one, other) = (token(&world, "one", &json!({})), token(&world, "other", &json!({})));
    script(&world, Err(FetchError::Timeout));
    world.latency.set(10);
    call(&world, &gateway, &one).assert_refused(503, "provider.timeout");
    world.wait(4);
    call(&world, &gateway, &other).assert_refused(503, "introspection.paused");
    world.wait(1);
    call(&world, &gateway, &other).assert_refused(503, "provider.timeout");
}

#[test]
fn the_issuers_word_counts_from_when_it_was_asked() {
    // R-120
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let token = token(&world, "alice", &json!({}));
    world.latency.set(9);
    call(&world, &gateway, &token).forwarded();
    world.latency.set(0);
    world.wait(40);
    call(&world, &gateway, &token).forwarded();
    assert_eq!(questions(&world), 1);
    world.wait(11);
    call(&world, &gateway, &token).forwarded();
    assert_eq!(questions(&world), 2);
}

#[test]
fn made_up_tokens_keep_neither_the_issuer_busy_nor_anybody_out() {
    // R-119, R-120
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let (known, fresh) = (token(&world, "known", &json!({})), token(&world, "fresh", &json!({})));
    let browser = Browser::new(&world, &gateway);
    let attack =
        |number: usize| browser.send(&Asked::bearing("/v1/a", &format!("made-up-{number}")).at_address("203.0.113.7"));
    browser.send(&Asked::bearing("/v1/a", &known).at_address("203.0.113.7")).forwarded();
    for number in 0..100 {
        attack(number).assert_refused(401, "introspection.inactive");
    }
    for number in 100..1000 {
        attack(number).assert_refused(503, "introspection.too_many");
        world.lines.borrow_mut().clear();
    }
    assert_eq!(questions(&world), 101);
    browser.send(&Asked::bearing("/v1/a", &known).at_address("203.0.113.7")).forwarded();
    call(&world, &gateway, &fresh).forwarded();
    assert_eq!(questions(&world), 102);
}

#[test]
fn a_text_that_is_no_token_is_shown_to_nobody() {
    // R-100
    let (world, gateway) = (World::new(), gateway(&opaque()));
    call(&world, &gateway, &"a".repeat(4097)).assert_refused(401, "introspection.no_token");
    assert_eq!((questions(&world), world.sent.borrow().len()), (0, 0));
}

#[test]
fn a_jwt_is_shown_to_no_issuer_but_its_own() {
    // R-105
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let now = world.now.get();
    let signed = |iss: &str| {
        let claims = json!({
            "iss": iss, "aud": API, "sub": "carol", "client_id": "app", "jti": "j", "iat": now, "exp": now + 300,
        });
        world.corp.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap())
    };
    call(&world, &gateway, &signed("https://elsewhere.example")).assert_refused(401, "bearer.issuer_unknown");
    assert_eq!(call(&world, &gateway, &signed(CORP)).event["token_issuer"], "corp");
    call(&world, &gateway, "eyJhbGciOiJub25lIn0.e30.").assert_refused(401, "jwt.malformed");
    assert_eq!(questions(&world), 0);
    // One that its issuer wants to be asked about is asked about.
    call(&world, &gateway, &signed(PARTNER)).assert_refused(401, "introspection.inactive");
    assert_eq!(questions(&world), 1);
}

#[test]
fn where_no_issuer_of_opaque_tokens_is_taken_none_is_asked() {
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let token = token(&world, "alice", &json!({}));
    call(&world, &gateway, &token).forwarded();
    Browser::new(&world, &gateway).send(&Asked::bearing("/corp", &token)).assert_refused(401, "jwt.malformed");
    assert_eq!(questions(&world), 1);
}

#[test]
fn everybodys_token_answers_for_its_owner_alone_also_at_the_same_time() {
    let (world, gateway) = (World::new(), gateway(&opaque()));
    let people: Vec<String> = (0..20).map(|number| format!("person-{number}")).collect();
    let tokens: Vec<String> = people.iter().map(|sub| token(&world, sub, &json!({ "sub": sub }))).collect();
    assert_each_answers_for_its_owner(&Browser::new(&world, &gateway), &tokens, &people);
}
