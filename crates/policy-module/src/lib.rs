//! The engine for policies as a module of its own: a message comes in, its answer goes out, and nothing else is known of
//! the world. `crates/worker/src/js/policies.js` holds its instance.

#[cfg(feature = "fault-injection")]
mod fault;

use postern::policy::EngineService;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SERVICE: EngineService = const { EngineService::new(postern_policy_cedar::engine()) };
}

/// The answer to a message of the Worker's.
#[wasm_bindgen]
#[must_use]
pub fn answer(question: &[u8]) -> Vec<u8> {
    #[cfg(feature = "fault-injection")]
    fault::provoke(question);
    SERVICE.with(|service| service.answer(question))
}
