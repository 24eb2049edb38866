//! The SAML verifier as a Worker of its own: a question comes in, its answer goes out. `js/entry.js` holds the instance.

use wasm_bindgen::prelude::wasm_bindgen;

/// The answer to a question of the front door's, both JSON.
#[wasm_bindgen]
#[must_use]
pub fn answer(question: &[u8]) -> String {
    postern_saml::answer(question)
}
