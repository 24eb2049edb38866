//! Every step of §7.1 with an answer that passes it and one that does not.

use futures::executor::block_on;

use super::super::cbor::CborError;
use super::super::testing::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, Cbor, ORIGIN, RP_ID, VERIFIED, cose_ed25519, cose_p256, encode, map,
    named,
};
use super::*;
use crate::jose::Portable;

const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const EXPECTED: CeremonyExpectations<'static> =
    CeremonyExpectations { rp_id: RP_ID, origin: ORIGIN, challenge: CHALLENGE };

fn verify(answer: &Value) -> Result<NewPasskey, CeremonyError> {
    let answer = RegistrationResponse::parse(answer.as_object().unwrap())?;
    assert_eq!(answer.challenge().len(), CHALLENGE.len());
    block_on(answer.verify(&EXPECTED, &Portable))
}

fn made(bend: impl FnOnce(&mut Authenticator)) -> Result<NewPasskey, CeremonyError> {
    let mut authenticator = Authenticator::new(7);
    bend(&mut authenticator);
    verify(&authenticator.create(CHALLENGE))
}

fn code(verdict: Result<NewPasskey, CeremonyError>) -> &'static str {
    verdict.map_or_else(CeremonyError::code, |_| "ok")
}

#[test]
fn a_new_passkey_is_what_its_authenticator_says() {
    let passkey = made(|one| (one.flags, one.sign_count) = (VERIFIED | BACKUP_ELIGIBLE | BACKED_UP, 5)).unwrap();
    assert_eq!((passkey.id(), passkey.sign_count()), (encode(&[7; 16]).as_str(), 5));
    assert!(passkey.backup_eligible() && passkey.backed_up());
    assert_eq!(passkey.transports(), ["internal", "hybrid"]);
    assert_eq!(passkey.aaguid(), "aa".repeat(16));
    let jwk: Value = serde_json::from_str(passkey.jwk()).unwrap();
    assert_eq!((&jwk["kty"], &jwk["crv"], &jwk["alg"]), (&"EC".into(), &"P-256".into(), &"ES256".into()));
    assert_eq!(jwk.as_object().unwrap().len(), 5);
}

//
#[test]
fn every_step_refuses_for_its_own_reason() {
    type Bend = fn(&mut Authenticator);
    let cases: [(&str, Bend); 12] = [
        ("passkey.type", |one| one.client_data_also = serde_json::json!({ "type": "webauthn.get" })),
        ("passkey.challenge", |one| {
            one.client_data_also = serde_json::json!({ "challenge": "AAEC".repeat(10) + "AAE" })
        }),
        ("passkey.origin", |one| one.origin = "https://app.example.evil.test".to_owned()),
        ("passkey.origin", |one| one.origin = "http://app.example".to_owned()),
        ("passkey.cross_origin", |one| one.client_data_also = serde_json::json!({ "crossOrigin": true })),
        ("passkey.rp_id", |one| one.rp_id = "evil.test".to_owned()),
        ("passkey.user_absent", |one| one.flags = 0x04),
        ("passkey.user_unverified", |one| one.flags = 0x01),
        ("passkey.backup_state", |one| one.flags = VERIFIED | BACKED_UP),
        ("passkey.credential_id", |one| one.credential_id = vec![1; 1024]),
        ("passkey.algorithm", |one| {
            let other = cose_p256(&one.key).into_iter().map(|(name, value)| match name {
                3 => (3, Cbor::Int(-47)),
                _ => (name, value),
            });
            one.cose_key = Some(map(&other.collect::<Vec<_>>()));
        }),
        ("passkey.key", |one| one.cose_key = Some(map(&cose_ed25519()[..3]))),
    ];
    for (expected, bend) in cases {
        assert_eq!(code(made(bend)), expected);
    }
    assert!(made(|_| {}).is_ok());
}

#[test]
fn the_credential_is_there_and_is_the_one_that_the_answer_names() {
    let authenticator = Authenticator::new(7);
    let mut other = authenticator.create(CHALLENGE);
    (other["id"], other["rawId"]) = ("AQID".into(), "AQID".into());
    assert_eq!(verify(&other), Err(CeremonyError::CredentialMismatch));
    let data = super::super::testing::authenticator_data(RP_ID, VERIFIED, 0, &[]);
    let object = named(&[("fmt", Cbor::text("none")), ("attStmt", named(&[])), ("authData", Cbor::Bytes(data))]);
    let client_data = authenticator.client_data("webauthn.create", CHALLENGE);
    assert_eq!(verify(&authenticator.created(&client_data, &object.encode())), Err(CeremonyError::NoCredential));
}

//
#[test]
fn the_attestation_object_has_its_three_members_and_nothing_else() {
    let authenticator = Authenticator::new(7);
    let client_data = authenticator.client_data("webauthn.create", CHALLENGE);
    let members =
        [("fmt", Cbor::text("none")), ("attStmt", named(&[])), ("authData", Cbor::Bytes(authenticator.attested()))];
    let verdict = |object: &[u8]| verify(&authenticator.created(&client_data, object));
    let good = named(&members).encode();
    assert!(verdict(&good).is_ok());
    // Browsers write them in different orders.
    let [fmt, statement, data] = members.clone();
    assert!(verdict(&named(&[data.clone(), fmt.clone(), statement.clone()]).encode()).is_ok());
    for at in 0..3 {
        let mut fewer = members.to_vec();
        fewer.remove(at);
        assert_eq!(verdict(&named(&fewer).encode()), Err(CeremonyError::AttestationObject));
        let mut other = members.to_vec();
        other[at].1 = Cbor::Int(1);
        assert_eq!(verdict(&named(&other).encode()), Err(CeremonyError::AttestationObject));
    }
    let more = [members.to_vec(), vec![("epAtt", Cbor::True)]].concat();
    assert_eq!(verdict(&named(&more).encode()), Err(CeremonyError::AttestationObject));
    let twice = [members.to_vec(), vec![fmt]].concat();
    assert_eq!(verdict(&named(&twice).encode()), Err(CeremonyError::Cbor(CborError::DuplicateKey)));
    assert_eq!(verdict(&[&good[..], &[0]].concat()), Err(CeremonyError::Cbor(CborError::Trailing)));
    let indefinite = [&[0xbf], &good[1..], &[0xff]].concat();
    assert_eq!(verdict(&indefinite), Err(CeremonyError::Cbor(CborError::Indefinite)));
    assert_eq!(verdict(&[]), Err(CeremonyError::Cbor(CborError::Truncated)));
}

//
#[test]
fn no_attestation_is_taken_but_none_and_that_of_the_credential_itself() {
    assert!(made(|one| one.statement = Some(one.own_statement(CHALLENGE))).is_ok());
    type Bend = fn(&mut Authenticator, &str, Vec<(Cbor, Cbor)>);
    let bent: [(&str, Bend); 5] = [
        ("tampered", |one, format, members| {
            one.statement = Some((format.to_owned(), Cbor::Map(members)));
            one.sign_count += 1;
        }),
        ("another algorithm", |one, format, mut members| {
            members[0].1 = Cbor::Int(-257);
            one.statement = Some((format.to_owned(), Cbor::Map(members)));
        }),
        ("no signature", |one, format, mut members| {
            members.truncate(1);
            one.statement = Some((format.to_owned(), Cbor::Map(members)));
        }),
        ("certificates", |one, format, mut members| {
            members.push((Cbor::text("x5c"), Cbor::List(vec![Cbor::Bytes(vec![0x30, 0])])));
            one.statement = Some((format.to_owned(), Cbor::Map(members)));
        }),
        ("another format", |one, _, members| one.statement = Some(("fido-u2f".to_owned(), Cbor::Map(members)))),
    ];
    for (name, bend) in bent {
        let verdict = made(|one| {
            let (format, Cbor::Map(members)) = one.own_statement(CHALLENGE) else { panic!("no map") };
            bend(one, &format, members);
        });
        assert_eq!(verdict, Err(CeremonyError::Attestation), "{name}");
    }
    let by_another = Authenticator::new(8).own_statement(CHALLENGE);
    assert_eq!(made(|one| one.statement = Some(by_another)), Err(CeremonyError::Attestation));
    for format in ["None", "", "packed ", "tpm", "apple", "android-key", "android-safetynet", "compound"] {
        let verdict = made(|one| one.statement = Some((format.to_owned(), named(&[]))));
        assert_eq!(verdict, Err(CeremonyError::Attestation), "{format}");
    }
    let with_something = made(|one| one.statement = Some(("none".to_owned(), named(&[("x", Cbor::True)]))));
    assert_eq!(with_something, Err(CeremonyError::Attestation));
}

#[test]
fn an_answer_without_its_parts_is_refused() {
    let good = Authenticator::new(7).create(CHALLENGE);
    for member in ["clientDataJSON", "attestationObject"] {
        for value in [Value::Null, "a=".into(), "a".into(), 1.into()] {
            let mut bent = good.clone();
            bent["response"][member] = value;
            assert_eq!(verify(&bent), Err(CeremonyError::Response(member)));
        }
    }
}
