//! Headers: none of them opens what is closed without it, and none tells the upstream who asks.

use postern::gateway::{Disposition, Gateway};
use postern::http::caller_headers::{CLAIMING_NAMES, CLAIMING_PREFIXES};
use postern::http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, PARTNER, World, gateway, variables};

type Line = (HeaderName, HeaderValue);

/// By these, somewhere, an identity, an origin, another address or another method is claimed, or a check is skipped.
const CLAIMS: [&str; 104] = [
    "txn-token",
    "x-user",
    "x-user-id",
    "x-username",
    "x-email",
    "x-groups",
    "x-roles",
    "x-role",
    "x-subject",
    "x-access-token",
    "x-id-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-authenticated-user",
    "x-authentik-username",
    "x-remote-user",
    "remote-user",
    "remote-groups",
    "x-webauth-user",
    "x-ms-client-principal",
    "x-pomerium-claim-email",
    "x-pomerium-jwt-assertion",
    "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-email",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-data",
    "cf-access-jwt-assertion",
    "cf-access-authenticated-user-email",
    "cf-connecting-ip",
    "tailscale-user-login",
    "x-forwarded-user",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-forwarded-client-cert",
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "client-cert",
    "x-ssl-client-verify",
    "ssl-client-s-dn",
    "x-original-url",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method-override",
    "x-middleware-subrequest",
    "x-envoy-original-path",
    "x-postern-subject",
    "cf-ipcountry",
    "client-cert-chain",
    "client-ip",
    "fastly-client-ip",
    "from",
    "proxy",
    "via",
    "x-amzn-mtls-clientcert",
    "x-arr-clientcert",
    "x-client-cert",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-group",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-identity",
    "x-identity-subject",
    "x-jwt-payload",
    "x-method-override",
    "x-ms-token-aad-access-token",
    "x-original-host",
    "x-scheme",
    "x-sso-user",
    "x-tls-client-subject",
    "x-url-scheme",
    "x-vouch-user",
    "impersonate-name",
    "x-account-name",
    "x-actor",
    "x-admin",
    "x-authz-name",
    "x-consumer-name",
    "x-credential-name",
    "x-customer-name",
    "x-gateway-name",
    "x-group-name",
    "x-hasura-name",
    "x-impersonat",
    "x-internal-name",
    "x-kong-name",
    "x-login",
    "x-member-name",
    "x-oidc-name",
    "x-okta-name",
    "x-on-behalf-of",
    "x-org-name",
    "x-organization-name",
    "x-permission",
    "x-principal",
    "x-proxy",
    "x-scope-name",
    "x-tenant",
    "x-anonymous-consumer",
    "x-scopes",
];
/// These steer connections, browsers' and proxies' own checks, or health checks.
const STEERING: [&str; 24] = [
    "connection",
    "upgrade",
    "te",
    "transfer-encoding",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "expect",
    "via",
    "user-agent",
    "accept",
    "accept-language",
    "content-type",
    "referer",
    "range",
    "purpose",
    "x-requested-with",
    "dpop",
    "authorization",
    "cookie",
    "sec-fetch-user",
    "x-health-check",
];
/// By these a browser says where a request comes from.
const EVIDENCE: [&str; 5] = ["origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "x-postern-csrf"];

/// What may be refused for such a header, and why that is right.
const STRICTER: [(&str, &str); 9] = [
    ("authorization", "a token that is presented is judged, and it alone"),
    ("cookie", "two session cookies are none"),
    ("upgrade", "a WebSocket needs an `Origin`"),
    ("origin", "another origin asks, or two"),
    ("sec-fetch-site", "another site asks, or two"),
    ("sec-fetch-mode", "who asks in two modes is no person going there"),
    ("content-length", "a GET with a body cannot be sent on"),
    ("transfer-encoding", "a GET with a body cannot be sent on"),
    ("sec-fetch-dest", "who asks for two purposes is no person going there"),
];

fn deployment() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"] } });
    let api = |more: Value| {
        let mut route = json!({ "upstream": "service:API", "token": "relay" });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    variables["ROUTES"]["/v1/{*rest}"] = api(json!({ "authenticate": ["bearer"] }));
    variables["ROUTES"]["/write"] = api(json!({ "authenticate": ["bearer"], "require": { "scopes": ["write"] } }));
    variables["ROUTES"]["/both"] = api(json!({ "authenticate": ["session", "bearer"] }));
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables
}

/// A request, and whether it is sent with the cookies of somebody who is signed in.
type Situation = (bool, Asked);

/// A good access token, for every place that takes one.
fn token(world: &World) -> String {
    let now = world.now.get();
    let claims = json!({
        "iss": PARTNER, "aud": "urn:api", "sub": "alice", "client_id": "reporter", "iat": now, "exp": now + 300,
        "jti": "one", "scope": "read",
    });
    world.partner.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap())
}

/// Everybody at every kind of place.
fn situations(token: &str) -> Vec<Situation> {
    let cross_site =
        |method: &str| Asked::new(method, "/api/a").with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "cors");
    let mut all: Vec<Situation> = ["/v1/a", "/write", "/both"].map(|path| (false, Asked::bearing(path, token))).into();
    all.extend(["/v1/a", "/write", "/both"].map(|path| (false, Asked::bearing(path, "not.a.token"))));
    all.extend([(true, cross_site("GET")), (true, cross_site("POST")), (true, Asked::script("DELETE", "/quiet"))]);
    all.push((true, Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=bob")));
    for signed_in in [true, false] {
        for path in [
            "/",
            "/app/a",
            "/api/a",
            "/admin/a",
            "/quiet",
            "/v1/a",
            "/both",
            "/auth/me",
            "/nothing",
            "/api//a",
            "/auth/sessions",
        ] {
            all.extend(
                [Asked::script("GET", path), Asked::navigation(path), Asked::script("POST", path)]
                    .map(|asked| (signed_in, asked)),
            );
        }
        all.push((signed_in, Asked::from_elsewhere("/app/a")));
    }
    all
}

struct Deployment {
    world: World,
    gateway: Gateway,
    session: String,
    token: String,
    /// What becomes of each situation as it is.
    bases: Vec<Answered>,
}

impl Deployment {
    fn new() -> Self {
        let (world, gateway) = (World::new(), gateway(&deployment()));
        let session = Browser::new(&world, &gateway).signed_in().cookie("__Host-postern").unwrap();
        let token = token(&world);
        let mut deployment = Self { world, gateway, session, token, bases: Vec::new() };
        deployment.bases = situations(&deployment.token).iter().map(|situation| deployment.send(situation)).collect();
        deployment
    }

    fn send(&self, (signed_in, asked): &Situation) -> Answered {
        self.world.lines.borrow_mut().clear();
        let browser = Browser::new(&self.world, &self.gateway);
        if *signed_in {
            browser.plant("__Host-postern", &self.session);
        }
        browser.send(asked)
    }

    /// Checks what becomes of one with these headers more, some before and some after those that it has. Whether it is
    /// refused for them.
    fn check(&self, place: usize, before: &[Line], after: &[Line]) -> bool {
        let (signed_in, asked) = situations(&self.token).swap_remove(place);
        let more = self.send(&(signed_in, asked.between(before, after)));
        let base = &self.bases[place];
        check(base, &more, &[before, after].concat());
        is_allowed(base) && !is_allowed(&more)
    }
}

fn is_allowed(answered: &Answered) -> bool {
    answered.event["outcome"] == "allow"
}

/// As an upstream reads a name that takes every sign for `_` (CGI, RFC 3875 §4.1.18): `-` here.
fn folded(name: &HeaderName) -> String {
    name.as_str().replace(|character: char| !character.is_ascii_alphanumeric(), "-")
}

/// What says who asks, in a request that goes on.
fn identity(headers: &HeaderMap) -> Vec<(String, &[u8])> {
    let claims = |name: &HeaderName| CLAIMS.contains(&folded(name).as_str());
    let told = headers.iter().filter(|(name, _)| claims(name)).map(|(name, value)| (folded(name), value.as_bytes()));
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

/// Whether the request may end otherwise because of one of them.
fn may_be_stricter(line: &Line) -> bool {
    let plain = line.0.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    !plain || STRICTER.iter().any(|(name, _)| line.0.as_str() == *name)
}

fn check(base: &Answered, more: &Answered, lines: &[Line]) {
    let told = || format!("{lines:?}: {} became {}", base.event, more.event);
    assert!(is_allowed(base) || !is_allowed(more), "opened by {}", told());
    if is_allowed(base) && !is_allowed(more) {
        assert!(lines.iter().any(may_be_stricter), "refused without a reason by {}", told());
    }
    for name in ["route", "subject", "issuer", "provider", "client_id", "kind", "session"] {
        assert!(!is_allowed(more) || base.event[name] == more.event[name], "{name} changed by {}", told());
    }
    if let (Disposition::Forward(base), Disposition::Forward(more)) = (&base.outcome, &more.outcome) {
        assert_eq!(
            (&base.upstream, &base.path_and_query, &base.method),
            (&more.upstream, &more.path_and_query, &more.method)
        );
        assert!(base.private == more.private && base.lifetime == more.lifetime, "{}", told());
        assert_eq!(identity(&base.headers), identity(&more.headers), "{}", told());
        assert_eq!(more.headers["x-request-id"], more.request_id.as_str());
        // A public route's upstream asks for itself who it is.
        assert!(!more.private || base.headers.get("authorization") == more.headers.get("authorization"), "{}", told());
        assert!(!format!("{:?}", more.headers.get_all("cookie").iter().collect::<Vec<_>>()).contains("__Host-postern"));
    }
}

/// Names as they are, and as someone folds them who does not want them known.
fn name() -> impl Strategy<Value = HeaderName> {
    let known: Vec<&str> = CLAIMS.into_iter().chain(STEERING).collect();
    let bent = (prop::sample::select(known.clone()), "[-_.~!|]{1,2}", any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(name, sign, place, capitals)| {
            let mut parts: Vec<&str> = name.split('-').collect();
            let place = place.index(parts.len());
            let joined = parts.split_off(place).join("-");
            let head = parts.join("-");
            let text = if head.is_empty() { format!("{joined}{sign}") } else { format!("{head}{sign}{joined}") };
            if capitals { text.to_uppercase() } else { text }
        });
    let text = prop_oneof![
        6 => prop::sample::select(known).prop_map(str::to_owned),
        2 => prop::sample::select(EVIDENCE.to_vec()).prop_map(str::to_owned),
        4 => bent,
        1 => "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,16}",
    ];
    text.prop_filter_map("no name", |text| HeaderName::from_bytes(text.as_bytes()).ok())
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let telling = prop::sample::select(vec![
        "alice",
        "root",
        "1",
        "true",
        "corp|root",
        "127.0.0.1",
        "/",
        "/auth/health",
        "GET",
        "https",
        "app.example.com",
        "https://app.example.com",
        "same-origin",
        "none",
        "navigate",
        "document",
        "websocket",
        "Upgrade, authorization",
        "close, cookie, x-forwarded-for, x-request-id, authorization",
        "text/html",
        "Basic YTpi",
        "Bearer a.b.c",
        "DPoP a",
        "__Host-postern=1.k1.AAAA.AAAA",
        "__host-postern=a; theme=dark",
        "a=1, __Host-postern=b",
        "GoogleHC/1.0",
        "middleware:middleware:middleware",
        "eyJhbGciOiJub25lIn0.e30.",
        "chunked",
        "0",
        "null",
        "100-continue",
        "",
    ]);
    prop_oneof![
        4 => telling.prop_map(|text| HeaderValue::from_str(text).unwrap()),
        1 => prop::collection::vec(prop_oneof![Just(9_u8), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..24)
            .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap()),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((name(), value(), 1..3_usize), 0..4)
        .prop_map(|lines| lines.into_iter().flat_map(|(name, value, times)| vec![(name, value); times]).collect())
}

#[test]
fn no_header_opens_what_is_closed_or_tells_the_upstream_who_asks() {
    // R-124; field rows 1, 3 and 4
    let deployment = Deployment::new();
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) });
    let cases = runner.run(&(0..deployment.bases.len(), lines(), lines()), |(place, before, after)| {
        deployment.check(place, &before, &after);
        Ok(())
    });
    cases.unwrap();
}

#[test]
fn no_single_known_header_opens_what_is_closed_anywhere() {
    // R-124; field rows 1, 3 and 4: each alone, twice, and folded, at every place
    let deployment = Deployment::new();
    let line = |name: &str, value| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
    for place in 0..deployment.bases.len() {
        for known in CLAIMS.into_iter().chain(STEERING).chain(EVIDENCE) {
            let (folded, dotted) = (known.replace('-', "_"), known.replace('-', "."));
            deployment.check(place, &[], &[line(known, "root")]);
            deployment.check(place, &[line(known, "1")], &[line(known, "1")]);
            deployment.check(place, &[], &[line(&folded, "root"), line(&dotted, "root")]);
        }
    }
}

#[test]
fn whatever_makes_a_decision_stricter_does_so_somewhere() {
    // So that the list of exceptions above holds none that is none.
    let deployment = Deployment::new();
    for (name, why) in STRICTER {
        let value = match name {
            "authorization" => "Bearer a.b.c",
            "cookie" => "__Host-postern=1.k1.AAAA.AAAA",
            "upgrade" => "websocket",
            other => other,
        };
        let line = (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut places = 0..deployment.bases.len();
        assert!(
            places.any(|place| deployment.check(place, &[], std::slice::from_ref(&line))),
            "`{name}` is refused nowhere: {why}"
        );
    }
}

#[test]
fn every_header_that_is_taken_out_is_tried() {
    //
    for prefix in CLAIMING_PREFIXES {
        assert!(CLAIMS.iter().any(|claim| claim.starts_with(prefix)), "{prefix}");
    }
    // We set the one ourselves, and the other steers proxies.
    let others = ["x-request-id", "proxy-authorization"];
    for name in CLAIMING_NAMES.into_iter().filter(|name| !others.contains(name)) {
        assert!(CLAIMS.contains(&name), "{name}");
    }
}
