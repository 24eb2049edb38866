//! `/auth/logout`: here first, then at the provider.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Asked, Browser, CORP, Fault, World, gateway, variables};

const SESSION: &str = "__Host-postern";

fn out() -> Asked {
    Asked::script("POST", "/auth/logout")
}

#[test]
fn a_session_ends_here_and_then_at_the_provider() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let old = browser.cookie(SESSION).unwrap();
    let answered = browser.send(&out());
    assert_eq!(
        (answered.event["reason"].as_str(), answered.event["subject"].as_str()),
        (Some("logout.session_ended"), Some("alice"))
    );
    let gone = ["__Host-postern=; HttpOnly; SameSite=Strict;", "__Host-postern-arrived=; HttpOnly; SameSite=Lax;"];
    assert_eq!(answered.set_cookies(), gone.map(|cookie| format!("{cookie} Secure; Path=/; Max-Age=0")));
    let location = url::Url::parse(answered.json()["location"].as_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(&format!("{CORP}/logout?")));
    let query: BTreeMap<String, String> = location.query_pairs().into_owned().collect();
    assert_eq!(query["post_logout_redirect_uri"], "https://app.example.com/auth/logged-out");
    // a script may read this answer; the ID token is only in the redirect of a form.
    assert_eq!((query["client_id"].as_str(), query.contains_key("id_token_hint")), ("app", false));
    assert!(query["state"].len() >= 20);
    // Back in the browser's history, or a copy of the cookie: both are nobody.
    browser.plant(SESSION, &old);
    browser.send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.gone");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_form_is_answered_with_a_redirect_that_turns_into_a_get() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let form = Asked::new("POST", "/auth/logout")
        .with("sec-fetch-site", "same-origin")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document")
        .with("origin", "https://app.example.com");
    let answered = browser.send(&form);
    assert_eq!(answered.reply().status.as_u16(), 303);
    assert!(answered.location().starts_with(CORP));
}

#[test]
fn a_provider_that_is_down_keeps_nobody_signed_in() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.go_down();
    world.wait(50 * 60);
    browser.go("/app/a").forwarded();
    world.wait(50 * 60);
    let answered = browser.send(&out());
    assert_eq!((answered.reply().status.as_u16(), world.sessions()), (200, 0));
    // In an isolate that knows nothing of the provider yet.
    let other = crate::support::gateway(&variables());
    world.corp.recover();
    let browser = Browser::new(&world, &gateway).signed_in();
    let elsewhere = Browser::new(&world, &other);
    elsewhere.plant(SESSION, &browser.cookie(SESSION).unwrap());
    world.cache.borrow_mut().clear();
    world.corp.go_down();
    assert_eq!(elsewhere.send(&out()).json(), json!({ "location": "/auth/logged-out" }));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_provider_without_such_an_endpoint_is_left_alone() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.metadata.borrow_mut().as_object_mut().unwrap().remove("end_session_endpoint");
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(browser.send(&out()).json(), json!({ "location": "/auth/logged-out" }));
}

#[test]
fn the_id_token_stays_here_where_that_is_configured() {
    //
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["id_token_hint"] = json!(false);
    let (world, gateway) = (World::new(), gateway(&variables));
    let answered = Browser::new(&world, &gateway).signed_in().send(&out());
    let location = answered.json()["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with(CORP) && !location.contains("id_token_hint"), "{location}");
}

#[test]
fn nobody_else_signs_a_person_out() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/auth/logout")).assert_refused(405, "route.method_not_allowed");
    browser.go("/auth/logout").assert_refused(405, "route.method_not_allowed");
    browser.send(&Asked::form_from_elsewhere("/auth/logout", "")).assert_refused(403, "csrf.fetch_site");
    let sibling = Asked::new("POST", "/auth/logout").with("sec-fetch-site", "same-site");
    browser.send(&sibling).assert_refused(403, "csrf.fetch_site");
    let origin = Asked::new("POST", "/auth/logout").with("origin", "https://evil.example");
    browser.send(&origin).assert_refused(403, "csrf.origin");
    browser.send(&Asked::new("POST", "/auth/logout")).assert_refused(403, "csrf.no_evidence");
    assert_eq!(world.sessions(), 1);
    browser.send(&Asked::new("POST", "/auth/logout").with("x-postern-csrf", "1"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn signing_out_twice_or_without_a_session_is_fine() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let other = Browser::new(&world, &gateway).signed_in();
    let old = browser.cookie(SESSION).unwrap();
    browser.send(&out());
    for planted in [Some(old), Some("forged".to_owned()), None] {
        if let Some(value) = planted {
            browser.plant(SESSION, &value);
        }
        let answered = browser.send(&out());
        assert_eq!(answered.event["reason"], "logout.no_session");
        assert_eq!(answered.json(), json!({ "location": "/auth/logged-out" }));
        assert!(browser.cookie(SESSION).is_none());
    }
    // Another browser of the same person is not concerned.
    other.go("/app/a").forwarded();
}

#[test]
fn a_logout_that_did_not_happen_is_not_reported_as_one() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for (fault, reason) in [(Fault::Sessions, "store.unavailable"), (Fault::OddAnswers, "store.malformed")] {
        world.fault.set(fault);
        browser.send(&out()).assert_refused(503, reason);
        assert!(browser.cookie(SESSION).is_some(), "the person can try again");
    }
    world.fault.set(Fault::None);
    assert_eq!(browser.send(&out()).event["reason"], "logout.session_ended");
}

#[test]
fn the_landing_after_a_logout_takes_whatever_the_provider_sends_along() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    for query in ["", "?state=wrong", "?state=a&state=b", "?return_to=https%3A%2F%2Fevil.example", "?%00%zz"] {
        let landed = Browser::new(&world, &gateway).send(&Asked::from_elsewhere(&format!("/auth/logged-out{query}")));
        assert_eq!(landed.reply().status.as_u16(), 200, "{query}");
        assert!(!landed.reply().body.contains("evil"));
    }
}

#[test]
fn the_landing_calls_nobody_signed_out_whose_session_cannot_be_looked_up() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let landing = Asked::navigation("/auth/logged-out");
    for (fault, reason) in
        [(Fault::Sessions, "session.store_unavailable"), (Fault::OddAnswers, "session.store_malformed")]
    {
        world.fault.set(fault);
        browser.send(&landing).assert_refused(503, reason);
        assert!(browser.cookie(SESSION).is_some());
    }
    world.fault.set(Fault::None);
    assert!(browser.send(&landing).reply().body.contains("You are still signed in"));
    let old = browser.cookie(SESSION).unwrap();
    browser.send(&out());
    for no_session in [old.as_str(), "forged"] {
        browser.plant(SESSION, no_session);
        assert!(browser.send(&landing).reply().body.contains("You are signed out"), "{no_session}");
    }
}
