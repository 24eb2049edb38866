//! Who has signed in at a provider of OAuth 2 without OpenID Connect: the answer of its user endpoint (R-388).
//!
//! There is no ID token, so nothing but the exchange of the code ties the answer to this login: the access token came for
//! it, and the user endpoint says whose that is.

use serde_json::{Map, Value};

use super::userinfo::{Body, UserInfoError, process};
use crate::config::OAuth2;
use crate::http::StatusCode;
use crate::json::{self, is_true, said};
use crate::ports::OutboundResponse;

/// OpenID Connect Core §2 allows a `sub` as much.
const MAX_SUBJECT_BYTES: usize = 255;
const MAX_EMAILS_BYTES: usize = 64 * 1024;
/// The members of a list that are looked at.
const MAX_EMAILS: usize = 100;
const EMAIL: &str = "email";
const EMAIL_VERIFIED: &str = "email_verified";

/// A person, by word of the user endpoint. Only [`OAuth2User::check`] makes one:
///
/// ```compile_fail,E0451
/// let forged = postern::oidc::oauth2_user::OAuth2User { subject: String::new(), claims: serde_json::Map::new() };
/// ```
pub struct OAuth2User {
    subject: String,
    claims: Map<String, Value>,
}

impl OAuth2User {
    /// Reads the answer. Of what it says, only what the configuration names becomes a claim.
    ///
    /// # Errors
    /// When it is no success, no JSON object, or does not say who it is.
    pub fn check(response: &OutboundResponse, provider: &OAuth2) -> Result<Self, UserInfoError> {
        let Body::Claims(user) = process(response)? else { return Err(UserInfoError::ContentType) };
        let subject = subject(&user).ok_or(UserInfoError::IdMalformed)?;
        let told = provider.user_claims.iter().filter_map(|(claim, member)| {
            let value = said(&user, member)?;
            Some((claim.clone(), value.clone()))
        });
        let mut claims = json::object(told);
        // An address that is not said to be verified is anybody's (nOAuth, R-387).
        if !claims.get(EMAIL_VERIFIED).is_some_and(is_true) {
            claims.remove(EMAIL);
            claims.remove(EMAIL_VERIFIED);
        }
        Ok(Self { subject, claims })
    }

    /// Adds the primary one of a person's e-mail addresses, if it is verified, from a list of them (GitHub). A refusal means
    /// that the person, or the application's settings, did not allow to look.
    ///
    /// # Errors
    /// When it is neither.
    pub fn with_emails(mut self, response: &OutboundResponse) -> Result<Self, UserInfoError> {
        match response.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(self),
            status => return Err(UserInfoError::Refused(status)),
        }
        let all = json::parse_array(&response.body, MAX_EMAILS_BYTES).map_err(|_| UserInfoError::NotJson)?;
        let is_true = |one: &Value, name: &str| one.get(name).is_some_and(is_true);
        let primary = all.iter().take(MAX_EMAILS).find(|one| is_true(one, "primary") && is_true(one, "verified"));
        if let Some(email) = primary.and_then(|one| one.get(EMAIL)).filter(|email| email.is_string()) {
            self.claims.insert(EMAIL.to_owned(), email.clone());
            self.claims.insert(EMAIL_VERIFIED.to_owned(), true.into());
        }
        Ok(self)
    }

    /// What the provider calls the person, and what it says of them.
    #[must_use]
    pub fn into_parts(self) -> (String, Map<String, Value>) {
        (self.subject, self.claims)
    }
}

/// `id`: a whole number (GitHub) or a text (Discord). Names are given to others in time, so none will do.
fn subject(user: &Map<String, Value>) -> Option<String> {
    match user.get("id")? {
        Value::Number(number) => number.as_u64().filter(|number| *number > 0).map(|number| number.to_string()),
        Value::String(text) => {
            let fits =
                !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
            fits.then(|| text.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
