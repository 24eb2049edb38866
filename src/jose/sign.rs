//! Claims → a compact JWS by a key of our own, ES256 only: for what upstreams are told of who asks. Keys that are
//! registered with others, of other kinds too, are in [`super::assertion_key`].

#![expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};

use crate::jose::algorithm::Algorithm;
use crate::jose::assertion_key::PrivateJwk;
use crate::jose::jwk::{MAX_KID_BYTES, PublicKey};
use crate::jose::pkcs8::{self, P256Halves};
use crate::json::{self, said};
use crate::secret::Secret;

const MAX_JWK_BYTES: usize = 4096;

/// Signs with ES256. Deterministic (RFC 6979): no random source can spoil the key.
pub struct Es256Signer {
    /// Wiped when dropped, by `p256`.
    key: SigningKey,
    kid: String,
    public: PublicKey,
}

impl fmt::Debug for Es256Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Es256Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What is wrong with a private JWK. Says nothing of what stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerError {
    /// Not a JSON object.
    Json(json::JsonError),
    /// Not a private P-256 key, or its parts do not belong together.
    NotP256,
    /// Not a private RSA key with all its members.
    NotRsa,
    /// Not a private Ed25519 key with both its halves.
    NotEd25519,
    /// `use`, `key_ops`, `alg` or `kid` is there and does not allow signing, or `x5t#S256` or `x5c` names no certificate.
    NotForSigning,
}

impl fmt::Display for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::NotP256 => f.write_str("expected a private jwk with `kty` `EC` and `crv` `P-256`"),
            Self::NotRsa => f.write_str("expected a private jwk with `kty` `RSA` and all members of the key"),
            Self::NotEd25519 => f.write_str("expected a private jwk with `kty` `OKP`, `crv` `Ed25519`, `x` and `d`"),
            Self::NotForSigning => f.write_str("expected a jwk whose `use`, `key_ops`, `alg` and `kid` allow to sign"),
        }
    }
}

impl std::error::Error for SignerError {}

impl Es256Signer {
    /// Takes a private P-256 JWK (RFC 7518 §6.2). Without a `kid` its thumbprint (RFC 7638) is its name.
    ///
    /// # Errors
    /// When it is not one, or not for signing.
    pub fn from_jwk(jwk: &Secret<String>) -> Result<Self, SignerError> {
        let bytes = jwk.expose().as_bytes();
        let members = json::parse_object(bytes, MAX_JWK_BYTES).map_err(SignerError::Json)?;
        let public = only(&members, &["kty", "crv", "x", "y"]);
        let public = public.as_object().and_then(PublicKey::from_jwk).ok_or(SignerError::NotP256)?;
        let signer = members.get("d").and_then(Value::as_str).and_then(scalar).as_ref().and_then(Self::from_scalar);
        // x, y and d have to belong together.
        let signer = signer.filter(|signer| signer.public.thumbprint() == public.thumbprint());
        let kid = signing_kid(&members, &public).ok_or(SignerError::NotForSigning)?;
        Ok(Self { kid, public, ..signer.ok_or(SignerError::NotP256)? })
    }

    /// Takes a private scalar, big-endian; `None` for zero, and from the order of the group upwards. Its thumbprint is its
    /// name.
    #[must_use]
    pub fn from_scalar(scalar: &Secret<[u8; 32]>) -> Option<Self> {
        let key = SigningKey::from(p256::SecretKey::from_slice(scalar.expose()).ok()?);
        let point = key.verifying_key().to_encoded_point(false);
        let (x, y) = (encode(point.x()?), encode(point.y()?));
        let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let public = public.as_object().and_then(PublicKey::from_jwk)?;
        Some(Self { key, kid: public.thumbprint().to_owned(), public })
    }

    /// Takes a private P-256 key as PKCS #8 in PEM (RFC 7468 §10), white space around it or not.
    ///
    /// # Errors
    /// When it is not one, or has a public half that does not belong to it.
    pub fn from_pkcs8(pem: &Secret<String>) -> Result<Self, SignerError> {
        let P256Halves { scalar, public } = pkcs8::p256(pem.expose()).ok_or(SignerError::NotP256)?;
        let signer = Self::from_scalar(&scalar).ok_or(SignerError::NotP256)?;
        let point = signer.key.verifying_key().to_encoded_point(false);
        let belongs = public.is_none_or(|public| public == point.as_bytes());
        if belongs { Ok(signer) } else { Err(SignerError::NotP256) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), ..self }
    }

    /// The name of the key, as in the headers it makes.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private JWK, with its name: for a [`Signing`] that keeps keys in a form of its own, and for the configuration.
    #[must_use]
    pub fn private_jwk(&self) -> Secret<String> {
        let mut members: Map<String, Value> = self.members();
        members.insert("kid".to_owned(), self.kid.as_str().into());
        members.insert("d".to_owned(), encode(&self.key.to_bytes()).into());
        Secret::new(Value::Object(members).to_string())
    }

    /// The private JWK without a name: whoever reads it calls it by its thumbprint.
    pub(super) fn unnamed_jwk(&self) -> Secret<String> {
        let mut members: Map<String, Value> = self.members();
        members.insert("d".to_owned(), encode(&self.key.to_bytes()).into());
        Secret::new(Value::Object(members).to_string())
    }

    fn members(&self) -> Map<String, Value> {
        json::object(self.public.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())))
    }

    /// The public JWK, for others to verify by.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let mut members = self.members();
        for (name, value) in [("kid", self.kid.as_str()), ("use", "sig"), ("alg", Algorithm::Es256.name())] {
            members.insert(name.to_owned(), value.into());
        }
        Value::Object(members)
    }

    /// The compact JWS over `claims`, its header `alg`, `kid` and, when given, `typ`.
    #[must_use]
    pub fn sign(&self, typ: Option<&str>, claims: &Map<String, Value>) -> String {
        let input = self.signing_input(typ, &Value::from(claims.clone()).to_string());
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", encode(&signature))
    }

    /// The same with the public key in the header, in the place of a name (RFC 9449 §4.2).
    #[must_use]
    pub fn sign_with_key(&self, typ: &str, claims: &Map<String, Value>) -> String {
        let header = json!({ "alg": Algorithm::Es256.name(), "typ": typ, "jwk": self.members() });
        let input = joined(&header, &Value::from(claims.clone()).to_string());
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", encode(&signature))
    }

    /// The same over `claims`, a JSON object, by a backend. `None` when that fails.
    pub async fn sign_by(&self, backend: &impl Signing, typ: &str, claims: &str) -> Option<String> {
        let input = self.signing_input(Some(typ), claims);
        let signature = backend.sign(self, input.as_bytes()).await?;
        Some(format!("{input}.{}", encode(&signature)))
    }

    /// The signature over `message`: r and s.
    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        signature.to_bytes().to_vec()
    }

    fn signing_input(&self, typ: Option<&str>, claims: &str) -> String {
        let mut header = json!({ "alg": Algorithm::Es256.name(), "kid": self.kid });
        if let (Some(typ), Some(members)) = (typ, header.as_object_mut()) {
            members.insert("typ".to_owned(), typ.into());
        }
        joined(&header, claims)
    }
}

fn joined(header: &Value, claims: &str) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.as_bytes()))
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// A private scalar as in JWKs: 32 octets, however small it is (RFC 7518 §6.2.2.1).
fn scalar(d: &str) -> Option<Secret<[u8; 32]>> {
    let mut scalar = [0; 32];
    let decoded = Base64UrlUnpadded::decode(d, &mut scalar).ok()?.len();
    (decoded == scalar.len()).then_some(Secret::new(scalar))
}

fn only(members: &Map<String, Value>, names: &[&str]) -> Value {
    let named = members.iter().filter(|(name, _)| names.contains(&name.as_str()));
    json::object(named.map(|(name, value)| (name.clone(), value.clone()))).into()
}

fn signing_kid(members: &Map<String, Value>, public: &PublicKey) -> Option<String> {
    let for_signing = said(members, "use").is_none_or(|value| value == "sig")
        && said(members, "alg").is_none_or(|value| value == Algorithm::Es256.name())
        && operations_allow_signing(members);
    let kid = match said(members, "kid") {
        None => public.thumbprint().to_owned(),
        Some(value) => value.as_str().filter(|kid| !kid.is_empty() && kid.len() <= MAX_KID_BYTES)?.to_owned(),
    };
    for_signing.then_some(kid)
}

///
pub(super) fn operations_allow_signing(members: &Map<String, Value>) -> bool {
    said(members, "key_ops").is_none_or(|value| {
        value.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "sign"))
    })
}

/// Signature verification by whoever does it best here: WebCrypto at the edge, [`crate::jose::portable`] elsewhere.
pub trait Signatures {
    /// Whether `signature` is `key`'s signature over `message` under `algorithm`.
    ///
    /// The key has been matched to the algorithm before. Errors of the backend count as "no".
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool;
}

/// Signing by whoever does it best here: WebCrypto at the edge, [`crate::jose::portable`] elsewhere.
pub trait Signing {
    /// `key`'s ES256 signature over `message`: r and s, 32 bytes each (RFC 7518 §3.4). `None` when the backend fails.
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>>;
    /// `key`'s signature over `message`, by the algorithm that it is for. `None` when the backend fails.
    async fn sign_by_jwk(&self, key: &PrivateJwk, message: &[u8]) -> Option<Vec<u8>>;
}

#[cfg(test)]
mod tests;
