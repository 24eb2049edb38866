//! Access tokens at guarded routes: whose, how presented, and what they open.

use postern::gateway::Gateway;
use postern::http::{StatusCode, header};
use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, Endpoint, PARTNER, World, gateway, signer, variables};

const API: &str = "https://api.example.com";

/// The usual deployment, where `partner` issues access tokens, and `corp` does too.
pub fn with_issuers() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "machines": { "issuer": PARTNER, "audience": API, "algs": ["ES256"] },
        "corp": { "issuer": CORP, "audience": [API, "urn:other"], "algs": ["ES256"] },
    });
    let api = |more: Value| {
        let mut route = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    variables["ROUTES"]["/v1/{*rest}"] = api(json!({}));
    variables["ROUTES"]["/relay"] = api(json!({ "token": "relay" }));
    variables["ROUTES"]["/write"] = api(json!({ "require": { "scopes": ["write", "read"] } }));
    variables["ROUTES"]["/machines"] = api(json!({ "require": { "issuers": ["machines"] } }));
    variables["ROUTES"]["/people"] = api(json!({ "require": { "kinds": ["human"] } }));
    variables["ISSUERS"]["machines"]["roles"] = json!(["/realm_access/roles"]);
    variables["ROUTES"]["/editors"] = api(json!({ "require": { "roles": ["editor", "admin"] } }));
    variables["ROUTES"]["/both/{*rest}"] = api(json!({ "authenticate": ["session", "bearer"], "token": "relay" }));
    variables
}

/// A good token of `partner`'s with these claims changed; `null` takes one away. It holds the canary.
pub fn token(world: &World, typ: Option<&str>, changes: &Value) -> String {
    let now = world.now.get();
    let mut claims = json!({
        "iss": PARTNER, "aud": API, "sub": "alice", "client_id": "reporter", "jti": format!("jti-{CANARY}"),
        "iat": now, "exp": now + 300, "scope": "read",
    });
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    world.partner.key.borrow().sign(typ, claims)
}

fn good(world: &World) -> String {
    token(world, Some("at+jwt"), &json!({}))
}

fn call(world: &World, gateway: &Gateway, path: &str, token: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::bearing(path, token))
}

/// Refused, and the token is nowhere in the answer or the log: its signature neither.
#[track_caller]
fn refused(world: &World, answered: &Answered, token: &str, status: u16, reason: &str) {
    answered.assert_refused(status, reason);
    let reply = answered.reply();
    let signature = token.rsplit('.').next().unwrap();
    let shown = format!("{}{:?}{}", reply.body, reply.headers, world.lines.borrow().join(""));
    assert!(signature.len() < 20 || !shown.contains(signature), "{shown}");
}

#[track_caller]
fn is_challenged(answered: &Answered, error: Option<&str>) {
    let challenges = answered.reply().headers.get_all(header::WWW_AUTHENTICATE);
    let first = challenges.iter().next().unwrap().to_str().unwrap();
    assert!(
        first.starts_with("Bearer ") && first.contains(r#"resource_metadata="https://app.example.com/.well-known/"#),
        "{first}"
    );
    match error {
        Some(error) => assert!(first.contains(&format!(r#"error="{error}""#)), "{first}"),
        None => assert!(!first.contains("error"), "{first}"),
    }
}

#[test]
fn a_good_token_opens_a_route_and_stays_behind() {
    // R-109, R-124
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let token = good(&world);
    let answered = call(&world, &gateway, "/v1/a", &token);
    let plan = answered.forwarded();
    assert!(plan.private && !plan.headers.contains_key("authorization"));
    assert_eq!(plan.answer_edits(StatusCode::OK, &Default::default()).applied()["vary"], "Authorization");
    let event = &answered.event;
    assert_eq!((&event["reason"], &event["means"]), (&json!("authz.requirements_met"), &json!("bearer")));
    assert_eq!((&event["token_issuer"], &event["issuer"]), (&json!("machines"), &json!(PARTNER)));
    assert_eq!((&event["subject"], &event["client_id"]), (&json!("alice"), &json!("reporter")));
    assert_eq!((&event["kind"], &event["provider"]), (&json!("human"), &Value::Null));
    assert_eq!(event["token_id"].as_str().unwrap().len(), 16);
    // No object was asked, and the second request needs nothing of the issuer.
    let sent = world.sent.borrow().len();
    call(&world, &gateway, "/v1/a", &token).forwarded();
    assert_eq!((world.session_calls.get(), world.sent.borrow().len()), (0, sent));
}

#[test]
fn relay_hands_on_the_token_that_was_presented() {
    // R-172
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let token = good(&world);
    let answered = call(&world, &gateway, "/relay", &token);
    let header = &answered.forwarded().headers["authorization"];
    assert!(header == &format!("Bearer {token}") && header.is_sensitive());
}

#[test]
fn without_a_token_a_program_is_told_to_bring_one_and_a_person_is_not_sent_to_sign_in() {
    // R-112
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let browser = Browser::new(&world, &gateway).signed_in();
    for asked in [
        Asked::new("GET", "/v1/a"),
        Asked::script("POST", "/v1/a"),
        Asked::navigation("/v1/a"),
        Asked::new("GET", "/v1/a").with("authorization", "Basic YTpi"),
    ] {
        let answered = browser.send(&asked);
        answered.assert_refused(401, "authn.no_token");
        is_challenged(&answered, None);
        assert!(!answered.reply().body.contains("login"), "{}", answered.reply().body);
    }
}

#[test]
fn a_presentation_with_two_readings_is_a_bad_request() {
    // R-109, R-110, R-111, R-113
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let token = good(&world);
    let browser = Browser::new(&world, &gateway).signed_in();
    let bearer = format!("Bearer {token}");
    for path in ["/v1/a", "/both/a"] {
        let asked = |path: &str| Asked::script("GET", path);
        for (asked, reason) in [
            (asked(path).with("authorization", &bearer).with("authorization", &bearer), "bearer.repeated"),
            (asked(path).with("authorization", &format!("{bearer}, {bearer}")), "bearer.repeated"),
            (asked(path).with("authorization", &format!("Bearer\t{token}")), "bearer.malformed"),
            (asked(path).with("authorization", "Bearer"), "bearer.malformed"),
            (asked(path).with("authorization", &format!("Bearer {}", "a".repeat(20_000))), "bearer.too_large"),
            (asked(&format!("{path}?access_token={token}")), "bearer.in_query"),
            (asked(&format!("{path}?access_token={token}")).with("authorization", &bearer), "bearer.in_query"),
        ] {
            let answered = browser.send(&asked);
            refused(&world, &answered, &token, 400, reason);
            is_challenged(&answered, Some("invalid_request"));
        }
    }
    assert_eq!(world.asked(Endpoint::Keys), 1, "only the login's");
}

#[test]
fn a_token_that_is_not_for_here_is_refused() {
    // R-088, R-089, R-103, R-105, R-113, R-114, R-115, R-116, R-136
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let now = world.now.get();
    let at = Some("at+jwt");
    let set = |changes: Value| token(&world, at, &changes);
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.";
    let cases = [
        (token(&world, None, &json!({})), "access_token.typ_refused"),
        (token(&world, Some("JWT"), &json!({})), "access_token.typ_refused"),
        (token(&world, Some("dpop+jwt"), &json!({})), "access_token.typ_refused"),
        (set(json!({ "aud": "https://other.example" })), "access_token.aud_mismatch"),
        (set(json!({ "aud": "urn:other" })), "access_token.aud_mismatch"),
        (set(json!({ "exp": now - 61 })), "access_token.expired"),
        (set(json!({ "iat": now + 61 })), "access_token.iat_in_future"),
        (set(json!({ "nbf": now + 61 })), "access_token.not_yet_valid"),
        (set(json!({ "sub": null })), "access_token.sub_malformed"),
        (set(json!({ "client_id": null })), "access_token.client_id_malformed"),
        (set(json!({ "jti": null })), "access_token.jti_malformed"),
        (set(json!({ "iss": "https://unknown.example" })), "bearer.issuer_unknown"),
        (set(json!({ "iss": null })), "bearer.issuer_unknown"),
        (set(json!({ "iss": [PARTNER] })), "bearer.issuer_unknown"),
        (set(json!({ "iss": format!("{PARTNER}/") })), "bearer.issuer_unknown"),
        // By partner's key, and said to be corp's: corp's keys are asked, and know nothing of it.
        (set(json!({ "iss": CORP })), "jwt.key_unknown"),
        (set(json!({ "cnf": { "jkt": "x" } })), "confirmation.malformed"),
        (set(json!({ "cnf": { "unheard-of": 1 } })), "confirmation.unknown"),
        (set(json!({ "cnf": "x" })), "confirmation.malformed"),
        (none.to_owned(), "jwt.malformed"),
        (format!("{none}x"), "jwt.alg_unsupported"),
        ("opaque".to_owned(), "jwt.malformed"),
        ("a.b.c".to_owned(), "jwt.encoding"),
        ("a.b.c.d.e".to_owned(), "jwt.encrypted"),
    ];
    for path in ["/v1/a", "/both/a"] {
        for (token, reason) in &cases {
            let answered = call(&world, &gateway, path, token);
            refused(&world, &answered, token, 401, reason);
            is_challenged(&answered, Some("invalid_token"));
        }
    }
}

#[test]
fn a_token_whose_bytes_were_changed_is_refused() {
    // R-088
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let (good, other) = (good(&world), token(&world, Some("at+jwt"), &json!({ "sub": "bob" })));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&good), parts(&other));
    let mixed = format!("{}.{}.{}", mine[0], theirs[1], mine[2]);
    refused(&world, &call(&world, &gateway, "/v1/a", &mixed), &mixed, 401, "jwt.bad_signature");
    // Signed by a key that the issuer does not publish.
    *world.partner.key.borrow_mut() = signer(9);
    let foreign = token(&world, Some("at+jwt"), &json!({}));
    refused(&world, &call(&world, &gateway, "/v1/a", &foreign), &foreign, 401, "jwt.key_unknown");
}

#[test]
fn a_token_may_do_what_its_scopes_say_whole() {
    // R-113, R-117
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let with = |scopes: Value| token(&world, Some("at+jwt"), &scopes);
    for scopes in [
        json!({ "scope": "write read" }),
        json!({ "scope": null, "scp": ["read", "write"] }),
        json!({ "scope": "read", "scp": "write" }),
    ] {
        call(&world, &gateway, "/write", &with(scopes)).forwarded();
    }
    for scopes in [
        json!({}),
        json!({ "scope": null }),
        json!({ "scope": "read,write" }),
        json!({ "scope": "readx write" }),
        json!({ "scope": "Read Write" }),
        json!({ "scope": { "write": true } }),
        json!({ "scope": "read\twrite" }),
    ] {
        let token = with(scopes);
        let answered = call(&world, &gateway, "/write", &token);
        refused(&world, &answered, &token, 403, "authz.insufficient_scope");
        is_challenged(&answered, Some("insufficient_scope"));
        let challenge = answered.reply().headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(r#"scope="write read""#), "{challenge}");
    }
}

#[test]
fn an_issuer_or_a_kind_that_the_route_does_not_take_stays_outside() {
    // R-118
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let at = Some("at+jwt");
    let (person, client) = (good(&world), token(&world, at, &json!({ "sub": "reporter" })));
    call(&world, &gateway, "/machines", &person).forwarded();
    call(&world, &gateway, "/people", &person).forwarded();
    let answered = call(&world, &gateway, "/people", &client);
    refused(&world, &answered, &client, 403, "authz.kind_not_accepted");
    assert_eq!((&answered.event["kind"], &answered.event["subject"]), (&json!("service"), &json!("reporter")));
    // A client that calls itself as a person is called is still no person.
    let named_alice = token(&world, at, &json!({ "sub": "alice", "client_id": "alice" }));
    refused(&world, &call(&world, &gateway, "/people", &named_alice), &named_alice, 403, "authz.kind_not_accepted");
    let mut claims = json!({ "iss": CORP, "aud": API, "sub": "alice", "client_id": "app", "jti": "j",
        "iat": world.now.get(), "exp": world.now.get() + 60 });
    let corp = world.corp.key.borrow().sign(at, claims.as_object_mut().unwrap());
    call(&world, &gateway, "/v1/a", &corp).forwarded();
    refused(&world, &call(&world, &gateway, "/machines", &corp), &corp, 403, "authz.issuer_not_accepted");
}

#[test]
fn a_role_is_what_the_issuer_says_where_the_configuration_looks() {
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let with = |claims: Value| token(&world, Some("at+jwt"), &claims);
    call(&world, &gateway, "/editors", &with(json!({ "realm_access": { "roles": ["x", "editor"] } }))).forwarded();
    for claims in
        [json!({}), json!({ "roles": ["editor"] }), json!({ "realm_access": { "roles": ["editors", "Editor"] } })]
    {
        let token = with(claims);
        refused(&world, &call(&world, &gateway, "/editors", &token), &token, 403, "authz.role_missing");
    }
}

#[test]
fn a_deployment_for_programs_only_signs_nobody_in() {
    let mut variables = with_issuers();
    let all = variables.as_object_mut().unwrap();
    all.remove("PROVIDERS");
    all.insert(
        "ROUTES".to_owned(),
        json!({ "/v1/{*rest}": { "upstream": "service:API", "authenticate": ["bearer"] } }),
    );
    let (world, gateway) = (World::new(), gateway(&variables));
    call(&world, &gateway, "/v1/a", &good(&world)).forwarded();
    let browser = Browser::new(&world, &gateway);
    browser.go("/auth/login").assert_refused(400, "login.unknown_provider");
    browser.go("/v1/a").assert_refused(401, "authn.no_token");
}

#[test]
fn an_id_token_is_no_access_token() {
    // R-106, R-114
    for tokens in ["rfc9068", "legacy"] {
        let mut variables = with_issuers();
        // Even where the audience of both is the same.
        variables["ISSUERS"]["machines"]["audience"] = "another-client".into();
        variables["ISSUERS"]["machines"]["tokens"] = tokens.into();
        let (world, gateway) = (World::new(), gateway(&variables));
        let id_token =
            token(&world, None, &json!({ "aud": "another-client", "nonce": "n", "client_id": null, "scope": null }));
        let reason = if tokens == "legacy" { "access_token.kind_refused" } else { "access_token.typ_refused" };
        refused(&world, &call(&world, &gateway, "/v1/a", &id_token), &id_token, 401, reason);
    }
}

#[test]
fn a_token_that_is_presented_is_judged_alone() {
    // R-166
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let token = good(&world);
    let bearer = format!("Bearer {token}");
    let browser = Browser::new(&world, &gateway).signed_in();
    let calls = world.session_calls.get();
    // From anywhere, by any method: no cookie is used, so none can be abused.
    let asked = Asked::new("POST", "/both/a").with("sec-fetch-site", "cross-site").with("authorization", &bearer);
    let answered = browser.send(&asked);
    assert_eq!((&answered.event["means"], &answered.event["subject"]), (&json!("bearer"), &json!("alice")));
    assert!(answered.forwarded().headers["authorization"] == bearer.as_str());
    // A cookie does not save a token that is not good, nor is it taken away for it.
    let bad = browser.send(&Asked::script("GET", "/both/a").with("authorization", "Bearer a.b.c"));
    bad.assert_refused(401, "jwt.encoding");
    let navigation = browser.send(&Asked::navigation("/both/a").with("authorization", "Bearer a.b.c"));
    navigation.assert_refused(401, "jwt.encoding");
    assert!(bad.set_cookies().is_empty());
    let dpop = browser.send(&Asked::script("GET", "/both/a").with("authorization", &format!("DPoP {token}")));
    dpop.assert_refused(401, "sender.token_not_bound");
    assert_eq!(world.session_calls.get(), calls);
    // Without one the session counts, with all that goes with it.
    let session = browser.send(&Asked::script("GET", "/both/a"));
    assert_eq!((&session.event["means"], &session.event["kind"]), (&json!("session"), &json!("human")));
    assert_eq!(session.forwarded().headers["authorization"], "Bearer access-canary-1");
    assert_eq!(
        session.forwarded().answer_edits(StatusCode::OK, &Default::default()).applied()["vary"],
        "Authorization, Cookie"
    );
    let abused = Asked::new("POST", "/both/a").with("sec-fetch-site", "cross-site");
    browser.send(&abused).assert_refused(403, "csrf.fetch_site");
    // Nobody at all is told of every way.
    let nobody = Browser::new(&world, &gateway).send(&Asked::script("GET", "/both/a"));
    nobody.assert_refused(401, "authn.no_credential");
    is_challenged(&nobody, None);
    assert_eq!(nobody.reply().headers.get_all("www-authenticate").iter().count(), 3);
    assert_eq!(nobody.json()["login_url"], "/auth/login");
    let location = Browser::new(&world, &gateway).go("/both/a").location();
    assert!(location.starts_with("/auth/login"), "{location}");
}

#[test]
fn where_only_sessions_count_a_token_changes_nothing() {
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let token = good(&world);
    call(&world, &gateway, "/app/a", &token).assert_refused(401, "authn.no_credential");
    call(&world, &gateway, "/auth/me", &token).assert_refused(401, "authn.no_credential");
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&Asked::script("GET", "/app/a").with("authorization", "Bearer a.b.c"));
    assert!(!answered.forwarded().headers.contains_key("authorization"));
}

#[test]
fn an_issuer_that_is_down_is_no_verdict_about_a_token() {
    // R-187
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    world.partner.go_down();
    let token = good(&world);
    let answered = call(&world, &gateway, "/v1/a", &token);
    refused(&world, &answered, &token, 503, "provider.unreachable");
    assert!(answered.reply().headers.contains_key("retry-after"));
    assert!(!answered.reply().headers.contains_key("www-authenticate"));
    world.partner.recover();
    world.partner.script(Endpoint::Keys, Err(FetchError::Timeout));
    world.wait(10);
    refused(&world, &call(&world, &gateway, "/v1/a", &token), &token, 503, "provider.timeout");
}

#[test]
fn whoever_acts_for_another_is_in_the_log() {
    // R-150, RFC 8693 §4.1
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let act = json!({ "act": { "sub": "assistant", "act": { "sub": "scheduler" } } });
    let answered = call(&world, &gateway, "/v1/a", &token(&world, Some("at+jwt"), &act));
    assert_eq!(answered.event["actors"], json!(["assistant", "scheduler"]));
    assert_eq!((&answered.event["subject"], &answered.event["kind"]), (&json!("alice"), &json!("human")));
}

#[test]
fn a_challenge_leads_to_the_issuers_of_the_resource() {
    // R-112, RFC 9728 §3, §5.1
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let browser = Browser::new(&world, &gateway);
    for (path, resource, servers, scopes) in [
        ("/v1/orders/7", "/v1", json!([CORP, PARTNER]), Value::Null),
        ("/write", "/write", json!([CORP, PARTNER]), json!(["write", "read"])),
        ("/machines", "/machines", json!([PARTNER]), Value::Null),
        ("/both/", "/both", json!([CORP, PARTNER]), Value::Null),
    ] {
        let refused = browser.send(&Asked::new("GET", path));
        let challenge = refused.reply().headers["www-authenticate"].to_str().unwrap().to_owned();
        let url = format!("https://app.example.com/.well-known/oauth-protected-resource{resource}");
        assert!(challenge.contains(&format!(r#"resource_metadata="{url}""#)), "{challenge}");
        let answered = browser.send(&Asked::new("GET", &format!("/.well-known/oauth-protected-resource{resource}")));
        let mut metadata = answered.json();
        // In which order nobody promises.
        metadata["authorization_servers"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        // RFC 9728 §3.3: exactly what the well-known part was put into.
        assert_eq!(metadata["resource"], format!("https://app.example.com{resource}"));
        assert_eq!((&metadata["authorization_servers"], &metadata["scopes_supported"]), (&servers, &scopes));
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    }
}

#[test]
fn every_path_that_takes_tokens_is_described_and_no_other() {
    // RFC 9728 §3.1
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let browser = Browser::new(&world, &gateway);
    let ask =
        |resource: &str| browser.send(&Asked::new("GET", &format!("/.well-known/oauth-protected-resource{resource}")));
    assert_eq!(ask("").json()["resource"], "https://app.example.com");
    assert_eq!(ask("").json()["scopes_supported"], json!(["write", "read"]));
    assert_eq!(ask("/v1/orders/7").json()["resource"], "https://app.example.com/v1/orders/7");
    for other in ["/app", "/app/x", "/v", "/v1x", "/nothing", "/auth", "/auth/me", "x", "/quiet"] {
        ask(other).assert_refused(404, "route.none");
    }
    // Where no route takes tokens, nothing of the kind is ours.
    let sessions_only = crate::support::gateway(&variables());
    let browser = Browser::new(&world, &sessions_only);
    browser.send(&Asked::new("GET", "/.well-known/oauth-protected-resource")).assert_refused(404, "route.none");
}

#[test]
fn what_is_known_of_a_resource_is_for_everybody() {
    // RFC 9728 §3.1, R-190
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let path = "/.well-known/oauth-protected-resource/v1";
    for method in ["GET", "HEAD", "OPTIONS"] {
        let answered = browser.send(&Asked::new(method, path).with("origin", "https://client.example"));
        let headers = &answered.reply().headers;
        assert_eq!(headers["access-control-allow-origin"], "*", "{method}");
        assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(headers["cache-control"], "public, max-age=3600");
        assert!(!headers.contains_key("vary") && !headers.contains_key("access-control-allow-credentials"));
        assert_eq!((&answered.event["event"], &answered.event["subject"]), (&json!("own"), &Value::Null));
    }
    browser.send(&Asked::script("POST", path)).assert_refused(405, "route.method_not_allowed");
}
