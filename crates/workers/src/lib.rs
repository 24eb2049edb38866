//! Postern on Cloudflare Workers: each port of the core, answered by the runtime. A Worker in Rust that guards its own
//! routes links this ([`Guard`]); it exports nothing by itself.
#![cfg(target_arch = "wasm32")]

pub mod background;
pub mod bindings;
pub mod clock;
pub mod environment;
pub mod guard;
pub mod http;
pub mod isolate;
pub mod js;
pub mod kv;
pub mod log;
pub mod objects;
pub mod pending_promise;
pub mod pending_request;
pub mod platform;
pub mod random;
pub mod warm_up;
pub mod webcrypto;

pub use guard::{Admitted, Guard};
