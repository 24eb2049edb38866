use super::*;
use crate::authz::{Decision, authorize};
use crate::config::testing::config;
use crate::http::caller_headers::{CLAIMING_NAMES, CLAIMING_PREFIXES, HARMLESS_NAMES, says_who_asks};
use crate::http::{Method, Peer};
use crate::ids::ServiceId;
use crate::route::{BrowserCache, HeaderMask};
use crate::time::Timestamp;
use crate::upstream::headers::OF_THE_CONNECTION;

fn permit() -> Permit {
    let config = config(|_| ());
    let path = CanonicalPath::parse("/").unwrap();
    match authorize(None, &config.routes.find(&Method::GET, &path).unwrap(), Timestamp::from_unix(0)) {
        Decision::Allow(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn plan(private: bool, lines: &[(&'static str, &'static str)]) -> ForwardPlan {
    plan_of(Method::GET, private, lines)
}

fn plan_of(method: Method, private: bool, lines: &[(&'static str, &'static str)]) -> ForwardPlan {
    plan_with(None, method, private, lines)
}

fn plan_with(
    service: Option<ServiceCredential>,
    method: Method,
    private: bool,
    lines: &[(&'static str, &'static str)],
) -> ForwardPlan {
    let headers =
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
    let head = RequestHead { method, url: String::new(), headers, peer: Peer::default() };
    let forwarding = Forwarding {
        security_headers: None,
        head: &head,
        path: &CanonicalPath::parse("/a/%C3%a9").unwrap(),
        strip_prefix: None,
        query: Some("b=%2F&c"),
        public_url: &config(|_| ()).public_url,
        cache_scope: if private { CacheScope::Private(None) } else { CacheScope::Shared },
        lifetime: StreamLifetime::Unlimited,
        identity: UpstreamIdentity::default(),
        service,
        claim_headers: &[HeaderName::from_static("employee-id")],
        request_headers: &RequestHeaders {
            remove: vec![HeaderMask::parse("X-Seat-*").unwrap(), HeaderMask::parse("api-key").unwrap()],
            keep: vec![HeaderName::from_static("x-auth-token"), HeaderName::from_static("employee-id")],
        },
        cache: BrowserCache::None,
        websocket_buffer: 8,
        key_prefix: None,
        request_id: "the-id",
    };
    ForwardPlan::new(Upstream::Assets, forwarding, permit())
}

#[test]
fn a_token_of_our_own_goes_alone() {
    //
    let lines = [("authorization", "Bearer callers"), ("cookie", "app=1; __Host-postern=x"), ("accept", "*/*")];
    let token = |text: &str| ServiceToken {
        token: Secret::new(text.to_owned()),
        issued_at: Timestamp::from_unix(0),
        expires_at: Timestamp::from_unix(9),
    };
    let service = ServiceCredential { id: ServiceId::parse("billing").unwrap(), token: token("ours") };
    let mut plan = plan_with(Some(service), Method::GET, true, &lines);
    assert_eq!(plan.headers["authorization"], "Bearer ours");
    assert!(plan.headers["authorization"].is_sensitive() && !plan.headers.contains_key("cookie"));
    assert_eq!(plan.headers["accept"], "*/*");
    assert!(plan.replace_service_token(token("next")));
    assert_eq!(plan.headers.get_all("authorization").iter().collect::<Vec<_>>(), ["Bearer next"]);
    // Elsewhere there is none, and none comes there.
    let mut other = plan_of(Method::GET, true, &lines);
    assert!(!other.replace_service_token(token("next")) && !other.headers.contains_key("authorization"));
    assert_eq!(other.headers["cookie"], "app=1");
}

#[test]
fn a_route_takes_out_more_or_less_and_says_what() {
    //
    let lines = [
        ("accept", "*/*"),
        ("x-seat-number", "7"),
        ("api-key", "v"),
        ("x-auth-token", "v"),
        ("x-auth-user", "root"),
        ("x-auth-user", "admin"),
        ("employee-id", "1"),
        ("api_version", "2"),
        ("cf-connecting-ip", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-user", "root"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    assert_eq!(left(true, &lines), ["accept", "x-auth-token"]);
    let removed = plan(true, &lines).removed;
    assert_eq!(removed, ["x-seat-number", "api-key", "x-auth-user", "employee-id", "api_version", "x-forwarded-user"]);
}

/// The names of what is left of `lines`.
fn left(private: bool, lines: &[(&'static str, &'static str)]) -> Vec<String> {
    let ours = ["x-forwarded-host", "x-forwarded-proto", "x-request-id"];
    let plan = plan(private, lines);
    plan.headers.keys().map(|name| name.as_str().to_owned()).filter(|name| !ours.contains(&name.as_str())).collect()
}

#[test]
fn the_canonical_path_goes_on_and_the_query_byte_for_byte() {
    //
    assert_eq!(plan(false, &[]).path_and_query, "/a/%C3%A9?b=%2F&c");
}

#[test]
fn what_a_caller_says_of_itself_stays_outside() {
    //
    for name in [
        "x-user",
        "x-userinfo",
        "x-forwarded-email",
        "x-forwarded",
        "forwarded",
        "x-postern-subject",
        "x-original-method",
        "x-rewrite-url",
        "x-auth-user",
        "x-authenticated-groups",
        "x-remote-addr",
        "x-ssl-cert",
        "x-client-ip",
        "x-envoy-peer",
        "x-amzn-oidc-data",
        "x-goog-iap-jwt-assertion",
        "x-middleware-subrequest",
        "cf-ray",
        "cf-ipcountry",
        "client-cert",
        "remote-user",
        "from",
        "via",
        "x-real-ip",
        "x-roles",
        "x-groups",
        "x-http-method",
        "x-method-override",
        "proxy",
    ] {
        assert_eq!(left(false, &[(name, "forged")]), Vec::<String>::new(), "{name}");
    }
    for name in ["accept", "content-type", "x-requested-with", "range", "x-app", "if-none-match", "origin"] {
        assert_eq!(left(true, &[(name, "kept")]), [name]);
    }
}

#[test]
fn every_header_that_claims_something_ends_here_however_it_is_spelt() {
    //
    let longer = CLAIMING_PREFIXES.map(|prefix| format!("{prefix}z"));
    let names = CLAIMING_NAMES.map(str::to_owned);
    for claim in longer.into_iter().chain(names) {
        for sign in ["-", "_", ".", "~"] {
            let spelt: &'static str = claim.replace('-', sign).leak();
            assert_eq!(left(true, &[(spelt, "forged")]), Vec::<String>::new(), "{spelt}");
            assert_eq!(left(false, &[(spelt, "forged")]), Vec::<String>::new(), "{spelt}");
        }
    }
    for name in HARMLESS_NAMES {
        assert_eq!(left(true, &[(name, "kept")]), [name]);
    }
}

#[test]
fn headers_of_the_connection_stay_with_the_connection() {
    //
    for name in OF_THE_CONNECTION {
        assert_eq!(left(false, &[(name, "x")]), Vec::<String>::new(), "{name}");
    }
    let lines =
        [("connection", "x"), ("te", "trailers"), ("transfer-encoding", "chunked"), ("host", "a"), ("upgrade", "h2c")];
    assert_eq!(left(false, &lines[..4]), Vec::<String>::new());
    let mut socket = left(true, &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "a")]);
    socket.sort_unstable();
    assert_eq!(socket, ["connection", "sec-websocket-key", "upgrade"]);
}

#[test]
fn what_connection_names_stays_with_the_connection_and_what_we_say_does_not() {
    // R-173, RFC 9110 §7.6.1
    let lines = [("connection", "close, x-hop, x-request-id"), ("x-hop", "1"), ("x-stays", "2")];
    assert_eq!(left(false, &lines), ["x-stays"]);
    assert_eq!(plan(false, &lines).headers["x-request-id"], "the-id");
}

#[test]
fn only_a_get_becomes_a_websocket() {
    // the runtime would turn the others into a GET
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        let headers = plan_of(method.clone(), true, &[("connection", "Upgrade"), ("upgrade", "websocket")]).headers;
        assert!(!headers.contains_key("upgrade") && !headers.contains_key("connection"), "{method}");
    }
}

#[test]
fn the_length_of_a_body_is_known_where_the_request_says_it() {
    let length = |text| plan_of(Method::POST, true, &[("content-length", text)]).body_length;
    assert_eq!((length("0"), length("5000000000")), (Some(0), Some(5_000_000_000)));
    assert_eq!((length("-1"), length("1, 1"), length("99999999999999999999999")), (None, None, None));
}

#[test]
fn a_credential_of_the_caller_passes_a_public_route_only() {
    assert_eq!(left(false, &[("authorization", "Basic YTpi")]), ["authorization"]);
    assert_eq!(left(true, &[("authorization", "Basic YTpi")]), Vec::<String>::new());
    assert_eq!(left(false, &[("proxy-authorization", "Basic YTpi")]), Vec::<String>::new());
}

#[test]
fn cookies_of_ours_are_taken_out_of_the_line() {
    //
    let plan = plan(false, &[("cookie", "a=1; __Host-postern=v; b=2"), ("cookie", "__Host-postern-login-a=v")]);
    assert_eq!(plan.headers[header::COOKIE], "a=1; b=2");
    assert_eq!(left(false, &[("cookie", "__Host-postern=v")]), Vec::<String>::new());
}

#[test]
fn an_address_that_the_platform_does_not_know_is_not_made_up() {
    assert!(!plan(false, &[("x-forwarded-for", "192.0.2.7")]).headers.contains_key("x-forwarded-for"));
}

#[test]
fn no_header_from_outside_tells_an_upstream_who_asks() {
    // field row 1
    for name in [
        "x-postern-assertion",
        "x-forwarded-user",
        "x-forwarded",
        "x-user",
        "x-user-id",
        "x-original-url",
        "x-rewrite-url",
        "x-middleware-subrequest",
        "x-webauth-user",
        "x-ms-client-principal-id",
        "x-http-method-override",
        "cf-connecting-ip",
        "cf-access-jwt-assertion",
        "client-cert",
        "forwarded",
        "remote-user",
        "ssl-client-s-dn",
    ] {
        assert!(says_who_asks(&HeaderName::from_static(name)), "{name}");
    }
    for name in ["accept", "content-type", "x-requested-with", "traceparent", "origin", "x-app-version"] {
        assert!(!says_who_asks(&HeaderName::from_static(name)), "{name}");
    }
}

#[test]
fn no_protocol_but_websocket_is_changed_to() {
    //
    let kept = |pairs: &[(HeaderName, &'static str)]| {
        let from: HeaderMap =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        HeaderMap::from_iter(websocket_upgrade(&from).into_iter().flatten())
    };
    let opened = kept(&[(header::UPGRADE, "WebSocket"), (header::CONNECTION, "upgrade, x-forwarded-for")]);
    assert_eq!(opened.get(header::CONNECTION).unwrap(), "Upgrade");
    assert_eq!(opened.get(header::UPGRADE).unwrap(), "websocket");
    assert!(kept(&[(header::CONNECTION, "x-forwarded-for")]).is_empty());
    assert!(kept(&[(header::UPGRADE, "h2c"), (header::CONNECTION, "Upgrade, HTTP2-Settings")]).is_empty());
    assert!(kept(&[(header::UPGRADE, "websocket, h2c")]).is_empty());
    assert!(kept(&[(header::UPGRADE, "websocket"), (header::UPGRADE, "h2c")]).is_empty());
}
