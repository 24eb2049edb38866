//! A stream of server-sent events of a guarded route: passed on as it comes, until the session ends.

use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, ReadableStream};

use super::js::{self, Exception, property};
use super::relay;
use super::watch::Ending;
use crate::http::{HeaderMap, essence, header};

/// Whether an answer is such a stream (HTML §9.2).
pub(super) fn is_one(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    essence(kind).eq_ignore_ascii_case("text/event-stream")
}

/// The headers of an answer whose body went through [`until`]: the runtime has undone these encodings, and would have
/// to do them again, where it would hold back what an event waits for.
pub(super) fn forget_encoding(headers: &mut HeaderMap) {
    let undone = |value: &crate::http::HeaderValue| matches!(value.as_bytes(), b"gzip" | b"br");
    if headers.get(header::CONTENT_ENCODING).is_some_and(undone) {
        headers.remove(header::CONTENT_ENCODING);
    }
}

/// `body`, for as long as `end` does not come. The runtime moves the bytes itself.
///
/// # Errors
/// When the runtime does not let us.
pub(super) fn until(body: &ReadableStream, end: Ending, request_id: &str) -> Result<ReadableStream, Exception> {
    let channel = construct("IdentityTransformStream", &Array::new())?;
    let (readable, writable) = (property(&channel, "readable")?, property(&channel, "writable")?);
    let abort = AbortController::new()?;
    let options = js_sys::Object::new();
    Reflect::set(&options, &"signal".into(), &abort.signal())?;
    // What was passed on so far is whole: it ends, it does not break off.
    Reflect::set(&options, &"preventAbort".into(), &JsValue::TRUE)?;
    let (body, request_id) = (JsValue::from(body), request_id.to_owned());
    spawn_local(async move {
        let arguments = Array::of2(&writable, &options);
        let mut pipe = pin!(js::call_async(&body, "pipeTo", &arguments));
        let broken = match select(&mut pipe, end).await {
            Either::Left((Ok(_), _)) => return,
            Either::Left((Err(_), _)) => true,
            Either::Right((end, _)) => {
                relay::note(&end, &request_id);
                abort.abort();
                let _aborted = pipe.await;
                false
            }
        };
        // An upstream that broke off is told by breaking off, the end of a session by an end.
        let how = if broken { "abort" } else { "close" };
        let _gone = js::call_async(&writable, how, &Array::new()).await;
    });
    readable.dyn_into().map_err(|_| Exception::new("the runtime gave no stream"))
}

/// `new NAME(…)`, of a class that only this runtime has.
pub(super) fn construct(name: &str, arguments: &Array) -> Result<JsValue, Exception> {
    let class: Function = property(&js_sys::global(), name)?.dyn_into()?;
    Ok(Reflect::construct(&class, arguments)?)
}
