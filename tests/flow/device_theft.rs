//! What stolen cookies of a bound session are worth: no stream that goes on, no session that is kept alive, and nothing that
//! lasts longer than they do.

use std::rc::Rc;

use futures::executor::block_on;
use postern::gateway::Gateway;
use postern::time::{Seconds, Timestamp};
use postern::upstream::{SessionLease, StreamLifetime};
use serde_json::{Value, json};

use super::agents_approvals as approvals;
use super::agents_server as server;
use super::device::{BOUND, Device, ID, SESSION, bound, deployment, prove, refresh};
use super::second;
use crate::support::{Asked, Browser, ORIGIN, World, gateway};

/// A program elsewhere that has these cookies of the browser's.
fn thief<'w>(browser: &Browser<'w>, names: &[&str]) -> Browser<'w> {
    let thief = Browser::new(browser.world, browser.gateway);
    for name in names {
        thief.plant(name, &browser.cookie(name).unwrap());
    }
    thief
}

/// On what a WebSocket depends that is opened from there.
fn opened(browser: &Browser<'_>, network: &str) -> SessionLease {
    let asked = Asked::new("GET", "/app/live").with("upgrade", "websocket").with("origin", ORIGIN).in_network(network);
    match &browser.send(&asked).forwarded().lifetime {
        StreamLifetime::Session(lease) => lease.clone(),
        other => panic!("{other:?}"),
    }
}

/// Whether it goes on, by what the object says now.
fn goes_on(world: &World, gateway: &Gateway, lease: &mut SessionLease) -> bool {
    let proof = lease.proof.take().unwrap();
    assert!(proof.holds_for(Timestamp::from_unix(world.now.get())) <= Seconds::minutes(10));
    lease.proof = block_on(gateway.still_proven(world, lease, proof)).unwrap();
    lease.proof.is_some()
}

fn with_long_sessions() -> Value {
    let mut variables = deployment("offer");
    variables["SESSION"]["absolute"] = json!("7d");
    variables
}

#[test]
fn a_stream_of_stolen_cookies_does_not_live_by_the_proofs_of_the_browser_they_were_stolen_from() {
    // R-350
    let (world, gateway) = (World::new(), gateway(&with_long_sessions()));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let (mut stolen, mut own) = (opened(&thief(&browser, &[SESSION, BOUND]), "64501"), opened(&browser, "64500"));
    world.wait(590);
    assert!(goes_on(&world, &gateway, &mut own.clone()), "nobody has proved anything yet, and nothing has lapsed");
    prove(&browser, &device);
    world.wait(10);
    assert!(!goes_on(&world, &gateway, &mut stolen));
    assert!(goes_on(&world, &gateway, &mut own));
    // For hours, while the browser proves its key.
    let mut hours = 0;
    while goes_on(&world, &gateway, &mut own) {
        hours += 1;
        for _ in 0..6 {
            world.wait(600);
            prove(&browser, &device);
            browser.send(&Asked::script("GET", "/app/a")).forwarded();
        }
    }
    assert_eq!(hours, 8, "and then it is opened anew");
}

#[test]
fn a_stream_ends_where_no_proof_came_for_two_lives_of_the_cookie_or_the_session_ended() {
    let (world, gateway) = (World::new(), gateway(&with_long_sessions()));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let mut lapses = opened(&browser, "64500");
    world.wait(1199);
    assert!(goes_on(&world, &gateway, &mut lapses));
    world.wait(1);
    assert!(!goes_on(&world, &gateway, &mut lapses));
    prove(&browser, &device);
    let mut ends = opened(&browser, "64500");
    browser.send(&Asked::form("/auth/logout"));
    assert!(!goes_on(&world, &gateway, &mut ends));
    // A browser that was elsewhere before goes on from where it proves its key.
    let moves = bound(&world, &gateway, &device);
    let mut moved = opened(&moves, "64502");
    world.wait(600);
    let asked = Asked::new("POST", "/auth/bound/refresh").with("sec-secure-session-id", ID).in_network("64502");
    let signed = device.proof(&super::device::challenge(&moves.send(&asked)));
    moves.send(&asked.with("secure-session-response", &signed));
    assert!(goes_on(&world, &gateway, &mut moved));
}

#[test]
fn a_session_cookie_alone_does_not_keep_a_session_alive() {
    // R-349
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    for (is_proven, lives) in [(false, false), (true, true)] {
        let browser = bound(&world, &gateway, &device);
        // One that is proven, but for another session, is no better than none.
        let copied = thief(&browser, &[SESSION]);
        copied.plant(BOUND, &bound(&world, &gateway, &Device::new(2)).cookie(BOUND).unwrap());
        world.wait(55 * 60);
        for one in [&copied, &thief(&browser, &[SESSION])] {
            one.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unproven");
        }
        if is_proven {
            prove(&browser, &device);
            browser.send(&Asked::script("GET", "/app/a")).forwarded();
        }
        world.wait(6 * 60);
        assert_eq!(refresh(&browser, None).event["reason"] == "device.challenged", lives);
    }
}

#[test]
fn a_session_cookie_alone_has_no_token_renewed_and_a_browser_that_is_let_in_has() {
    // R-349
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    *world.object_gateway.borrow_mut() = Some(Rc::new(crate::support::gateway(&deployment("offer"))));
    let browser = bound(&world, &gateway, &Device::new(1));
    world.wait(601);
    let renewals = || world.corp.used.borrow().len();
    let before = renewals();
    thief(&browser, &[SESSION]).send(&Asked::script("GET", "/api/a")).assert_refused(401, "session.device_unproven");
    assert_eq!(renewals(), before);
    browser.forget(BOUND);
    let why = format!(r#"quota_exceeded;session_identifier="{ID}""#);
    let graced = browser.send(&Asked::script("GET", "/api/a").with("secure-session-skipped", &why));
    assert!(graced.forwarded().headers.contains_key("authorization"));
    assert_eq!(renewals(), before + 1);
}

#[test]
fn the_log_says_whose_cookies_were_used() {
    // R-349
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let own = browser.send(&Asked::script("GET", "/app/a")).event;
    let copied = thief(&browser, &[SESSION, BOUND]);
    world.wait(60);
    prove(&browser, &device);
    world.wait(10);
    for stolen in [&copied, &thief(&browser, &[SESSION])] {
        let refused = stolen.send(&Asked::script("GET", "/app/a"));
        refused.assert_refused(401, "session.device_unproven");
        for what in ["session", "subject", "issuer"] {
            assert!(own[what].is_string());
            assert_eq!(refused.event[what], own[what], "{what}");
        }
        assert!(!refused.reply().body.contains("alice"));
    }
}

/// Everything that outlives a session can be had here.
fn with_everything() -> Value {
    let mut variables = server::with_agents(json!({ "remember": true }));
    variables["SESSION"] = json!({ "device": "offer" });
    variables["SECOND"] = json!({ "enrol_within": "30m" });
    variables["KEYS"] = json!({ "self_service": { "scopes": ["a"] } });
    variables["ADMIN"] = json!({ "principals": ["corp|alice"] });
    variables
}

/// That cookies alone do not do it, and the browser does, once it has proved its key for that.
fn assert_lasting(browser: &Browser<'_>, device: &Device, asked: &Asked, reason: &str) {
    browser.world.wait(121);
    let stolen = thief(browser, &[SESSION, BOUND]);
    let answered = stolen.send(asked);
    assert_eq!(answered.event["reason"], "authz.device_proof_too_old", "{}", answered.event);
    assert_eq!(answered.reply().status.as_u16(), 307);
    assert_eq!(stolen.send(asked).event["reason"], "session.device_unproven");
    assert_eq!(browser.send(asked).reply().status.as_u16(), 307);
    prove(browser, device);
    let done = browser.send(asked);
    assert_eq!(done.event["reason"], reason, "{}", done.event);
}

#[test]
fn what_lasts_longer_than_stolen_cookies_wants_a_proof_of_its_own() {
    // R-350
    let (world, gateway) = (server::world(), gateway(&with_everything()));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let key = second::post("/auth/keys", &json!({ "name": "ci", "scopes": ["a"] }));
    assert_lasting(&browser, &device, &key, "key.done");
    let of_service = json!({ "service": "ci", "name": "ci", "scopes": ["a"] });
    assert_lasting(&browser, &device, &second::post("/auth/admin/keys", &of_service), "admin.done");
    let somebody = json!({ "provider": "corp", "subject": "mallory" });
    assert_lasting(&browser, &device, &second::post("/auth/admin/factors/reset", &somebody), "admin.done");
    let question = server::question(&server::sent(&browser, &server::authorize(&[])));
    assert_lasting(&browser, &device, &server::form(&question, "allow", "30"), "agent.consent_given");
    let grant = approvals::granted(&world, "alice", |_| ());
    let page = approvals::asked(&world, &gateway, &grant, ("{}", None));
    let allow = Asked::form(&page).with_body(Ok("decision=allow"));
    assert_lasting(&browser, &device, &allow, "approval.decided");
    prove(&browser, &device);
    let (secret, pending) = second::begun(&browser);
    let confirm = |at: i64| json!({ "pending": pending, "code": second::code(&secret, at), "name": "Phone" });
    let app = second::post("/auth/second/totp/finish", &confirm(world.now.get() + 121));
    assert_lasting(&browser, &device, &app, "second.enrolled");
    let factor = second::list(&browser)["factors"][0]["id"].as_str().unwrap().to_owned();
    assert_lasting(&browser, &device, &second::form("/auth/second/recovery", &[]), "second.codes_made");
    assert_lasting(&browser, &device, &second::form(&format!("/auth/second/{factor}/remove"), &[]), "second.removed");
}

#[test]
fn a_browser_that_is_let_in_without_a_proof_makes_nothing_that_lasts() {
    // R-349, R-350
    let (world, gateway) = (server::world(), gateway(&with_everything()));
    let browser = bound(&world, &gateway, &Device::new(1));
    world.wait(601);
    browser.forget(BOUND);
    let why = format!(r#"quota_exceeded;session_identifier="{ID}""#);
    let skipped = Asked::script("GET", "/auth/keys").with("secure-session-skipped", &why);
    assert_eq!(browser.send(&skipped).reply().status.as_u16(), 200);
    let key = second::post("/auth/keys", &json!({ "name": "ci", "scopes": ["a"] }));
    for asked in [second::form("/auth/second/recovery", &[]), key] {
        browser.send(&asked).assert_refused(401, "authz.device_proof_too_old");
    }
}

#[test]
fn what_is_refused_or_only_looked_at_wants_none() {
    // R-350
    let (world, gateway) = (server::world(), gateway(&with_everything()));
    let browser = bound(&world, &gateway, &Device::new(1));
    let somebody = json!({ "provider": "corp", "subject": "mallory" });
    world.wait(121);
    assert_eq!(browser.send(&second::post("/auth/admin/revoke", &somebody)).event["reason"], "admin.done");
    let question = server::question(&server::sent(&browser, &server::authorize(&[])));
    let refused = browser.send(&server::form(&question, "refuse", "30"));
    assert_eq!(server::told_of(&refused, "error").as_deref(), Some("access_denied"));
    for path in ["/auth/keys", "/auth/second", "/auth/approvals", "/auth/sessions"] {
        assert_eq!(browser.send(&Asked::script("GET", path)).reply().status.as_u16(), 200, "{path}");
    }
    // Nor of a session that is bound to nothing.
    let plain = Browser::new(&world, &gateway);
    plain.login();
    world.wait(31);
    let key = second::post("/auth/keys", &json!({ "name": "ci", "scopes": ["a"] }));
    assert_eq!(plain.send(&key).reply().status.as_u16(), 201);
}

#[test]
fn consent_that_is_remembered_wants_a_proof_too() {
    // R-350
    let (world, gateway) = (server::world(), gateway(&with_everything()));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let code = server::code(&browser, &[]);
    let redeemed = Browser::new(&world, &gateway).send(&super::agents_tokens::redeeming(&code, &[]));
    assert_eq!(redeemed.event["reason"], "agent.token_issued");
    let asked = Asked::new("GET", &server::authorize(&[])).with("sec-fetch-site", "none");
    let asked = asked.with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "document");
    assert_lasting(&browser, &device, &asked, "agent.consent_remembered");
}
