//! What is wrong with a message: a code for the log, and an answer in the protocol's own form.

use serde_json::{Value, json};

use super::version;

/// Why a message is not taken. It is answered by status 400 and an error of JSON-RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpError {
    /// The body is no JSON.
    NotJson,
    /// The body is longer than the route allows, or breaks off.
    Unreadable,
    /// The body could be read in two ways.
    Ambiguous,
    /// The body is JSON, but not one message: several, or none.
    NotAMessage,
    /// A message whose parameters do not say what its method needs.
    Params(&'static str),
    /// The body is not said to be JSON in UTF-8, without another encoding.
    ContentType,
    /// The message is of a revision that the route does not take; the one that it names.
    Version(String),
    /// A header that the protocol requires is missing.
    HeaderMissing(&'static str),
    /// A header says something else than the body, or nothing that can be read.
    HeaderMismatch(&'static str),
}

impl McpError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson => "mcp.not_json",
            Self::Unreadable => "mcp.unreadable",
            Self::Ambiguous => "mcp.ambiguous",
            Self::NotAMessage => "mcp.not_a_message",
            Self::Params(_) => "mcp.params",
            Self::ContentType => "mcp.content_type",
            Self::Version(_) => "mcp.version",
            Self::HeaderMissing(_) => "mcp.header_missing",
            Self::HeaderMismatch(_) => "mcp.header_mismatch",
        }
    }

    /// Which header or parameter it is about: a fixed word.
    #[must_use]
    pub const fn detail(&self) -> Option<&'static str> {
        match self {
            Self::Params(name) | Self::HeaderMissing(name) | Self::HeaderMismatch(name) => Some(name),
            _ => None,
        }
    }

    /// The error code of JSON-RPC, or of the protocol.
    #[must_use]
    pub const fn number(&self) -> i32 {
        match self {
            Self::NotJson => -32_700,
            Self::Unreadable | Self::Ambiguous | Self::NotAMessage | Self::ContentType => -32_600,
            Self::Params(_) => -32_602,
            Self::HeaderMissing(_) | Self::HeaderMismatch(_) => -32_020,
            Self::Version(_) => -32_022,
        }
    }

    const fn message(&self) -> &'static str {
        match self {
            Self::NotJson => "Parse error",
            Self::Unreadable => "The body is too long, or it broke off",
            Self::Ambiguous => "The body can be read in two ways",
            Self::NotAMessage => "The body is not one JSON-RPC message",
            Self::Params(_) => "The parameters are not those of the method",
            Self::ContentType => "The body must be application/json in UTF-8, without a content encoding",
            Self::Version(_) => "Unsupported protocol version",
            Self::HeaderMissing(_) => "A required header is missing",
            Self::HeaderMismatch(_) => "A header does not match the body",
        }
    }

    /// The body of the answer, to the message of this id.
    #[must_use]
    pub fn answer(&self, id: Option<&Value>) -> Value {
        let mut error = json!({ "code": self.number(), "message": self.message() });
        let data = match self {
            Self::Version(requested) => Some(json!({ "supported": [version::CURRENT], "requested": requested })),
            Self::HeaderMissing(name) | Self::HeaderMismatch(name) => Some(json!({ "header": name })),
            Self::Params(name) => Some(json!({ "parameter": name })),
            _ => None,
        };
        if let (Some(members), Some(data)) = (error.as_object_mut(), data) {
            members.insert("data".to_owned(), data);
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_id_of_its_message_and_the_code_of_the_protocol() {
        //
        let answer = McpError::HeaderMismatch("mcp-name").answer(Some(&json!(7)));
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32_020)));
        assert_eq!(answer["error"]["data"]["header"], "mcp-name");
        let answer = McpError::Version("2025-06-18".to_owned()).answer(None);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32_022)));
        assert_eq!(answer["error"]["data"], json!({ "supported": ["2026-07-28"], "requested": "2025-06-18" }));
    }
}
