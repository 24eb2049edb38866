//! UserInfo: asked where configured, for what the ID token lacks, and never believed about anybody else.

use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::ports::{FetchError, OutboundResponse};
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, Endpoint, World, answer, gateway, signer, variables};

fn asking() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["userinfo"] = true.into();
    variables
}

/// Logs in, with the provider prepared so.
fn login(variables: &Value, prepare: impl Fn(&World)) -> (World, Answered) {
    let (world, gateway) = (World::new(), gateway(variables));
    prepare(&world);
    let answered = Browser::new(&world, &gateway).login();
    (world, answered)
}

/// The claims of the session after a login with the provider prepared so.
fn claims(variables: &Value, prepare: impl Fn(&World)) -> (World, Value) {
    let (world, gateway) = (World::new(), gateway(variables));
    prepare(&world);
    let me = Browser::new(&world, &gateway).signed_in().send(&Asked::script("GET", "/auth/me")).json();
    (world, me["claims"].clone())
}

#[track_caller]
fn refused(prepare: impl Fn(&World), status: u16, reason: &str) {
    let (world, answered) = login(&asking(), prepare);
    answered.assert_refused(status, reason);
    assert_eq!((world.asked(Endpoint::Token), world.asked(Endpoint::UserInfo), world.sessions()), (1, 1, 0));
}

fn labelled(content_type: &'static str, body: &str) -> OutboundResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    OutboundResponse { status: StatusCode::OK, headers, body: body.as_bytes().to_vec() }
}

/// Answers with the claims of the person, changed so and signed.
fn signed(world: &World, changes: &Value) -> String {
    let mut claims = json!({ "iss": CORP, "aud": "app", "sub": "alice", "email": "signed@example.com" });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    world.corp.key.borrow().sign(None, claims.as_object().unwrap())
}

fn script(world: &World, content_type: &'static str, body: &str) {
    world.corp.script(Endpoint::UserInfo, Ok(labelled(content_type, body)));
}

#[test]
fn what_the_id_token_lacks_comes_from_userinfo_and_what_it_has_does_not() {
    let (world, told) = claims(&asking(), |_| ());
    assert_eq!(told, json!({ "name": "Alice", "email": "alice@example.com" }));
    assert_eq!(world.asked(Endpoint::UserInfo), 1);
    // R-062
    let sent = world.sent.borrow();
    let request = sent.iter().find(|request| request.url.ends_with("/userinfo")).unwrap();
    let bearer = request.headers[header::AUTHORIZATION].to_str().unwrap();
    let token = bearer.strip_prefix("Bearer ").unwrap();
    assert!(token.starts_with("access-") && request.headers[header::AUTHORIZATION].is_sensitive());
    assert!(request.method == "GET" && request.body.is_empty() && !request.url.contains(token));
}

#[test]
fn an_address_and_that_it_is_verified_come_from_one_document() {
    // R-057, R-366
    let verified = |told: Value, of_userinfo: Value| {
        let mut vars = asking();
        vars["SESSION"] = json!({ "claims": ["email", "email_verified", "phone_number", "phone_number_verified"] });
        let (_, told) = claims(&vars, move |world| {
            let told = told.clone();
            world.corp.bend_claims(move |claims| {
                claims.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
            });
            let mut user = json!({ "sub": "alice" });
            user.as_object_mut().unwrap().extend(of_userinfo.as_object().unwrap().clone());
            *world.corp.user.borrow_mut() = user;
        });
        told
    };
    for (value, is_verified, one, other) in [
        ("email", "email_verified", "a@example.com", "b@example.com"),
        ("phone_number", "phone_number_verified", "+1", "+2"),
    ] {
        // Another address is verified than the one of the ID token.
        let both = json!({ value: other, is_verified: true });
        assert_eq!(verified(json!({ value: one }), both.clone()), json!({ value: one }));
        assert_eq!(verified(json!({ value: other }), both.clone()), both);
        assert_eq!(verified(json!({ is_verified: true }), json!({ value: other })), json!({ value: other }));
        // Which one is verified is not said.
        assert_eq!(verified(json!({ value: one }), json!({ is_verified: true })), json!({ value: one }));
        // What the ID token says in full is not asked for again.
        let in_full = json!({ value: one, is_verified: false });
        assert_eq!(verified(in_full.clone(), both), in_full);
    }
}

#[test]
fn userinfo_is_not_asked_unless_configured_and_needed() {
    let (world, told) = claims(&variables(), |_| ());
    assert_eq!((told, world.asked(Endpoint::UserInfo)), (json!({ "name": "Alice" }), 0));
    let mut few = asking();
    few["SESSION"] = json!({ "claims": ["name", "acr"] });
    let (world, told) = claims(&few, |world| world.corp.user.borrow_mut()["acr"] = "high".into());
    assert_eq!((told, world.asked(Endpoint::UserInfo)), (json!({ "name": "Alice" }), 0));
}

#[test]
fn userinfo_about_anybody_else_ends_the_login() {
    // R-060
    for sub in [json!("mallory"), json!("Alice"), json!(["alice"]), Value::Null] {
        refused(|world| world.corp.user.borrow_mut()["sub"] = sub.clone(), 400, "userinfo.sub_mismatch");
    }
    let nameless = |world: &World| *world.corp.user.borrow_mut() = json!({ "email": "alice@example.com" });
    refused(nameless, 400, "userinfo.sub_mismatch");
    let signed_for_another =
        |world: &World| script(world, "application/jwt", &signed(world, &json!({ "sub": "mallory" })));
    refused(signed_for_another, 400, "userinfo.sub_mismatch");
}

#[test]
fn signed_userinfo_is_believed_when_it_is_the_providers_and_for_us() {
    // R-061
    let (_, told) = claims(&asking(), |world| script(world, "application/jwt", &signed(world, &json!({}))));
    assert_eq!(told, json!({ "name": "Alice", "email": "signed@example.com" }));
    for (changes, reason) in [
        (json!({ "iss": "https://elsewhere.example" }), "userinfo.iss_mismatch"),
        (json!({ "iss": null }), "userinfo.iss_mismatch"),
        (json!({ "aud": "other" }), "userinfo.aud_mismatch"),
        (json!({ "aud": null }), "userinfo.aud_mismatch"),
        (json!({ "events": {} }), "userinfo.events_present"),
        (json!({ "exp": 1 }), "userinfo.expired"),
    ] {
        refused(|world| script(world, "application/jwt", &signed(world, &changes)), 400, reason);
    }
}

#[test]
fn signed_userinfo_that_nobody_signed_ends_the_login() {
    // R-061
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.";
    let (_, told) = login(&asking(), |world| script(world, "application/jwt", none));
    assert_eq!((told.reply().status, told.event["outcome"].as_str()), (StatusCode::BAD_REQUEST, Some("deny")));
    assert!(told.event["reason"].as_str().unwrap().starts_with("jwt."), "{}", told.event);
    let stranger = |world: &World| {
        let claims = json!({ "iss": CORP, "aud": "app", "sub": "alice" });
        script(world, "application/jwt", &signer(9).sign(None, claims.as_object().unwrap()));
    };
    refused(stranger, 400, "jwt.key_unknown");
}

#[test]
fn signed_userinfo_by_a_key_of_another_issuer_ends_the_login() {
    // R-386
    let by_key_of = |issuer: &str| {
        let issuer = issuer.to_owned();
        move |world: &World| {
            let key = signer(9);
            let mut published = key.public_jwk();
            published["issuer"] = issuer.clone().into();
            world.corp.published.borrow_mut().push(published);
            let claims = json!({ "iss": CORP, "aud": "app", "sub": "alice" });
            script(world, "application/jwt", &key.sign(None, claims.as_object().unwrap()));
        }
    };
    assert_eq!(login(&asking(), by_key_of(CORP)).1.event["reason"], "login.succeeded");
    refused(by_key_of(&format!("{CORP}/other")), 400, "userinfo.key_issuer_mismatch");
}

#[test]
fn json_and_jwt_are_not_taken_for_each_other() {
    // R-061
    refused(|world| script(world, "application/json", &signed(world, &json!({}))), 400, "userinfo.not_json");
    let json = r#"{"sub":"alice","email":"alice@example.com"}"#;
    refused(|world| script(world, "application/jwt", json), 400, "jwt.malformed");
    refused(|world| script(world, "text/plain", json), 400, "userinfo.content_type_unknown");
    let doubled = r#"{"sub":"mallory","sub":"alice"}"#;
    refused(|world| script(world, "application/json", doubled), 400, "userinfo.not_json");
}

#[test]
fn a_userinfo_endpoint_that_fails_is_asked_once_and_ends_the_login() {
    let with = |answer: Result<OutboundResponse, FetchError>| {
        move |world: &World| world.corp.script(Endpoint::UserInfo, answer.clone())
    };
    refused(with(Err(FetchError::Network)), 503, "provider.unreachable");
    refused(with(Err(FetchError::Timeout)), 503, "provider.timeout");
    refused(with(Err(FetchError::TooLarge)), 503, "provider.answer_too_large");
    refused(with(Ok(answer(500, &json!({})))), 503, "provider.unexpected_status");
    refused(with(Ok(answer(401, &json!({ "sub": "alice" })))), 400, "userinfo.refused");
    refused(with(Ok(answer(302, &json!({ "sub": "alice" })))), 400, "userinfo.refused");
}

#[test]
fn a_provider_without_the_endpoint_lets_nobody_in_who_needs_it() {
    let without = |world: &World| {
        world.corp.metadata.borrow_mut().as_object_mut().unwrap().remove("userinfo_endpoint");
    };
    let (world, answered) = login(&asking(), without);
    answered.assert_refused(400, "userinfo.no_endpoint");
    assert_eq!((world.asked(Endpoint::UserInfo), world.sessions()), (0, 0));
    assert_eq!(login(&variables(), without).1.event["reason"], "login.succeeded");
}
