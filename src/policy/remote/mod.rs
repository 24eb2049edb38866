//! An engine in another place, such as a WebAssembly module of its own: it is asked by messages.
//!
//! [`RemoteEngine`] is the engine as the gateway sees it, and [`EngineService`] answers its messages with an engine that
//! is there. Both sides are always of one build, so the messages carry no version of their own.
//!
//! What has no answer, or none that can be read, is a no: where the place of the engine ends in the midst of a question,
//! nothing is known of the answer. What it had read is then read again for the next question. A set is known there by
//! the name of its version, which says what is in it: no answer can be that of other policies.

mod client;
mod facts;
mod json_text;
mod message;
mod service;

pub use client::{EngineLine, RemoteEngine};
pub use service::EngineService;

#[cfg(test)]
mod tests;
