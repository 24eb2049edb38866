//! The pushed authorization request and its answer (RFC 9126), signed where that is wanted (RFC 9101).

use serde_json::{Map, Value};

use super::client_auth::{AssertionMaker, ClientKeyUnusable, FormPost, authenticated};
use super::error_response::{ErrorClass, ErrorResponse};
use super::exchange;
use super::login::CLIENT_ID;
use super::metadata::Metadata;
use super::request_object;
use crate::config::{ClientAuth, Par, Provider};
use crate::http::StatusCode;
use crate::json::{self, said};
use crate::ports::{OutboundRequest, OutboundResponse, Random, Signing};
use crate::secret::Secret;

/// An answer larger than this is refused.
pub const MAX_BYTES: usize = 16 * 1024;
const MAX_REQUEST_URI_BYTES: usize = 2048;
const REQUEST_URI: &str = "request_uri";

/// How a provider gets authorization requests, where they do not go through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push<'a> {
    /// Where they go.
    pub endpoint: &'a str,
    /// Whether they are signed.
    pub signed: bool,
    /// Whether nothing else will do.
    pub required: bool,
}

/// Why an authorization request was not pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushedError {
    /// Requests are to be pushed, and the provider has no endpoint for that.
    NotOffered,
    /// The provider requires signed requests, and there is no key to sign them with.
    NoKey,
    /// Our own key does not sign.
    ClientKey,
    /// An error, or anything but the 201 of a success (RFC 9126 §2.2).
    Refused(Box<ErrorResponse>),
    /// Not a strict JSON object, or not said to be one.
    NotJson,
    /// The named member is absent, or of no use.
    Missing(&'static str),
}

impl PushedError {
    /// The name of this reason in the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "par.not_offered",
            Self::NoKey => "par.no_signing_key",
            Self::ClientKey => "par.client_key_unusable",
            Self::Refused(error) => match (error.class(), error.code()) {
                (ErrorClass::NotNow, _) => "par.provider_failed",
                (_, Some("invalid_client")) => "par.invalid_client",
                _ => "par.refused",
            },
            Self::NotJson => "par.not_json",
            Self::Missing(_) => "par.member_missing",
        }
    }

    /// Whether there is no such endpoint, though the metadata names one.
    #[must_use]
    pub fn is_of_no_endpoint(&self) -> bool {
        matches!(self, Self::Refused(error) if error.status() == Some(StatusCode::NOT_FOUND))
    }
}

/// Whether requests to this provider are pushed, and how. `None`: they go through the browser.
///
/// # Errors
/// When they would have to be, and cannot.
pub fn wanted<'a>(provider: &Provider, metadata: &'a Metadata) -> Result<Option<Push<'a>>, PushedError> {
    let rules = provider.requests;
    let signed = rules.signed || metadata.requires_signed;
    if signed && !matches!(provider.client_auth, ClientAuth::PrivateKeyJwt(_)) {
        return Err(PushedError::NoKey);
    }
    let required = signed || rules.par == Par::Always || metadata.requires_pushed;
    match &metadata.pushed_endpoint {
        None if required => Err(PushedError::NotOffered),
        Some(endpoint) if required || rules.par == Par::Auto => {
            Ok(Some(Push { endpoint: endpoint.of_provider(provider), signed, required }))
        }
        _ => Ok(None),
    }
}

/// Builds the request that pushes these parameters.
///
/// # Errors
/// When our own key is unusable.
pub async fn request(
    provider: &Provider,
    push: Push<'_>,
    parameters: &[(String, String)],
    maker: AssertionMaker<'_, impl Random, impl Signing>,
) -> Result<OutboundRequest, PushedError> {
    let object;
    let mut fields: Vec<(&str, &str)> = Vec::new();
    // Every other way to prove who we are says it already.
    if matches!(provider.client_auth, ClientAuth::Basic(_)) {
        fields.push((CLIENT_ID, &provider.client_id));
    }
    if push.signed {
        // RFC 9126 §3: all else is in there.
        let maker = AssertionMaker { now: maker.now, random: maker.random, signing: maker.signing };
        object = request_object::signed(provider, parameters, maker).await?;
        fields.push(("request", object.expose()));
    } else {
        let others = parameters.iter().filter(|(name, _)| name != CLIENT_ID);
        fields.extend(others.map(|(name, value)| (name.as_str(), value.as_str())));
    }
    let post = FormPost { endpoint: push.endpoint, fields, max_bytes: MAX_BYTES };
    let request = authenticated(provider.into(), post, maker).await;
    let mut request = request.map_err(|ClientKeyUnusable| PushedError::ClientKey)?;
    request.certificate = provider.certificate().map(str::to_owned);
    Ok(request)
}

/// Reads the answer: the `request_uri` that stands for the request, once and for a while.
///
/// # Errors
/// When it is an error, or no usable success.
pub fn process(response: &OutboundResponse) -> Result<Secret<String>, PushedError> {
    let document = exchange::is_json(&response.headers).then(|| json::parse_object(&response.body, MAX_BYTES));
    let document = match (response.status, document) {
        (StatusCode::CREATED, Some(Ok(document))) => document,
        (StatusCode::CREATED, _) => return Err(PushedError::NotJson),
        (status, document) => return Err(refusal(status, document.and_then(Result::ok).as_ref())),
    };
    // It is used at once, so any time at all is enough.
    let lives = said(&document, "expires_in").and_then(Value::as_f64).is_some_and(|seconds| seconds >= 1.0);
    if !lives {
        return Err(PushedError::Missing("expires_in"));
    }
    let fits = |uri: &&str| uri.len() <= MAX_REQUEST_URI_BYTES && uri.bytes().all(|byte| byte.is_ascii_graphic());
    let uri = said(&document, REQUEST_URI).and_then(Value::as_str).filter(fits);
    uri.map(|uri| Secret::new(uri.to_owned())).ok_or(PushedError::Missing(REQUEST_URI))
}

/// All that goes through the browser once the rest is pushed.
#[must_use]
pub fn parameters(provider: &Provider, request_uri: &Secret<String>) -> Vec<(String, String)> {
    let all = [(CLIENT_ID, provider.client_id.as_str()), (REQUEST_URI, request_uri.expose())];
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn refusal(status: StatusCode, document: Option<&Map<String, Value>>) -> PushedError {
    PushedError::Refused(Box::new(ErrorResponse::of_answer(status, document)))
}

#[cfg(test)]
mod tests;
