//! Encrypted assertions: what Postern, which has the key, is told of them, and what it gets for the decrypted assertion.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{Encrypted, Question, Reply};
use rsa::{Oaep, RsaPublicKey};
use sha2::Sha256;

use super::idp::{Response, Signer, ask, code, question, rsa_key, verified, verify};

const KEY: [u8; 32] = [7; 32];
const IV: [u8; 12] = [9; 12];
const METHOD: &str = r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod>"#;

/// An assertion, encrypted for the key `spare`.
pub(crate) fn encrypted(assertion: &str) -> String {
    let ciphertext = Aes256Gcm::new(&KEY.into()).encrypt(Nonce::from_slice(&IV), assertion.as_bytes()).unwrap();
    let public = RsaPublicKey::from(&rsa_key("spare"));
    let key = public.encrypt(&mut aes_gcm::aead::rand_core::OsRng, Oaep::new::<Sha256>(), &KEY).unwrap();
    format!(
        r#"<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>{METHOD}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"#,
        STANDARD.encode(key),
        STANDARD.encode([IV.as_slice(), &ciphertext].concat())
    )
}

/// As WebCrypto does it in the Worker.
fn decrypt(told: &Encrypted) -> String {
    assert_eq!((told.oaep_hash.as_str(), told.aes_bits), ("SHA-256", 256));
    let bytes = |text: &str| STANDARD.decode(text).unwrap();
    let key = rsa_key("spare").decrypt(Oaep::new::<Sha256>(), &bytes(&told.encrypted_key)).unwrap();
    let iv = bytes(&told.iv);
    let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
    String::from_utf8(cipher.decrypt(Nonce::from_slice(&iv), bytes(&told.ciphertext).as_slice()).unwrap()).unwrap()
}

fn again(xml: &str, decrypted: &str) -> Reply {
    let mut question = question(xml);
    question.decrypted = Some(decrypted.to_owned());
    ask(Question::Verify(question))
}

fn told(xml: &str) -> Encrypted {
    match verify(xml) {
        Reply::Encrypted(told) => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_decrypted_is_verified() {
    // R-232, R-363
    let response = Response::default();
    let assertion = response.assertion();
    let xml = response.around(&encrypted(&assertion));
    let decrypted = decrypt(&told(&xml));
    assert_eq!(decrypted, assertion);
    let Reply::Verified(person) = again(&xml, &decrypted) else { panic!("not verified") };
    assert_eq!(person, verified(&response.xml()));
    let declared = format!("<?xml version=\"1.0\"?>{decrypted}\n");
    assert_eq!(code(again(&xml, &declared)), "verified");
    let signed_around = Response::bent(|one| one.of_response = Some(Signer::new("idp")));
    assert_eq!(code(again(&signed_around.around(&encrypted(&assertion)), &decrypted)), "verified");
}

#[test]
fn what_was_decrypted_has_to_be_signed_itself() {
    // R-232
    let unsigned = Response::bent(|one| (one.of_assertion, one.of_response) = (None, Some(Signer::new("idp"))));
    let assertion = unsigned.assertion();
    let xml = unsigned.around(&encrypted(&assertion));
    assert_eq!(code(again(&xml, &decrypt(&told(&xml)))), "signature.missing");
    let forged = Response::bent(|one| one.of_assertion = Some(Signer::new("other")));
    assert_eq!(code(again(&xml, &forged.assertion())), "signature.bad");
    let good = Response::default().assertion();
    for (decrypted, expected) in [
        (good.replace("alice", "mallory"), "signature.bad"),
        (good.replace("alice", "al<!-- -->ice"), "gate.comment"),
        (good.repeat(2), "gate.roots"),
        (format!("<saml:a xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{good}</saml:a>"), "gate.root"),
        (good.replacen("xmlns:saml=", "xmlns:other=", 1), "gate.namespace"),
        (good.replacen("<saml:Subject>", &format!("{good}<saml:Subject>"), 1), "gate.id"),
        (String::new(), "gate.xml"),
    ] {
        assert_eq!(code(again(&xml, &decrypted)), expected, "{decrypted}");
    }
    assert_eq!(code(again(&Response::default().xml(), &good)), "encryption.content", "nothing was encrypted");
}

#[test]
fn only_aes_gcm_and_rsa_oaep_are_accepted() {
    // R-232, R-363
    let xml = Response::default().around(&encrypted(&Response::default().assertion()));
    assert_eq!(code(verify(&xml)), "encrypted");
    let legacy = METHOD.replace("2009/xmlenc11#rsa-oaep\"", "2001/04/xmlenc#rsa-oaep-mgf1p\"");
    for (was, is, expected) in [
        ("xmlenc11#aes256-gcm", "xmlenc11#aes192-gcm", "encryption.algorithm"),
        ("2009/xmlenc11#aes256-gcm", "2001/04/xmlenc#aes256-cbc", "encryption.algorithm"),
        ("2009/xmlenc11#aes256-gcm", "2001/04/xmlenc#tripledes-cbc", "encryption.algorithm"),
        ("2009/xmlenc11#rsa-oaep", "2001/04/xmlenc#rsa-1_5", "encryption.algorithm"),
        ("xmlenc11#mgf1sha256", "xmlenc11#mgf1sha1", "encryption.algorithm"),
        (METHOD, legacy.as_str(), "encryption.algorithm"),
        ("<ds:DigestMethod ", "<xenc:OAEPparams>AAAA</xenc:OAEPparams><ds:DigestMethod ", "encryption.algorithm"),
        ("xenc:EncryptedKey>", "xenc:OtherKey>", "encryption.form"),
        ("xenc:CipherData>", "xenc:OtherData>", "encryption.form"),
        ("xmlenc#Element", "xmlenc#Content", "encryption.form"),
    ] {
        let bent = xml.replace(was, is);
        assert_ne!(bent, xml, "{was}");
        assert_eq!(code(verify(&bent)), expected, "{is}");
    }
    let sha1 = legacy.replace(r#"<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/>"#, "");
    assert_eq!(told(&xml.replace(METHOD, &sha1)).oaep_hash, "SHA-1");
    let elsewhere = Response::bent(|one| one.attributes = one.attributes.replace("_request", "_other"));
    let elsewhere = elsewhere.around(&encrypted(&Response::default().assertion()));
    assert_eq!(code(verify(&elsewhere)), "message.in_response_to", "nothing is decrypted for strangers");
}
