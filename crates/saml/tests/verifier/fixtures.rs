//! `fixtures/saml`: questions with their answers, which the built SAML Worker has to give too
//! (`tests/e2e/saml_worker.test.mjs`), and
//! the response that the fuzz targets begin with. With `POSTERN_BLESS=1` they are written anew.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{Ask, LogoutMessage, MakeRequest, Question, ReadLogout, ReadMetadata};
use serde_json::{Value, json};

use super::idp::{ACS, IDP, NOW, Response, Signer, US, certificate, question};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/saml")
}

fn cases() -> Vec<(&'static str, Question)> {
    let good = Response::default().xml();
    let verify = |xml: &str| Question::Verify(question(xml));
    let bent = |bend: fn(&mut Response)| verify(&Response::bent(bend).xml());
    let both = Response::bent(|one| one.of_response = Some(Signer::new("idp")));
    let mut decrypted = question(&Response::default().around(ENCRYPTED));
    decrypted.decrypted = Some(Response::default().assertion());
    let mut ecdsa = question(&Response::bent(|one| one.of_assertion = Some(Signer::new("ec"))).xml());
    ecdsa.certificates = vec![certificate("ec")];
    let metadata = ReadMetadata { xml: "<a/>".to_owned(), entity_id: IDP.to_owned(), now: NOW };
    let request = MakeRequest {
        id: "_id".to_owned(),
        destination: "https://idp.example/sso".to_owned(),
        acs: ACS.to_owned(),
        entity_id: US.to_owned(),
        now: NOW,
        ..MakeRequest::default()
    };
    let logout = ReadLogout {
        message: LogoutMessage::PostedRequest(STANDARD.encode(&good)),
        certificates: vec![certificate("idp")],
        idp_entity_id: IDP.to_owned(),
        destination: ACS.to_owned(),
        now: NOW,
        skew: 60,
    };
    vec![
        ("a signed assertion", verify(&good)),
        ("a signed response with a signed assertion", verify(&both.xml())),
        ("an assertion signed by ECDSA", Question::Verify(ecdsa)),
        ("an encrypted assertion", verify(&Response::default().around(ENCRYPTED))),
        ("a decrypted assertion", Question::Verify(decrypted)),
        ("an unsigned response", bent(|one| one.of_assertion = None)),
        ("an assertion signed by another key", bent(|one| one.of_assertion = Some(Signer::new("other")))),
        ("a name that was changed after signing", verify(&good.replace(">alice<", ">mallory<"))),
        ("a comment in the name", verify(&good.replace(">alice<", ">al<!-- -->ice<"))),
        ("an unsigned assertion beside the signed one", verify(&good.replace("<saml:Assertion ", BESIDE))),
        ("a document type definition", verify(&format!("<!DOCTYPE a>{good}"))),
        (
            "an assertion for another audience",
            bent(|one| one.conditions = one.conditions.replace(US, "https://other.example")),
        ),
        ("a document that is not metadata", Question::ReadMetadata(metadata)),
        ("a sign-in request to be written", Question::MakeRequest(request)),
        ("a sign-in response instead of a logout request", Question::ReadLogout(logout)),
    ]
}

/// An assertion of nobody, and where that of the provider begins.
const BESIDE: &str =
    r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_other"/><saml:Assertion "#;

/// The form of an encrypted assertion alone: whoever asks decrypts it.
const ENCRYPTED: &str = r#"<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><xenc:CipherData><xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"#;

/// The fixture, after it was written anew if that was asked for.
fn fixture(name: &str, made: &str) -> String {
    let path = folder().join(name);
    if std::env::var_os("POSTERN_BLESS").is_some() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, made).unwrap();
    }
    fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn the_fixtures_are_what_is_asked_and_answered() {
    let answered: Vec<Value> = cases()
        .into_iter()
        .map(|(description, question)| {
            let ask = serde_json::to_value(Ask::new(question)).unwrap();
            let reply: Value = serde_json::from_str(&postern_saml::answer(ask.to_string().as_bytes())).unwrap();
            json!({ "description": description, "input": ask, "expect": reply })
        })
        .collect();
    let written = fixture("verifier.json", &format!("{}\n", serde_json::to_string_pretty(&answered).unwrap()));
    // By value: the order of members depends on what else is built along.
    assert_eq!(serde_json::from_str::<Vec<Value>>(&written).unwrap(), answered, "POSTERN_BLESS=1 writes it anew");
    let response = Response::default().xml();
    assert_eq!(fixture("response.xml", &response), response, "POSTERN_BLESS=1 writes it anew");
}
