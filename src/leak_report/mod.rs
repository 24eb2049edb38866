//! Reports of secrets that were found where anybody can read them: what others send → the texts that may be keys of ours.
//!
//! Nothing in here knows what a key is, or whether one is real. A text of a report is a secret like the key that it may be.

mod github;
mod single;

pub use github::{LeakReportError, MAX_GITHUB_BYTES, MAX_ITEMS, ReportedSecret, feedback, read_github};
pub use single::{MAX_SINGLE_BYTES, read_single};
