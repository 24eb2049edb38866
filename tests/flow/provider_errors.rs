//! What a provider's errors mean: the same words, the same page and the same next step wherever they come.

use postern::http::{HeaderValue, header};
use postern::ports::OutboundResponse;
use serde_json::{Value, json};

use crate::renewal::{LIFE, api, assert_forgets_all, events, out, relayed, world};
use crate::support::{Answered, Browser, Endpoint, World, answer, gateway, variables};

const ASKED: &str = "return_to=%2Fapp%2Fa%3Fx%3D1";
/// How the page links to another login for the same place.
const AGAIN: &str = r#"href="/auth/login?return_to=%2Fapp%2Fa%3Fx%3D1""#;

/// The provider answers the authorization request with this error.
fn at_the_callback(error: &str, description: &str) -> Answered {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let mut response = world.corp.authorize(&browser.begin(ASKED));
    response.remove("code");
    response.set("error", error);
    response.set("error_description", description);
    let answered = browser.come_back(&response);
    assert_eq!(world.asked(Endpoint::Token), 0);
    answered
}

/// The provider answers the token request of a login with this.
fn for_a_code(scripted: OutboundResponse) -> Answered {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.script(Endpoint::Token, Ok(scripted));
    Browser::new(&world, &gateway).login_at(&world.corp, ASKED)
}

fn error(status: u16, code: &str) -> OutboundResponse {
    answer(status, &json!({ "error": code, "error_description": "AADSTS50076: you must use a second factor." }))
}

#[test]
fn every_error_of_a_login_has_its_page_its_status_and_its_word() {
    let cases = [
        ("access_denied", 403, "provider_refused", "Signing in was refused"),
        ("login_required", 401, "person_wanted", "Signing in was not finished"),
        ("interaction_required", 401, "person_wanted", "Signing in was not finished"),
        ("consent_required", 401, "person_wanted", "Signing in was not finished"),
        ("account_selection_required", 401, "person_wanted", "Signing in was not finished"),
        ("unmet_authentication_requirements", 401, "person_wanted", "Signing in was not finished"),
        ("authentication_expired", 401, "person_wanted", "Signing in was not finished"),
        ("server_error", 503, "provider_failed", "Signing in is not possible just now"),
        ("temporarily_unavailable", 503, "provider_failed", "Signing in is not possible just now"),
        ("invalid_request", 400, "provider_refused", "Signing in did not work"),
        ("invalid_scope", 400, "provider_refused", "Signing in did not work"),
        ("unauthorized_client", 400, "provider_refused", "Signing in did not work"),
    ];
    for (code, status, word, title) in cases {
        let at_callback = at_the_callback(code, "AADSTS50076: you must use a second factor.");
        at_callback.assert_refused(status, &format!("callback.{word}"));
        let word = if word == "provider_refused" { "refused" } else { word };
        let at_token = for_a_code(error(400, code));
        at_token.assert_refused(status, &format!("token.{word}"));
        assert_eq!(at_token.event["provider_status"], 400);
        for answered in [at_callback, at_token] {
            let (reply, event) = (answered.reply(), &answered.event);
            assert!(reply.body.contains(title) && reply.body.contains(AGAIN), "{code}: {}", reply.body);
            assert!(!reply.body.contains("AADSTS") && !reply.body.contains(code), "{code}: {}", reply.body);
            assert!(!reply.body.contains("not signed in"), "nobody looked: {code}");
            assert_eq!(reply.headers.contains_key(header::RETRY_AFTER), status == 503, "{code}");
            assert_eq!(event["detail"], code);
            assert_eq!(event["provider_says"], "AADSTS50076: you must use a second factor.", "{code}");
        }
    }
}

#[test]
fn a_status_that_may_pass_is_503_whatever_stands_in_the_body() {
    for (status, body) in [
        (429, json!({ "error": "slow_down" })),
        (429, json!({ "error": "invalid_grant" })),
        (408, Value::Null),
        (500, json!({ "error": "access_denied" })),
        (503, Value::Null),
        (504, Value::Null),
    ] {
        let answered = for_a_code(answer(status, &body));
        assert_eq!(answered.reply().status.as_u16(), 503, "{status} {body}");
        assert!(answered.reply().headers.contains_key(header::RETRY_AFTER) && answered.reply().body.contains(AGAIN));
        assert_eq!(answered.event["provider_status"], status);
    }
    let (world, gateway) = (
        World::new(),
        gateway(&{
            let mut variables = variables();
            variables["PROVIDERS"]["corp"]["userinfo"] = json!(true);
            variables["SESSION"] = json!({ "claims": ["email"] });
            variables
        }),
    );
    world.corp.script(Endpoint::UserInfo, Ok(answer(429, &Value::Null)));
    Browser::new(&world, &gateway).login().assert_refused(503, "provider.unexpected_status");
}

#[test]
fn what_took_too_long_at_the_provider_is_asked_again() {
    at_the_callback("temporarily_unavailable", "authentication_expired").assert_refused(401, "callback.person_wanted");
}

#[test]
fn what_the_log_cannot_name_it_tells_by_the_status() {
    for (scripted, detail) in [
        (answer(400, &json!({})), "400"),
        (answer(403, &json!({ "error": "mfa_required" })), "403"),
        (answer(201, &json!({ "access_token": "a", "token_type": "Bearer", "id_token": "b" })), "201"),
    ] {
        let answered = for_a_code(scripted);
        answered.assert_refused(400, "token.refused");
        assert_eq!(answered.event["detail"], detail);
    }
    let mut page = answer(403, &Value::Null);
    page.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    assert_eq!(for_a_code(page).event["detail"], "403");
}

/// Signs in, lets the access token end, and has the refresh answered so.
fn refreshed_with(scripted: OutboundResponse, then: impl Fn(&World, &Browser<'_>)) {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.script(Endpoint::Token, Ok(scripted));
    world.wait(LIFE);
    then(&world, &browser);
}

#[test]
fn a_refresh_that_is_refused_for_good_sends_the_person_to_sign_in() {
    for (status, code) in [
        (400, "interaction_required"),
        (400, "login_required"),
        (400, "consent_required"),
        (400, "unauthorized_client"),
        (400, "invalid_scope"),
        (400, "invalid_request"),
        (400, "access_denied"),
        (403, "mfa_required"),
    ] {
        refreshed_with(error(status, code), |world, browser| {
            let asked = world.asked(Endpoint::Token);
            for _ in 0..3 {
                let refused = browser.send(&api());
                refused.assert_refused(401, "session.access_token_expired");
                assert_eq!(refused.json()["login_url"], "/auth/login", "{code}");
                assert!(browser.go("/api/a").location().starts_with("/auth/login?return_to=%2Fapi%2Fa"), "{code}");
                world.wait(600);
            }
            assert_eq!(world.asked(Endpoint::Token), asked + 1, "{code}: the answer would be the same");
            let told = &events(world, "session.refresh")[0];
            assert_eq!((&told["outcome"], &told["provider_status"]), (&json!("deny"), &json!(status)), "{code}");
            assert_eq!(told["detail"], if code == "mfa_required" { "403" } else { code });
            // What needs no token goes on, and signing in again mends the rest.
            browser.go("/app/a").forwarded();
            world.corp.recover();
            assert_eq!(browser.login().event["reason"], "login.succeeded");
            browser.send(&api()).forwarded();
            browser.send(&out());
            assert_forgets_all(world, code);
        });
    }
}

#[test]
fn a_token_that_is_still_good_is_used_to_its_end_though_no_other_comes() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.script(Endpoint::Token, Ok(error(400, "interaction_required")));
    world.wait(LIFE - 30);
    assert_eq!(relayed(&browser.send(&api())), 1);
    world.wait(29);
    assert_eq!(relayed(&browser.send(&api())), 1);
    world.wait(1);
    browser.send(&api()).assert_refused(401, "session.access_token_expired");
}

#[test]
fn invalid_grant_still_ends_the_session_unless_the_status_may_pass() {
    // R-066
    refreshed_with(error(400, "invalid_grant"), |_, browser| {
        browser.send(&api()).assert_refused(401, "session.gone");
        assert!(!browser.is_in());
    });
    refreshed_with(error(429, "invalid_grant"), |_, browser| {
        browser.send(&api()).assert_refused(503, "session.renewal_paused");
        assert!(browser.is_in());
    });
}
