//! A client asks for a grant, and a person answers (RFC 6749 §4.1 as OAuth 2.1 has it).

pub mod offer;
pub mod request;
pub mod transaction;

pub use request::{AuthorizationError, AuthorizationRequest, Offer, Parameters, UnanswerableRequest};
pub use transaction::{ConsentQuestion, ConsentTransaction};
