//! A compact JWS that brings its own public key (`jwk` in its header, RFC 7515 §4.1.3) → proof that its sender has the
//! private one.
//!
//! The one place where a key from a header is used. Whoever wants to can make such a proof, so nothing is to be believed
//! of what it claims but that; and neither of the two types becomes an [`UnverifiedJwt`] or a
//! [`VerifiedJwt`](super::VerifiedJwt), which is what every other validator takes (R-013, R-106).

use serde_json::{Map, Value};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{PublicKey, has_private_parts};
use crate::jose::jws::{JwtError, MAX_TOKEN_BYTES, UnverifiedJwt, VerifiedJwt};
use crate::jose::sign::Signatures;

/// A proof taken apart; its signature is still to be checked.
#[derive(Debug)]
pub struct UnverifiedKeyProof<'a> {
    jwt: UnverifiedJwt<'a>,
    key: PublicKey,
}

/// A proof whose signature the key in its own header made. Only [`UnverifiedKeyProof::verify`] makes one:
///
/// ```compile_fail,E0423
/// # fn forge(jwt: postern::jose::VerifiedJwt) -> postern::jose::VerifiedKeyProof {
/// postern::jose::VerifiedKeyProof(jwt)
/// # }
/// ```
#[derive(Debug)]
pub struct VerifiedKeyProof(VerifiedJwt);

/// Why something is no proof of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProofError {
    /// It is no compact JWS, or its signature is wrong.
    Jwt(JwtError),
    /// `jwk` is missing or no object.
    KeyMissing,
    /// `jwk` holds the private key, which now two know.
    KeyPrivate,
    /// `jwk` is no public key of a kind and size that is used here.
    KeyUnusable,
}

impl<'a> UnverifiedKeyProof<'a> {
    /// Takes a proof apart.
    ///
    /// # Errors
    /// When it is no compact JWS with a public key in its header.
    pub fn parse(text: &'a str) -> Result<Self, KeyProofError> {
        let (jwt, header) = UnverifiedJwt::take_apart(text, MAX_TOKEN_BYTES).map_err(KeyProofError::Jwt)?;
        let jwk = header.get("jwk").and_then(Value::as_object).ok_or(KeyProofError::KeyMissing)?;
        if has_private_parts(jwk) {
            return Err(KeyProofError::KeyPrivate);
        }
        let key = PublicKey::from_jwk(jwk).ok_or(KeyProofError::KeyUnusable)?;
        Ok(Self { jwt, key })
    }

    /// `typ`, as it stands.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.jwt.header().typ()
    }

    /// The SHA-256 thumbprint (RFC 7638) of the key it brings, in base64url. Known before anything is verified, so
    /// that no signature by a key nobody asked for need be looked at.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.key.thumbprint()
    }

    /// The key it brings.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies the signature by the key it brings, with one of the `allowed` algorithms.
    ///
    /// # Errors
    /// When it does not verify so, or does, but over something other than claims.
    pub async fn verify(
        self,
        allowed: &[Algorithm],
        signatures: &impl Signatures,
    ) -> Result<VerifiedKeyProof, KeyProofError> {
        let verified = self.jwt.verify_by(&self.key, allowed, signatures).await;
        verified.map(VerifiedKeyProof).map_err(KeyProofError::Jwt)
    }
}

impl VerifiedKeyProof {
    /// Verifies a further proof of a key that is known from an earlier one, with one of the `allowed` algorithms.
    ///
    /// # Errors
    /// When it does not verify so, or does, but over something other than claims.
    pub async fn by_known_key(
        proof: &UnverifiedJwt<'_>,
        key: &PublicKey,
        allowed: &[Algorithm],
        signatures: &impl Signatures,
    ) -> Result<Self, KeyProofError> {
        proof.verify_by(key, allowed, signatures).await.map(Self).map_err(KeyProofError::Jwt)
    }

    /// What the owner of the key says.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        self.0.claims()
    }
}

#[cfg(test)]
mod tests;
