//! `glue.js`, as Rust sees it.

use js_sys::{Array, Object, Promise};
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
    pub(crate) fn init(lines: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn answered(response: &Response) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn response(
        body: &JsValue,
        status: u16,
        headers: &JsValue,
        socket: &JsValue,
    ) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch, js_name = passedOn)]
    pub(crate) fn passed_on(response: &Response, edits: &str) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn verified(
        algorithm: &JsValue,
        key: &CryptoKey,
        signature: &[u8],
        message: &[u8],
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn decrypted(how: &str, key: &Object, parts: &Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = bindingsOf)]
    pub(crate) fn bindings_of(env: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = areSame)]
    pub(crate) fn are_same(one: &JsValue, other: &JsValue) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch, js_name = objectOf)]
    pub(crate) fn object_of(env: &JsValue, binding: &str, name: &str, place: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn asked(
        env: &JsValue,
        binding: &str,
        name: &str,
        place: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn read(
        env: &JsValue,
        binding: &str,
        name: &str,
        place: &str,
        message: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = readAll)]
    pub(crate) fn read_all(
        env: &JsValue,
        binding: &str,
        messages: &str,
        place: &str,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(crate) fn within(env: &JsValue, binding: &str, key: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = kvGet)]
    pub(crate) fn kv_get(env: &JsValue, binding: &str, key: &str, limit: u32) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = kvPut)]
    pub(crate) fn kv_put(
        env: &JsValue,
        binding: &str,
        key: &str,
        text: &str,
        ttl: Option<u32>,
        limit: u32,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = kvKeys)]
    pub(crate) fn kv_keys(env: &JsValue, binding: &str, prefix: &str, limit: u32) -> Result<Promise, JsValue>;
}
