//! What the targets hold still: a configuration, keys, the tokens that were really signed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::config::{Build, Config};
use postern::jose::KeySet;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://op.example";
pub const CLIENT_ID: &str = "app";

/// A deployment with the issuer of the fixtures.
pub fn config() -> Config {
    config_of(&json!({
        "PUBLIC_URL": "https://app.example",
        "PROVIDERS": { "op": { "issuer": ISSUER, "client_id": CLIENT_ID } },
        "ISSUERS": { "op": { "issuer": ISSUER, "audience": "urn:api", "algs": ["EdDSA"] } },
        "ROUTES": { "/{*rest}": { "upstream": "service:API" } },
    }))
}

/// A deployment with these variables.
pub fn config_of(vars: &Value) -> Config {
    config_for(Build::PLAIN, vars)
}

/// The same, for this build.
pub fn config_for(build: Build, vars: &Value) -> Config {
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]))),
        _ => Some("secret".to_owned()),
    };
    Config::parse_for(build, vars.as_object().unwrap(), &secret).unwrap()
}

/// The public keys of the fixtures, and all that was ever signed with them.
pub struct Signed {
    pub keys: KeySet,
    pub inputs: BTreeSet<String>,
}

macro_rules! fixtures {
    ($($name:literal)*) => { [$(include_str!(concat!("../../fixtures/", $name, ".json"))),*] };
}

const SIGNED_FIXTURES: [&str; 23] = fixtures![
    "jws/rs256" "jws/rs384" "jws/rs512" "jws/ps256" "jws/ps384" "jws/ps512" "jws/es256" "jws/eddsa" "jws/ed25519"
    "jws/kid_absent_one_key" "jws/kid_shared_with_a_decoy" "jws/ps256_signature_reduced" "jws/rs256_signature_reduced"
    "id_token/valid" "id_token/valid_floats" "id_token/at_hash_eddsa" "id_token/at_hash_wrong_hash"
    "id_token/aud_missing" "id_token/aud_two" "id_token/access_token" "id_token/nonce_of_another_tab"
    "id_token/logout_token" "id_token/logout_token_typed_jwt"
];

pub static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let fixtures = SIGNED_FIXTURES.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let keys = fixtures.iter().flat_map(|one| one["input"]["jwks"]["keys"].as_array().unwrap());
    // One key stands in several of them.
    let keys: BTreeSet<String> = keys.map(Value::to_string).collect();
    let keys: Vec<Value> = keys.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let input = |one: &Value| one["input"]["token"].as_str().unwrap().rsplit_once('.').unwrap().0.to_owned();
    Signed {
        keys: KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap(),
        inputs: fixtures.iter().map(input).collect(),
    }
});

/// The input, cut at its first line feed: two texts or more in one.
pub fn lines(data: &[u8]) -> Vec<&[u8]> {
    data.splitn(3, |byte| *byte == b'\n').collect()
}
