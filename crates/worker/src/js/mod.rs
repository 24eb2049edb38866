//! `glue.js`, as Rust sees it.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{ReadableStream, Request};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(crate) fn answer(
        env: &JsValue,
        binding: &str,
        origin: &str,
        path: &str,
        method: &str,
        headers: &JsValue,
        care: u32,
        limit: u32,
        incoming: &Request,
        body: &JsValue,
    ) -> Result<Option<Promise>, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn configuration() -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch, js_name = loadEngine)]
    pub(crate) fn load_engine() -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = askEngine)]
    pub(crate) fn ask_engine(question: &[u8]) -> Result<Option<Vec<u8>>, JsValue>;

    #[wasm_bindgen(catch, js_name = loadLanguage)]
    pub(crate) fn load_language(tag: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = closedAtEnd)]
    pub(crate) fn closed_at_end(socket: &JsValue) -> Result<Function, JsValue>;

    /// A stream that is passed on.
    pub(crate) type Pipe;

    #[wasm_bindgen(catch)]
    pub(crate) fn pipe(body: &ReadableStream) -> Result<Pipe, JsValue>;

    /// What comes out of it.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn readable(this: &Pipe) -> ReadableStream;

    /// Settles when nothing more comes.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn done(this: &Pipe) -> Promise;

    /// Ends it here: what was passed on so far is whole.
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Pipe);

    #[wasm_bindgen(catch)]
    pub(crate) fn transaction(storage: &JsValue, statements: &Array) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn rows(sql: &JsValue, statement: &str, bindings: &Array) -> Result<String, JsValue>;
}
