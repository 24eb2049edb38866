//! `glue.js`, as Rust sees it.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{CryptoKey, Headers, Request, Response};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(crate) fn described(request: &Request) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn lines(headers: &Headers) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn headers(lines: &str) -> Result<Headers, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn answered(response: &Response) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn response(body: &JsValue, status: u16, lines: &str, socket: &JsValue) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch, js_name = passedOn)]
    pub(crate) fn passed_on(response: &Response, lines: &str) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn verified(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        message: &[u8],
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn asked(
        env: &JsValue,
        binding: &str,
        name: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn called(
        env: &JsValue,
        binding: &str,
        name: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = calledToRead)]
    pub(crate) fn called_to_read(
        env: &JsValue,
        binding: &str,
        name: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn read(env: &JsValue, binding: &str, name: &str, message: &str, limit: u32)
    -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = readAll)]
    pub(crate) fn read_all(env: &JsValue, binding: &str, messages: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn within(env: &JsValue, binding: &str, key: &str, limit: u32) -> Result<Promise, JsValue>;

}
