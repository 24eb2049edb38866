//! Programs that act for people: who they are, what was granted to them, and how they ask for it.
//!
//! A grant is a session with an actor: its record and its rules are with those of sessions ([`crate::session`]).

pub mod authorize;
pub mod client;
pub mod enterprise;
pub mod error;
pub mod exchange;
pub mod receipt;
pub mod token;

pub use error::AgentError;

pub use crate::session::{approval, grant, grant_handle as handle};
