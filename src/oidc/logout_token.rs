//! A verified JWT and what a back-channel logout expects → a logout token that may be believed
//! (OpenID Connect Back-Channel Logout 1.0 §2.6).

use std::fmt;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::key_issuer::signs_for;
use crate::claims::{
    Audience, LEEWAY, OwnAudience, audience, beginning, is_ahead, is_issued_to, is_over, name, optional, text, time,
};
use crate::config::LogoutTokens;
use crate::jose::{VerifiedJwt, is_media_type};
use crate::json::said;
use crate::time::{Seconds, Timestamp};

/// How long ago, at most, a logout token was issued. Providers are told to let them expire within two
/// minutes (§2.4, §4); some retry a little longer.
pub const MAX_AGE: Seconds = Seconds::minutes(10);

/// The member of `events` that makes a token a logout token (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const TYP: &str = "logout+jwt";

/// What a logout token must be. Every field is given.
pub struct LogoutTokenExpectations<'a> {
    /// The issuer of the metadata, which is that of the configuration.
    pub issuer: &'a str,
    /// Our id at the provider, and who else its tokens may be for.
    pub audience: OwnAudience<'a>,
    /// What this provider's logout tokens are like.
    pub kind: LogoutTokens,
    /// Now.
    pub now: Timestamp,
}

/// What the provider ended. Only [`LogoutToken::check`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(real: postern::oidc::logout_token::LogoutToken) -> postern::oidc::logout_token::LogoutToken {
/// postern::oidc::logout_token::LogoutToken { once_key: [0; 32], ..real }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutToken {
    target: Target,
    once_key: [u8; 32],
    usable_until: Timestamp,
}

/// Which sessions are meant (§2.7).
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// All sessions of this subject.
    Subject(String),
    /// This session of whoever it belongs to.
    Session(String),
    /// This session of this subject.
    SubjectSession {
        /// `sub`
        subject: String,
        /// `sid`
        sid: String,
    },
}

impl fmt::Debug for LogoutToken {
    /// Nothing of the person: it may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutToken").field("usable_until", &self.usable_until).finish_non_exhaustive()
    }
}

/// The check a logout token failed. Each stands for one claim, or one rule about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutTokenError {
    /// `typ` says that it is another kind of token, or does not say that it is this one.
    TypRefused,
    /// `iss` is not the issuer, or missing.
    IssMismatch,
    /// The key that verified it is for the tokens of another issuer (R-386).
    KeyIssuerMismatch,
    /// `aud` is missing, empty, or neither a string nor an array of strings.
    AudMalformed,
    /// `aud` does not contain our id.
    AudMismatch,
    /// `aud` contains others beside us, who are not trusted, and `azp` does not say that the token was issued to us.
    AudUntrusted,
    /// `exp` is missing and required, or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// `iat` is missing or no time.
    IatMalformed,
    /// `iat` is in the future.
    IatInFuture,
    /// `iat` is too long ago.
    IatTooOld,
    /// `nbf` is there and no time.
    NbfMalformed,
    /// Before `nbf`.
    NotYetValid,
    /// `sub` is there and no string of 1 to 255 ASCII characters.
    SubMalformed,
    /// `sid` is there and no such string.
    SidMalformed,
    /// Neither `sub` nor `sid`.
    NobodyNamed,
    /// `events` is missing or no object, has no member for back-channel logout, or that is no object.
    EventsMalformed,
    /// It has `nonce`, as an ID token has.
    NoncePresent,
    /// `jti` is missing, no string, or empty.
    JtiMalformed,
}

impl LogoutTokenError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TypRefused => "logout_token.typ_refused",
            Self::IssMismatch => "logout_token.iss_mismatch",
            Self::KeyIssuerMismatch => "logout_token.key_issuer_mismatch",
            Self::AudMalformed => "logout_token.aud_malformed",
            Self::AudMismatch => "logout_token.aud_mismatch",
            Self::AudUntrusted => "logout_token.aud_untrusted",
            Self::ExpMalformed => "logout_token.exp_malformed",
            Self::Expired => "logout_token.expired",
            Self::IatMalformed => "logout_token.iat_malformed",
            Self::IatInFuture => "logout_token.iat_in_future",
            Self::IatTooOld => "logout_token.iat_too_old",
            Self::NbfMalformed => "logout_token.nbf_malformed",
            Self::NotYetValid => "logout_token.not_yet_valid",
            Self::SubMalformed => "logout_token.sub_malformed",
            Self::SidMalformed => "logout_token.sid_malformed",
            Self::NobodyNamed => "logout_token.nobody_named",
            Self::EventsMalformed => "logout_token.events_malformed",
            Self::NoncePresent => "logout_token.nonce_present",
            Self::JtiMalformed => "logout_token.jti_malformed",
        }
    }
}

impl LogoutToken {
    /// Checks the claims, in the order of Back-Channel Logout §2.6. Its steps 1 to 3 (encryption,
    /// signature, algorithm) are behind a [`VerifiedJwt`]; its key set and algorithms must be the issuer's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(jwt: &VerifiedJwt, expected: &LogoutTokenExpectations<'_>) -> Result<Self, LogoutTokenError> {
        let claims = jwt.claims();
        check_kind(jwt.header().typ(), expected.kind)?;
        check_issuer(claims, expected.issuer)?; // 4
        if !signs_for(jwt.key_issuer(), expected.issuer) {
            return Err(LogoutTokenError::KeyIssuerMismatch);
        }
        check_audience(claims, expected.audience)?; // 4
        let usable_until = check_times(claims, expected)?; // 4
        let target = target(claims)?; // 5
        check_events(claims)?; // 6
        if said(claims, "nonce").is_some() {
            return Err(LogoutTokenError::NoncePresent); // 7
        }
        let jti = text(claims, "jti").filter(|jti| !jti.is_empty()).ok_or(LogoutTokenError::JtiMalformed)?; // 8
        Ok(Self { target, once_key: once_key(expected.issuer, jti), usable_until })
    }

    /// Which sessions are meant.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// What is remembered of it once it was received, so that it works once (R-079).
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

/// R-080. A token without a `typ` of its own is told from others by `events` alone.
fn check_kind(typ: Option<&str>, kind: LogoutTokens) -> Result<(), LogoutTokenError> {
    let is = |expected: &str| typ.is_some_and(|typ| is_media_type(typ, expected));
    let fits = match kind {
        LogoutTokens::Strict => is(TYP),
        LogoutTokens::Standard => is(TYP) || typ.is_none(),
        LogoutTokens::Legacy => is(TYP) || is("JWT") || typ.is_none(),
    };
    if fits { Ok(()) } else { Err(LogoutTokenError::TypRefused) }
}

fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), LogoutTokenError> {
    if text(claims, "iss") == Some(issuer) { Ok(()) } else { Err(LogoutTokenError::IssMismatch) }
}

/// As for ID tokens.
fn check_audience(claims: &Map<String, Value>, own: OwnAudience<'_>) -> Result<(), LogoutTokenError> {
    match audience(claims, own) {
        Audience::Ours => Ok(()),
        Audience::Shared if is_issued_to(claims, own.client_id) == Some(true) => Ok(()),
        Audience::Shared | Audience::Untrusted => Err(LogoutTokenError::AudUntrusted),
        Audience::Foreign => Err(LogoutTokenError::AudMismatch),
        Audience::Malformed => Err(LogoutTokenError::AudMalformed),
    }
}

/// R-075. Returns when the token is certainly of no use any more: its `jti` need not be remembered longer.
fn check_times(
    claims: &Map<String, Value>,
    expected: &LogoutTokenExpectations<'_>,
) -> Result<Timestamp, LogoutTokenError> {
    let now = expected.now;
    let expires_at = optional(claims, "exp", time, LogoutTokenError::ExpMalformed)?;
    if expires_at.is_none() && expected.kind != LogoutTokens::Legacy {
        return Err(LogoutTokenError::ExpMalformed);
    }
    if expires_at.is_some_and(|expires_at| is_over(expires_at, now)) {
        return Err(LogoutTokenError::Expired);
    }
    let issued_at = time(claims, "iat").ok_or(LogoutTokenError::IatMalformed)?;
    if is_ahead(issued_at, now) {
        return Err(LogoutTokenError::IatInFuture);
    }
    if now > issued_at.plus(MAX_AGE) {
        return Err(LogoutTokenError::IatTooOld);
    }
    let not_before = optional(claims, "nbf", beginning, LogoutTokenError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(LogoutTokenError::NotYetValid);
    }
    let too_old = issued_at.plus(MAX_AGE).plus(LEEWAY);
    let until = expires_at.map_or(too_old, |expires_at| expires_at.plus(LEEWAY).min(too_old));
    // Another isolate's clock may be a little behind ours.
    Ok(until.plus(LEEWAY))
}

/// R-076.
fn target(claims: &Map<String, Value>) -> Result<Target, LogoutTokenError> {
    let subject = optional(claims, "sub", name, LogoutTokenError::SubMalformed)?;
    let sid = optional(claims, "sid", name, LogoutTokenError::SidMalformed)?;
    match (subject, sid) {
        (Some(subject), Some(sid)) => Ok(Target::SubjectSession { subject, sid }),
        (Some(subject), None) => Ok(Target::Subject(subject)),
        (None, Some(sid)) => Ok(Target::Session(sid)),
        (None, None) => Err(LogoutTokenError::NobodyNamed),
    }
}

/// R-077.
fn check_events(claims: &Map<String, Value>) -> Result<(), LogoutTokenError> {
    let event = claims.get("events").and_then(Value::as_object).and_then(|events| events.get(EVENT));
    if event.is_some_and(Value::is_object) { Ok(()) } else { Err(LogoutTokenError::EventsMalformed) }
}

fn once_key(issuer: &str, jti: &str) -> [u8; 32] {
    // An issuer is a URL and so holds no NUL: no two pairs share an input.
    let digest = Sha256::new().chain_update(b"postern/logout-token/").chain_update(issuer).chain_update([0]);
    digest.chain_update(jti).finalize().into()
}

#[cfg(test)]
mod tests;
