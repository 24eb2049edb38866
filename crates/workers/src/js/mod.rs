//! Calls into JavaScript that cannot throw past us.
//!
//! An exception from an import declared without `catch` passes through all Rust code and leaves the
//! request hanging. What is not declared with `catch` in `web-sys` or `worker` is called through here.

pub(crate) mod glue;

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Something JavaScript threw or rejected with.
#[derive(Clone, Debug)]
pub struct Exception(JsValue);

impl Exception {
    /// An error of our own, for where JavaScript gave nothing usable.
    pub fn new(message: &str) -> Self {
        Self(js_sys::Error::new(message).into())
    }

    /// Whether it says that something took too long (Web IDL §2.8.1, `TimeoutError`).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        text_of(&self.0, "name").as_deref() == Some("TimeoutError")
    }
}

impl From<Exception> for JsValue {
    fn from(exception: Exception) -> Self {
        exception.0
    }
}

impl From<JsValue> for Exception {
    fn from(value: JsValue) -> Self {
        Self(value)
    }
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = text_of(&self.0, "name").unwrap_or_else(|| "Exception".to_owned());
        match text_of(&self.0, "message").or_else(|| self.0.as_string()) {
            Some(message) => write!(f, "{name}: {message}"),
            None => f.write_str(&name),
        }
    }
}

fn text_of(value: &JsValue, name: &str) -> Option<String> {
    property(value, name).ok()?.as_string()
}

/// A property of `of`.
pub fn property(of: &JsValue, name: &str) -> Result<JsValue, Exception> {
    Ok(Reflect::get(of, &JsValue::from_str(name))?)
}

/// Calls a method of `this`.
pub fn call(this: &JsValue, method: &str, arguments: &Array) -> Result<JsValue, Exception> {
    let function: Function = property(this, method)?.dyn_into()?;
    Ok(function.apply(this, arguments)?)
}

/// Calls a method of `this` that answers with a promise, and waits for it.
pub async fn call_async(this: &JsValue, method: &str, arguments: &Array) -> Result<JsValue, Exception> {
    let promise: Promise = call(this, method, arguments)?.dyn_into()?;
    Ok(JsFuture::from(promise).await?)
}

/// `fetch` of the global scope, a service binding, an assets binding or an object's stub.
pub async fn fetch(from: &JsValue, request: &web_sys::Request) -> Result<web_sys::Response, Exception> {
    Ok(call_async(from, "fetch", &Array::of1(request)).await?.dyn_into()?)
}
