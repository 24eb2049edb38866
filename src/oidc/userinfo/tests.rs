use serde_json::json;

use super::*;
use crate::claims::LEEWAY;
use crate::jose::testing::verified;

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://op.example";

fn expected() -> UserInfoExpectations<'static> {
    UserInfoExpectations { issuer: ISSUER, client_id: "app", subject: "alice", now: Timestamp::from_unix(NOW) }
}

fn response(status: StatusCode, content_type: Option<&'static str>, body: &[u8]) -> OutboundResponse {
    let named = content_type.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value)));
    OutboundResponse { status, headers: HeaderMap::from_iter(named), body: body.to_vec() }
}

fn error_of(response: &OutboundResponse) -> Option<UserInfoError> {
    process(response).err()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

#[test]
fn the_access_token_goes_into_one_header_and_nowhere_else() {
    // R-062
    let request = request("https://op.example/userinfo?tenant=1", &Secret::new("the-token".to_owned()), None).unwrap();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://op.example/userinfo?tenant=1"));
    assert_eq!(request.headers[header::AUTHORIZATION], "Bearer the-token");
    assert!(request.headers[header::AUTHORIZATION].is_sensitive());
    assert_eq!((request.body.as_str(), request.max_bytes, request.headers.len()), ("", MAX_BYTES, 3));
    let unsendable = super::request("https://op.example/userinfo", &Secret::new("a\r\nb: c".to_owned()), None);
    assert_eq!(unsendable.err(), Some(UserInfoError::TokenUnsendable));
}

#[test]
fn an_answer_is_read_as_what_it_says_it_is() {
    // R-061
    let object = json!({ "sub": "alice" });
    let read_json = |content_type| {
        let response = response(StatusCode::OK, Some(content_type), object.to_string().as_bytes());
        matches!(process(&response), Ok(Body::Claims(claims)) if Value::Object(claims.clone()) == object)
    };
    assert!(read_json("application/json") && read_json("Application/JSON; charset=utf-8"));
    let jwt = response(StatusCode::OK, Some("application/jwt;charset=utf-8"), b"a.b.c");
    assert!(matches!(process(&jwt), Ok(Body::Jwt("a.b.c"))));
}

#[test]
fn an_answer_that_is_not_what_it_says_is_refused() {
    // R-061
    let too_large = format!(r#"{{"sub":"alice","x":"{}"}}"#, "x".repeat(MAX_BYTES));
    for (content_type, body, error) in [
        (Some("application/json"), b"a.b.c".as_slice(), UserInfoError::NotJson),
        (Some("application/json"), b"\"a.b.c\"", UserInfoError::NotJson),
        (Some("application/json"), b"[]", UserInfoError::NotJson),
        (Some("application/json"), b"", UserInfoError::NotJson),
        (Some("application/json"), br#"{"sub":"mallory","sub":"alice"}"#, UserInfoError::NotJson),
        (Some("application/json"), b"{\"sub\":\"alice\xff\"}", UserInfoError::NotJson),
        (Some("application/json"), too_large.as_bytes(), UserInfoError::NotJson),
        (Some("application/jwt"), b"\xff", UserInfoError::NotText),
        (Some("application/json, application/jwt"), b"{}", UserInfoError::ContentType),
        (Some("application/scim+json"), b"{}", UserInfoError::ContentType),
        (Some("text/html"), b"{}", UserInfoError::ContentType),
        (Some(""), b"{}", UserInfoError::ContentType),
        (None, b"{}", UserInfoError::ContentType),
    ] {
        assert_eq!(error_of(&response(StatusCode::OK, content_type, body)), Some(error), "{content_type:?}");
    }
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FOUND, StatusCode::NO_CONTENT, StatusCode::CREATED] {
        let refused = response(status, Some("application/json"), br#"{"sub":"alice"}"#);
        assert_eq!(error_of(&refused), Some(UserInfoError::Refused(status)));
    }
}

#[test]
fn claims_about_anybody_else_are_refused() {
    // R-060
    let check = |claims: Value| UserInfo::check(claims.as_object().unwrap().clone(), &expected()).err();
    assert_eq!(check(json!({ "sub": "alice" })), None);
    for sub in [json!("mallory"), json!("Alice"), json!("alice "), json!(""), json!(["alice"]), json!(1), Value::Null] {
        assert_eq!(check(json!({ "sub": sub })), Some(UserInfoError::SubMismatch), "{sub}");
    }
    assert_eq!(check(json!({ "name": "Alice" })), Some(UserInfoError::SubMismatch));
}

#[test]
fn a_signed_answer_is_from_the_issuer_for_us_about_the_person() {
    // R-060, R-061
    let check = |typ, changes: &Value| {
        let mut claims = json!({ "iss": ISSUER, "aud": "app", "sub": "alice", "email": "a@example.com" });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                other => claims.as_object_mut().unwrap().insert(name.clone(), other.clone()),
            };
        }
        UserInfo::check_signed(verified(typ, &claims), &expected()).err()
    };
    let past = NOW - i64::from(LEEWAY.get());
    for good in [json!({}), json!({ "aud": ["other", "app"] }), json!({ "exp": past + 1 })] {
        assert_eq!((check(None, &good), check(Some("jwt"), &good)), (None, None), "{good}");
    }
    for typ in ["at+jwt", "logout+jwt", "application/at+jwt", "x"] {
        assert_eq!(check(Some(typ), &json!({})), Some(UserInfoError::TypRefused), "{typ}");
    }
    for (changes, error) in [
        (json!({ "events": {} }), UserInfoError::EventsPresent),
        (json!({ "iss": null }), UserInfoError::IssMismatch),
        (json!({ "iss": format!("{ISSUER}/") }), UserInfoError::IssMismatch),
        (json!({ "aud": null }), UserInfoError::AudMismatch),
        (json!({ "aud": [] }), UserInfoError::AudMismatch),
        (json!({ "aud": "other" }), UserInfoError::AudMismatch),
        (json!({ "aud": ["app", 1] }), UserInfoError::AudMismatch),
        (json!({ "exp": "soon" }), UserInfoError::ExpMalformed),
        (json!({ "exp": past }), UserInfoError::Expired),
        (json!({ "sub": null }), UserInfoError::SubMismatch),
        (json!({ "sub": "mallory" }), UserInfoError::SubMismatch),
    ] {
        assert_eq!(check(None, &changes), Some(error), "{changes}");
    }
}

#[test]
fn only_what_is_lacking_and_asked_for_is_taken() {
    let told = json!({
        "sub": "alice", "name": "Another", "email": "a@example.com", "picture": null, "role": "admin", "acr": "high",
    });
    let user = UserInfo::check(told.as_object().unwrap().clone(), &expected()).unwrap();
    let mut claims = json!({ "name": "Alice", "locale": null }).as_object().unwrap().clone();
    let asked = names(&["name", "email", "picture", "locale", "phone", "acr", "sub"]);
    assert_eq!(lacking(&claims, &asked), ["email", "picture", "locale", "phone"]);
    user.complete(&mut claims, &asked);
    assert_eq!(Value::Object(claims), json!({ "name": "Alice", "locale": null, "email": "a@example.com" }));
}

#[test]
fn nothing_is_lacking_that_the_id_token_alone_may_tell() {
    assert!(lacking(&Map::new(), &names(&OF_THE_SIGN_IN)).is_empty());
}
