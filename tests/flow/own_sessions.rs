//! `/auth/sessions`: people see where they are signed in, and end it.

use serde_json::{Value, json};

use crate::agents_approvals::with_agents;
use crate::own_keys::{developer, with_keys};
use crate::support::{Answered, Asked, Browser, World, gateway, variables};

const SESSION: &str = "__Host-postern";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

fn list(browser: &Browser<'_>) -> Vec<Value> {
    let answered = browser.send(&Asked::script("GET", "/auth/sessions"));
    answered.json()["sessions"].as_array().unwrap().clone()
}

fn id_of(browser: &Browser<'_>) -> String {
    let listed = list(browser);
    let current = listed.iter().find(|one| one["current"] == json!(true)).unwrap();
    current["id"].as_str().unwrap().to_owned()
}

fn status(answered: &Answered) -> u16 {
    answered.reply().status.as_u16()
}

#[test]
fn programs_get_every_session_of_the_person_and_of_nobody_else() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let one = Browser::new(&world, &gateway).signed_in();
    world.wait(60);
    let other = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
    let bob = Browser::new(&world, &gateway).signed_in();
    let listed = list(&one);
    assert_eq!(listed.iter().map(|one| one["current"].clone()).collect::<Vec<_>>(), [json!(false), json!(true)]);
    assert_eq!(listed[1]["place"], "Lisbon, PT");
    let now = world.now.get();
    assert_eq!((&listed[1]["created_at"], &listed[1]["last_seen"]), (&json!(now - 60), &json!(now - 60)));
    assert_eq!(listed[1]["expires_at"], json!(now - 60 + 8 * 3600));
    let mut members: Vec<&String> = listed[0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["created_at", "current", "device", "expires_at", "id", "last_seen", "place"]);
    assert_eq!((list(&other).len(), list(&bob).len()), (2, 1));
    assert!(!one.cookie(SESSION).unwrap().contains(listed[1]["id"].as_str().unwrap()));
}

#[test]
fn people_get_a_page_with_a_button_for_each() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let begun = world.corp.authorize(&browser.begin("provider=corp"));
    browser.send(&Asked::from_elsewhere(&begun.target()).with("user-agent", FIREFOX));
    let _elsewhere = Browser::new(&world, &gateway).signed_in();
    let answered = browser.go("/auth/sessions");
    let page = &answered.reply().body;
    assert!(page.contains("Firefox on Linux") && page.contains("An unknown device") && page.contains("Lisbon, PT"));
    assert!(page.contains(&format!(r#"action="/auth/sessions/{}/end""#, id_of(&browser))), "{page}");
    assert!(page.contains(r#"action="/auth/sessions/end-others""#) && !page.contains("Mozilla"));
    // Under `no-referrer` its forms would come with `Origin: null`.
    assert_eq!(answered.reply().headers["referrer-policy"], "same-origin");
    assert_eq!(
        (&answered.event["event"], &answered.event["reason"]),
        (&json!("session.list"), &json!("session.listed"))
    );
}

#[test]
fn who_is_not_signed_in_signs_in_first_and_programs_are_refused() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let nobody = Browser::new(&world, &gateway);
    assert_eq!(nobody.go("/auth/sessions").location(), "/auth/login?return_to=%2Fauth%2Fsessions&fragment=keep");
    let arrived = nobody.come_back(&world.corp.authorize(&nobody.begin("return_to=%2Fauth%2Fsessions")));
    assert!(arrived.reply().body.contains("content=\"0;url=/auth/sessions\""), "{}", arrived.reply().body);
    let nobody = Browser::new(&world, &gateway);
    nobody.send(&Asked::script("GET", "/auth/sessions")).assert_refused(401, "authn.no_credential");
    for (method, path) in [("DELETE", "/auth/sessions"), ("DELETE", "/auth/sessions/AAAAAAAAAAAAAAAA")] {
        nobody.send(&Asked::script(method, path)).assert_refused(401, "authn.no_credential");
    }
    for path in ["/auth/sessions/end-others", "/auth/sessions/AAAAAAAAAAAAAAAA/end"] {
        nobody.send(&Asked::form(path)).assert_refused(401, "authn.no_credential");
    }
}

/// The lists that people have of what is theirs.
const LISTS: [&str; 4] = ["/auth/sessions", "/auth/keys", "/auth/second", "/auth/approvals"];

/// A deployment with all of them.
fn with_lists() -> Value {
    let mut variables = with_agents();
    variables["KEYS"] = with_keys()["KEYS"].take();
    variables["SECOND"] = json!({});
    variables
}

/// Asks for a list three times in three quarters of an hour, and comes back after an hour: the session may be idle for half of one.
fn watched(path: &str, asked: impl Fn(&Browser<'_>) -> Answered, came_back: impl Fn(&Browser<'_>)) {
    let (world, gateway) = (World::new(), gateway(&with_lists()));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    for _ in 0..3 {
        world.wait(15 * 60);
        let answered = asked(&browser);
        assert_eq!(status(&answered), 200, "{path}: {}", answered.event);
    }
    world.wait(15 * 60);
    came_back(&browser);
}

#[test]
fn a_program_that_watches_a_list_keeps_no_session_alive() {
    // R-179
    for path in LISTS {
        let asked = |browser: &Browser<'_>| browser.send(&Asked::script("GET", path));
        watched(path, asked, |browser| asked(browser).assert_refused(401, "session.gone"));
    }
}

#[test]
fn a_person_who_looks_at_a_list_keeps_the_session_alive() {
    // R-179
    for path in LISTS {
        watched(path, |browser| browser.go(path), |browser| assert!(browser.is_in(), "{path}"));
    }
}

#[test]
fn one_session_ends_and_is_nobody_with_the_next_request() {
    // R-183
    let (world, gateway) = (World::new(), gateway(&variables()));
    let (one, other) = (Browser::new(&world, &gateway).signed_in(), Browser::new(&world, &gateway).signed_in());
    let third = Browser::new(&world, &gateway).signed_in();
    let answered = one.send(&Asked::script("DELETE", &format!("/auth/sessions/{}", id_of(&other))));
    assert_eq!((status(&answered), answered.json()), (200, json!({ "ended": 1 })));
    assert_eq!((&answered.event["event"], &answered.event["ended"]), (&json!("session.end"), &json!(1)));
    other.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "session.gone");
    let by_form = one.send(&Asked::form(&format!("/auth/sessions/{}/end", id_of(&third))));
    assert_eq!((status(&by_form), by_form.location().as_str()), (303, "/auth/sessions"));
    assert!(one.is_in() && !third.is_in());
}

#[test]
fn ending_the_session_at_hand_takes_the_cookie_away() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let old = browser.cookie(SESSION).unwrap();
    let answered = browser.send(&Asked::form(&format!("/auth/sessions/{}/end", id_of(&browser))));
    assert_eq!((status(&answered), answered.location().as_str()), (303, "/auth/logged-out"));
    assert!(browser.cookie(SESSION).is_none());
    browser.plant(SESSION, &old);
    assert!(!browser.is_in());
}

#[test]
fn everywhere_else_is_everywhere_else() {
    // R-183
    for asked in [Asked::script("DELETE", "/auth/sessions"), Asked::form("/auth/sessions/end-others")] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browsers: Vec<_> = (0..4).map(|_| Browser::new(&world, &gateway).signed_in()).collect();
        world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
        let bob = Browser::new(&world, &gateway).signed_in();
        let answered = browsers[2].send(&asked);
        assert_eq!((&answered.event["event"], &answered.event["ended"]), (&json!("session.end_others"), &json!(3)));
        assert_eq!(browsers.iter().map(Browser::is_in).collect::<Vec<_>>(), [false, false, true, false]);
        assert!(bob.is_in());
    }
}

#[test]
fn nobody_ends_the_session_of_another() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let alice = Browser::new(&world, &gateway).signed_in();
    let id = id_of(&alice);
    world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
    let bob = Browser::new(&world, &gateway).signed_in();
    bob.send(&Asked::script("DELETE", &format!("/auth/sessions/{id}"))).assert_refused(404, "session.unknown");
    bob.send(&Asked::script("DELETE", &format!("/auth/sessions/{id}?subject=alice&provider=corp")))
        .assert_refused(404, "session.unknown");
    let by_form = bob.send(&Asked::form(&format!("/auth/sessions/{id}/end")));
    assert_eq!((&by_form.event["reason"], &by_form.event["ended"]), (&json!("session.unknown"), &json!(0)));
    for path in ["x", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA.", "x/end", "a/b/end"] {
        bob.send(&Asked::script("DELETE", &format!("/auth/sessions/{path}"))).assert_refused(404, "route.none");
    }
    assert!(alice.is_in() && bob.is_in());
}

#[test]
fn no_other_site_and_no_other_method_ends_a_session() {
    // R-166
    let (world, gateway) = (World::new(), gateway(&variables()));
    let (browser, other) = (Browser::new(&world, &gateway).signed_in(), Browser::new(&world, &gateway).signed_in());
    let one = format!("/auth/sessions/{}", id_of(&other));
    let places = [
        ("DELETE", "/auth/sessions"),
        ("DELETE", &one),
        ("POST", &format!("{one}/end")),
        ("POST", "/auth/sessions/end-others"),
    ];
    for (method, path) in places {
        let sibling = Asked::new(method, path).with("sec-fetch-site", "same-site");
        browser.send(&sibling).assert_refused(403, "csrf.fetch_site");
        let foreign = Asked::new(method, path).with("origin", "https://evil.example");
        browser.send(&foreign).assert_refused(403, "csrf.origin");
        browser.send(&Asked::new(method, path).with("origin", "null")).assert_refused(403, "csrf.origin");
        browser.send(&Asked::new(method, path)).assert_refused(403, "csrf.no_evidence");
    }
    for (method, path) in [
        ("POST", "/auth/sessions"),
        ("GET", &one),
        ("GET", &format!("{one}/end")),
        ("GET", "/auth/sessions/end-others"),
    ] {
        browser.send(&Asked::script(method, path)).assert_refused(405, "route.method_not_allowed");
    }
    assert!(other.is_in());
}
