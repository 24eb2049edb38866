//! Programs that act for people: who they are, what they were granted, and by what texts they come.

pub mod authorize;
pub mod client;
pub mod token;
