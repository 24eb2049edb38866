//! JavaScript `Headers` ↔ [`HeaderMap`].

use std::borrow::Cow;

use js_sys::{Array, JSON};
use serde::Deserialize;
use web_sys::Headers;

use super::js::Exception;
use crate::http::{HeaderMap, HeaderName, HeaderValue};

#[derive(Deserialize)]
struct Line<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

/// A header that has no place in a [`HeaderMap`], or none in `Headers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader;

/// Every header of a request, in order.
///
/// # Errors
/// When one of them is not a valid header by RFC 9110 §5: the request is refused.
pub fn read_all(headers: &Headers) -> Result<HeaderMap, BadHeader> {
    let text = stringify(headers).map_err(|_| BadHeader)?;
    let lines: Vec<Line<'_>> = serde_json::from_str(&text).map_err(|_| BadHeader)?;
    let mut map = HeaderMap::with_capacity(lines.len());
    for line in &lines {
        let (name, value) = parse(line).ok_or(BadHeader)?;
        map.try_append(name, value).map_err(|_| BadHeader)?;
    }
    Ok(map)
}

/// The headers of an answer, without those that are invalid.
#[must_use]
pub fn read_valid(headers: &Headers) -> HeaderMap {
    let text = stringify(headers).unwrap_or_default();
    let lines: Vec<Line<'_>> = serde_json::from_str(&text).unwrap_or_default();
    let mut map = HeaderMap::with_capacity(lines.len());
    for (name, value) in lines.iter().filter_map(parse) {
        // Fails at 32768 headers, which no runtime lets through.
        let _ = map.try_append(name, value);
    }
    map
}

/// The map as new `Headers`; repeated ones, `Set-Cookie` among them, stay apart.
///
/// # Errors
/// When a value is not UTF-8 or the runtime refuses it.
pub fn write(map: &HeaderMap) -> Result<Headers, BadHeader> {
    let headers = Headers::new().map_err(|_| BadHeader)?;
    for (name, value) in map {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| BadHeader)?;
        headers.append(name.as_str(), value).map_err(|_| BadHeader)?;
    }
    Ok(headers)
}

/// All lines as one JSON text: one crossing from JavaScript instead of five for each line.
fn stringify(headers: &Headers) -> Result<String, Exception> {
    Ok(JSON::stringify(&Array::from(headers))?.into())
}

fn parse(line: &Line<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(line.0.as_bytes()).ok()?;
    let value = HeaderValue::from_str(&line.1).ok()?;
    Some((name, value))
}
