//! What must hold for every input whatever, one module per door: a check that returns, or panics where Postern is wrong.
//!
//! "No acceptance" is half of it: the private keys behind [`fixed`] are nowhere in here, so whatever verifies under
//! them beyond the tokens of the fixtures is a forgery.

pub mod access_token;
pub mod agent;
pub mod api_key;
pub mod authorization;
pub mod authzen;
pub mod block_list;
pub mod certificate;
pub mod challenge;
pub mod claims;
pub mod cookie;
pub mod device;
pub mod dpop;
pub mod fixed;
pub mod json;
pub mod jwe;
pub mod jwks;
pub mod jwt;
pub mod leak_report;
pub mod mcp_list;
pub mod mcp_message;
pub mod metadata;
pub mod passkey;
pub mod path;
pub mod person;
#[cfg(feature = "policies")]
pub mod policy;
pub mod relation;
pub mod route;
pub mod saml_gate;
pub mod saml_verify;
pub mod second_factor;
pub mod sharing;
pub mod signed_response;
pub mod workload;

/// None of the deployments in memory asks policies.
fn engine() -> Option<&'static dyn postern::policy::PolicyEngine> {
    None
}

/// The world of the flow tests: a whole deployment in memory.
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
