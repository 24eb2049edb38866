//! The session cookie and requests in the background: a browser applies answers in the order in which they come, so a late
//! one must not undo a sign-in in another tab.

use serde_json::{Value, json};

use super::verify::{deployment_with, forwarded, script};
use crate::support::{Asked, Browser, World, gateway, gateway_with_keys, key, variables};

const SESSION: &str = "__Host-postern";

/// Every way in which a page asks in the background, and a program, for something that a session opens.
fn in_the_background() -> Vec<(&'static str, Asked)> {
    let from = |mode: &str, dest: &str| {
        let asked = Asked::new("GET", "/app/a").with("sec-fetch-site", "same-origin");
        asked.with("sec-fetch-mode", mode).with("sec-fetch-dest", dest)
    };
    vec![
        ("fetch", Asked::script("GET", "/app/a")),
        ("fetch with a method", Asked::script("POST", "/app/a")),
        ("relayed", Asked::script("GET", "/api/a")),
        ("image", from("no-cors", "image")),
        ("frame", from("navigate", "iframe")),
        ("loaded ahead", Asked::navigation("/app/a").with("sec-purpose", "prefetch")),
        ("socket", Asked::new("GET", "/app/a").with("origin", crate::support::ORIGIN).with("upgrade", "websocket")),
        ("program", Asked::new("GET", "/app/a").with("x-postern-csrf", "1")),
        ("watch", Asked::script("GET", "/auth/me?touch=false")),
        ("list", Asked::script("GET", "/auth/sessions")),
        ("end others", Asked::script("DELETE", "/auth/sessions")),
        ("end one", Asked::script("DELETE", "/auth/sessions/AAAAAAAAAAAAAAAA")),
        ("management", Asked::script("GET", "/auth/admin")),
    ]
}

fn administered() -> Value {
    let mut vars = variables();
    vars["ADMIN"] = json!({ "principals": ["corp|root"] });
    vars
}

#[test]
fn no_answer_to_a_request_in_the_background_deletes_the_cookie() {
    //
    let forged = |_: &Browser<'_>| "forged".to_owned();
    let ended = |browser: &Browser<'_>| {
        let old = browser.cookie(SESSION).unwrap();
        browser.send(&Asked::script("POST", "/auth/logout"));
        old
    };
    let expired = |browser: &Browser<'_>| {
        browser.world.wait(40 * 86_400);
        browser.cookie(SESSION).unwrap()
    };
    for (why, make) in [("forged", forged as fn(&Browser<'_>) -> String), ("ended", ended), ("expired", expired)] {
        for (way, asked) in in_the_background() {
            let (world, gateway) = (World::new(), gateway(&administered()));
            let browser = Browser::new(&world, &gateway).signed_in();
            let value = make(&browser);
            browser.plant(SESSION, &value);
            let answered = browser.send(&asked);
            assert_eq!(answered.reply().status.as_u16(), 401, "{why} {way} {}", answered.event);
            assert_eq!(answered.set_cookies(), [""; 0], "{why} {way}");
            assert_eq!(browser.cookie(SESSION), Some(value), "{why} {way}");
        }
    }
}

#[test]
fn a_late_answer_leaves_the_sign_in_of_another_tab_alone() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let old = browser.cookie(SESSION).unwrap();
    let browser = browser.signed_in();
    let new = browser.cookie(SESSION).unwrap();
    // The poll left with the old cookie; its answer comes now.
    let late = Browser::new(&world, &gateway);
    late.plant(SESSION, &old);
    let answered = late.send(&Asked::script("GET", "/app/a"));
    answered.assert_refused(401, "session.gone");
    assert!(answered.set_cookies().is_empty());
    assert_eq!(browser.cookie(SESSION), Some(new));
    assert!(browser.is_in());
}

#[test]
fn a_cookie_of_no_use_is_taken_away_where_somebody_goes_and_where_the_session_is_asked_for() {
    //
    for asked in [
        Asked::navigation("/app/a"),
        Asked::navigation("/auth/sessions"),
        Asked::script("GET", "/auth/me"),
        Asked::navigation("/auth/me"),
        Asked::script("POST", "/auth/logout"),
        Asked::form("/auth/logout"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        browser.plant(SESSION, "forged");
        browser.send(&asked);
        assert!(browser.cookie(SESSION).is_none());
    }
}

#[test]
fn whoever_ends_the_session_at_hand_has_no_cookie_afterwards() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    let id = listed["sessions"][0]["id"].as_str().unwrap().to_owned();
    browser.send(&Asked::script("DELETE", &format!("/auth/sessions/{id}")));
    assert!(browser.cookie(SESSION).is_none());
}

#[test]
fn no_answer_to_a_request_in_the_background_makes_a_cookie_anew() {
    //
    let (old, new) = (key("k1", "C"), key("k2", "B"));
    for (way, asked) in in_the_background() {
        let (world, before) = (World::new(), gateway_with_keys(&administered(), &old));
        let browser = Browser::new(&world, &before).signed_in();
        let after = gateway_with_keys(&administered(), &format!("{new} {old}"));
        let there = Browser::new(&world, &after);
        let value = browser.cookie(SESSION).unwrap();
        there.plant(SESSION, &value);
        let answered = there.send(&asked);
        assert_eq!(answered.event["old_key"], json!(true), "{way} {}", answered.event);
        assert!(answered.set_cookies().is_empty(), "{way}");
        assert_eq!(there.cookie(SESSION), Some(value), "{way}");
    }
}

#[test]
fn a_proxy_that_asks_hands_on_no_cookie_but_to_people_who_go_somewhere() {
    let (world, gateway) = (World::new(), deployment_with(|_| ()));
    for (asked, is_deleted) in [(script(), false), (Asked::navigation("/auth/verify"), true)] {
        let browser = Browser::new(&world, &gateway);
        browser.plant(SESSION, "forged");
        let answered = browser.send(&forwarded(asked, "GET", "/app/a"));
        assert_eq!(!answered.set_cookies().is_empty(), is_deleted);
    }
}
