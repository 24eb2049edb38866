//! What goes to an upstream, and what of its answer comes back.

pub mod answer;
pub mod assertion;
pub mod claim_headers;
pub mod forward;
mod headers;
pub mod identity;
pub mod static_files;
pub mod tenure;
pub mod websocket;

pub use answer::{AnswerTerms, answer_headers};
pub use assertion::{Assertions, Making};
pub use forward::{ForwardPlan, Forwarding, Introduction};
pub use identity::Identity;
pub use tenure::{Stay, Tenure};
