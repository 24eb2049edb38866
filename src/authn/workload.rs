//! A token that a platform gave to a program that runs there → what it says, once it is checked.
//!
//! Such a token is no access token: no client asked for it here, and it says nothing of what its holder may. What it may, the
//! rules of `trust` say ([`trust`]). It is shown for as long as it is good: a job calls more than once with the same one, so its
//! `jti` is not used up. It is held to a short life, to one audience, and to no binding that nobody checks.
//!
//! Before the signature only the size and form of the token are checked, `iss` or the trust domain in `sub` selects the platform,
//! and `alg` and `kid` one of its keys; everything in this module but [`access_assertion`] comes after it.

mod error;
pub mod trust;

use std::rc::Rc;

use serde_json::{Map, Value};

use super::Principal;
use super::access_token::{AccessTokenClaims, FOREIGN_CLAIMS};
use crate::claims::{AUD, audiences, beginning, is_ahead, is_over, name, optional, text, time};
use crate::config::{SPIFFE_SCHEME, WorkloadIssuer, WorkloadProfile, WorkloadSubject, as_text, is_access_client_id};
use crate::http::{HeaderMap, HeaderName};
use crate::jose::jws::MAX_TOKEN_BYTES;
use crate::jose::{Header, VerifiedJwt, is_media_type};
use crate::json::said;
use crate::oidc::key_issuer::signs_for;
use crate::secret::Secret;
use crate::time::Timestamp;

use super::error::PresentationError;
pub use error::WorkloadError;
pub use trust::{TrustGrant, Untrusted};

/// The header in which Cloudflare Access says whom it let through. From anywhere else it is a text that no key verifies.
pub const ACCESS_HEADER: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");

/// The token that Cloudflare Access put into the request; `None` when there is none.
///
/// # Errors
/// When there are several, or it is none that is looked at.
pub fn access_assertion(headers: &HeaderMap) -> Result<Option<Secret<String>>, PresentationError> {
    let mut values = headers.get_all(ACCESS_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(PresentationError::Repeated);
    }
    if value.len() > MAX_TOKEN_BYTES {
        return Err(PresentationError::TooLarge);
    }
    let text = value.to_str().map_err(|_| PresentationError::Malformed)?;
    Ok(Some(Secret::new(text.to_owned())))
}

/// Checks what a verified token says against what the platform's tokens must.
///
/// # Errors
/// The first check that fails.
pub fn check(jwt: VerifiedJwt, issuer: &WorkloadIssuer, now: Timestamp) -> Result<AccessTokenClaims, WorkloadError> {
    check_header(jwt.header(), issuer.profile)?;
    if issuer.profile != WorkloadProfile::Spiffe && !signs_for(jwt.key_issuer(), &issuer.issuer) {
        return Err(WorkloadError::KeyIssuerMismatch);
    }
    read(jwt.into_claims(), issuer, now)
}

/// What nobody signed, checked all the same: to ask what would be decided about a program with such a token.
///
/// # Errors
/// The first check that fails.
pub fn hypothetical(
    claims: Map<String, Value>,
    issuer: &WorkloadIssuer,
    now: Timestamp,
) -> Result<AccessTokenClaims, WorkloadError> {
    read(claims, issuer, now)
}

/// The program with this token.
///
/// # Errors
/// When no rule trusts it: which claim of which rule it does not meet.
pub fn principal(issuer: &WorkloadIssuer, claims: &Rc<AccessTokenClaims>) -> Result<Principal, Untrusted> {
    let granted = trust::decide(&issuer.trust, claims.claims())?;
    Ok(Principal::by_workload(issuer, claims, granted))
}

fn read(
    claims: Map<String, Value>,
    issuer: &WorkloadIssuer,
    now: Timestamp,
) -> Result<AccessTokenClaims, WorkloadError> {
    check_kind(&claims, issuer)?;
    let subject = subject(&claims, issuer)?;
    check_audience(&claims, &issuer.audience)?;
    let (starts_at, expires_at) = check_times(&claims, issuer, now)?;
    // What it is bound to is shown in ways that only access tokens have here.
    if claims.get("cnf").is_some_and(|cnf| !cnf.is_null()) {
        return Err(WorkloadError::Bound);
    }
    Ok(AccessTokenClaims::of_workload(subject, starts_at, expires_at, claims))
}

/// an SVID's header has `alg`, `kid` and `typ`, and nothing else.
fn check_header(header: &Header, profile: WorkloadProfile) -> Result<(), WorkloadError> {
    let is = |expected: &str| header.typ().is_none_or(|typ| is_media_type(typ, expected));
    if profile != WorkloadProfile::Spiffe {
        return if is("JWT") { Ok(()) } else { Err(WorkloadError::TypRefused) };
    }
    if !header.is_bare() {
        return Err(WorkloadError::HeaderRefused);
    }
    // By SPIFFE JWT-SVID §2.3 it is one of two texts, not a media type.
    let typ = header.typ();
    if typ.is_none_or(|typ| ["JWT", "JOSE"].contains(&typ)) { Ok(()) } else { Err(WorkloadError::TypRefused) }
}

/// what only other kinds of tokens have.
fn check_kind(claims: &Map<String, Value>, issuer: &WorkloadIssuer) -> Result<(), WorkloadError> {
    let foreign = FOREIGN_CLAIMS.into_iter().chain(issuer.foreign.iter().map(String::as_str));
    let is_foreign = foreign.into_iter().any(|name| said(claims, name).is_some());
    if is_foreign { Err(WorkloadError::KindRefused) } else { Ok(()) }
}

/// The program's name at the platform, with what says whose name it is. Where an id names it, `sub` may be anything: a job's
/// owner can set it, and a new name of a repository changes it.
fn subject(claims: &Map<String, Value>, issuer: &WorkloadIssuer) -> Result<String, WorkloadError> {
    match issuer.profile {
        WorkloadProfile::Spiffe => spiffe_id(claims, issuer),
        _ if text(claims, "iss") != Some(issuer.issuer.as_str()) => Err(WorkloadError::IssMismatch),
        WorkloadProfile::Jwt => match &issuer.subject {
            WorkloadSubject::Sub => name(claims, "sub").ok_or(WorkloadError::SubMalformed),
            WorkloadSubject::Id { prefix, claim } => id(claims, claim).map(|id| format!("{prefix}{id}")),
        },
        // that of a service token is empty, and so is that of a client certificate. Any other is a person's.
        WorkloadProfile::CloudflareAccess => match text(claims, "sub") {
            Some("") => name(claims, "common_name")
                .filter(|name| is_access_client_id(name))
                .ok_or(WorkloadError::CommonNameMalformed),
            Some(_) => Err(WorkloadError::Person),
            None => Err(WorkloadError::SubMalformed),
        },
    }
}

/// an id, as platforms write them: a number, or a text of digits.
fn id(claims: &Map<String, Value>, claim: &str) -> Result<String, WorkloadError> {
    const MOST_DIGITS: usize = 20;
    let fits = |id: &String| (1..=MOST_DIGITS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    claims.get(claim).and_then(as_text).filter(fits).ok_or(WorkloadError::IdMalformed)
}

/// an id of this trust domain with a path (SPIFFE ID §2).
fn spiffe_id(claims: &Map<String, Value>, issuer: &WorkloadIssuer) -> Result<String, WorkloadError> {
    let id = name(claims, "sub").ok_or(WorkloadError::SubMalformed)?;
    let rest = id.strip_prefix(SPIFFE_SCHEME).ok_or(WorkloadError::SubMalformed)?;
    let (domain, path) = rest.split_once('/').ok_or(WorkloadError::SubMalformed)?;
    if Some(domain) != issuer.trust_domain() {
        return Err(WorkloadError::TrustDomainMismatch);
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let segment = |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(fits);
    if path.split('/').all(segment) { Ok(id) } else { Err(WorkloadError::SubMalformed) }
}

/// a program's token is for one deployment. One that is for others too could come from any of them.
fn check_audience(claims: &Map<String, Value>, own: &[String]) -> Result<(), WorkloadError> {
    let audiences = audiences(claims, AUD).filter(|all| !all.is_empty()).ok_or(WorkloadError::AudMalformed)?;
    let ours = audiences.iter().all(|audience| own.iter().any(|own| own == audience));
    if ours { Ok(()) } else { Err(WorkloadError::AudMismatch) }
}

/// from when on it is good, and until when, which is soon.
fn check_times(
    claims: &Map<String, Value>,
    issuer: &WorkloadIssuer,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), WorkloadError> {
    let expires_at = time(claims, "exp").ok_or(WorkloadError::ExpMalformed)?;
    if is_over(expires_at, now) {
        return Err(WorkloadError::Expired);
    }
    if is_ahead(expires_at, now.plus(issuer.max_life)) {
        return Err(WorkloadError::ExpTooLate);
    }
    let issued_at = optional(claims, "iat", time, WorkloadError::IatMalformed)?;
    if issued_at.is_some_and(|issued_at| is_ahead(issued_at, now)) {
        return Err(WorkloadError::IatInFuture);
    }
    let not_before = optional(claims, "nbf", beginning, WorkloadError::NbfMalformed)?;
    if not_before.is_some_and(|not_before| is_ahead(not_before, now)) {
        return Err(WorkloadError::NotYetValid);
    }
    Ok((issued_at.max(not_before).unwrap_or(Timestamp::from_unix(0)), expires_at))
}

#[cfg(test)]
mod tests;
