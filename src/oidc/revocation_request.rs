//! The body of a global token revocation → whom the provider means (draft-parecki-oauth-global-token-revocation §2;
//! RFC 9493 §3).

use serde_json::Value;

use super::email::MailAddress;
use crate::claims::{name, text};
use crate::json::parse_object;

/// The longest body.
pub const MAX_BODY_BYTES: usize = 4096;

/// Whom a provider means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedSubject {
    /// Whoever it calls so (`iss_sub`).
    Subject(String),
    /// Everybody who has this address (`email`).
    Email(MailAddress),
}

/// What is wrong with such a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationRequestError {
    /// It does not say that it is JSON.
    NotJson,
    /// It is too long, or cannot be read.
    Unreadable,
    /// There is no `sub_id`, or what it has to say is missing or has another type.
    Malformed,
    /// `sub_id` names somebody in another way than by `iss_sub` or `email`.
    FormatUnknown,
    /// `iss` is not this provider's.
    IssMismatch,
    /// It names an address, and the configuration does not go by those.
    EmailRefused,
    /// There is no token, or not one alone.
    NoToken,
}

impl RevocationRequestError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "revocation_request.not_json",
            Self::Unreadable => "revocation_request.unreadable",
            Self::Malformed => "revocation_request.malformed",
            Self::FormatUnknown => "revocation_request.format_unknown",
            Self::IssMismatch => "revocation_request.iss_mismatch",
            Self::EmailRefused => "revocation_request.email_refused",
            Self::NoToken => "revocation_request.no_token",
        }
    }
}

impl RevokedSubject {
    /// Reads a body. `issuer`: the provider's. `takes_email`: whether it may name an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(body: &str, issuer: &str, takes_email: bool) -> Result<Self, RevocationRequestError> {
        let body = parse_object(body.as_bytes(), MAX_BODY_BYTES).map_err(|_| RevocationRequestError::Unreadable)?;
        let named = body.get("sub_id").and_then(Value::as_object).ok_or(RevocationRequestError::Malformed)?;
        let format = text(named, "format").ok_or(RevocationRequestError::Malformed)?;
        match format {
            "iss_sub" if text(named, "iss") != Some(issuer) => Err(RevocationRequestError::IssMismatch),
            "iss_sub" => name(named, "sub").map(Self::Subject).ok_or(RevocationRequestError::Malformed),
            "email" if !takes_email => Err(RevocationRequestError::EmailRefused),
            "email" => text(named, "email")
                .and_then(MailAddress::parse)
                .map(Self::Email)
                .ok_or(RevocationRequestError::Malformed),
            _ => Err(RevocationRequestError::FormatUnknown),
        }
    }
}

#[cfg(test)]
mod tests;
