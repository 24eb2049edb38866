//! Sends on what both doors let through, body and answer streaming.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Reflect, global};
use wasm_bindgen::JsValue;
use web_sys::{AbortController, Request, RequestCache, RequestInit, RequestRedirect, Response, ResponseInit};
use worker::{Delay, Env};

use super::headers;
use super::js::{self, Exception, property};
use super::response::has_no_body;
use crate::http::StatusCode;
use crate::route::Upstream;
use crate::time::Seconds;
use crate::upstream::ForwardPlan;

/// The binding of the static assets.
pub const ASSETS: &str = "ASSETS";
/// How long an upstream may take until its answer begins.
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
}

impl std::fmt::Display for ForwardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Binding(name) => write!(f, "no service or assets binding `{name}`"),
            Self::Unsendable(reason) => write!(f, "request cannot be sent: {reason}"),
            Self::Network(reason) => write!(f, "no answer: {reason}"),
            Self::Timeout => write!(f, "no answer within {TIMEOUT}"),
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
    let init = init(plan, incoming, &abort)?;
    let request = build(target.origin, &plan.path_and_query, &init)?;
    let response = within(TIMEOUT, &abort, js::fetch(&target.fetcher, &request)).await?;
    answer(plan, &response).map_err(|error| ForwardError::Network(error.to_string()))
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
fn init(plan: &ForwardPlan, incoming: &Request, abort: &AbortController) -> Result<RequestInit, ForwardError> {
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
        init.set_body(&body);
        // Node, where the tests run, wants it said; Workers always stream.
        Reflect::set(&init, &"duplex".into(), &"half".into()).map_err(|error| unsendable(Exception::from(error)))?;
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
    limit: Seconds,
    abort: &AbortController,
    answer: impl Future<Output = Result<Response, Exception>>,
) -> Result<Response, ForwardError> {
    let timer = Delay::from(Duration::from_secs(limit.get().into()));
    match select(pin!(answer), pin!(timer)).await {
        Either::Left((response, _)) => response.map_err(|error| ForwardError::Network(error.to_string())),
        Either::Right(((), _)) => {
            abort.abort();
            Err(ForwardError::Timeout)
        }
    }
}

/// The answer with the headers that the browser may see. A WebSocket goes along.
fn answer(plan: &ForwardPlan, from: &Response) -> Result<Response, Exception> {
    let status = StatusCode::from_u16(from.status()).map_err(|_| Exception::new("invalid status"))?;
    let headers = plan.answer_headers(&headers::read_valid(&from.headers()));
    let headers = headers::write(&headers).map_err(|_| Exception::new("a header cannot be sent"))?;
    let init = ResponseInit::new();
    init.set_status(status.as_u16());
    init.set_headers(&headers);
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let socket = property(from, "webSocket")?;
        Reflect::set(&init, &"webSocket".into(), &socket)?;
    }
    let body = from.body().filter(|_| !has_no_body(status));
    Ok(Response::new_with_opt_readable_stream_and_init(body.as_ref(), &init)?)
}
