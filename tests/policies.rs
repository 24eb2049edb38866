//! Policies as their writers meet them: the command line, the examples, and Cedar's own tests.
#![cfg(all(feature = "policies", not(target_arch = "wasm32")))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "policies/cedar.rs"]
mod cedar;
#[path = "policies/command.rs"]
mod command;
#[path = "policies/cost.rs"]
mod cost;
