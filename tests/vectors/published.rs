//! The published vectors: which files there are, and how to read what is in them. Natively they are held against their
//! labels (`tests/vectors.rs`), in wasm both backends are asked about each (`tests/wasm/vectors.rs`).

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::jose::{Algorithm, KeySet, PublicKey};
use serde_json::{Map, Value, json};

/// Files of signatures by one algorithm.
pub(crate) type Files = &'static [(&'static str, Algorithm)];

pub(crate) const RSA_PKCS1: Files = &[
    ("rsa_signature_2048_sha256", Algorithm::Rs256),
    ("rsa_signature_3072_sha256", Algorithm::Rs256),
    ("rsa_signature_4096_sha256", Algorithm::Rs256),
    ("rsa_signature_2048_sha384", Algorithm::Rs384),
    ("rsa_signature_2048_sha512", Algorithm::Rs512),
];
pub(crate) const RSA_PSS: Files = &[
    ("rsa_pss_2048_sha256_mgf1_32", Algorithm::Ps256),
    ("rsa_pss_2048_sha384_mgf1_48", Algorithm::Ps384),
    ("rsa_pss_4096_sha512_mgf1_64", Algorithm::Ps512),
];
pub(crate) const ECDSA_P256: Files = &[("ecdsa_secp256r1_sha256_p1363", Algorithm::Es256)];
pub(crate) const ECDSA_P384: Files = &[("ecdsa_secp384r1_sha384_p1363", Algorithm::Es384)];
pub(crate) const ED25519: Files = &[("ed25519", Algorithm::EdDsa)];

/// Examples of RFC 7520 §4 and RFC 8037 §A in compact form.
pub(crate) const COOKBOOK_COMPACT: [&str; 6] = [
    "jws/4_1.rsa_v15_signature",
    "jws/4_2.rsa-pss_signature",
    "jws/4_3.ecdsa_signature",
    "jws/4_4.hmac-sha2_integrity_protection",
    "jws/4_5.signature_with_detached_content",
    "curve25519/jws",
];

pub(crate) fn wycheproof(name: &str) -> String {
    format!("wycheproof/{name}_test.json")
}

pub(crate) fn cookbook(name: &str) -> String {
    format!("rfc7520-cookbook/{name}.json")
}

/// Every test of a file of Wycheproof's, beside its group.
pub(crate) fn tests(vectors: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = vectors["testGroups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
}

pub(crate) fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text(bytes: &[u8]) -> Value {
    Base64UrlUnpadded::encode_string(bytes).into()
}

/// The key of a group of signatures, written as a JWK by us: not every group brings one.
pub(crate) fn public_key(group: &Value) -> PublicKey {
    PublicKey::from_jwk(&jwk(group)).unwrap()
}

fn jwk(group: &Value) -> Map<String, Value> {
    let key = &group["publicKey"];
    let jwk = if key.get("modulus").is_some() {
        json!({"kty": "RSA", "n": text(&bytes(&key["modulus"])), "e": text(&bytes(&key["publicExponent"]))})
    } else if key["curve"] == "edwards25519" {
        json!({"kty": "OKP", "crv": "Ed25519", "x": text(&bytes(&key["pk"]))})
    } else {
        let point = bytes(&key["uncompressed"]);
        let (x, y) = point[1..].split_at(point.len() / 2);
        let curve = if x.len() == 48 { "P-384" } else { "P-256" };
        json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
    };
    jwk.as_object().unwrap().clone()
}

/// The keys of a group of tokens: the public ones, or the only ones it has.
pub(crate) fn keys_of(group: &Value) -> KeySet {
    key_set(group.get("public").unwrap_or(&group["private"]))
}

/// The token of a test. Some are in JSON form.
pub(crate) fn token_of(test: &Value) -> String {
    let token = test.get("jws").unwrap_or(&test["jwe"]);
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

/// A key set, or the set of that one key.
pub(crate) fn key_set(keys: &Value) -> KeySet {
    let set = if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) };
    KeySet::parse(set.to_string().as_bytes()).unwrap()
}

/// Token and key of an example of the cookbook; the key without its private half: the examples sign, Postern verifies.
pub(crate) fn cookbook_token(example: &Value) -> (String, KeySet) {
    let mut public = example["input"]["key"].as_object().unwrap().clone();
    public.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    (example["output"]["compact"].as_str().unwrap().to_owned(), key_set(&Value::Object(public)))
}
