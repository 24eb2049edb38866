use serde_json::{Value, json};

use super::super::Config;
use super::super::tests::{parse, problems, secret, small, with};
use super::*;
use crate::ids::ProviderId;
use crate::route::{BrowserCache, Requirements};

/// The rule read from one table.
fn rule(name: &str, table: Value) -> Route {
    let config = parse(&with(small(), &["ROUTES"], json!({ name: table }))).unwrap();
    config.routes.routes()[0].clone()
}

/// The problems of one table, without the path to it.
fn refused(name: &str, table: Value) -> Vec<String> {
    let lines = problems(&with(small(), &["ROUTES"], json!({ name: table })));
    lines.iter().map(|line| line.replacen(&format!("ROUTES.{name:?}"), "", 1)).collect()
}

fn guard(route: &Route) -> &Guard {
    match &route.access {
        Access::Guarded(guard) => guard,
        Access::Public => panic!("{} is public", route.name),
    }
}

#[test]
fn what_browsers_keep_is_chosen_by_a_word_or_spelled_out() {
    //
    let cache = |upstream: &str, cache: Value| {
        let route = rule("/a", json!({ "upstream": upstream, "cache": cache }));
        route.guard().unwrap().cache
    };
    let of = |upstream: &str| rule("/a", json!({ "upstream": upstream })).guard().unwrap().cache;
    assert_eq!((of("assets"), of("service:A")), (BrowserCache::Revalidate, BrowserCache::None));
    assert_eq!(cache("assets", json!("none")), BrowserCache::None);
    assert_eq!(cache("service:A", json!("revalidate")), BrowserCache::Revalidate);
    let ten_minutes = BrowserCache::Unchecked(Seconds::minutes(10));
    assert_eq!(cache("assets", json!({ "unchecked": "10m" })), ten_minutes);
    for bad in
        [json!("public"), json!(600), json!({}), json!({ "unchecked": "2d" }), json!({ "unchecked": "1m", "a": 1 })]
    {
        let problems = refused("/a", json!({ "upstream": "assets", "cache": bad }));
        assert!(problems[0].starts_with(".cache"), "{bad}: {problems:?}");
    }
    let public = json!({ "upstream": "assets", "public": true, "cache": "revalidate" });
    assert!(refused("/a", public)[0].starts_with(".cache: is about guarded routes"));
}

#[test]
fn a_rule_guards_unless_told_otherwise() {
    //
    let route = rule("/api/orders/{id}", json!({ "upstream": "service:ORDERS_V2" }));
    assert_eq!((route.name.as_str(), route.pattern.as_str()), ("/api/orders/{id}", "/api/orders/{id}"));
    assert_eq!(route.methods, Methods::all());
    assert_eq!(route.upstream, Some(Upstream::Service("ORDERS_V2".into())));
    let guard = guard(&route);
    assert_eq!(guard.authenticate, [Authentication::Session]);
    assert_eq!(guard.requirements, Requirements::default());
    assert_eq!((guard.token.clone(), guard.touch, guard.revocation), (Token::None, true, None));
    assert_eq!(rule("/", json!({ "upstream": "assets", "public": true })).access, Access::Public);
    assert!(matches!(rule("/", json!({ "upstream": "assets", "public": false })).access, Access::Guarded(_)));
}

#[test]
fn every_key_of_a_rule_says_what_it_is_documented_to() {
    let route = rule(
        "/api/{*rest}",
        json!({
            "methods": ["GET", "DELETE"], "upstream": "https://API.example.com:443/", "authenticate": ["session"],
            "require": { "scopes": ["orders:read"], "providers": ["corp"] }, "token": "relay", "touch": false, "revocation": "5s",
        }),
    );
    assert_eq!(route.methods.allow_header(), "GET, HEAD, DELETE");
    assert_eq!(
        route.upstream,
        Some(Upstream::Url { origin: "https://api.example.com".into(), base_path: String::new() })
    );
    let guard = guard(&route);
    assert_eq!(guard.requirements.scopes, ["orders:read"]);
    assert_eq!(guard.requirements.providers, [ProviderId::parse("corp").unwrap()]);
    assert_eq!((guard.token.clone(), guard.touch), (Token::Relay, false));
    assert_eq!(guard.revocation, Some(Seconds::new(5)));
}

#[test]
fn methods_stand_in_the_key_or_in_the_table() {
    assert_eq!(rule("GET /a", json!({ "upstream": "assets" })).methods.allow_header(), "GET, HEAD");
    assert_eq!(rule("PUT,POST /a", json!({ "upstream": "assets" })).methods.allow_header(), "POST, PUT");
    for (name, table) in [
        ("GET /a", json!({ "upstream": "assets", "methods": ["GET"] })),
        ("get /a", json!({ "upstream": "assets" })),
        ("GET, PUT /a", json!({ "upstream": "assets" })),
        ("TRACE /a", json!({ "upstream": "assets" })),
        (" /a", json!({ "upstream": "assets" })),
        ("/a", json!({ "upstream": "assets", "methods": [] })),
        ("/a", json!({ "upstream": "assets", "methods": ["CONNECT"] })),
        ("/a", json!({ "upstream": "assets", "methods": "GET" })),
    ] {
        assert!(!refused(name, table).is_empty(), "{name}");
    }
}

#[test]
fn an_upstream_is_a_binding_an_origin_or_the_assets() {
    for bad in [
        "",
        "api",
        "ASSETS",
        "service:",
        "service:api",
        "service:_A",
        "service:A-B",
        "https://api.example.com?a",
        "https://user@api.example.com",
        "http://api.example.com",
        "http://localhost:9000",
        "ftp://api.example.com",
        "https://app.example.com",
        "https://app.example.com:443/",
    ] {
        assert_eq!(refused("/a", json!({ "upstream": bad })).len(), 1, "{bad}");
    }
    assert!(refused("/a", json!({}))[0].starts_with(".upstream: expected `service:NAME`"));
    assert!(refused("/a", json!({ "upstream": "https://app.example.com" }))[0].contains("is Postern itself"));
}

#[test]
fn an_upstream_may_lie_below_a_path() {
    //
    for (text, base) in [
        ("https://api.example.com/", ""),
        ("https://api.example.com/base", "/base"),
        ("https://api.example.com:443/base/", "/base"),
        ("https://API.example.com/Base/v1:x/caf%C3%A9", "/Base/v1:x/caf%C3%A9"),
    ] {
        let expected = Upstream::Url { origin: "https://api.example.com".into(), base_path: base.into() };
        assert_eq!(rule("/a", json!({ "upstream": text })).upstream, Some(expected), "{text}");
    }
    for (path, why) in [
        ("/base//", "an empty segment"),
        ("//", "an empty segment"),
        ("/a//b", "an empty segment"),
        ("/a/../b", "a segment `.` or `..`"),
        ("/a/.", "a segment `.` or `..`"),
        ("/%2e%2e/b", "a segment `.` or `..`"),
        ("/a%2Fb", "an escaped `/`"),
        ("/a;b", "has a `;`"),
        ("/%61", "as in `/a`"),
        ("/a|b", "as in `/a%7Cb`"),
        ("/a%c3%a9", "as in `/a%C3%A9`"),
        ("/a?", "without query or fragment"),
        ("/a?b", "without query or fragment"),
        ("/a#b", "without query or fragment"),
        ("?b", "without query or fragment"),
        ("/{id}", "must be escaped"),
        ("/a b", "expected `service:NAME`"),
        ("/a\\b", "expected `service:NAME`"),
    ] {
        let lines = refused("/a", json!({ "upstream": format!("https://api.example.com{path}") }));
        assert!(lines.len() == 1 && lines[0].contains(why), "{path}: {lines:?}");
    }
    let itself = refused("/a", json!({ "upstream": "https://app.example.com/base" }));
    assert!(itself[0].contains("is Postern itself"), "{itself:?}");
}

#[test]
fn a_prefix_that_is_taken_off_is_one_that_every_path_of_the_rule_has() {
    //
    for (pattern, prefix) in [
        ("/api/{*rest}", "/api"),
        ("/api", "/api"),
        ("/api/", "/api"),
        ("/api/v1/{id}/x", "/api"),
        ("/api/v1/{id}/x", "/api/v1"),
        ("GET /caf%C3%A9/a", "/caf%C3%A9"),
    ] {
        for upstream in ["service:API", "assets", "https://api.example.com/base"] {
            let route = rule(pattern, json!({ "upstream": upstream, "strip_prefix": prefix }));
            assert_eq!(route.strip_prefix.as_deref(), Some(prefix), "{pattern}");
        }
    }
    assert_eq!(rule("/api/{*rest}", json!({ "upstream": "assets" })).strip_prefix, None);
    for (pattern, prefix) in [
        ("/api/{*rest}", ""),
        ("/api/{*rest}", "/"),
        ("/api/{*rest}", "api"),
        ("/api/{*rest}", "/api/"),
        ("/api/{*rest}", "/ap"),
        ("/api/{*rest}", "/API"),
        ("/api/{*rest}", "/%61pi"),
        ("/api/{*rest}", "//api"),
        ("/api/{*rest}", "/api/.."),
        ("/api/{*rest}", "/apis"),
        ("/api/{*rest}", "/other"),
        ("/api/{*rest}", "/api/{*rest}"),
        ("/api/{id}/x", "/api/{id}"),
        ("/{*rest}", "/api"),
        ("/", "/"),
    ] {
        let lines = refused(pattern, json!({ "upstream": "service:API", "strip_prefix": prefix }));
        assert!(lines.len() == 1 && lines[0].starts_with(".strip_prefix: expected "), "{prefix}: {lines:?}");
    }
    let lines = refused("/a/b/{id}", json!({ "upstream": "service:API", "strip_prefix": "/a/" }));
    assert!(lines[0].ends_with("such as `/a/b`, found `/a/`"), "{lines:?}");
    let asked = with(small(), &["VERIFY"], json!({}));
    let unsent = json!({ "/a/{*rest}": { "upstream": "none", "strip_prefix": "/a" } });
    let lines = problems(&with(asked, &["ROUTES"], unsent));
    let told = |line: &&String| line.contains("strip_prefix: is taken off what is sent to an upstream");
    assert_eq!(lines.iter().filter(told).count(), 1, "{lines:?}");
    let number = refused("/a", json!({ "upstream": "service:API", "strip_prefix": 1 }));
    assert_eq!(number, [".strip_prefix: expected a string, found the number `1`"]);
}

#[test]
fn what_contradicts_public_is_refused() {
    //
    for (key, value) in [
        ("require", json!({ "scopes": ["a"] })),
        ("token", json!("relay")),
        ("token", json!("assertion")),
        ("headers", json!({ "X-Auth-Subject": "subject" })),
        ("authenticate", json!(["session"])),
        ("touch", json!(false)),
        ("revocation", json!("5s")),
    ] {
        let lines = refused("/a", json!({ "upstream": "service:A", "public": true, key: value }));
        assert_eq!(lines, [format!(".{key}: contradicts `public = true`: there nobody is asked who they are")]);
    }
    assert_eq!(refused("/a", json!({ "upstream": "assets", "public": "yes" })).len(), 1);
}

#[test]
fn what_waits_in_a_websocket_is_bounded_on_guarded_routes() {
    let of = |buffer: Value| json!({ "upstream": "service:A", "websocket_buffer": buffer });
    assert_eq!(rule("/a", of(json!(32))).websocket_buffer, 32);
    assert_eq!(rule("/a", json!({ "upstream": "service:A" })).websocket_buffer, 8);
    for bad in [json!(0), json!(33), json!("8"), json!(1.5)] {
        assert!(refused("/a", of(bad.clone()))[0].starts_with(".websocket_buffer: "), "{bad}");
    }
    let mut public = of(json!(8));
    public["public"] = json!(true);
    assert!(refused("/a", public)[0].starts_with(".websocket_buffer: is about guarded routes"));
}

#[test]
fn policies_are_asked_where_a_rule_says_so_and_there_are_any() {
    //
    assert!(!guard(&rule("/a", json!({ "upstream": "service:API" }))).policy);
    let asking = json!({ "upstream": "service:API", "policy": true });
    assert_eq!(
        refused("/a", asking.clone()),
        [".policy: there are no policies here: they are in the KV namespace `POSTERN_POLICIES`, which is not bound"]
    );
    let vars = with(small(), &["ROUTES"], json!({ "/a": asking }));
    let build = Build { policies: true, ..Build::PLAIN };
    let config = Config::parse_for(build, vars.as_object().unwrap(), &secret).unwrap();
    assert!(guard(&config.routes.routes()[0]).policy);
    assert_eq!(refused("/a", json!({ "upstream": "service:API", "policy": "yes" })).len(), 1);
}

#[test]
fn an_ended_session_is_noticed_within_a_minute_at_most() {
    //
    let revocation = |value: Value| refused("/a", json!({ "upstream": "assets", "revocation": value }));
    for bad in [json!("0s"), json!("61s"), json!("1h"), json!(5), json!("never")] {
        assert!(revocation(bad.clone())[0].starts_with(".revocation: expected a duration"), "{bad}");
    }
    assert_eq!(
        guard(&rule("/a", json!({ "upstream": "assets", "revocation": "1m" }))).revocation,
        Some(Seconds::minutes(1))
    );
}

#[test]
fn a_token_needs_somebody_to_go_to() {
    assert!(refused("/a", json!({ "upstream": "assets", "token": "relay" }))[0].starts_with(".token: `relay`"));
    assert!(refused("/a", json!({ "upstream": "assets", "token": "assertion" }))[0].starts_with(".token: `assertion`"));
    assert_eq!(guard(&rule("/a", json!({ "upstream": "service:A", "token": "assertion" }))).token, Token::Assertion);
    assert!(refused("/a", json!({ "upstream": "service:A", "token": "asserts" }))[0].contains("`assertion`"));
}

#[test]
fn ways_to_authenticate_that_are_not_there_yet_say_so() {
    let authenticate = |value: Value| refused("/a", json!({ "upstream": "assets", "authenticate": value }));
    assert_eq!(
        authenticate(json!(["session", "mtls"])),
        [
            ".authenticate: `mtls` is not supported yet, expected `session` or `bearer` or `workload` or `key` or `certificate` or `agent`"
        ]
    );
    assert!(authenticate(json!(["magic"]))[0].contains("or `agent`, found `magic`"));
    assert!(authenticate(json!([]))[0].contains("at least one"));
    assert!(authenticate(json!("session"))[0].contains("expected a list"));
}

#[test]
fn requirements_name_what_exists() {
    let require = |value: Value| refused("/a", json!({ "upstream": "assets", "require": value }));
    assert_eq!(
        require(json!({ "providers": ["crop"] })),
        [".require.providers: expected the id of a provider (`corp`), found `crop`"]
    );
    for bad in [json!({ "scopes": [] }), json!({ "providers": [] }), json!({ "scopes": ["a b"] }), json!([])] {
        assert_eq!(require(bad).len(), 1);
    }
}

#[test]
fn patterns_that_could_be_passed_by_or_are_posterns_own_are_refused() {
    //
    for bad in [
        "/auth",
        "/auth/login",
        "/auth/{*rest}",
        "/.well-known/jwks.json",
        "/.well-known/{x}",
        "api",
        "/a//b",
        "/%2e",
        "/a/../b",
        "/@me",
        "/a/{x}y",
        "/a/*",
    ] {
        assert_eq!(refused(bad, json!({ "upstream": "assets" })).len(), 1, "{bad}");
    }
    assert!(refused("/a/*", json!({ "upstream": "assets" }))[0].contains("`{*rest}`"));
    assert_eq!(rule("/author/{*rest}", json!({ "upstream": "assets" })).pattern.as_str(), "/author/{*rest}");
}

#[test]
fn rules_for_the_same_requests_are_named_both() {
    let two = |one: &str, other: &str| {
        let rule = json!({ "upstream": "assets" });
        problems(&with(small(), &["ROUTES"], json!({ one: rule, other: rule })))
    };
    assert_eq!(two("GET /a", "HEAD,POST /a"), ["ROUTES.\"HEAD,POST /a\": `HEAD` falls under `GET /a` already"]);
    let beside = two("/a/{id}", "/a/{name}");
    assert_eq!(beside.len(), 1);
    assert!(beside[0].starts_with("ROUTES.\"/a/{name}\": is for the same paths as `/a/{id}`"), "{beside:?}");
}

/// The problems of one table where there is an issuer of access tokens, without the path to it.
fn refused_with_issuer(table: Value) -> Vec<String> {
    let issuers = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    let vars = with(with(small(), &["ISSUERS"], issuers), &["ROUTES"], json!({ "/a": table }));
    parse(&vars).map_or_else(
        |problems| problems.iter().map(|line| line.to_string().replacen("ROUTES.\"/a\"", "", 1)).collect(),
        |_| Vec::new(),
    )
}

#[test]
fn a_route_takes_tokens_where_it_says_so_and_somebody_issues_them() {
    let bearer = json!({ "upstream": "service:A", "authenticate": ["bearer"] });
    assert!(refused_with_issuer(bearer.clone()).is_empty());
    assert!(refused("/a", bearer)[0].contains("`ISSUERS`, and there are none"));
    let both = json!({ "upstream": "service:A", "authenticate": ["bearer", "session"], "touch": false,
        "require": { "providers": ["corp"], "issuers": ["machines"], "kinds": ["human", "service"] } });
    assert!(refused_with_issuer(both).is_empty());
}

#[test]
fn a_deployment_for_programs_only_needs_no_provider() {
    let parse_without_providers = |route: Value| {
        let mut vars = small();
        vars.as_object_mut().unwrap().remove("PROVIDERS");
        vars["ISSUERS"] = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
        vars["ROUTES"] = json!({ "/a": route });
        parse(&vars)
    };
    let config = parse_without_providers(json!({ "upstream": "service:A", "authenticate": ["bearer"] })).unwrap();
    assert!(config.providers.is_empty());
    for ways in [json!({}), json!({ "authenticate": ["session", "bearer"] })] {
        let mut route = json!({ "upstream": "service:A" });
        route.as_object_mut().unwrap().extend(ways.as_object().unwrap().clone());
        let problems = parse_without_providers(route).unwrap_err();
        let line = problems[0].to_string();
        assert!(problems.len() == 1 && line.contains("without `PROVIDERS` nobody can sign in"), "{problems:?}");
    }
}

#[test]
fn who_only_takes_tokens_is_told_to_leave_the_providers_out() {
    let mut vars = small();
    vars["PROVIDERS"] = json!({});
    assert_eq!(parse(&vars).unwrap_err()[0].to_string(), "PROVIDERS: expected at least one provider");
    vars["ISSUERS"] = json!({ "machines": { "issuer": "https://as.example", "audience": "urn:api" } });
    vars["ROUTES"] = json!({ "/a": { "upstream": "service:A", "authenticate": ["bearer"] } });
    let problems = parse(&vars).unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["PROVIDERS: expected at least one provider; if only tokens of `ISSUERS` are taken, leave `PROVIDERS` out"]
    );
}

#[test]
fn what_no_way_to_authenticate_could_meet_is_a_contradiction() {
    //
    let problem = |ways: Value, key: &str, value: Value| {
        let lines = refused_with_issuer(json!({ "upstream": "service:A", "authenticate": ways, key: value }));
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    };
    let (session, bearer, both) = (json!(["session"]), json!(["bearer"]), json!(["session", "bearer"]));
    assert!(problem(bearer.clone(), "touch", json!(false)).contains("is about sessions"));
    assert!(problem(bearer.clone(), "revocation", json!("5s")).contains("is about sessions"));
    assert!(problem(session.clone(), "require", json!({ "roles": ["admin"] })).contains("sessions have none"));
    assert!(problem(bearer, "require", json!({ "providers": ["corp"] })).contains("is about sessions"));
    assert!(problem(session.clone(), "require", json!({ "issuers": ["machines"] })).contains("is about tokens"));
    assert!(problem(session, "require", json!({ "kinds": ["service"] })).contains("sessions are people's"));
    assert!(problem(both.clone(), "require", json!({ "providers": ["corp"] })).contains("expected `issuers`"));
    assert!(problem(both.clone(), "require", json!({ "issuers": ["machines"] })).contains("expected `providers`"));
    assert!(problem(both, "require", json!({ "kinds": ["robot"] })).contains("`human` or `service` or `agent`"));
    let unknown = problem(json!(["bearer"]), "require", json!({ "issuers": ["corp"] }));
    assert!(unknown.contains("the id of an issuer (`machines`)"), "{unknown}");
}

#[test]
fn the_methods_that_a_message_names_are_all_of_them() {
    assert_eq!(METHODS, format!("one of {}", Methods::all().allow_header()));
}
