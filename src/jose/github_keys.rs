//! The keys with which GitHub signs its reports of leaked secrets, and the form of its signatures → a [`KeySet`], and bytes
//! that [`Signatures`](super::Signatures) take.
//!
//! The list is no JWK set: keys are `SubjectPublicKeyInfo` in PEM (RFC 5480, RFC 7468), of which P-256 has one spelling.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::jose::ecdsa_der::es256_from_der;
use crate::jose::jwk::{KeySet, KeySetError, MAX_KEYS, MAX_KID_BYTES, MAX_SET_BYTES, PublicKey};
use crate::json;

/// A key of this kind has some 180 characters.
const MAX_PEM_BYTES: usize = 512;
/// A signature has at most 72 octets, and so 96 characters.
const MAX_SIGNATURE_CHARS: usize = 128;
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// A public key on an elliptic curve, P-256, as a bit string that holds an uncompressed point.
const PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const COORDINATE_BYTES: usize = 32;

impl KeySet {
    /// Reads the list that GitHub publishes: `public_keys`, each with `key_identifier` and `key`. Whether a key
    /// `is_current` says which one signs now; the others still verify what they signed.
    ///
    /// # Errors
    /// When the document as a whole cannot be used. Single unusable entries are left out.
    pub fn of_github(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = json::parse_object(bytes, MAX_SET_BYTES).map_err(KeySetError::Json)?;
        let Some(Value::Array(entries)) = document.get("public_keys") else { return Err(KeySetError::NoKeys) };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        Ok(Self::of(entries.iter().filter_map(published_key).collect()))
    }
}

fn published_key(entry: &Value) -> Option<PublicKey> {
    let kid = entry.get("key_identifier")?.as_str()?;
    let is_name = !kid.is_empty() && kid.len() <= MAX_KID_BYTES;
    is_name.then(|| p256_in_pem(entry.get("key")?.as_str()?, kid)).flatten()
}

fn p256_in_pem(pem: &str, kid: &str) -> Option<PublicKey> {
    if pem.len() > MAX_PEM_BYTES {
        return None;
    }
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: String = body.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let der = Base64::decode_vec(&body).ok()?;
    let point = der.strip_prefix(&PREFIX)?;
    let (x, y) = point.split_at_checked(COORDINATE_BYTES).filter(|(_, y)| y.len() == COORDINATE_BYTES)?;
    let encode = base64ct::Base64UrlUnpadded::encode_string;
    let jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": encode(x), "y": encode(y) });
    jwk.as_object().and_then(PublicKey::from_jwk)
}

/// An ECDSA signature on P-256 in DER and base64 (RFC 3279 §2.2.3) → `r` and `s`, as JWS writes them. `None` where it is no
/// such signature, or written in another way than DER allows.
#[must_use]
pub fn es256_in_der(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_SIGNATURE_CHARS {
        return None;
    }
    let der = Base64::decode_vec(text).ok()?;
    es256_from_der(&der)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::jose::{Algorithm, Portable, Signatures};

    /// What GitHub's documentation shows, and the list with the keys that it names.
    const EXAMPLES: &str = include_str!("../../fixtures/github/signed_reports.json");
    const LIST: &str = include_str!("../../fixtures/github/public_keys.json");

    struct Example {
        kid: String,
        signature: String,
        body: String,
    }

    fn examples() -> Vec<Example> {
        let all: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        let read = |one: &Value| Example {
            kid: text(one, "key_identifier"),
            signature: text(one, "signature"),
            body: text(one, "body"),
        };
        all.iter().map(read).collect()
    }

    fn verifies(kid: &str, signature: &str, body: &str) -> bool {
        let keys = KeySet::of_github(LIST.as_bytes()).unwrap();
        let Ok(candidates) = keys.candidates(Algorithm::Es256, Some(kid)) else { return false };
        let Some(signature) = es256_in_der(signature) else { return false };
        candidates.iter().any(|key| block_on(Portable.verify(key, Algorithm::Es256, body.as_bytes(), &signature)))
    }

    #[test]
    fn the_examples_that_github_documents_verify_and_nothing_near_them_does() {
        // R-267
        let all = examples();
        assert_eq!(all.len(), 3);
        for Example { kid, signature, body } in &all {
            assert!(verifies(kid, signature, body), "{body}");
            assert!(!verifies(kid, signature, &format!("{body} ")), "a body with a space more");
            assert!(!verifies(kid, signature, &body.replacen("token", "tokem", 1)), "another body");
            let other = all.iter().find(|other| other.kid != *kid).unwrap();
            assert!(!verifies(&other.kid, signature, body), "another key");
            assert!(!verifies("", signature, body) && !verifies(kid.get(1..).unwrap(), signature, body), "no such key");
            assert!(!verifies(kid, &other.signature, body), "another signature");
        }
    }

    #[test]
    fn a_signature_has_one_spelling() {
        // The second number of the first example is short, so that DER writes 31 octets of it.
        let good = Base64::decode_vec(&examples()[0].signature).unwrap();
        let raw = es256_in_der(&Base64::encode_string(&good)).unwrap();
        assert_eq!((raw.len(), raw[32]), (64, 0));
        for at in 0..good.len() {
            assert!(es256_in_der(&Base64::encode_string(&good[..at])).is_none(), "cut at {at}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert!(es256_in_der(&Base64::encode_string(&longer)).is_none(), "something follows");
        // A length in two octets, which is BER.
        let mut odd = vec![0x30, 0x81, good[1]];
        odd.extend_from_slice(&good[2..]);
        assert!(es256_in_der(&Base64::encode_string(&odd)).is_none(), "a length in another form");
        for text in ["", "AA", "MEQCIQ==", " ", &"A".repeat(MAX_SIGNATURE_CHARS + 4)] {
            assert!(es256_in_der(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_list_is_read_as_far_as_it_holds_keys() {
        let entry = |kid: &str, key: &str| json!({ "key_identifier": kid, "key": key, "is_current": true });
        let list: Value = serde_json::from_str(LIST).unwrap();
        let good = list["public_keys"][0]["key"].as_str().unwrap();
        let count = |entries: Vec<Value>| {
            KeySet::of_github(json!({ "public_keys": entries }).to_string().as_bytes()).map(|set| set.keys().len())
        };
        assert_eq!(count(vec![entry("a", good), entry("b", &good.replace('\n', "\r\n"))]), Ok(2));
        let private = include_str!("../../fixtures/jwk/p256_private.p8");
        let no_point = good.replacen("QgAE", "QgAC", 1);
        let bad = [("", good), ("a", ""), ("a", "x"), ("a", private), ("a", &no_point), ("a", good.get(1..).unwrap())];
        assert_eq!(count(bad.map(|(kid, key)| entry(kid, key)).to_vec()), Ok(0));
        assert_eq!(count(vec![json!(1), json!({}), json!({ "key_identifier": 1, "key": good })]), Ok(0));
        assert_eq!(count(vec![entry("a", good); MAX_KEYS + 1]), Err(KeySetError::TooManyKeys));
        assert!(matches!(KeySet::of_github(br#"{ "keys": [] }"#), Err(KeySetError::NoKeys)));
        assert!(matches!(KeySet::of_github(b"[]"), Err(KeySetError::Json(_))));
    }
}
