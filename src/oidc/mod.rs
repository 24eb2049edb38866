//! `OpenID` Connect as a relying party: what to ask a provider, and what to make of its answers.
//!
//! Every exchange is two pure functions, one that builds the request and one that reads the answer;
//! [`crate::gateway`] sends.

pub mod apple;
pub mod callback;
pub mod client_auth;
pub mod documents;
pub mod email;
pub mod error_response;
pub mod exchange;
pub mod id_token;
pub mod introspection;
pub mod jarm;
pub mod key_issuer;
pub mod login;
pub mod login_values;
pub mod logout;
pub mod logout_token;
pub mod metadata;
pub mod oauth2_user;
pub mod proof_key;
pub mod pushed;
pub mod refetch_budget;
mod request_object;
pub mod return_to;
pub mod revocation_request;
pub mod revocation_token;
pub mod session_claims;
pub mod signed_in;
pub mod tenant;
pub mod token;
pub mod transaction;
pub mod userinfo;
pub mod way_back;

pub use crate::claims::is_believed;
