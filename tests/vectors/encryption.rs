//! Published vectors of JWE: what is ours opens, as what it should; all else is refused.

use futures::executor::block_on;
use postern::jose::{DecryptionKey, EncryptedJwt, JweError, Portable};
use postern::secret::Secret;
use serde_json::Value;

use crate::published::{bytes, cookbook, tests, wycheproof};

/// The content, by the key of a vector. Names of keys and of what they are for are the vector's own.
fn opened(jwk: &Value, text: &str) -> Option<Vec<u8>> {
    let mut jwk = jwk.clone();
    for name in ["alg", "kid", "use"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    let key = DecryptionKey::from_text(&Secret::new(jwk.to_string())).ok()?;
    let parsed = EncryptedJwt::parse(text).ok()?;
    Some(block_on(parsed.decrypt(&[key], &Portable)).ok()?.expose().clone())
}

//
#[test]
fn wycheproof_json_web_encryption() {
    let Some(vectors) = super::published(&wycheproof("json_web_encryption")) else { return };
    let mut opened_ids = Vec::new();
    for (group, test) in tests(&vectors) {
        if let Some(content) = opened(&group["private"], test["jwe"].as_str().unwrap()) {
            assert_eq!((test["result"].as_str(), &content), (Some("valid"), &bytes(&test["pt"])), "{}", test["tcId"]);
            opened_ids.push(test["tcId"].as_u64().unwrap());
        }
    }
    // Of RSA-OAEP-256, ECDH-ES and ECDH-ES+A256KW with AES GCM these are all; the others are of algorithms that are refused.
    assert_eq!(opened_ids, [62, 66, 76, 78, 88, 90, 121]);
}

//
#[test]
fn what_rfc_7520_encrypts_is_refused_for_its_algorithms_and_its_compression() {
    for (name, fault) in [
        ("5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2", JweError::AlgRefused),
        ("5_2.key_encryption_using_rsa-oaep_with_aes-gcm", JweError::AlgRefused),
        ("5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2", JweError::AlgRefused),
        ("5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm", JweError::AlgRefused),
        ("5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2", JweError::EncRefused),
        ("5_6.direct_encryption_using_aes-gcm", JweError::AlgRefused),
        ("5_8.key_wrap_using_aes-keywrap_with_aes-gcm", JweError::AlgRefused),
        ("5_9.compressed_content", JweError::Compressed),
    ] {
        let Some(vector) = super::published(&cookbook(&format!("jwe/{name}"))) else { return };
        let text = vector["output"]["compact"].as_str().unwrap();
        assert_eq!(EncryptedJwt::parse(text).unwrap_err(), fault, "{name}");
    }
}
