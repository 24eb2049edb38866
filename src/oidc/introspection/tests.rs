use std::collections::BTreeMap;

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::claims::LEEWAY;
use crate::config::{AssertionAudience, ClientAssertion, ClientAuth};
use crate::http::{HeaderMap, HeaderValue, header};
use crate::jose::{Algorithm, Portable};
use crate::secret::Secret;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://op.example";
const LEEWAY_SECONDS: i64 = LEEWAY.get() as i64;

struct Sevens;

impl Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

const MAKER: AssertionMaker<'static, Sevens, Portable> =
    AssertionMaker { now: Timestamp::from_unix(NOW), random: &Sevens, signing: &Portable };

fn by_key(key: String) -> ClientAuth {
    let (algorithm, audience) = (Algorithm::Es256, AssertionAudience::Issuer);
    ClientAuth::PrivateKeyJwt(ClientAssertion {
        key: Secret::new(key),
        other_key: None,
        algorithm,
        typ: "JWT",
        audience,
    })
}

fn asked(auth: &ClientAuth, token: &str) -> OutboundRequest {
    let client = Client { id: "postern", auth, issuer: ISSUER };
    block_on(request(client, "https://op.example/introspect", token, MAKER)).unwrap()
}

fn form(request: &OutboundRequest) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

fn secret() -> Secret<String> {
    Secret::new("hunter2".to_owned())
}

fn response(status: u16, content_type: Option<&'static str>, body: &str) -> OutboundResponse {
    let named = content_type.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value)));
    let status = StatusCode::from_u16(status).unwrap();
    OutboundResponse { status, headers: HeaderMap::from_iter(named), body: body.as_bytes().to_vec() }
}

fn error_of(status: u16, content_type: Option<&'static str>, body: &str) -> Option<IntrospectionError> {
    process(&response(status, content_type, body)).err()
}

/// What is said of a good token, with these members changed; `null` takes one away.
fn said(changes: &Value) -> Map<String, Value> {
    let mut claims = json!({
        "active": true, "iss": ISSUER, "aud": "https://api.example", "sub": "alice", "client_id": "cli",
        "scope": "orders:read", "username": "Alice", "token_type": "Bearer",
        "exp": NOW + 300, "iat": NOW - 10, "nbf": NOW - 10,
    });
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    claims.clone()
}

fn check_with(without_audience: WithoutAudience, changes: &Value) -> Result<Introspected, IntrospectionError> {
    let audiences = ["https://api.example".to_owned(), "urn:orders".to_owned()];
    let now = Timestamp::from_unix(NOW);
    Introspected::check(
        said(changes),
        &IntrospectionExpectations { issuer: ISSUER, audiences: &audiences, without_audience, now },
    )
}

fn check(changes: &Value) -> Result<Introspected, IntrospectionError> {
    check_with(WithoutAudience::Refuse, changes)
}

#[test]
fn the_token_is_posted_in_the_body_by_a_client_that_proves_itself() {
    // R-119, RFC 7662 §2.1
    let basic = asked(&ClientAuth::Basic(secret()), "a+b/c==");
    assert_eq!((basic.method.as_str(), basic.url.as_str()), ("POST", "https://op.example/introspect"));
    assert_eq!(basic.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(basic.headers[header::ACCEPT], "application/json");
    assert!(basic.headers[header::AUTHORIZATION].is_sensitive() && basic.max_bytes == MAX_BYTES);
    let expected = [("token", "a+b/c=="), ("token_type_hint", "access_token")];
    assert_eq!(form(&basic), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let post = asked(&ClientAuth::Post(secret()), "t");
    let posted = form(&post);
    assert_eq!((posted["client_id"].as_str(), posted["client_secret"].as_str()), ("postern", "hunter2"));
    assert!(!post.headers.contains_key(header::AUTHORIZATION));
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string().to_string();
    let asserted = form(&asked(&by_key(key), "t"));
    assert!(asserted["token"] == "t" && asserted["client_assertion"].split('.').count() == 3);
    let broken = by_key("{}".to_owned());
    let client = Client { id: "postern", auth: &broken, issuer: ISSUER };
    let refused = block_on(request(client, "https://op.example/introspect", "t", MAKER));
    assert_eq!(refused.err(), Some(IntrospectionError::ClientKey));
}

#[test]
fn only_true_is_active() {
    // R-119, RFC 7662 §2.2
    let active = process(&response(200, Some("application/json"), r#"{"active":true,"sub":"alice"}"#)).unwrap();
    assert_eq!(active["sub"], "alice");
    for (body, error) in [
        (r#"{"active":false}"#, IntrospectionError::Inactive),
        (r#"{"active":false,"sub":"alice"}"#, IntrospectionError::Inactive),
        (r#"{"active":"true","sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        (r#"{"active":1,"sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        (r#"{"active":null,"sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        (r#"{"active":[true],"sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        (r#"{"Active":true,"sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        (r#"{"sub":"alice"}"#, IntrospectionError::ActiveMalformed),
        ("{}", IntrospectionError::ActiveMalformed),
        (r#"{"active":false,"active":true}"#, IntrospectionError::NotJson),
        (r#"[{"active":true}]"#, IntrospectionError::NotJson),
        (r#"{"active":true}{"active":true}"#, IntrospectionError::NotJson),
        ("<html>active</html>", IntrospectionError::NotJson),
        ("true", IntrospectionError::NotJson),
        ("", IntrospectionError::NotJson),
    ] {
        assert_eq!(error_of(200, Some("application/json"), body), Some(error), "{body}");
    }
}

#[test]
fn an_answer_of_another_kind_says_nothing_of_the_token() {
    // R-119
    let good = r#"{"active":true,"sub":"alice"}"#;
    let too_large = format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(MAX_BYTES));
    assert_eq!(error_of(200, Some("application/json"), &too_large), Some(IntrospectionError::NotJson));
    for content_type in [None, Some("text/html"), Some("application/token-introspection+jwt"), Some("")] {
        assert_eq!(error_of(200, content_type, good), Some(IntrospectionError::NotJson), "{content_type:?}");
    }
    for status in [201, 204, 301, 302, 400, 404, 418, 429, 500, 502, 503] {
        let error = error_of(status, Some("application/json"), good).unwrap();
        assert_eq!(error, IntrospectionError::Status(StatusCode::from_u16(status).unwrap()));
        assert_eq!(error.says_try_later(), [429, 502, 503].contains(&status), "{status}");
        assert!(!error.is_of_the_token());
    }
    for status in [401, 403] {
        let error = error_of(status, Some("application/json"), good).unwrap();
        assert_eq!(error, IntrospectionError::ClientRefused(StatusCode::from_u16(status).unwrap()));
        assert!(!error.is_of_the_token() && !error.says_try_later());
    }
    assert!(!IntrospectionError::NotJson.is_of_the_token() && !IntrospectionError::ActiveMalformed.is_of_the_token());
    assert!(IntrospectionError::Inactive.is_of_the_token() && IntrospectionError::AudMismatch.is_of_the_token());
}

#[test]
fn what_is_said_of_a_good_token_is_kept() {
    let token = check(&json!({})).unwrap();
    assert_eq!((token.subject(), token.client_id()), ("alice", Some("cli")));
    assert_eq!(token.expires_at(), Some(Timestamp::from_unix(NOW + 300)));
    assert_eq!((&token.claims()["scope"], &token.claims()["username"]), (&json!("orders:read"), &json!("Alice")));
    assert!(!format!("{token:?}").contains("alice"));
    for good in [
        json!({ "iss": null }),
        json!({ "aud": ["other", "urn:orders"] }),
        json!({ "token_type": null }),
        json!({ "token_type": "bearer" }),
        json!({ "token_type": "DPoP", "cnf": { "jkt": "x" } }),
        json!({ "exp": null, "iat": null, "nbf": null }),
        json!({ "exp": NOW - LEEWAY_SECONDS + 1 }),
        json!({ "exp": NOW as f64 + 0.5 }),
        json!({ "iat": NOW + 10, "nbf": NOW + LEEWAY_SECONDS }),
        json!({ "client_id": null }),
    ] {
        assert_eq!(check(&good).err(), None, "{good}");
    }
}

#[test]
fn what_is_said_is_checked_like_the_claims_of_a_jwt() {
    // R-103, R-104, R-106, R-116, R-119
    for (changes, error) in [
        (json!({ "iss": "https://op.example/" }), IntrospectionError::IssMismatch),
        (json!({ "iss": "https://elsewhere.example" }), IntrospectionError::IssMismatch),
        (json!({ "iss": [ISSUER] }), IntrospectionError::IssMismatch),
        (json!({ "aud": null }), IntrospectionError::AudMissing),
        (json!({ "aud": "https://other.example" }), IntrospectionError::AudMismatch),
        (json!({ "aud": "https://api.example/" }), IntrospectionError::AudMismatch),
        (json!({ "aud": [] }), IntrospectionError::AudMissing),
        (json!({ "aud": ["urn:orders", 1] }), IntrospectionError::AudMalformed),
        (json!({ "aud": { "urn:orders": 1 } }), IntrospectionError::AudMalformed),
        (json!({ "token_type": "refresh_token" }), IntrospectionError::TokenType),
        (json!({ "token_type": "mac" }), IntrospectionError::TokenType),
        (json!({ "token_type": ["Bearer"] }), IntrospectionError::TokenType),
        (json!({ "token_type": "DPoP" }), IntrospectionError::UnboundDpop),
        (json!({ "token_type": "dpop", "cnf": {} }), IntrospectionError::UnboundDpop),
        (json!({ "exp": NOW - LEEWAY_SECONDS }), IntrospectionError::Expired),
        (json!({ "exp": "9999999999" }), IntrospectionError::ExpMalformed),
        (json!({ "exp": -1 }), IntrospectionError::ExpMalformed),
        (json!({ "exp": 1e308 }), IntrospectionError::ExpMalformed),
        (json!({ "exp": true }), IntrospectionError::ExpMalformed),
        (json!({ "nbf": NOW + LEEWAY_SECONDS + 1 }), IntrospectionError::NotYetValid),
        (json!({ "nbf": "0" }), IntrospectionError::NbfMalformed),
        (json!({ "iat": NOW + LEEWAY_SECONDS + 1 }), IntrospectionError::IatInFuture),
        (json!({ "iat": {} }), IntrospectionError::IatMalformed),
        (json!({ "sub": "" }), IntrospectionError::SubMalformed),
        (json!({ "sub": 7 }), IntrospectionError::SubMalformed),
        (json!({ "sub": null, "client_id": null, "username": null }), IntrospectionError::SubMalformed),
        (json!({ "sub": null }), IntrospectionError::SubMalformed),
        (json!({ "client_id": {} }), IntrospectionError::ClientIdMalformed),
    ] {
        assert_eq!(check(&changes).err(), Some(error), "{changes}");
    }
}

#[test]
fn an_endpoint_is_trusted_about_the_audience_only_by_configuration_and_for_access_tokens() {
    let trusting = |changes| check_with(WithoutAudience::TrustEndpoint, &changes).err();
    assert_eq!(trusting(json!({ "aud": null })), None);
    assert_eq!(trusting(json!({ "aud": "https://other.example" })), Some(IntrospectionError::AudMismatch));
    // A refresh token has neither.
    assert_eq!(trusting(json!({ "aud": null, "token_type": null })), Some(IntrospectionError::TokenType));
    assert_eq!(trusting(json!({ "aud": "", "token_type": "" })), Some(IntrospectionError::TokenType));
    // Unless the endpoint is trusted about the kind as well; what it says all the same still counts.
    let kind_too = |changes| check_with(WithoutAudience::TrustEndpointForKind, &changes).err();
    assert_eq!(kind_too(json!({ "aud": null, "token_type": null })), None);
    for (changes, error) in [
        (json!({ "aud": null, "token_type": "refresh_token" }), IntrospectionError::TokenType),
        (json!({ "aud": "https://other.example", "token_type": null }), IntrospectionError::AudMismatch),
        (json!({ "aud": null, "token_type": null, "iss": "https://evil.example" }), IntrospectionError::IssMismatch),
        (json!({ "aud": null, "token_type": null, "exp": NOW - 3600 }), IntrospectionError::Expired),
    ] {
        assert_eq!(kind_too(changes.clone()), Some(error), "{changes}");
    }
}

#[test]
fn a_clients_own_token_speaks_for_the_client() {
    // R-118, RFC 9068 §2.2
    let token = check(&json!({ "sub": null, "username": null })).unwrap();
    assert_eq!((token.subject(), token.client_id()), ("cli", Some("cli")));
}

#[test]
fn a_token_begins_with_the_later_of_its_two_beginnings() {
    let starts_at = |changes| check(&changes).unwrap().starts_at().as_unix();
    assert_eq!(starts_at(json!({ "iat": NOW - 5, "nbf": NOW - 100 })), NOW - 5);
    assert_eq!(starts_at(json!({ "iat": NOW - 100, "nbf": NOW + 5 })), NOW + 5);
    // Not a fraction of a second too early.
    assert_eq!(starts_at(json!({ "iat": NOW - 100, "nbf": NOW as f64 + 4.5 })), NOW + 5);
    assert_eq!(starts_at(json!({ "iat": null, "nbf": null })), 0);
}

#[test]
fn only_a_bearer_token_by_its_grammar_is_asked_about() {
    // R-100, RFC 6750 §2.1
    let longest = "a".repeat(MAX_TOKEN_BYTES);
    for good in ["a", "2YotnFZFEjr1zCsicMWpAA", "a-._~+/9==", longest.as_str()] {
        assert!(may_be_opaque(good), "{good}");
    }
    let too_long = "a".repeat(MAX_TOKEN_BYTES + 1);
    for bad in ["", "=", "a=b", "a b", "a,b", "a\0", "é", "a&token=b", "a\r\n", too_long.as_str()] {
        assert!(!may_be_opaque(bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_answer_panics_and_none_without_true_is_active(body in ".{0,200}", status in 200_u16..600) {
        let answered = process(&response(status, Some("application/json"), &body));
        prop_assert!(answered.is_err() || body.contains("true"));
    }
}
