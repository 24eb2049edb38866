//! What goes to an upstream, and what of its answer comes back.

pub mod addresses;
pub mod assertion;
pub mod cache_scope;
pub mod claim_headers;
pub mod forward;
pub mod headers;
pub mod identity;
pub mod lifetime;
pub mod response;
pub mod service_credential;
pub mod static_files;
pub mod transaction;
pub mod websocket;

pub use assertion::{Assertion, Assertions, Making};
pub use cache_scope::CacheScope;
pub use forward::{ForwardPlan, Forwarding, UpstreamIdentity};
pub use identity::Identity;
pub use lifetime::{ProofLease, SessionLease, StreamLifetime};
pub use response::AnswerTerms;
pub use service_credential::{ServiceCredential, refuses_token};
