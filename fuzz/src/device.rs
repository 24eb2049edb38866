//! A proof of a device's key counts only for what we asked to be signed, and nobody without the key makes one at all; what
//! else a browser says of its device upsets nobody.
//!
//! The input is a header value; or a header's members and a payload in two lines, signed with the device's key. In the
//! payload, `CHALLENGE` stands for what we asked to be signed.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use postern::http::{HeaderMap, HeaderValue};
use postern::jose::Portable;
use postern::keyring::KeyRing;
use postern::session::device::proof::{self, ProofTerms};
use postern::session::device::{BoundCookie, DeviceBinding, DeviceChallenge, Skipped};
use postern::session::{SessionDigest, SessionId, SubjectKey};
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::fixed::lines;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const ORIGIN: &str = "https://app.example";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_slice(&[9; 32]).unwrap());
static JWK: LazyLock<Value> = LazyLock::new(|| {
    let point = KEY.verifying_key().to_encoded_point(false);
    let encode = |part: Option<&_>| part.map(|part: &p256::FieldBytes| Base64UrlUnpadded::encode_string(part));
    json!({ "kty": "EC", "crv": "P-256", "x": encode(point.x()), "y": encode(point.y()) })
});

pub fn check(data: &[u8]) {
    let ring = ring();
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(BoundCookie::read(text, &ring), None, "a cookie nobody made");
        assert!(DeviceChallenge::registration(text, &ring, NOW).is_err(), "a challenge nobody made");
        let _some_or_none = Skipped::read(text, "postern:app.example");
    }
    match lines(data).as_slice() {
        [members, payload, ..] => signed(members, payload),
        _ => assert!(!is_registered(data) && !is_refreshed(data), "a proof nobody made"),
    }
}

fn signed(members: &[u8], payload: &[u8]) {
    let Ok(mut header) = serde_json::from_slice::<Map<String, Value>>(members) else { return };
    let Ok(payload) = std::str::from_utf8(payload) else { return };
    header.insert("alg".to_owned(), "ES256".into());
    let challenge = if header.contains_key("jwk") {
        header.insert("jwk".to_owned(), JWK.clone());
        DeviceChallenge::Register(&SubjectKey::of("https://op.example", "alice"), &digest()).issue(&ring(), NOW)
    } else {
        DeviceChallenge::Refresh(&binding()).issue(&ring(), NOW)
    };
    let payload = payload.replace("CHALLENGE", &challenge);
    let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let input = format!("{}.{}", encode(&Value::Object(header.clone()).to_string()), encode(&payload));
    let signature: Signature = KEY.sign(input.as_bytes());
    let proof = format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()));
    let (registered, refreshed) = (is_registered(proof.as_bytes()), is_refreshed(proof.as_bytes()));
    assert!(!(registered && refreshed), "one proof for both");
    if registered || refreshed {
        assert!(header["typ"].as_str().unwrap().eq_ignore_ascii_case("dbsc+jwt"));
        assert_eq!(header.contains_key("jwk"), registered);
        let claims: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(claims["jti"], challenge);
        assert!(claims.get("aud").is_none_or(|audience| audience == ORIGIN));
        assert!(!registered || claims["authorization"] == proof::authorization(&digest()));
    }
}

fn ring() -> KeyRing {
    KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap()
}

fn digest() -> SessionDigest {
    SessionId::of_bytes([1; 16]).digest()
}

fn binding() -> DeviceBinding {
    DeviceBinding {
        id: digest().as_str().to_owned(),
        jwk: JWK.to_string(),
        registered_at: NOW,
        proved_at: NOW,
        generation: 3,
        place: None,
        grace_at: None,
    }
}

fn is_registered(value: &[u8]) -> bool {
    with_header(value, |text, terms| block_on(proof::register(text, terms, &Portable)).is_ok())
}

fn is_refreshed(value: &[u8]) -> bool {
    with_header(value, |text, terms| block_on(proof::refresh(text, &binding(), terms, &Portable)).is_ok())
}

fn with_header(value: &[u8], check: impl Fn(&str, ProofTerms<'_>) -> bool) -> bool {
    let Ok(value) = HeaderValue::from_bytes(value) else { return false };
    let mut headers = HeaderMap::new();
    headers.insert(proof::HEADER, value);
    let ring = ring();
    proof::presented(&headers).is_ok_and(|text| check(text, ProofTerms { keys: &ring, origin: ORIGIN, now: NOW }))
}
