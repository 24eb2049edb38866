//! `/auth/callback/{provider}`: what an authorization response may be, and what not.

use futures::executor::block_on;
use futures::future::join_all;
use postern::ports::BodyError;
use serde_json::json;

use crate::support::{
    Asked, AuthorizationResponse, Browser, CORP, Endpoint, PARTNER, World, gateway, two_providers, variables,
};

/// A response bent so, of a login that would have succeeded.
fn bent(bend: impl Fn(&mut AuthorizationResponse)) -> (World, crate::support::Answered) {
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let answered = {
        let browser = Browser::new(&world, &gateway);
        let mut response = world.corp.authorize(&browser.begin("provider=corp"));
        bend(&mut response);
        browser.come_back(&response)
    };
    (world, answered)
}

#[track_caller]
fn refused(bend: impl Fn(&mut AuthorizationResponse), status: u16, reason: &str) {
    let (world, answered) = bent(bend);
    answered.assert_refused(status, reason);
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0), "the code was sent");
}

#[test]
fn a_response_that_is_not_bent_is_accepted() {
    let (world, answered) = bent(|_| ());
    assert_eq!((answered.event["reason"].as_str(), world.sessions()), (Some("login.succeeded"), 1));
}

#[test]
fn a_response_belongs_to_a_login_of_this_browser() {
    //
    refused(|response| response.set("state", "A"), 400, "callback.no_transaction");
    refused(|response| response.set("state", &"A".repeat(43)), 400, "callback.no_transaction");
    refused(|response| response.set("state", ""), 400, "callback.state_missing");
    refused(|response| response.remove("state"), 400, "callback.state_missing");
    let (world, gateway) = (World::new(), gateway(&variables()));
    let (victim, attacker) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway));
    let response = world.corp.authorize(&attacker.begin(""));
    victim.come_back(&response).assert_refused(400, "callback.no_transaction");
    // … and the victim's own login under way makes no difference.
    victim.begin("");
    victim.come_back(&response).assert_refused(400, "callback.no_transaction");
    assert_eq!(world.asked(Endpoint::Token), 0);
}

#[test]
fn a_code_of_another_login_is_of_no_use() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let (victim, attacker) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway));
    let stolen = world.corp.authorize(&victim.begin("")).get("code").to_owned();
    let mut response = world.corp.authorize(&attacker.begin(""));
    response.set("code", &stolen);
    attacker.come_back(&response).assert_refused(400, "token.invalid_grant");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn two_tabs_do_not_swap_their_answers() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let one = world.corp.authorize(&browser.begin(""));
    let mut other = world.corp.authorize(&browser.begin(""));
    other.set("code", one.get("code"));
    browser.come_back(&other).assert_refused(400, "token.invalid_grant");
}

#[test]
fn a_transaction_cookie_counts_only_under_its_own_name() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let first = world.corp.authorize(&browser.begin(""));
    let sealed = browser.cookie(&browser.logins_under_way()[0]).unwrap();
    let other = Browser::new(&world, &gateway);
    let second = world.corp.authorize(&other.begin(""));
    other.plant(&other.logins_under_way()[0], &sealed);
    other.come_back(&second).assert_refused(400, "callback.no_transaction");
    let name = browser.logins_under_way()[0].clone();
    for (index, _) in sealed.char_indices().step_by(7) {
        let mut tampered = sealed.clone().into_bytes();
        tampered[index] = if tampered[index] == b'A' { b'B' } else { b'A' };
        browser.plant(&name, std::str::from_utf8(&tampered).unwrap());
        browser.come_back(&first).assert_refused(400, "callback.no_transaction");
    }
    assert_eq!(world.asked(Endpoint::Token), 0);
}

#[test]
fn a_login_takes_ten_minutes_at_most() {
    //
    for (seconds, reason) in [(599, "login.succeeded"), (600, "callback.no_transaction")] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin(""));
        world.wait(seconds);
        assert_eq!(browser.come_back(&response).event["reason"], reason);
    }
}

#[test]
fn a_callback_counts_once() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin(""));
    let (name, value) =
        (browser.logins_under_way()[0].clone(), browser.cookie(&browser.logins_under_way()[0]).unwrap());
    assert_eq!(browser.come_back(&response).event["reason"], "login.succeeded");
    browser.come_back(&response).assert_refused(400, "callback.no_transaction");
    // A browser that kept its cookie, or sent the request twice, gets no further.
    browser.plant(&name, &value);
    browser.come_back(&response).assert_refused(400, "callback.already_used");
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (1, 1));
}

#[test]
fn a_callback_counts_once_to_the_last_second_of_its_login() {
    //
    for seconds in [61, 300, 599] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin(""));
        let name = browser.logins_under_way()[0].clone();
        let value = browser.cookie(&name).unwrap();
        assert_eq!(browser.come_back(&response).event["reason"], "login.succeeded");
        world.wait(seconds);
        browser.plant(&name, &value);
        browser.come_back(&response).assert_refused(400, "callback.already_used");
        assert_eq!(world.asked(Endpoint::Token), 1);
    }
}

#[test]
fn a_login_that_comes_back_by_another_provider_is_used_up_too() {
    //
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin("provider=corp"));
    let name = browser.logins_under_way()[0].clone();
    let value = browser.cookie(&name).unwrap();
    let mixed_up = response.target().replace("/auth/callback/corp", "/auth/callback/partner");
    browser.send(&Asked::from_elsewhere(&mixed_up)).assert_refused(400, "callback.wrong_provider");
    browser.plant(&name, &value);
    browser.come_back(&response).assert_refused(400, "callback.already_used");
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0));
}

#[test]
fn of_fifty_copies_of_a_callback_at_once_one_logs_in() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let asked = Asked::from_elsewhere(&world.corp.authorize(&browser.begin("")).target());
    let all = block_on(join_all((0..50).map(|_| browser.send_later(&asked))));
    let reasons = |reason: &str| all.iter().filter(|answered| answered.event["reason"] == reason).count();
    assert_eq!((reasons("login.succeeded"), reasons("callback.already_used")), (1, 49));
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (1, 1));
}

#[test]
fn a_failed_login_is_used_up_too() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let good = world.corp.authorize(&browser.begin(""));
    let name = browser.logins_under_way()[0].clone();
    let sealed = browser.cookie(&name).unwrap();
    let mut refused = good.clone();
    refused.remove("code");
    refused.set("error", "access_denied");
    browser.come_back(&refused).assert_refused(403, "callback.provider_refused");
    assert_eq!(browser.logins_under_way().len(), 0);
    browser.plant(&name, &sealed);
    browser.come_back(&good).assert_refused(400, "callback.already_used");
    assert_eq!(world.asked(Endpoint::Token), 0);
}

#[test]
fn a_response_comes_from_the_provider_that_was_asked() {
    //
    refused(|response| response.arrive_at("/auth/callback/partner"), 400, "callback.wrong_provider");
    refused(|response| response.arrive_at("/auth/callback/evil"), 404, "route.none");
    refused(|response| response.arrive_at("/auth/callback/"), 404, "route.none");
    refused(|response| response.set("iss", PARTNER), 400, "callback.iss_mismatch");
    refused(|response| response.set("iss", &format!("{CORP}/")), 400, "callback.iss_mismatch");
    refused(|response| response.set("iss", ""), 400, "callback.iss_mismatch");
    refused(|response| response.remove("iss"), 400, "callback.iss_missing");
}

#[test]
fn the_issuer_of_an_error_is_checked_first() {
    //
    let error = |response: &mut AuthorizationResponse| {
        response.remove("code");
        response.set("error", "access_denied");
    };
    refused(error, 403, "callback.provider_refused");
    let without = |response: &mut AuthorizationResponse| {
        error(response);
        response.remove("iss");
    };
    refused(without, 400, "callback.iss_missing");
    let wrong = |response: &mut AuthorizationResponse| {
        error(response);
        response.set("iss", PARTNER);
    };
    refused(wrong, 400, "callback.iss_mismatch");
}

#[test]
fn an_issuer_that_nobody_advertised_may_be_left_out_and_is_compared_all_the_same() {
    //
    for (iss, reason) in
        [(None, "login.succeeded"), (Some(CORP), "login.succeeded"), (Some(PARTNER), "callback.iss_mismatch")]
    {
        let (world, gateway) = (World::new(), gateway(&variables()));
        world.corp.metadata.borrow_mut()["authorization_response_iss_parameter_supported"] = json!(false);
        let browser = Browser::new(&world, &gateway);
        let mut response = world.corp.authorize(&browser.begin(""));
        if let Some(iss) = iss {
            response.set("iss", iss);
        }
        assert_eq!(browser.come_back(&response).event["reason"], reason);
    }
}

#[test]
fn no_parameter_stands_twice() {
    //
    for name in ["code", "state", "iss"] {
        let again = |response: &mut AuthorizationResponse| {
            let same = response.get(name).to_owned();
            response.add(name, &same);
        };
        refused(again, 400, "callback.parameter_repeated");
    }
    let twice = |response: &mut AuthorizationResponse| {
        response.remove("code");
        response.add("error", "access_denied");
        response.add("error", "access_denied");
    };
    refused(twice, 400, "callback.parameter_repeated");
}

#[test]
fn what_nobody_knows_is_ignored_and_never_shown() {
    //
    let (_, answered) = bent(|response| response.add("foo", "<script>alert(1)</script>"));
    assert_eq!(answered.event["reason"], "login.succeeded");
    assert!(!answered.reply().body.contains("alert") && !answered.event.to_string().contains("alert"));
}

#[test]
fn what_a_provider_says_of_an_error_is_shown_to_nobody() {
    //
    let (_, answered) = bent(|response| {
        response.remove("code");
        response.set("error", "<b>oops</b>");
        response.set("error_description", "<script>alert(1)</script>");
        response.set("error_uri", "javascript:alert(1)");
    });
    answered.assert_refused(403, "callback.provider_refused");
    assert_eq!(answered.event["detail"], "unregistered_error");
    let page = &answered.reply().body;
    assert!(!page.contains("alert") && !page.contains("oops"), "{page}");
    // The log knows it, as plain text.
    assert_eq!(answered.event["provider_says"], "b oops /b: script alert(1) /script");
}

#[test]
fn a_response_of_another_flow_is_refused() {
    //
    for name in ["access_token", "id_token", "token"] {
        refused(|response| response.add(name, "x"), 400, "callback.unasked_token");
    }
    refused(|response| response.set("code", ""), 400, "callback.code_missing");
    refused(|response| response.remove("code"), 400, "callback.code_missing");
}

#[test]
fn an_endless_response_is_not_read_to_its_end() {
    refused(|response| response.set("code", &"c".repeat(5000)), 400, "callback.too_large");
    let many =
        |response: &mut AuthorizationResponse| (0..60).for_each(|number| response.add(&format!("p{number}"), "x"));
    refused(many, 400, "callback.too_large");
}

/// A deployment whose provider posts its answers, a browser of it, and a login under way.
fn posting(test: impl Fn(&World, &Browser<'_>, AuthorizationResponse)) {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["response_mode"] = json!("form_post");
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let request = browser.begin("return_to=%2Fapp%2Fa");
    assert!(request.contains("response_mode=form_post"));
    test(&world, &browser, world.corp.authorize(&request));
}

#[test]
fn a_posted_response_is_accepted_where_it_was_asked_for() {
    // the transaction's cookie is `None`, or it would not come along.
    posting(|_, browser, response| {
        let finished = browser.send(&Asked::form_from_elsewhere(response.path(), &response.encoded()));
        assert_eq!(finished.event["reason"], "login.succeeded");
        assert!(finished.reply().body.contains("0;url=/app/a"));
        browser.go("/app/a").forwarded();
    });
}

#[test]
fn a_posted_response_stands_in_the_body_alone() {
    //
    let assert = |asked: fn(&AuthorizationResponse) -> Asked, status: u16, reason: &str| {
        posting(|world, browser, response| {
            browser.send(&asked(&response)).assert_refused(status, reason);
            assert_eq!(world.asked(Endpoint::Token), 0);
        });
    };
    let mixed = |response: &AuthorizationResponse| {
        let path = format!("{}?code={}", response.path(), response.get("code"));
        Asked::form_from_elsewhere(&path, &response.encoded())
    };
    assert(mixed, 400, "callback.query_and_body");
    assert(|response| Asked::from_elsewhere(&response.target()), 400, "callback.wrong_response_mode");
    let json = |response: &AuthorizationResponse| {
        Asked::new("POST", response.path()).with("content-type", "application/json").with_body(Ok("{}"))
    };
    assert(json, 400, "callback.wrong_response_mode");
    let broken = |response: &AuthorizationResponse| {
        Asked::form_from_elsewhere(response.path(), "").with_body(Err(BodyError::Unreadable))
    };
    assert(broken, 400, "callback.too_large");
    assert(|response| Asked::form_from_elsewhere(response.path(), &"x".repeat(70_000)), 400, "callback.too_large");
    assert(|response| Asked::form_from_elsewhere(response.path(), ""), 400, "callback.state_missing");
}

#[test]
fn a_posted_response_is_refused_where_a_query_was_asked_for() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin(""));
    let asked = Asked::form_from_elsewhere(response.path(), &response.encoded());
    browser.send(&asked).assert_refused(400, "callback.wrong_response_mode");
    browser.send(&Asked::new("PUT", response.path())).assert_refused(405, "route.method_not_allowed");
    assert_eq!(world.asked(Endpoint::Token), 0);
}

#[test]
fn a_response_in_the_wrong_place_ends_the_login_that_it_names() {
    //
    type Bend = fn(&AuthorizationResponse) -> Asked;
    let misplaced: [(Bend, &str); 4] = [
        (|response| Asked::from_elsewhere(&response.target()), "callback.wrong_response_mode"),
        (|response| Asked::form_from_elsewhere(&response.target(), ""), "callback.query_and_body"),
        (
            |response| {
                let path = format!("{}?state=another", response.path());
                Asked::form_from_elsewhere(&path, &response.encoded())
            },
            "callback.query_and_body",
        ),
        (
            |response| Asked::form_from_elsewhere(&response.target(), "").with_body(Err(BodyError::TooLarge)),
            "callback.too_large",
        ),
    ];
    for (misplace, reason) in misplaced {
        posting(|world, browser, response| {
            let name = browser.logins_under_way()[0].clone();
            let value = browser.cookie(&name).unwrap();
            browser.send(&misplace(&response)).assert_refused(400, reason);
            assert!(browser.logins_under_way().is_empty(), "{reason}: its cookie is still there");
            browser.plant(&name, &value);
            let proper = Asked::form_from_elsewhere(response.path(), &response.encoded());
            let cookie = format!("{name}={value}");
            browser.send(&proper.with("cookie", &cookie)).assert_refused(400, "callback.already_used");
            assert_eq!((world.asked(Endpoint::Token), world.sessions()), (0, 0));
        });
    }
}

#[test]
fn the_page_after_a_login_tells_nobody_where_it_came_from() {
    //
    let (_, answered) = bent(|_| ());
    let reply = answered.reply();
    assert_eq!(reply.status.as_u16(), 200);
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
        ("vary", "Cookie, Accept-Language"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        assert_eq!(reply.headers[name], value, "{name}");
    }
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!reply.body.contains("http:") && !reply.body.contains("https:") && !reply.body.contains("<script"));
}
