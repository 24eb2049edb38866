//! Answers to `tools/list` and its like, without what the caller may not use.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::message::MAX_DEPTH;
use super::{McpRules, sse};
use crate::http::HeaderMap;
use crate::json::parse_object_within;

/// The longest list that is read.
pub const MAX_LIST_BYTES: usize = 2 * 1024 * 1024;

/// What lists a result may have: the member, the method that uses an entry, and where its name stands.
const LISTS: [(&str, &str, &str); 3] =
    [("tools", "tools/call", "name"), ("prompts", "prompts/get", "name"), ("resources", "resources/read", "uri")];
/// Entries of this list are for many resources.
const TEMPLATES: (&str, &str) = ("resourceTemplates", "uriTemplate");

/// What takes out of lists what one caller may not use.
#[derive(Clone, Debug)]
pub struct ListFilter {
    rules: Rc<McpRules>,
    granted: Vec<String>,
}

/// Takes out of the headers of an answer what is said of a body that is another one now.
pub fn forget_of_body(headers: &mut HeaderMap) {
    const OF_BODY: [&str; 8] = [
        "accept-ranges",
        "content-digest",
        "content-encoding",
        "content-md5",
        "digest",
        "etag",
        "last-modified",
        "repr-digest",
    ];
    for name in OF_BODY {
        headers.remove(name);
    }
}

/// A list cannot be read, so nobody can tell what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableList;

impl ListFilter {
    /// For a caller to whom these scopes were granted.
    #[must_use]
    pub const fn new(rules: Rc<McpRules>, granted: Vec<String>) -> Self {
        Self { rules, granted }
    }

    /// The answer by its media type; `None` where it has none of both that the protocol knows.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn apply(&self, media_type: &str, body: &[u8]) -> Result<String, UnreadableList> {
        if body.len() > MAX_LIST_BYTES {
            return Err(UnreadableList);
        }
        let text = std::str::from_utf8(body).map_err(|_| UnreadableList)?;
        match media_type.to_ascii_lowercase().as_str() {
            "application/json" => self.message(text),
            "text/event-stream" => sse::rewrite(text, |data| self.message(data)),
            _ => Err(UnreadableList),
        }
    }

    fn message(&self, text: &str) -> Result<String, UnreadableList> {
        let message = parse_object_within(text.as_bytes(), MAX_LIST_BYTES, MAX_DEPTH);
        let mut message = message.map_err(|_| UnreadableList)?;
        if let Some(result) = message.get_mut("result") {
            self.result(result.as_object_mut().ok_or(UnreadableList)?)?;
        }
        Ok(Value::Object(message).to_string())
    }

    fn result(&self, result: &mut Map<String, Value>) -> Result<(), UnreadableList> {
        for (list, method, member) in LISTS {
            retain(result, list, member, |name| self.rules.may_use(method, name, &self.granted))?;
        }
        let (list, member) = TEMPLATES;
        retain(result, list, member, |template| {
            let beginning = template.split('{').next().unwrap_or_default();
            self.rules.may_use_some("resources/read", beginning, &self.granted)
        })?;
        // What is left is for this caller.
        if let Some(scope) = result.get_mut("cacheScope") {
            *scope = "private".into();
        }
        Ok(())
    }
}

/// Keeps the entries of a list whose name may be kept. What has no name cannot be used.
fn retain(
    result: &mut Map<String, Value>,
    list: &str,
    member: &str,
    keep: impl Fn(&str) -> bool,
) -> Result<(), UnreadableList> {
    let Some(entries) = result.get_mut(list) else { return Ok(()) };
    let entries = entries.as_array_mut().ok_or(UnreadableList)?;
    entries.retain(|entry| entry.get(member).and_then(Value::as_str).is_some_and(&keep));
    Ok(())
}

#[cfg(test)]
mod tests;
