//! Metadata and keys: how they are fetched, kept, shared, and done without.

use futures::executor::block_on;
use futures::future::join_all;
use postern::http::header;
use postern::ports::{FetchError, OutboundResponse};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, Endpoint, World, answer, gateway, signer, variables};

const HOUR: i64 = 3600;

/// A login by a browser that was never here before.
fn login(world: &World, gateway: &postern::gateway::Gateway) -> Answered {
    Browser::new(world, gateway).login()
}

#[track_caller]
fn assert_succeeds(world: &World, gateway: &postern::gateway::Gateway) {
    assert_eq!(login(world, gateway).event["reason"], "login.succeeded");
}

/// How often metadata and keys were fetched.
fn fetches(world: &World) -> (usize, usize) {
    (world.asked(Endpoint::Metadata), world.asked(Endpoint::Keys))
}

#[test]
fn documents_are_fetched_where_the_issuer_says_without_credentials_and_once() {
    // R-001, R-006
    let (world, gateway) = (World::new(), gateway(&variables()));
    for _ in 0..10 {
        assert_succeeds(&world, &gateway);
    }
    assert_eq!(fetches(&world), (1, 1));
    let sent = world.sent.borrow();
    assert_eq!(sent[0].url, format!("{CORP}/.well-known/openid-configuration"));
    assert_eq!(sent[1].url, format!("{CORP}/token"));
    assert_eq!(sent[2].url, format!("{CORP}/jwks"));
    for request in [&sent[0], &sent[2]] {
        assert!(!request.headers.contains_key(header::COOKIE) && !request.headers.contains_key(header::AUTHORIZATION));
        assert_eq!((request.max_bytes, request.timeout.get()), (256 * 1024, 10));
    }
}

#[test]
fn metadata_that_is_not_this_issuers_or_not_usable_starts_no_login() {
    // R-002, R-005, R-019
    let bend = |name: &str, value: Value, reason: &str| {
        let (world, gateway) = (World::new(), gateway(&variables()));
        world.corp.metadata.borrow_mut()[name] = value;
        let browser = Browser::new(&world, &gateway);
        let answered = browser.go("/auth/login");
        answered.assert_refused(503, reason);
        assert_eq!(browser.logins_under_way().len(), 0);
    };
    for issuer in [
        format!("{CORP}/"),
        CORP.replace("login", "LOGIN"),
        CORP.replace("https", "http"),
        CORP.replace("t1", "t2"),
        CORP.replace(".example", ".example:443"),
        CORP.replace('o', "\u{43e}"),
    ] {
        bend("issuer", issuer.into(), "metadata.issuer_mismatch");
    }
    bend("issuer", Value::Null, "metadata.issuer_mismatch");
    for url in [
        "http://login.corp.example/token",
        "file:///etc/passwd",
        "https://169.254.169.254/",
        "https://10.0.0.1/t",
        "/t",
    ] {
        bend("token_endpoint", url.into(), "metadata.endpoint_refused");
        bend("jwks_uri", url.into(), "metadata.endpoint_refused");
    }
    bend("authorization_endpoint", Value::Null, "metadata.member_missing");
    bend("code_challenge_methods_supported", json!(["plain"]), "metadata.no_s256");
    bend("code_challenge_methods_supported", json!("plain"), "metadata.no_s256");
}

#[test]
fn an_endpoint_that_no_login_needs_is_left_out_and_told_of() {
    let refused = ["http://login.corp.example/x", "https://10.0.0.1/x", "/x", "javascript:alert(1)"].map(Value::from);
    for name in ["userinfo_endpoint", "end_session_endpoint", "revocation_endpoint"] {
        for bad in refused.iter().cloned().chain([json!(false), json!({})]) {
            let (world, gateway) = (World::new(), gateway(&variables()));
            world.corp.metadata.borrow_mut()[name] = bad.clone();
            let browser = Browser::new(&world, &gateway).signed_in();
            let told = world.take_events().into_iter().find(|event| event["reason"] == "document.endpoint_left_out");
            let told = told.unwrap_or_else(|| panic!("{name} {bad}"));
            assert_eq!(
                (&told["event"], &told["detail"], &told["document"]),
                (&json!("document.fetch"), &json!(name), &json!(CORP))
            );
            // Nobody is sent there, and nothing is.
            let out = browser.send(&Asked::script("POST", "/auth/logout")).json();
            assert_eq!(out["location"] == "/auth/logged-out", name == "end_session_endpoint");
            let sent = world.sent.borrow();
            assert!(sent.iter().all(|request| request.url.starts_with(CORP) && !request.url.ends_with("/x")), "{bad}");
        }
    }
    // What says nothing is simply not offered.
    for nothing in [Value::Null, json!(""), json!([])] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        world.corp.metadata.borrow_mut()["userinfo_endpoint"] = nothing;
        Browser::new(&world, &gateway).signed_in();
        assert!(world.take_events().iter().all(|event| event["reason"] != "document.endpoint_left_out"));
    }
}

#[test]
fn a_login_that_needs_an_endpoint_which_was_left_out_says_so() {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    for (endpoint, reason) in [
        (json!("http://login.corp.example/userinfo"), "userinfo.endpoint_refused"),
        (Value::Null, "userinfo.no_endpoint"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables));
        world.corp.metadata.borrow_mut()["userinfo_endpoint"] = endpoint;
        assert_eq!(Browser::new(&world, &gateway).login().event["reason"], reason);
        assert_eq!(world.sessions(), 0);
    }
}

#[test]
fn every_request_to_a_provider_says_who_asks() {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    let (world, gateway) = (World::new(), gateway(&variables));
    *world.object_gateway.borrow_mut() = Some(std::rc::Rc::new(crate::support::gateway(&variables)));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(600);
    browser.send(&Asked::script("GET", "/api/a")).forwarded();
    browser.send(&Asked::script("POST", "/auth/logout"));
    world.ring();
    for endpoint in [Endpoint::Metadata, Endpoint::Keys, Endpoint::Token, Endpoint::UserInfo, Endpoint::Revocation] {
        assert!(world.asked(endpoint) > 0, "{endpoint:?}");
    }
    let sent = world.sent.borrow();
    assert!(sent.iter().all(|request| request.headers[header::USER_AGENT] == "Postern"), "{sent:?}");
}

#[test]
fn pkce_is_used_whether_or_not_the_provider_speaks_of_it() {
    // R-019
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.metadata.borrow_mut().as_object_mut().unwrap().remove("code_challenge_methods_supported");
    assert!(Browser::new(&world, &gateway).begin("").contains("code_challenge_method=S256"));
}

/// An answer whose body is exactly this.
fn raw(status: u16, body: &str) -> OutboundResponse {
    OutboundResponse { body: body.as_bytes().to_vec(), ..answer(status, &Value::Null) }
}

#[test]
fn an_answer_that_is_no_document_is_none() {
    // R-004, R-006
    let cases = [
        (Endpoint::Metadata, Ok(raw(200, "<html>")), "metadata.not_json"),
        (Endpoint::Metadata, Ok(raw(200, "[]")), "metadata.not_json"),
        (Endpoint::Metadata, Ok(raw(200, &format!(r#"{{"issuer":"{CORP}","issuer":"{CORP}"}}"#))), "metadata.not_json"),
        (Endpoint::Metadata, Ok(raw(200, &format!("{{}}{}", " ".repeat(300_000)))), "provider.answer_too_large"),
        (Endpoint::Metadata, Ok(raw(302, "{}")), "provider.unexpected_status"),
        (Endpoint::Metadata, Ok(raw(404, "{}")), "provider.unexpected_status"),
        (Endpoint::Metadata, Ok(raw(304, "")), "provider.unexpected_status"),
        (Endpoint::Metadata, Err(FetchError::TooLarge), "provider.answer_too_large"),
        (Endpoint::Metadata, Err(FetchError::Timeout), "provider.timeout"),
        (Endpoint::Keys, Ok(raw(200, "[]")), "keys.not_json"),
        (Endpoint::Keys, Ok(raw(200, "{}")), "keys.missing"),
        (Endpoint::Keys, Ok(raw(500, "{}")), "provider.unexpected_status"),
        (Endpoint::Keys, Err(FetchError::Network), "provider.unreachable"),
    ];
    for (endpoint, answer, reason) in cases {
        let (world, gateway) = (World::new(), gateway(&variables()));
        world.corp.script(endpoint, answer);
        let browser = Browser::new(&world, &gateway);
        if endpoint == Endpoint::Metadata {
            browser.go("/auth/login").assert_refused(503, reason);
        } else {
            browser.login().assert_refused(503, reason);
        }
        assert_eq!((world.asked(endpoint), world.sessions()), (1, 0), "{reason}");
    }
}

#[test]
fn junk_among_the_keys_harms_none_of_the_others() {
    // R-007, R-011
    let (world, gateway) = (World::new(), gateway(&variables()));
    let decoy = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43), "kid": "key-1" });
    let junk = [json!(7), json!({}), json!({ "kty": "oct", "k": "AA", "kid": "key-1" }), decoy];
    world.corp.published.borrow_mut().splice(0..0, junk);
    assert_succeeds(&world, &gateway);
}

#[test]
fn a_removed_key_stops_working_within_the_documented_time() {
    // R-014
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    world.wait(10 * 60 - 1);
    assert_succeeds(&world, &gateway);
    world.wait(1);
    login(&world, &gateway).assert_refused(400, "jwt.key_unknown");
}

#[test]
fn known_documents_outlive_a_provider_that_is_down_but_not_for_ever() {
    // R-004, R-014
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    world.corp.script(Endpoint::Keys, Ok(raw(503, "")));
    for _ in 0..23 {
        world.wait(HOUR);
        assert_succeeds(&world, &gateway);
    }
    world.wait(HOUR);
    login(&world, &gateway).assert_refused(503, "provider.unexpected_status");
    world.wait(24 * HOUR);
    Browser::new(&world, &gateway).go("/auth/login").assert_refused(503, "provider.unreachable");
    world.corp.recover();
    world.wait(5);
    assert_succeeds(&world, &gateway);
}

#[test]
fn a_provider_that_is_down_is_not_hammered() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    for _ in 0..100 {
        Browser::new(&world, &gateway).go("/auth/login").assert_refused(503, "provider.unreachable");
    }
    assert_eq!(world.asked(Endpoint::Metadata), 1);
    world.wait(5);
    Browser::new(&world, &gateway).go("/auth/login").assert_refused(503, "provider.unreachable");
    assert_eq!(world.asked(Endpoint::Metadata), 2);
    world.corp.recover();
    world.wait(5);
    assert_succeeds(&world, &gateway);
    // The same for documents that are there but no longer fresh.
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    world.wait(HOUR);
    for _ in 0..100 {
        assert_succeeds(&world, &gateway);
    }
    assert_eq!(world.asked(Endpoint::Metadata), 4);
}

#[test]
fn while_a_provider_is_not_asked_again_the_log_still_says_what_was_wrong() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.metadata.borrow_mut()["issuer"] = "https://evil.example".into();
    for _ in 0..2 {
        Browser::new(&world, &gateway).go("/auth/login").assert_refused(503, "metadata.issuer_mismatch");
    }
    assert_eq!(world.asked(Endpoint::Metadata), 1);
}

#[test]
fn the_first_logins_of_a_cold_isolate_do_not_stand_in_each_others_way() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browsers: Vec<_> = (0..20).map(|_| Browser::new(&world, &gateway)).collect();
    let start = Asked::navigation("/auth/login");
    let started = block_on(join_all(browsers.iter().map(|browser| browser.send_later(&start))));
    let back: Vec<_> = started
        .iter()
        .map(|started| Asked::from_elsewhere(&world.corp.authorize(&started.location()).target()))
        .collect();
    let finished = block_on(join_all(browsers.iter().zip(&back).map(|(browser, asked)| browser.send_later(asked))));
    for finished in finished {
        assert_eq!(finished.event["reason"], "login.succeeded");
    }
    assert_eq!(fetches(&world), (1, 1), "one fetches for all");
}

#[test]
fn what_a_request_began_to_fetch_comes_even_when_its_client_goes_away() {
    // The browser went away in the middle of the fetch: its future is dropped, as Workers do.
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let start = Asked::navigation("/auth/login");
    {
        let mut given_up = Box::pin(browser.send_alone(&start));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(given_up.as_mut().poll(&mut context).is_pending());
    }
    world.run_tasks(&gateway);
    assert_eq!(world.asked(Endpoint::Metadata), 1);
    assert_succeeds(&world, &gateway);
    assert_eq!(world.asked(Endpoint::Metadata), 1);
}

#[test]
fn a_fetch_that_never_comes_to_an_end_is_given_up_and_made_again() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.silence.set(true);
    let browser = Browser::new(&world, &gateway);
    browser.go("/auth/login").assert_refused(503, "provider.timeout");
    world.silence.set(false);
    // Whoever ran it is gone; nobody ended it.
    world.wait(15);
    assert_succeeds(&world, &gateway);
}

#[test]
fn what_one_isolate_fetched_another_one_uses() {
    // R-014
    let (world, first, second) = (World::new(), gateway(&variables()), gateway(&variables()));
    assert_succeeds(&world, &first);
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    assert_succeeds(&world, &second);
    assert_eq!(fetches(&world), (1, 1));
}

#[test]
fn an_isolate_whose_copy_is_too_old_takes_a_younger_one_from_another() {
    // R-014
    let (world, first, second) = (World::new(), gateway(&variables()), gateway(&variables()));
    assert_succeeds(&world, &first);
    world.wait(20 * HOUR);
    assert_succeeds(&world, &second);
    world.corp.script(Endpoint::Metadata, Err(FetchError::Network));
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    world.wait(20 * HOUR);
    assert_succeeds(&world, &first);
}

#[test]
fn what_stands_in_the_shared_cache_is_believed_no_more_than_the_provider() {
    // R-002, R-014
    let spoil = |spoil: fn(&str) -> String| {
        let (world, first, second) = (World::new(), gateway(&variables()), gateway(&variables()));
        assert_succeeds(&world, &first);
        for text in world.cache.borrow_mut().values_mut() {
            *text = spoil(text);
        }
        assert_succeeds(&world, &second);
        assert_eq!(fetches(&world), (2, 2));
    };
    spoil(|_| String::new());
    spoil(|_| "{}".to_owned());
    spoil(|text| text.replace(r#""v":1"#, r#""v":2"#));
    spoil(|text| text.replace(r#""body":"{"#, r#""body":"["#));
    spoil(|text| text.replace(CORP, "https://evil.example").replace("keys", "k"));
    // Fetched too long ago, or by a clock that nobody can trust.
    spoil(|text| text.replace(r#""fetched_at":18"#, r#""fetched_at":17"#));
    spoil(|text| text.replace(r#""fetched_at":18"#, r#""fetched_at":19"#));
}

#[test]
fn an_unchanged_document_is_confirmed_and_not_sent_again() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.etag.set(true);
    assert_succeeds(&world, &gateway);
    world.wait(HOUR);
    assert_succeeds(&world, &gateway);
    assert_succeeds(&world, &gateway);
    assert_eq!(fetches(&world), (2, 2));
    let asked: Vec<bool> = world
        .sent
        .borrow()
        .iter()
        .filter(|request| request.method == "GET")
        .map(|request| request.headers.contains_key(header::IF_NONE_MATCH))
        .collect();
    assert_eq!(asked, [false, false, true, true]);
    // A changed one is taken.
    world.wait(HOUR);
    world.corp.rotate(3);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    assert_succeeds(&world, &gateway);
}

#[test]
fn the_provider_says_how_long_its_keys_live_within_bounds() {
    // R-014
    for (said, life) in [("max-age=120", 120), ("public, Max-Age=5", 60), ("max-age=999999", HOUR), ("no-store", 600)] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let mut keys = answer(200, &json!({ "keys": *world.corp.published.borrow() }));
        keys.headers.insert(header::CACHE_CONTROL, said.parse().unwrap());
        world.corp.script(Endpoint::Keys, Ok(keys));
        assert_succeeds(&world, &gateway);
        // The first half: nobody asks. Then somebody asks beside the request, and starts a new life.
        world.wait(life / 2 - 1);
        assert_succeeds(&world, &gateway);
        assert_eq!(world.asked(Endpoint::Keys), 1, "{said}");
        world.wait(1);
        assert_succeeds(&world, &gateway);
        assert_eq!(world.asked(Endpoint::Keys), 2, "{said}");
    }
}
