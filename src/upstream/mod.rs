//! What goes to an upstream, and what of its answer comes back.

pub mod answer;
pub mod forward;
mod headers;
pub mod patience;
pub mod static_files;
pub mod tenure;
pub mod websocket;

pub use answer::answer_headers;
pub use forward::{ForwardPlan, Forwarding};
pub use tenure::{Stay, Tenure};
