//! `glue.js`, as Rust sees it.

use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{CryptoKey, Headers, Request, Response};

#[wasm_bindgen(module = "/src/edge/glue.js")]
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

    #[wasm_bindgen(catch)]
    pub(super) fn transaction(storage: &JsValue, statements: &Array) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn within(env: &JsValue, binding: &str, key: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn rows(sql: &JsValue, statement: &str, bindings: &Array) -> Result<String, JsValue>;
}
