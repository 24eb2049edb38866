//! Guarded routes: who gets through, and with what.

use postern::gateway::{self, Disposition};
use postern::http::{HeaderMap, HeaderName, HeaderValue, Method, Peer, RequestHead};
use postern::ports::{BodyError, RequestBody};
use postern::refusal::Reason;
use postern::route::Upstream;

use crate::support::{Asked, Browser, World, gateway, two_providers, variables};

#[test]
fn the_upstream_hears_from_postern_alone_who_asks() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.plant("theme", "dark");
    let mut asked = Asked::script("GET", "/api/a?access_token=mine")
        .with("authorization", "Basic YTpi")
        .with("accept", "application/json")
        .with("x-app", "kept");
    const CLAIMS: [&str; 22] = [
        "x-user",
        "x-user-id",
        "x-forwarded-user",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-real-ip",
        "forwarded",
        "x-postern-assertion",
        "x-original-url",
        "x-rewrite-url",
        "client-cert",
        "x-ssl-client-verify",
        "cf-connecting-ip",
        "cf-access-jwt-assertion",
        "remote-user",
        "x-remote-user",
        "x-auth-request-email",
        "true-client-ip",
        "via",
        "x-email",
        "x-http-method-override",
        "x-request-id",
    ];
    for name in CLAIMS {
        asked = asked.with(name, "forged");
    }
    let answered = browser.send(&asked);
    let plan = answered.forwarded();
    assert_eq!(plan.upstream, Upstream::Service("API".to_owned()));
    for (name, value) in &plan.headers {
        assert!(!value.to_str().unwrap().contains("forged"), "{name}");
    }
    for (name, value) in [
        ("authorization", "Bearer access-canary-1"),
        ("cookie", "theme=dark"),
        ("accept", "application/json"),
        ("x-app", "kept"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-request-id", plan.request_id.as_str()),
    ] {
        assert_eq!(plan.headers[name], value, "{name}");
    }
    assert!(plan.headers["authorization"].is_sensitive() && plan.private);
    assert_eq!(answered.event["outcome"], "allow");
}

#[test]
fn a_token_goes_only_where_the_route_relays_it() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let assets = browser.send(&Asked::script("GET", "/app/a").with("authorization", "Bearer mine"));
    assert!(!assets.forwarded().headers.contains_key("authorization"));
    assert!(!assets.forwarded().headers.contains_key("cookie"));
    // A public route is the application's own business, and nobody is asked who they are.
    let calls = world.session_calls.get();
    let public = browser.send(&Asked::script("GET", "/").with("authorization", "Bearer mine"));
    assert_eq!(public.forwarded().headers["authorization"], "Bearer mine");
    assert!(!public.forwarded().headers.contains_key("cookie") && !public.forwarded().private);
    assert_eq!(world.session_calls.get(), calls);
}

#[test]
fn a_program_without_a_session_is_told_where_to_get_one() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    for asked in [
        Asked::script("GET", "/api/a"),
        Asked::script("POST", "/api/a"),
        Asked::new("GET", "/api/a"),
        Asked::new("HEAD", "/app/a").with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "document"),
        Asked::new("GET", "/app/a").with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "iframe"),
        Asked::new("GET", "/api/a").with("accept", "application/json, text/html"),
    ] {
        let refused = browser.send(&asked);
        refused.assert_refused(401, "authn.no_credential");
        let challenge = refused.reply().headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Cookie ") && !challenge.contains("error"), "{challenge}");
    }
    assert_eq!(browser.send(&Asked::script("GET", "/api/a")).json()["login_url"], "/auth/login");
    // nothing but a navigation leaves anything behind.
    assert!(browser.logins_under_way().is_empty());
}

#[test]
fn what_no_rule_names_is_refused() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in ["/secret", "/api", "/auth", "/auth/", "/auth/nothing", "/auth/login/x", "/.well-known/jwks.json"] {
        browser.send(&Asked::script("GET", path)).assert_refused(404, "route.none");
    }
    let refused = browser.send(&Asked::script("DELETE", "/quiet"));
    refused.assert_refused(405, "route.method_not_allowed");
    assert_eq!(refused.reply().headers["allow"], "GET, HEAD");
    for method in ["TRACE", "CONNECT", "PROPFIND"] {
        browser.send(&Asked::script(method, "/api/a")).assert_refused(405, "route.method_not_allowed");
    }
    let overridden = browser.send(&Asked::script("GET", "/quiet").with("x-http-method-override", "DELETE"));
    assert!(!overridden.forwarded().headers.contains_key("x-http-method-override"));
}

#[test]
fn an_identity_that_lacks_something_is_told_no_and_not_sent_in_circles() {
    //
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/admin/a")).assert_refused(403, "authz.insufficient_scope");
    browser.go("/admin/a").assert_refused(403, "authz.insufficient_scope");
    browser.go("/partners/a").assert_refused(403, "authz.provider_not_accepted");
    let partner = Browser::new(&world, &gateway);
    partner.login_at(&world.partner, "provider=partner");
    partner.go("/partners/a").forwarded();
}

#[test]
fn an_unsafe_request_comes_from_our_own_pages() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let own = "https://app.example.com";
    browser.send(&Asked::script("POST", "/api/a")).forwarded();
    browser.send(&Asked::new("DELETE", "/api/a").with("origin", own)).forwarded();
    browser.send(&Asked::new("PUT", "/api/a").with("x-postern-csrf", "1")).forwarded();
    browser.send(&Asked::new("POST", "/api/a")).assert_refused(403, "csrf.no_evidence");
    browser
        .send(&Asked::new("PATCH", "/api/a").with("sec-fetch-site", "same-site"))
        .assert_refused(403, "csrf.fetch_site");
    browser.send(&Asked::new("POST", "/api/a").with("origin", "null")).assert_refused(403, "csrf.origin");
    let socket = |origin: &str| Asked::new("GET", "/api/a").with("upgrade", "websocket").with("origin", origin);
    browser.send(&socket(own)).forwarded();
    browser.send(&socket("https://evil.example")).assert_refused(403, "csrf.origin");
    browser.send(&Asked::new("GET", "/api/a").with("upgrade", "websocket")).assert_refused(403, "csrf.no_evidence");
    // A request without a session has nothing to abuse.
    Browser::new(&world, &gateway).send(&Asked::new("POST", "/api/a")).assert_refused(401, "authn.no_credential");
}

#[test]
fn a_request_with_more_than_one_reading_is_read_by_nobody() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let calls = world.session_calls.get();
    for path in
        ["/api//a", "/api/%2e%2e/a", "/api/a%2fb", "/api/a;b", "/api/%25", "/api/%00", "/api/a\\b", "/AUTH/%2e/login"]
    {
        let refused = browser.send(&Asked::script("GET", path));
        let reason = refused.event["reason"].as_str().unwrap().to_owned();
        assert!(reason.starts_with("path."), "{path}: {reason}");
        refused.assert_refused(400, &reason);
    }
    for name in ["x_user", "x.user", "x-user!", "x|user", "remote~user", "x_postern_subject"] {
        let refused = browser.send(&Asked::script("GET", "/api/a").with(name, "a"));
        refused.assert_refused(400, "request.bad_header");
    }
    let many = vec![(HeaderName::from_static("x-more"), HeaderValue::from_static("a")); 130];
    browser.send(&Asked::script("GET", "/api/a").between(&many, &[])).assert_refused(400, "request.bad_header");
    assert_eq!(world.session_calls.get(), calls);
}

struct NoBody;

impl RequestBody for NoBody {
    async fn text(self, _: usize) -> Result<String, BodyError> {
        Err(BodyError::Unreadable)
    }
}

fn head(url: &str) -> RequestHead {
    RequestHead { method: Method::GET, url: url.to_owned(), headers: HeaderMap::new(), peer: Peer::default() }
}

#[test]
fn another_host_is_not_served() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    for url in [
        "https://evil.example/",
        "https://app.example.com.evil.example/",
        "https://app.example.com:444/",
        "https://app.example.com@evil.example/",
        "https://evil.example?https://app.example.com/",
        "https://sub.app.example.com/auth/login",
        "",
    ] {
        let Disposition::Respond(reply) = futures::executor::block_on(gateway.handle(&world, &head(url), NoBody))
        else {
            panic!("{url} was forwarded")
        };
        assert_eq!(reply.status.as_u16(), 421, "{url}");
        assert_eq!(world.take_events()[0]["reason"], "request.unknown_host", "{url}");
    }
}

#[test]
fn failures_beyond_the_gateway_have_the_same_poor_face() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    for (reason, status) in [(Reason::UpstreamUnreachable, 502), (Reason::UpstreamTimeout, 504)] {
        let head = head("https://app.example.com/");
        let reply = gateway.upstream_failed(&head, "the-id", &reason);
        assert_eq!((reply.status.as_u16(), &reply.headers["x-request-id"]), (status, &"the-id".parse().unwrap()));
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
    for (id, reply, status) in [gateway::broken(None, &world), gateway::unreadable(&world)]
        .into_iter()
        .zip([500, 400])
        .map(|((id, reply), status)| (id, reply, status))
    {
        assert_eq!(reply.status.as_u16(), status);
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            (body["request_id"].as_str(), body["status"].as_u64()),
            (Some(id.as_str()), Some(u64::from(status)))
        );
    }
}

#[test]
fn our_own_pages_are_read_and_nothing_else() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    for path in ["/auth/health", "/auth/logged-out"] {
        for method in ["GET", "HEAD"] {
            let answered = browser.send(&Asked::new(method, path));
            assert_eq!((answered.reply().status.as_u16(), answered.event["event"].as_str()), (200, Some("own")));
            assert!(answered.reply().headers.contains_key("content-security-policy"));
            //
            assert!(!answered.reply().headers.contains_key("access-control-allow-origin"));
        }
        browser.send(&Asked::script("POST", path)).assert_refused(405, "route.method_not_allowed");
    }
}
