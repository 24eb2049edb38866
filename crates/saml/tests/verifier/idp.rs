//! An identity provider that signs whatever it is told to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use postern_saml_messages::{Ask, Question, Reply, Verified, Verify};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::SignatureEncoding as _;
use sha2::{Digest as _, Sha256};

pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const IDP: &str = "https://idp.example/metadata";
pub(crate) const US: &str = "https://app.example/auth/saml/metadata/corp";
pub(crate) const ACS: &str = "https://app.example/auth/saml/acs/corp";
pub(crate) const REQUEST: &str = "_request0123456789abcdef";
pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
const SUCCESS: &str = r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode>"#;
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Where the signature of an assertion, of a response goes.
const PLACES: [&str; 2] = ["{assertion signature}", "{response signature}"];

/// The key of a provider, by the name of its file.
pub(crate) fn key(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../crates/saml/tests/keys/{name}.key", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The certificate of a key, DER in Base64.
pub(crate) fn certificate(name: &str) -> String {
    let pem =
        std::fs::read_to_string(format!("{}/../../crates/saml/tests/keys/{name}.crt", env!("CARGO_MANIFEST_DIR")))
            .unwrap();
    pem.lines().filter(|line| !line.starts_with("---")).collect()
}

pub(crate) fn rsa_key(name: &str) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_pem(&key(name)).unwrap()
}

pub(crate) fn time(offset: i64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::try_from(NOW + offset).unwrap());
    saml::format_xs_datetime(time).unwrap()
}

/// How something is signed.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) key: &'static str,
    pub(crate) algorithm: &'static str,
    pub(crate) digest: &'static str,
    pub(crate) canonicalization: &'static str,
    pub(crate) transforms: String,
    pub(crate) key_info: String,
    /// In `SignedInfo`, after the reference.
    pub(crate) more: String,
    pub(crate) uri: Option<String>,
}

impl Signer {
    pub(crate) fn new(key: &'static str) -> Self {
        let transform = |name: &str| format!(r#"<ds:Transform Algorithm="{name}"></ds:Transform>"#);
        Self {
            key,
            algorithm: if key == "ec" { ECDSA_SHA256 } else { RSA_SHA256 },
            digest: "http://www.w3.org/2001/04/xmlenc#sha256",
            canonicalization: "http://www.w3.org/2001/10/xml-exc-c14n#",
            transforms: transform("http://www.w3.org/2000/09/xmldsig#enveloped-signature")
                + &transform("http://www.w3.org/2001/10/xml-exc-c14n#"),
            key_info: String::new(),
            more: String::new(),
            uri: None,
        }
    }

    /// Puts the signature over the canonical `xml`, whose root has this ID, in the place of `mark`.
    pub(crate) fn sign(&self, xml: &str, id: &str, mark: &str) -> String {
        let digest = STANDARD.encode(self.digest_of(&xml.replace(mark, "")));
        let uri = self.uri.clone().unwrap_or_else(|| format!("#{id}"));
        let inside = format!(
            r#"<ds:CanonicalizationMethod Algorithm="{}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{}"></ds:SignatureMethod><ds:Reference URI="{uri}"><ds:Transforms>{}</ds:Transforms><ds:DigestMethod Algorithm="{}"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{}</ds:SignedInfo>"#,
            self.canonicalization, self.algorithm, self.transforms, self.digest, self.more
        );
        let value = STANDARD.encode(self.signature(&format!(r#"<ds:SignedInfo xmlns:ds="{DS}">{inside}"#)));
        let signature = format!(
            r#"<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{inside}<ds:SignatureValue>{value}</ds:SignatureValue>{}</ds:Signature>"#,
            self.key_info
        );
        xml.replace(mark, &signature)
    }

    fn digest_of(&self, xml: &str) -> Vec<u8> {
        if self.digest.ends_with("#sha1") { sha1::Sha1::digest(xml).to_vec() } else { Sha256::digest(xml).to_vec() }
    }

    pub(crate) fn signature(&self, bytes: &str) -> Vec<u8> {
        if self.key == "ec" {
            let key = p256::ecdsa::SigningKey::from(p256::SecretKey::from_pkcs8_pem(&key(self.key)).unwrap());
            let signature: p256::ecdsa::Signature = key.sign(bytes.as_bytes());
            return signature.to_bytes().to_vec();
        }
        rsa::signature::Signer::sign(&SigningKey::<Sha256>::new(rsa_key(self.key)), bytes.as_bytes()).to_vec()
    }
}

/// A response, with each part open to change before it is signed.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) id: String,
    pub(crate) attributes: String,
    pub(crate) issuer: String,
    pub(crate) status: String,
    pub(crate) assertion_id: String,
    pub(crate) assertion_issuer: String,
    /// Attributes of the issuer of the response, and of the assertion's.
    pub(crate) of_issuers: [String; 2],
    pub(crate) assertion_version: String,
    pub(crate) name_id: String,
    pub(crate) confirmation: String,
    pub(crate) conditions: String,
    pub(crate) statements: String,
    /// In the response, after the assertion.
    pub(crate) more: String,
    pub(crate) of_assertion: Option<Signer>,
    pub(crate) of_response: Option<Signer>,
}

pub(crate) fn confirmation(more: &str) -> String {
    format!(
        r#"<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{REQUEST}"{more} NotOnOrAfter="{}" Recipient="{ACS}"></saml:SubjectConfirmationData></saml:SubjectConfirmation>"#,
        time(300)
    )
}

pub(crate) fn conditions(audience: &str) -> String {
    format!(
        r#"<saml:Conditions NotBefore="{}" NotOnOrAfter="{}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"#,
        time(-30),
        time(300)
    )
}

impl Default for Response {
    fn default() -> Self {
        let authn = format!(
            r#"<saml:AuthnStatement AuthnInstant="{}" SessionIndex="_session" SessionNotOnOrAfter="{}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"#,
            time(-10),
            time(3600)
        );
        let attributes = r#"<saml:AttributeStatement><saml:Attribute FriendlyName="mail" Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute><saml:Attribute Name="groups"><saml:AttributeValue>R&amp;D</saml:AttributeValue><saml:AttributeValue>staff</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"#;
        Self {
            id: "_response".to_owned(),
            attributes: format!(
                r#"Destination="{ACS}" ID="_response" InResponseTo="{REQUEST}" IssueInstant="{}" Version="2.0""#,
                time(0)
            ),
            issuer: IDP.to_owned(),
            status: SUCCESS.to_owned(),
            assertion_id: "_assertion".to_owned(),
            assertion_issuer: IDP.to_owned(),
            of_issuers: Default::default(),
            assertion_version: "2.0".to_owned(),
            name_id:
                r#"<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID>"#
                    .to_owned(),
            confirmation: confirmation(""),
            conditions: conditions(US),
            statements: authn + attributes,
            more: String::new(),
            of_assertion: Some(Signer::new("idp")),
            of_response: None,
        }
    }
}

impl Response {
    pub(crate) fn bent(bend: impl FnOnce(&mut Self)) -> Self {
        let mut response = Self::default();
        bend(&mut response);
        response
    }

    /// The assertion, signed if it is to be.
    pub(crate) fn assertion(&self) -> String {
        let xml = format!(
            r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{}" IssueInstant="{}" Version="{}"><saml:Issuer{}>{}</saml:Issuer>{}<saml:Subject>{}{}</saml:Subject>{}{}</saml:Assertion>"#,
            self.assertion_id,
            time(0),
            self.assertion_version,
            self.of_issuers[1],
            self.assertion_issuer,
            PLACES[0],
            self.name_id,
            self.confirmation,
            self.conditions,
            self.statements
        );
        match &self.of_assertion {
            Some(signer) => signer.sign(&xml, &self.assertion_id, PLACES[0]),
            None => xml.replace(PLACES[0], ""),
        }
    }

    /// The response around this assertion, signed if it is to be.
    pub(crate) fn around(&self, assertion: &str) -> String {
        let xml = format!(
            r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" {}><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"{}>{}</saml:Issuer>{}<samlp:Status>{}</samlp:Status>{}{}</samlp:Response>"#,
            self.attributes, self.of_issuers[0], self.issuer, PLACES[1], self.status, assertion, self.more
        );
        match &self.of_response {
            Some(signer) => signer.sign(&xml, &self.id, PLACES[1]),
            None => xml.replace(PLACES[1], ""),
        }
    }

    pub(crate) fn xml(&self) -> String {
        self.around(&self.assertion())
    }
}

pub(crate) fn question(xml: &str) -> Verify {
    Verify {
        response: STANDARD.encode(xml),
        certificates: vec![certificate("idp")],
        idp_entity_id: IDP.to_owned(),
        entity_id: US.to_owned(),
        acs: ACS.to_owned(),
        request_id: REQUEST.to_owned(),
        now: NOW,
        skew: 60,
        decrypted: None,
    }
}

pub(crate) fn ask(question: Question) -> Reply {
    let text = postern_saml::answer(serde_json::to_string(&Ask::new(question)).unwrap().as_bytes());
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn verify(xml: &str) -> Reply {
    ask(Question::Verify(question(xml)))
}

pub(crate) fn verified(xml: &str) -> Verified {
    match verify(xml) {
        Reply::Verified(verified) => verified,
        other => panic!("{other:?}"),
    }
}

/// The code of the refusal, or a word for what else was answered.
pub(crate) fn code(reply: Reply) -> String {
    match reply {
        Reply::Refused(refused) => refused.reason,
        Reply::Verified(_) => "verified".to_owned(),
        Reply::Encrypted(_) => "encrypted".to_owned(),
        other => format!("{other:?}"),
    }
}
