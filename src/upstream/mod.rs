//! What goes to an upstream, and what of its answer comes back.

pub mod answer;
pub mod forward;

pub use answer::answer_headers;
pub use forward::{ForwardPlan, Forwarding};
