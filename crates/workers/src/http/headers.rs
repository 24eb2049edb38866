//! JavaScript `Headers` ↔ [`HeaderMap`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use web_sys::{Headers, Response};

use crate::js::glue;
use postern::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Name and value, as JavaScript tells them.
#[derive(Debug, Deserialize)]
pub struct Line<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

/// A header that has no place in a [`HeaderMap`], or none in `Headers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader;

/// Every header of a request, in order.
///
/// # Errors
/// When one of them is not a valid header by RFC 9110 §5: the request is refused.
pub fn parse_all(lines: &[Line<'_>]) -> Result<HeaderMap, BadHeader> {
    let mut map = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let (name, value) = parse(line).ok_or(BadHeader)?;
        map.try_append(name, value).map_err(|_| BadHeader)?;
    }
    Ok(map)
}

/// The headers of an answer, without those that are invalid.
#[must_use]
pub fn read_valid(headers: &Headers) -> HeaderMap {
    let text = glue::lines(headers).unwrap_or_default();
    valid(&serde_json::from_str::<Vec<Line<'_>>>(&text).unwrap_or_default())
}

/// The status of an answer, and its valid headers. `None`: it has none of a kind that is known.
pub fn answered(response: &Response) -> Option<(StatusCode, HeaderMap)> {
    let text = glue::answered(response).ok()?;
    let (status, lines): (u16, Vec<Line<'_>>) = serde_json::from_str(&text).ok()?;
    Some((StatusCode::from_u16(status).ok()?, valid(&lines)))
}

fn valid(lines: &[Line<'_>]) -> HeaderMap {
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
    glue::headers(&lines(map)?).map_err(|_| BadHeader)
}

/// The map as one text, which JavaScript makes `Headers` of: one crossing instead of three for each line. A record
/// where no name is repeated, for the runtime takes four times as long over a list of pairs.
///
/// # Errors
/// When a value is not UTF-8.
pub fn lines(map: &HeaderMap) -> Result<String, BadHeader> {
    let mut lines = Vec::with_capacity(map.len());
    for (name, value) in map {
        lines.push((name.as_str(), std::str::from_utf8(value.as_bytes()).map_err(|_| BadHeader)?));
    }
    let is_record = map.keys_len() == map.len();
    if is_record { serde_json::to_string(&Record(&lines)) } else { serde_json::to_string(&lines) }
        .map_err(|_| BadHeader)
}

struct Record<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

fn parse(line: &Line<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(line.0.as_bytes()).ok()?;
    let value = HeaderValue::from_str(&line.1).ok()?;
    Some((name, value))
}
