//! The two faces of a failure: a rich [`Reason`] for the log, a poor [`Refusal`] for the outside,
//! and the one map between them.

mod approval;
mod device;
pub mod mismatch;
mod outside;
mod parts;
mod problem;
mod reason;
mod second;

pub use approval::ApprovalRefusal;
pub use device::DeviceError;
pub use parts::{Document, ForwardAuthError, KeyRequestError, LogoutRequestError, McpDenial, OrderError};
pub use problem::Refusal;
pub use reason::Reason;
pub use second::SecondError;

#[cfg(test)]
mod tests;
