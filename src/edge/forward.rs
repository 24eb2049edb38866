//! Sends on what both doors let through, body and answer streaming.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Date, Reflect, global};
use wasm_bindgen::JsValue;
use web_sys::{
    AbortController, ReadableStream, Request, RequestCache, RequestInit, RequestRedirect, Response, ResponseInit,
};
use worker::{Delay, Env};

use super::js::{self, Exception, property};
use super::response::has_no_body;
use super::watch::{self, End};
use super::{event_stream, headers, relay, upload};
use crate::http::{HeaderMap, StatusCode, header};
use crate::ports::StoreError;
use crate::route::Upstream;
use crate::time::Seconds;
use crate::upstream::ForwardPlan;
use crate::upstream::patience::{Left, Patience};
use crate::upstream::static_files::{self, Found};

/// The binding of the static assets.
pub const ASSETS: &str = "ASSETS";
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
    /// There is no such static file.
    NoFile,
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
            Self::NoFile => f.write_str("no such file"),
            Self::Ended => f.write_str("session ended"),
            Self::Unwatched(error) => write!(f, "session cannot be watched: {error:?}"),
        }
    }
}

/// Sends `incoming`'s method and body as `plan` says. Bindings have no host of their own: they see
/// `public_origin`, the origin the browser knows.
///
/// # Errors
/// When the answer does not begin.
pub async fn send(
    env: &Env,
    plan: &ForwardPlan,
    public_origin: &str,
    incoming: &Request,
) -> Result<Response, ForwardError> {
    let target = Target::of(env, &plan.upstream, public_origin)?;
    let abort = AbortController::new().map_err(|error| unsendable(Exception::from(error)))?;
    let patience = Rc::new(Patience::new(TIMEOUT, Date::now()));
    let init = init(plan, incoming, &abort, &patience)?;
    let request = build(target.origin, &plan.path_and_query, &init)?;
    let response = within(&patience, &abort, js::fetch(&target.fetcher, &request)).await?;
    answer(env, plan, &response).await
}

struct Target<'a> {
    fetcher: JsValue,
    origin: &'a str,
}

impl<'a> Target<'a> {
    fn of(env: &Env, upstream: &'a Upstream, public_origin: &'a str) -> Result<Self, ForwardError> {
        let (fetcher, origin) = match upstream {
            Upstream::Origin(origin) => (global().into(), origin.as_str()),
            Upstream::Service(name) => (binding(env, name)?, public_origin),
            Upstream::Assets => (binding(env, ASSETS)?, public_origin),
        };
        Ok(Self { fetcher, origin })
    }
}

fn binding(env: &Env, name: &str) -> Result<JsValue, ForwardError> {
    let found = property(env, name).ok().filter(|binding| property(binding, "fetch").is_ok_and(|it| it.is_function()));
    found.ok_or_else(|| ForwardError::Binding(name.to_owned()))
}

/// Nothing is copied from the incoming request but its method and body: neither headers, nor `cf`, nor redirect mode.
fn init(
    plan: &ForwardPlan,
    incoming: &Request,
    abort: &AbortController,
    patience: &Rc<Patience>,
) -> Result<RequestInit, ForwardError> {
    let headers = headers::write(&plan.headers)
        .map_err(|_| ForwardError::Unsendable("a header is not one the runtime sends".to_owned()))?;
    let init = RequestInit::new();
    let method = incoming.method();
    init.set_method(&method);
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&abort.signal()));
    if plan.private && matches!(plan.upstream, Upstream::Origin(_)) {
        // Otherwise the data centre keeps it by its file extension and gives it to the next user.
        init.set_cache(RequestCache::NoStore);
    }
    if let Some(body) = incoming.body().filter(|_| method != "GET" && method != "HEAD") {
        init.set_body(&upload::begin(&body, plan.body_length, Rc::clone(patience)).map_err(unsendable)?);
    }
    Ok(init)
}

fn build(origin: &str, path_and_query: &str, init: &RequestInit) -> Result<Request, ForwardError> {
    let url = format!("{origin}{path_and_query}");
    let request = Request::new_with_str_and_init(&url, init).map_err(|error| unsendable(Exception::from(error)))?;
    // The runtime parses the URL once more: what it sends has to be what was matched, byte for byte.
    let sent = request.url();
    let sent_path = sent.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|slash| rest.get(slash..)));
    if sent_path == Some(path_and_query) {
        Ok(request)
    } else {
        Err(ForwardError::Unsendable("the runtime would send another path".to_owned()))
    }
}

fn unsendable(exception: Exception) -> ForwardError {
    ForwardError::Unsendable(exception.to_string())
}

/// Waits for the answer to begin. The timer ends there: a body may stream for as long as it likes.
async fn within(
    patience: &Patience,
    abort: &AbortController,
    answer: impl Future<Output = Result<Response, Exception>>,
) -> Result<Response, ForwardError> {
    let mut answer = pin!(answer);
    while let Left::Milliseconds(left) = patience.left(Date::now()) {
        let timer = Delay::from(Duration::from_secs_f64(left / 1000.0));
        if let Either::Left((response, _)) = select(&mut answer, pin!(timer)).await {
            return response.map_err(|error| ForwardError::Network(error.to_string()));
        }
    }
    abort.abort();
    Err(ForwardError::Timeout)
}

/// The answer with the headers that the browser may see. What would go on after the session's end is watched.
async fn answer(env: &Env, plan: &ForwardPlan, from: &Response) -> Result<Response, ForwardError> {
    let no_status = || ForwardError::Network("invalid status".to_owned());
    let status = StatusCode::from_u16(from.status()).map_err(|_| no_status())?;
    let mut headers = plan.answer_headers(&headers::read_valid(&from.headers()));
    match static_files::found(plan, status, &headers) {
        Found::It => {}
        Found::PageForPerson => static_files::not_to_be_kept(&mut headers),
        Found::PageForProgram => return Err(ForwardError::NoFile),
    }
    let body = from.body().filter(|_| !has_no_body(status));
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let socket = relayed(env, plan, &mut headers, from).await?;
        return respond(status, &headers, None, Some(&socket)).map_err(unanswerable);
    }
    let body = match body {
        Some(body) if event_stream::is_one(&headers) => Some(until_the_end(env, plan, &mut headers, body).await?),
        body => body,
    };
    respond(status, &headers, body.as_ref(), None).map_err(unanswerable)
}

async fn relayed(
    env: &Env,
    plan: &ForwardPlan,
    headers: &mut HeaderMap,
    from: &Response,
) -> Result<JsValue, ForwardError> {
    let upstream = property(from, "webSocket").map_err(unanswerable)?;
    match watch::begin(env, &plan.tenure).await {
        Ok(None) => Ok(upstream),
        Ok(Some(ending)) => {
            // Agreed upon between the upstream and us; with the browser the runtime agrees on its own.
            headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
            relay::between(upstream, ending, &plan.request_id).map_err(unanswerable)
        }
        Err(end) => {
            relay::refuse(upstream, &end);
            Err(over(end))
        }
    }
}

async fn until_the_end(
    env: &Env,
    plan: &ForwardPlan,
    headers: &mut HeaderMap,
    body: ReadableStream,
) -> Result<ReadableStream, ForwardError> {
    match watch::begin(env, &plan.tenure).await.map_err(over)? {
        None => Ok(body),
        Some((end, _)) => {
            event_stream::forget_encoding(headers);
            event_stream::until(&body, end, &plan.request_id).map_err(unanswerable)
        }
    }
}

fn over(end: End) -> ForwardError {
    match end {
        End::Ended | End::Expired => ForwardError::Ended,
        End::Unknown(error) => ForwardError::Unwatched(error),
    }
}

fn unanswerable(exception: Exception) -> ForwardError {
    ForwardError::Network(exception.to_string())
}

fn respond(
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&ReadableStream>,
    socket: Option<&JsValue>,
) -> Result<Response, Exception> {
    let headers = headers::write(headers).map_err(|_| Exception::new("a header cannot be sent"))?;
    let init = ResponseInit::new();
    init.set_status(status.as_u16());
    init.set_headers(&headers);
    if let Some(socket) = socket {
        Reflect::set(&init, &"webSocket".into(), socket)?;
    }
    Ok(Response::new_with_opt_readable_stream_and_init(body, &init)?)
}
