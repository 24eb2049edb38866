//! An encrypted assertion → what WebCrypto needs to decrypt it. XML Encryption 1.1 §5.2.4, §5.5.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::Encrypted;

use crate::gate::{self, ASSERTION, ENCRYPTION, Element, MAX_BYTES, SIGNATURE};
use crate::refusal::{Code, Refusal};

const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";
const IV: usize = 12;
const TAG: usize = 16;
/// RSA of 8192 bits.
const MAX_KEY: usize = 1024;

pub(crate) fn read(response: &Element) -> Result<Encrypted, Refusal> {
    let around = response.child(ASSERTION, "EncryptedAssertion").ok_or(Code::EncryptionForm)?;
    let data = only(around, ENCRYPTION, "EncryptedData")?;
    if !matches!(data.attribute("Type"), None | Some("http://www.w3.org/2001/04/xmlenc#Element")) {
        return Err(Code::EncryptionForm.because("not an element"));
    }
    let aes_bits = match algorithm(data)? {
        "http://www.w3.org/2009/xmlenc11#aes128-gcm" => 128,
        "http://www.w3.org/2009/xmlenc11#aes256-gcm" => 256,
        other => return Err(Code::Encryption.because(other)),
    };
    let key = key(around, data)?;
    let encrypted = cipher(data, MAX_BYTES)?;
    let (iv, ciphertext) =
        encrypted.split_at_checked(IV).filter(|(_, rest)| rest.len() > TAG).ok_or(Code::EncryptionForm)?;
    Ok(Encrypted {
        encrypted_key: STANDARD.encode(cipher(key, MAX_KEY)?),
        oaep_hash: oaep(key)?.to_owned(),
        aes_bits,
        iv: STANDARD.encode(iv),
        ciphertext: STANDARD.encode(ciphertext),
    })
}

/// The one key, in the `KeyInfo` or beside the data.
fn key<'a>(around: &'a Element, data: &'a Element) -> Result<&'a Element, Refusal> {
    let inside = data.all(SIGNATURE, "KeyInfo").flat_map(|info| info.all(ENCRYPTION, "EncryptedKey"));
    let mut keys = inside.chain(around.all(ENCRYPTION, "EncryptedKey"));
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Code::EncryptionForm.because("not exactly one key")),
    }
}

/// The digest of OAEP and of its MGF1, which are one in WebCrypto.
fn oaep(key: &Element) -> Result<&'static str, Refusal> {
    let method = only(key, ENCRYPTION, "EncryptionMethod")?;
    if method.child(ENCRYPTION, "OAEPparams").is_some_and(|label| !label.text.trim().is_empty()) {
        return Err(Code::Encryption.because("OAEPparams"));
    }
    let named = |namespace, name| method.child(namespace, name).and_then(|one| one.attribute("Algorithm"));
    let digest = named(SIGNATURE, "DigestMethod").unwrap_or("http://www.w3.org/2000/09/xmldsig#sha1");
    let mask = match algorithm(key)? {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => "http://www.w3.org/2009/xmlenc11#mgf1sha1",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => {
            named(ENCRYPTION_11, "MGF").unwrap_or("http://www.w3.org/2009/xmlenc11#mgf1sha1")
        }
        other => return Err(Code::Encryption.because(other)),
    };
    match (digest, mask) {
        ("http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2009/xmlenc11#mgf1sha1") => Ok("SHA-1"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2009/xmlenc11#mgf1sha256") => Ok("SHA-256"),
        _ => Err(Code::Encryption.because("digests of OAEP that differ")),
    }
}

fn algorithm(element: &Element) -> Result<&str, Refusal> {
    Ok(only(element, ENCRYPTION, "EncryptionMethod")?.attribute("Algorithm").unwrap_or_default())
}

fn cipher(element: &Element, limit: usize) -> Result<Vec<u8>, Refusal> {
    let value = only(only(element, ENCRYPTION, "CipherData")?, ENCRYPTION, "CipherValue")?;
    gate::base64(&value.text, limit)
}

fn only<'a>(parent: &'a Element, namespace: &'a str, name: &'a str) -> Result<&'a Element, Refusal> {
    let mut found = parent.all(namespace, name);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Code::EncryptionForm.because(name)),
    }
}
