//! The authorization request (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3).

use super::metadata::Metadata;
use super::proof_key::ProofKey;
use super::transaction::Transaction;
use crate::config::{Provider, PublicUrl, ResponseMode};

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

/// The URL that the browser is sent to.
///
/// # Errors
/// When the provider's `authorization_endpoint` is no URL.
pub fn authorization_url(
    provider: &Provider,
    metadata: &Metadata,
    origin: &PublicUrl,
    transaction: &Transaction,
    hints: &Hints,
) -> Result<String, url::ParseError> {
    let mut url = url::Url::parse(&metadata.authorization_endpoint)?;
    // RFC 6749 §3.1: the endpoint may have a query of its own, which is kept.
    let mut query = url.query_pairs_mut();
    query.append_pair("response_type", "code");
    query.append_pair("client_id", &provider.client_id);
    query.append_pair("redirect_uri", &origin.callback_url(&provider.id));
    query.append_pair("scope", &provider.scopes.join(" "));
    query.append_pair("state", transaction.state.expose());
    // It ties an ID token to the login, and without OpenID Connect there is none.
    if provider.oauth2.is_none() {
        query.append_pair("nonce", transaction.nonce.expose());
    }
    query.append_pair("code_challenge", &transaction.code_challenge());
    query.append_pair("code_challenge_method", "S256");
    if let Some(jkt) = transaction.proof_key.as_ref().and_then(ProofKey::thumbprint) {
        query.append_pair("dpop_jkt", &jkt);
    }
    if provider.response_mode == ResponseMode::FormPost {
        query.append_pair("response_mode", "form_post");
    }
    if let Some(prompt) = hints.prompt.as_ref().or(provider.prompt.as_ref()) {
        query.append_pair("prompt", prompt);
    }
    if let Some(hint) = &hints.login_hint {
        query.append_pair("login_hint", hint);
    }
    if !transaction.acr_values.is_empty() {
        query.append_pair("acr_values", &transaction.acr_values.join(" "));
    }
    if let Some(max_age) = transaction.max_age {
        query.append_pair("max_age", &max_age.get().to_string());
    }
    if let Some(resource) = &provider.resource {
        query.append_pair("resource", resource);
    }
    for (name, value) in provider.authorization_params.iter().chain(&hints.own) {
        query.append_pair(name, value);
    }
    drop(query);
    Ok(url.into())
}

#[cfg(test)]
mod tests;
