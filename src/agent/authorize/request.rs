//! What a client asks for: untrusted parameters → a request that a person may be shown.
//!
//! Nothing is answered to the client before its redirect URI is known to be its own: [`UnanswerableRequest`] is for a page,
//! [`AuthorizationError`] for the client.

use std::borrow::Cow;

use crate::time::Seconds;

/// The longest query that is read.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
const MAX_PARAMETERS: usize = 40;
const MAX_STATE_BYTES: usize = 2048;
const MAX_ACR_BYTES: usize = 256;
/// `BASE64URL(SHA256(…))` (RFC 7636 §4.2).
pub const CHALLENGE_CHARACTERS: usize = 43;
/// Clients ask for a refresh token by this scope of OpenID Connect's. There is always one here, so it is no scope to grant.
const OFFLINE_ACCESS: &str = "offline_access";

/// The parameters of an authorization request, as far as they are known here.
#[derive(Debug, Default)]
pub struct Parameters<'a> {
    client_id: Option<Cow<'a, str>>,
    redirect_uri: Option<Cow<'a, str>>,
    response_type: Option<Cow<'a, str>>,
    response_mode: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
    scope: Option<Cow<'a, str>>,
    resource: Option<Cow<'a, str>>,
    code_challenge: Option<Cow<'a, str>>,
    code_challenge_method: Option<Cow<'a, str>>,
    acr_values: Option<Cow<'a, str>>,
    max_age: Option<Cow<'a, str>>,
    prompt: Option<Cow<'a, str>>,
    /// A request object, in the request or elsewhere (RFC 9101).
    object: Option<&'static str>,
    is_marked: bool,
    /// The parameters that stand twice (RFC 6749 §3.1).
    repeated: Vec<&'static str>,
    too_many: bool,
}

/// Why a request is answered by a page: it is not known whose redirect URI that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnanswerableRequest {
    /// It is longer, or has more parameters, than any client's.
    TooLarge,
    /// There is no `client_id`, or there are several.
    ClientId,
    /// There is no `redirect_uri`, or there are several.
    RedirectUri,
}

impl UnanswerableRequest {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "agent.request_too_large",
            Self::ClientId => "agent.client_id_missing",
            Self::RedirectUri => "agent.redirect_uri_missing",
        }
    }
}

/// Why a client gets no grant: `error` of the answer (RFC 6749 §4.1.2.1, RFC 8707 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// The named parameter is missing, stands twice, or is not what it must be.
    InvalidRequest(&'static str),
    /// Anything but a code.
    ResponseType,
    /// A request object.
    RequestObject(&'static str),
    /// A scope that the resource does not have.
    Scope,
    /// No resource, several, or none of ours.
    Target,
    /// The client wants no question asked, and there is one.
    ConsentRequired,
    /// The person said no.
    AccessDenied,
    /// The person cannot sign in as it asks for.
    Unmet,
}

impl AuthorizationError {
    /// `error`
    #[must_use]
    pub fn error(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::ResponseType => "unsupported_response_type",
            Self::RequestObject("request_uri") => "request_uri_not_supported",
            Self::RequestObject(_) => "request_not_supported",
            Self::Scope => "invalid_scope",
            Self::Target => "invalid_target",
            Self::ConsentRequired => "consent_required",
            Self::AccessDenied => "access_denied",
            Self::Unmet => "unmet_authentication_requirements",
        }
    }

    /// The parameter that it is about.
    #[must_use]
    pub const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(name) | Self::RequestObject(name) => Some(name),
            Self::ResponseType => Some("response_type"),
            Self::Scope => Some("scope"),
            Self::Target => Some("resource"),
            Self::ConsentRequired => Some("prompt"),
            Self::AccessDenied | Self::Unmet => None,
        }
    }

    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "agent.invalid_request",
            Self::ResponseType => "agent.response_type",
            Self::RequestObject(_) => "agent.request_object",
            Self::Scope => "agent.invalid_scope",
            Self::Target => "agent.invalid_target",
            Self::ConsentRequired => "agent.consent_required",
            Self::AccessDenied => "agent.access_denied",
            Self::Unmet => "agent.unmet_authentication",
        }
    }
}

/// A resource of ours that agents may be let into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its address (RFC 8707).
    pub resource: String,
    /// What may be granted there.
    pub scopes: Vec<String>,
    /// What may be granted at all: a client that asks for more than there is here may mean what lies beside it.
    pub elsewhere: Vec<String>,
}

/// What a client asks for, once that has passed its checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The resource, by its address.
    pub resource: String,
    /// What it wants to do there.
    pub scopes: Vec<String>,
    /// `code_challenge`, under `S256`.
    pub challenge: String,
    /// `acr_values`: which kind of sign-in the person must have had.
    pub acr_values: Vec<String>,
    /// `max_age`: how long ago that may be.
    pub max_age: Option<Seconds>,
}

impl<'a> Parameters<'a> {
    /// Whether it says that the person is to be asked ([`CONSENT_MARK`](crate::oidc::return_to::CONSENT_MARK)): a page of ours
    /// led here, which says nothing of where the person came from.
    #[must_use]
    pub const fn is_marked(&self) -> bool {
        self.is_marked
    }

    /// Reads a query. Parameters that are not known are ignored (RFC 6749 §3.1).
    #[must_use]
    pub fn parse(query: &'a str) -> Self {
        let mut all = Self { too_many: query.len() > MAX_QUERY_BYTES, ..Self::default() };
        if all.too_many {
            return all;
        }
        for (index, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
            if index >= MAX_PARAMETERS {
                all.too_many = true;
                return all;
            }
            all.take(&name, value);
        }
        all
    }

    fn take(&mut self, name: &str, value: Cow<'a, str>) {
        let (field, name) = match name {
            "client_id" => (&mut self.client_id, "client_id"),
            "redirect_uri" => (&mut self.redirect_uri, "redirect_uri"),
            "response_type" => (&mut self.response_type, "response_type"),
            "response_mode" => (&mut self.response_mode, "response_mode"),
            "state" => (&mut self.state, "state"),
            "scope" => (&mut self.scope, "scope"),
            "resource" => (&mut self.resource, "resource"),
            "code_challenge" => (&mut self.code_challenge, "code_challenge"),
            "code_challenge_method" => (&mut self.code_challenge_method, "code_challenge_method"),
            "acr_values" => (&mut self.acr_values, "acr_values"),
            "max_age" => (&mut self.max_age, "max_age"),
            "prompt" => (&mut self.prompt, "prompt"),
            "consent" => return self.is_marked |= value == "ask",
            "request" => return self.object = Some("request"),
            "request_uri" => return self.object = Some("request_uri"),
            _ => return,
        };
        if field.replace(value).is_some() {
            self.repeated.push(name);
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// When that is not said, or not once.
    pub fn client_id(&self) -> Result<&str, UnanswerableRequest> {
        if self.too_many {
            return Err(UnanswerableRequest::TooLarge);
        }
        self.once("client_id", self.client_id.as_deref()).ok_or(UnanswerableRequest::ClientId)
    }

    /// Where the client wants to be answered.
    ///
    /// # Errors
    /// The same.
    pub fn redirect_uri(&self) -> Result<&str, UnanswerableRequest> {
        self.once("redirect_uri", self.redirect_uri.as_deref()).ok_or(UnanswerableRequest::RedirectUri)
    }

    fn once<'b>(&self, name: &str, value: Option<&'b str>) -> Option<&'b str> {
        value.filter(|value| !value.is_empty() && !self.repeated.contains(&name))
    }

    /// What the client gets back with every answer, so that it knows its request again.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.once("state", self.state.as_deref()).filter(|state| state.len() <= MAX_STATE_BYTES)
    }

    /// What is asked for. `offer` knows the resources of ours by their addresses.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn accept(
        &self,
        offer: impl FnOnce(&str) -> Option<Offer>,
    ) -> Result<AuthorizationRequest, AuthorizationError> {
        use AuthorizationError as Wrong;
        if self.too_many {
            return Err(Wrong::InvalidRequest("query"));
        }
        match self.repeated.first() {
            Some(&"resource") => return Err(Wrong::Target),
            Some(name) => return Err(Wrong::InvalidRequest(name)),
            None => {}
        }
        if let Some(name) = self.object {
            return Err(Wrong::RequestObject(name));
        }
        if self.state.is_some() && self.state().is_none() {
            return Err(Wrong::InvalidRequest("state"));
        }
        match self.response_type.as_deref() {
            Some("code") => {}
            None | Some("") => return Err(Wrong::InvalidRequest("response_type")),
            Some(_) => return Err(Wrong::ResponseType),
        }
        if self.response_mode.as_deref().is_some_and(|mode| mode != "query") {
            return Err(Wrong::InvalidRequest("response_mode"));
        }
        let challenge = self.challenge()?;
        let offer = self.resource.as_deref().and_then(offer).ok_or(Wrong::Target)?;
        let scopes = self.scopes(&offer)?;
        if self.prompt.as_deref() == Some("none") {
            return Err(Wrong::ConsentRequired);
        }
        let (acr_values, max_age) = (self.acr_values()?, self.max_age()?);
        Ok(AuthorizationRequest { resource: offer.resource, scopes, challenge, acr_values, max_age })
    }

    /// PKCE, by `S256` alone: `plain`, which is meant where no method is named, proves nothing to who reads the request.
    fn challenge(&self) -> Result<String, AuthorizationError> {
        let is_digest = |text: &&str| text.len() == CHALLENGE_CHARACTERS && text.bytes().all(is_base64url);
        let challenge = self.code_challenge.as_deref().filter(is_digest);
        let challenge = challenge.ok_or(AuthorizationError::InvalidRequest("code_challenge"))?;
        if self.code_challenge_method.as_deref() == Some("S256") {
            Ok(challenge.to_owned())
        } else {
            Err(AuthorizationError::InvalidRequest("code_challenge_method"))
        }
    }

    /// Those that are asked for; without any, all that there are.
    fn scopes(&self, offer: &Offer) -> Result<Vec<String>, AuthorizationError> {
        let asked = self.scope.as_deref().unwrap_or_default().split(' ');
        let (mut scopes, mut asks_elsewhere): (Vec<String>, bool) = (Vec::new(), false);
        for scope in asked.filter(|scope| !scope.is_empty() && *scope != OFFLINE_ACCESS) {
            let is_offered = offer.scopes.iter().any(|one| one == scope);
            if !is_offered && !offer.elsewhere.iter().any(|one| one == scope) {
                return Err(AuthorizationError::Scope);
            }
            asks_elsewhere |= !is_offered;
            if is_offered && !scopes.iter().any(|one| one == scope) {
                scopes.push(scope.to_owned());
            }
        }
        match scopes.is_empty() {
            true if asks_elsewhere => Err(AuthorizationError::Scope),
            true => Ok(offer.scopes.clone()),
            false => Ok(scopes),
        }
    }

    fn acr_values(&self) -> Result<Vec<String>, AuthorizationError> {
        let Some(text) = self.acr_values.as_deref() else { return Ok(Vec::new()) };
        let is_plain = text.len() <= MAX_ACR_BYTES && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_plain {
            return Err(AuthorizationError::InvalidRequest("acr_values"));
        }
        Ok(text.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect())
    }

    fn max_age(&self) -> Result<Option<Seconds>, AuthorizationError> {
        let Some(text) = self.max_age.as_deref() else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = digits.then(|| text.parse().ok()).flatten();
        seconds.map(|seconds| Some(Seconds::new(seconds))).ok_or(AuthorizationError::InvalidRequest("max_age"))
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests;
