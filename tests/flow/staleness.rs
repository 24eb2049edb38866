//! `revocation`: routes that may rely on an earlier answer about a session; and keys that change.

use postern::gateway::Gateway;
use postern::keyring::KeyRing;
use postern::session::SessionHandle;
use serde_json::json;

use crate::support::{Asked, Browser, Fault, World, gateway, gateway_with_keys, key, variables};

const SESSION: &str = "__Host-postern";

/// A deployment whose `/stale/…` may be five seconds late, in as many isolates as one asks for.
fn isolate() -> Gateway {
    let mut variables = variables();
    variables["ROUTES"]["/stale/{*rest}"] = json!({ "upstream": "service:API", "revocation": "5s" });
    variables["ROUTES"]["/relayed/{*rest}"] =
        json!({ "upstream": "service:API", "revocation": "5s", "token": "relay" });
    gateway(&variables)
}

fn get(path: &str) -> Asked {
    Asked::script("GET", path)
}

/// The same browser, met by another isolate.
fn elsewhere<'w>(browser: &Browser<'w>, gateway: &'w Gateway) -> Browser<'w> {
    let there = Browser::new(browser.world, gateway);
    there.plant(SESSION, &browser.cookie(SESSION).unwrap());
    there
}

#[test]
fn the_object_is_asked_every_time_unless_the_route_says_otherwise() {
    //
    let (world, gateway) = (World::new(), isolate());
    let browser = Browser::new(&world, &gateway).signed_in();
    let calls = |path: &str| {
        let before = world.session_calls.get();
        browser.send(&get(path)).forwarded();
        world.session_calls.get() - before
    };
    assert_eq!([calls("/stale/a"), calls("/stale/a"), calls("/stale/b")], [1, 0, 0]);
    assert_eq!([calls("/app/a"), calls("/app/a"), calls("/api/a")], [1, 1, 1]);
    world.wait(5);
    assert_eq!([calls("/stale/a"), calls("/stale/a")], [1, 0]);
    let before = world.session_calls.get();
    browser.send(&get("/auth/me"));
    assert_eq!(world.session_calls.get() - before, 1);
}

#[test]
fn an_end_elsewhere_is_noticed_within_the_staleness_and_at_once_on_other_routes() {
    //
    let (world, here, there) = (World::new(), isolate(), isolate());
    let browser = Browser::new(&world, &here).signed_in();
    browser.send(&get("/stale/a")).forwarded();
    elsewhere(&browser, &there).send(&Asked::script("POST", "/auth/logout"));
    world.wait(4);
    browser.send(&get("/stale/a")).forwarded();
    world.wait(1);
    elsewhere(&browser, &here).send(&get("/stale/a")).assert_refused(401, "session.gone");
}

#[test]
fn a_route_that_asks_tells_those_that_do_not() {
    let (world, here, there) = (World::new(), isolate(), isolate());
    let browser = Browser::new(&world, &here).signed_in();
    browser.send(&get("/stale/a")).forwarded();
    elsewhere(&browser, &there).send(&Asked::script("POST", "/auth/logout"));
    let copy = elsewhere(&browser, &here);
    browser.send(&get("/app/a")).assert_refused(401, "session.gone");
    copy.send(&get("/stale/a")).assert_refused(401, "session.gone");
}

#[test]
fn an_end_in_this_isolate_is_noticed_at_once() {
    //
    let by_logout = |one: &Browser<'_>, _: &Browser<'_>| drop(one.send(&Asked::script("POST", "/auth/logout")));
    let by_another =
        |_: &Browser<'_>, other: &Browser<'_>| drop(other.send(&Asked::script("DELETE", "/auth/sessions")));
    let by_login = |one: &Browser<'_>, _: &Browser<'_>| drop(one.login());
    for end in [by_logout as fn(&Browser<'_>, &Browser<'_>), by_another, by_login] {
        let (world, gateway) = (World::new(), isolate());
        let (one, other) = (Browser::new(&world, &gateway).signed_in(), Browser::new(&world, &gateway).signed_in());
        one.send(&get("/stale/a")).forwarded();
        let copy = elsewhere(&one, &gateway);
        end(&one, &other);
        copy.send(&get("/stale/a")).assert_refused(401, "session.gone");
    }
}

#[test]
fn nobody_is_met_as_another() {
    let (world, gateway) = (World::new(), isolate());
    let alice = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
    let bob = Browser::new(&world, &gateway).signed_in();
    for _ in 0..3 {
        for (browser, name) in [(&alice, "alice"), (&bob, "bob")] {
            assert_eq!(browser.send(&get("/stale/a")).event["subject"], name);
            assert_eq!(browser.send(&get("/relayed/a")).event["subject"], name);
        }
    }
    let (one, other) = (alice.send(&get("/relayed/a")), bob.send(&get("/relayed/a")));
    let token = |answered: &crate::support::Answered| answered.forwarded().headers["authorization"].clone();
    assert_ne!(token(&one), token(&other));
    Browser::new(&world, &gateway).send(&get("/stale/a")).assert_refused(401, "authn.no_credential");
}

#[test]
fn a_session_that_is_used_there_alone_stays_alive_and_its_clocks_hold() {
    //
    let (world, gateway) = (World::new(), isolate());
    let browser = Browser::new(&world, &gateway).signed_in();
    for _ in 0..4 {
        world.wait(59 * 60);
        browser.send(&get("/stale/a")).forwarded();
    }
    world.wait(3600 - 2);
    browser.send(&get("/auth/me?touch=false"));
    world.wait(2);
    browser.send(&get("/stale/a")).assert_refused(401, "session.gone");
}

#[test]
fn changing_the_keys_signs_nobody_out_and_makes_their_cookies_anew() {
    let (old, new) = (key("k1", "C"), key("k2", "B"));
    let both = format!("{new} {old}");
    let (world, before) = (World::new(), gateway_with_keys(&variables(), &old));
    let browser = Browser::new(&world, &before).signed_in();
    let after = gateway_with_keys(&variables(), &both);
    // By an answer of our own, and by one of the upstream's.
    for asked in [get("/auth/me"), Asked::navigation("/app/a"), Asked::navigation("/auth/sessions")] {
        let path = asked.path().to_owned();
        let there = elsewhere(&browser, &after);
        let answered = there.send(&asked);
        assert_eq!(answered.event["old_key"], json!(true), "{path}");
        assert_eq!(answered.set_cookies().len(), 1, "{path}");
        let renewed = there.cookie(SESSION).unwrap();
        assert!(renewed.starts_with("2.k2.") && browser.cookie(SESSION).unwrap().starts_with("2.k1."));
        let again = there.send(&asked);
        assert!(again.event.get("old_key").is_none() && again.set_cookies().is_empty(), "{path}");
        // Once the old key is gone, who came by in the meantime is still in.
        let last = gateway_with_keys(&variables(), &new);
        assert_eq!(elsewhere(&there, &last).send(&get("/auth/me")).reply().status.as_u16(), 200);
        elsewhere(&browser, &last).send(&get("/auth/me")).assert_refused(401, "session.cookie_forged");
    }
    assert_eq!(world.sessions(), 1);
}

#[test]
fn an_end_of_which_nobody_knows_whether_it_happened_is_noticed_at_once() {
    //
    let by_logout = |one: &Browser<'_>, _: &Browser<'_>| one.send(&Asked::script("POST", "/auth/logout"));
    let by_another = |_: &Browser<'_>, other: &Browser<'_>| other.send(&Asked::script("DELETE", "/auth/sessions"));
    for end in [by_logout as fn(&Browser<'_>, &Browser<'_>) -> crate::support::Answered, by_another] {
        let (world, gateway) = (World::new(), isolate());
        let (one, other) = (Browser::new(&world, &gateway).signed_in(), Browser::new(&world, &gateway).signed_in());
        one.send(&get("/stale/a")).forwarded();
        let copy = elsewhere(&one, &gateway);
        world.fault.set(Fault::EndAnswers);
        assert_eq!(end(&one, &other).reply().status.as_u16(), 503);
        world.fault.set(Fault::None);
        copy.send(&get("/stale/a")).assert_refused(401, "session.gone");
    }
}

#[test]
fn a_cookie_of_the_release_before_is_made_anew() {
    //
    let (world, gateway) = (World::new(), isolate());
    let browser = Browser::new(&world, &gateway).signed_in();
    let keys = KeyRing::parse(&key("k1", "C")).unwrap();
    let handle = SessionHandle::from_cookie_value(&browser.cookie(SESSION).unwrap(), &keys).unwrap();
    let old = SessionHandle { began_at: None, ..handle.clone() }.to_cookie_value(&keys);
    assert!(old.expose().starts_with("1.k1."));
    browser.plant(SESSION, old.expose());
    let answered = browser.send(&get("/app/a"));
    answered.forwarded();
    assert_eq!((browser.cookie(SESSION).as_ref(), answered.event.get("old_key")), (Some(old.expose()), None));
    browser.go("/app/a").forwarded();
    assert_eq!(browser.cookie(SESSION).unwrap(), *handle.to_cookie_value(&keys).expose());
    // Nobody knows when that of a session that is over began: its object is asked, and says so.
    world.wait(40 * 86_400);
    browser.plant(SESSION, old.expose());
    let (answered, cost) = world.cost_of(|| browser.send(&get("/app/a")));
    answered.assert_refused(401, "session.gone");
    assert_eq!(cost.requests, 1);
}

#[test]
fn a_cookie_of_an_ended_session_is_not_made_anew() {
    let (old, new) = (key("k1", "C"), key("k2", "B"));
    let (world, before) = (World::new(), gateway_with_keys(&variables(), &old));
    let browser = Browser::new(&world, &before).signed_in();
    let copy = elsewhere(&browser, &before);
    browser.send(&Asked::script("POST", "/auth/logout"));
    let after = gateway_with_keys(&variables(), &format!("{new} {old}"));
    let there = elsewhere(&copy, &after);
    there.send(&get("/auth/me")).assert_refused(401, "session.gone");
    assert!(there.cookie(SESSION).is_none());
}
