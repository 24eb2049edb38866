//! Pushed authorization requests (RFC 9126), signed or not (RFC 9101).

use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, Endpoint, World, answer, gateway, variables};

/// A deployment whose provider has these keys, and a browser of it that begins a login.
fn started(keys: &Value, prepare: impl FnOnce(&World), test: impl FnOnce(&World, &Browser<'_>, Answered)) {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"].as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let (world, gateway) = (World::new(), gateway(&variables));
    prepare(&world);
    let browser = Browser::new(&world, &gateway);
    let answered = browser.go("/auth/login?return_to=%2Fapp%2Fa&login_hint=alice%40example.com");
    test(&world, &browser, answered);
}

/// Whatever was pushed, in order.
fn pushed(world: &World) -> Vec<String> {
    let sent = world.sent.borrow();
    sent.iter().filter(|request| request.url.ends_with("/par")).map(|request| request.body.clone()).collect()
}

#[test]
fn a_pushed_request_leaves_two_parameters_to_the_browser() {
    //
    started(
        &json!({}),
        |world| world.corp.offer_pushed(),
        |world, browser, answered| {
            let location = answered.location();
            let query: Vec<&str> = location.split_once('?').unwrap().1.split('&').collect();
            assert!(query[0].starts_with("client_id=") && query[1].starts_with("request_uri="), "{location}");
            assert_eq!(query.len(), 2);
            for told in ["alice", "openid", "code_challenge", "state", "redirect_uri"] {
                assert!(!location.contains(told), "{location}");
                assert!(pushed(world)[0].contains(told), "{told}");
            }
            let finished = browser.come_back(&world.corp.authorize(&location));
            assert_eq!(finished.event["reason"], "login.succeeded");
            browser.go("/app/a").forwarded();
            assert_eq!(world.asked(Endpoint::Pushed), 1);
        },
    );
}

#[test]
fn who_pushes_proves_who_they_are() {
    //
    started(
        &json!({}),
        |world| world.corp.offer_pushed(),
        |world, _, _| {
            let sent = world.sent.borrow();
            let request = sent.iter().find(|request| request.url.ends_with("/par")).unwrap();
            assert!(request.headers.contains_key("authorization"));
            assert!(!request.body.contains(CANARY));
        },
    );
}

#[test]
fn each_login_pushes_a_request_of_its_own() {
    // a `request_uri` counts once.
    started(
        &json!({}),
        |world| world.corp.offer_pushed(),
        |world, browser, first| {
            let second = browser.begin("");
            assert_ne!(first.location(), second);
            assert_eq!(world.asked(Endpoint::Pushed), 2);
            let states: Vec<String> = pushed(world)
                .iter()
                .filter_map(|body| body.split('&').find(|pair| pair.starts_with("state=")).map(str::to_owned))
                .collect();
            assert_ne!(states[0], states[1]);
        },
    );
}

#[test]
fn nothing_is_pushed_where_the_table_says_off_or_the_provider_has_no_endpoint() {
    //
    for (keys, offers) in [(json!({ "par": "off" }), true), (json!({}), false)] {
        let prepare = |world: &World| {
            if offers {
                world.corp.offer_pushed()
            }
        };
        started(&keys, prepare, |world, browser, answered| {
            assert!(answered.location().contains("code_challenge="));
            assert_eq!(world.asked(Endpoint::Pushed), 0);
            browser.come_back(&world.corp.authorize(&answered.location()));
            assert!(browser.is_in());
        });
    }
}

#[test]
fn a_provider_that_requires_it_gets_pushed_requests_whatever_the_table_says() {
    //
    let prepare = |world: &World| {
        world.corp.offer_pushed();
        world.corp.metadata.borrow_mut()["require_pushed_authorization_requests"] = true.into();
    };
    started(&json!({ "par": "off" }), prepare, |world, _, answered| {
        assert!(answered.location().contains("request_uri="));
        assert_eq!(world.asked(Endpoint::Pushed), 1);
    });
}

/// What a login that is not begun is answered, and its reason; nothing went through the browser.
fn not_begun(keys: &Value, prepare: impl FnOnce(&World), status: u16, reason: &str) {
    started(keys, prepare, |world, browser, answered| {
        answered.assert_refused(status, reason);
        assert!(answered.set_cookies().iter().all(|cookie| !cookie.contains("__Host-postern_login")));
        assert!(browser.logins_under_way().is_empty(), "{reason}");
        assert_eq!(world.asked(Endpoint::Token), 0);
    });
}

#[test]
fn a_request_that_is_not_taken_never_goes_through_the_browser_instead() {
    //
    let good = json!({ "request_uri": "urn:x", "expires_in": 60 });
    let error = |code: &str| json!({ "error": code, "error_description": "no such thing" });
    for (answered, status, reason) in [
        (Ok(answer(400, &error("invalid_request"))), 400, "par.refused"),
        (Ok(answer(401, &error("invalid_client"))), 400, "par.invalid_client"),
        (Ok(answer(405, &json!({}))), 400, "par.refused"),
        (Ok(answer(500, &json!({}))), 503, "par.provider_failed"),
        (Ok(answer(200, &good)), 400, "par.refused"),
        (Ok(answer(201, &json!({ "request_uri": "urn:x" }))), 400, "par.member_missing"),
        (Ok(answer(201, &json!({ "request_uri": "urn:x", "expires_in": 0 }))), 400, "par.member_missing"),
        (Ok(answer(201, &json!({ "expires_in": 60 }))), 400, "par.member_missing"),
        (Ok(answer(201, &json!([]))), 400, "par.not_json"),
        (Err(FetchError::Timeout), 503, "provider.timeout"),
        (Err(FetchError::Network), 503, "provider.unreachable"),
        (Err(FetchError::TooLarge), 503, "provider.answer_too_large"),
    ] {
        for par in ["auto", "always"] {
            let prepare = |world: &World| {
                world.corp.offer_pushed();
                world.corp.script(Endpoint::Pushed, answered.clone());
            };
            not_begun(&json!({ "par": par }), prepare, status, reason);
        }
    }
    not_begun(&json!({ "par": "always" }), |_| (), 400, "par.not_offered");
    let required = |world: &World| {
        world.corp.metadata.borrow_mut()["require_pushed_authorization_requests"] = true.into();
    };
    not_begun(&json!({}), required, 400, "par.not_offered");
}

#[test]
fn an_endpoint_that_is_not_there_is_done_without_where_nothing_requires_it() {
    //
    let gone = |world: &World| {
        world.corp.offer_pushed();
        world.corp.script(Endpoint::Pushed, Ok(answer(404, &json!({}))));
    };
    started(&json!({}), gone, |world, browser, answered| {
        assert_eq!(answered.event["reason"], "login.started");
        assert_eq!(answered.event["detail"], "not pushed: the provider answered 404");
        browser.come_back(&world.corp.authorize(&answered.location()));
        assert!(browser.is_in());
    });
    not_begun(&json!({ "par": "always" }), gone, 400, "par.refused");
    let required = |world: &World| {
        gone(world);
        world.corp.metadata.borrow_mut()["require_pushed_authorization_requests"] = true.into();
    };
    not_begun(&json!({}), required, 400, "par.refused");
}

#[test]
fn strangers_have_nothing_written_and_are_limited_before_the_provider_is_asked() {
    //
    let mut variables = variables();
    variables["LIMITS"] = json!({ "login": { "rate": "2/1m" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    world.corp.offer_pushed();
    let browser = Browser::new(&world, &gateway);
    let asked = Asked::navigation("/auth/login");
    let (_, cost) = world.cost_of(|| browser.send(&asked));
    assert_eq!(cost.writes, 0);
    browser.send(&asked);
    browser.send(&asked).assert_refused(429, "limit.login");
    assert_eq!(world.asked(Endpoint::Pushed), 2);
    // Nor does a picture in a page of somebody's.
    browser.send(&Asked::script("GET", "/auth/login")).assert_refused(403, "login.not_a_navigation");
    assert_eq!(world.asked(Endpoint::Pushed), 2);
}

#[test]
fn a_person_who_is_to_be_asked_nothing_is_pushed_for_too() {
    started(
        &json!({}),
        |world| world.corp.offer_pushed(),
        |world, browser, _| {
            let request = browser.begin("prompt=none&return_to=%2Fapp%2Fa");
            assert!(pushed(world)[1].contains("prompt=none"));
            let mut response = world.corp.authorize(&request);
            response.remove("code");
            response.set("error", "login_required");
            let answered = browser.come_back(&response);
            assert_eq!(
                (answered.event["reason"].as_str(), answered.reply().status.as_u16()),
                (Some("callback.person_wanted"), 200)
            );
        },
    );
}

#[test]
fn a_signed_request_goes_where_it_is_asked_for_and_nowhere_else() {
    //
    let key = json!({ "client_auth": "private_key_jwt" });
    let mut asked = key.clone();
    asked["signed_request"] = true.into();
    let required = |world: &World| {
        world.corp.offer_pushed();
        world.corp.metadata.borrow_mut()["require_signed_request_object"] = true.into();
    };
    let check = |world: &World, browser: &Browser<'_>, answered: Answered| {
        let body = pushed(world)[0].clone();
        let names: Vec<&str> = body.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
        assert_eq!(names, ["request", "client_id", "client_assertion_type", "client_assertion"]);
        // The provider verifies it, and finds everything in there.
        let finished = browser.come_back(&world.corp.authorize(&answered.location()));
        assert_eq!(finished.event["reason"], "login.succeeded");
    };
    started(&asked, |world| world.corp.offer_pushed(), check);
    started(&key, required, check);
    started(&key, |world| world.corp.offer_pushed(), |world, _, _| assert!(!pushed(world)[0].contains("request=")));
    not_begun(&asked, |_| (), 400, "par.not_offered");
    not_begun(&json!({}), required, 400, "par.no_signing_key");
}
