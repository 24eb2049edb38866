//! A compact JWS (RFC 7515 §7.1) that carries claims (RFC 7519) → verified header and claims, in two steps.
//!
//! [`UnverifiedJwt::parse`] only takes the token apart: size, three parts, strict base64url, a strict header.
//! [`UnverifiedJwt::verify`] chooses the key, has the signature checked, and reads the claims only then.
//! Of the header it uses `alg`, `kid` and `typ`; `jku`, `x5u`, `jwk` and `x5c` are never looked at (R-013).
//! What proves no more than that its sender has the key it brings along is another type: [`super::key_proof`].

use std::cell::Cell;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{KeyChoiceError, KeySet, KeyStamp, MAX_KID_BYTES, PublicKey};
use crate::jose::sign::Signatures;
use crate::json::{self, JsonError, said};

/// The longest token looked at that somebody presents, in bytes (R-100).
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The longest token that comes in an answer to a request of ours: as long as such an answer may be. People in several
/// hundred groups have ID tokens of more than 16 KiB.
pub const MAX_DELIVERED_BYTES: usize = 128 * 1024;
const MAX_TYP_BYTES: usize = 64;

/// A token taken apart. Nothing in it is to be believed, so there is no way to its claims.
pub struct UnverifiedJwt<'a> {
    header: Header,
    /// The first two parts and the dot between them, as they came (RFC 7515 §5.2, step 8).
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// What the payload says, where somebody has read it already: it is not read twice.
    claims: Cell<Option<Map<String, Value>>>,
}

/// The header members in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    is_bare: bool,
}

impl Header {
    /// Whether it has no members beside `alg`, `kid` and `typ`.
    #[must_use]
    pub const fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// `alg`.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`: an opaque name to compare with, nothing else (R-102).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ`, as it stands; media types compare without case (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
}

/// Whether a `typ` is that media type: letters compare without case, and `application/` may be left out
/// (RFC 7515 §4.1.9).
#[must_use]
pub fn is_media_type(typ: &str, expected: &str) -> bool {
    const PREFIX: &str = "application/";
    let bare = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    };
    bare.eq_ignore_ascii_case(expected)
}

/// A token whose signature a key of the given set made. Only [`UnverifiedJwt::verify`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(header: postern::jose::Header) -> postern::jose::VerifiedJwt {
/// postern::jose::VerifiedJwt { header, claims: serde_json::Map::new(), thumbprint: String::new(), key_issuer: None }
/// # }
/// ```
#[derive(Clone)]
pub struct VerifiedJwt {
    header: Header,
    claims: Map<String, Value>,
    thumbprint: String,
    key_issuer: Option<String>,
}

// A token is a credential and its claims are personal: neither belongs in a log, so only headers print.
impl fmt::Debug for UnverifiedJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJwt").field("header", &self.header).finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifiedJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedJwt").field("header", &self.header).finish_non_exhaustive()
    }
}

impl VerifiedJwt {
    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims: the issuer said so; whether they are meant for us is still to be checked.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// What verified it.
    #[must_use]
    pub fn key(&self) -> KeyStamp {
        let Header { algorithm, kid, .. } = self.header.clone();
        KeyStamp { algorithm, kid, thumbprint: self.thumbprint.clone(), issuer: self.key_issuer.clone() }
    }

    /// The issuer whose tokens the key signs, where its set says so.
    #[must_use]
    pub fn key_issuer(&self) -> Option<&str> {
        self.key_issuer.as_deref()
    }

    /// The claims, taken out.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

/// Why a token is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtError {
    /// Longer than [`MAX_TOKEN_BYTES`]; or [`MAX_DELIVERED_BYTES`], where it was delivered to us.
    TooLarge,
    /// Not three parts, or one of them empty.
    Malformed,
    /// Five parts: a JWE, and none is expected anywhere (R-058).
    Encrypted,
    /// A part is not canonical unpadded base64url.
    Encoding,
    /// The header is not a strict JSON object.
    HeaderJson(JsonError),
    /// `crit` is there; no extension is understood, and none of its other uses is legal (R-097).
    Critical,
    /// `b64` is there (RFC 7797).
    UnencodedPayload,
    /// `zip` is there (R-101).
    Compressed,
    /// `alg` is missing or no string.
    AlgorithmMissing,
    /// `alg` is none that Postern verifies; `none` and HMAC are among these (R-089).
    AlgorithmUnsupported,
    /// `alg` is not allowed for this issuer (R-045, R-088).
    AlgorithmNotAllowed,
    /// `kid` is no string, or too long.
    KidMalformed,
    /// `typ` is no string, or too long.
    TypMalformed,
    /// No key of that `kid`, or none suitable for a token without one.
    KeyUnknown,
    /// The key of that `kid` is not for this algorithm.
    KeyUnsuitable,
    /// No `kid`, and several keys suit.
    KeyAmbiguous,
    /// The signature is not by the key that `kid` names.
    BadSignature,
    /// The signature is not by the only key that suits a token without `kid`.
    BadSignatureUnnamedKey,
    /// The payload is not a strict JSON object.
    ClaimsJson(JsonError),
}

impl JwtError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "jwt.too_large",
            Self::Malformed => "jwt.malformed",
            Self::Encrypted => "jwt.encrypted",
            Self::Encoding => "jwt.encoding",
            Self::HeaderJson(_) => "jwt.header_json",
            Self::Critical => "jwt.crit",
            Self::UnencodedPayload => "jwt.b64",
            Self::Compressed => "jwt.zip",
            Self::AlgorithmMissing => "jwt.alg_missing",
            Self::AlgorithmUnsupported => "jwt.alg_unsupported",
            Self::AlgorithmNotAllowed => "jwt.alg_not_allowed",
            Self::KidMalformed => "jwt.kid_malformed",
            Self::TypMalformed => "jwt.typ_malformed",
            Self::KeyUnknown => "jwt.key_unknown",
            Self::KeyUnsuitable => "jwt.key_unsuitable",
            Self::KeyAmbiguous => "jwt.key_ambiguous",
            Self::BadSignature | Self::BadSignatureUnnamedKey => "jwt.bad_signature",
            Self::ClaimsJson(_) => "jwt.claims_json",
        }
    }

    /// Whether the provider may have changed its keys since the set was fetched, so that fetching it once
    /// more is worth it (R-008). A provider without `kid`s shows a new key by a signature that fails.
    #[must_use]
    pub const fn keys_may_be_stale(self) -> bool {
        matches!(self, Self::KeyUnknown | Self::BadSignatureUnnamedKey)
    }
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for JwtError {}

impl From<KeyChoiceError> for JwtError {
    fn from(error: KeyChoiceError) -> Self {
        match error {
            KeyChoiceError::Unknown => Self::KeyUnknown,
            KeyChoiceError::Unsuitable => Self::KeyUnsuitable,
            KeyChoiceError::Ambiguous => Self::KeyAmbiguous,
        }
    }
}

impl<'a> UnverifiedJwt<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// When it is not a compact JWS of the plain kind that providers issue.
    pub fn parse(token: &'a str) -> Result<Self, JwtError> {
        Self::take_apart(token, MAX_TOKEN_BYTES).map(|(jwt, _)| jwt)
    }

    /// Takes a token apart that came over a connection of ours to its issuer.
    ///
    /// # Errors
    /// The same, but that it may be longer.
    pub fn parse_delivered(token: &'a str) -> Result<Self, JwtError> {
        Self::take_apart(token, MAX_DELIVERED_BYTES).map(|(jwt, _)| jwt)
    }

    /// The token, and all its header says.
    pub(super) fn take_apart(token: &'a str, max_bytes: usize) -> Result<(Self, Map<String, Value>), JwtError> {
        if token.len() > max_bytes {
            return Err(JwtError::TooLarge);
        }
        let (header, payload, signature) = three_parts(token)?;
        // Everything but the last dot and the signature; the length is that of two parts of `token` itself.
        let signing_input = token.get(..header.len() + 1 + payload.len()).ok_or(JwtError::Malformed)?;
        let members = json::parse_object(&decode(header)?, MAX_TOKEN_BYTES).map_err(JwtError::HeaderJson)?;
        let header = Header::from_members(&members)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        Ok((Self { header, signing_input, payload, signature, claims: Cell::new(None) }, members))
    }

    /// The header; anybody may have written it.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The issuer that the token says it is from: anybody may have written that. It is good for finding out whose keys
    /// to hold the token against, among issuers that are known (R-105), and for nothing else.
    ///
    /// # Errors
    /// When the payload is no strict JSON object.
    pub fn claimed_issuer(&self) -> Result<Option<String>, JwtError> {
        self.claimed("iss")
    }

    /// The subject that the token says it is about: good for the same as [`UnverifiedJwt::claimed_issuer`], where subjects name
    /// their trust domain, and for nothing else.
    ///
    /// # Errors
    /// The same.
    pub fn claimed_subject(&self) -> Result<Option<String>, JwtError> {
        self.claimed("sub")
    }

    fn claimed(&self, name: &str) -> Result<Option<String>, JwtError> {
        let claims = self.read()?;
        let text = claims.get(name).and_then(Value::as_str).map(str::to_owned);
        self.claims.set(Some(claims));
        Ok(text)
    }

    fn read(&self) -> Result<Map<String, Value>, JwtError> {
        // Its size was looked at with that of the token.
        let parse = || json::parse_object(&self.payload, MAX_DELIVERED_BYTES).map_err(JwtError::ClaimsJson);
        self.claims.take().map_or_else(parse, Ok)
    }

    /// Verifies the signature by a key of `keys`, with one of the `allowed` algorithms.
    ///
    /// # Errors
    /// When it does not verify so, or does, but over something other than claims.
    pub async fn verify(
        &self,
        keys: &KeySet,
        allowed: &[Algorithm],
        signatures: &impl Signatures,
    ) -> Result<VerifiedJwt, JwtError> {
        if !allowed.contains(&self.header.algorithm) {
            return Err(JwtError::AlgorithmNotAllowed);
        }
        for key in keys.candidates(self.header.algorithm, self.header.kid())? {
            if self.is_signed_by(key, signatures).await {
                return self.verified_by(key);
            }
        }
        Err(if self.header.kid.is_some() { JwtError::BadSignature } else { JwtError::BadSignatureUnnamedKey })
    }

    /// Verifies the signature by this key, whatever `kid` says.
    pub(super) async fn verify_by(
        &self,
        key: &PublicKey,
        allowed: &[Algorithm],
        signatures: &impl Signatures,
    ) -> Result<VerifiedJwt, JwtError> {
        if !allowed.contains(&self.header.algorithm) {
            return Err(JwtError::AlgorithmNotAllowed);
        }
        if !key.suits(self.header.algorithm) {
            return Err(JwtError::KeyUnsuitable);
        }
        if self.is_signed_by(key, signatures).await { self.verified_by(key) } else { Err(JwtError::BadSignature) }
    }

    /// The key has been matched to the algorithm before.
    async fn is_signed_by(&self, key: &PublicKey, signatures: &impl Signatures) -> bool {
        let message = self.signing_input.as_bytes();
        self.signature.len() == key.signature_bytes()
            && signatures.verify(key, self.header.algorithm, message, &self.signature).await
    }

    fn verified_by(&self, key: &PublicKey) -> Result<VerifiedJwt, JwtError> {
        Ok(VerifiedJwt {
            header: self.header.clone(),
            claims: self.read()?,
            thumbprint: key.thumbprint().to_owned(),
            key_issuer: key.issuer().map(str::to_owned),
        })
    }
}

impl Header {
    fn from_members(members: &Map<String, Value>) -> Result<Self, JwtError> {
        for (name, error) in
            [("crit", JwtError::Critical), ("b64", JwtError::UnencodedPayload), ("zip", JwtError::Compressed)]
        {
            if members.contains_key(name) {
                return Err(error);
            }
        }
        let name = members.get("alg").and_then(Value::as_str).ok_or(JwtError::AlgorithmMissing)?;
        Ok(Self {
            algorithm: Algorithm::from_name(name).ok_or(JwtError::AlgorithmUnsupported)?,
            kid: short_text(members, "kid", MAX_KID_BYTES, JwtError::KidMalformed)?,
            typ: short_text(members, "typ", MAX_TYP_BYTES, JwtError::TypMalformed)?,
            is_bare: members.keys().all(|name| ["alg", "kid", "typ"].contains(&name.as_str())),
        })
    }
}

/// R-058, R-096.
fn three_parts(token: &str) -> Result<(&str, &str, &str), JwtError> {
    let mut parts = token.split('.');
    let found = (parts.next(), parts.next(), parts.next());
    match (found, parts.count()) {
        ((Some(header), Some(payload), Some(signature)), 0)
            if !header.is_empty() && !payload.is_empty() && !signature.is_empty() =>
        {
            Ok((header, payload, signature))
        }
        (_, 2) => Err(JwtError::Encrypted),
        _ => Err(JwtError::Malformed),
    }
}

/// Strict (RFC 7515 §2), and fast where most of a token passes: there is nothing in it to hide from a clock.
fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Encoding)
}

fn short_text(
    members: &Map<String, Value>,
    name: &str,
    max_bytes: usize,
    error: JwtError,
) -> Result<Option<String>, JwtError> {
    match said(members, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= max_bytes => Ok(Some(text.clone())),
        Some(_) => Err(error),
    }
}

#[cfg(test)]
mod tests;
