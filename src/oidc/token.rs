//! The token request and its answer (RFC 6749 §4.1.3, §5; OpenID Connect Core §3.1.3).

use serde_json::{Map, Value};

use super::client_auth::{AssertionMaker, Client, ClientKeyUnusable, FormPost, authenticated};
use super::error_response::{ErrorClass, ErrorResponse};
use super::exchange;
use super::login_values::CodeVerifier;
use crate::config::{Issuer, Provider, ServiceClient};
use crate::http::StatusCode;
use crate::jose::jws::MAX_DELIVERED_BYTES;
use crate::json::{self, said};
use crate::ports::{OutboundRequest, OutboundResponse, Random, Signing};
use crate::secret::Secret;
use crate::time::Seconds;

/// A token response larger than this is refused.
pub const MAX_BYTES: usize = MAX_DELIVERED_BYTES;

/// What an access token is taken to live when the provider does not say.
const DEFAULT_EXPIRES_IN: Seconds = Seconds::hours(1);

/// The longest life an access token is believed to have.
const MAX_EXPIRES_IN: f64 = 30.0 * 86_400.0;

/// What an access token is taken to live of which nothing but a revocation is its end, as GitHub's.
const UNTIL_REVOKED: Seconds = Seconds::hours(30 * 24);

/// What a gateway says when the request was under way and no answer came: RFC 9110 §15.6.5, and of Cloudflare's own
/// 520 (a broken answer), 522 and 524 (none in time). Others, such as 502, 503 and 521, mostly mean that nobody got it.
const ANSWER_LOST: [u16; 4] = [504, 520, 522, 524];

/// The code and what proves that it is ours.
pub struct CodeGrant<'a> {
    /// `code`, consumed: it is sent at most once.
    pub code: Secret<String>,
    /// `code_verifier`
    pub code_verifier: &'a CodeVerifier,
    /// The `redirect_uri` of the authorization request, byte for byte.
    pub redirect_uri: &'a str,
}

/// A token response that can be used.
#[derive(Debug)]
pub struct TokenResponse {
    /// `access_token`; `None` where the provider gave none, as some do for the scope `openid` alone
    pub access_token: Option<Secret<String>>,
    /// `refresh_token`
    pub refresh_token: Option<Secret<String>>,
    /// `id_token`, not verified yet; a refresh may come without one
    pub id_token: Option<Secret<String>>,
    /// How long the access token lives.
    pub expires_in: Seconds,
    /// Whether the provider says so.
    pub says_life: bool,
    /// `scope`, where the provider says it; else what was asked for holds. Empty when it says it in
    /// a form that RFC 6749 §3.3 does not know: what cannot be read grants nothing.
    pub scope: Option<String>,
}

/// Why a token response is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Our own key does not sign: a configuration error.
    ClientKey,
    /// A gateway on the way took the request and got no answer to it, and says so by this status.
    AnswerLost(StatusCode),
    /// An error status or error answer.
    Refused(Box<ErrorResponse>),
    /// Not a strict JSON object, or not said to be one.
    NotJson,
    /// The named member is absent and needed, not a string, or holds what no token may.
    Missing(&'static str),
    /// `token_type` is not `Bearer` (RFC 6749 §7.1).
    TokenType,
    /// It is not `DPoP`, though a token was asked for that is bound to a key.
    NotBound,
    /// There is no key to bind it to: the login or session began before the configuration wanted one.
    ProofKey,
}

impl TokenError {
    /// The name of this reason in the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClientKey => "token.client_key_unusable",
            Self::AnswerLost(_) => "token.answer_lost",
            Self::Refused(error) => match (error.class(), error.code()) {
                (ErrorClass::NotNow, _) if error.status().is_some_and(|status| status.is_server_error()) => {
                    "token.server_error"
                }
                (ErrorClass::NotNow, _) => "token.provider_failed",
                (_, Some("invalid_grant")) => "token.invalid_grant",
                (_, Some("invalid_client")) => "token.invalid_client",
                (ErrorClass::PersonWanted, _) => "token.person_wanted",
                (ErrorClass::Declined | ErrorClass::Mistaken, _) => "token.refused",
            },
            Self::NotJson => "token.not_json",
            Self::Missing(_) => "token.member_missing",
            Self::TokenType => "token.type_unknown",
            Self::NotBound => "token.not_bound",
            Self::ProofKey => "token.no_proof_key",
        }
    }
}

/// Builds the request that redeems the code.
///
/// # Errors
/// When the client's key is unusable.
pub async fn code_request(
    provider: &Provider,
    token_endpoint: &str,
    grant: &CodeGrant<'_>,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, TokenError> {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", grant.code.expose()),
        ("redirect_uri", grant.redirect_uri),
        ("code_verifier", grant.code_verifier.expose()),
    ];
    if let Some(resource) = &provider.resource {
        fields.push(("resource", resource));
    }
    post(provider, token_endpoint, fields, maker).await
}

/// Builds the request that refreshes an access token (RFC 6749 §6, OpenID Connect Core §12.1).
///
/// # Errors
/// When the client's key is unusable.
pub async fn refresh_request(
    provider: &Provider,
    token_endpoint: &str,
    refresh_token: &Secret<String>,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, TokenError> {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose().as_str())];
    if let Some(resource) = &provider.resource {
        fields.push(("resource", resource));
    }
    post(provider, token_endpoint, fields, maker).await
}

/// Builds the request for a token of our own (RFC 6749 §4.4, RFC 8707 §2.2; R-147).
///
/// # Errors
/// When the client's key is unusable.
pub async fn client_credentials_request(
    service: &ServiceClient,
    token_endpoint: &str,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, TokenError> {
    let scope = service.scopes.join(" ");
    let mut fields = vec![("grant_type", "client_credentials")];
    let said = [("audience", service.audience.as_deref()), ("resource", service.resource.as_deref())];
    fields.extend(said.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if !scope.is_empty() {
        fields.push(("scope", &scope));
    }
    fields.extend(service.token_params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // Without an issuer, assertions are for an audience that the configuration names.
    let issuer = service.issuer.as_ref().map_or(token_endpoint, Issuer::as_str);
    let client = Client { id: &service.client_id, auth: &service.client_auth, issuer };
    let post = FormPost { endpoint: token_endpoint, fields, max_bytes: MAX_BYTES };
    authenticated(client, post, maker).await.map_err(|ClientKeyUnusable| TokenError::ClientKey)
}

/// What kind of token the provider is to forget (`token_type_hint`, RFC 7009 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHint {
    /// `refresh_token`
    Refresh,
    /// `access_token`
    Access,
}

/// Builds the request that makes the provider forget a token (RFC 7009 §2.1).
///
/// # Errors
/// When the client's key is unusable.
pub async fn revocation_request(
    provider: &Provider,
    revocation_endpoint: &str,
    (token, hint): (&Secret<String>, TokenHint),
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, TokenError> {
    let hint = match hint {
        TokenHint::Refresh => "refresh_token",
        TokenHint::Access => "access_token",
    };
    let fields = vec![("token", token.expose().as_str()), ("token_type_hint", hint)];
    post(provider, revocation_endpoint, fields, maker).await
}

async fn post<'a>(
    provider: &'a Provider,
    endpoint: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, TokenError> {
    let post = FormPost { endpoint, fields, max_bytes: MAX_BYTES };
    let mut request =
        authenticated(provider.into(), post, maker).await.map_err(|ClientKeyUnusable| TokenError::ClientKey)?;
    request.certificate = provider.certificate().map(str::to_owned);
    Ok(request)
}

impl TokenResponse {
    /// How long the access token lives. `is_openid`: whether it is of a provider of OpenID Connect.
    #[must_use]
    pub const fn life(&self, is_openid: bool) -> Seconds {
        if is_openid || self.says_life { self.expires_in } else { UNTIL_REVOKED }
    }

    /// Which scopes were granted, where the provider says so. Without OpenID Connect some write commas between them
    /// (GitHub); people may have unticked some.
    #[must_use]
    pub fn granted(&self, is_openid: bool) -> Option<Vec<String>> {
        let granted = self.scope.as_deref()?;
        Some(if is_openid { scope_values(granted) } else { scope_values(&granted.replace(',', " ")) })
    }
}

/// Reads the answer.
///
/// # Errors
/// When it is an error, or no usable success.
pub fn process(response: &OutboundResponse) -> Result<TokenResponse, TokenError> {
    process_as(response, false)
}

/// The same; `is_bound`: the access token is one that is bound to a key (RFC 9449 §5).
///
/// # Errors
/// When it is an error, or no usable success.
pub fn process_as(response: &OutboundResponse, is_bound: bool) -> Result<TokenResponse, TokenError> {
    if ANSWER_LOST.contains(&response.status.as_u16()) {
        return Err(TokenError::AnswerLost(response.status));
    }
    let document = exchange::is_json(&response.headers).then(|| json::parse_object(&response.body, MAX_BYTES));
    let document = match (response.status, document) {
        (StatusCode::OK, Some(Ok(document))) => document,
        (StatusCode::OK, _) => return Err(TokenError::NotJson),
        (status, document) => return Err(refusal(status, document.and_then(Result::ok).as_ref())),
    };
    if said(&document, "error").is_some() {
        return Err(refusal(response.status, Some(&document)));
    }
    Ok(TokenResponse {
        access_token: access_token(&document, is_bound)?,
        id_token: match said(&document, "id_token") {
            None => None,
            Some(Value::String(token)) => Some(Secret::new(token.clone())),
            Some(_) => return Err(TokenError::Missing("id_token")),
        },
        refresh_token: said(&document, "refresh_token")
            .and_then(Value::as_str)
            .map(|token| Secret::new(token.to_owned())),
        expires_in: expires_in(said(&document, "expires_in")),
        says_life: said(&document, "expires_in").is_some(),
        // A list of no scopes says something: nothing was granted.
        scope: match document.get("scope") {
            None | Some(Value::Null) => None,
            Some(scope) => Some(scope.as_str().unwrap_or_default().to_owned()),
        },
    })
}

/// The access token, which is of a type that is known (RFC 6749 §7.1) and fits into a header later (§A.12).
fn access_token(document: &Map<String, Value>, is_bound: bool) -> Result<Option<Secret<String>>, TokenError> {
    let Some(token) = said(document, "access_token") else { return Ok(None) };
    let kind = said(document, "token_type").and_then(Value::as_str);
    let (expected, fault) = if is_bound { ("dpop", TokenError::NotBound) } else { ("bearer", TokenError::TokenType) };
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(expected)) {
        return Err(fault);
    }
    let fits = |token: &&str| token.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let token = token.as_str().filter(fits).ok_or(TokenError::Missing("access_token"))?;
    Ok(Some(Secret::new(token.to_owned())))
}

/// The scopes in a `scope` (RFC 6749 §3.3), which stand between spaces.
#[must_use]
pub fn scope_values(scope: &str) -> Vec<String> {
    scope.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

fn refusal(status: StatusCode, document: Option<&Map<String, Value>>) -> TokenError {
    TokenError::Refused(Box::new(ErrorResponse::of_answer(status, document)))
}

/// `expires_in` as providers send it: absent, a number, a number in a string, or nonsense.
fn expires_in(value: Option<&Value>) -> Seconds {
    let number = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => json::number(text.trim()).and_then(|number| number.as_f64()),
        _ => None,
    };
    match number {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        Some(seconds) if seconds.is_finite() && seconds >= 0.0 => Seconds::new(seconds.min(MAX_EXPIRES_IN) as u32),
        _ => DEFAULT_EXPIRES_IN,
    }
}

#[cfg(test)]
mod tests;
