//! The authorization response: untrusted parameters → the one code to exchange (RFC 6749 §4.1.2, RFC 9207).

use serde_json::{Map, Value};

use super::error_response::{ErrorClass, ErrorResponse};
use super::jarm::{self, ResponseError};
use crate::config::Issuer;
use crate::jose::jws::MAX_TOKEN_BYTES;
use crate::secret::Secret;

const MAX_PARAMETERS: usize = 50;
const MAX_VALUE_BYTES: usize = 4096;

/// The members of a signed response that are looked at.
const IN_SIGNED: [&str; 8] =
    ["code", "state", "iss", "error", "error_description", "access_token", "id_token", "token"];
const RESPONSE: &str = "response";

/// The parameters of an authorization response, each at most once.
#[derive(Default)]
pub struct CallbackParams {
    /// `code`
    code: Option<Secret<String>>,
    /// `state`
    state: Option<String>,
    /// `iss` (RFC 9207 §2)
    iss: Option<String>,
    /// `error` (RFC 6749 §4.1.2.1)
    error: Option<String>,
    /// `error_description`, of which nothing depends but what the log says.
    error_description: Option<String>,
    /// `user`, of Apple's first answer about a person. Nothing depends on it.
    user: Option<String>,
    /// `response`: all of them in a JWT (JARM §2.3.1)
    response: Option<Secret<String>>,
    /// A token in the response: an implicit or hybrid answer that was never asked for.
    unasked_token: bool,
    /// What is wrong with the parameters themselves.
    fault: Option<CallbackError>,
}

/// Why an authorization response leads to no login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackError {
    /// A browser asks for an image, a script or a frame of some page.
    NotNavigated,
    /// More, or longer, parameters than any provider sends.
    TooLarge,
    /// The named parameter stands twice (RFC 6749 §3.1).
    Repeated(&'static str),
    /// Parameters both in the query and in the body.
    Mixed,
    /// The provider was told to answer in another way.
    WrongResponseMode,
    /// No `state`.
    StateMissing,
    /// This browser has no login under way with this `state`: forged, replayed, or expired.
    NoTransaction,
    /// The login was begun with another provider (mix-up).
    WrongProvider,
    /// It has ended before.
    AlreadyUsed,
    /// `iss` is required and absent (RFC 9207 §2.4).
    IssMissing,
    /// `iss` is not this provider's issuer (RFC 9207 §2.4).
    IssMismatch,
    /// A token came along, of a flow that was never asked for.
    UnaskedToken,
    /// The provider answers with an error.
    ProviderError(Box<ErrorResponse>),
    /// Neither `code` nor `error`.
    CodeMissing,
    /// A signed response that is not believed.
    Signed(ResponseError),
}

impl CallbackError {
    /// The name of this reason in the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotNavigated => "callback.not_a_navigation",
            Self::TooLarge => "callback.too_large",
            Self::Repeated(_) => "callback.parameter_repeated",
            Self::Mixed => "callback.query_and_body",
            Self::WrongResponseMode => "callback.wrong_response_mode",
            Self::StateMissing => "callback.state_missing",
            Self::NoTransaction => "callback.no_transaction",
            Self::WrongProvider => "callback.wrong_provider",
            Self::AlreadyUsed => "callback.already_used",
            Self::IssMissing => "callback.iss_missing",
            Self::IssMismatch => "callback.iss_mismatch",
            Self::UnaskedToken => "callback.unasked_token",
            Self::ProviderError(error) => match error.class() {
                ErrorClass::Declined | ErrorClass::Mistaken => "callback.provider_refused",
                ErrorClass::PersonWanted => "callback.person_wanted",
                ErrorClass::NotNow => "callback.provider_failed",
            },
            Self::CodeMissing => "callback.code_missing",
            Self::Signed(error) => error.code(),
        }
    }
}

impl CallbackParams {
    /// Reads a query or form body. Unknown parameters are ignored; a known one that stands twice
    /// or is too long spoils them all, but still says which login it spoils.
    #[must_use]
    pub fn parse(encoded: &str) -> Self {
        let mut params = Self::default();
        for (index, (name, value)) in form_urlencoded::parse(encoded.as_bytes()).enumerate() {
            if index >= MAX_PARAMETERS || value.len() > longest(&name) {
                params.fault = Some(CallbackError::TooLarge);
                break;
            }
            params.take(&name, value.into_owned());
        }
        params
    }

    /// Reads a query or form body in which all stands in a JWT. Which login that names is all that is read of it before it is
    /// verified; what stands beside it is not looked at.
    #[must_use]
    pub fn parse_signed(encoded: &str) -> Self {
        let Self { response, fault, .. } = Self::parse(encoded);
        Self::of_response(response, fault)
    }

    /// The same where the JWT was encrypted, and `signed` is what was in it.
    #[must_use]
    pub fn opened(self, signed: Secret<String>) -> Self {
        Self::of_response(Some(signed), self.fault)
    }

    fn of_response(response: Option<Secret<String>>, fault: Option<CallbackError>) -> Self {
        let state = response.as_ref().and_then(|response| jarm::claimed_state(response.expose()));
        Self { state, response, fault, ..Self::default() }
    }

    /// The parameters in a JWT that was verified; `None` when one is no text.
    pub(super) fn of_claims(claims: Map<String, Value>) -> Option<Self> {
        let mut params = Self::default();
        for (name, value) in claims.into_iter().filter(|(name, _)| IN_SIGNED.contains(&name.as_str())) {
            let Value::String(value) = value else { return None };
            params.take(&name, value);
        }
        Some(params)
    }

    fn take(&mut self, name: &str, value: String) {
        let doubled = match name {
            "code" => self.code.replace(Secret::new(value)).is_some().then_some("code"),
            "state" => self.state.replace(value).is_some().then_some("state"),
            "iss" => self.iss.replace(value).is_some().then_some("iss"),
            "error" => self.error.replace(value).is_some().then_some("error"),
            RESPONSE => self.response.replace(Secret::new(value)).is_some().then_some(RESPONSE),
            "error_description" => {
                self.error_description.get_or_insert(value);
                None
            }
            "user" => {
                self.user.get_or_insert(value);
                None
            }
            "access_token" | "id_token" | "token" => {
                self.unasked_token = true;
                None
            }
            _ => None,
        };
        if let Some(name) = doubled {
            self.fault = Some(CallbackError::Repeated(name));
        }
    }

    /// What Apple tells of a person in its first answer, beside the code; anybody may have written it.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether any known parameter is there.
    #[must_use]
    pub const fn says_anything(&self) -> bool {
        self.code.is_some()
            || self.state.is_some()
            || self.iss.is_some()
            || self.error.is_some()
            || self.unasked_token
            || self.response.is_some()
    }

    /// The JWT in which all stands, where there is one.
    #[must_use]
    pub fn response(&self) -> Option<&str> {
        self.response.as_ref().map(|response| response.expose().as_str())
    }

    /// Which login this is about.
    ///
    /// # Errors
    /// When that is missing, or said twice.
    pub fn state(&self) -> Result<&str, CallbackError> {
        match (&self.state, &self.fault) {
            (_, Some(fault @ CallbackError::Repeated("state"))) => Err(fault.clone()),
            (Some(state), _) if !state.is_empty() => Ok(state),
            (_, Some(fault)) => Err(fault.clone()),
            _ => Err(CallbackError::StateMissing),
        }
    }

    /// That no parameter stands twice, or is too long.
    ///
    /// # Errors
    /// When one does, or is.
    pub fn check(&self) -> Result<(), CallbackError> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// The code, if this answer is the one that was asked for: from this issuer, not an error, not
    /// a token. `wants_iss`: whether it has to say whose answer it is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn accept(self, issuer: &Issuer, wants_iss: bool) -> Result<Secret<String>, CallbackError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        // RFC 9207 §2.4: before anything else, error answers included. An `iss` that nobody
        // advertised is compared all the same: a wrong one is never right.
        match &self.iss {
            Some(iss) if !issuer.is(iss) => return Err(CallbackError::IssMismatch),
            None if wants_iss => return Err(CallbackError::IssMissing),
            _ => {}
        }
        if let Some(error) = &self.error {
            let description = self.error_description.as_deref();
            return Err(CallbackError::ProviderError(Box::new(ErrorResponse::of_callback(error, description))));
        }
        if self.unasked_token {
            return Err(CallbackError::UnaskedToken);
        }
        self.code.filter(|code| !code.expose().is_empty()).ok_or(CallbackError::CodeMissing)
    }
}

/// How long a parameter may be. Those that nobody looks at may be as long as the request.
fn longest(name: &str) -> usize {
    match name {
        "code" | "state" | "iss" | "error" => MAX_VALUE_BYTES,
        RESPONSE => MAX_TOKEN_BYTES,
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests;
