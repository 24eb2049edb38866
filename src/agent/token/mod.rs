//! The token endpoint: what clients send (RFC 6749 §3.2), and what they are told.

pub mod error;
pub mod request;

pub use error::{GrantError, TokenEndpointError};
pub use request::TokenParameters;
