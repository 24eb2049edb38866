//! Passkeys: what is taken as a new one has one spelling, which another reader of CBOR reads alike; what is taken as a proof says
//! in every part what was asked; and no signature counts that the owner of the key did not make.
//!
//! The first byte says what the rest is: an attestation object, authenticator data and client data (behind a length of two bytes)
//! that are signed here, or a signature.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use ciborium::Value as Cbor;
use futures::executor::block_on;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey};
use postern::jose::Portable;
use postern::webauthn::{
    AssertionResponse, CeremonyError, CeremonyExpectations, KnownPasskey, NewPasskey, RegistrationResponse,
    VerifiedAssertion,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const RP_ID: &str = "app.example";
const ORIGIN: &str = "https://app.example";
const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const EXPECTED: CeremonyExpectations<'static> =
    CeremonyExpectations { rp_id: RP_ID, origin: ORIGIN, challenge: CHALLENGE };
const ID: &[u8] = b"credential";
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_slice(&[9; 32]).unwrap());
static JWK: LazyLock<String> = LazyLock::new(|| {
    let point = KEY.verifying_key().to_encoded_point(false);
    let (x, y) = (encode(point.x().unwrap()), encode(point.y().unwrap()));
    json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y}).to_string()
});

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((0, object)) => registration(object),
        Some((1, rest)) => {
            let Some((length, rest)) = rest.split_first_chunk::<2>() else { return };
            let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
            let (authenticator_data, client_data) = rest.split_at(length);
            assertion(authenticator_data, client_data);
        }
        Some((_, signature)) => signed(signature),
        None => {}
    }
}

// ---- A new passkey ----

fn registration(object: &[u8]) {
    let client_data = json!({"type": "webauthn.create", "challenge": CHALLENGE, "origin": ORIGIN}).to_string();
    let read: Option<Cbor> = ciborium::from_reader(object).ok();
    let data = read.as_ref().and_then(authenticator_data).unwrap_or_default();
    let id = data.get(53..55).and_then(|length| {
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        data.get(55..55 + length)
    });
    let Ok(passkey) = register(object, client_data.as_bytes(), id.unwrap_or_default()) else { return };
    let mut again = Vec::new();
    ciborium::into_writer(read.as_ref().expect("another reader reads it too"), &mut again).unwrap();
    assert_eq!(again, object, "two spellings of one attestation");
    assert_eq!(passkey.id(), encode(id.unwrap()));
    holds(data, passkey.backup_eligible(), passkey.backed_up(), passkey.sign_count());
    let jwk: Map<String, Value> = serde_json::from_str(passkey.jwk()).unwrap();
    assert!(["ES256", "EdDSA", "RS256"].iter().any(|alg| jwk["alg"] == *alg));
    assert!(["d", "k", "p", "q"].iter().all(|private| !jwk.contains_key(*private)));
}

fn authenticator_data(object: &Cbor) -> Option<&[u8]> {
    let (_, data) = object.as_map()?.iter().find(|(name, _)| name.as_text() == Some("authData"))?;
    data.as_bytes().map(Vec::as_slice)
}

fn register(object: &[u8], client_data: &[u8], id: &[u8]) -> Result<NewPasskey, CeremonyError> {
    let response = json!({"clientDataJSON": encode(client_data), "attestationObject": encode(object)});
    let answer = RegistrationResponse::parse(&credential(id, &response))?;
    block_on(answer.verify(&EXPECTED, &Portable))
}

fn credential(id: &[u8], response: &Value) -> Map<String, Value> {
    let id = encode(id);
    let credential = json!({"id": id, "rawId": id, "type": "public-key", "response": response});
    credential.as_object().unwrap().clone()
}

/// What is taken says that it is for us, and that its user was verified.
fn holds(data: &[u8], backup_eligible: bool, backed_up: bool, sign_count: u32) {
    assert_eq!(&data[..32], Sha256::digest(RP_ID).as_slice());
    let flags = data[32];
    assert_eq!(flags & 0x05, 0x05);
    assert_eq!((backup_eligible, backed_up), (flags & 0x08 != 0, flags & 0x10 != 0));
    assert!(backup_eligible || !backed_up);
    assert_eq!(data[33..37], sign_count.to_be_bytes());
}

// ---- A proof ----

fn assertion(data: &[u8], client_data: &[u8]) {
    let signature: Signature = KEY.sign(&[data, Sha256::digest(client_data).as_slice()].concat());
    let Ok(proof) = prove(data, client_data, signature.to_der().as_bytes()) else { return };
    holds(data, proof.backup_eligible(), proof.backed_up(), proof.sign_count());
    assert!(!proof.backup_eligible(), "its passkey could not be copied");
    assert!(data[32] & 0xc0 != 0 || data.len() == 37, "something follows");
    let text = client_data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(client_data);
    let said: Map<String, Value> = serde_json::from_slice(text).expect("what is no JSON was read");
    assert_eq!((&said["type"], &said["challenge"]), (&json!("webauthn.get"), &json!(CHALLENGE)));
    assert_eq!(said["origin"], ORIGIN);
    assert!(said.get("crossOrigin").is_none_or(|value| value == false) && !said.contains_key("topOrigin"));
    // The same, signed by another key.
    let other: Signature = SigningKey::from_slice(&[8; 32]).unwrap().sign(&[data, client_data].concat());
    assert!(prove(data, client_data, other.to_der().as_bytes()).is_err());
}

fn prove(data: &[u8], client_data: &[u8], signature: &[u8]) -> Result<VerifiedAssertion, CeremonyError> {
    let response = json!({
        "clientDataJSON": encode(client_data),
        "authenticatorData": encode(data),
        "signature": encode(signature),
    });
    let answer = AssertionResponse::parse(&credential(ID, &response))?;
    let id = encode(ID);
    let known = KnownPasskey { id: &id, jwk: &JWK, user_handle: "aGFuZGxl", backup_eligible: false, sign_count: 0 };
    block_on(answer.verify(&EXPECTED, &[known], &Portable))
}

fn signed(signature: &[u8]) {
    let data = [Sha256::digest(RP_ID).as_slice(), &[0x05, 0, 0, 0, 1]].concat();
    let client_data = json!({"type": "webauthn.get", "challenge": CHALLENGE, "origin": ORIGIN}).to_string();
    if prove(&data, client_data.as_bytes(), signature).is_ok() {
        let message = [&data[..], Sha256::digest(&client_data).as_slice()].concat();
        let read = Signature::from_der(signature).expect("what is no signature counted");
        assert_eq!(read.to_der().as_bytes(), signature, "two spellings of one signature");
        assert!(KEY.verifying_key().verify(&message, &read).is_ok(), "a signature that nobody made");
    }
}
