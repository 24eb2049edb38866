//! What every request to a provider has in common.

use crate::http::{HeaderMap, HeaderValue, Method, StatusCode, essence, header};
use crate::ports::OutboundRequest;
use crate::time::Seconds;

/// How long a provider may take to answer.
pub const TIMEOUT: Seconds = Seconds::new(10);

/// Who asks: firewalls of providers turn away requests that do not say. It tells nothing of the deployment.
pub(super) const USER_AGENT: &str = "Postern";

/// A GET for a JSON document: no cookie, no credential.
#[must_use]
pub fn json_get(url: String, max_bytes: usize) -> OutboundRequest {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    OutboundRequest {
        method: Method::GET,
        url,
        headers,
        body: String::new(),
        timeout: TIMEOUT,
        max_bytes,
        certificate: None,
        via: None,
    }
}

/// A POST of form fields that asks for JSON.
#[must_use]
pub fn form_post(url: String, fields: &[(&str, &str)], max_bytes: usize) -> OutboundRequest {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    OutboundRequest {
        method: Method::POST,
        url,
        headers,
        body,
        timeout: TIMEOUT,
        max_bytes,
        certificate: None,
        via: None,
    }
}

/// Whether an answer says that it is JSON (`application/json`, or with a `+json` suffix).
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let is_json =
        |kind: String| kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    content_type(headers).is_some_and(is_json)
}

/// Whether a status says that the same may go well later (RFC 9110 §15.5.9, §15.6; RFC 8470 §5.2; RFC 6585 §4).
#[must_use]
pub fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// What an answer says that it is, in small letters.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(essence(value).to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
