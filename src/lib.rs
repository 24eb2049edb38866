//! The auth front door for Cloudflare Workers.
//!
//! Modules stand in the order of their use; each may use those above it, none below
//! (`tests/layering.rs` holds them to it). All of it is plain Rust: no I/O, no clock, no random
//! source of its own.

pub mod bounded_cache;
pub mod ids;
pub mod letter_case;
pub mod ordered;
pub mod secret;
pub mod time;

pub mod json;

pub mod claims;
pub mod http;

pub mod jose;

pub mod leak_report;
pub mod ports;

pub mod webauthn;

pub mod relation;
pub mod store;

pub mod keyring;
pub mod limit;

pub mod api_key;

pub mod mcp;
pub mod route;

pub mod config;

pub mod saml;

pub mod oidc;
pub mod outward;
pub mod session;

pub mod authn;
pub mod authz;
pub mod authzen;

pub mod agent;

pub mod policy;

pub mod explain;

pub mod audit;
pub mod refusal;

pub mod pages;
pub mod upstream;

pub mod gateway;

/// The release: the version of this crate, as `postern --version` tells it and `version` in the log.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
