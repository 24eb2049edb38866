use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::config::testing::{ISSUER, provider};
use crate::jose::{Algorithm, KeySet, Portable, UnverifiedJwt, VerifiedJwt};
use crate::time::Timestamp;

struct Zero;

impl Random for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn object(parameters: &[(&str, &str)]) -> VerifiedJwt {
    let provider = provider(|table| table["client_auth"] = json!("private_key_jwt"));
    let ClientAuth::PrivateKeyJwt(how) = &provider.client_auth else { panic!() };
    let public = AssertionKey::from_jwk(&how.key, Algorithm::Es256).unwrap().public_jwk();
    let keys = KeySet::parse(json!({ "keys": [public] }).to_string().as_bytes()).unwrap();
    let parameters: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let maker = AssertionMaker { now: Timestamp::from_unix(1_800_000_000), random: &Zero, signing: &Portable };
    let token = block_on(signed(&provider, &parameters, maker)).unwrap();
    let jwt = UnverifiedJwt::parse(token.expose()).unwrap();
    block_on(jwt.verify(&keys, &[Algorithm::Es256], &Portable)).unwrap()
}

#[test]
fn a_request_object_is_signed_for_the_issuer_and_lives_a_minute() {
    // R-140, R-385
    let jwt = object(&[("client_id", "app"), ("response_type", "code"), ("max_age", "300"), ("state", "60")]);
    assert_eq!(jwt.header().typ(), Some("oauth-authz-req+jwt"));
    let expected = json!({
        "client_id": "app", "response_type": "code", "max_age": 300, "state": "60",
        "iss": "app", "aud": ISSUER, "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_060,
        "jti": Base64UrlUnpadded::encode_string(&[0; 16]),
    });
    assert_eq!(json!(jwt.claims()), expected);
}

#[test]
fn no_parameter_takes_the_place_of_what_makes_it_a_request_object() {
    // R-140
    let jwt = object(&[
        ("sub", "app"),
        ("request", "nested"),
        ("request_uri", "urn:x"),
        ("iss", "other"),
        ("aud", "other"),
        ("exp", "9"),
        ("nbf", "9"),
        ("jti", "9"),
        ("claims", r#"{"id_token":{"acr":null}}"#),
    ]);
    let claims = jwt.claims();
    for name in ["sub", "request", "request_uri"] {
        assert_eq!(claims.get(name), None, "{name}");
    }
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["exp"]),
        (&json!("app"), &json!(ISSUER), &json!(1_800_000_060))
    );
    assert_eq!(claims["claims"], json!({ "id_token": { "acr": null } }));
}

#[test]
fn without_a_key_of_ours_nothing_is_signed() {
    let maker = AssertionMaker { now: Timestamp::from_unix(0), random: &Zero, signing: &Portable };
    assert_eq!(block_on(signed(&provider(|_| ()), &[], maker)).unwrap_err(), PushedError::NoKey);
}
