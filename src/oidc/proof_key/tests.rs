use base64ct::{Base64UrlUnpadded, Encoding};

use super::*;
use crate::http::Method;
use crate::time::Seconds;

struct Counting;

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        (1_u8..).zip(bytes).for_each(|(value, byte)| *byte = value);
    }
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> OutboundResponse {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(*name, HeaderValue::try_from(*value).unwrap());
    }
    OutboundResponse { status: StatusCode::from_u16(status).unwrap(), headers: all, body: body.as_bytes().to_vec() }
}

#[test]
fn a_key_that_is_none_proves_nothing() {
    let of = ProvenRequest {
        method: "POST",
        url: "https://login.example.com/token",
        access_token: None,
        nonce: None,
        now: Timestamp::EPOCH,
    };
    let zero = Base64UrlUnpadded::encode_string(&[0; 32]);
    for text in ["", "AAAA", zero.as_str(), "not base64url!"] {
        let key = ProofKey(Secret::new(text.to_owned()));
        assert!(key.thumbprint().is_none() && key.prove(&of, &Counting).is_none(), "{text}");
    }
}

#[test]
fn a_key_survives_being_stored_and_never_prints() {
    let key = ProofKey::generate(&Counting).unwrap();
    let stored = serde_json::to_string(&key).unwrap();
    let read: ProofKey = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, key);
    assert!(!format!("{key:?}").contains(stored.trim_matches('"')));
}

#[test]
fn the_query_is_no_part_of_what_is_proven() {
    // RFC 9449 §4.2: `htu` without query and fragment.
    let key = ProofKey::generate(&Counting).unwrap();
    let mut request = crate::oidc::exchange::form_post("https://a.example/token?x=1#y".to_owned(), &[], 10);
    prove_request(&mut request, &key, (None, Some("n")), (Timestamp::EPOCH.plus(Seconds::new(7)), &Counting)).unwrap();
    let proof = request.headers["dpop"].to_str().unwrap();
    let claims = Base64UrlUnpadded::decode_vec(proof.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["htu"], &claims["htm"]), (&json!("https://a.example/token"), &json!("POST")));
    assert_eq!((&claims["nonce"], &claims["iat"], claims.get("ath")), (&json!("n"), &json!(7), None));
    assert_eq!(request.method, Method::POST);
}

#[test]
fn a_nonce_is_one_header_of_its_characters() {
    // RFC 9449 §8.1
    let nonce = |values: &[&str]| {
        let headers: Vec<_> = values.iter().map(|value| ("dpop-nonce", *value)).collect();
        nonce_of(&answer(200, &headers, "")).map(str::to_owned)
    };
    assert_eq!(nonce(&["eyJ7S_zG.eyJH0-Z.HX4w-7v"]).as_deref(), Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
    let long = "n".repeat(MAX_NONCE_BYTES + 1);
    for bad in [&[][..], &[""], &["a", "b"], &["a b"], &["a\"b"], &["a\\b"], &[long.as_str()]] {
        assert_eq!(nonce(bad), None, "{bad:?}");
    }
}

#[test]
fn only_a_refusal_for_the_nonce_that_says_which_is_tried_again() {
    // R-381
    let body = r#"{"error":"use_dpop_nonce"}"#;
    let header = ("dpop-nonce", "n");
    let challenge = ("www-authenticate", r#"DPoP error="use_dpop_nonce""#);
    assert!(wants_nonce(&answer(400, &[header], body)) && wants_nonce(&answer(401, &[header], body)));
    assert!(wants_nonce(&answer(401, &[header, challenge], "")));
    for (status, headers, body) in [
        (400, &[][..], body),
        (200, &[header], body),
        (403, &[header], body),
        (500, &[header], body),
        (400, &[header], r#"{"error":"invalid_dpop_proof"}"#),
        (400, &[header], "use_dpop_nonce"),
        (401, &[header, ("www-authenticate", r#"DPoP error="invalid_token""#)], ""),
        (401, &[challenge], ""),
    ] {
        assert!(!wants_nonce(&answer(status, headers, body)), "{status} {headers:?} {body}");
    }
}
