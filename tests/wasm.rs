//! What only exists in wasm: the adapters to the runtime, run in Node.
//!
//! `npm test -- --only wasm`
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops where it meets what it did not expect"
)]

#[path = "wasm/adapters.rs"]
mod adapters;
#[path = "wasm/both.rs"]
mod both;
#[path = "wasm/node.rs"]
mod node;
#[path = "vectors/published.rs"]
mod published;
#[path = "wasm/signatures.rs"]
mod signatures;
#[path = "wasm/signing.rs"]
mod signing;
#[path = "wasm/stepper.rs"]
mod stepper;
#[path = "wasm/vectors.rs"]
mod vectors;
#[path = "wasm/warm_up.rs"]
mod warm_up;
