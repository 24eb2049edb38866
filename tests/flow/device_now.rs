//! Routes that ask for a session that is bound to its device, or for a proof of the device's key for the request itself.

use serde_json::json;

use super::device::{BOUND, Device, bound, deployment, offer, prove, register};
use crate::support::{Asked, Browser, ORIGIN, World, gateway};

#[test]
fn a_route_for_bound_sessions_tells_others_which_browsers_can() {
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let plain = Browser::new(&world, &gateway);
    let offered = offer(&plain.login()).unwrap();
    plain.go("/app/a").forwarded();
    world.wait(10);
    let page = plain.go("/bound");
    page.assert_refused(401, "authz.device_unbound");
    assert!(page.reply().body.contains("Chrome or Edge, from version 146"), "{}", page.reply().body);
    let told = plain.send(&Asked::script("GET", "/bound"));
    told.assert_refused(401, "authz.device_unbound");
    assert_eq!(told.json()["type"], "urn:postern:problem:device-binding-required");
    register(&plain, &Device::new(1).registration(&offered));
    plain.go("/bound").forwarded();
}

#[test]
fn right_after_the_sign_in_a_page_waits_for_the_registration_and_then_no_more() {
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let browser = Browser::new(&world, &gateway);
    let offered = offer(&browser.login()).unwrap();
    let waiting = browser.go("/bound");
    assert_eq!((waiting.reply().status.as_u16(), &waiting.reply().headers["refresh"]), (200, &"1".parse().unwrap()));
    assert_eq!(waiting.event["reason"], "authz.device_unbound");
    browser.send(&Asked::script("GET", "/bound")).assert_refused(401, "authz.device_unbound");
    register(&browser, &Device::new(1).registration(&offered));
    browser.go("/bound").forwarded();
    // A browser that registers nothing waits for no longer than that takes.
    let other = Browser::new(&world, &gateway);
    other.login();
    world.wait(9);
    assert_eq!(other.go("/bound").reply().status.as_u16(), 200);
    world.wait(1);
    other.go("/bound").assert_refused(401, "authz.device_unbound");
}

#[test]
fn a_page_of_another_origin_is_told_that_no_redirect_would_help_it() {
    //
    const SPA: &str = "https://spa.example.com";
    let mut variables = deployment("offer");
    variables["ROUTES"]["/pay"]["cors"] = json!({ "origins": [SPA], "credentials": true });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = bound(&world, &gateway, &Device::new(1));
    world.wait(31);
    let asked = |origin: &str, site: &str| {
        let asked = Asked::new("POST", "/pay").with("origin", origin).with("sec-fetch-site", site);
        asked.with("sec-fetch-mode", "cors").with("sec-fetch-dest", "empty")
    };
    let told = browser.send(&asked(SPA, "same-site"));
    told.assert_refused(401, "authz.device_proof_too_old");
    assert_eq!(told.json()["type"], "urn:postern:problem:device-proof-required");
    assert_eq!(told.reply().headers["access-control-allow-origin"], SPA);
    // Nor is the cookie taken away that counts elsewhere.
    assert!(browser.cookie(BOUND).is_some());
    assert_eq!(browser.send(&asked(ORIGIN, "same-origin")).reply().status.as_u16(), 307);
}

#[test]
fn a_proof_for_this_very_request_is_asked_for_by_a_redirect_to_itself() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    // The registration was a proof a moment ago.
    browser.send(&Asked::script("GET", "/pay")).forwarded();
    world.wait(31);
    let post = || Asked::script("POST", "/pay?a=b").with("origin", ORIGIN).with_body(Ok("amount=1"));
    let again = browser.send(&post());
    assert_eq!((again.reply().status.as_u16(), again.location()), (307, format!("{ORIGIN}/pay?a=b")));
    assert_eq!(again.event["reason"], "authz.device_proof_too_old");
    assert_eq!(browser.cookie(BOUND), None);
    // As browsers do now; and it counts for half a minute.
    prove(&browser, &device);
    browser.send(&post()).forwarded();
    world.wait(30);
    browser.send(&post()).forwarded();
    world.wait(1);
    assert_eq!(browser.send(&post()).reply().status.as_u16(), 307);
    // One that does not prove it is not sent round for ever.
    browser.send(&post()).assert_refused(401, "session.device_unproven");
    prove(&browser, &device);
    world.wait(31);
    let socket = Asked::new("GET", "/pay").with("upgrade", "websocket").with("origin", ORIGIN);
    browser.send(&socket).assert_refused(401, "authz.device_proof_too_old");
    assert!(browser.cookie(BOUND).is_some());
}

#[test]
fn what_is_refused_for_another_reason_asks_for_no_proof() {
    let mut variables = deployment("offer");
    variables["ROUTES"]["/pay"]["require"] = json!({ "device": "now", "scopes": ["admin"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = bound(&world, &gateway, &Device::new(1));
    world.wait(31);
    browser.send(&Asked::script("GET", "/pay")).assert_refused(403, "authz.insufficient_scope");
    assert!(browser.cookie(BOUND).is_some());
}
