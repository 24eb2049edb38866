//! The body of a request → one message of JSON-RPC, or a refusal. Strict, because the upstream reads the same bytes with
//! a parser of its own, and must not find another message there: no member twice in any object, no members that a parser
//! that ignores letter case could take for those that count, no batches.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::McpError;
use crate::json::{JsonError, parse_object_within, raw};
use crate::letter_case::folded;

/// The deepest nesting read. Arguments of tools are deeper than tokens.
pub const MAX_DEPTH: usize = 64;

const MAX_METHOD_BYTES: usize = 128;
const MAX_NAME_BYTES: usize = 2048;
const MAX_ID_BYTES: usize = 256;
/// How many resources a message may subscribe to at once.
const MAX_TARGETS: usize = 64;

/// The members of a message, and no others (JSON-RPC 2.0 §4, §5).
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
/// The parameters that say what a message is for.
const DECISIVE: [&str; 7] = ["name", "uri", "taskId", "ref", "notifications", "arguments", "_meta"];

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpMessage {
    /// What kind of message.
    pub kind: MessageKind,
    /// The method; empty where it is an answer.
    pub method: String,
    /// The parameters.
    pub params: Map<String, Value>,
    /// SHA-256 of the parameters as they were sent, byte for byte; of nothing where there are none.
    pub params_digest: [u8; 32],
}

/// What kind of message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// It wants an answer, under this id.
    Request(Value),
    /// It wants none.
    Notification,
    /// It is an answer: earlier revisions let clients give them.
    Answer,
}

/// What a message is for: a method with the name of a tool, a prompt or a resource, for rules to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTarget<'a> {
    /// The method, or that of which it tells as much.
    pub method: &'a str,
    /// The name.
    pub name: Option<&'a str>,
}

impl McpMessage {
    /// Reads a body whole. `answers`: whether an answer is taken too.
    ///
    /// # Errors
    /// When it is not exactly one message.
    pub fn parse(body: &str, max_bytes: usize, answers: bool) -> Result<Self, McpError> {
        let mut members = parse_object_within(body.as_bytes(), max_bytes, MAX_DEPTH).map_err(|error| match error {
            JsonError::TooLarge => McpError::Unreadable,
            JsonError::NotUtf8 | JsonError::Syntax => McpError::NotJson,
            JsonError::NotAnObject => McpError::NotAMessage,
            JsonError::DuplicateMember | JsonError::TooDeep => McpError::Ambiguous,
        })?;
        if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(McpError::Ambiguous);
        }
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(McpError::NotAMessage);
        }
        let id = members.remove("id");
        if id.as_ref().is_some_and(|id| !is_id(id)) {
            return Err(McpError::NotAMessage);
        }
        let is_answer = members.contains_key("result") != members.contains_key("error");
        let method = match (members.remove("method"), id.is_some() && is_answer && answers) {
            (None, true) => String::new(),
            (Some(Value::String(method)), _) if is_method(&method) && !is_answer => method,
            _ => return Err(McpError::NotAMessage),
        };
        let params = match members.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) if !method.is_empty() => params,
            Some(_) => return Err(McpError::NotAMessage),
        };
        if params.keys().any(|name| resembles_decisive(name)) {
            return Err(McpError::Ambiguous);
        }
        let kind = match id {
            _ if method.is_empty() => MessageKind::Answer,
            Some(id) => MessageKind::Request(id),
            None => MessageKind::Notification,
        };
        // The body is known to be an object, and to have no member twice.
        let written = raw::members(body).unwrap_or_default();
        let written = written.iter().find(|(name, _)| name == "params").map_or("", |(_, written)| written);
        let params_digest = Sha256::digest(written).into();
        let message = Self { kind, method, params, params_digest };
        message.targets()?;
        Ok(message)
    }

    /// The request that asks for this operation, for those who want to know what would become of it.
    ///
    /// # Errors
    /// When there is no such request.
    pub fn supposed(method: &str, name: Option<&str>, arguments: &Map<String, Value>) -> Result<Self, McpError> {
        let mut params = Map::new();
        params.insert("arguments".to_owned(), Value::Object(arguments.clone()));
        if let Some(name) = name {
            params.insert(named_by(method).unwrap_or("name").to_owned(), name.into());
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        Self::parse(&body, body.len(), false)
    }

    /// The id of a request.
    #[must_use]
    pub const fn id(&self) -> Option<&Value> {
        match &self.kind {
            MessageKind::Request(id) => Some(id),
            MessageKind::Notification | MessageKind::Answer => None,
        }
    }

    /// The name of what it is for: what `Mcp-Name` repeats.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.params.get(named_by(&self.method)?).and_then(Value::as_str)
    }

    /// The arguments of a tool or prompt.
    #[must_use]
    pub fn arguments(&self) -> Option<&Map<String, Value>> {
        self.params.get("arguments").and_then(Value::as_object)
    }

    /// A text in `_meta`.
    #[must_use]
    pub fn meta(&self, name: &str) -> Option<&str> {
        self.params.get("_meta")?.get(name)?.as_str()
    }

    /// Whether its answer is a list of which a caller may be shown less.
    #[must_use]
    pub fn asks_for_list(&self) -> bool {
        matches!(self.method.as_str(), "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list")
    }

    /// Everything that it is for: what is completed for a prompt tells of the prompt, and who hears of changes of a
    /// resource hears of the resource.
    ///
    /// # Errors
    /// When its parameters do not say what its method needs.
    pub fn targets(&self) -> Result<Vec<MessageTarget<'_>>, McpError> {
        let own = MessageTarget { method: &self.method, name: None };
        let one = |method, name| Ok(vec![MessageTarget { method, name: Some(name) }]);
        match self.method.as_str() {
            "tools/call" | "prompts/get" => one(&self.method, text(&self.params, "name")?),
            "resources/read" => one(&self.method, text(&self.params, "uri")?),
            "resources/subscribe" | "resources/unsubscribe" => one("resources/read", text(&self.params, "uri")?),
            "tasks/get" | "tasks/update" | "tasks/cancel" => one(&self.method, text(&self.params, "taskId")?),
            "completion/complete" => {
                let of = self.params.get("ref").and_then(Value::as_object).ok_or(McpError::Params("ref"))?;
                match of.get("type").and_then(Value::as_str) {
                    Some("ref/prompt") => one("prompts/get", text(of, "name")?),
                    Some("ref/resource") => one("resources/read", text(of, "uri")?),
                    _ => Err(McpError::Params("ref")),
                }
            }
            "subscriptions/listen" => {
                const RESOURCES: &str = "resourceSubscriptions";
                let wanted = self.params.get("notifications").and_then(|wanted| wanted.get(RESOURCES));
                let Some(wanted) = wanted else { return Ok(vec![own]) };
                let wanted = wanted.as_array().filter(|all| all.len() < MAX_TARGETS);
                let read = |uri: &'_ Value| is_name(uri.as_str().unwrap_or_default());
                let wanted = wanted.filter(|all| all.iter().all(read)).ok_or(McpError::Params(RESOURCES))?;
                let resources = wanted.iter().map(|uri| MessageTarget { method: "resources/read", name: uri.as_str() });
                Ok([own].into_iter().chain(resources).collect())
            }
            _ => Ok(vec![own]),
        }
    }
}

/// The parameter that names what a message of this method is for.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, McpError> {
    let text = members.get(name).and_then(Value::as_str).filter(|text| is_name(text));
    text.ok_or(McpError::Params(name))
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a text can be a method.
pub(super) fn is_method(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.$".contains(&byte);
    (1..=MAX_METHOD_BYTES).contains(&text.len()) && text.bytes().all(is_part)
}

fn is_id(id: &Value) -> bool {
    match id {
        Value::String(text) => text.len() <= MAX_ID_BYTES,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        _ => false,
    }
}

/// Whether a parser that ignores letter case could take the member for one that counts. Such parsers fold beyond ASCII
/// too: `ſ` is an `s` to them, and the sign for kelvin a `k`.
fn resembles_decisive(name: &str) -> bool {
    let is_like = |decisive: &str| decisive != name && folded(decisive) == folded(name);
    DECISIVE.iter().any(|decisive| is_like(decisive))
}

#[cfg(test)]
mod tests;
