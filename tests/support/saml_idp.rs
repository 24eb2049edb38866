//! A provider of SAML that signs and encrypts what it is told to, as canonical text: for the real SAML verifier (`crates/saml`).

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit as _};
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use futures::executor::block_on;
use postern::jose::{DecryptionKey, Es256Signer, Portable, Signing as _};
use postern::secret::Secret;
use postern_saml_messages::MakeRequest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::encrypt::Fixed;
use super::saml_worker::IDP;

/// The time at which all tests begin, as XML writes it.
const START: &str = "2027-01-15T08:";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("---")).collect()
}

/// The certificate that its signatures are checked with.
pub fn certificate() -> String {
    der(include_str!("../../crates/saml/tests/keys/ec.crt"))
}

/// The certificate of our key to decrypt with.
pub fn own_certificate() -> String {
    der(include_str!("../../crates/saml/tests/keys/other.crt"))
}

/// That key, a JWK with its certificate.
pub fn decryption_key() -> String {
    let pem = Secret::new(include_str!("../../crates/saml/tests/keys/other.key").to_owned());
    let key = DecryptionKey::from_text(&pem).unwrap();
    let mut jwk: Value = serde_json::from_str(key.jwk().expose()).unwrap();
    jwk["x5c"] = json!([own_certificate()]);
    jwk.to_string()
}

/// Puts the provider's signature in the place of the mark.
fn signed(xml: &str, id: &str) -> String {
    let digest = Base64::encode_string(&Sha256::digest(xml.replace("{signature}", "")));
    let inside = format!(
        r##"<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
    );
    let pem = Secret::new(include_str!("../../crates/saml/tests/keys/ec.key").to_owned());
    let text = format!(r#"<ds:SignedInfo xmlns:ds="{DS}">{inside}"#);
    let value = block_on(Portable.sign(&Es256Signer::from_pkcs8(&pem).unwrap(), text.as_bytes())).unwrap();
    let value = Base64::encode_string(&value);
    let signature = format!(
        r#"<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{inside}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"#
    );
    xml.replace("{signature}", &signature)
}

/// The assertion that answers a request, about Alice; signed, if it is to be.
pub fn assertion(request: &MakeRequest, is_signed: bool) -> String {
    let MakeRequest { id, acs, entity_id, .. } = request;
    let xml = format!(
        r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a{id}" IssueInstant="{START}00:00Z" Version="2.0"><saml:Issuer>{IDP}</saml:Issuer>{{signature}}<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{id}" NotOnOrAfter="{START}05:00Z" Recipient="{acs}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{START}00:00Z" NotOnOrAfter="{START}05:00Z"><saml:AudienceRestriction><saml:Audience>{entity_id}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{START}00:00Z" SessionIndex="s-1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion>"#
    );
    if is_signed { signed(&xml, &format!("_a{id}")) } else { xml.replace("{signature}", "") }
}

/// The response around this, signed if it is to be, as it is posted.
pub fn response(request: &MakeRequest, inside: &str, is_signed: bool) -> String {
    let MakeRequest { id, acs, .. } = request;
    let xml = format!(
        r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="{acs}" ID="_r{id}" InResponseTo="{id}" IssueInstant="{START}00:00Z" Version="2.0"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{IDP}</saml:Issuer>{{signature}}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>{inside}</samlp:Response>"#
    );
    let xml = if is_signed { signed(&xml, &format!("_r{id}")) } else { xml.replace("{signature}", "") };
    Base64::encode_string(xml.as_bytes())
}

/// How an assertion is encrypted.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// The private key, in PEM or as a JWK, whose public half it is for.
    pub key: String,
    /// The XML of how the key is encrypted.
    pub method: String,
    pub is_sha1: bool,
    /// The URI of how the content is.
    pub content: String,
    pub aes_bits: u32,
}

pub const OAEP: &str = r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"></xenc11:MGF></xenc:EncryptionMethod>"#;
pub const OAEP_SHA1: &str =
    r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"></xenc:EncryptionMethod>"#;

impl Encryption {
    pub fn new(is_sha1: bool, aes_bits: u32) -> Self {
        Self {
            key: decryption_key(),
            method: if is_sha1 { OAEP_SHA1 } else { OAEP }.to_owned(),
            is_sha1,
            content: format!("http://www.w3.org/2009/xmlenc11#aes{aes_bits}-gcm"),
            aes_bits,
        }
    }

    /// The encrypted assertion. `bend` changes what is written: the encrypted key, and the vector with content and tag.
    pub fn around(&self, assertion: &str, bend: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> String {
        let chosen = vec![9_u8; self.aes_bits as usize / 8];
        let iv = [3_u8; 12];
        let sealed = match self.aes_bits {
            128 => Aes128Gcm::new_from_slice(&chosen).unwrap().encrypt(&iv.into(), assertion.as_bytes()),
            _ => Aes256Gcm::new_from_slice(&chosen).unwrap().encrypt(&iv.into(), assertion.as_bytes()),
        };
        let mut content = [&iv[..], &sealed.unwrap()].concat();
        let mut key = self.wrapped(&chosen);
        bend(&mut key, &mut content);
        format!(
            r#"<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="{}"></xenc:EncryptionMethod><ds:KeyInfo xmlns:ds="{DS}"><xenc:EncryptedKey>{}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"#,
            self.content,
            self.method,
            Base64::encode_string(&key),
            Base64::encode_string(&content)
        )
    }

    fn wrapped(&self, chosen: &[u8]) -> Vec<u8> {
        let jwk = DecryptionKey::from_text(&Secret::new(self.key.clone())).unwrap().public_jwk();
        let number = |name: &str| {
            rsa::BigUint::from_bytes_be(&Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap())
        };
        let key = rsa::RsaPublicKey::new(number("n"), number("e")).unwrap();
        let padding = if self.is_sha1 { rsa::Oaep::new::<sha1::Sha1>() } else { rsa::Oaep::new::<Sha256>() };
        key.encrypt(&mut Fixed, padding, chosen).unwrap()
    }
}
