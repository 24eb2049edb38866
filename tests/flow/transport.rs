//! What a request must not leave open before any rule is looked at: by which scheme it came, what its body and its headers
//! become on the way, and who reads the answer.

use futures::executor::block_on;
use postern::gateway::{Disposition, Gateway};
use postern::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead};
use postern::ports::{BodyError, RequestBody};
use serde_json::{Value, json};

use crate::support::{Asked, Browser, World, gateway, variables};

const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

struct NoBody;

impl RequestBody for NoBody {
    async fn text(self, _: usize) -> Result<String, BodyError> {
        Ok(String::new())
    }
}

fn plain(world: &World, gateway: &Gateway, method: &str, path: &str, lines: &[(&'static str, &str)]) -> Disposition {
    let lines =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    let head = RequestHead {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        url: format!("http://app.example.com{path}"),
        headers: HeaderMap::from_iter(lines),
        peer: Peer::default(),
    };
    block_on(gateway.handle(world, &head, NoBody))
}

fn last_event(world: &World) -> Value {
    serde_json::from_str(world.lines.borrow().last().unwrap()).unwrap()
}

#[test]
fn who_comes_without_tls_is_led_to_it_or_refused() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    for path in ["/", "/app/x?y=z", "/auth/login?return_to=%2Fapp%2F", "/nothing", "/auth/me"] {
        let Disposition::Respond(reply) = plain(&world, &gateway, "GET", path, &[("accept", HTML)]) else { panic!() };
        assert_eq!(reply.status, 308, "{path}");
        assert_eq!(reply.headers["location"], format!("https://app.example.com{path}"));
        assert!(!reply.headers.contains_key("set-cookie"));
        assert_eq!(last_event(&world)["reason"], "request.plain_http");
    }
    for (method, path, lines) in [
        ("GET", "/", &[("accept", "*/*")][..]),
        ("GET", "/app/x", &[("accept", HTML), ("sec-fetch-mode", "cors")]),
        ("GET", "/app/x", &[("accept", HTML), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
        ("POST", "/app/x", &[("accept", HTML)]),
        ("POST", "/auth/logout", &[("accept", HTML), ("origin", "https://app.example.com")]),
        ("HEAD", "/", &[("accept", HTML)]),
        ("GET", "/api/x", &[("authorization", "Bearer abc")]),
        ("POST", "/auth/backchannel-logout/corp", &[("content-type", "application/x-www-form-urlencoded")]),
        ("GET", "/auth/health", &[]),
        ("GET", "/api/x", &[("upgrade", "websocket")]),
    ] {
        let Disposition::Respond(reply) = plain(&world, &gateway, method, path, lines) else { panic!() };
        assert_eq!(reply.status, 421, "{method} {path}");
        assert!(!reply.headers.contains_key("location") && !reply.headers.contains_key("set-cookie"));
        let event = last_event(&world);
        assert_eq!((event["outcome"].as_str(), event["reason"].as_str()), (Some("deny"), Some("request.plain_http")));
    }
}

#[test]
fn where_the_public_url_is_http_it_is_served_as_ever() {
    let mut vars = variables();
    vars["PUBLIC_URL"] = json!("http://localhost:8787");
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway);
    assert!(matches!(browser.go("/").outcome, Disposition::Forward(_)));
}

#[test]
fn a_body_that_cannot_be_sent_on_is_refused() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for method in ["GET", "HEAD"] {
        for (name, value) in [("content-length", "1"), ("content-length", "00"), ("transfer-encoding", "chunked")] {
            let answered = browser.send(&Asked::script(method, "/api/x").with(name, value));
            answered.assert_refused(400, "request.body_unsendable");
        }
        let answered = browser.send(&Asked::script(method, "/api/x").with("content-length", "0"));
        assert!(matches!(answered.outcome, Disposition::Forward(_)));
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let asked =
            Asked::script(method, "/api/x").with("content-length", "1").with("origin", "https://app.example.com");
        assert!(matches!(browser.send(&asked).outcome, Disposition::Forward(_)), "{method}");
    }
    // What is not sent on is read by whom it is for, or not at all.
    let answered = browser.send(&Asked::script("GET", "/auth/me").with("content-length", "1"));
    assert_eq!(answered.reply().status, 200);
}

#[test]
fn what_was_taken_out_is_named_and_a_sign_in_a_name_is_no_reason_to_refuse() {
    //
    let mut vars = variables();
    vars["REMOVE"] = json!(["X-Seat-*"]);
    vars["ROUTES"]["/open/{*rest}"] = json!({
        "upstream": "service:API", "public": true, "remove": ["X-Plan"], "keep": ["X-Auth-Token"],
    });
    let (world, gateway) = (World::new(), gateway(&vars));
    let browser = Browser::new(&world, &gateway).signed_in();
    let lines = |asked: Asked| {
        let asked = asked.with("api_key", "v").with("x-auth-token", "v").with("x-seat-id", "7").with("x-plan", "gold");
        asked.with("x-forwarded-for", "192.0.2.1").with("x-trace", "1")
    };
    for (path, left, removed) in [
        ("/open/x", &["x-auth-token", "x-trace"][..], json!(["api_key", "x-seat-id", "x-plan"])),
        ("/app/x", &["x-plan", "x-trace"], json!(["api_key", "x-auth-token", "x-seat-id"])),
    ] {
        let answered = browser.send(&lines(Asked::script("GET", path)));
        let Disposition::Forward(plan) = &answered.outcome else { panic!("{}", answered.event) };
        let mut names: Vec<&str> = plan.headers.keys().map(|name| name.as_str()).collect();
        names.retain(|name| ["api_key", "x-auth-token", "x-seat-id", "x-plan", "x-trace"].contains(name));
        names.sort_unstable();
        assert_eq!((names.as_slice(), &answered.event["removed"]), (left, &removed), "{path}");
    }
    assert!(browser.send(&Asked::script("GET", "/app/x")).event.get("removed").is_none());
    for claim in ["x_user", "x.forwarded.for", "x_postern_subject", "x_tenant_id"] {
        let name = HeaderName::from_static(claim);
        let asked = Asked::script("GET", "/app/x").between(&[(name, HeaderValue::from_static("v"))], &[]);
        browser.send(&asked).assert_refused(400, "request.bad_header");
    }
}

#[test]
fn whoever_prefers_html_reads_a_page_and_only_a_navigation_is_sent_to_sign_in() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let as_seen = |mode: &str, dest: &str, accept: &str| {
        let asked = Asked::new("GET", "/app/x").with("sec-fetch-site", "same-origin").with("sec-fetch-mode", mode);
        browser.send(&asked.with("sec-fetch-dest", dest).with("accept", accept))
    };
    for (mode, dest) in [("same-origin", "empty"), ("navigate", "iframe"), ("cors", "empty")] {
        let answered = as_seen(mode, dest, HTML);
        let reply = answered.reply();
        assert_eq!((reply.status.as_u16(), answered.event["reason"].as_str()), (401, Some("authn.no_credential")));
        assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
        assert!(reply.body.contains("href=\"/auth/login") && reply.body.contains("target=\"_top\""), "{}", reply.body);
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
        assert!(!reply.headers.contains_key("set-cookie"));
    }
    for (mode, dest, accept) in [
        ("cors", "empty", "*/*"),
        ("cors", "empty", "application/json"),
        ("cors", "empty", "application/json, text/html;q=0.5"),
        ("no-cors", "image", "image/avif,image/webp,*/*;q=0.8"),
        ("no-cors", "script", "*/*"),
    ] {
        let answered = as_seen(mode, dest, accept);
        assert_eq!(answered.reply().headers["content-type"], "application/problem+json", "{mode} {dest} {accept}");
    }
    let navigation = browser.go("/app/x");
    assert_eq!((navigation.reply().status.as_u16(), navigation.event["outcome"].as_str()), (302, Some("redirect")));
}
