//! Values of the right shape for secrets that are set elsewhere. Used for reading only.

use postern::config::{HEALTH, KEY_RING, VERIFY};
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
            let mut key: Value = serde_json::from_str(&p256()).unwrap_or_default();
            if let Some(members) = key.as_object_mut() {
                members.remove("d");
                members.insert("kid".to_owned(), "set-elsewhere".into());
                members.insert("use".to_owned(), usage.into());
            }
            key
        };
        return json!({ "keys": [key("sig"), key("jwt-svid")] }).to_string();
    }
    if name.ends_with("_PRIVATE_KEY") {
        return if is_rsa(name, vars) { rsa() } else { p256() };
    }
    if [VERIFY, HEALTH].iter().any(|shared| name.ends_with(shared)) {
        "set-elsewhere".repeat(3)
    } else {
        "set-elsewhere".to_owned()
    }
}

/// Whether the provider or issuer that the secret is for is asked with an RSA key.
fn is_rsa(name: &str, vars: &Map<String, Value>) -> bool {
    let tables = vars.iter().filter_map(|(variable, table)| {
        let kind = ["PROVIDERS", "ISSUERS"].into_iter().find(|kind| variable.ends_with(kind))?;
        // `SHOP_PROVIDERS` has `SHOP_PROVIDER_CORP_PRIVATE_KEY`.
        let prefix = variable.strip_suffix('S').filter(|_| variable.strip_suffix(kind).is_some())?;
        Some((prefix, table.as_object()?))
    });
    tables.into_iter().any(|(prefix, table)| {
        table.iter().any(|(id, entry)| {
            let own = format!("{prefix}_{}_PRIVATE_KEY", id.to_ascii_uppercase().replace('-', "_"));
            let algorithm = entry.get("client_assertion").and_then(|how| how.get("alg")).and_then(Value::as_str);
            own == name && algorithm.is_some_and(|algorithm| algorithm != "ES256")
        })
    })
}

fn p256() -> String {
    p256::SecretKey::from_slice(&[1; 32]).map(|key| key.to_jwk_string().to_string()).unwrap_or_default()
}

/// The shape of a key: a modulus of 2048 bits, all of them set.
fn rsa() -> String {
    let n = format!("{}w", "_".repeat(341));
    json!({ "kty": "RSA", "n": n, "e": "AQAB", "d": "AQ", "p": "AQ", "q": "AQ", "dp": "AQ", "dq": "AQ", "qi": "AQ" })
        .to_string()
}
