//! `/auth/admin/*`: the sessions of others, for those whom the configuration names; and what ends sessions
//! without asking anybody: `not_before` and `session_max`.

use std::rc::Rc;

use postern::gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, World, gateway, two_providers};

const SESSION: &str = "__Host-postern";

fn revoke(order: &Value) -> Asked {
    Asked::script("POST", "/auth/admin/revoke")
        .with("content-type", "application/json")
        .with_body(Ok(&order.to_string()))
}

fn administered() -> Gateway {
    let mut variables = two_providers();
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    gateway(&variables)
}

fn signed_in<'w>(world: &'w World, gateway: &'w Gateway, subject: &'static str) -> Browser<'w> {
    world.corp.bend_claims(move |claims| claims["sub"] = subject.into());
    Browser::new(world, gateway).signed_in()
}

fn ended(answered: &Answered) -> Value {
    answered.json()["ended"].clone()
}

#[test]
fn administration_is_only_done_from_our_own_pages() {
    // R-166
    let (world, gateway) = (World::new(), administered());
    let (root, alice) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "alice"));
    let order = json!({ "provider": "corp", "subject": "alice" }).to_string();
    let bare =
        || Asked::new("POST", "/auth/admin/revoke").with("content-type", "application/json").with_body(Ok(&order));
    root.send(&bare()).assert_refused(403, "csrf.no_evidence");
    root.send(&bare().with("origin", "https://evil.example")).assert_refused(403, "csrf.origin");
    root.send(&bare().with("sec-fetch-site", "cross-site")).assert_refused(403, "csrf.fetch_site");
    root.send(&Asked::script("GET", "/auth/admin/revoke")).assert_refused(405, "route.method_not_allowed");
    root.send(&Asked::script("POST", "/auth/admin/sessions")).assert_refused(405, "route.method_not_allowed");
    assert!(alice.is_in());
}

#[test]
fn an_administrator_ends_all_sessions_of_a_person_or_one_or_the_older_ones() {
    // R-183
    let (world, gateway) = (World::new(), administered());
    let root = signed_in(&world, &gateway, "root");
    let browsers: Vec<_> = (0..4)
        .map(|_| {
            world.wait(10);
            signed_in(&world, &gateway, "alice")
        })
        .collect();
    let listed = root.send(&Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=alice")).json();
    let listed = listed["sessions"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 4);
    let alive = || browsers.iter().map(Browser::is_in).collect::<Vec<_>>();
    let order = |extra: Value| {
        let mut order = json!({ "provider": "corp", "subject": "alice" });
        order.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        revoke(&order)
    };
    assert_eq!(ended(&root.send(&order(json!({ "session": listed[0]["id"] })))), 1);
    assert_eq!(alive(), [true, true, true, false]);
    assert_eq!(ended(&root.send(&order(json!({ "before": listed[2]["created_at"] })))), 2);
    assert_eq!(alive(), [false, false, true, false]);
    assert_eq!(ended(&root.send(&order(json!({})))), 1);
    assert_eq!(alive(), [false; 4]);
    assert_eq!(ended(&root.send(&order(json!({})))), 0);
    assert!(root.is_in());
    // A login since then is none of those.
    world.wait(1);
    assert!(signed_in(&world, &gateway, "alice").is_in());
}

#[test]
fn an_order_that_is_not_exactly_one_ends_nothing() {
    let (world, gateway) = (World::new(), administered());
    let (root, alice) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "alice"));
    let tomorrow = world.now.get() + 86_400;
    for order in [
        json!({}),
        json!({ "subject": "alice" }),
        json!({ "provider": "corp" }),
        json!({ "provider": "nobody", "subject": "alice" }),
        json!({ "provider": "corp", "subject": "" }),
        json!({ "provider": "corp", "subject": 1 }),
        json!({ "provider": "corp", "subject": "a".repeat(256) }),
        json!({ "provider": "corp", "subject": "alice", "sesion": "x" }),
        json!({ "provider": "corp", "subject": "alice", "session": "x" }),
        json!({ "provider": "corp", "subject": "alice", "session": null }),
        json!({ "provider": "corp", "subject": "alice", "before": tomorrow }),
        json!({ "provider": "corp", "subject": "alice", "before": -1 }),
        json!({ "provider": "corp", "subject": "alice", "before": "2026" }),
        json!({ "provider": "corp", "subject": "alice", "before": 1, "session": "AAAAAAAAAAAAAAAA" }),
        json!({ "provider": "corp", "subject": "alice", "pad": "x".repeat(5000) }),
    ] {
        root.send(&revoke(&order)).assert_refused(400, "request.bad_input");
    }
    for text in ["", "[]", "{", r#"{"provider":"corp","provider":"corp","subject":"alice"}"#] {
        let asked = Asked::script("POST", "/auth/admin/revoke").with("content-type", "application/json");
        root.send(&asked.with_body(Ok(text))).assert_refused(400, "request.bad_input");
    }
    let good = json!({ "provider": "corp", "subject": "alice" }).to_string();
    let untyped = Asked::script("POST", "/auth/admin/revoke").with("content-type", "text/plain").with_body(Ok(&good));
    root.send(&untyped).assert_refused(400, "request.bad_input");
    for query in ["", "provider=corp", "provider=corp&subject=a&subject=b", "provider=corp&subject=a&x=1"] {
        let asked = Asked::script("GET", &format!("/auth/admin/sessions?{query}"));
        root.send(&asked).assert_refused(400, "request.bad_input");
    }
    assert!(alice.is_in());
}

/// The same deployment, configured anew.
fn with_not_before(place: &[&str], moment: &str) -> Gateway {
    let mut variables = two_providers();
    let mut table = &mut variables;
    for key in place {
        table = &mut table[*key];
    }
    table["not_before"] = json!(moment);
    gateway(&variables)
}

#[test]
fn everything_before_a_time_is_over_of_everyone_or_of_one_provider() {
    // R-183
    // The world begins at 2027-01-15T08:00:00Z.
    for (place, partner_lives) in [(&["SESSION"][..], false), (&["PROVIDERS", "corp"][..], true)] {
        let (world, before) = (World::new(), gateway(&two_providers()));
        let old = Browser::new(&world, &before).signed_in();
        let partner = Browser::new(&world, &before);
        partner.login_at(&world.partner, "provider=partner");
        world.wait(60);
        let after = with_not_before(place, "2027-01-15T08:01:00Z");
        let moved = |browser: &Browser<'_>| {
            let there = Browser::new(&world, &after);
            there.plant(SESSION, &browser.cookie(SESSION).unwrap());
            there
        };
        let there = moved(&old);
        there.send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.began_before_not_before");
        // It is ended too: by a copy of the cookie it is not even found.
        moved(&old).send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.gone");
        assert_eq!(moved(&partner).is_in(), partner_lives);
        // Who signs in from then on is in.
        assert!(Browser::new(&world, &after).signed_in().is_in());
    }
}

#[test]
fn a_time_to_come_keeps_nobody_out_until_it_has_come() {
    let world = World::new();
    let gateway = with_not_before(&["SESSION"], "2027-01-15T08:10:00Z");
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(599);
    assert!(browser.is_in());
    world.wait(1);
    browser.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "session.began_before_not_before");
}

#[test]
fn a_provider_may_have_shorter_sessions() {
    // R-178
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["session_max"] = json!("10m");
    let (world, gateway) = (World::new(), gateway(&variables));
    let corp = Browser::new(&world, &gateway).signed_in();
    let partner = Browser::new(&world, &gateway);
    partner.login_at(&world.partner, "provider=partner");
    let session = corp.send(&Asked::script("GET", "/auth/me")).json()["session"].clone();
    assert_eq!(session["expires_at"], json!(world.now.get() + 600));
    world.wait(599);
    assert!(corp.is_in());
    world.wait(1);
    assert!(!corp.is_in() && partner.is_in());
}

#[test]
fn how_long_a_providers_sessions_may_live_holds_for_those_that_are_there() {
    // R-178: as `absolute` does, and in any order of changes.
    for (then, now, lives) in [
        (None, Some("10m"), 600),
        (Some("2h"), Some("10m"), 600),
        (Some("10m"), Some("2h"), 7200),
        (Some("10m"), None, 8 * 3600),
        // Longer than any session lives, it changes nothing.
        (Some("30h"), Some("30h"), 8 * 3600),
        (None, Some("30h"), 8 * 3600),
    ] {
        for by_object in [false, true] {
            let with = |longest: Option<&str>| {
                let mut variables = two_providers();
                if let Some(longest) = longest {
                    variables["PROVIDERS"]["corp"]["session_max"] = json!(longest);
                }
                gateway(&variables)
            };
            let (world, before, after) = (World::new(), with(then), Rc::new(with(now)));
            let old = Browser::new(&world, &before).signed_in();
            if by_object {
                *world.object_gateway.borrow_mut() = Some(Rc::clone(&after));
            }
            let there = Browser::new(&world, &after);
            there.plant(SESSION, &old.cookie(SESSION).unwrap());
            let case = format!("{then:?} {now:?} {by_object}");
            let session = there.send(&Asked::script("GET", "/auth/me")).json()["session"].clone();
            assert_eq!(session["expires_at"], json!(world.now.get() + lives), "{case}");
            let mut left = lives;
            while left > 600 {
                world.wait(600);
                left -= 600;
                let used = there.send(&Asked::script("GET", "/auth/me"));
                assert_eq!(used.reply().status.as_u16(), 200, "{case}, {left} s before its end");
            }
            world.wait(left - 1);
            assert!(there.is_in(), "{case}");
            world.wait(1);
            there.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.gone");
            // What dies by the age of its cookie alone is left to the alarm.
            assert_eq!(world.sessions(), usize::from(lives == 8 * 3600), "{case}: it is ended, not only refused");
        }
    }
}

#[test]
fn a_provider_may_have_no_longer_sessions_than_all() {
    // R-178
    let mut variables = two_providers();
    variables["SESSION"] = json!({ "absolute": "1h" });
    variables["PROVIDERS"]["corp"]["session_max"] = json!("12h");
    let (world, gateway) = (World::new(), gateway(&variables));
    let corp = Browser::new(&world, &gateway).signed_in();
    for _ in 0..5 {
        world.wait(600);
        corp.go("/app/a").forwarded();
    }
    world.wait(599);
    assert!(corp.is_in());
    world.wait(1);
    assert!(!corp.is_in());
}
