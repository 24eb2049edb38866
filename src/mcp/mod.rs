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
pub use list::{ListFilter, MAX_LIST_BYTES, UnreadableList};
pub use message::{Kind, MAX_DEPTH, Message, Target};
pub use rules::{McpRules, OperationPattern, ScopeRule};
