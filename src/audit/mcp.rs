//! A message of the Model Context Protocol within an event.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use super::short;
use crate::mcp::{McpMessage, MessageKind};

/// What a message asks for. Of its parameters there is a digest alone: they may hold whatever people write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct McpFacts {
    /// The method; `answer` where it is one.
    pub method: String,
    /// The name of the tool or prompt, or the URI of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 of the parameters as they were sent, in Base64url.
    pub params: String,
}

impl McpFacts {
    /// That of a message.
    #[must_use]
    pub fn of(message: &McpMessage) -> Self {
        let method = if message.kind == MessageKind::Answer { "answer" } else { &message.method };
        Self {
            method: short(method),
            name: message.name().map(short),
            params: Base64UrlUnpadded::encode_string(&message.params_digest),
        }
    }
}
