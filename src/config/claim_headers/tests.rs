use serde_json::json;

use super::super::tests::{parse, problems, small, with};
use super::*;

/// One guarded route with these headers, where sessions keep `groups` beside an e-mail address, and programs come too.
fn vars(headers: &Value, more: Value) -> Value {
    let mut route = json!({ "upstream": "service:API", "authenticate": ["session", "bearer"], "headers": headers });
    route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let issuers = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    let vars =
        with(with(small(), &["ISSUERS"], issuers), &["SESSION"], json!({ "claims": ["email", "groups", "a.b"] }));
    with(vars, &["ROUTES"], json!({ "/a": route, "/b": { "upstream": "service:API", "public": true } }))
}

/// The problems, without the path to the route.
fn refused(headers: &Value, more: Value) -> Vec<String> {
    problems(&vars(headers, more)).iter().map(|line| line.replacen("ROUTES.\"/a\"", "", 1)).collect()
}

#[test]
fn a_route_says_which_header_tells_what() {
    let all = json!({
        "X-Auth-Email": "email", "Remote-User": "subject", "X-Forwarded-Groups": "claims.groups", "X-Dotted": "claims.a.b",
        "X-Auth-Roles": "roles", "x-auth-session": "session",
    });
    let config = parse(&vars(&all, json!({}))).unwrap();
    let mut told: Vec<(&str, Claim)> = Vec::new();
    for route in config.routes.routes() {
        told.extend(route.claim_headers().iter().map(|header| (header.name.as_str(), header.claim.clone())));
    }
    told.sort_by_key(|(name, _)| *name);
    assert_eq!(
        told,
        [
            ("remote-user", Claim::Subject),
            ("x-auth-email", Claim::Email),
            ("x-auth-roles", Claim::Roles),
            ("x-auth-session", Claim::Session),
            ("x-dotted", Claim::Kept("a.b".into())),
            ("x-forwarded-groups", Claim::Kept("groups".into())),
        ]
    );
    let mut names: Vec<&str> = config.claim_headers.iter().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, told.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (word, claim) in Claim::WORDS {
        let ways = json!({ "authenticate": ["session", "bearer", "key"] });
        let config = parse(&with(vars(&json!({ "X-A": word }), ways), &["KEYS"], json!({}))).unwrap();
        let headers = config.routes.routes().iter().flat_map(Route::claim_headers).collect::<Vec<_>>();
        assert!(matches!(headers.as_slice(), [header] if header.claim == claim), "{word}");
    }
}

#[test]
fn a_header_may_be_percent_encoded() {
    let config =
        parse(&vars(&json!({ "X-A": { "tells": "claims.groups", "encoding": "percent" } }), json!({}))).unwrap();
    let headers = config.routes.routes().iter().flat_map(Route::claim_headers).collect::<Vec<_>>();
    let expected = (Claim::Kept("groups".into()), HeaderEncoding::Percent);
    assert!(matches!(headers.as_slice(), [header] if (header.claim.clone(), header.encoding) == expected));
    for bad in [
        json!({}),
        json!({ "tells": "email" }),
        json!({ "tells": "email", "encoding": "base64" }),
        json!({ "tells": "email", "encoding": "percent", "more": 1 }),
        json!({ "encoding": "percent" }),
        json!({ "tells": "nobody", "encoding": "percent" }),
        json!({ "tells": 7, "encoding": "percent" }),
    ] {
        assert!(refused(&json!({ "X-A": bad }), json!({}))[0].contains("expected"), "{bad}");
    }
}

#[test]
fn a_name_with_a_meaning_of_its_own_is_refused() {
    //
    for name in [
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "Connection",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Host",
        "Proxy-Authorization",
        "Content-Length",
        "content-type",
        "X-Postern-Assertion",
        "X-Postern-User",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "x-forwarded-PROTO",
        "Forwarded",
        "CF-Connecting-IP",
        "Cf-Access-Authenticated-User-Email",
        "X-Request-Id",
        "X-Real-IP",
        "Sec-Fetch-Site",
        "Origin",
        "DPoP",
        "If-None-Match",
        "Accept",
        "Range",
        "Via",
        "Expect",
        "Keep-Alive",
        "Trailer",
    ] {
        let lines = refused(&json!({ name: "email" }), json!({}));
        assert!(lines.len() == 1 && lines[0].contains("has a meaning of its own"), "{name}: {lines:?}");
    }
    let long = "x".repeat(65);
    for name in ["", "X Auth", "X_Auth_Email", "X.Auth", "X-É", "X:A", "-", "7", &long] {
        let lines = refused(&json!({ name: "email" }), json!({}));
        assert!(lines.len() == 1 && lines[0].contains("of letters, digits and `-`"), "{name}: {lines:?}");
    }
}

#[test]
fn what_there_is_not_to_tell_is_refused() {
    for (claim, message) in [
        (json!("mail"), "expected `subject`, `issuer`"),
        (json!("groups"), "expected `claims.groups` for a claim that the session keeps"),
        (json!("claims.name"), "`name` is not among `SESSION.claims`"),
        (json!("claims."), "is not among"),
        (json!("access_token"), "expected `subject`"),
        (json!(["email"]), "expected a string, found a list"),
    ] {
        let lines = refused(&json!({ "X-A": claim }), json!({}));
        assert!(lines.len() == 1 && lines[0].starts_with(".headers.X-A: ") && lines[0].contains(message), "{lines:?}");
    }
    assert!(refused(&json!({ "X-A": "email", "x-a": "subject" }), json!({}))[0].contains("stands twice"));
    let many: serde_json::Map<_, _> = (0..17).map(|number| (format!("X-{number}"), json!("email"))).collect();
    assert_eq!(refused(&Value::Object(many), json!({})), [".headers: expected at most 16, found 17"]);
}

#[test]
fn what_nobody_there_could_have_is_a_contradiction() {
    //
    let one = |headers: Value, more: Value| {
        let lines = refused(&headers, more);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    };
    let (session, bearer) = (json!({ "authenticate": ["session"] }), json!({ "authenticate": ["bearer"] }));
    assert!(one(json!({ "X-A": "roles" }), session.clone()).contains("`x-a` tells roles, and sessions have none"));
    assert!(one(json!({ "X-A": "client_id" }), session).contains("is about tokens"));
    for word in ["email", "provider", "session", "claims.groups"] {
        assert!(one(json!({ "X-A": word }), bearer.clone()).contains("`x-a` is about sessions"), "{word}");
    }
    let assets = json!({ "upstream": "assets" });
    assert!(one(json!({ "X-A": "subject" }), assets).contains("are not for static assets: they read none"));
    let mut public = vars(&json!({ "X-A": "subject" }), json!({ "public": true }));
    public["ROUTES"]["/a"].as_object_mut().unwrap().remove("authenticate");
    assert_eq!(
        problems(&public),
        ["ROUTES.\"/a\".headers: contradicts `public = true`: there nobody is asked who they are"]
    );
}

#[test]
fn what_only_api_keys_have_is_told_where_a_route_takes_them() {
    for word in ["key_id", "owner", "owner_issuer"] {
        let lines = refused(&json!({ "X-A": word }), json!({}));
        assert!(lines[0].contains("is about API keys, and `authenticate` has no `key`"), "{lines:?}");
    }
}
