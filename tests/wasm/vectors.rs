//! Both backends give the same verdict on every published vector, on our fixtures, on each of their tokens with a bit
//! flipped anywhere, and on the tokens of the differential test. `tests/vectors.rs` holds the portable backend against the
//! labels; so both have them right. The counts are its counts too.

use std::collections::HashSet;

use postern::jose::{Algorithm, KeySet, UnverifiedJwt, UnverifiedKeyProof};
use postern::ports::Signatures;
use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::both::{Both, Seen};
use crate::node;
use crate::published::{self, cookbook, cookbook_token, key_set, keys_of, token_of, wycheproof};
use crate::signatures::flipped;

/// How many places of each message and signature are bent; all of those that are shorter.
const PLACES: usize = 64;

// ---- Wycheproof: the primitives ----

async fn primitives(files: published::Files) {
    for (name, algorithm) in files {
        let Some(vectors) = node::published(&wycheproof(name)) else { return };
        let both = Both::default();
        for (group, test) in published::tests(&vectors) {
            let [message, signature] = ["msg", "sig"].map(|name| published::bytes(&test[name]));
            let accepted = both.verify(&published::public_key(group), *algorithm, &message, &signature).await;
            assert_eq!(accepted, test["result"] == "valid", "{name}, tcId {}: {}", test["tcId"], test["comment"]);
        }
        let Seen { good, bad } = both.into_seen();
        assert_eq!(good.len() + bad, vectors["numberOfTests"].as_u64().unwrap() as usize, "{name}");
    }
}

//
#[wasm_bindgen_test]
async fn wycheproof_rsa_pkcs1_has_one_verdict() {
    primitives(published::RSA_PKCS1).await;
}

//
#[wasm_bindgen_test]
async fn wycheproof_rsa_pss_has_one_verdict() {
    primitives(published::RSA_PSS).await;
}

//
#[wasm_bindgen_test]
async fn wycheproof_ecdsa_p256_has_one_verdict() {
    primitives(published::ECDSA_P256).await;
}

//
#[wasm_bindgen_test]
async fn wycheproof_ecdsa_p384_has_one_verdict() {
    primitives(published::ECDSA_P384).await;
}

#[wasm_bindgen_test]
async fn wycheproof_ed25519_has_one_verdict() {
    primitives(published::ED25519).await;
}

// ---- Tokens ----

/// `ok` or the code of the refusal, as both backends have it.
async fn code(token: &str, keys: &KeySet, algorithms: &[Algorithm], both: &Both) -> &'static str {
    match UnverifiedJwt::parse(token) {
        Ok(jwt) => jwt.verify(keys, algorithms, both).await.map_or_else(|error| error.code(), |_| "ok"),
        Err(error) => error.code(),
    }
}

/// Runs a file of tokens. Gives how many signatures were good.
async fn tokens(name: &str) -> Option<usize> {
    let vectors = node::published(&wycheproof(name))?;
    let both = Both::default();
    for (group, test) in published::tests(&vectors) {
        code(&token_of(test), &keys_of(group), &Algorithm::ALL, &both).await;
    }
    let seen = both.into_seen();
    let good = seen.good.len();
    bend(seen).await;
    Some(good)
}

//
#[wasm_bindgen_test]
async fn wycheproof_json_web_signature_has_one_verdict() {
    assert!(matches!(tokens("json_web_signature").await, None | Some(26)));
}

#[wasm_bindgen_test]
async fn wycheproof_json_web_key_has_one_verdict() {
    assert!(matches!(tokens("json_web_key").await, None | Some(2)));
}

#[wasm_bindgen_test]
async fn wycheproof_json_web_crypto_has_one_verdict() {
    assert!(matches!(tokens("json_web_crypto").await, None | Some(3)));
}

// RFC 7520 §4, RFC 8037 §A
#[wasm_bindgen_test]
async fn the_cookbook_has_one_verdict() {
    let both = Both::default();
    for name in published::COOKBOOK_COMPACT {
        let Some(example) = node::published(&cookbook(name)) else { return };
        let (token, keys) = cookbook_token(&example);
        code(&token, &keys, &Algorithm::ALL, &both).await;
    }
    let seen = both.into_seen();
    assert_eq!(seen.good.len(), 4);
    bend(seen).await;
}

async fn proof(text: &str, both: &Both) -> bool {
    let Ok(proof) = UnverifiedKeyProof::parse(text) else { return false };
    proof.verify(&Algorithm::ALL, both).await.is_ok()
}

// R-125, RFC 9449 §4.1, §5 and §7.1
#[wasm_bindgen_test]
async fn proofs_printed_in_rfc_9449_have_one_verdict() {
    let Some(examples) = node::published("rfc-inline/rfc-examples.json") else { return };
    let both = Both::default();
    for name in ["token_request", "refresh_request", "resource_request"] {
        let text = examples["rfc9449_examples"][name]["proof"].as_str().unwrap();
        assert!(proof(text, &both).await, "{name}");
    }
    bend(both.into_seen()).await;
}

#[wasm_bindgen_test]
async fn our_fixtures_have_one_verdict() {
    let both = Both::default();
    for fixture in node::fixtures("jws") {
        let input = &fixture["input"];
        let verdict = code(input["token"].as_str().unwrap(), &key_set(&input["jwks"]), &Algorithm::ALL, &both).await;
        assert_eq!(fixture["expect"], verdict, "{}", fixture["description"]);
    }
    for fixture in node::fixtures("dpop") {
        proof(fixture["input"]["proof"].as_str().unwrap(), &both).await;
    }
    let seen = both.into_seen();
    assert!(seen.good.len() > 15, "{}", seen.good.len());
    bend(seen).await;
}

// ---- Mutations ----

fn places(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by((length / PLACES).max(1)).chain(length.checked_sub(1))
}

/// Flips bits of good signatures and of what they sign: header, payload, signature. None is good any more.
async fn bend(seen: Seen) {
    let mut known = HashSet::new();
    for one in seen.good.iter().filter(|one| known.insert((&one.message, &one.signature))) {
        let both = Both::default();
        for place in places(one.signature.len()) {
            both.verify(&one.key, one.algorithm, &one.message, &flipped(&one.signature, place)).await;
        }
        for place in places(one.message.len()) {
            both.verify(&one.key, one.algorithm, &flipped(&one.message, place), &one.signature).await;
        }
        let Seen { good, bad } = both.into_seen();
        assert_eq!(good.len(), 0, "{:?}", one.algorithm);
        assert!(bad > PLACES, "{bad} mutations");
    }
}

/// A case of `tests/differential`.
#[derive(Deserialize)]
struct Case {
    name: String,
    keys: Value,
    algorithms: Vec<String>,
    token: String,
}

#[wasm_bindgen_test]
async fn the_tokens_of_the_differential_test_have_one_verdict() {
    let both = Both::default();
    let mut accepted = 0;
    for line in node::output("tests/differential/print_cases.mjs").lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let keys = KeySet::parse(case.keys.to_string().as_bytes()).unwrap_or_default();
        let algorithms: Vec<_> = case.algorithms.iter().filter_map(|name| Algorithm::from_name(name)).collect();
        let verdict = code(&case.token, &keys, &algorithms, &both).await;
        if case.name.ends_with("untouched") && algorithms.len() == Algorithm::ALL.len() + 1 {
            assert_eq!(verdict, "ok", "{}", case.name);
        }
        accepted += usize::from(verdict == "ok");
    }
    let Seen { good, bad } = both.into_seen();
    assert!(accepted > 100 && good.len() >= accepted && bad > 100, "{accepted}, {} good and {bad} bad", good.len());
}
