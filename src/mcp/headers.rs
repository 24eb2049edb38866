//! `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*`: what a message repeats of its body, for those who read no bodies. Here
//! they decide nothing; but the upstream, or what is in front of it, may go by them, so they must say the same.

use base64ct::{Base64, Encoding};
use serde_json::{Map, Number, Value};

use super::{McpError, McpMessage, MessageKind, version};
use crate::http::{HeaderName, HeaderValue, RequestHead};
use crate::json;

const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
const PARAM: &str = "mcp-param-";
/// How many parameters may be repeated.
const MAX_PARAMS: usize = 32;

/// Where a message repeats the revision that it is of.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Compares the headers with the message.
///
/// # Errors
/// Names the first header that is missing, cannot be read, or says something else.
pub fn check(head: &RequestHead, message: &McpMessage) -> Result<(), McpError> {
    let is_request = matches!(message.kind, MessageKind::Request(_));
    // For notifications no header is required (Streamable HTTP, "Sending Messages").
    let required = |name| if is_request { Err(McpError::HeaderMissing(name)) } else { Ok(()) };
    let version = head.header(version::HEADER).map(str::trim);
    let said = message.meta(META_VERSION);
    if version != said && (is_request || said.is_some()) {
        return Err(McpError::HeaderMismatch(version::HEADER));
    }
    match head.header(METHOD).map(str::trim) {
        Some(method) if method == message.method => {}
        None if !head.headers.contains_key(METHOD) => required(METHOD)?,
        _ => return Err(McpError::HeaderMismatch(METHOD)),
    }
    match (head.header(NAME), message.name()) {
        (Some(header), Some(name)) if decoded(header).as_deref() == Some(name) => {}
        (None, Some(_)) if !head.headers.contains_key(NAME) => required(NAME)?,
        (None, None) if !head.headers.contains_key(NAME) => {}
        _ => return Err(McpError::HeaderMismatch(NAME)),
    }
    params(head, message)
}

/// Whether a header is one of those that only count where they are compared. Where they are not, they end here.
#[must_use]
pub fn repeats_body(name: &HeaderName) -> bool {
    let name = name.as_str();
    name == METHOD || name == NAME || name.starts_with(PARAM)
}

/// Which argument a parameter repeats stands in the schema of the tool, and only the upstream knows that. Here each must
/// be some argument.
fn params(head: &RequestHead, message: &McpMessage) -> Result<(), McpError> {
    const ANY: &str = "mcp-param-*";
    let given: Vec<&HeaderValue> =
        head.headers.iter().filter(|(name, _)| name.as_str().starts_with(PARAM)).map(|(_, value)| value).collect();
    if given.len() > MAX_PARAMS {
        return Err(McpError::HeaderMismatch(ANY));
    }
    let is_there = |value: &&HeaderValue| {
        let value = value.to_str().ok().and_then(decoded);
        value.is_some_and(|value| message.arguments().is_some_and(|all| holds(all, &value)))
    };
    if given.iter().all(is_there) { Ok(()) } else { Err(McpError::HeaderMismatch(ANY)) }
}

/// Whether an argument is this text, number or truth value, at any depth of objects.
fn holds(members: &Map<String, Value>, text: &str) -> bool {
    members.values().any(|value| match value {
        Value::String(value) => value == text,
        Value::Bool(value) => *value == (text == "true") && matches!(text, "true" | "false"),
        Value::Number(value) => json::number(text).is_some_and(|other| are_equal(value, &other)),
        Value::Object(inner) => holds(inner, text),
        Value::Array(_) | Value::Null => false,
    })
}

/// Integers are told apart where a floating-point number would not.
fn are_equal(one: &Number, other: &Number) -> bool {
    one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
}

/// What a header says, which may be written in Base64 between `=?base64?` and `?=`.
fn decoded(value: &str) -> Option<String> {
    let value = value.trim_matches([' ', '\t']);
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(Base64::decode_vec(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests;
