//! The auth front door for Cloudflare Workers.
//!
//! Modules stand in the order of their use; each may use those above it, none below
//! (`tests/layering.rs` holds them to it). All of it is plain Rust: no I/O, no clock, no random
//! source of its own.

pub mod claim_path;
pub mod http;
pub mod json;
pub mod kind;
pub mod provider_id;
pub mod recent;
pub mod secret;
pub mod site;
pub mod time;

pub mod issuer_id;

pub mod jose;

pub mod ports;

pub mod relation;

pub mod cookie;
pub mod cors;
pub mod kept;
pub mod keyring;
pub mod limit;
pub mod once;
pub mod security_headers;

pub mod route;

pub mod config;

pub mod navigation;

pub mod csrf;
pub mod oidc;
pub mod session;

pub mod authn;
pub mod authz;
pub mod authzen;

pub mod policy;

pub mod explain;

pub mod audit;
pub mod refusal;

pub mod pages;
pub mod upstream;

pub mod gateway;
