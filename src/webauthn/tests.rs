//! The test vectors of the specification (§16), out of its own source.

use std::collections::BTreeMap;

use futures::executor::block_on;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::attestation::AttestationObject;
use super::cose::CredentialKey;
use super::response::signature_verifies;
use super::testing::encode;
use super::*;
use crate::jose::Portable;

/// By name: what comes of the registration, and of the proof. Users are always verified here, and the vectors set that flag by
/// chance.
const VERDICTS: [(&str, &str, &str); 15] = [
    ("none-es256", "passkey.user_unverified", "passkey.user_unverified"),
    ("packed-self-es256", "ok", "passkey.user_unverified"),
    ("none-es256-crossOrigin", "passkey.cross_origin", "passkey.cross_origin"),
    ("none-es256-topOrigin", "passkey.cross_origin", "passkey.cross_origin"),
    ("none-es256-long-credential-id", "passkey.user_unverified", "ok"),
    ("packed-es256", "passkey.attestation", "ok"),
    ("packed-es384", "passkey.user_unverified", "passkey.algorithm"),
    ("packed-es512", "passkey.algorithm", "passkey.algorithm"),
    ("packed-rs256", "passkey.attestation", "passkey.user_unverified"),
    ("packed-eddsa", "passkey.user_unverified", "passkey.user_unverified"),
    ("packed-ed448", "passkey.user_unverified", "passkey.algorithm"),
    ("tpm-es256", "passkey.attestation", "ok"),
    ("android-key-es256", "passkey.attestation", "passkey.user_unverified"),
    ("apple-es256", "passkey.user_unverified", "passkey.user_unverified"),
    ("fido-u2f-es256", "passkey.user_unverified", "passkey.user_unverified"),
];

/// The values of one example by their names.
type Values = BTreeMap<String, Vec<u8>>;

/// A registration and a proof by the same credential.
struct Pair {
    name: String,
    registration: Values,
    proof: Values,
}

fn pairs() -> Vec<Pair> {
    let section = include_str!("../../fixtures/webauthn/test_vectors.bs").split_once("{#sctn-test-vectors}").unwrap().1;
    section.split("\n## ").filter_map(pair).collect()
}

fn pair(section: &str) -> Option<Pair> {
    let name = section.split_once("{#sctn-test-vectors-")?.1.split_once('}')?.0.to_owned();
    let mut examples = section.split("<xmp").skip(1).map(|example| values(example.split("</xmp>").next().unwrap()));
    let (registration, proof) = (examples.next()?, examples.next()?);
    Some(Pair { name, registration, proof })
}

fn values(example: &str) -> Values {
    let value = |line: &str| {
        let (name, rest) = line.split_once(" = h'")?;
        let hex = rest.split('\'').next()?;
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
        Some((name.to_owned(), bytes.collect::<Option<_>>()?))
    };
    example.lines().filter_map(value).collect()
}

fn expected(challenge: &str) -> CeremonyExpectations<'_> {
    CeremonyExpectations { rp_id: "example.org", origin: "https://example.org", challenge }
}

fn answer(id: &[u8], response: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    let answer = json!({"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response});
    answer.as_object().unwrap().clone()
}

fn register(Pair { registration, .. }: &Pair) -> Result<NewPasskey, CeremonyError> {
    let part = |name: &str| encode(&registration[name]);
    let response = json!({"clientDataJSON": part("clientDataJSON"), "attestationObject": part("attestationObject")});
    let answer = RegistrationResponse::parse(&answer(&registration["credential_id"], response))?;
    block_on(answer.verify(&expected(&part("challenge")), &Portable))
}

/// By the key that was registered, whatever became of that.
fn prove(Pair { registration, proof, .. }: &Pair) -> Result<VerifiedAssertion, CeremonyError> {
    let object = AttestationObject::parse(&registration["attestationObject"])?;
    let credential = object.data.credential.as_ref().unwrap();
    let key = CredentialKey::read(&credential.key)?;
    let (id, jwk) = (encode(&registration["credential_id"]), registration::jwk(&key));
    let backup_eligible = object.data.backup_eligible();
    let known = KnownPasskey { id: &id, jwk: &jwk, user_handle: "", backup_eligible, sign_count: 0 };
    let part = |name: &str| encode(&proof[name]);
    let response = json!({
        "clientDataJSON": part("clientDataJSON"),
        "authenticatorData": part("authenticatorData"),
        "signature": part("signature"),
    });
    let answer = AssertionResponse::parse(&answer(&registration["credential_id"], response))?;
    block_on(answer.verify(&expected(&part("challenge")), &[known], &Portable))
}

//
#[test]
fn every_pair_of_the_specification_ends_as_it_must() {
    let pairs = pairs();
    let verdicts: Vec<(&str, &str, &str)> = pairs
        .iter()
        .map(|pair| {
            let registered = register(pair).map_or_else(CeremonyError::code, |_| "ok");
            (pair.name.as_str(), registered, prove(pair).map_or_else(CeremonyError::code, |_| "ok"))
        })
        .collect();
    assert_eq!(verdicts, VERDICTS);
}

//
#[test]
fn every_signature_of_the_specification_by_an_algorithm_of_ours_is_good() {
    let pairs = pairs();
    let mut good = 0;
    for Pair { name, registration, proof } in &pairs {
        let object = AttestationObject::parse(&registration["attestationObject"]).unwrap();
        assert_eq!(object.data.credential.as_ref().unwrap().id, registration["credential_id"], "{name}");
        let Ok(key) = CredentialKey::read(&object.data.credential.as_ref().unwrap().key) else { continue };
        let mut message = [&proof["authenticatorData"][..], &Sha256::digest(&proof["clientDataJSON"])].concat();
        let verifies = |message: &[u8]| {
            block_on(signature_verifies(&key.key, key.algorithm, message, &proof["signature"], &Portable))
        };
        assert!(verifies(&message), "{name}");
        message[36] ^= 1;
        assert!(!verifies(&message), "{name}");
        good += 1;
    }
    assert_eq!(good, 12);
}
