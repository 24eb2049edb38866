//! A DPoP proof counts only for this method, URI, token and key, now; and nobody without the key makes one at all.
//!
//! The input is a header value; or a header's members and a payload in two lines, signed with the sender's key.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use futures::executor::block_on;
use postern::authn::dpop::{DpopProof, NonceRule, ProofExpectations, TargetUri, nonce};
use postern::http::{HeaderMap, HeaderValue};
use postern::jose::{Portable, PublicKey};
use postern::keyring::KeyRing;
use postern::route::CanonicalPath;
use postern::time::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use crate::fixed::{config, lines};

const NOW: i64 = 1_700_000_000;
const TOKEN: &str = "token";
/// The SHA-256 of [`TOKEN`].
const ATH: &str = "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A";
const URI: &str = "https://app.example/orders/~7";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[9; 32]));
static JWK: LazyLock<Value> = LazyLock::new(|| {
    let x = Base64UrlUnpadded::encode_string(KEY.verifying_key().as_bytes());
    json!({"kty": "OKP", "crv": "Ed25519", "x": x})
});

pub fn check(data: &[u8]) {
    match lines(data).as_slice() {
        [members, payload, ..] => signed(members, payload),
        _ => assert!(!is_accepted(data, false) && !is_accepted(data, true), "a proof nobody made"),
    }
}

fn signed(members: &[u8], payload: &[u8]) {
    let Ok(mut header) = serde_json::from_slice::<Map<String, Value>>(members) else { return };
    header.insert("alg".to_owned(), "EdDSA".into());
    header.entry("jwk").or_insert_with(|| JWK.clone());
    let encode = Base64UrlUnpadded::encode_string;
    let input = format!("{}.{}", encode(Value::Object(header.clone()).to_string().as_bytes()), encode(payload));
    let proof = format!("{input}.{}", encode(&KEY.sign(input.as_bytes()).to_bytes()));
    let (without, with) = (is_accepted(proof.as_bytes(), false), is_accepted(proof.as_bytes(), true));
    assert!(without || !with, "a nonce makes nothing good");
    if without {
        is_for_this_request(&header, &serde_json::from_slice(payload).unwrap());
    }
    if let Ok(claims) = serde_json::from_slice::<Value>(payload) {
        claims["htu"].as_str().into_iter().for_each(spelling_is_settled);
        assert!(!with || nonce::is_current(&ring(), claims["nonce"].as_str().unwrap(), Timestamp::from_unix(NOW)));
    }
}

fn ring() -> KeyRing {
    KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap()
}

fn is_accepted(value: &[u8], with_nonce: bool) -> bool {
    let Ok(value) = HeaderValue::from_bytes(value) else { return false };
    let jkt = PublicKey::from_jwk(JWK.as_object().unwrap()).unwrap().thumbprint().to_owned();
    let ring = ring();
    let uri = TargetUri::of(&config().public_url, &CanonicalPath::parse("/orders/~7").unwrap());
    let expected = ProofExpectations {
        method: "GET",
        uri: &uri,
        access_token: TOKEN,
        jkt: &jkt,
        nonce: if with_nonce { NonceRule::Required(&ring) } else { NonceRule::Unasked },
        now: Timestamp::from_unix(NOW),
    };
    let mut headers = HeaderMap::new();
    headers.insert("dpop", value);
    block_on(DpopProof::check(&headers, &expected, &Portable)).is_ok()
}

fn is_for_this_request(header: &Map<String, Value>, claims: &Value) {
    assert!(header["typ"].as_str().unwrap().eq_ignore_ascii_case("dpop+jwt"));
    assert_eq!(header["jwk"]["x"], JWK["x"]);
    assert!(
        header["jwk"].get("d").is_none_or(|d| matches!(d.to_string().as_str(), "null" | "\"\"" | "[]"))
            && !header.contains_key("crit")
    );
    assert_eq!((&claims["htm"], &claims["ath"]), (&json!("GET"), &json!(ATH)));
    let jti = claims["jti"].as_str().unwrap();
    assert!(!jti.is_empty() && jti.len() <= 256);
    let iat = claims["iat"].as_f64().unwrap();
    assert!((NOW as f64 - 60.0..NOW as f64 + 11.0).contains(&iat), "{iat}");
    // By another reader of URLs, which does not take escapes of unreserved characters away.
    let mut url = Url::parse(claims["htu"].as_str().unwrap()).unwrap();
    url.set_query(None);
    url.set_fragment(None);
    assert!(unescaped(url.as_str()) == URI, "{url}");
}

fn unescaped(url: &str) -> String {
    let mut text = url.to_owned();
    for byte in (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').chain(*b"-._~") {
        for escape in [format!("%{byte:02X}"), format!("%{byte:02x}")] {
            text = text.replace(&escape, &char::from(byte).to_string());
        }
    }
    text
}

fn spelling_is_settled(text: &str) {
    if let Some(uri) = TargetUri::parse(text) {
        assert_eq!(TargetUri::parse(uri.as_str()).as_ref(), Some(&uri));
    }
}
