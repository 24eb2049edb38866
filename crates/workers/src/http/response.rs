//! [`Reply`] → the runtime's response.

use wasm_bindgen::JsValue;
use web_sys::Response;

use crate::clock::SystemClock;
use crate::http::headers::{self, AnswerHead, BadHeader};
use crate::js::Exception;
use crate::js::glue;
use crate::log::{self, ConsoleLog};
use crate::random::SystemRandom;
use postern::gateway::{self, Sites, Unusable};
use postern::http::header_edits::HeaderEdits;
use postern::http::{self, HeaderMap, RequestHead, StatusCode};
use postern::ports::{Clock, Log};

/// An answer of our own.
///
/// # Errors
/// When a header or the status is none the runtime sends.
pub fn build(reply: &http::Response) -> Result<Response, Exception> {
    let body = if has_no_body(reply.status) { JsValue::UNDEFINED } else { JsValue::from_str(&reply.body) };
    write(&body, reply.status, &reply.headers, &JsValue::UNDEFINED)
}

/// The same, whatever happens.
pub fn certain(reply: &http::Response) -> Response {
    build(reply).unwrap_or_else(|_| Response::error())
}

/// A mistake of ours, or a configuration that cannot be used: the log says which, the answer does not.
pub fn broken(head: Option<&RequestHead>, reason: &str) -> Response {
    let (request_id, reply) = gateway::broken(head, &SystemRandom);
    log::failure("failed", Some(&request_id), reason);
    certain(&reply)
}

/// A configuration that cannot be used: the log says why, and on the developer's own machine the answer does too.
pub fn unusable(head: &RequestHead, deployment: &Sites, why: &Unusable) -> Response {
    let told = deployment.told_to_developer(head, why);
    let (request_id, reply) = gateway::unusable(head, told.as_deref(), &SystemRandom);
    log::failure("failed", Some(&request_id), &why.to_string());
    certain(&reply)
}

/// The answer to a request whose instance was ended by something else: it may be sent again.
pub fn interrupted(head: Option<&RequestHead>) -> Response {
    let (request_id, reply) = gateway::interrupted(head, &SystemRandom);
    log::failure("interrupted", Some(&request_id), "the instance ended while the request was under way");
    certain(&reply)
}

/// The answer to a request for a host that is no site's.
pub fn misdirected(head: &RequestHead) -> Response {
    let (event, reply) = gateway::misdirected(head, SystemClock.now(), &SystemRandom);
    ConsoleLog.line(&event);
    certain(&reply)
}

/// The answer to what is not HTTP.
pub fn unreadable() -> Response {
    let (request_id, reply) = gateway::unreadable(&SystemRandom);
    log::failure("unreadable", Some(&request_id), "method or headers are not HTTP");
    certain(&reply)
}

/// An answer with a body of any kind. `socket`: the browser's end of a WebSocket.
pub fn write(body: &JsValue, status: StatusCode, headers: &HeaderMap, socket: &JsValue) -> Result<Response, Exception> {
    Ok(glue::response(body, status.as_u16(), &init_of(headers)?, socket)?)
}

/// An answer that is passed on: its headers are edited where they are. They are written anew if some of them are invalid, and
/// without those.
///
/// # Errors
/// When the runtime does not take them.
pub fn passed_on(from: &Response, head: &AnswerHead, edits: &HeaderEdits<'_>) -> Result<Response, Exception> {
    if head.has_invalid {
        let body = from.body().map_or(JsValue::NULL, JsValue::from);
        return write(&body, head.status, &edits.applied(), &JsValue::UNDEFINED);
    }
    Ok(glue::passed_on(from, &headers::edits(edits).map_err(unsendable)?)?)
}

fn init_of(headers: &HeaderMap) -> Result<JsValue, Exception> {
    headers::init(headers).map_err(unsendable)
}

fn unsendable(BadHeader: BadHeader) -> Exception {
    Exception::new("a header cannot be sent")
}

/// The statuses that never have a body (Fetch, "null body status").
pub const fn has_no_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
}
