//! The Model Context Protocol over HTTP (revision 2026-07-28, and the earlier ones where a route says so): what a message
//! asks for, by its body alone, and whether its headers say the same.

mod error;
pub mod headers;
mod list;
mod message;
mod rules;
mod sse;
pub mod version;

pub use error::McpError;
pub use list::{ListFilter, MAX_LIST_BYTES, UnreadableList, forget_of_body};
pub use message::{MAX_DEPTH, McpMessage, MessageKind, MessageTarget};
pub use rules::{McpRules, OperationPattern, ScopeRule};

/// What a request to a server of the protocol is, once it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpCall {
    /// The message. `None`: a request of an earlier revision that has none, for a stream or for the end of a conversation.
    pub message: Option<McpMessage>,
    /// The scopes that it needs beyond those of the route. `None`: nobody may.
    pub needs: Option<Vec<String>>,
}
