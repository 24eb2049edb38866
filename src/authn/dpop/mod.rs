//! A `DPoP` header → proof that whoever presents a token has the key that the token is bound to (RFC 9449 §4.3, §7).
//!
//! [`DpopProof::check`] is pure: the proof may still be a copy of one that was used. Its [`DpopProof::once_key`] is to be
//! claimed last, when nothing else can fail any more, so that a proof is not used up by a refusal.

mod error;
pub mod nonce;
mod target_uri;

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use error::{Blame, DpopError};
pub use target_uri::TargetUri;

use crate::claims::{text, time};
use crate::http::HeaderMap;
use crate::jose::{Algorithm, UnverifiedKeyProof};
use crate::keyring::KeyRing;
use crate::ports::Signatures;
use crate::time::{Seconds, Timestamp};

/// What proofs may be signed with: one each of the families that FAPI 2.0 §5.4.1 allows, and ES384.
pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Ps256];
/// Their names, as a challenge lists them (§7.1).
#[must_use]
pub fn algorithm_names() -> String {
    ALGORITHMS.map(Algorithm::name).join(" ")
}

/// How old a proof may be (§11.1).
pub const MAX_AGE: Seconds = Seconds::new(60);
/// How far a client's clock may be ahead of ours. Short, since what is signed ahead of its time is kept for later (§11.2).
pub const MAX_AHEAD: Seconds = Seconds::new(10);

const HEADER: &str = "dpop";
const TYP: &str = "dpop+jwt";
/// Enough for the largest key that is used here, its signature, and a long URI.
const MAX_PROOF_BYTES: usize = 8 * 1024;
const MAX_JTI_BYTES: usize = 256;
const MAX_METHOD_BYTES: usize = 32;
/// The clock of another isolate may be that much behind ours.
const CLOCKS_APART: Seconds = Seconds::minutes(1);

/// What a proof must be. Every field is given.
#[derive(Debug)]
pub struct ProofExpectations<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URI of the request.
    pub uri: &'a TargetUri,
    /// The token that it comes with.
    pub access_token: &'a str,
    /// The thumbprint of the key that the token is bound to.
    pub jkt: &'a str,
    /// Whether it must hold a nonce of ours.
    pub nonce: NonceRule<'a>,
    /// Now.
    pub now: Timestamp,
}

/// What a proof must be that comes for a token which is yet to be made (§5). Every field is given.
#[derive(Debug)]
pub struct KeyExpectations<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URI of the request.
    pub uri: &'a TargetUri,
    /// Whether it must hold a nonce of ours.
    pub nonce: NonceRule<'a>,
    /// Now.
    pub now: Timestamp,
}

/// Whether a proof must hold a nonce of ours (§9).
#[derive(Clone, Copy, Debug)]
pub enum NonceRule<'a> {
    /// No: whatever it holds is not looked at.
    Unasked,
    /// Yes, one made with a key of this ring.
    Required(&'a KeyRing),
}

/// That a sender has the key, for this request alone. Only [`DpopProof::check`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(real: postern::authn::dpop::DpopProof) -> postern::authn::dpop::DpopProof {
/// postern::authn::dpop::DpopProof { once_key: [0; 32], ..real }
/// # }
/// ```
pub struct DpopProof {
    once_key: [u8; 32],
    usable_until: Timestamp,
}

impl fmt::Debug for DpopProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopProof").field("usable_until", &self.usable_until).finish_non_exhaustive()
    }
}

impl DpopProof {
    /// Checks the proof that came with a request. The numbers are those of RFC 9449 §4.3; whether the key is the one
    /// expected is looked at before any signature by it.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn check(
        headers: &HeaderMap,
        expected: &ProofExpectations<'_>,
        signatures: &impl Signatures,
    ) -> Result<Self, DpopError> {
        let proof = UnverifiedKeyProof::parse(only_header(headers)?)?; // 1, 2, 7
        if !proof.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
            return Err(DpopError::TypRefused); // 4
        }
        if proof.thumbprint() != expected.jkt {
            return Err(DpopError::KeyMismatch); // 12
        }
        let proof = proof.verify(&ALGORITHMS, signatures).await?; // 5, 6
        let &ProofExpectations { method, uri, access_token, jkt, nonce, now } = expected;
        let read = Self::read(proof.claims(), jkt, &KeyExpectations { method, uri, nonce, now })?;
        check_token(proof.claims(), access_token)?; // 12
        Ok(read)
    }

    /// Checks the proof that came with a request for a token: of any key, whose thumbprint is told. The token is to be bound
    /// to it.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn check_key(
        headers: &HeaderMap,
        expected: &KeyExpectations<'_>,
        signatures: &impl Signatures,
    ) -> Result<(Self, String), DpopError> {
        let proof = UnverifiedKeyProof::parse(only_header(headers)?)?;
        if !proof.typ().is_some_and(|typ| typ.eq_ignore_ascii_case(TYP)) {
            return Err(DpopError::TypRefused);
        }
        let jkt = proof.thumbprint().to_owned();
        let proof = proof.verify(&ALGORITHMS, signatures).await?;
        Ok((Self::read(proof.claims(), &jkt, expected)?, jkt))
    }

    fn read(claims: &Map<String, Value>, jkt: &str, expected: &KeyExpectations<'_>) -> Result<Self, DpopError> {
        let jti = bounded(claims, "jti", MAX_JTI_BYTES).ok_or(DpopError::JtiMalformed)?; // 3
        check_method(claims, expected.method)?; // 8
        check_uri(claims, expected.uri)?; // 9
        check_nonce(claims, expected)?; // 10
        let issued_at = check_time(claims, expected.now)?; // 11
        let usable_until = issued_at.plus(MAX_AGE).plus(CLOCKS_APART);
        Ok(Self { once_key: once_key(jkt, expected.uri, jti), usable_until })
    }

    /// What is remembered of it once it was used: a hash of the key's thumbprint, the URI and `jti` (§11.1, R-128).
    #[must_use]
    pub const fn once_key(&self) -> &[u8; 32] {
        &self.once_key
    }

    /// From when on it would be refused for its age alone, by any clock of ours.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }
}

/// 1. Several header lines come joined by `, ` on some platforms; no JWT holds a comma.
fn only_header(headers: &HeaderMap) -> Result<&str, DpopError> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next().ok_or(DpopError::Missing)?;
    if values.next().is_some() || value.as_bytes().contains(&b',') {
        return Err(DpopError::Repeated);
    }
    if value.len() > MAX_PROOF_BYTES {
        return Err(DpopError::TooLarge);
    }
    value.to_str().map_err(|_| DpopError::NotText)
}

/// Methods compare byte for byte (RFC 9110 §9.1).
fn check_method(claims: &Map<String, Value>, method: &str) -> Result<(), DpopError> {
    let htm = bounded(claims, "htm", MAX_METHOD_BYTES).ok_or(DpopError::HtmMalformed)?;
    if htm == method { Ok(()) } else { Err(DpopError::HtmMismatch) }
}

fn check_uri(claims: &Map<String, Value>, uri: &TargetUri) -> Result<(), DpopError> {
    let htu = text(claims, "htu").and_then(TargetUri::parse).ok_or(DpopError::HtuMalformed)?;
    if htu == *uri { Ok(()) } else { Err(DpopError::HtuMismatch) }
}

fn check_nonce(claims: &Map<String, Value>, expected: &KeyExpectations<'_>) -> Result<(), DpopError> {
    let NonceRule::Required(keys) = expected.nonce else { return Ok(()) };
    let nonce = claims.get("nonce").ok_or(DpopError::NonceMissing)?;
    let is_ours = nonce.as_str().is_some_and(|nonce| nonce::is_current(keys, nonce, expected.now));
    if is_ours { Ok(()) } else { Err(DpopError::NonceRefused) }
}

fn check_time(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, DpopError> {
    let issued_at = time(claims, "iat").ok_or(DpopError::IatMalformed)?;
    if issued_at > now.plus(MAX_AHEAD) {
        return Err(DpopError::IatInFuture);
    }
    if now > issued_at.plus(MAX_AGE) {
        return Err(DpopError::IatTooOld);
    }
    Ok(issued_at)
}

/// `ath` (§4.2): without it, a proof made for one token would do for every token of the key.
fn check_token(claims: &Map<String, Value>, access_token: &str) -> Result<(), DpopError> {
    let ath = text(claims, "ath").ok_or(DpopError::AthMalformed)?;
    let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(access_token));
    if ath == hash { Ok(()) } else { Err(DpopError::AthMismatch) }
}

fn bounded<'a>(claims: &'a Map<String, Value>, name: &str, max_bytes: usize) -> Option<&'a str> {
    text(claims, name).filter(|value| !value.is_empty() && value.len() <= max_bytes)
}

/// Neither a thumbprint nor a URI holds a NUL: no two triples share an input.
fn once_key(jkt: &str, uri: &TargetUri, jti: &str) -> [u8; 32] {
    let digest = Sha256::new().chain_update(b"postern/dpop-proof/").chain_update(jkt).chain_update([0]);
    digest.chain_update(uri.as_str()).chain_update([0]).chain_update(jti).finalize().into()
}

#[cfg(test)]
mod tests;
