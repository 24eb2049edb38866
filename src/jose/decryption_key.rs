//! A private key that others encrypt for: RSA, or P-256.

use std::fmt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use crate::jose::algorithm::{Algorithm, KeyType};
use crate::jose::assertion_key::{AssertionKey, MAX_JWK_BYTES, rsa_members};
use crate::jose::jwe::KeyManagement;
use crate::jose::jwk::{MAX_KID_BYTES, PublicKey};
use crate::jose::pkcs8;
use crate::jose::sign::{Es256Signer, SignerError};
use crate::json::{self, said, texts};
use crate::secret::Secret;

/// What `key_ops` may say of such a key (RFC 7517 §4.3).
const OPERATIONS: [&str; 4] = ["decrypt", "unwrapKey", "deriveKey", "deriveBits"];

/// A private key to decrypt with.
#[derive(Clone)]
pub struct DecryptionKey {
    jwk: Secret<String>,
    public: PublicKey,
    kid: String,
    /// The one algorithm that it is for, where it says so.
    alg: Option<KeyManagement>,
    certificate: Option<String>,
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl DecryptionKey {
    /// Takes a private JWK, or PKCS #8 in PEM, which knows no name: then its thumbprint is its name.
    ///
    /// # Errors
    /// When it is no such key, or not for this.
    pub fn from_text(text: &Secret<String>) -> Result<Self, SignerError> {
        let jwk = if pkcs8::is_pem(text.expose()) {
            AssertionKey::jwk_of(text, Algorithm::Es256).or_else(|_| AssertionKey::jwk_of(text, Algorithm::Rs256))?
        } else {
            text.clone()
        };
        let members = json::parse_object(jwk.expose().as_bytes(), MAX_JWK_BYTES).map_err(SignerError::Json)?;
        let (jwk, public) = match said(&members, "kty").and_then(Value::as_str) {
            Some("RSA") => rsa_members(&members).ok_or(SignerError::NotRsa)?,
            _ => p256_members(&members).ok_or(SignerError::NotP256)?,
        };
        let alg = match said(&members, "alg") {
            None => None,
            Some(alg) => Some(alg.as_str().and_then(KeyManagement::from_name).ok_or(SignerError::NotForSigning)?),
        };
        let kid = match said(&members, "kid") {
            None => public.thumbprint().to_owned(),
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => kid.clone(),
            Some(_) => return Err(SignerError::NotForSigning),
        };
        let is_for_this = said(&members, "use").is_none_or(|value| value == "enc")
            && said(&members, "key_ops").is_none_or(|all| texts(all).any(|one| OPERATIONS.contains(&one)))
            && alg.is_none_or(|alg| alg.key_type() == public.key_type());
        let certificate = said(&members, "x5c").and_then(Value::as_array).and_then(|all| all.first());
        let certificate = certificate.and_then(Value::as_str).map(str::to_owned);
        if is_for_this { Ok(Self { jwk, public, kid, alg, certificate }) } else { Err(SignerError::NotForSigning) }
    }

    /// The members that make the key, and no others: for a [`Decryption`](super::Decryption), nothing else.
    #[must_use]
    pub const fn jwk(&self) -> &Secret<String> {
        &self.jwk
    }

    /// The certificate that the JWK brings along (RFC 7517 §4.7): DER in Base64, as it stands there.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Whether this certificate, DER in Base64, has the number in it that makes its public half.
    #[must_use]
    pub fn is_in(&self, certificate: &str) -> bool {
        let members = self.public.members();
        let number = members.iter().find(|(name, _)| matches!(*name, "n" | "x")).map(|(_, value)| value);
        let number = number.and_then(|value| Base64UrlUnpadded::decode_vec(value).ok()).filter(|one| !one.is_empty());
        let (Some(number), Ok(der)) = (number, Base64::decode_vec(certificate)) else { return false };
        der.windows(number.len()).any(|part| part == number)
    }

    /// Whether it is an RSA key.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        self.public.key_type() == KeyType::Rsa
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The SHA-256 thumbprint (RFC 7638) of its public half, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.public.thumbprint()
    }

    /// Whether it goes with this algorithm.
    #[must_use]
    pub fn serves(&self, alg: KeyManagement) -> bool {
        self.public.key_type() == alg.key_type() && self.alg.is_none_or(|only| only == alg)
    }

    /// The public half, for others to encrypt by.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let members = self.public.members().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        let mut jwk: Map<String, Value> = json::object(members);
        let only = if self.public.key_type() == KeyType::Rsa { Some(KeyManagement::RsaOaep256) } else { self.alg };
        for (name, value) in
            [("kid", Some(self.kid.as_str())), ("use", Some("enc")), ("alg", only.map(KeyManagement::name))]
        {
            if let Some(value) = value {
                jwk.insert(name.to_owned(), value.into());
            }
        }
        Value::Object(jwk)
    }
}

fn p256_members(members: &Map<String, Value>) -> Option<(Secret<String>, PublicKey)> {
    let names = ["kty", "crv", "x", "y"].into_iter();
    let public = json::object(names.filter_map(|name| Some((name.to_owned(), members.get(name)?.clone()))));
    let public = PublicKey::from_jwk(&public).filter(|key| key.key_type() == KeyType::P256)?;
    let mut scalar = [0; 32];
    let decoded = Base64UrlUnpadded::decode(said(members, "d")?.as_str()?, &mut scalar).ok()?.len();
    let signer = Es256Signer::from_scalar(&Secret::new(scalar)).filter(|_| decoded == 32)?;
    // x, y and d have to belong together.
    (signer.public().thumbprint() == public.thumbprint()).then(|| (signer.unnamed_jwk(), public))
}

#[cfg(test)]
mod tests;
