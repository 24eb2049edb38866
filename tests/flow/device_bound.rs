//! Sessions that are bound to a device: the browser registers a key right after the sign-in, and proves it again and again.

use serde_json::{Value, json};

use super::device::{
    BOUND, Device, ID, SESSION, bound, challenge, deployment, encode, offer, prove, refresh, register,
    register_with_cookies,
};
use crate::support::{Asked, Browser, Fault, ORIGIN, World, gateway, variables};

/// A program elsewhere that has these cookies of the browser's.
fn thief<'w>(browser: &Browser<'w>, names: &[&str]) -> Browser<'w> {
    let thief = Browser::new(browser.world, browser.gateway);
    for name in names {
        thief.plant(name, &browser.cookie(name).unwrap());
    }
    thief
}

#[test]
fn a_sign_in_offers_to_bind_its_session_and_nothing_else_does() {
    // R-346, R-355
    let world = World::new();
    let on = gateway(&deployment("offer"));
    let browser = Browser::new(&world, &on);
    let login = browser.login();
    assert!(offer(&login).is_some());
    for path in ["/auth/me", "/auth/sessions", "/auth/logged-out", "/nowhere"] {
        assert!(offer(&browser.go(path)).is_none(), "{path}");
    }
    // A browser that leaves the offer alone sees no difference.
    browser.go("/app/a").forwarded();
    world.wait(3000);
    browser.go("/app/a").forwarded();
    let off = gateway(&variables());
    assert!(offer(&Browser::new(&world, &off).login()).is_none());
    let mut plain = deployment("offer");
    plain["PUBLIC_URL"] = json!("http://localhost:8787");
    let local = gateway(&plain);
    assert!(offer(&Browser::new(&world, &local).login()).is_none());
}

#[test]
fn a_browser_that_registers_its_key_is_told_what_to_prove_it_for() {
    // R-347, R-353
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let (browser, device) = (Browser::new(&world, &gateway), Device::new(1));
    let offered = offer(&browser.login()).unwrap();
    let answered = register(&browser, &device.registration(&offered));
    assert_eq!(answered.event["event"], "session.device_bound");
    assert!(!answered.reply().headers.contains_key("secure-session-challenge"));
    assert_eq!(answered.reply().headers["cross-origin-resource-policy"], "same-origin");
    let told = answered.json();
    assert_eq!((&told["session_identifier"], &told["refresh_url"]), (&json!(ID), &json!("/auth/bound/refresh")));
    assert_eq!(told["scope"]["origin"], ORIGIN);
    assert_eq!(told["scope"]["include_site"], false);
    assert_eq!(
        told["scope"]["scope_specification"],
        json!([{ "type": "exclude", "domain": "app.example.com", "path": "/files" }])
    );
    assert_eq!(told["credentials"][0]["name"], BOUND);
    let cookie = answered.set_cookies().remove(0);
    assert!(cookie.contains("SameSite=Strict") && cookie.contains("Max-Age=590"), "{cookie}");
    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!(me["session"]["device"], json!({ "bound_at": world.now.get(), "proved_at": world.now.get() }));
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    assert_eq!(listed["sessions"][0]["bound_at"], world.now.get());
    assert!(browser.go("/auth/sessions").reply().body.contains("Bound to its device since"));
}

#[test]
fn what_is_no_proof_of_a_key_binds_nothing() {
    // R-347
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let (browser, device) = (Browser::new(&world, &gateway), Device::new(1));
    let offered = offer(&browser.login()).unwrap();
    let header = json!({ "alg": "ES256", "jwk": device.jwk(), "typ": "dbsc+jwt" });
    let claims = json!({ "authorization": offered.authorization, "jti": offered.challenge });
    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    let without = |of: &Value, name: &str| {
        let mut changed = of.clone();
        changed.as_object_mut().unwrap().remove(name);
        changed
    };
    let mut private = device.jwk();
    private["d"] = json!(encode([1; 32]));
    let mut off_curve = device.jwk();
    off_curve["y"] = json!(encode([1; 32]));
    let other = offer(&Browser::new(&world, &gateway).login()).unwrap();
    let cases = [
        (device.sign(&with(&header, "typ", json!("dpop+jwt")), &claims), "device.proof_typ"),
        (device.sign(&without(&header, "typ"), &claims), "device.proof_typ"),
        (device.sign(&with(&header, "alg", json!("none")), &claims), "device.proof_invalid"),
        (device.sign(&with(&header, "alg", json!("HS256")), &claims), "device.proof_invalid"),
        (device.sign(&with(&header, "alg", json!("ES384")), &claims), "device.proof_invalid"),
        (device.sign(&without(&header, "jwk"), &claims), "device.proof_key"),
        (device.sign(&with(&header, "jwk", private), &claims), "device.proof_key"),
        (device.sign(&with(&header, "jwk", off_curve), &claims), "device.proof_key"),
        (device.sign(&with(&header, "jwk", Device::new(2).jwk()), &claims), "device.proof_invalid"),
        (device.sign(&header, &without(&claims, "jti")), "device.challenge_foreign"),
        (device.sign(&header, &with(&claims, "jti", json!(other.challenge))), "device.proof_authorization"),
        (
            device.sign(&header, &with(&claims, "jti", json!("1.k1.register.x.0.9999999999.AA"))),
            "device.challenge_foreign",
        ),
        (device.sign(&header, &without(&claims, "authorization")), "device.proof_authorization"),
        (
            device.sign(&header, &with(&claims, "authorization", json!(other.authorization))),
            "device.proof_authorization",
        ),
        (device.sign(&header, &with(&claims, "aud", json!("https://other.example"))), "device.proof_audience"),
        (device.sign(&header, &with(&claims, "aud", json!([ORIGIN]))), "device.proof_audience"),
        ("x".repeat(5000), "device.proof_malformed"),
        ("a.b".to_owned(), "device.proof_invalid"),
    ];
    for (proof, reason) in cases {
        register(&browser, &proof).assert_refused(400, reason);
    }
    browser.send(&Asked::new("POST", "/auth/bound/register")).assert_refused(400, "device.proof_missing");
    // None of them bound anything; with the right audience it is.
    let right = device.sign(&header, &with(&claims, "aud", json!(ORIGIN)));
    assert_eq!(register(&browser, &right).event["reason"], "device.bound");
}

#[test]
fn a_key_is_registered_once_and_soon_and_for_its_own_session() {
    // R-348
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = Browser::new(&world, &gateway);
    let offered = offer(&browser.login()).unwrap();
    register(&browser, &device.registration(&offered));
    let again = register(&browser, &Device::new(2).registration(&offered));
    again.assert_refused(403, "device.already_bound");
    assert_eq!(again.event["event"], "session.device_mismatch");

    let late = Browser::new(&world, &gateway);
    let offered = offer(&late.login()).unwrap();
    world.wait(61);
    register(&late, &device.registration(&offered)).assert_refused(400, "device.challenge_old");
    assert!(late.is_in());

    let (one, other) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway));
    let offered = offer(&one.login()).unwrap();
    other.login();
    register_with_cookies(&other, &device.registration(&offered)).assert_refused(400, "device.challenge_foreign");
    for cookie in ["", "x"] {
        other.plant(SESSION, cookie);
        register_with_cookies(&other, &device.registration(&offered)).assert_refused(400, "device.challenge_foreign");
    }
    assert_eq!(register_with_cookies(&one, &device.registration(&offered)).event["reason"], "device.bound");
    // What was to be signed after a sign-in whose session has ended.
    let ended = Browser::new(&world, &gateway);
    let offered = offer(&ended.login()).unwrap();
    ended.send(&Asked::form("/auth/logout"));
    register(&ended, &device.registration(&offered)).assert_refused(401, "session.gone");
    Browser::new(&world, &gateway)
        .send(&Asked::new("POST", "/auth/bound/register").with("secure-session-response", "x"))
        .assert_refused(400, "device.proof_invalid");
}

#[test]
fn the_session_cookie_of_a_bound_session_alone_is_nothing() {
    // R-349
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let browser = bound(&world, &gateway, &Device::new(1));
    world.wait(11);
    let thief = thief(&browser, &[SESSION]);
    let asked = [
        Asked::script("GET", "/app/a"),
        Asked::script("GET", "/lazy"),
        Asked::script("GET", "/auth/me"),
        Asked::script("GET", "/auth/me?anonymous=null"),
        Asked::script("GET", "/auth/sessions"),
        Asked::script("DELETE", "/auth/sessions").with("origin", ORIGIN),
        Asked::form("/auth/sessions/end-others"),
        Asked::new("GET", "/api/live").with("upgrade", "websocket").with("origin", ORIGIN),
    ];
    for asked in asked {
        thief.send(&asked).assert_refused(401, "session.device_unproven");
    }
    assert_eq!(thief.send(&Asked::script("GET", "/app/a")).json()["type"], "urn:postern:problem:device-proof-required");
    // Nor with a bound cookie of another session, one that is made up, or several.
    let other = bound(&world, &gateway, &Device::new(2));
    for value in [other.cookie(BOUND).unwrap(), format!("{}x", browser.cookie(BOUND).unwrap()), String::new()] {
        thief.plant(BOUND, &value);
        thief.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unproven");
    }
    // Who goes there with it is sent to sign in, and the session is not ended by that.
    thief.forget(BOUND);
    assert!(thief.go("/app/a").location().starts_with("/auth/login?"));
    browser.go("/app/a").forwarded();
}

#[test]
fn stolen_cookies_are_worth_as_long_as_the_bound_one_lives_and_no_longer_than_the_next_proof() {
    // R-350
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let copied = thief(&browser, &[SESSION, BOUND]);
    copied.send(&Asked::script("GET", "/app/a")).forwarded();
    world.wait(300);
    assert_eq!(prove(&browser, &device).event["reason"], "device.refreshed");
    // What the browser had sent before counts for a moment.
    copied.send(&Asked::script("GET", "/app/a")).forwarded();
    world.wait(10);
    copied.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unproven");
    browser.send(&Asked::script("GET", "/app/a")).forwarded();
    world.wait(590);
    browser.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unproven");
    prove(&browser, &device);
    browser.send(&Asked::script("GET", "/app/a")).forwarded();
}

#[test]
fn a_proof_counts_once_and_for_a_minute() {
    // R-351
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let first = device.proof(&challenge(&refresh(&browser, None)));
    assert_eq!(refresh(&browser, Some(&first)).event["reason"], "device.refreshed");
    let replayed = refresh(&browser, Some(&first));
    replayed.assert_refused(403, "device.challenge_old");
    // The answer has something to sign that does count.
    let second = device.proof(&challenge(&replayed));
    assert_eq!(refresh(&browser, Some(&second)).event["reason"], "device.refreshed");

    let third = device.proof(&challenge(&refresh(&browser, None)));
    world.wait(61);
    let old = refresh(&browser, Some(&third));
    old.assert_refused(403, "device.challenge_old");
    let asked = challenge(&refresh(&browser, None));
    let wrong_key = refresh(&browser, Some(&Device::new(2).proof(&asked)));
    wrong_key.assert_refused(403, "device.proof_invalid");
    assert_eq!(wrong_key.event["event"], "session.device_mismatch");
    assert!(!wrong_key.reply().headers.contains_key("secure-session-challenge"));
    let header = json!({ "alg": "ES256", "typ": "dbsc+jwt", "jwk": device.jwk() });
    refresh(&browser, Some(&device.sign(&header, &json!({ "jti": asked })))).assert_refused(403, "device.proof_key");
    let dpop = json!({ "alg": "ES256", "typ": "dpop+jwt" });
    refresh(&browser, Some(&device.sign(&dpop, &json!({ "jti": asked })))).assert_refused(403, "device.proof_typ");
    // What is to be signed for a registration is not for this, nor is that of another session.
    let other = Browser::new(&world, &gateway);
    let offered = offer(&other.login()).unwrap();
    refresh(&browser, Some(&device.proof(&offered.challenge))).assert_refused(403, "device.challenge_foreign");
    refresh(&browser, Some(&device.proof(&asked)));
    assert!(browser.is_in());
}

#[test]
fn while_nobody_knows_a_browser_keeps_its_key() {
    // R-352
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    world.wait(601);
    browser.forget(BOUND);
    let asked = challenge(&refresh(&browser, None));
    world.fault.set(Fault::Sessions);
    refresh(&browser, None).assert_refused(503, "session.store_unavailable");
    refresh(&browser, Some(&device.proof(&asked))).assert_refused(503, "session.store_unavailable");
    let skipped = |why: &str| Asked::script("GET", "/app/a").with("secure-session-skipped", why);
    world.fault.set(Fault::None);
    for why in ["server_error", "unreachable"] {
        let why = format!(r#"{why};session_identifier="{ID}""#);
        browser.send(&skipped(&why)).assert_refused(503, "session.device_paused");
    }
    for nothing in ["server_error", r#"server_error;session_identifier="another""#, r#"tired;session_identifier="x""#] {
        browser.send(&skipped(nothing)).assert_refused(401, "session.device_unproven");
    }
    assert_eq!(refresh(&browser, Some(&device.proof(&asked))).event["reason"], "device.refreshed");
}

#[test]
fn too_many_requests_are_no_reason_to_forget_a_key() {
    // R-352
    let mut variables = deployment("offer");
    variables["LIMITS"]["own"] = json!({ "rate": "5/1m" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    browser.login();
    let answers = (0..8).map(|_| refresh(&browser, None).reply().status.as_u16()).collect::<Vec<_>>();
    assert!(answers.contains(&503) && !answers.contains(&429), "{answers:?}");
}

#[test]
fn a_browser_that_may_not_sign_is_let_in_once_and_from_the_same_place() {
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let quota = || {
        let why = format!(r#"quota_exceeded;session_identifier="{ID}""#);
        Asked::script("GET", "/app/a").with("secure-session-skipped", &why)
    };
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    world.wait(300);
    prove(&browser, &device);
    world.wait(600);
    browser.forget(BOUND);
    let graced = browser.send(&quota());
    graced.forwarded();
    assert_eq!(graced.event["device_grace"], true);
    browser.send(&Asked::script("GET", "/app/a")).forwarded();
    // Not from elsewhere, nor with a cookie that counts no more (R-349, R-350).
    browser.send(&Asked::script("GET", "/app/a").in_network("64501")).assert_refused(401, "session.device_unproven");
    // For what wants a proof of its own it is none, nor where only the device itself is let in (R-349).
    browser.send(&Asked::script("GET", "/bound")).assert_refused(401, "authz.device_proof_too_old");
    browser.send(&Asked::script("GET", "/pay")).assert_refused(401, "authz.device_proof_too_old");
    world.wait(600);
    browser.send(&quota()).assert_refused(401, "session.device_unproven");
    prove(&browser, &device);
    browser.send(&Asked::script("GET", "/app/a")).forwarded();

    browser.go("/bound").forwarded();

    let elsewhere = bound(&world, &gateway, &device);
    world.wait(601);
    elsewhere.forget(BOUND);
    let ended = elsewhere.send(&quota().in_network("64501"));
    ended.assert_refused(401, "session.device_mismatch");
    assert_eq!(ended.event["event"], "session.device_mismatch");
    let over = refresh(&elsewhere, None);
    assert_eq!((over.reply().status.as_u16(), &over.json()["continue"]), (200, &json!(false)));
}

#[test]
fn no_word_of_the_browser_opens_a_session_whose_key_was_not_proved_for_long() {
    // R-349: a thief with the session cookie alone, days later, from the person's own network.
    let mut variables = deployment("offer");
    variables["SESSION"]["idle"] = json!("7d");
    variables["SESSION"]["absolute"] = json!("7d");
    let (world, gateway) = (World::new(), gateway(&variables));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let why = format!(r#"quota_exceeded;session_identifier="{ID}""#);
    let claims = |path: &str| Asked::script("GET", path).with("secure-session-skipped", &why);
    for wait in [1201, 3 * 24 * 3600] {
        world.wait(wait);
        let thief = thief(&browser, &[SESSION]);
        for path in ["/app/a", "/bound", "/pay", "/auth/me"] {
            thief.send(&claims(path)).assert_refused(401, "session.device_unproven");
        }
        // What the browser may still do is not used up by that.
        prove(&browser, &device);
        browser.go("/bound").forwarded();
    }
    world.wait(600);
    browser.forget(BOUND);
    browser.send(&claims("/app/a")).forwarded();
}

#[test]
fn other_pages_and_other_methods_get_nothing_from_these_endpoints() {
    // R-354
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let browser = bound(&world, &gateway, &Device::new(1));
    for path in ["/auth/bound/register", "/auth/bound/refresh"] {
        let post = || Asked::new("POST", path).with("sec-secure-session-id", ID);
        browser.send(&post().with("origin", "https://evil.example")).assert_refused(403, "csrf.origin");
        browser.send(&post().with("origin", "null")).assert_refused(403, "csrf.origin");
        for site in ["cross-site", "same-site"] {
            browser.send(&post().with("sec-fetch-site", site)).assert_refused(403, "csrf.fetch_site");
        }
        browser.send(&Asked::new("GET", path)).assert_refused(405, "route.method_not_allowed");
        let answered = browser.send(&post().with("origin", ORIGIN).with("sec-fetch-site", "same-origin"));
        assert!(!answered.reply().headers.contains_key("access-control-allow-origin"));
        assert_eq!(answered.reply().headers["cache-control"], "private, no-store");
    }
    browser.send(&Asked::new("POST", "/auth/bound/refresh")).assert_refused(400, "device.session_unnamed");
    browser.send(&Asked::new("POST", "/auth/bound/other")).assert_refused(404, "route.none");
}

#[test]
fn after_the_sign_out_the_browser_forgets_the_key() {
    // R-356
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let device = Device::new(1);
    let browser = bound(&world, &gateway, &device);
    let stolen = thief(&browser, &[SESSION, BOUND]);
    browser.send(&Asked::form("/auth/logout"));
    assert_eq!((browser.cookie(SESSION), browser.cookie(BOUND)), (None, None));
    for answered in [refresh(&browser, None), refresh(&stolen, None)] {
        assert_eq!((answered.reply().status.as_u16(), answered.json()["continue"].clone()), (200, json!(false)));
        assert_eq!(answered.json()["session_identifier"], ID);
    }
    // One that signed in anew and has registered nothing yet is told to forget the old one, too.
    browser.login();
    assert_eq!(refresh(&browser, None).json()["continue"], false);
    let other = browser.send(&Asked::new("POST", "/auth/bound/refresh").with("sec-secure-session-id", "another"));
    assert_eq!((&other.json()["continue"], &other.json()["session_identifier"]), (&json!(false), &json!("another")));
}

#[test]
fn a_link_from_another_site_goes_once_round_and_then_brings_the_proof() {
    let mut variables = deployment("offer");
    let world = World::new();
    for same_site in ["strict", "lax"] {
        variables["SESSION"]["same_site"] = json!(same_site);
        let gateway = gateway(&variables);
        let browser = bound(&world, &gateway, &Device::new(1));
        world.wait(30);
        let round = browser.send(&Asked::from_elsewhere("/app/a?b=c"));
        assert!(round.reply().body.contains("/auth/continue?to="), "{same_site}: {}", round.reply().body);
        browser.go("/app/a?b=c").forwarded();
    }
}

#[test]
fn requests_that_were_sent_before_the_key_was_registered_count_for_a_moment() {
    let (world, gateway) = (World::new(), gateway(&deployment("offer")));
    let browser = bound(&world, &gateway, &Device::new(1));
    browser.forget(BOUND);
    world.wait(9);
    browser.send(&Asked::script("GET", "/app/a")).forwarded();
    world.wait(1);
    browser.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unproven");
}

#[test]
fn where_all_have_to_be_bound_no_other_session_is_let_in_anywhere() {
    let (world, gateway) = (World::new(), gateway(&deployment("require")));
    let browser = Browser::new(&world, &gateway);
    let offered = offer(&browser.login()).unwrap();
    // The browser may be about to register its key.
    let waiting = browser.go("/app/a");
    assert_eq!((waiting.reply().status.as_u16(), &waiting.reply().headers["refresh"]), (200, &"1".parse().unwrap()));
    browser.send(&Asked::script("GET", "/app/a")).assert_refused(401, "session.device_unbound");
    register(&browser, &Device::new(1).registration(&offered));
    browser.go("/app/a").forwarded();
    let other = Browser::new(&world, &gateway);
    other.login();
    world.wait(10);
    let page = other.go("/app/a");
    page.assert_refused(401, "session.device_unbound");
    assert!(page.reply().body.contains("Chrome or Edge"), "{}", page.reply().body);
    other.send(&Asked::script("GET", "/auth/me")).assert_refused(401, "session.device_unbound");
    assert_eq!(other.send(&Asked::form("/auth/logout")).event["reason"], "logout.session_ended");
}

#[test]
fn who_turns_it_off_has_sessions_as_before() {
    let (world, on) = (World::new(), gateway(&deployment("offer")));
    let browser = bound(&world, &on, &Device::new(1));
    world.wait(700);
    let mut variables = deployment("off");
    variables["ROUTES"].as_object_mut().unwrap().retain(|_, route| route["require"]["device"].is_null());
    let off = gateway(&variables);
    let same = Browser::new(&world, &off);
    same.plant(SESSION, &browser.cookie(SESSION).unwrap());
    same.send(&Asked::script("GET", "/app/a")).forwarded();
    assert_eq!(refresh(&same, None).json()["continue"], false);
    register(&same, "x").assert_refused(404, "route.none");
}

#[test]
fn a_session_cookie_alone_ends_the_session_and_learns_nothing_by_that() {
    // R-349
    for (names, is_told) in [(&[SESSION][..], false), (&[SESSION, BOUND][..], true)] {
        let (world, gateway) = (World::new(), gateway(&deployment("offer")));
        let browser = bound(&world, &gateway, &Device::new(1));
        world.wait(60);
        let other = thief(&browser, names);
        let answered = other.send(&Asked::form("/auth/logout"));
        assert_eq!(answered.location().contains("id_token_hint="), is_told, "{}", answered.location());
        assert!(!browser.is_in());
    }
}
