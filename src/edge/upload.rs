//! A request's body on its way to the upstream, part by part: no more is read than the upstream takes.

use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Date, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::ReadableStream;

use super::event_stream::construct;
use super::js::{self, Exception, property};
use crate::upstream::patience::Patience;

/// The most that is held of a body at once.
const PART_BYTES: u32 = 64 * 1024;

/// Begins to pass `body` on, noting on `patience` when the upstream is waited for. Returns what to send. With a known
/// `length` it is sent with it, as some upstreams want.
///
/// # Errors
/// When the runtime does not let us.
pub(super) fn begin(body: &ReadableStream, length: Option<u64>, patience: Rc<Patience>) -> Result<JsValue, Exception> {
    let channel = match length {
        // No body is so long that a number of JavaScript's would not tell its length.
        Some(length) => construct("FixedLengthStream", &Array::of1(&(length as f64).into()))?,
        None => construct("IdentityTransformStream", &Array::new())?,
    };
    let writer = js::call(&property(&channel, "writable")?, "getWriter", &Array::new())?;
    let mode = Object::new();
    Reflect::set(&mode, &"mode".into(), &"byob".into())?;
    let reader = js::call(body, "getReader", &Array::of1(&mode))?;
    patience.took();
    spawn_local(async move {
        if let Err(error) = pass_on(&reader, &writer, &patience).await {
            // Whichever side it was: the other one is not to take what came so far for all.
            let reason = Array::of1(&error.into());
            let _gone = futures_util::future::join(
                js::call_async(&writer, "abort", &reason),
                js::call_async(&reader, "cancel", &reason),
            )
            .await;
        }
    });
    property(&channel, "readable")
}

async fn pass_on(reader: &JsValue, writer: &JsValue, patience: &Patience) -> Result<(), Exception> {
    let mut room = ArrayBuffer::new(PART_BYTES);
    loop {
        let step = js::call_async(reader, "read", &Array::of1(&Uint8Array::new(&room))).await?;
        patience.gave(Date::now());
        if property(&step, "done")?.is_truthy() {
            js::call_async(writer, "close", &Array::new()).await?;
            return Ok(());
        }
        let part: Uint8Array = property(&step, "value")?.dyn_into()?;
        js::call_async(writer, "write", &Array::of1(&part)).await?;
        patience.took();
        room = part.buffer();
    }
}
