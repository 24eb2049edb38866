//! What only exists in wasm: the adapters to the runtime, run in Node.
//!
//! `CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner cargo test --package postern-worker --target wasm32-unknown-unknown --test wasm`
#![cfg(target_arch = "wasm32")]

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
