//! What callers cost who prove little: the exceptions of `docs/reference/rate-limits.md`, each with its bound.

use postern::http::StatusCode;
use serde_json::{Value, json};

use super::strangers::{everything, send, warm};
use crate::support::{Asked, Browser, Cost, World, gateway};

const SESSION: &str = "__Host-postern";
const DAY: i64 = 86_400;

#[test]
fn a_login_that_is_begun_and_ended_costs_one_row_however_often_it_is_ended() {
    // R-022
    let (world, gateway) = (World::new(), gateway(&everything()));
    warm(&world, &gateway);
    let browser = Browser::new(&world, &gateway);
    let begun = browser.begin("provider=corp");
    let state = url::Url::parse(&begun).unwrap();
    let state = state.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let login = browser.logins_under_way().remove(0);
    let cookie = browser.cookie(&login).unwrap();
    let mut costs = Vec::new();
    for _ in 0..3 {
        let stranger = Browser::new(&world, &gateway);
        stranger.plant(&login, &cookie);
        let path = format!("/auth/callback/corp?state={state}&error=access_denied");
        costs.push(send(&stranger, &Asked::navigation(&path)).1);
        // Whoever says that nobody goes there reaches nothing at all, and is not counted for it.
        let frames = ["iframe", "frame", "fencedframe", "embed", "object"].map(|dest| ("navigate", dest));
        for (mode, dest) in [("cors", "empty"), ("no-cors", "image"), ("x", "document")].into_iter().chain(frames) {
            let stranger = Browser::new(&world, &gateway);
            stranger.plant(&login, &cookie);
            let asked = Asked::new("GET", &path).with("sec-fetch-mode", mode).with("sec-fetch-dest", dest);
            let (answered, cost) = send(&stranger, &asked);
            answered.assert_refused(400, "callback.not_a_navigation");
            assert_eq!(cost, Cost::default(), "{mode} {dest}");
        }
    }
    let cost = |writes| Cost { requests: 1, writes, kv: 0 };
    assert_eq!(costs, [cost(1), cost(0), cost(0)]);
}

#[test]
fn a_sign_out_with_a_cookie_of_an_ended_session_writes_once_a_second_at_most() {
    // R-084
    let (world, gateway) = (World::new(), gateway(&everything()));
    let browser = warm(&world, &gateway);
    let old = browser.cookie(SESSION).unwrap();
    browser.send(&Asked::script("POST", "/auth/logout"));
    let mut writes = Vec::new();
    for second in [0, 0, 0, 1, 0] {
        world.wait(second);
        let stranger = Browser::new(&world, &gateway);
        stranger.plant(SESSION, &old);
        writes.push(send(&stranger, &Asked::script("POST", "/auth/logout")).1.writes);
    }
    assert_eq!(writes, [0, 0, 0, 1, 0]);
}

#[test]
fn decisions_are_kept_of_those_who_are_known() {
    // R-156, R-247
    let (world, gateway) = (World::new(), gateway(&everything()));
    let browser = warm(&world, &gateway);
    world.decisions.borrow_mut().clear();
    for asked in [Asked::script("GET", "/app/a"), Asked::script("GET", "/admin/a"), Asked::script("GET", "/auth/me")] {
        let event = browser.send(&asked).event;
        let until = event["time"].as_i64().unwrap() + DAY;
        let kept =
            world.decisions.borrow().get(event["request_id"].as_str().unwrap()).map(|kept| kept.until().as_unix());
        assert_eq!(kept, Some(until), "{event}");
    }
    // What an upstream says of its own limits is nothing that a limit of ours refused; a page of ours decides nothing.
    let sent_on = browser.send(&Asked::script("GET", "/app/a"));
    world.decisions.borrow_mut().clear();
    gateway.forwarded(&world, sent_on.forwarded(), Ok(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(world.decisions.borrow().len(), 1);
    let landing = browser.send(&Asked::navigation("/auth/logged-out")).event;
    assert_eq!((&landing["event"], &landing["subject"]), (&json!("own"), &json!("alice")));
    let kept = world.decisions.borrow().len();
    assert_eq!(kept, 1);
    let mut limited = everything();
    limited["ROUTES"]["/few/{*rest}"] = json!({
        "upstream": "service:API", "limits": { "address": { "rate": "1/1h", "counter": "isolate" } },
    });
    limited["ROUTES"]["/mine/{*rest}"] = json!({
        "upstream": "service:API", "limits": { "subject": { "rate": "1/1h", "counter": "isolate" } },
    });
    let gateway = crate::support::gateway(&limited);
    for path in ["/few/a", "/few/a", "/few/a", "/nowhere", "/", "/auth/health"] {
        Browser::new(&world, &gateway).send(&Asked::script("GET", path));
    }
    assert_eq!(world.decisions.borrow().len(), kept);
    // Nor what a limit refuses to somebody who is known.
    let known = Browser::new(&world, &gateway).signed_in();
    known.send(&Asked::script("GET", "/mine/a")).forwarded();
    let kept = world.decisions.borrow().len();
    for _ in 0..3 {
        known.send(&Asked::script("GET", "/mine/a")).assert_refused(429, "limit.subject");
    }
    assert_eq!(world.decisions.borrow().len(), kept);
}

#[test]
fn every_endpoint_of_ours_has_a_limit_for_an_address() {
    let mut vars = everything();
    let few = json!({ "rate": "2/1h" });
    vars["LIMITS"] = json!({
        "login": few, "callback": few, "backchannel_logout": few, "frontchannel_logout": few, "own": few,
    });
    for (what, limit, asked) in [
        ("login", "limit.login", Asked::navigation("/auth/login?provider=corp")),
        ("callback", "limit.callback", Asked::navigation("/auth/callback/corp?state=x&code=y")),
        ("notice", "limit.backchannel_logout", Asked::new("POST", "/auth/backchannel-logout/corp")),
        ("frame", "limit.frontchannel_logout", Asked::new("GET", "/auth/frontchannel-logout/corp?sid=x")),
        ("me", "limit.own", Asked::script("GET", "/auth/me")),
        ("logout", "limit.own", Asked::script("POST", "/auth/logout")),
        ("logged out", "limit.own", Asked::navigation("/auth/logged-out")),
        ("signed in", "limit.own", Asked::navigation("/auth/signed-in")),
        ("continue", "limit.own", Asked::navigation("/auth/continue")),
        ("script", "limit.own", Asked::script("GET", "/auth/postern.js")),
        ("health", "limit.own", Asked::script("GET", "/auth/health")),
        ("sessions", "limit.own", Asked::script("GET", "/auth/sessions")),
        ("end others", "limit.own", Asked::form("/auth/sessions/end-others")),
        ("end one", "limit.own", Asked::script("DELETE", "/auth/sessions/AAAAAAAAAAAAAAAA")),
        ("management", "limit.own", Asked::script("GET", "/auth/admin")),
        ("nothing", "limit.own", Asked::script("GET", "/auth/nowhere")),
        ("keys", "limit.own", Asked::script("GET", "/.well-known/jwks.json")),
        ("resource", "limit.own", Asked::script("GET", "/.well-known/oauth-protected-resource")),
        ("authzen", "limit.own", Asked::script("GET", "/.well-known/authzen-configuration")),
    ] {
        let (world, gateway) = (World::new(), gateway(&vars));
        let browser = Browser::new(&world, &gateway);
        let reasons: Vec<Value> = (0..3).map(|_| browser.send(&asked).event["reason"].clone()).collect();
        assert!(reasons[0] != limit && reasons[1] != limit, "{what}: {reasons:?}");
        assert_eq!(reasons[2], limit, "{what}");
        // Elsewhere nobody is refused for it, and a route has limits of its own.
        assert_ne!(browser.send(&Asked::script("GET", "/app/a")).event["reason"], limit, "{what}");
    }
}

#[test]
fn of_our_own_endpoints_a_hundred_requests_a_second_are_let_through_unasked() {
    let mut vars = everything();
    vars.as_object_mut().unwrap().remove("LIMITS");
    vars.as_object_mut().unwrap().remove("VERIFY");
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway);
    for _ in 0..6000 {
        let answered = browser.send(&Asked::script("GET", "/auth/health"));
        assert_eq!(answered.reply().status.as_u16(), 200);
        assert!(!answered.reply().headers.contains_key("ratelimit-policy"));
        world.lines.borrow_mut().clear();
    }
    let refused = browser.send(&Asked::script("GET", "/auth/health"));
    refused.assert_refused(429, "limit.own");
    assert_eq!(refused.reply().headers["ratelimit-policy"], r#""own";q=6000;w=60"#);
    assert!(browser.send(&Asked::navigation("/auth/login?provider=corp")).event["reason"] != "limit.own");
}
