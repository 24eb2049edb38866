//! The authorization request (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3).

use super::metadata::Metadata;
use super::proof_key::ProofKey;
use super::transaction::Transaction;
use crate::config::{Provider, PublicUrl, ResponseMode};

pub(super) const CLIENT_ID: &str = "client_id";
pub(super) const MAX_AGE: &str = "max_age";

/// What a login link asks to be handed on, after the provider's `pass_through` let it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `prompt`
    pub prompt: Option<String>,
    /// `login_hint`
    pub login_hint: Option<String>,
    /// Those of the provider's own.
    pub own: Vec<(String, String)>,
}

/// The parameters of the authorization request, in their order. They go into the URL
/// that the browser is sent to, or are pushed ([`super::pushed`]).
#[must_use]
pub fn parameters(
    provider: &Provider,
    origin: &PublicUrl,
    transaction: &Transaction,
    hints: &Hints,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    add("response_type", "code");
    add(CLIENT_ID, &provider.client_id);
    add("redirect_uri", &origin.callback_url(&provider.id));
    add("scope", &provider.scopes.join(" "));
    add("state", transaction.state.expose());
    // It ties an ID token to the login, and without OpenID Connect there is none.
    if provider.oauth2.is_none() {
        add("nonce", transaction.nonce.expose());
    }
    add("code_challenge", &transaction.code_challenge());
    add("code_challenge_method", "S256");
    if let Some(jkt) = transaction.proof_key.as_ref().and_then(ProofKey::thumbprint) {
        add("dpop_jkt", &jkt);
    }
    if provider.response_mode != ResponseMode::Query {
        add("response_mode", provider.response_mode.word());
    }
    if let Some(prompt) = hints.prompt.as_ref().or(provider.prompt.as_ref()) {
        add("prompt", prompt);
    }
    if let Some(hint) = &hints.login_hint {
        add("login_hint", hint);
    }
    if !transaction.acr_values.is_empty() {
        add("acr_values", &transaction.acr_values.join(" "));
    }
    if let Some(max_age) = transaction.max_age {
        add(MAX_AGE, &max_age.get().to_string());
    }
    if let Some(resource) = &provider.resource {
        add("resource", resource);
    }
    for (name, value) in provider.authorization_params.iter().chain(&hints.own) {
        add(name, value);
    }
    all
}

/// The URL that the browser is sent to with these parameters.
///
/// # Errors
/// When the provider's `authorization_endpoint` is no URL.
pub fn authorization_url(metadata: &Metadata, parameters: &[(String, String)]) -> Result<String, url::ParseError> {
    let mut url = url::Url::parse(&metadata.authorization_endpoint)?;
    // RFC 6749 §3.1: the endpoint may have a query of its own, which is kept.
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

#[cfg(test)]
mod tests;
