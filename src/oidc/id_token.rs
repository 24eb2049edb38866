//! A verified JWT and what a login expects → an ID token that may be believed (OpenID Connect Core §3.1.3.7).

mod error;

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

pub use error::IdTokenError;

use super::login_values::Nonce;
use crate::claims::{
    Audience, LEEWAY, OwnAudience, audience, beginning, is_ahead, is_issued_to, is_over, name, optional, text, time,
};
use crate::jose::{Algorithm, VerifiedJwt, is_media_type};
use crate::json::{said, texts};
use crate::secret::constant_time_eq;
use crate::time::{Seconds, Timestamp};

/// How long ago, at most, an ID token that ends a login was issued.
pub const MAX_AGE_AT_LOGIN: Seconds = Seconds::minutes(10);

/// What an ID token must be to end one login. Every field is given; what is not asked for is `None` or empty.
pub struct IdTokenExpectations<'a> {
    /// The issuer of the metadata, which is that of the configuration.
    pub issuer: &'a str,
    /// Our id at the provider, and who else its ID tokens may be for.
    pub audience: OwnAudience<'a>,
    /// The nonce sent with this login.
    pub nonce: &'a Nonce,
    /// The access token of the same response, for `at_hash`. `None` when there is none, and then `at_hash` is not looked at.
    pub access_token: Option<&'a str>,
    /// The `max_age` sent with this login.
    pub max_age: Option<Seconds>,
    /// The values of `acr` of which one is required; empty when none is.
    pub acr_values: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// What an ID token that comes with a refresh must be (OpenID Connect Core §12.2, R-063).
#[derive(Debug)]
pub struct RefreshedIdTokenExpectations<'a> {
    /// The issuer of the session.
    pub issuer: &'a str,
    /// Our id at the provider, and who else its ID tokens may be for.
    pub audience: OwnAudience<'a>,
    /// The subject of the session.
    pub subject: &'a str,
    /// The `nonce` of the login, if it is still known.
    pub nonce: Option<&'a Nonce>,
    /// The new access token.
    pub access_token: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Who signed in, by word of the provider, for this login. Only [`IdToken::check`] makes one:
///
/// ```compile_fail,E0451
/// # fn forge(real: postern::oidc::id_token::IdToken) -> postern::oidc::id_token::IdToken {
/// postern::oidc::id_token::IdToken { subject: "somebody else".to_owned(), ..real }
/// # }
/// ```
#[derive(Clone)]
pub struct IdToken {
    issuer: String,
    subject: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    auth_time: Option<Timestamp>,
    sid: Option<String>,
    claims: Map<String, Value>,
}

impl fmt::Debug for IdToken {
    /// Nothing of the person: it may end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl IdToken {
    /// Checks the claims, in the order of OpenID Connect Core §3.1.3.7. Its steps 1 and 6 to 8 (encryption,
    /// signature, algorithm) are behind a [`VerifiedJwt`]; its key set and algorithms must be the issuer's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(jwt: VerifiedJwt, expected: &IdTokenExpectations<'_>) -> Result<Self, IdTokenError> {
        check_kind(&jwt)?;
        let claims = jwt.claims();
        check_issuer(claims, expected.issuer)?; // 2
        check_audience(claims, expected.audience)?; // 3, 4, 5
        let expires_at = check_expiry(claims, expected.now)?; // 9
        let issued_at = check_issue(claims, expected.now)?; // 10
        check_nonce(claims, expected.nonce)?; // 11
        check_acr(claims, expected.acr_values)?; // 12
        let auth_time = check_auth_time(claims, expected)?; // 13
        check_at_hash(claims, jwt.header().algorithm(), expected.access_token)?; // §3.1.3.8
        let subject = name(claims, "sub").ok_or(IdTokenError::SubMalformed)?;
        let sid = optional(claims, "sid", name, IdTokenError::SidMalformed)?;
        Ok(Self {
            issuer: expected.issuer.to_owned(),
            subject,
            issued_at,
            expires_at,
            auth_time,
            sid,
            claims: jwt.into_claims(),
        })
    }

    /// Checks an ID token that came with a refresh: the same person, for us. `auth_time` is not looked at: providers move
    /// it with each refresh, or leave it out, and the session keeps that of its sign-in (R-122).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_refreshed(jwt: &VerifiedJwt, expected: &RefreshedIdTokenExpectations<'_>) -> Result<(), IdTokenError> {
        check_kind(jwt)?;
        let claims = jwt.claims();
        check_issuer(claims, expected.issuer)?;
        if text(claims, "sub") != Some(expected.subject) {
            return Err(IdTokenError::SubMismatch);
        }
        check_audience(claims, expected.audience)?;
        check_expiry(claims, expected.now)?;
        check_issue(claims, expected.now)?;
        match expected.nonce {
            Some(nonce) if said(claims, "nonce").is_some() => check_nonce(claims, nonce)?,
            _ => {}
        }
        check_at_hash(claims, jwt.header().algorithm(), Some(expected.access_token))
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`: names a person together with the issuer only (R-057).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `iat`.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `exp`.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `auth_time`: when the person signed in at the provider.
    #[must_use]
    pub const fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// `acr`, unless it is no string: then it satisfies nothing.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        said(&self.claims, "acr")?.as_str()
    }

    /// The texts in `amr`, be it one by itself.
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        said(&self.claims, "amr").into_iter().flat_map(texts)
    }

    /// `sid`: the session at the provider, for its logout.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// All claims.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// All claims, taken out.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

/// R-051: other kinds of tokens name their `typ`; an ID token has none, or `JWT` (RFC 7519 §5.1, RFC 8725 §3.11).
fn check_kind(jwt: &VerifiedJwt) -> Result<(), IdTokenError> {
    if jwt.header().typ().is_some_and(|typ| !is_media_type(typ, "JWT")) {
        return Err(IdTokenError::TypRefused);
    }
    if said(jwt.claims(), "events").is_some() {
        return Err(IdTokenError::EventsPresent);
    }
    Ok(())
}

fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), IdTokenError> {
    if text(claims, "iss") == Some(issuer) { Ok(()) } else { Err(IdTokenError::IssMismatch) }
}

/// R-042, R-043. A token for others too is ours where it says that it was issued to us.
fn check_audience(claims: &Map<String, Value>, own: OwnAudience<'_>) -> Result<(), IdTokenError> {
    match (audience(claims, own), is_issued_to(claims, own.client_id)) {
        (Audience::Foreign, _) => Err(IdTokenError::AudMismatch),
        (Audience::Malformed, _) => Err(IdTokenError::AudMalformed),
        (Audience::Untrusted, _) => Err(IdTokenError::AudUntrusted),
        (_, Some(false)) => Err(IdTokenError::AzpMismatch),
        (Audience::Shared, None) => Err(IdTokenError::AzpMissing),
        (Audience::Ours | Audience::Shared, _) => Ok(()),
    }
}

/// R-046.
fn check_expiry(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, IdTokenError> {
    let expires_at = time(claims, "exp").ok_or(IdTokenError::ExpMalformed)?;
    if is_over(expires_at, now) { Err(IdTokenError::Expired) } else { Ok(expires_at) }
}

/// R-047, R-103, R-104.
fn check_issue(claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, IdTokenError> {
    let issued_at = time(claims, "iat").ok_or(IdTokenError::IatMalformed)?;
    if is_ahead(issued_at, now) {
        return Err(IdTokenError::IatInFuture);
    }
    if now > issued_at.plus(MAX_AGE_AT_LOGIN) {
        return Err(IdTokenError::IatTooOld);
    }
    let not_before = optional(claims, "nbf", beginning, IdTokenError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(IdTokenError::NotYetValid);
    }
    Ok(issued_at)
}

/// R-048.
fn check_nonce(claims: &Map<String, Value>, expected: &Nonce) -> Result<(), IdTokenError> {
    let nonce = text(claims, "nonce").ok_or(IdTokenError::NonceMissing)?;
    if constant_time_eq(nonce.as_bytes(), expected.expose().as_bytes()) {
        Ok(())
    } else {
        Err(IdTokenError::NonceMismatch)
    }
}

/// R-053.
fn check_acr(claims: &Map<String, Value>, accepted: &[String]) -> Result<(), IdTokenError> {
    let acr = text(claims, "acr");
    if accepted.is_empty() || accepted.iter().any(|value| acr == Some(value)) {
        Ok(())
    } else {
        Err(IdTokenError::AcrUnsatisfied)
    }
}

/// R-052. Checked for being a past time even when nobody asked: routes ask later how long ago it was.
fn check_auth_time(
    claims: &Map<String, Value>,
    expected: &IdTokenExpectations<'_>,
) -> Result<Option<Timestamp>, IdTokenError> {
    let auth_time = optional(claims, "auth_time", time, IdTokenError::AuthTimeMalformed)?;
    if auth_time.is_some_and(|auth_time| is_ahead(auth_time, expected.now)) {
        return Err(IdTokenError::AuthTimeInFuture);
    }
    if let Some(max_age) = expected.max_age {
        let auth_time = auth_time.ok_or(IdTokenError::AuthTimeMissing)?;
        if expected.now > auth_time.plus(max_age).plus(LEEWAY) {
            return Err(IdTokenError::AuthTimeTooOld);
        }
    }
    Ok(auth_time)
}

/// R-050: the left half of the access token's hash (OpenID Connect Core §3.1.3.6).
fn check_at_hash(
    claims: &Map<String, Value>,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), IdTokenError> {
    let (Some(claim), Some(access_token)) = (said(claims, "at_hash"), access_token) else {
        return Ok(());
    };
    let digest = algorithm.hash().digest(access_token.as_bytes());
    let (left, _) = digest.split_at_checked(digest.len() / 2).ok_or(IdTokenError::AtHashMismatch)?;
    if claim.as_str() == Some(Base64UrlUnpadded::encode_string(left).as_str()) {
        Ok(())
    } else {
        Err(IdTokenError::AtHashMismatch)
    }
}

#[cfg(test)]
mod tests;
