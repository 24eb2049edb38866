//! Sends on what both doors let through, body and answer streaming.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, Request, Response};
use worker::{Delay, Env};

use crate::fault;
use crate::http::event_stream;
use crate::http::session_watch::{self, End};
use crate::http::websocket_relay;
use crate::js as glue;
use postern::config::Config;
use postern::gateway::Gateway;
use postern::http::{HeaderMap, StatusCode, essence, header};
use postern::mcp::{self, ListFilter, MAX_LIST_BYTES, UnreadableList};
use postern::ports::StoreError;
use postern::route::Upstream;
use postern::time::Seconds;
use postern::upstream::ForwardPlan;
use postern::upstream::static_files::{self, AssetMatch};
use postern_workers::clock::millis;
use postern_workers::http::body::{self, ReadError};
use postern_workers::http::headers::{self, AnswerHead};
use postern_workers::http::response;
use postern_workers::js::{Exception, property};
use postern_workers::objects::Objects;
use postern_workers::pending_promise;
use postern_workers::platform::Workers;

/// The binding of the static assets.
pub const ASSETS: &str = "ASSETS";
// Bits of what is to be taken care of with a request, as `glue.js` has them.
const FRESH: u32 = 1;
const TELLING: u32 = 2;
/// How long an upstream may take until its answer begins, or until it takes more of the request's body.
pub const TIMEOUT: Seconds = Seconds::new(30);

/// Why an upstream's answer did not come.
#[derive(Clone, Debug)]
pub enum ForwardError {
    /// No binding of this name; the deployment is wrong.
    Binding(String),
    /// The request cannot be sent just as it was allowed.
    Unsendable(String),
    /// No connection, it broke before the answer began, or the answer is none.
    Network(String),
    /// The answer did not begin in time.
    Timeout,
    /// The client went away before it began.
    Abandoned,
    /// There is no such static file.
    NoFile,
    /// The answer is a list that cannot be read, so nobody can tell whether the caller may see what is in it.
    UnreadableList,
    /// Meanwhile the session ended on which the answer would go on depending.
    Ended,
    /// Nobody can tell whether it did.
    Unwatched(StoreError),
}

impl std::fmt::Display for ForwardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Binding(name) => write!(f, "no service or assets binding `{name}`"),
            Self::Unsendable(reason) => write!(f, "request cannot be sent: {reason}"),
            Self::Network(reason) => write!(f, "no answer: {reason}"),
            Self::Timeout => write!(f, "no answer within {TIMEOUT}"),
            Self::Abandoned => f.write_str("its client went away"),
            Self::NoFile => f.write_str("no such file"),
            Self::UnreadableList => f.write_str("the list cannot be read"),
            Self::Ended => f.write_str("session ended"),
            Self::Unwatched(error) => write!(f, "session cannot be watched: {error:?}"),
        }
    }
}

/// Sends `incoming`'s method and body as `plan` of this site says. Bindings have no host of their own: they see its public
/// origin, which the browser knows. If the upstream does not take a token of our own, it may be asked once more, with another.
///
/// # Errors
/// When the answer does not begin.
pub async fn send(
    env: &Env,
    (gateway, platform): (&Gateway, &Workers),
    plan: &mut ForwardPlan,
    incoming: &Request,
) -> Result<Response, ForwardError> {
    let config = gateway.config();
    let mut response = begun(env, config, plan, incoming).await?;
    if plan.service_credential().is_some() {
        let AnswerHead { status, headers, .. } = headers::answered(&response).ok_or_else(no_status)?;
        if gateway.renew_refused_token(platform, plan, (status, &headers)).boxed_local().await {
            if let Some(body) = response.body() {
                // Nobody reads it.
                drop(body.cancel());
            }
            response = begun(env, config, plan, incoming).await?;
        }
    }
    fault::after_upstream(incoming);
    answer(Objects { env, site: &config.site, place: &config.place }, plan, &response).await
}

/// The binding of this upstream, if it is one, and its origin.
fn target<'a>(upstream: &'a Upstream, public_origin: &'a str) -> (&'a str, &'a str) {
    match upstream {
        Upstream::Url { origin, .. } => ("", origin),
        Upstream::Service(name) => (name, public_origin),
        Upstream::Assets => (ASSETS, public_origin),
    }
}

/// Whether the answer may not come from the data centre's cache, nor go there.
fn is_fresh(plan: &ForwardPlan) -> bool {
    plan.private && matches!(plan.upstream, Upstream::Url { .. })
}

/// Nothing is copied from the incoming request but its method and body, and for a service its `cf`: neither headers nor
/// redirect mode. To the runtime's own `fetch`, `cf` would be orders.
async fn begun(env: &Env, config: &Config, plan: &ForwardPlan, incoming: &Request) -> Result<Response, ForwardError> {
    let (binding, origin) = target(&plan.upstream, config.public_url.origin());
    let headers =
        &headers::init(&plan.headers).map_err(|_| ForwardError::Unsendable("a header is not text".to_owned()))?;
    let (path, method) = (&plan.path_and_query, plan.method.as_str());
    // No body is so long that a number of JavaScript's would not tell its length.
    let body = match &plan.body {
        Some(body) => JsValue::from_str(body),
        None => plan.body_length.map_or(JsValue::UNDEFINED, |length| JsValue::from_f64(length as f64)),
    };
    let fresh = if is_fresh(plan) { FRESH } else { 0 };
    let telling = if matches!(plan.upstream, Upstream::Service(_)) { TELLING } else { 0 };
    let (care, limit) = (fresh | telling, millis(TIMEOUT));
    let begun = glue::answer(env, binding, origin, path, method, headers, care, limit, incoming, &body).transpose();
    let begun = begun.ok_or_else(|| ForwardError::Binding(binding.to_owned()))?;
    let response = pending_promise::wait(begun).await.map_err(|error| match () {
        () if has_gone(incoming) => ForwardError::Abandoned,
        () if error.is_timeout() => ForwardError::Timeout,
        () => unreachable(error),
    });
    response?.dyn_into().map_err(|_| ForwardError::Network("the answer is none".to_owned()))
}

/// Whether the client of this request went away.
fn has_gone(incoming: &Request) -> bool {
    let signal = property(incoming, "signal");
    signal.and_then(|signal| property(&signal, "aborted")).is_ok_and(|aborted| aborted.is_truthy())
}

fn no_status() -> ForwardError {
    ForwardError::Network("invalid status".to_owned())
}

fn unreachable(exception: Exception) -> ForwardError {
    ForwardError::Network(exception.to_string())
}

/// The answer with the headers that the browser may see. What would go on after the session's end is watched.
async fn answer(objects: Objects<'_>, plan: &ForwardPlan, from: &Response) -> Result<Response, ForwardError> {
    let head = headers::answered(from).ok_or_else(no_status)?;
    let edits = plan.answer_edits(head.status, &head.headers);
    let found = static_files::found(plan, head.status, &head.headers);
    let is_followed = plan.list_filter.is_some()
        || head.status == StatusCode::SWITCHING_PROTOCOLS
        || event_stream::is_one(&head.headers);
    if found == AssetMatch::It && !is_followed {
        return response::passed_on(from, &head, &edits).map_err(unreachable);
    }
    let headers = edits.applied();
    written_anew(objects, plan, found, (head.status, headers), from).boxed_local().await
}

/// An answer of which more changes than its headers.
async fn written_anew(
    objects: Objects<'_>,
    plan: &ForwardPlan,
    found: AssetMatch,
    (status, mut headers): (StatusCode, HeaderMap),
    from: &Response,
) -> Result<Response, ForwardError> {
    match found {
        AssetMatch::It => {}
        AssetMatch::PageForPerson => static_files::not_to_be_kept(&mut headers),
        AssetMatch::PageForProgram => return Err(ForwardError::NoFile),
    }
    if let Some(filter) = &plan.list_filter {
        return filtered(filter, (status, headers), from).await;
    }
    let (mut body, mut socket) = (from.body(), JsValue::UNDEFINED);
    if status == StatusCode::SWITCHING_PROTOCOLS {
        (body, socket) = (None, relayed(objects, plan, &mut headers, from).await?);
    } else if event_stream::is_one(&headers)
        && let Some(events) = body
    {
        body = Some(until_the_end(objects, plan, &mut headers, events).await?);
    }
    let body = body.map_or(JsValue::NULL, JsValue::from);
    response::write(&body, status, &headers, &socket).map_err(unreachable)
}

/// A list without what the caller may not use. It is read whole, and passed on only if it could be read.
async fn filtered(
    filter: &ListFilter,
    (status, mut headers): (StatusCode, HeaderMap),
    from: &Response,
) -> Result<Response, ForwardError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let late = Delay::from(Duration::from_secs(TIMEOUT.get().into()));
    let bytes = match select(body::read(from.body(), MAX_LIST_BYTES).boxed_local(), late).await {
        Either::Left((Ok(bytes), _)) => bytes,
        Either::Left((Err(ReadError::TooLarge), _)) => return Err(ForwardError::UnreadableList),
        Either::Left((Err(ReadError::Broken(exception)), _)) => return Err(unreachable(exception)),
        Either::Right(_) => return Err(ForwardError::Timeout),
    };
    let text = match bytes.is_empty() {
        true => String::new(),
        false => filter.apply(essence(kind), &bytes).map_err(|UnreadableList| ForwardError::UnreadableList)?,
    };
    mcp::forget_of_body(&mut headers);
    let body = if response::has_no_body(status) { JsValue::UNDEFINED } else { JsValue::from_str(&text) };
    response::write(&body, status, &headers, &JsValue::UNDEFINED).map_err(unreachable)
}

async fn relayed(
    objects: Objects<'_>,
    plan: &ForwardPlan,
    headers: &mut HeaderMap,
    from: &Response,
) -> Result<JsValue, ForwardError> {
    let upstream = property(from, "webSocket").map_err(unreachable)?;
    match session_watch::begin(objects, &plan.lifetime).await {
        Ok(None) => Ok(upstream),
        Ok(Some(ending)) => {
            // Agreed upon between the upstream and us; with the browser the runtime agrees on its own.
            headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
            let buffer = plan.websocket_buffer;
            websocket_relay::between(upstream, ending, buffer, &plan.request_id).map_err(unreachable)
        }
        Err(end) => {
            websocket_relay::refuse(upstream, &end);
            Err(over(end))
        }
    }
}

async fn until_the_end(
    objects: Objects<'_>,
    plan: &ForwardPlan,
    headers: &mut HeaderMap,
    body: ReadableStream,
) -> Result<ReadableStream, ForwardError> {
    match session_watch::begin(objects, &plan.lifetime).await.map_err(over)? {
        None => Ok(body),
        Some((end, _)) => {
            event_stream::forget_encoding(headers);
            fault::in_stream(&plan.headers);
            event_stream::until(&body, end, &plan.request_id).map_err(unreachable)
        }
    }
}

fn over(end: End) -> ForwardError {
    match end {
        End::Ended | End::Expired => ForwardError::Ended,
        End::Unknown(error) => ForwardError::Unwatched(error),
    }
}
