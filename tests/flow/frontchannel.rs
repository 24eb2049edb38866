//! `/auth/frontchannel-logout/{provider}`: off by default, and no more than its parameters prove.

use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, Cost, Fault, World, gateway, two_providers};

const PATH: &str = "/auth/frontchannel-logout/corp";

fn turned_on() -> Value {
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["frontchannel_logout"] = json!(true);
    variables
}

fn query(iss: &str, sid: &str) -> String {
    let pairs =
        form_urlencoded::Serializer::new(String::new()).append_pair("iss", iss).append_pair("sid", sid).finish();
    format!("{PATH}?{pairs}")
}

/// A frame of the provider's page: our cookie stays behind where the provider is another site.
fn frame(path: &str) -> Asked {
    Asked::new("GET", path).with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "iframe")
}

#[track_caller]
fn assert_done(answered: &Answered, reason: &str) {
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&Value::from(reason), 200));
    assert_eq!(answered.event["event"], "logout.frontchannel");
}

#[test]
fn it_is_not_there_unless_it_is_turned_on() {
    //
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    browser.send(&frame(&query(CORP, "a-1"))).assert_refused(404, "route.none");
    browser.send(&frame(PATH)).assert_refused(404, "route.none");
    let on = crate::support::gateway(&turned_on());
    let elsewhere = Browser::new(&world, &on);
    elsewhere.send(&frame("/auth/frontchannel-logout/partner")).assert_refused(404, "route.none");
    elsewhere.send(&frame("/auth/frontchannel-logout/nobody")).assert_refused(404, "route.none");
    elsewhere.send(&Asked::script("POST", PATH)).assert_refused(405, "route.method_not_allowed");
    assert!(browser.is_in());
}

#[test]
fn a_named_session_ends_without_a_cookie_and_no_other_does() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let one = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let two = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
    let three = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    let nobody = Browser::new(&world, &gateway);
    assert_done(&nobody.send(&frame(&query(CORP, "a-1"))), "logout.sessions_ended");
    assert_eq!([&one, &two, &three].map(Browser::is_in), [false, true, true]);
    assert_done(&nobody.send(&frame(&query(CORP, "a-1"))), "logout.no_session");
    assert_done(&nobody.send(&frame(&query(CORP, "unknown"))), "logout.no_session");
    assert_eq!([&one, &two, &three].map(Browser::is_in), [false, true, true]);
}

#[test]
fn a_name_that_was_only_guessed_keeps_nobody_out() {
    // Unlike a logout token, it proves nothing: it must not stop the login that comes after it.
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    world.corp.bend_claims(|claims| claims["sid"] = "a-1".into());
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin("provider=corp"));
    Browser::new(&world, &gateway).send(&frame(&query(CORP, "a-1")));
    assert_eq!(browser.come_back(&response).event["reason"], "login.succeeded");
}

#[test]
fn half_a_name_a_wrong_one_or_two_end_nothing() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let good = query(CORP, "a-1");
    for (path, reason) in [
        (format!("{PATH}?iss={CORP}"), "logout_request.iss_or_sid_missing"),
        (query(CORP, ""), "logout_request.iss_or_sid_missing"),
        (query("", "a-1"), "logout_request.iss_mismatch"),
        (query(&format!("{CORP}/"), "a-1"), "logout_request.iss_mismatch"),
        (query("https://op.partner.example", "a-1"), "logout_request.iss_mismatch"),
        (format!("{good}&sid=a-1"), "logout_request.repeated_parameter"),
        (format!("{good}&iss={CORP}"), "logout_request.repeated_parameter"),
        (format!("{PATH}?sid=a-1&sid=a-1"), "logout_request.repeated_parameter"),
    ] {
        browser.send(&frame(&path)).assert_refused(400, reason);
        Browser::new(&world, &gateway).send(&frame(&path)).assert_refused(400, reason);
        assert!(browser.is_in(), "{path}");
    }
}

#[test]
fn with_a_cookie_the_name_has_to_be_that_of_this_session() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    alice.send(&frame(&query(CORP, "b-1"))).assert_refused(400, "logout_request.not_this_session");
    assert!(alice.is_in() && bob.is_in());
    assert_done(&alice.send(&frame(&query(CORP, "a-1"))), "logout.sessions_ended");
    assert_eq!((alice.is_in(), bob.is_in()), (false, true));
}

#[test]
fn without_a_name_nothing_ends_whoever_frames_it() {
    // any page of the same site can, and there the cookie comes along.
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let same_site = frame(PATH).with("sec-fetch-site", "same-site");
    let own = frame(PATH).with("sec-fetch-site", "same-origin");
    let padded = frame(&format!("{PATH}?other=x"));
    for asked in [frame(PATH), same_site, own, padded] {
        let (answered, cost) = world.cost_of(|| alice.send(&asked));
        assert_done(&answered, "logout.no_session");
        assert_eq!((cost, answered.event.get("subject")), (Cost::default(), None));
    }
    assert!(alice.is_in());
}

#[test]
fn a_name_alone_is_enough_for_the_path_says_of_which_provider() {
    // as Entra ID sends it.
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let with_cookie = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let without = Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
    let other = Browser::new(&world, &gateway).signed_in_as("bob", "b-1");
    let partner = Browser::new(&world, &gateway);
    world.partner.bend_claims(|claims| claims["sid"] = "a-1".into());
    partner.login_at(&world.partner, "provider=partner");
    other.send(&frame(&format!("{PATH}?sid=a-1"))).assert_refused(400, "logout_request.not_this_session");
    // Another provider may call its own session by the same name.
    partner.send(&frame(&format!("{PATH}?sid=a-1"))).assert_refused(400, "logout_request.not_this_session");
    assert_done(&with_cookie.send(&frame(&format!("{PATH}?sid=a-1"))), "logout.sessions_ended");
    let nobody = Browser::new(&world, &gateway);
    assert_done(&nobody.send(&frame(&format!("{PATH}?sid=a-2&x=y"))), "logout.sessions_ended");
    let all = [&with_cookie, &without, &other, &partner].map(Browser::is_in);
    assert_eq!(all, [false, false, true, true]);
}

#[test]
fn a_name_that_ends_nothing_is_looked_up_and_writes_nothing() {
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    alice.send(&Asked::script("POST", "/auth/logout"));
    let nobody = Browser::new(&world, &gateway);
    // Made up, and once good: of this one the index still says whose it was.
    for (sid, requests) in [("made-up", 1), ("a-1", 2)] {
        let (answered, cost) = world.cost_of(|| nobody.send(&frame(&query(CORP, sid))));
        assert_done(&answered, "logout.no_session");
        assert_eq!(cost, Cost { requests, ..Cost::default() }, "{sid}");
    }
}

#[test]
fn frames_from_one_address_are_limited_unasked() {
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let nobody = Browser::new(&world, &gateway);
    let guess = |at: usize| nobody.send(&frame(&query(CORP, &format!("s-{at}"))));
    for at in 0..60 {
        assert_done(&guess(at), "logout.no_session");
    }
    let (refused, cost) = world.cost_of(|| guess(60));
    refused.assert_refused(429, "limit.frontchannel_logout");
    assert_eq!((cost, &refused.event["event"]), (Cost::default(), &Value::from("logout.frontchannel")));
}

#[test]
fn no_link_and_no_image_signs_anybody_out() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let image = Asked::new("GET", PATH).with("sec-fetch-mode", "no-cors").with("sec-fetch-dest", "image");
    for asked in [
        Asked::navigation(PATH),
        Asked::from_elsewhere(PATH),
        Asked::script("GET", PATH),
        Asked::new("GET", PATH),
        image,
    ] {
        assert_done(&browser.send(&asked), "logout.no_session");
    }
    assert!(browser.is_in());
}

#[test]
fn only_the_provider_may_frame_it_and_nobody_frames_anything_else() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let browser = Browser::new(&world, &gateway);
    let policy = |answered: &Answered| {
        let headers = &answered.reply().headers;
        assert_eq!(headers["cache-control"], "private, no-store");
        assert_eq!(headers.get_all("content-security-policy").iter().count(), 1);
        headers["content-security-policy"].to_str().unwrap().to_owned()
    };
    let framed = policy(&browser.send(&frame(&query(CORP, "a-1"))));
    assert!(
        framed.contains("default-src 'none'") && framed.contains("frame-ancestors https://login.corp.example;"),
        "{framed}"
    );
    for path in ["/auth/logged-out", "/auth/login", "/auth/health", &format!("{PATH}?iss=a")] {
        assert!(policy(&browser.send(&frame(path))).contains("frame-ancestors 'none'"), "{path}");
    }
}

#[test]
fn a_logout_that_did_not_happen_is_not_reported_as_one() {
    //
    let (world, gateway) = (World::new(), gateway(&turned_on()));
    let browser = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let nobody = Browser::new(&world, &gateway);
    for (fault, who, reason) in [
        (Fault::SidIndex, &nobody, "store.unavailable"),
        (Fault::Sessions, &nobody, "store.unavailable"),
        (Fault::OddAnswers, &nobody, "store.malformed"),
        (Fault::Sessions, &browser, "store.unavailable"),
    ] {
        world.fault.set(fault);
        who.send(&frame(&query(CORP, "a-1"))).assert_refused(503, reason);
    }
    world.fault.set(Fault::None);
    assert!(browser.is_in());
}
