//! A signed authorization response (JARM) → the parameters in it.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::callback::CallbackParams;
use crate::claims::{Audience, OwnAudience, audience, is_over, text, time};
use crate::config::Issuer;
use crate::jose::jws::MAX_TOKEN_BYTES;
use crate::jose::{JwtError, VerifiedJwt};
use crate::json;
use crate::time::Timestamp;

/// Why a signed response is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// It is no good JWT.
    Jwt(JwtError),
    /// `iss` is not the issuer, or missing.
    IssMismatch,
    /// `aud` is not our id alone, or missing.
    AudMismatch,
    /// `exp` is missing or no time.
    ExpMalformed,
    /// Past `exp`.
    Expired,
    /// A parameter in it is no text.
    ParameterMalformed,
    /// `state` in it is that of another login.
    StateMismatch,
}

impl ResponseError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Jwt(error) => error.code(),
            Self::IssMismatch => "response.iss_mismatch",
            Self::AudMismatch => "response.aud_mismatch",
            Self::ExpMalformed => "response.exp_malformed",
            Self::Expired => "response.expired",
            Self::ParameterMalformed => "response.parameter_malformed",
            Self::StateMismatch => "response.state_mismatch",
        }
    }
}

/// The `state` that a response says it is about: anybody may have written that. It is good for finding the login that this
/// browser has under way, which ends then whatever comes of it, and for nothing else (JARM §2.4, step 2).
#[must_use]
pub fn claimed_state(response: &str) -> Option<String> {
    if response.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let payload = Base64UrlUnpadded::decode_vec(response.split('.').nth(1)?).ok()?;
    text(&json::parse_object(&payload, MAX_TOKEN_BYTES).ok()?, "state").map(str::to_owned)
}

/// The parameters of a response that the issuer signed for us, and not long ago (JARM §2.4, steps 3 to 5; ).
///
/// # Errors
/// The first check that fails.
pub fn open(
    jwt: VerifiedJwt,
    issuer: &Issuer,
    client_id: &str,
    now: Timestamp,
) -> Result<CallbackParams, ResponseError> {
    let claims: Map<String, Value> = jwt.into_claims();
    if !text(&claims, "iss").is_some_and(|iss| issuer.is(iss)) {
        return Err(ResponseError::IssMismatch);
    }
    if audience(&claims, OwnAudience::of(client_id)) != Audience::Ours {
        return Err(ResponseError::AudMismatch);
    }
    let expires_at = time(&claims, "exp").ok_or(ResponseError::ExpMalformed)?;
    if is_over(expires_at, now) {
        return Err(ResponseError::Expired);
    }
    CallbackParams::of_claims(claims).ok_or(ResponseError::ParameterMalformed)
}

#[cfg(test)]
mod tests;
