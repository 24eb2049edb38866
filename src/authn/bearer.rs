//! A request → the one access token that it presents (RFC 6750 §2.1, RFC 9110 §11.6.2), not yet believed.

use crate::http::{HeaderMap, header, is_token68};
use crate::jose::jws::MAX_TOKEN_BYTES;
use crate::secret::Secret;

use super::error::PresentationError;

/// What stands beside the token in the header.
const MAX_HEADER_BYTES: usize = MAX_TOKEN_BYTES + 32;
/// The parameter by which RFC 6750 §2.3 once let tokens into URLs, and so into logs and histories.
const QUERY_PARAMETER: &str = "access_token";

const SCHEMES: [(&str, Scheme); 2] = [("Bearer", Scheme::Bearer), ("DPoP", Scheme::Dpop)];

/// The authentication scheme a token came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer` (RFC 6750): whoever has it.
    Bearer,
    /// `DPoP` (RFC 9449 §7.1): whoever has its key.
    Dpop,
}

impl Scheme {
    /// The name as challenges write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [(bearer, _), (dpop, _)] = SCHEMES;
        match self {
            Self::Bearer => bearer,
            Self::Dpop => dpop,
        }
    }
}

/// An access token as it was presented. Prints without it.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    /// By which scheme.
    pub scheme: Scheme,
    /// The token, a `token68`.
    pub token: Secret<String>,
}

/// The token that a request presents; `None` when there is none. Credentials of other schemes are somebody else's
/// business, as long as it is certain that they are.
///
/// # Errors
/// When it presents several, or one in a way that has more than one reading.
pub fn presented(headers: &HeaderMap, query: Option<&str>) -> Result<Option<PresentedToken>, PresentationError> {
    if query.is_some_and(names_a_token) {
        return Err(PresentationError::InQuery);
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(PresentationError::Repeated);
    }
    if value.len() > MAX_HEADER_BYTES {
        return Err(PresentationError::TooLarge);
    }
    let text = value.to_str().map_err(|_| PresentationError::Malformed)?;
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    match scheme(name) {
        _ if name.is_empty() || scheme_begins(name) => Err(PresentationError::Malformed),
        Some(scheme) => one_token(rest).map(|token| Some(PresentedToken { scheme, token: Secret::new(token) })),
        None if rest.split(',').any(|part| scheme(first_word(part)).is_some()) => Err(PresentationError::Repeated),
        None => Ok(None),
    }
}

/// Whether a token is a JWT by its looks: three parts, the first of which begins like a JSON object. Nobody but its
/// issuer is to see a token, so one that is a JWT goes by what it says, and is nobody's opaque one.
#[must_use]
pub fn looks_like_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// RFC 9110 §11.1: schemes compare without case.
fn scheme(name: &str) -> Option<Scheme> {
    SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, scheme)| *scheme)
}

/// Whether `name` is one of our schemes with something other than a space after it (`Bearer\tx`, `Bearer:x`).
fn scheme_begins(name: &str) -> bool {
    let word: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
    word.len() < name.len() && scheme(&word).is_some()
}

fn first_word(text: &str) -> &str {
    text.trim_start().split([' ', '\t']).next().unwrap_or_default()
}

/// `1*SP token68`, its first space taken off.
fn one_token(rest: &str) -> Result<String, PresentationError> {
    let token = rest.trim_start_matches(' ');
    if is_token68(token) {
        return Ok(token.to_owned());
    }
    // Several header lines come joined by `, ` on some platforms: another scheme, and what goes with it.
    let joined = token.split(',').skip(1).any(|part| part.trim_start().contains(' '));
    Err(if joined { PresentationError::Repeated } else { PresentationError::Malformed })
}

/// However its name is escaped.
fn names_a_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == QUERY_PARAMETER)
}

#[cfg(test)]
mod tests;
