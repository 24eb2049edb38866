//! `js/glue.js`, as Rust sees it.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{CryptoKey, Headers, ReadableStream, Request, Response};

#[wasm_bindgen(module = "/src/edge/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn described(request: &Request) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn lines(headers: &Headers) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn headers(lines: &str) -> Result<Headers, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn answer(
        fetcher: &JsValue,
        origin: &str,
        path: &str,
        method: &str,
        lines: &str,
        fresh: bool,
        limit: u32,
        incoming: &Request,
        length: Option<f64>,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn answered(response: &Response) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn response(body: &JsValue, status: u16, lines: &str, socket: &JsValue) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch, js_name = passedOn)]
    pub(super) fn passed_on(response: &Response, lines: &str) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn verified(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        message: &[u8],
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn asked(
        env: &JsValue,
        binding: &str,
        name: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = askedAll)]
    pub(super) fn asked_all(env: &JsValue, binding: &str, messages: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = closedAtEnd)]
    pub(super) fn closed_at_end(socket: &JsValue) -> Result<Function, JsValue>;

    /// A stream that is passed on.
    pub(super) type Pipe;

    #[wasm_bindgen(catch)]
    pub(super) fn pipe(body: &ReadableStream) -> Result<Pipe, JsValue>;

    /// What comes out of it.
    #[wasm_bindgen(method, getter)]
    pub(super) fn readable(this: &Pipe) -> ReadableStream;

    /// Settles when nothing more comes.
    #[wasm_bindgen(method, getter)]
    pub(super) fn done(this: &Pipe) -> Promise;

    /// Ends it here: what was passed on so far is whole.
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &Pipe);

    #[wasm_bindgen(catch)]
    pub(super) fn transaction(storage: &JsValue, statements: &Array) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn within(env: &JsValue, binding: &str, key: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn rows(sql: &JsValue, statement: &str, bindings: &Array) -> Result<String, JsValue>;
}
