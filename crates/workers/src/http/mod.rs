//! Requests, responses and their parts, between the runtime's types and ours.

pub mod body;
pub mod fetch;
pub mod headers;
pub mod request;
pub mod response;
