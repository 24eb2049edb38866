//! Logout at the provider (OpenID Connect RP-Initiated Logout §2).

use super::metadata::Metadata;
use crate::config::{Provider, PublicUrl};

/// The longest URL that the browser is sent to: what the browsers, proxies and servers on the way all take.
const MAX_URL_BYTES: usize = 2000;

/// The URL that ends the session at the provider as well; `None` if it has no such endpoint. An ID token with
/// which it would be too long is left out: the provider then goes by its own cookie, and may ask the person. A logout of the
/// provider's own gets what the configuration says, and nothing else.
#[must_use]
pub fn end_session_url(
    provider: &Provider,
    metadata: &Metadata,
    origin: &PublicUrl,
    id_token_hint: Option<&str>,
    state: &str,
) -> Option<String> {
    let settings = &provider.sign_out;
    if let Some(name) = &settings.return_parameter {
        return of_its_own(provider, origin, name);
    }
    let hint = id_token_hint.filter(|_| settings.id_token_hint);
    let with = |hint: Option<&str>| with_parameters(provider, metadata, origin, hint, state);
    match hint.and_then(|hint| with(Some(hint))) {
        Some(url) if url.len() <= MAX_URL_BYTES => Some(url),
        _ => with(None),
    }
}

fn with_parameters(
    provider: &Provider,
    metadata: &Metadata,
    origin: &PublicUrl,
    id_token_hint: Option<&str>,
    state: &str,
) -> Option<String> {
    let endpoint = provider.sign_out.endpoint.as_ref().or(metadata.end_session_endpoint.as_ref());
    let mut url = url::Url::parse(endpoint?).ok()?;
    let mut query = url.query_pairs_mut();
    if let Some(hint) = id_token_hint {
        query.append_pair("id_token_hint", hint);
    }
    query.append_pair("client_id", &provider.client_id);
    query.append_pair("post_logout_redirect_uri", &origin.logged_out_url());
    query.append_pair("state", state);
    for (name, value) in &provider.sign_out.params {
        query.append_pair(name, value);
    }
    drop(query);
    Some(url.into())
}

/// Never at an endpoint that metadata names: it could be of the usual kind.
fn of_its_own(provider: &Provider, origin: &PublicUrl, return_parameter: &str) -> Option<String> {
    let mut url = url::Url::parse(provider.sign_out.endpoint.as_deref()?).ok()?;
    let mut query = url.query_pairs_mut();
    query.append_pair("client_id", &provider.client_id);
    query.append_pair(return_parameter, &origin.logged_out_url());
    for (name, value) in &provider.sign_out.params {
        query.append_pair(name, value);
    }
    drop(query);
    Some(url.into())
}

#[cfg(test)]
mod tests;
