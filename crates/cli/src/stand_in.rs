//! Values of the right shape for secrets that are set elsewhere. Used for reading only.

use postern::config::KEY_RING;
use postern::keyring::KeyRing;
use serde_json::{Map, Value, json};

use super::keys::OsRandom;

/// A value for the secret of this name, of a deployment with these variables.
pub(super) fn value(name: &str, vars: &Map<String, Value>) -> String {
    if name == KEY_RING {
        return KeyRing::new_entry(&OsRandom).expose().clone();
    }
    if name.ends_with("_JWKS") {
        // In whatever place it is read: an issuer's, or a trust domain's.
        let key = |usage: &str| {
            let mut key: Value = serde_json::from_str(&p256(1)).unwrap_or_default();
            if let Some(members) = key.as_object_mut() {
                members.remove("d");
                members.insert("kid".to_owned(), "set-elsewhere".into());
                members.insert("use".to_owned(), usage.into());
            }
            key
        };
        return json!({ "keys": [key("sig"), key("jwt-svid")] }).to_string();
    }
    if is_optional(name) {
        return String::new();
    }
    if name.ends_with("_METADATA") {
        return "<EntityDescriptor/>".to_owned();
    }
    if name.ends_with("_PRIVATE_KEY") {
        return match algorithm(name, vars) {
            None | Some("ES256") => p256(1),
            Some("EdDSA") => ed25519(),
            Some(_) => rsa("_"),
        };
    }
    if name.ends_with("_DECRYPTION_KEY") {
        // Another than the one that signs.
        let is_saml = entry(name, "_DECRYPTION_KEY", vars).is_some_and(|entry| entry.get("saml").is_some());
        return if is_saml { rsa("-") } else { p256(2) };
    }
    // As long as the key of a signature has to be.
    "set-elsewhere".repeat(3)
}

/// Whether there may well be none.
pub(super) fn is_optional(name: &str) -> bool {
    name.ends_with("_PRIVATE_KEY_NEXT") || name.ends_with("_DECRYPTION_KEY_NEXT")
}

/// What the provider, issuer or service that the secret is for is asked with, where the configuration says.
fn algorithm<'a>(name: &str, vars: &'a Map<String, Value>) -> Option<&'a str> {
    let entry = entry(name, "_PRIVATE_KEY", vars)?;
    // Of SAML it is RS256 unless the table says otherwise.
    let of_saml = entry.get("saml").map(|saml| saml.get("signing_alg").and_then(Value::as_str).unwrap_or("RS256"));
    of_saml.or_else(|| entry.get("client_assertion")?.get("alg")?.as_str())
}

/// Whose secret it is: the table of a provider, an issuer or a service.
fn entry<'a>(name: &str, what: &str, vars: &'a Map<String, Value>) -> Option<&'a Value> {
    let tables = vars.iter().filter_map(|(variable, table)| {
        let kind = ["PROVIDERS", "ISSUERS", "SERVICES"].into_iter().find(|kind| variable.ends_with(kind))?;
        // `SHOP_PROVIDERS` has `SHOP_PROVIDER_CORP_PRIVATE_KEY`.
        let prefix = variable.strip_suffix('S').filter(|_| variable.strip_suffix(kind).is_some())?;
        Some((prefix, table.as_object()?))
    });
    let mut entries = tables.flat_map(|(prefix, table)| table.iter().map(move |(id, entry)| (prefix, id, entry)));
    let own = |(prefix, id, _): &(&str, &String, &Value)| {
        name == format!("{prefix}_{}{what}", id.to_ascii_uppercase().replace('-', "_"))
    };
    entries.find(own).map(|(_, _, entry)| entry)
}

fn p256(number: u8) -> String {
    p256::SecretKey::from_slice(&[number; 32]).map(|key| key.to_jwk_string().to_string()).unwrap_or_default()
}

/// The shape of a key: its public half is the base point (RFC 8032 §5.1).
fn ed25519() -> String {
    let x = format!("WG{}Y", "Zm".repeat(20));
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "d": "A".repeat(43) }).to_string()
}

/// The shape of a key: a modulus of 2048 bits, nearly all of them set.
fn rsa(first: &str) -> String {
    let n = format!("{first}{}w", "_".repeat(340));
    json!({ "kty": "RSA", "n": n, "e": "AQAB", "d": "AQ", "p": "AQ", "q": "AQ", "dp": "AQ", "dq": "AQ", "qi": "AQ" })
        .to_string()
}
