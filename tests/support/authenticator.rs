//! An authenticator and its browser, in memory: makes passkeys and proofs of them, each part of which a test can bend.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const RP_ID: &str = "app.example";
pub const ORIGIN: &str = "https://app.example";
/// User present, user verified.
pub const VERIFIED: u8 = 0x05;
/// A new credential is in it.
pub const ATTESTED: u8 = 0x40;
pub const BACKUP_ELIGIBLE: u8 = 0x08;
pub const BACKED_UP: u8 = 0x10;

/// CBOR to be written, good or bad.
#[derive(Clone, Debug)]
pub enum Cbor {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Cbor>),
    Map(Vec<(Cbor, Cbor)>),
    True,
    /// As it stands.
    Raw(Vec<u8>),
}

impl Cbor {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Int(value) if *value >= 0 => head(0, u64::try_from(*value).unwrap()),
            Self::Int(value) => head(1, u64::try_from(-1 - value).unwrap()),
            Self::Bytes(bytes) => [head(2, bytes.len() as u64), bytes.clone()].concat(),
            Self::Text(text) => [head(3, text.len() as u64), text.clone().into_bytes()].concat(),
            Self::List(items) => [head(4, items.len() as u64), items.iter().flat_map(Self::encode).collect()].concat(),
            Self::Map(members) => {
                let inner = members.iter().flat_map(|(name, value)| [name.encode(), value.encode()].concat());
                [head(5, members.len() as u64), inner.collect()].concat()
            }
            Self::True => vec![0xf5],
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}

fn head(kind: u8, value: u64) -> Vec<u8> {
    let first = kind << 5;
    match value {
        0..=23 => vec![first | u8::try_from(value).unwrap()],
        24..=0xff => vec![first | 24, u8::try_from(value).unwrap()],
        0x100..=0xffff => [vec![first | 25], u16::try_from(value).unwrap().to_be_bytes().to_vec()].concat(),
        _ => [vec![first | 26], u32::try_from(value).unwrap().to_be_bytes().to_vec()].concat(),
    }
}

/// A map with numbers for names, as COSE has.
pub fn map(members: &[(i64, Cbor)]) -> Cbor {
    Cbor::Map(members.iter().map(|(name, value)| (Cbor::Int(*name), value.clone())).collect())
}

/// A map with texts for names.
pub fn named(members: &[(&str, Cbor)]) -> Cbor {
    Cbor::Map(members.iter().map(|(name, value)| (Cbor::text(name), value.clone())).collect())
}

pub fn signer() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

/// The members of a key on P-256.
pub fn cose_p256(key: &p256::ecdsa::SigningKey) -> Vec<(i64, Cbor)> {
    let point = key.verifying_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| Cbor::Bytes(bytes.unwrap().to_vec());
    vec![
        (1, Cbor::Int(2)),
        (3, Cbor::Int(-7)),
        (-1, Cbor::Int(1)),
        (-2, coordinate(point.x())),
        (-3, coordinate(point.y())),
    ]
}

/// The members of an Ed25519 key.
pub fn cose_ed25519() -> Vec<(i64, Cbor)> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let x = key.verifying_key().as_bytes().to_vec();
    vec![(1, Cbor::Int(1)), (3, Cbor::Int(-8)), (-1, Cbor::Int(6)), (-2, Cbor::Bytes(x))]
}

/// Authenticator data: `rest` follows the counter.
pub fn authenticator_data(rp_id: &str, flags: u8, sign_count: u32, rest: &[u8]) -> Vec<u8> {
    [&Sha256::digest(rp_id.as_bytes())[..], &[flags], &sign_count.to_be_bytes(), rest].concat()
}

pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// One passkey on P-256, and what its browser says of the page.
#[derive(Clone)]
pub struct Authenticator {
    pub key: p256::ecdsa::SigningKey,
    pub credential_id: Vec<u8>,
    pub rp_id: String,
    pub origin: String,
    pub flags: u8,
    pub sign_count: u32,
    /// What it says of its user on proving.
    pub user_handle: Option<String>,
    /// What the client data says besides.
    pub client_data_also: Value,
    /// `None` is no attestation; else the statement of that format.
    pub statement: Option<(String, Cbor)>,
    /// The public key that it shows; `None` is its own.
    pub cose_key: Option<Cbor>,
}

impl Authenticator {
    /// A good one.
    pub fn new(secret: u8) -> Self {
        Self {
            key: p256::ecdsa::SigningKey::from_slice(&[secret; 32]).unwrap(),
            credential_id: vec![secret; 16],
            rp_id: RP_ID.to_owned(),
            origin: ORIGIN.to_owned(),
            flags: VERIFIED,
            sign_count: 0,
            user_handle: None,
            client_data_also: json!({ "crossOrigin": false }),
            statement: None,
            cose_key: None,
        }
    }

    pub fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let mut members = json!({ "type": kind, "challenge": challenge, "origin": self.origin });
        for (name, value) in self.client_data_also.as_object().unwrap() {
            members[name] = value.clone();
        }
        members.to_string().into_bytes()
    }

    /// The authenticator data of a new passkey.
    pub fn attested(&self) -> Vec<u8> {
        let cose = self.cose_key.clone().unwrap_or_else(|| map(&cose_p256(&self.key))).encode();
        let length = u16::try_from(self.credential_id.len()).unwrap().to_be_bytes();
        let credential = [&[0xaa; 16][..], &length, &self.credential_id, &cose].concat();
        authenticator_data(&self.rp_id, self.flags | ATTESTED, self.sign_count, &credential)
    }

    /// The statement of its own key: `packed`, without certificates.
    pub fn own_statement(&self, challenge: &str) -> (String, Cbor) {
        let hash = Sha256::digest(self.client_data("webauthn.create", challenge));
        let signature = self.sign(&[&self.attested()[..], &hash].concat());
        ("packed".to_owned(), named(&[("alg", Cbor::Int(-7)), ("sig", Cbor::Bytes(signature))]))
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::Signature = self.key.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    /// What `navigator.credentials.create` gives, as JSON.
    pub fn create(&self, challenge: &str) -> Value {
        let (format, statement) = self.statement.clone().unwrap_or_else(|| ("none".to_owned(), named(&[])));
        let object =
            named(&[("fmt", Cbor::Text(format)), ("attStmt", statement), ("authData", Cbor::Bytes(self.attested()))]);
        self.created(&self.client_data("webauthn.create", challenge), &object.encode())
    }

    /// The same of these parts.
    pub fn created(&self, client_data: &[u8], attestation_object: &[u8]) -> Value {
        let id = encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encode(client_data),
                "attestationObject": encode(attestation_object),
                "transports": ["internal", "hybrid"],
            },
            "clientExtensionResults": {},
        })
    }

    /// What `navigator.credentials.get` gives, as JSON.
    pub fn get(&self, challenge: &str) -> Value {
        let data = authenticator_data(&self.rp_id, self.flags, self.sign_count, &[]);
        self.proved(&self.client_data("webauthn.get", challenge), &data)
    }

    /// The same of these parts, signed by its key.
    pub fn proved(&self, client_data: &[u8], data: &[u8]) -> Value {
        let id = encode(&self.credential_id);
        let signature = self.sign(&[data, &Sha256::digest(client_data)[..]].concat());
        let mut response = json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(&signature),
        });
        if let Some(handle) = &self.user_handle {
            response["userHandle"] = handle.as_str().into();
        }
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
    }
}
