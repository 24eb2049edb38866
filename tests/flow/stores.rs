//! A store that does not answer lets nobody in.

use crate::support::{Asked, Browser, Endpoint, Fault, World, gateway, variables};

const FAULTS: [(Fault, &str, &str); 2] = [
    (Fault::Sessions, "session.store_unavailable", "store.unavailable"),
    (Fault::OddAnswers, "session.store_malformed", "store.malformed"),
];

#[test]
fn no_request_passes_while_sessions_cannot_be_asked() {
    //
    for (fault, reason, _) in FAULTS {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway).signed_in();
        world.fault.set(fault);
        for path in ["/api/a", "/app/a", "/admin/a", "/auth/me"] {
            let refused = browser.send(&Asked::script("GET", path));
            refused.assert_refused(503, reason);
            assert_eq!(refused.reply().headers["retry-after"], "10");
            assert!(refused.set_cookies().is_empty(), "the session may well be alive");
        }
        // A person is not sent to sign in either: that would end as badly, or end a session that is alive.
        browser.go("/app/a").assert_refused(503, reason);
        world.fault.set(Fault::None);
        browser.go("/app/a").forwarded();
    }
}

#[test]
fn what_needs_no_session_goes_on() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.fault.set(Fault::Sessions);
    let browser = Browser::new(&world, &gateway);
    browser.go("/").forwarded();
    assert_eq!(browser.go("/auth/health").reply().status.as_u16(), 200);
    browser.send(&Asked::script("GET", "/api/a")).assert_refused(401, "authn.no_credential");
}

#[test]
fn a_login_whose_session_cannot_be_stored_is_none() {
    //
    for (fault, _, reason) in FAULTS {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway);
        let response = world.corp.authorize(&browser.begin(""));
        world.fault.set(fault);
        browser.come_back(&response).assert_refused(503, reason);
        assert!(browser.cookie("__Host-postern").is_none());
    }
}

#[test]
fn a_login_that_cannot_end_the_session_before_it_is_none() {
    //
    for (fault, _, reason) in FAULTS {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.bend_claims(|claims| claims["sub"] = "bob".into());
        let response = world.corp.authorize(&browser.begin(""));
        world.fault.set(fault);
        browser.come_back(&response).assert_refused(503, reason);
        assert_eq!(world.sessions(), 1);
    }
}

#[test]
fn a_code_is_not_sent_while_nobody_can_say_whether_it_was() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin(""));
    world.fault.set(Fault::Once);
    browser.come_back(&response).assert_refused(503, "store.unavailable");
    assert_eq!(world.asked(Endpoint::Token), 0);
}
