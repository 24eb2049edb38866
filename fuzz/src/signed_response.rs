//! A signed authorization response, and the answer to a pushed request: whatever comes, nothing but what was verified is used.
//!
//! The input is what the provider signs in a response, or what a browser brings of one, or what an endpoint answers.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use postern::config::Issuer;
use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::jose::{Algorithm, KeySet, Portable, UnverifiedJwt};
use postern::oidc::callback::CallbackParams;
use postern::oidc::{jarm, pushed};
use postern::ports::OutboundResponse;
use postern::time::Timestamp;
use serde_json::{Value, json};

use crate::fixed::{self, CLIENT_ID, ISSUER};

const NOW: i64 = 1_700_000_000;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[7; 32]));
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let x = Base64UrlUnpadded::encode_string(KEY.verifying_key().as_bytes());
    KeySet::parse(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).to_string().as_bytes()).unwrap()
});

thread_local! {
    static OWN_ISSUER: LazyLock<Issuer> = const { LazyLock::new(|| fixed::config().providers[0].issuer.clone()) };
}

pub fn check(data: &[u8]) {
    signed(data);
    answered(data);
    if let Ok(text) = std::str::from_utf8(data) {
        brought(text);
    }
}

/// What the provider signed is taken for us, in time, and by its own name alone.
fn signed(payload: &[u8]) {
    let input = format!("{}.{}", encode(br#"{"alg":"EdDSA"}"#), encode(payload));
    let token = format!("{input}.{}", encode(&KEY.sign(input.as_bytes()).to_bytes()));
    let Ok(jwt) = UnverifiedJwt::parse(&token) else { return };
    let Ok(jwt) = block_on(jwt.verify(&KEYS, &[Algorithm::EdDsa], &Portable)) else { return };
    let claims = jwt.claims().clone();
    assert_eq!(jarm::claimed_state(&token).as_deref(), claims.get("state").and_then(Value::as_str));
    let opened = OWN_ISSUER.with(|issuer| jarm::open(jwt, issuer, CLIENT_ID, Timestamp::from_unix(NOW)));
    let Ok(params) = opened else { return };
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["aud"] == CLIENT_ID || claims["aud"].as_array().unwrap().iter().all(|one| one == CLIENT_ID));
    assert!(claims["exp"].as_f64().unwrap() >= (NOW - 60) as f64);
    assert_eq!(params.state().ok(), claims.get("state").and_then(Value::as_str).filter(|state| !state.is_empty()));
    let code = OWN_ISSUER.with(|issuer| params.accept(issuer, true));
    if let Ok(code) = code {
        assert_eq!(claims["code"], **code.expose());
        assert!(!claims.contains_key("error"));
    }
}

/// What a browser brings names a login at most: no code of it is accepted before it is verified.
fn brought(query: &str) {
    let params = CallbackParams::parse_signed(query);
    assert!(params.user().is_none());
    if params.says_anything() {
        assert!(params.response().is_some());
    }
    OWN_ISSUER.with(|issuer| assert!(params.accept(issuer, false).is_err(), "a code that nobody signed"));
}

/// An endpoint's answer is a reference that fits into an address, or nothing.
fn answered(body: &[u8]) {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let response = OutboundResponse { status: StatusCode::CREATED, headers, body: body.to_vec() };
    if let Ok(uri) = pushed::process(&response) {
        let document: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(document["request_uri"], **uri.expose());
        assert!(document["expires_in"].as_f64().unwrap() >= 1.0);
        assert!(uri.expose().len() <= 2048 && uri.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND] {
        let refused = OutboundResponse { status, headers: response.headers.clone(), body: body.to_vec() };
        assert!(pushed::process(&refused).is_err());
    }
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
