//! A verified JWT and what a global token revocation expects → a token by which a provider may end what a person has here
//! (draft-parecki-oauth-global-token-revocation §3; Okta calls it Universal Logout).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::key_issuer::signs_for;
use super::revocation_request::RevokedSubject;
use crate::claims::{AUD, LEEWAY, audiences, beginning, is_ahead, is_over, optional, text, time};
use crate::config::RevocationTyp;
use crate::jose::{VerifiedJwt, is_media_type};
use crate::time::{Seconds, Timestamp};

/// The longest life of a token: Okta's begin five minutes before they are made, and end five minutes later.
pub const MAX_LIFE: Seconds = Seconds::minutes(10);

const TYP: &str = "global-token-revocation+jwt";

/// What such a token must be. Every field is given.
#[derive(Clone, Copy, Debug)]
pub struct RevocationTokenExpectations<'a> {
    /// The issuer of the metadata, which is that of the configuration.
    pub issuer: &'a str,
    /// The address that it is sent to.
    pub audience: &'a str,
    /// Our id at the provider.
    pub client_id: &'a str,
    /// What its `typ` may be.
    pub typ: RevocationTyp,
    /// Now.
    pub now: Timestamp,
}

/// A token that may be believed. Only [`RevocationToken::check`] makes one.
#[derive(Debug)]
pub struct RevocationToken {
    once_key: [u8; 32],
    usable_until: Timestamp,
}

/// The check that a token failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationTokenError {
    /// `typ` says that it is another kind of token, or does not say that it is this one.
    TypRefused,
    /// `iss` is not the issuer, or missing.
    IssMismatch,
    /// The key that verified it is for the tokens of another issuer.
    KeyIssuerMismatch,
    /// `aud` is not the address that it was sent to, and that alone.
    AudMismatch,
    /// `sub` is not our id at the provider.
    SubMismatch,
    /// `exp` is missing or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `iat` is missing or no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// From `iat` to `exp` it is longer than such a token lives.
    LivesTooLong,
    /// `nbf` is there and no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `jti` is missing, no string, or empty.
    JtiMalformed,
    /// It came before, for somebody else.
    AlreadyUsed,
}

impl RevocationTokenError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypRefused => "revocation_token.typ_refused",
            Self::IssMismatch => "revocation_token.iss_mismatch",
            Self::KeyIssuerMismatch => "revocation_token.key_issuer_mismatch",
            Self::AudMismatch => "revocation_token.aud_mismatch",
            Self::SubMismatch => "revocation_token.sub_mismatch",
            Self::ExpMalformed => "revocation_token.exp_malformed",
            Self::Expired => "revocation_token.expired",
            Self::IatMalformed => "revocation_token.iat_malformed",
            Self::IatInFuture => "revocation_token.iat_in_future",
            Self::LivesTooLong => "revocation_token.lives_too_long",
            Self::NbfMalformed => "revocation_token.nbf_malformed",
            Self::NotYetValid => "revocation_token.not_yet_valid",
            Self::JtiMalformed => "revocation_token.jti_malformed",
            Self::AlreadyUsed => "revocation_token.already_used",
        }
    }
}

impl RevocationToken {
    /// Checks the claims.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(jwt: &VerifiedJwt, expected: &RevocationTokenExpectations<'_>) -> Result<Self, RevocationTokenError> {
        let claims = jwt.claims();
        check_typ(jwt.header().typ(), expected.typ)?;
        if text(claims, "iss") != Some(expected.issuer) {
            return Err(RevocationTokenError::IssMismatch);
        }
        if !signs_for(jwt.key_issuer(), expected.issuer) {
            return Err(RevocationTokenError::KeyIssuerMismatch);
        }
        if audiences(claims, AUD).as_deref() != Some(&[expected.audience]) {
            return Err(RevocationTokenError::AudMismatch);
        }
        if text(claims, "sub") != Some(expected.client_id) {
            return Err(RevocationTokenError::SubMismatch);
        }
        let expires_at = expiry(claims, expected.now)?;
        let jti = text(claims, "jti").filter(|jti| !jti.is_empty()).ok_or(RevocationTokenError::JtiMalformed)?;
        // Another isolate's clock may be a little behind ours.
        let usable_until = expires_at.plus(LEEWAY).plus(LEEWAY);
        Ok(Self { once_key: once_key(expected.issuer, jti), usable_until })
    }

    /// What is remembered of it once it was received, so that a copy of it ends nothing that begins later.
    #[must_use]
    pub const fn once_key(&self) -> &[u8; 32] {
        &self.once_key
    }

    /// The same for this subject: a token is for one.
    #[must_use]
    pub fn with_subject(&self, subject: &RevokedSubject) -> [u8; 32] {
        let (kind, name) = match subject {
            RevokedSubject::Subject(subject) => ("subject", subject.as_str()),
            RevokedSubject::Email(email) => ("email", email.as_str()),
        };
        Sha256::new()
            .chain_update(self.once_key)
            .chain_update(kind)
            .chain_update([0])
            .chain_update(name)
            .finalize()
            .into()
    }

    /// From when on it would be refused for its age alone, by any clock of ours.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }
}

fn check_typ(typ: Option<&str>, wanted: RevocationTyp) -> Result<(), RevocationTokenError> {
    let is = |expected: &str| typ.is_some_and(|typ| is_media_type(typ, expected));
    let fits = is(TYP) || (wanted == RevocationTyp::Legacy && (is("JWT") || typ.is_none()));
    if fits { Ok(()) } else { Err(RevocationTokenError::TypRefused) }
}

/// When it ends, if all its times are good.
fn expiry(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, RevocationTokenError> {
    let expires_at = time(claims, "exp").ok_or(RevocationTokenError::ExpMalformed)?;
    if is_over(expires_at, now) {
        return Err(RevocationTokenError::Expired);
    }
    let issued_at = time(claims, "iat").ok_or(RevocationTokenError::IatMalformed)?;
    if is_ahead(issued_at, now) {
        return Err(RevocationTokenError::IatInFuture);
    }
    if expires_at > issued_at.plus(MAX_LIFE) {
        return Err(RevocationTokenError::LivesTooLong);
    }
    let not_before = optional(claims, "nbf", beginning, RevocationTokenError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(RevocationTokenError::NotYetValid);
    }
    Ok(expires_at)
}

fn once_key(issuer: &str, jti: &str) -> [u8; 32] {
    // An issuer is a URL and so holds no NUL: no two pairs share an input.
    let digest = Sha256::new().chain_update(b"postern/revocation-token/").chain_update(issuer).chain_update([0]);
    digest.chain_update(jti).finalize().into()
}

#[cfg(test)]
mod tests;
