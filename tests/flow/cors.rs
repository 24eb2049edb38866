//! Pages of other origins: which routes they may call, and what they may read of the answers.

use postern::gateway::Gateway;
use postern::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use postern::refusal::Reason;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, Fault, World, gateway, variables};

const SPA: &str = "https://spa.example.com";
const OTHER: &str = "https://other.example.com";

/// A deployment where a page on a sibling host may call one route with cookies, and another without.
fn deployment() -> Gateway {
    let mut vars = variables();
    let cors = json!({ "origins": [SPA], "credentials": true, "headers": ["content-type"], "expose": ["etag"], "max_age": "10m" });
    vars["ROUTES"]["GET,PUT /spa/{*rest}"] = json!({ "upstream": "service:API", "cors": cors });
    vars["ROUTES"]["/relay/{*rest}"] = json!({ "upstream": "service:API", "token": "relay", "cors": cors });
    vars["ROUTES"]["GET,OPTIONS /open/{*rest}"] =
        json!({ "upstream": "service:API", "public": true, "cors": { "origins": [SPA] } });
    gateway(&vars)
}

/// A script of a page on `origin` asks, on the same site as we are.
fn from(origin: &str, method: &str, path: &str) -> Asked {
    let asked = Asked::new(method, path).with("origin", origin);
    asked.with("sec-fetch-site", "same-site").with("sec-fetch-mode", "cors").with("sec-fetch-dest", "empty")
}

fn preflight(origin: &str, method: &str, path: &str) -> Asked {
    from(origin, "OPTIONS", path).with("access-control-request-method", method)
}

fn headers(answered: &Answered) -> HeaderMap {
    match &answered.outcome {
        postern::gateway::Disposition::Respond(reply) => reply.headers.clone(),
        postern::gateway::Disposition::Forward(plan) => {
            let upstream = [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-credentials", "true"),
                ("vary", "Accept"),
            ];
            let upstream =
                upstream.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            plan.answer_edits(StatusCode::OK, &HeaderMap::from_iter(upstream)).applied()
        }
    }
}

/// That the answer may be read by a page of `origin`, with cookies or without, and by no other.
#[track_caller]
fn assert_readable(answered: &Answered, origin: &str, credentials: bool) {
    let headers = headers(answered);
    assert_eq!(headers.get_all("access-control-allow-origin").iter().collect::<Vec<_>>(), [origin]);
    assert_eq!(headers.contains_key("access-control-allow-credentials"), credentials);
    assert!(headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{headers:?}");
}

/// That nobody is told that a page elsewhere may read it.
#[track_caller]
fn assert_unreadable(answered: &Answered) {
    let headers = headers(answered);
    assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{headers:?}");
}

#[test]
fn a_preflight_is_answered_before_anybody_is_asked_who_they_are() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway);
    let answered = browser.send(&preflight(SPA, "PUT", "/spa/a"));
    let reply = answered.reply();
    assert_eq!((reply.status.as_u16(), answered.event["reason"].as_str()), (204, Some("cors.preflight")));
    assert_eq!(answered.event["route"], "GET,PUT /spa/{*rest}");
    assert_readable(&answered, SPA, true);
    for (name, value) in [
        ("access-control-allow-methods", "GET, HEAD, PUT"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(reply.headers[name], value);
    }
    assert_eq!(world.session_calls.get(), 0);
    // Also where the upstream would answer the method itself.
    assert_eq!(browser.send(&preflight(SPA, "GET", "/open/a")).reply().status.as_u16(), 204);
}

#[test]
fn a_preflight_of_any_other_origin_is_told_nothing() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway);
    for origin in [
        OTHER,
        "null",
        "https://spa.example.com.evil.example",
        "http://spa.example.com",
        "*",
        "https://app.example.com",
    ] {
        let refused = browser.send(&preflight(origin, "GET", "/spa/a"));
        refused.assert_refused(403, "cors.origin");
        assert_unreadable(&refused);
        assert!(refused.reply().headers.get_all("vary").iter().any(|vary| vary == "Origin"));
    }
    let other_method = browser.send(&preflight(SPA, "DELETE", "/spa/a"));
    other_method.assert_refused(405, "route.method_not_allowed");
    assert_unreadable(&other_method);
    // A route that knows no other origins: a request like any other, here one that needs a session.
    let elsewhere = browser.send(&preflight(SPA, "GET", "/api/a"));
    elsewhere.assert_refused(401, "authn.no_credential");
    assert_unreadable(&elsewhere);
}

#[test]
fn our_own_endpoints_have_no_cors() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    for (method, path) in [
        ("GET", "/auth/login"),
        ("GET", "/auth/callback/corp"),
        ("POST", "/auth/logout"),
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
    ] {
        assert_unreadable(&browser.send(&preflight(SPA, method, path)));
        assert_unreadable(&browser.send(&from(SPA, method, path)));
    }
}

#[test]
fn a_page_elsewhere_reads_answers_and_refusals() {
    // field row 13
    let (world, gateway) = (World::new(), deployment());
    let nobody = Browser::new(&world, &gateway);
    let refused = nobody.send(&from(SPA, "GET", "/spa/a"));
    refused.assert_refused(401, "authn.no_credential");
    assert_readable(&refused, SPA, true);
    assert_eq!(refused.json()["login_url"], "https://app.example.com/auth/login");
    let exposed = refused.reply().headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("www-authenticate") && exposed.contains("etag"), "{exposed}");

    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&from(SPA, "GET", "/spa/a"));
    answered.forwarded();
    assert_readable(&answered, SPA, true);
    let vary: Vec<_> = headers(&answered).get_all("vary").iter().cloned().collect();
    assert_eq!(vary, ["Accept", "Cookie", "Origin"]);
    // From our own page nothing is granted, nor needed; but a cache is told.
    let own = browser.send(&Asked::script("GET", "/spa/a"));
    own.forwarded();
    assert_unreadable(&own);
    assert!(headers(&own).get_all("vary").iter().any(|vary| vary == "Origin"));

    world.fault.set(Fault::Sessions);
    let down = browser.send(&from(SPA, "GET", "/spa/a"));
    down.assert_refused(503, "session.store_unavailable");
    assert_readable(&down, SPA, true);
}

#[test]
fn it_reads_when_the_upstream_fails_too() {
    let (world, gateway) = (World::new(), deployment());
    let failed = |origin: &'static str, path: &str| {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("origin"), HeaderValue::from_static(origin))]);
        let url = format!("https://app.example.com{path}");
        let head = postern::http::RequestHead {
            method: postern::http::Method::GET,
            url,
            headers,
            peer: postern::http::Peer::default(),
        };
        gateway.upstream_failed(&head, "the-id", &Reason::UpstreamTimeout)
    };
    assert_eq!(failed(SPA, "/spa/a").headers["access-control-allow-origin"], SPA);
    assert!(!failed(OTHER, "/spa/a").headers.contains_key("access-control-allow-origin"));
    assert!(!failed(SPA, "/api/a").headers.contains_key("access-control-allow-origin"));
    assert!(world.lines.borrow().is_empty());
}

#[test]
fn a_script_elsewhere_is_never_sent_to_sign_in() {
    // field row 13: an old browser that says nothing of itself but prefers HTML
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway);
    let asked = Asked::new("GET", "/spa/a").with("origin", SPA).with("accept", "text/html");
    let refused = browser.send(&asked);
    refused.assert_refused(401, "authn.no_credential");
    assert_eq!(refused.reply().headers["content-type"], "application/problem+json");
    assert!(browser.logins_under_way().is_empty());
}

#[test]
fn cookies_of_a_page_elsewhere_count_on_its_route_and_nowhere_else() {
    //
    let (world, gateway) = (World::new(), deployment());
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&from(SPA, "PUT", "/spa/a")).forwarded();
    browser.send(&Asked::new("PUT", "/spa/a").with("origin", SPA)).forwarded();
    let socket = |origin: &str| Asked::new("GET", "/spa/a").with("upgrade", "websocket").with("origin", origin);
    browser.send(&socket(SPA)).forwarded();
    browser.send(&socket(OTHER)).assert_refused(403, "csrf.origin");
    for origin in [OTHER, "null", "https://spa.example.com:444"] {
        let refused = browser.send(&from(origin, "PUT", "/spa/a"));
        refused.assert_refused(403, "csrf.origin");
        assert_unreadable(&refused);
        browser.send(&from(origin, "GET", "/spa/a")).assert_refused(403, "csrf.fetch_site");
    }
    // Its own leave ends at its route.
    browser.send(&from(SPA, "PUT", "/api/a")).assert_refused(403, "csrf.origin");
    browser.send(&from(SPA, "POST", "/auth/logout")).assert_refused(403, "csrf.origin");
    // An image of its page asks without an origin, and is a stranger's.
    let image = Asked::new("GET", "/spa/a").with("sec-fetch-site", "same-site").with("sec-fetch-mode", "no-cors");
    browser.send(&image.with("sec-fetch-dest", "image")).assert_refused(403, "csrf.fetch_site");
}

#[test]
fn without_credentials_no_cookie_of_a_page_elsewhere_counts() {
    //
    let world = World::new();
    let mut vars = variables();
    vars["ISSUERS"] = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    vars["ROUTES"]["/both"] = json!({
        "upstream": "service:API", "authenticate": ["session", "bearer"], "cors": { "origins": [SPA], "headers": ["authorization"] },
    });
    let gateway = gateway(&vars);
    let browser = Browser::new(&world, &gateway).signed_in();
    let refused = browser.send(&from(SPA, "POST", "/both"));
    refused.assert_refused(403, "csrf.origin");
    assert_readable(&refused, SPA, false);
    let token = browser.send(&from(SPA, "POST", "/both").with("authorization", "Bearer made.up.token"));
    assert_eq!(token.reply().status.as_u16(), 401);
    assert_readable(&token, SPA, false);
    let _: Value = token.json();
}
