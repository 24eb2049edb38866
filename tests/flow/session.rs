//! Sessions over time: their clocks, their cookie, and what a new login does to them.

use serde_json::{Value, json};

use crate::support::{Asked, Browser, Fault, World, gateway, variables};

const SESSION: &str = "__Host-postern";
const MINUTE: i64 = 60;

fn me() -> Asked {
    Asked::script("GET", "/auth/me")
}

#[test]
fn a_session_ends_after_the_idle_time_and_lasts_while_it_is_used() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for _ in 0..4 {
        world.wait(59 * MINUTE);
        browser.go("/app/a").forwarded();
    }
    world.wait(60 * MINUTE);
    let gone = browser.send(&me());
    gone.assert_refused(401, "session.gone");
    // deleted as it was set.
    assert_eq!(gone.set_cookies(), ["__Host-postern=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0"]);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_session_ends_after_the_absolute_time_however_much_it_is_used() {
    // from its beginning, however long the sign-in took.
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let begun = browser.begin("provider=corp");
    world.wait(9 * MINUTE);
    assert_eq!(browser.come_back(&world.corp.authorize(&begun)).event["reason"], "login.succeeded");
    for _ in 0..15 {
        world.wait(30 * MINUTE);
        browser.go("/app/a").forwarded();
    }
    world.wait(30 * MINUTE - 1);
    browser.go("/app/a").forwarded();
    world.wait(1);
    let gone = browser.go("/app/a");
    assert_eq!((gone.event["reason"].as_str(), gone.reply().status.as_u16()), (Some("session.gone"), 302));
}

#[test]
fn a_visitor_without_a_session_is_null_where_that_is_asked_for_and_401_elsewhere() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let ask = || Asked::script("GET", "/auth/me?anonymous=null&touch=false");
    let none = |browser: &Browser<'_>, detail: &str| {
        let answered = browser.send(&ask());
        assert_eq!((answered.reply().status.as_u16(), answered.json()), (200, Value::Null));
        assert_eq!(answered.event["outcome"], "allow");
        assert_eq!((&answered.event["reason"], &answered.event["detail"]), (&json!("session.none"), &json!(detail)));
        assert_eq!(answered.reply().headers["cache-control"], "private, no-store");
    };
    none(&Browser::new(&world, &gateway), "authn.no_credential");
    let browser = Browser::new(&world, &gateway).signed_in();
    assert!(browser.send(&ask()).json()["subject"].is_string());
    // Whether there is a session is not known: that is no null.
    world.fault.set(Fault::Sessions);
    assert_eq!(browser.send(&ask()).reply().status.as_u16(), 503);
    world.fault.set(Fault::None);
    world.wait(61 * MINUTE);
    none(&browser, "session.gone");
    browser.send(&me()).assert_refused(401, "session.gone");
}

#[test]
fn watching_a_session_does_not_keep_it_alive() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for _ in 0..3 {
        world.wait(15 * MINUTE);
        browser.send(&Asked::script("GET", "/quiet")).forwarded();
        assert_eq!(browser.send(&Asked::script("GET", "/auth/me?touch=false")).reply().status.as_u16(), 200);
    }
    world.wait(15 * MINUTE);
    browser.send(&me()).assert_refused(401, "session.gone");
}

#[test]
fn a_new_login_has_a_new_id_and_the_old_one_is_dead_at_once() {
    //
    for same_site in ["strict", "lax"] {
        for who in ["alice", "bob"] {
            let mut variables = variables();
            variables["SESSION"] = json!({ "same_site": same_site });
            let (world, gateway) = (World::new(), gateway(&variables));
            let browser = Browser::new(&world, &gateway).signed_in();
            let old = browser.cookie(SESSION).unwrap();
            world.corp.bend_claims(move |claims| claims["sub"] = who.into());
            let browser = browser.signed_in();
            assert_ne!(browser.cookie(SESSION).unwrap(), old);
            assert_eq!(world.sessions(), 1, "{same_site}, {who}");
            assert_eq!(browser.send(&me()).json()["subject"], who);
            browser.plant(SESSION, &old);
            browser.send(&me()).assert_refused(401, "session.gone");
        }
    }
}

#[test]
fn tabs_that_sign_in_at_once_leave_one_session() {
    // also where a `Strict` cookie stays behind on the way back.
    for same_site in ["strict", "lax"] {
        for order in [[0, 1, 2], [2, 0, 1]] {
            let mut variables = variables();
            variables["SESSION"] = json!({ "same_site": same_site });
            let (world, gateway) = (World::new(), gateway(&variables));
            let browser = Browser::new(&world, &gateway);
            let responses: Vec<_> = (0..3).map(|_| world.corp.authorize(&browser.begin(""))).collect();
            for (finished, tab) in order.into_iter().enumerate() {
                let subject = ["alice", "bob", "bob"][finished];
                world.corp.bend_claims(move |claims| claims["sub"] = subject.into());
                let answered = browser.come_back(&responses[tab]);
                assert_eq!(answered.event["reason"], "login.succeeded");
                assert_eq!(world.sessions(), 1, "{same_site}, {order:?}, {finished}");
                assert_eq!(browser.logins_under_way().len(), 2 - finished);
            }
            assert_eq!(browser.send(&me()).json()["subject"], "bob");
        }
    }
}

#[test]
fn a_logout_in_one_tab_overtakes_the_logins_of_the_others() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let responses: Vec<_> = (0..2).map(|_| world.corp.authorize(&browser.begin(""))).collect();
    browser.come_back(&responses[0]);
    browser.send(&Asked::script("POST", "/auth/logout"));
    browser.come_back(&responses[1]).assert_refused(400, "login.overtaken_by_logout");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_login_in_another_tab_lasts_no_longer_for_that() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let first = world.corp.authorize(&browser.begin(""));
    world.wait(5);
    let second = world.corp.authorize(&browser.begin(""));
    world.wait(9 * MINUTE);
    let finished = browser.come_back(&first);
    let told = finished
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("__Host-postern-login-") && !cookie.contains("Max-Age=0"));
    assert!(told.unwrap().ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"));
    world.wait(MINUTE);
    browser.come_back(&second).assert_refused(400, "callback.no_transaction");
}

#[test]
fn a_planted_cookie_is_not_the_session_after_a_login() {
    // of somebody else's session, and of none.
    let (world, gateway) = (World::new(), gateway(&variables()));
    let attacker = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["sub"] = "victim".into());
    for planted in [attacker.cookie(SESSION).unwrap(), "1.k1.AA.AA".to_owned(), "2.k1.AA.AA".to_owned()] {
        let victim = Browser::new(&world, &gateway);
        victim.plant(SESSION, &planted);
        let victim = victim.signed_in();
        assert_ne!(victim.cookie(SESSION).unwrap(), planted);
    }
    attacker.send(&me()).assert_refused(401, "session.gone");
}

#[test]
fn a_login_fails_while_the_session_of_somebody_else_before_it_cannot_be_ended() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let old = browser.cookie(SESSION).unwrap();
    world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
    world.fault.set(Fault::Ends);
    browser.login().assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    assert_eq!((browser.cookie(SESSION), world.sessions()), (Some(old), 1));
    assert_eq!(browser.send(&me()).json()["subject"], "alice");
}

#[test]
fn a_failed_login_leaves_the_session_as_it_was() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_claims(|claims| claims["nonce"] = "x".into());
    browser.login().assert_refused(400, "id_token.nonce_mismatch");
    assert_eq!(browser.send(&me()).reply().status.as_u16(), 200);
}

#[test]
fn the_oldest_session_makes_room() {
    //
    let mut variables = variables();
    variables["SESSION"] = json!({ "max_per_subject": 2 });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browsers: Vec<_> = (0..3)
        .map(|_| {
            world.wait(1);
            Browser::new(&world, &gateway).signed_in()
        })
        .collect();
    let statuses: Vec<u16> = browsers.iter().map(|browser| browser.send(&me()).reply().status.as_u16()).collect();
    assert_eq!((statuses, world.sessions()), (vec![401, 200, 200], 2));
}

#[test]
fn a_cookie_that_was_not_made_here_reaches_no_storage() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let value = browser.cookie(SESSION).unwrap();
    let calls = world.session_calls.get();
    for forged in [String::new(), "x".to_owned(), format!("{value}A"), value.replace("2.k1", "2.k2"), "a".repeat(4000)]
    {
        browser.plant(SESSION, &forged);
        let refused = browser.send(&me());
        refused.assert_refused(401, "session.cookie_forged");
        assert!(browser.cookie(SESSION).is_none(), "the cookie is taken away");
    }
    browser.plant(SESSION, &value);
    browser.send(&me().with("cookie", &format!("{SESSION}={value}"))).assert_refused(401, "session.cookie_repeated");
    assert_eq!(world.session_calls.get(), calls);
}

#[test]
fn an_expired_access_token_sends_people_to_sign_in_but_never_in_circles() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.bend_tokens(|tokens| tokens["refresh_token"] = Value::Null);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(600);
    // The session itself goes on.
    browser.go("/app/a").forwarded();
    let challenged = browser.go("/api/a");
    assert_eq!(
        (challenged.reply().status.as_u16(), challenged.location().as_str()),
        (302, "/auth/login?return_to=%2Fapi%2Fa&fragment=keep")
    );
    browser.send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.access_token_expired");
    // A provider whose tokens are never any good.
    world.corp.bend_tokens(|tokens| {
        tokens["expires_in"] = json!(0);
        tokens["refresh_token"] = Value::Null;
    });
    let browser = browser.signed_in();
    browser.go("/api/a").assert_refused(401, "session.access_token_expired");
    world.wait(60);
    assert_eq!(browser.go("/api/a").reply().status.as_u16(), 302);
}

#[test]
fn nothing_but_the_configured_claims_is_kept_and_no_token_is_shown() {
    //
    let mut variables = variables();
    variables["SESSION"] = json!({ "claims": ["name"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    world.corp.bend_claims(|claims| claims["email"] = "alice@corp.example".into());
    let me = Browser::new(&world, &gateway).signed_in().send(&me());
    assert_eq!(me.json()["claims"], json!({ "name": "Alice" }));
    assert_eq!(me.reply().headers["cache-control"], "private, no-store");
    assert!(!me.reply().body.contains("eyJ"), "{}", me.reply().body);
}
