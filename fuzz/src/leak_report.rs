//! Reports of leaked secrets, by GitHub and by anybody: what is read stands there, within the limits; the list of GitHub's keys
//! holds no key that a JWK set would not; and a signature is written in one way.

use base64ct::{Base64, Encoding};
use postern::jose::github_keys::es256_in_der;
use postern::jose::{Algorithm, KeySet};
use postern::leak_report::{MAX_GITHUB_BYTES, MAX_ITEMS, MAX_SINGLE_BYTES, feedback, read_github, read_single};
use serde_json::Value;

const MEDIA_TYPES: [&str; 3] = ["text/plain", "application/json", "application/x-www-form-urlencoded"];

pub fn check(data: &[u8]) {
    report(data);
    if let Ok(keys) = KeySet::of_github(data) {
        assert!(
            keys.keys().iter().all(|key| key.suits(Algorithm::Es256) && key.kid().is_some_and(|kid| !kid.is_empty()))
        );
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for media_type in MEDIA_TYPES {
        if let Some(found) = read_single(media_type, text) {
            let found = found.expose();
            assert!(!found.is_empty() && found.trim() == found && found.len() <= MAX_SINGLE_BYTES);
        }
    }
    if let Some(raw) = es256_in_der(text) {
        assert!(raw.len() == 64 && text.len() <= 128);
    }
    // The same as bytes, so that the mutations are of the DER.
    if let Some(raw) = es256_in_der(&Base64::encode_string(data)) {
        let again = p256::ecdsa::Signature::from_slice(&raw).expect("r and s in range").to_der();
        assert_eq!(again.as_bytes(), data, "two spellings of one signature");
    }
}

fn report(data: &[u8]) {
    let Ok(found) = read_github(data) else { return };
    assert!(data.len() <= MAX_GITHUB_BYTES && found.len() <= MAX_ITEMS);
    let items: Vec<Value> = serde_json::from_slice(data).expect("what is no JSON was read");
    assert_eq!(items.len(), found.len());
    for (item, found) in items.iter().zip(&found) {
        assert_eq!(
            (item["token"].as_str(), item["type"].as_str()),
            (Some(found.text.expose().as_str()), Some(found.kind.as_str()))
        );
        let told = feedback(found, true);
        assert_eq!(
            (told["token_type"].as_str(), told["label"].as_str()),
            (Some(found.kind.as_str()), Some("true_positive"))
        );
        assert_eq!(told["token_hash"].as_str().map(str::len), Some(64));
    }
}
