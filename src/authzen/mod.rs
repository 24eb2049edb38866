//! The `AuthZEN` Authorization API 1.0, as far as it is only words: a request's body → what is asked, and the form of what
//! is answered. Nothing here decides.

mod answer;
mod request;

pub use answer::{decision, decisions, metadata};
pub use request::{Action, AuthzenRequest, Entity, Evaluation, MAX_BYTES, MAX_EVALUATIONS, RequestError, Semantic};

/// Access Evaluation (§6), by its default path (§10.1).
pub const EVALUATION: &str = "/access/v1/evaluation";
/// Access Evaluations (§7), by its default path (§10.1).
pub const EVALUATIONS: &str = "/access/v1/evaluations";
/// Where the metadata is (§9.2).
pub const METADATA: &str = "/.well-known/authzen-configuration";
