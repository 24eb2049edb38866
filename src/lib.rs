//! The auth front door for Cloudflare Workers.
//!
//! Modules stand in the order of their use; each may use those above it, none below
//! (`tests/layering.rs` holds them to it). Everything but [`edge`] is plain Rust: no I/O, no
//! clock, no random source of its own.

pub mod http;
pub mod json;
pub mod keyring;
pub mod ports;
pub mod provider_id;
pub mod secret;
pub mod time;

#[cfg(not(target_arch = "wasm32"))]
pub mod command;
pub mod config;
pub mod jose;
pub mod route;
pub mod upstream;
