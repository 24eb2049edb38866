//! Programs that act for people: what was granted to them, and how they ask for it.
//!
//! A grant is a session with an actor: its record and its rules are with those of sessions ([`crate::session`]).

pub use crate::session::{grant, grant_handle as handle};
