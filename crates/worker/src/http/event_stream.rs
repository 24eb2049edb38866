//! A stream of server-sent events of a guarded route: passed on as it comes, until the session ends.

use futures_util::future::{Either, select};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::ReadableStream;

use crate::http::session_watch::Ending;
use crate::http::websocket_relay;
use crate::js as glue;
use postern::http::{HeaderMap, essence, header};
use postern_workers::js::Exception;

/// Whether an answer is such a stream (HTML §9.2).
pub(crate) fn is_one(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    essence(kind).eq_ignore_ascii_case("text/event-stream")
}

/// The headers of an answer whose body went through [`until`]: the runtime has undone these encodings, and would have
/// to do them again, where it would hold back what an event waits for.
pub(crate) fn forget_encoding(headers: &mut HeaderMap) {
    let undone = |value: &postern::http::HeaderValue| matches!(value.as_bytes(), b"gzip" | b"br");
    if headers.get(header::CONTENT_ENCODING).is_some_and(undone) {
        headers.remove(header::CONTENT_ENCODING);
    }
}

/// `body`, for as long as `end` does not come. The runtime moves the bytes itself.
///
/// # Errors
/// When the runtime does not let us.
pub(crate) fn until(body: &ReadableStream, end: Ending, request_id: &str) -> Result<ReadableStream, Exception> {
    let pipe = glue::pipe(body)?;
    let readable = pipe.readable();
    let request_id = request_id.to_owned();
    spawn_local(async move {
        match select(JsFuture::from(pipe.done()), end).await {
            Either::Left(_) => {}
            Either::Right((end, _)) => {
                websocket_relay::note(&end, &request_id);
                pipe.close();
            }
        }
    });
    Ok(readable)
}
