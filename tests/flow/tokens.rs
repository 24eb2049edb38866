//! The token response and the ID token in it: what does not hold ends the login.

use postern::http::{HeaderValue, header};
use postern::ports::{FetchError, OutboundResponse};
use serde_json::{Value, json};

use crate::support::{
    Answered, Asked, Browser, CORP, Endpoint, World, answer, gateway, signer, two_providers, variables,
};

/// Logs in, with the provider prepared so.
fn login(prepare: impl Fn(&World)) -> (World, Answered) {
    let (world, gateway) = (World::new(), gateway(&variables()));
    prepare(&world);
    let answered = Browser::new(&world, &gateway).login();
    (world, answered)
}

#[track_caller]
fn refused(prepare: impl Fn(&World), status: u16, reason: &str) {
    let (world, answered) = login(prepare);
    answered.assert_refused(status, reason);
    // R-030
    assert_eq!((world.asked(Endpoint::Token), world.sessions()), (1, 0));
}

#[test]
fn a_token_endpoint_that_fails_is_asked_once() {
    // R-030, R-056
    let token = |answer: Result<OutboundResponse, FetchError>| {
        move |world: &World| world.corp.script(Endpoint::Token, answer.clone())
    };
    let error = |status: u16, code: &str| token(Ok(answer(status, &json!({ "error": code }))));
    refused(token(Err(FetchError::Timeout)), 503, "provider.timeout");
    refused(token(Err(FetchError::Network)), 503, "provider.unreachable");
    refused(token(Err(FetchError::TooLarge)), 503, "provider.answer_too_large");
    refused(error(500, "invalid_grant"), 503, "token.server_error");
    refused(error(400, "invalid_grant"), 400, "token.invalid_grant");
    refused(error(400, "invalid_client"), 400, "token.invalid_client");
    refused(error(401, "whatever"), 400, "token.invalid_client");
    refused(error(400, "<script>"), 400, "token.refused");
    refused(error(200, "invalid_grant"), 400, "token.invalid_grant");
    refused(error(302, "x"), 400, "token.refused");
    refused(token(Ok(answer(200, &json!([])))), 400, "token.not_json");
    let html = |mut html: OutboundResponse| {
        html.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        html
    };
    refused(token(Ok(html(answer(200, &json!({}))))), 400, "token.not_json");
    let doubled = OutboundResponse {
        body: br#"{"token_type":"bearer","token_type":"bearer"}"#.to_vec(),
        ..answer(200, &json!({}))
    };
    refused(token(Ok(doubled)), 400, "token.not_json");
}

#[test]
fn a_code_that_was_sent_is_not_sent_again_whatever_came_of_it() {
    // R-030
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.corp.script(Endpoint::Token, Err(FetchError::Timeout));
    let browser = Browser::new(&world, &gateway);
    let response = world.corp.authorize(&browser.begin(""));
    let (name, sealed) =
        (browser.logins_under_way()[0].clone(), browser.cookie(&browser.logins_under_way()[0]).unwrap());
    browser.come_back(&response).assert_refused(503, "provider.timeout");
    world.corp.recover();
    browser.plant(&name, &sealed);
    browser.come_back(&response).assert_refused(400, "callback.already_used");
    assert_eq!(world.asked(Endpoint::Token), 1);
}

#[test]
fn a_token_response_has_all_its_members() {
    // R-054, R-056
    let set = |name: &'static str, value: Value| {
        move |world: &World| {
            let value = value.clone();
            world.corp.bend_tokens(move |tokens| tokens[name] = value.clone());
        }
    };
    for (name, value, reason) in [
        ("access_token", json!(7), "token.member_missing"),
        ("access_token", json!("a\r\nx-evil: 1"), "token.member_missing"),
        ("access_token", json!("é"), "token.member_missing"),
        ("id_token", Value::Null, "token.member_missing"),
        ("token_type", Value::Null, "token.type_unknown"),
        ("token_type", json!("MAC"), "token.type_unknown"),
        ("token_type", json!("DPoP"), "token.type_unknown"),
        ("token_type", json!("bearer "), "token.type_unknown"),
    ] {
        refused(set(name, value), 400, reason);
    }
    for token_type in ["bearer", "BEARER", "Bearer"] {
        assert_eq!(login(set("token_type", json!(token_type))).1.event["reason"], "login.succeeded");
    }
    assert_eq!(login(set("unknown", json!({ "a": [1] }))).1.event["reason"], "login.succeeded");
    assert_eq!(login(set("refresh_token", Value::Null)).1.event["reason"], "login.succeeded");
}

#[test]
fn the_code_goes_with_its_verifier_and_the_same_redirect_uri() {
    // R-029, R-031
    let (world, _) = login(|_| ());
    let sent = world.sent.borrow();
    let request = sent.iter().find(|request| request.method == "POST").unwrap();
    let form: Vec<(String, String)> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grant_type", "code", "redirect_uri", "code_verifier"]);
    assert_eq!(form[2].1, "https://app.example.com/auth/callback/corp");
    assert_eq!(form[3].1.len(), 43);
    assert!(request.headers[header::AUTHORIZATION].is_sensitive());
}

#[test]
fn an_id_token_that_is_not_for_this_login_ends_it() {
    // R-041 to R-053
    let set = |name: &'static str, value: Value| {
        move |world: &World| {
            let value = value.clone();
            world.corp.bend_claims(move |claims| claims[name] = value.clone());
        }
    };
    let now = World::new().now.get();
    for (name, value, reason) in [
        ("iss", json!(format!("{CORP}/")), "id_token.iss_mismatch"),
        ("aud", json!("other"), "id_token.aud_mismatch"),
        ("aud", json!(["app", "other"]), "id_token.azp_missing"),
        ("azp", json!("other"), "id_token.azp_mismatch"),
        ("exp", json!(now - 61), "id_token.expired"),
        ("exp", json!("2099"), "id_token.exp_malformed"),
        ("iat", json!(now + 300), "id_token.iat_in_future"),
        ("iat", json!(now - 601), "id_token.iat_too_old"),
        ("nbf", json!(now + 61), "id_token.not_yet_valid"),
        ("nonce", json!("A"), "id_token.nonce_mismatch"),
        ("nonce", Value::Null, "id_token.nonce_missing"),
        ("sub", json!(""), "id_token.sub_malformed"),
        ("sub", json!("x".repeat(256)), "id_token.sub_malformed"),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), "id_token.at_hash_mismatch"),
        ("events", json!({}), "id_token.events_present"),
        ("auth_time", json!(now + 300), "id_token.auth_time_in_future"),
    ] {
        refused(set(name, value), 400, reason);
    }
    assert_eq!(login(set("aud", json!(["app"]))).1.event["reason"], "login.succeeded");
}

#[test]
fn an_id_token_that_the_provider_did_not_sign_ends_the_login() {
    // R-044, R-045, R-058
    let token = |make: fn(&str) -> String| {
        move |world: &World| {
            world
                .corp
                .bend_tokens(move |tokens| tokens["id_token"] = make(tokens["id_token"].as_str().unwrap()).into());
        }
    };
    let tampered = |token: &str| {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        format!("{input}.{first}{}", signature.get(1..).unwrap())
    };
    refused(token(tampered), 400, "jwt.bad_signature");
    refused(
        token(|token| format!("eyJhbGciOiJub25lIn0.{}", token.split_once('.').unwrap().1)),
        400,
        "jwt.alg_unsupported",
    );
    refused(
        token(|token| format!("eyJhbGciOiJIUzI1NiJ9.{}", token.split_once('.').unwrap().1)),
        400,
        "jwt.alg_unsupported",
    );
    refused(
        token(|token| format!("eyJhbGciOiJSUzI1NiJ9.{}", token.split_once('.').unwrap().1)),
        400,
        "jwt.alg_not_allowed",
    );
    refused(token(|token| format!("{token}.a.b")), 400, "jwt.encrypted");
    refused(token(|token| token.rsplit_once('.').unwrap().0.to_owned()), 400, "jwt.malformed");
    refused(token(|_| "x".repeat(128 * 1024)), 503, "provider.answer_too_large");
    refused(|world| *world.corp.key.borrow_mut() = signer(9), 400, "jwt.key_unknown");
}

#[test]
fn a_session_is_of_the_strength_that_was_asked_for() {
    // R-052, R-053
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["acr_values"] = json!(["gold"]);
    variables["PROVIDERS"]["corp"]["max_age"] = json!("10m");
    for (acr, auth_time, reason) in [
        (json!("gold"), json!(1_800_000_000), "login.succeeded"),
        (json!("Gold"), json!(1_800_000_000), "id_token.acr_unsatisfied"),
        (json!(["gold"]), json!(1_800_000_000), "id_token.acr_unsatisfied"),
        (Value::Null, json!(1_800_000_000), "id_token.acr_unsatisfied"),
        (json!("gold"), json!(1_799_999_339), "id_token.auth_time_too_old"),
        (json!("gold"), json!("1800000000"), "id_token.auth_time_malformed"),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables));
        world.corp.bend_claims(move |claims| {
            claims["acr"] = acr.clone();
            claims["auth_time"] = auth_time.clone();
        });
        let browser = Browser::new(&world, &gateway);
        assert_eq!(browser.login().event["reason"], reason);
        if reason == "login.succeeded" {
            let me = browser.send(&Asked::script("GET", "/auth/me")).json();
            assert_eq!(
                (&me["session"]["acr"], &me["session"]["authenticated_at"]),
                (&json!("gold"), &json!(1_800_000_000))
            );
        }
    }
}

#[test]
fn the_same_name_at_two_providers_is_two_people() {
    // R-057
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    let (one, other) = (Browser::new(&world, &gateway), Browser::new(&world, &gateway));
    for provider in [&world.corp, &world.partner] {
        provider.bend_claims(|claims| claims["email"] = "alice@corp.example".into());
    }
    assert_eq!(one.login().event["reason"], "login.succeeded");
    assert_eq!(other.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
    let issuers =
        [&one, &other].map(|browser| browser.send(&Asked::script("GET", "/auth/me")).json()["issuer"].clone());
    assert_ne!(issuers[0], issuers[1]);
    one.send(&Asked::script("POST", "/auth/logout"));
    assert_eq!(other.send(&Asked::script("GET", "/auth/me")).reply().status.as_u16(), 200);
    other.send(&Asked::script("GET", "/partners/a")).forwarded();
}

#[test]
fn an_access_token_lives_as_long_as_the_provider_says_within_reason() {
    // R-055
    for (expires_in, lives) in [
        (json!(600), 600),
        (json!("600"), 600),
        (json!(600.9), 600),
        (Value::Null, 3600),
        (json!("soon"), 3600),
        (json!(-1), 3600),
        (json!("-1"), 3600),
        (json!("inf"), 3600),
        (json!([]), 3600),
    ] {
        let (world, gateway) = (World::new(), gateway(&variables()));
        let shown = expires_in.to_string();
        world.corp.bend_tokens(move |tokens| {
            tokens["expires_in"] = expires_in.clone();
            tokens["refresh_token"] = Value::Null;
        });
        let browser = Browser::new(&world, &gateway).signed_in();
        world.wait(lives - 1);
        browser.send(&Asked::script("GET", "/api/a")).forwarded();
        world.wait(1);
        let refused = browser.send(&Asked::script("GET", "/api/a"));
        assert_eq!(refused.event["reason"], "session.access_token_expired", "{shown}");
        refused.assert_refused(401, "session.access_token_expired");
    }
}

#[test]
fn a_scope_that_was_not_granted_opens_nothing() {
    // R-040, R-117
    for (scope, allowed) in [
        (Some(json!("openid admin")), true),
        (Some(json!("openid")), false),
        (Some(json!("administrator")), false),
        (Some(json!("")), false),
        (Some(json!(["admin"])), false),
        (Some(json!(7)), false),
        // Left out, or nothing: what was asked for was granted (RFC 6749 §5.1).
        (Some(Value::Null), true),
        (None, true),
    ] {
        let mut variables = variables();
        variables["PROVIDERS"]["corp"]["scopes"] = json!(["openid", "admin"]);
        let (world, gateway) = (World::new(), gateway(&variables));
        let shown = format!("{scope:?}");
        world.corp.bend_tokens(move |tokens| {
            if let Some(scope) = &scope {
                tokens["scope"] = scope.clone();
            }
        });
        let answered = Browser::new(&world, &gateway).signed_in().send(&Asked::script("GET", "/admin/a"));
        if allowed {
            answered.forwarded();
        } else {
            assert_eq!(answered.event["detail"], "admin", "{shown}");
            answered.assert_refused(403, "authz.insufficient_scope");
        }
    }
}
