//! The two faces of a failure: a rich [`Reason`] for the log, a poor [`Refusal`] for the outside,
//! and the one map between them.

mod question;
mod reason;
mod shown;

pub use question::{Document, LogoutRequestError, VerifyError};
pub use reason::Reason;
pub use shown::Refusal;

#[cfg(test)]
mod tests;
