//! Every step of §7.2 with an answer that passes it and one that does not.

use ed25519_dalek::Signer;
use futures::executor::block_on;
use serde_json::json;

use super::super::RegistrationResponse;
use super::super::testing::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, ORIGIN, RP_ID, VERIFIED, authenticator_data, cose_ed25519, encode, map,
};
use super::*;
use crate::jose::Portable;

const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const EXPECTED: CeremonyExpectations<'static> =
    CeremonyExpectations { rp_id: RP_ID, origin: ORIGIN, challenge: CHALLENGE };

/// What is stored of a passkey.
struct Stored {
    id: String,
    jwk: String,
    backup_eligible: bool,
    sign_count: u32,
}

fn stored(authenticator: &Authenticator) -> Stored {
    let answer = RegistrationResponse::parse(authenticator.create(CHALLENGE).as_object().unwrap()).unwrap();
    let passkey = block_on(answer.verify(&EXPECTED, &Portable)).unwrap();
    Stored {
        id: passkey.id().to_owned(),
        jwk: passkey.jwk().to_owned(),
        backup_eligible: passkey.backup_eligible(),
        sign_count: passkey.sign_count(),
    }
}

fn known(stored: &Stored) -> KnownPasskey<'_> {
    KnownPasskey {
        id: &stored.id,
        jwk: &stored.jwk,
        user_handle: "aGFuZGxl",
        backup_eligible: stored.backup_eligible,
        sign_count: stored.sign_count,
    }
}

fn verify(answer: &Value, passkeys: &[KnownPasskey<'_>]) -> Result<VerifiedAssertion, CeremonyError> {
    block_on(AssertionResponse::parse(answer.as_object().unwrap())?.verify(&EXPECTED, passkeys, &Portable))
}

/// The verdict on the proof of a passkey that was registered before its authenticator was bent.
fn proved(bend: impl FnOnce(&mut Authenticator)) -> Result<VerifiedAssertion, CeremonyError> {
    let mut authenticator = Authenticator::new(7);
    let stored = stored(&authenticator);
    bend(&mut authenticator);
    verify(&authenticator.get(CHALLENGE), &[known(&stored)])
}

fn code(verdict: Result<VerifiedAssertion, CeremonyError>) -> &'static str {
    verdict.map_or_else(CeremonyError::code, |_| "ok")
}

#[test]
fn a_proof_says_which_passkey_and_how_it_is() {
    let mut authenticator = Authenticator::new(7);
    authenticator.flags |= BACKUP_ELIGIBLE;
    let stored = stored(&authenticator);
    authenticator.flags |= BACKED_UP;
    authenticator.sign_count = 1;
    authenticator.user_handle = Some("aGFuZGxl".to_owned());
    let proof = verify(&authenticator.get(CHALLENGE), &[known(&stored)]).unwrap();
    assert_eq!((proof.id(), proof.sign_count()), (encode(&[7; 16]).as_str(), 1));
    assert!(proof.backup_eligible() && proof.backed_up());
}

// R-201 to R-208
#[test]
fn every_step_refuses_for_its_own_reason() {
    type Bend = fn(&mut Authenticator);
    let cases: [(&str, Bend); 13] = [
        ("passkey.type", |one| one.client_data_also = json!({ "type": "webauthn.create" })),
        ("passkey.type", |one| one.client_data_also = json!({ "type": "webauthn.GET" })),
        ("passkey.challenge", |one| one.client_data_also = json!({ "challenge": "AAEC".repeat(10) + "AAE" })),
        ("passkey.origin", |one| one.origin = "https://www.app.example".to_owned()),
        ("passkey.cross_origin", |one| one.client_data_also = json!({ "topOrigin": "https://evil.test" })),
        ("passkey.rp_id", |one| one.rp_id = "evil.test".to_owned()),
        ("passkey.user_absent", |one| one.flags = 0),
        ("passkey.user_unverified", |one| one.flags = 0x01),
        ("passkey.backup_state", |one| one.flags = VERIFIED | BACKED_UP),
        ("passkey.backup_eligibility", |one| one.flags = VERIFIED | BACKUP_ELIGIBLE),
        ("passkey.unknown_credential", |one| one.credential_id = vec![8; 16]),
        ("passkey.user_handle", |one| one.user_handle = Some("b3RoZXI".to_owned())),
        ("passkey.signature", |one| one.key = Authenticator::new(8).key),
    ];
    for (expected, bend) in cases {
        assert_eq!(code(proved(bend)), expected);
    }
    assert!(proved(|_| {}).is_ok());
}

// R-208
#[test]
fn a_passkey_of_somebody_else_proves_nothing() {
    let (own, other) = (Authenticator::new(7), Authenticator::new(8));
    let (own_stored, other_stored) = (stored(&own), stored(&other));
    assert_eq!(verify(&own.get(CHALLENGE), &[]), Err(CeremonyError::UnknownCredential));
    assert_eq!(verify(&own.get(CHALLENGE), &[known(&other_stored)]), Err(CeremonyError::UnknownCredential));
    let both = [known(&other_stored), known(&own_stored)];
    assert_eq!(verify(&own.get(CHALLENGE), &both).unwrap().id(), own_stored.id);
    // By the name of one, with the key of the other.
    let mixed = KnownPasskey { jwk: &other_stored.jwk, ..known(&own_stored) };
    assert_eq!(verify(&own.get(CHALLENGE), &[mixed]), Err(CeremonyError::Signature));
}

// R-207
#[test]
fn what_could_be_copied_still_can() {
    let mut authenticator = Authenticator::new(7);
    authenticator.flags |= BACKUP_ELIGIBLE;
    let stored = stored(&authenticator);
    authenticator.flags = VERIFIED;
    assert_eq!(verify(&authenticator.get(CHALLENGE), &[known(&stored)]), Err(CeremonyError::BackupEligibility));
}

// R-209
#[test]
fn a_bit_of_any_part_makes_another_message() {
    let authenticator = Authenticator::new(7);
    let stored = stored(&authenticator);
    let good = authenticator.get(CHALLENGE);
    let part = |name: &str| Base64UrlUnpadded::decode_vec(good["response"][name].as_str().unwrap()).unwrap();
    for name in ["clientDataJSON", "authenticatorData", "signature"] {
        let bytes = part(name);
        for at in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[at / 8] ^= 1 << (at % 8);
            let mut answer = good.clone();
            answer["response"][name] = encode(&bent).into();
            let verdict = verify(&answer, &[known(&stored)]);
            assert!(verdict.is_err(), "bit {at} of {name}");
            if name == "signature" {
                assert_eq!(verdict, Err(CeremonyError::Signature));
            }
        }
    }
    // The bytes count, not what they mean.
    let mut spaced = part("clientDataJSON");
    spaced.push(b' ');
    let mut answer = good.clone();
    answer["response"]["clientDataJSON"] = encode(&spaced).into();
    assert_eq!(verify(&answer, &[known(&stored)]), Err(CeremonyError::Signature));
}

// R-209
#[test]
fn a_signature_in_another_spelling_is_refused() {
    let authenticator = Authenticator::new(7);
    let stored = stored(&authenticator);
    let mut answer = authenticator.get(CHALLENGE);
    let der = Base64UrlUnpadded::decode_vec(answer["response"]["signature"].as_str().unwrap()).unwrap();
    let raw = crate::jose::es256_from_der(&der).unwrap();
    let longer = [&der[..], &[0]].concat();
    let long_form = [&[0x30, 0x81], &der[1..]].concat();
    for signature in [&raw[..], &longer, &long_form, &[]] {
        answer["response"]["signature"] = encode(signature).into();
        assert_eq!(verify(&answer, &[known(&stored)]), Err(CeremonyError::Signature), "{signature:02x?}");
    }
}

// R-209
#[test]
fn ed25519_signs_as_it_does_elsewhere() {
    let mut authenticator = Authenticator::new(7);
    authenticator.cose_key = Some(map(&cose_ed25519()));
    let stored = stored(&authenticator);
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let (client_data, data) =
        (authenticator.client_data("webauthn.get", CHALLENGE), authenticator_data(RP_ID, VERIFIED, 0, &[]));
    let mut answer = authenticator.proved(&client_data, &data);
    assert_eq!(verify(&answer, &[known(&stored)]), Err(CeremonyError::Signature), "by a key of another kind");
    let signature = key.sign(&[&data[..], &Sha256::digest(&client_data)].concat());
    answer["response"]["signature"] = encode(&signature.to_bytes()).into();
    assert!(verify(&answer, &[known(&stored)]).is_ok());
}

// R-210
#[test]
fn the_counter_goes_on_or_is_not_used() {
    let verdict = |before: u32, now: u32| {
        let mut authenticator = Authenticator::new(7);
        authenticator.sign_count = before;
        let stored = stored(&authenticator);
        authenticator.sign_count = now;
        code(verify(&authenticator.get(CHALLENGE), &[known(&stored)]))
    };
    for (before, now) in [(0, 0), (0, 1), (5, 6), (5, u32::MAX)] {
        assert_eq!(verdict(before, now), "ok", "{before} to {now}");
    }
    for (before, now) in [(5, 5), (5, 4), (5, 0), (1, 1), (u32::MAX, 0)] {
        assert_eq!(verdict(before, now), "passkey.sign_count", "{before} to {now}");
    }
}

#[test]
fn an_answer_without_its_parts_is_refused() {
    let authenticator = Authenticator::new(7);
    let stored = stored(&authenticator);
    let good = authenticator.get(CHALLENGE);
    for member in ["clientDataJSON", "authenticatorData", "signature"] {
        for value in [Value::Null, "a=".into(), 1.into()] {
            let mut bent = good.clone();
            bent["response"][member] = value;
            assert_eq!(verify(&bent, &[known(&stored)]), Err(CeremonyError::Response(member)));
        }
    }
    let mut odd = good.clone();
    odd["response"]["userHandle"] = 1.into();
    assert_eq!(verify(&odd, &[known(&stored)]), Err(CeremonyError::Response("userHandle")));
    odd["response"]["userHandle"] = Value::Null;
    assert!(verify(&odd, &[known(&stored)]).is_ok());
}

#[test]
fn a_stored_key_that_is_none_verifies_nothing() {
    let authenticator = Authenticator::new(7);
    let stored = stored(&authenticator);
    let without_alg = stored.jwk.replace("ES256", "ES384");
    for jwk in ["", "{}", "null", r#"{"kty":"oct","k":"AA","alg":"HS256"}"#, &without_alg] {
        let known = KnownPasskey { jwk, ..known(&stored) };
        assert_eq!(verify(&authenticator.get(CHALLENGE), &[known]), Err(CeremonyError::Key), "{jwk}");
    }
}
