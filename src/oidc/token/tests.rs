use std::collections::BTreeMap;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::config::ClientAuth;
use crate::config::testing::{ISSUER, provider};
use crate::http::{HeaderMap, HeaderValue, header};
use crate::jose::{Algorithm, Es256Signer, KeySet, Portable, UnverifiedJwt};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

struct Counting(std::cell::Cell<u8>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(self.0.get());
    }
}

fn request(bend: impl FnOnce(&mut Value), random: &Counting) -> OutboundRequest {
    let grant = CodeGrant {
        code: Secret::new("the&code".to_owned()),
        code_verifier: &CodeVerifier::new("the-verifier".to_owned()),
        redirect_uri: "https://app.example.com/auth/callback/corp",
    };
    let maker = AssertionMaker { now: NOW, random, signing: &Portable };
    block_on(code_request(&provider(bend), "https://login.example.com/token", &grant, maker)).unwrap()
}

fn form(request: &OutboundRequest) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

#[test]
fn the_code_goes_to_the_endpoint_with_all_that_belongs_to_it() {
    // R-029
    let request = request(|table| table["resource"] = json!("urn:orders"), &Counting(0.into()));
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://login.example.com/token"));
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "the&code"),
        ("redirect_uri", "https://app.example.com/auth/callback/corp"),
        ("code_verifier", "the-verifier"),
        ("resource", "urn:orders"),
    ];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn a_secret_of_any_characters_stands_encoded_in_the_basic_header() {
    // R-031: `app` and `hunter2 & co:%+é`, form-encoded, then joined, then in base64.
    let request = request(|_| (), &Counting(0.into()));
    let value = &request.headers[header::AUTHORIZATION];
    assert_eq!(value, "Basic YXBwOmh1bnRlcjIrJTI2K2NvJTNBJTI1JTJCJUMzJUE5");
    let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
    assert_eq!(Base64::decode_vec(encoded).unwrap(), b"app:hunter2+%26+co%3A%25%2B%C3%A9");
    assert!(value.is_sensitive() && !request.body.contains("hunter2"));
}

#[test]
fn a_posted_secret_stands_in_the_body_alone() {
    let request = request(|table| table["client_auth"] = json!("client_secret_post"), &Counting(0.into()));
    let form = form(&request);
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("app", "hunter2 & co:%+é"));
    assert!(!request.headers.contains_key(header::AUTHORIZATION));
}

#[test]
fn an_assertion_is_for_this_issuer_for_a_minute_and_new_each_time() {
    // R-032
    let random = Counting(0.into());
    let bend = |table: &mut Value| table["client_auth"] = json!("private_key_jwt");
    let key = match provider(bend).client_auth {
        ClientAuth::PrivateKeyJwt(how) => Es256Signer::from_jwk(&how.key).unwrap(),
        other => panic!("{other:?}"),
    };
    let keys = KeySet::parse(json!({ "keys": [key.public_jwk()] }).to_string().as_bytes()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = request(bend, &random);
        let form = form(&request);
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert!(form["client_id"] == "app" && !form.contains_key("client_secret"));
        assert!(!request.headers.contains_key(header::AUTHORIZATION));
        let unverified = UnverifiedJwt::parse(&form["client_assertion"]).unwrap();
        let verified = block_on(unverified.verify(&keys, &[Algorithm::Es256], &Portable)).unwrap();
        assert_eq!((verified.header().kid(), verified.header().typ()), (Some(key.kid()), Some("JWT")));
        let mut claims = verified.into_claims();
        ids.push(claims.remove("jti").unwrap());
        let expected =
            json!({ "iss": "app", "sub": "app", "aud": ISSUER, "iat": NOW.as_unix(), "exp": NOW.as_unix() + 60 });
        assert_eq!(Value::Object(claims), expected);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn an_assertion_is_for_whom_the_configuration_names() {
    // R-032
    for (audience, expected) in [
        (json!("issuer"), ISSUER),
        (json!("endpoint"), "https://login.example.com/token"),
        (json!("https://login.example.com/other"), "https://login.example.com/other"),
    ] {
        let request = request(
            |table| {
                table["client_auth"] = json!("private_key_jwt");
                table["client_assertion"] = json!({ "audience": audience });
            },
            &Counting(0.into()),
        );
        let payload = form(&request)["client_assertion"].split('.').nth(1).unwrap().to_owned();
        let claims: Value = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(&payload).unwrap()).unwrap();
        assert_eq!((&claims["aud"], &claims["iss"], &claims["sub"]), (&json!(expected), &json!("app"), &json!("app")));
    }
}

#[test]
fn a_public_client_says_who_it_is_and_has_nothing_to_prove_it_with() {
    let request = request(|table| table["client_auth"] = json!("none"), &Counting(0.into()));
    let form = form(&request);
    assert_eq!(form["client_id"], "app");
    // What protects the code is there all the same.
    assert_eq!(form["code_verifier"], "the-verifier");
    assert!(!form.contains_key("client_secret") && !form.contains_key("client_assertion"));
    assert!(!request.headers.contains_key(header::AUTHORIZATION));
}

fn answer(status: u16, content_type: &'static str, body: &str) -> Result<TokenResponse, TokenError> {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    let status = StatusCode::from_u16(status).unwrap();
    process(&OutboundResponse { status, headers, body: body.as_bytes().to_vec() })
}

/// A good response with one member in another way; `null` takes it away.
fn with(name: &str, value: Value) -> Result<TokenResponse, TokenError> {
    let mut body =
        json!({ "access_token": "a", "id_token": "i", "token_type": "Bearer", "expires_in": 60, "unknown": [] });
    body[name] = value;
    if body[name].is_null() {
        body.as_object_mut().unwrap().remove(name);
    }
    answer(200, "application/json", &body.to_string())
}

#[test]
fn a_token_type_is_bearer_in_any_case_and_nothing_else() {
    // R-054
    for good in ["Bearer", "bearer", "BEARER"] {
        assert!(with("token_type", json!(good)).is_ok(), "{good}");
    }
    for bad in [
        json!("MAC"),
        json!("DPoP"),
        json!("N_A"),
        json!(""),
        json!("Bearer "),
        json!(["Bearer"]),
        json!(1),
        Value::Null,
    ] {
        assert_eq!(with("token_type", bad.clone()).unwrap_err(), TokenError::TokenType, "{bad}");
    }
}

#[test]
fn a_life_time_is_taken_in_every_form_that_providers_send() {
    // R-055
    for (value, seconds) in [
        (Value::Null, 3600),
        (json!(0), 0),
        (json!(60), 60),
        (json!(60.7), 60),
        (json!("60"), 60),
        (json!(" 60 "), 60),
        (json!(-60), 3600),
        (json!("-60"), 3600),
        (json!("soon"), 3600),
        (json!("NaN"), 3600),
        (json!("inf"), 3600),
        (json!({}), 3600),
        (json!(true), 3600),
        (json!(1e300), 30 * 86_400),
        (json!(u64::MAX), 30 * 86_400),
    ] {
        assert_eq!(with("expires_in", value.clone()).unwrap().expires_in.get(), seconds, "{value}");
    }
}

#[test]
fn what_is_missing_or_no_text_is_named() {
    // R-056
    for name in ["access_token", "id_token"] {
        for bad in [json!(7), json!(["a"]), json!({})] {
            assert_eq!(with(name, bad.clone()).unwrap_err(), TokenError::Missing(name), "{bad}");
        }
    }
    // Whether they may be absent depends on what was asked: a refresh may come without an ID token, a login for `openid`
    // alone without an access token, and then of no type either.
    for nothing in [Value::Null, json!(""), json!([])] {
        assert!(with("id_token", nothing.clone()).unwrap().id_token.is_none());
        assert!(with("access_token", nothing.clone()).unwrap().access_token.is_none());
    }
    assert!(answer(200, "application/json", r#"{"id_token":"i"}"#).unwrap().access_token.is_none());
    for bad in ["a\nb", "a\r\nx: y", "a\0", "é", "\u{7f}"] {
        assert_eq!(with("access_token", json!(bad)).unwrap_err(), TokenError::Missing("access_token"), "{bad:?}");
    }
    for bad in [Value::Null, json!(""), json!(7)] {
        assert!(with("refresh_token", bad.clone()).unwrap().refresh_token.is_none(), "{bad}");
    }
}

#[test]
fn a_scope_that_cannot_be_read_grants_nothing() {
    for (value, expected) in
        [(Value::Null, None), (json!("a b"), Some("a b")), (json!(""), Some("")), (json!(["a"]), Some(""))]
    {
        assert_eq!(with("scope", value.clone()).unwrap().scope.as_deref(), expected, "{value}");
    }
}

#[test]
fn an_answer_that_is_no_token_response_has_its_reason() {
    // R-056
    let json = "application/json";
    for (status, content_type, body, expected) in [
        (200, json, "[]", "token.not_json"),
        (200, json, "", "token.not_json"),
        (200, json, r#"{"token_type":"a","token_type":"b"}"#, "token.not_json"),
        (200, "text/html", r#"{"token_type":"bearer"}"#, "token.not_json"),
        (200, json, r#"{"error":"invalid_grant"}"#, "token.invalid_grant"),
        (200, json, r#"{"error":7}"#, "token.refused"),
        (400, json, r#"{"error":"invalid_grant"}"#, "token.invalid_grant"),
        (400, json, r#"{"error":"invalid_client"}"#, "token.invalid_client"),
        (401, "text/html", "", "token.invalid_client"),
        (400, "text/html", "<html>", "token.refused"),
        (302, json, "{}", "token.refused"),
        (201, json, r#"{"access_token":"a"}"#, "token.refused"),
        (429, json, r#"{"error":"slow_down"}"#, "token.provider_failed"),
        (400, json, r#"{"error":"temporarily_unavailable"}"#, "token.provider_failed"),
        (400, json, r#"{"error":"interaction_required"}"#, "token.person_wanted"),
        (500, json, r#"{"error":"invalid_grant"}"#, "token.server_error"),
        (503, "text/html", "", "token.server_error"),
        (502, "text/html", "", "token.server_error"),
        (521, "text/html", "", "token.server_error"),
        (504, "text/html", "", "token.answer_lost"),
        (524, json, r#"{"error":"invalid_grant"}"#, "token.answer_lost"),
    ] {
        assert_eq!(answer(status, content_type, body).unwrap_err().code(), expected, "{status} {body}");
    }
}

#[test]
fn a_token_is_not_printed() {
    let response = with("access_token", json!("very-secret")).unwrap();
    assert!(!format!("{response:?}").contains("very-secret"));
}

#[test]
fn scopes_stand_between_spaces_and_no_scope_is_empty() {
    for (text, expected) in [("openid orders:read", &["openid", "orders:read"][..]), (" a  b ", &["a", "b"]), ("", &[])]
    {
        assert_eq!(scope_values(text), expected, "{text:?}");
    }
}
