//! An encrypted token opens only as what was encrypted for our key, under a header of which everything is understood.
//!
//! The input is a compact JWE; or a header's members and a content in two lines, encrypted for our key.

use std::sync::LazyLock;

use futures::executor::block_on;
use postern::jose::{DecryptionKey, EncryptedJwt, Portable, is_encrypted};
use postern::json::said;
use postern::secret::Secret;
use serde_json::{Map, Value, json};

use crate::fixed::lines;

#[path = "../../tests/support/encrypt.rs"]
mod encrypt;

const ALGS: [&str; 2] = ["ECDH-ES", "ECDH-ES+A256KW"];

static KEY: LazyLock<DecryptionKey> = LazyLock::new(|| {
    let jwk = p256::SecretKey::from_slice(&[7; 32]).unwrap().to_jwk_string();
    DecryptionKey::from_text(&Secret::new(jwk.to_string())).unwrap()
});

pub fn check(data: &[u8]) {
    match lines(data).as_slice() {
        [members, content, ..] => made(members, content),
        _ => {
            let Ok(text) = std::str::from_utf8(data) else { return };
            assert!(opened(text).is_none(), "a token that nobody encrypted for us");
        }
    }
}

fn opened(text: &str) -> Option<String> {
    let parsed = EncryptedJwt::parse(text).ok()?;
    assert!(is_encrypted(text));
    Some(block_on(parsed.open(&[KEY.clone()], &Portable)).ok()?.expose().clone())
}

fn made(members: &[u8], content: &[u8]) {
    let Ok(header) = serde_json::from_slice::<Map<String, Value>>(members) else { return };
    let Ok(content) = std::str::from_utf8(content) else { return };
    for alg in ALGS {
        let text = encrypt::encrypted(&KEY.public_jwk(), (alg, "A128GCM"), content, &Value::Object(header.clone()));
        let plain = encrypt::encrypted(&KEY.public_jwk(), (alg, "A128GCM"), content, &json!({}));
        assert!(is_encrypted(content) || opened(&plain).as_deref() == Some(content));
        let Some(found) = opened(&text) else { continue };
        assert_eq!(found, content, "what was encrypted, and nothing else");
        assert!(!header.contains_key("zip") && !header.contains_key("crit"));
        let cty = said(&header, "cty").and_then(Value::as_str).unwrap_or("JWT");
        assert!(cty.to_ascii_lowercase().ends_with("jwt"));
        assert!(said(&header, "kid").is_none_or(|kid| kid == KEY.kid()));
        assert!(!is_encrypted(&found));
    }
}
