//! The Worker: its way in and out, and its Durable Objects. `js/entry.js` is what the runtime loads.
#![cfg(target_arch = "wasm32")]

pub mod entry;
mod fault;
pub mod http;
mod js;
pub mod objects;
mod policies;
