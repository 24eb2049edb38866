//! JavaScript `Headers` ↔ [`HeaderMap`].
//!
//! They cross the border as one text. From JavaScript, before each name and each value stands a NUL, which no header holds.

use serde::{Serialize, Serializer};
use wasm_bindgen::JsValue;
use web_sys::{Headers, Response};

use crate::js::glue;
use postern::http::header_edits::HeaderEdits;
use postern::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const NUL: char = '\0';

/// A header that has no place in a [`HeaderMap`], or none in `Headers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader;

/// The texts of such a text.
pub(crate) fn texts(text: &str) -> std::str::Split<'_, char> {
    text.split(NUL)
}

/// Every header of a request, in order, of names and values in turn.
///
/// # Errors
/// When one of them is not a valid header by RFC 9110 §5: the request is refused.
pub(crate) fn parse_all<'a>(texts: impl Iterator<Item = &'a str>) -> Result<HeaderMap, BadHeader> {
    let mut map = HeaderMap::new();
    each(texts, |name, value| {
        let (name, value) = parse(name, value).ok_or(BadHeader)?;
        map.try_append(name, value).map(drop).map_err(|_| BadHeader)
    })?;
    Ok(map)
}

/// The headers of an answer, without those that are invalid.
#[must_use]
pub fn read_valid(headers: &Headers) -> HeaderMap {
    let text = glue::lines(headers).unwrap_or_default();
    valid(texts(&text).skip(1)).0
}

/// What an answer says before its body.
#[derive(Clone, Debug)]
pub struct AnswerHead {
    /// Its status.
    pub status: StatusCode,
    /// Its valid headers.
    pub headers: HeaderMap,
    /// Whether it has others.
    pub has_invalid: bool,
}

/// What an answer says before its body. `None`: its status is neither 101 nor from 200 to 599, so no [`Response`] can be
/// constructed with it (Fetch §5.5). The same limit holds for an answer that is passed on unchanged.
pub fn answered(response: &Response) -> Option<AnswerHead> {
    let text = glue::answered(response).ok()?;
    let mut texts = texts(&text);
    let status = texts.next()?.parse().ok().filter(|status| matches!(status, 101 | 200..=599))?;
    let status = StatusCode::from_u16(status).ok()?;
    let (headers, has_invalid) = valid(texts);
    Some(AnswerHead { status, headers, has_invalid })
}

/// Those that are valid, and whether there are others.
fn valid<'a>(texts: impl Iterator<Item = &'a str>) -> (HeaderMap, bool) {
    let (mut map, mut has_invalid) = (HeaderMap::new(), false);
    let _ = each(texts, |name, value| {
        // It does not fit in after 32768 others, which no runtime lets through.
        let taken = parse(name, value).is_some_and(|(name, value)| map.try_append(name, value).is_ok());
        has_invalid |= !taken;
        Ok(())
    });
    (map, has_invalid)
}

/// Edits as one text: the names that are taken out with commas between them, then names and values that are added, with a NUL
/// before each of those. Empty, where there are none.
pub(crate) fn edits(edits: &HeaderEdits<'_>) -> Result<String, BadHeader> {
    let removed: Vec<&str> = edits.removed().iter().map(HeaderName::as_str).collect();
    let mut text = removed.join(",");
    for (name, value) in edits.added() {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| BadHeader)?;
        for part in [name.as_str(), value] {
            text.push(NUL);
            text.push_str(part);
        }
    }
    Ok(text)
}

fn each<'a>(
    mut texts: impl Iterator<Item = &'a str>,
    mut take: impl FnMut(&'a str, &'a str) -> Result<(), BadHeader>,
) -> Result<(), BadHeader> {
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        take(name, value)?;
    }
    Ok(())
}

/// The map as what JavaScript makes `Headers` of, in one crossing instead of three for each line; repeated ones, `Set-Cookie`
/// among them, stay apart. A record where no name is repeated, for the runtime takes four times as long over a list of pairs.
///
/// # Errors
/// When a value is not UTF-8.
pub fn init(map: &HeaderMap) -> Result<JsValue, BadHeader> {
    let mut lines = Vec::with_capacity(map.len());
    for (name, value) in map {
        lines.push((name.as_str(), std::str::from_utf8(value.as_bytes()).map_err(|_| BadHeader)?));
    }
    let is_record = map.keys_len() == map.len();
    let json = if is_record { serde_json::to_string(&Record(&lines)) } else { serde_json::to_string(&lines) };
    glue::init(&json.map_err(|_| BadHeader)?).map_err(|_| BadHeader)
}

struct Record<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

fn parse(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
}
