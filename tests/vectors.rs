//! Walks the fixtures of the repository, and published vectors where they are at hand: in the folder that
//! `POSTERN_VECTORS` names, else in `../shared/vectors`.
//!
//! Where Postern's verdict is not that of a published vector, a table below says so and why; a vector listed there
//! that agrees after all fails the test too.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops where it meets what it did not expect; the lints know #[test] functions only"
)]

use std::io::Write;
use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use postern::authn::dpop;
use postern::http::{HeaderMap, HeaderName};
use postern::jose::{Algorithm, JwtError, KeySet, Portable, PublicKey, UnverifiedJwt, VerifiedJwt};
use postern::oidc::id_token::{Expectations, IdToken};
use postern::ports::Signatures;
use postern::secret::Secret;
use postern::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The published vectors. When they are not there it says so where everybody sees it, unless the folder was named.
fn published(file: &str) -> Option<Value> {
    let named = std::env::var_os("POSTERN_VECTORS").map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| root().join("../shared/vectors"));
    if named.is_some() || folder.is_dir() {
        return Some(read_json(&folder.join(file)));
    }
    // Written past the capture of the test harness, which would hide it in a test that passes.
    let notice = format!("NOTICE: {file} not checked: set POSTERN_VECTORS to the folder of the vectors\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    None
}

fn verify(token: &str, keys: &KeySet) -> Result<VerifiedJwt, JwtError> {
    block_on(UnverifiedJwt::parse(token)?.verify(keys, &Algorithm::ALL, &Portable))
}

/// Whether the signature was found good. The payloads of published vectors are seldom claims, and claims are read
/// only after that.
fn signature_is_accepted(token: &str, keys: &KeySet) -> bool {
    matches!(verify(token, keys), Ok(_) | Err(JwtError::ClaimsJson(_)))
}

fn key_set(keys: &Value) -> KeySet {
    let set = if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) };
    KeySet::parse(set.to_string().as_bytes()).unwrap()
}

/// What came of a file of vectors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    fn count(&mut self, accepted: bool) {
        if accepted { self.accepted += 1 } else { self.refused += 1 }
    }
}

// ---- Fixtures ----

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    description: String,
    input: Input,
    #[serde(default)]
    now: i64,
    expect: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    token: String,
    jwks: Value,
    access_token: Option<String>,
}

fn fixtures<F: DeserializeOwned>(folder: &str) -> Vec<F> {
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join("fixtures").join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| serde_json::from_value(read_json(path)).unwrap()).collect()
}

#[test]
fn every_jws_fixture_ends_as_it_says() {
    for fixture in fixtures::<Fixture>("jws") {
        let verdict = verify(&fixture.input.token, &key_set(&fixture.input.jwks));
        assert_eq!(verdict.map_or_else(JwtError::code, |_| "ok"), fixture.expect, "{}", fixture.description);
    }
}

#[test]
fn every_id_token_fixture_ends_as_it_says() {
    for fixture in fixtures::<Fixture>("id_token") {
        let expected = Expectations {
            issuer: "https://op.example",
            client_id: "app",
            nonce: &Secret::new("nonce-of-this-login".to_owned()),
            access_token: fixture.input.access_token.as_deref(),
            max_age: None,
            acr_values: &[],
            now: Timestamp::from_unix(fixture.now),
        };
        let jwt = verify(&fixture.input.token, &key_set(&fixture.input.jwks)).unwrap();
        let verdict = IdToken::check(jwt, &expected).map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(verdict, fixture.expect, "{}", fixture.description);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofFixture {
    description: String,
    input: ProofInput,
    now: i64,
    expect: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofInput {
    proof: String,
    method: String,
    uri: String,
    access_token: String,
    jkt: String,
}

/// The verdict on a DPoP proof at its resource.
fn dpop(input: &ProofInput, now: i64) -> &'static str {
    let expected = dpop::Expectations {
        method: &input.method,
        uri: &dpop::TargetUri::parse(&input.uri).unwrap(),
        access_token: &input.access_token,
        jkt: &input.jkt,
        nonce: dpop::NonceRule::Unasked,
        now: Timestamp::from_unix(now),
    };
    let headers = HeaderMap::from_iter([(HeaderName::from_static("dpop"), input.proof.parse().unwrap())]);
    let verdict = block_on(dpop::DpopProof::check(&headers, &expected, &Portable));
    verdict.map_or_else(|error| error.code(), |_| "ok")
}

//
#[test]
fn every_dpop_fixture_ends_as_it_says() {
    let fixtures: Vec<ProofFixture> = fixtures("dpop");
    for fixture in fixtures {
        assert_eq!(dpop(&fixture.input, fixture.now), fixture.expect, "{}", fixture.description);
    }
}

// ---- Wycheproof: JSON Web Signature and JSON Web Key ----

const SYMMETRIC: &str = "HMAC is never for a provider with keys (R-089, R-090)";
const EMPTY_PAYLOAD: &str = "an empty payload is no claims (R-096)";
const OTHER_ALG: &str = "the `alg` of the key is not that of the header (R-010)";
const ES512: &str = "ES512 is not supported";

/// Vectors labelled valid that Postern refuses. (367 and 370 are byte for byte the valid 357 but labelled invalid, 372
/// and 373 have a `?` in them but are labelled valid: known defects of the file, without effect here, as all are HMAC.)
const JWS_REFUSED_THOUGH_VALID: &[(&[u64], &str)] = &[
    (&[1, 348, 352, 357, 358, 359, 372, 373, 376, 377], SYMMETRIC),
    (&[259, 264, 268, 272, 320, 325], EMPTY_PAYLOAD),
    (&[346, 350], OTHER_ALG),
    (&[347, 351], ES512),
];
const JWK_REFUSED_THOUGH_VALID: &[(&[u64], &str)] = &[(&[2, 13, 14, 15], SYMMETRIC)];

/// Vectors labelled invalid that Postern accepts.
const JWK_ACCEPTED_THOUGH_INVALID: &[(&[u64], &str)] =
    &[(&[7], "a key made by a weak generator (ROCA): the key is the provider's own choice, the signature is right")];

fn is_listed(table: &[(&[u64], &str)], id: u64) -> bool {
    table.iter().any(|(ids, _)| ids.contains(&id))
}

/// Runs every test of a file; `check` gives the verdict on one of them within its group.
fn run(
    vectors: &Value,
    refused_though_valid: &[(&[u64], &str)],
    accepted_though_invalid: &[(&[u64], &str)],
    check: impl Fn(&Value, &Value) -> bool,
) -> Tally {
    let mut tally = Tally::default();
    for group in vectors["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            // "acceptable" are signatures that only lenient verifiers take: they must be refused.
            let labelled_valid = test["result"] == "valid";
            let listed = is_listed(if labelled_valid { refused_though_valid } else { accepted_though_invalid }, id);
            let accepted = check(group, test);
            assert_eq!(accepted, labelled_valid != listed, "tcId {id}: {}", test["comment"]);
            tally.count(accepted);
        }
    }
    assert_eq!(tally.accepted + tally.refused, vectors["numberOfTests"].as_u64().unwrap() as usize);
    tally
}

/// A test of the JWS and JWK files: the public key of the group, or the only one it has.
fn check_jws(group: &Value, test: &Value) -> bool {
    let keys = group.get("public").unwrap_or(&group["private"]);
    // One vector is a JWS in JSON form.
    let token = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
    signature_is_accepted(&token, &key_set(keys))
}

//
#[test]
fn wycheproof_json_web_signature() {
    let Some(vectors) = published("wycheproof/json_web_signature_test.json") else { return };
    let tally = run(&vectors, JWS_REFUSED_THOUGH_VALID, &[], check_jws);
    assert_eq!(tally, Tally { accepted: 26, refused: 375 });
}

//
#[test]
fn wycheproof_json_web_key() {
    let Some(vectors) = published("wycheproof/json_web_key_test.json") else { return };
    let tally = run(&vectors, JWK_REFUSED_THOUGH_VALID, JWK_ACCEPTED_THOUGH_INVALID, check_jws);
    assert_eq!(tally, Tally { accepted: 2, refused: 24 });
}

// ---- Wycheproof: the primitives ----

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn text(bytes: &[u8]) -> Value {
    Base64UrlUnpadded::encode_string(bytes).into()
}

/// The key of a group, written as a JWK by us: not every group brings one.
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

fn check_primitive(algorithm: Algorithm) -> impl Fn(&Value, &Value) -> bool {
    move |group, test| {
        let key = PublicKey::from_jwk(&jwk(group)).unwrap();
        block_on(Portable.verify(&key, algorithm, &bytes(&test["msg"]), &bytes(&test["sig"])))
    }
}

fn primitive(file: &str, algorithm: Algorithm) {
    let Some(vectors) = published(&format!("wycheproof/{file}_test.json")) else { return };
    let tally = run(&vectors, &[], &[], check_primitive(algorithm));
    assert!(tally.accepted > 0 && tally.refused > 0, "{tally:?}");
}

//
#[test]
fn wycheproof_rsa_pkcs1() {
    primitive("rsa_signature_2048_sha256", Algorithm::Rs256);
    primitive("rsa_signature_3072_sha256", Algorithm::Rs256);
    primitive("rsa_signature_4096_sha256", Algorithm::Rs256);
    primitive("rsa_signature_2048_sha384", Algorithm::Rs384);
    primitive("rsa_signature_2048_sha512", Algorithm::Rs512);
}

//
#[test]
fn wycheproof_rsa_pss() {
    primitive("rsa_pss_2048_sha256_mgf1_32", Algorithm::Ps256);
    primitive("rsa_pss_2048_sha384_mgf1_48", Algorithm::Ps384);
    primitive("rsa_pss_4096_sha512_mgf1_64", Algorithm::Ps512);
}

//
#[test]
fn wycheproof_ecdsa_p256_raw() {
    primitive("ecdsa_secp256r1_sha256_p1363", Algorithm::Es256);
}

//
#[test]
fn wycheproof_ecdsa_p384_raw() {
    primitive("ecdsa_secp384r1_sha384_p1363", Algorithm::Es384);
}

#[test]
fn wycheproof_ed25519() {
    primitive("ed25519", Algorithm::EdDsa);
}

// ---- Examples of the RFCs ----

/// The key of a cookbook example without its private half: the examples sign, Postern verifies.
fn public_half(key: &Value) -> Value {
    let mut public = key.as_object().unwrap().clone();
    public.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    Value::Object(public)
}

// RFC 7520 §4, RFC 8037 §A
#[test]
fn cookbook_signatures() {
    const ACCEPTED: &[&str] = &["jws/4_1.rsa_v15_signature", "jws/4_2.rsa-pss_signature", "curve25519/jws"];
    const REFUSED: &[(&str, JwtError)] = &[
        ("jws/4_3.ecdsa_signature", JwtError::AlgorithmUnsupported), // ES512
        ("jws/4_4.hmac-sha2_integrity_protection", JwtError::AlgorithmUnsupported),
        ("jws/4_5.signature_with_detached_content", JwtError::Malformed),
    ];
    let token = |name: &str| {
        let example = published(&format!("rfc7520-cookbook/{name}.json"))?;
        let keys = key_set(&public_half(&example["input"]["key"]));
        Some((example["output"]["compact"].as_str().unwrap().to_owned(), keys))
    };
    for name in ACCEPTED {
        let Some((token, keys)) = token(name) else { return };
        assert!(signature_is_accepted(&token, &keys), "{name}");
    }
    for (name, expected) in REFUSED {
        let Some((token, keys)) = token(name) else { return };
        assert_eq!(verify(&token, &keys).unwrap_err(), *expected, "{name}");
    }
}

//
#[test]
fn cookbook_json_forms_are_refused() {
    for name in ["4_1.rsa_v15_signature", "4_6.protecting_specific_header_fields", "4_8.multiple_signatures"] {
        let Some(example) = published(&format!("rfc7520-cookbook/jws/{name}.json")) else { return };
        for form in ["json", "json_flat"] {
            if let Some(form) = example["output"].get(form) {
                assert!(UnverifiedJwt::parse(&form.to_string()).is_err(), "{name}");
            }
        }
    }
}

// RFC 7638 §3.1
#[test]
fn examples_printed_in_the_rfcs() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let example = &examples["rfc7638_sec3.1_thumbprint"];
    let key = PublicKey::from_jwk(example["jwk"].as_object().unwrap()).unwrap();
    assert_eq!(key.thumbprint(), example["thumbprint_sha256"]);
}

// RFC 9449 §4.1, §5 and §7.1
#[test]
fn proofs_printed_in_rfc_9449() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let examples = &examples["rfc9449_examples"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let input = |name: &str| ProofInput {
        proof: text(&examples[name]["proof"]),
        method: text(&examples[name]["htm"]),
        uri: text(&examples[name]["htu"]),
        access_token: text(&examples["resource_request"]["access_token"]),
        jkt: text(&examples["jkt"]),
    };
    let (resource, at) = (input("resource_request"), examples["resource_request"]["iat"].as_i64().unwrap());
    assert_eq!(dpop(&resource, at), "ok");
    assert_eq!(dpop(&resource, at + 61), "dpop.iat_too_old");
    assert_eq!(dpop(&ProofInput { method: "POST".to_owned(), ..input("resource_request") }, at), "dpop.htm_mismatch");
    let other = ProofInput { access_token: "another".to_owned(), ..input("resource_request") };
    assert_eq!(dpop(&other, at), "dpop.ath_mismatch");
    let other = ProofInput { jkt: "A".repeat(43), ..input("resource_request") };
    assert_eq!(dpop(&other, at), "dpop.key_mismatch");
    // Good at the token endpoint, where there is no token yet; not here.
    for name in ["token_request", "refresh_request"] {
        let at = examples[name]["iat"].as_i64().unwrap();
        assert_eq!(dpop(&input(name), at), "dpop.ath_malformed", "{name}");
    }
}

// no proof is a token, whatever keys are trusted.
#[test]
fn a_proof_printed_in_rfc_9449_is_no_token() {
    let Some(examples) = published("rfc-inline/rfc-examples.json") else { return };
    let proof = examples["rfc9449_examples"]["resource_request"]["proof"].as_str().unwrap();
    assert_eq!(verify(proof, &KeySet::default()).unwrap_err(), JwtError::KeyUnknown);
}
