//! Requests to providers through the runtime's `fetch`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::global;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, Request, RequestCache, RequestInit, RequestRedirect};
use worker::Delay;

use crate::bindings::Bindings;
use crate::clock::millis;
use crate::http::body::{self, ReadError};
use crate::http::headers;
use crate::js::{self, Exception, property};
use crate::log;
use postern::http::{Method, StatusCode};
use postern::ports::{Fetch, FetchError, OutboundRequest, OutboundResponse};

/// The runtime's `fetch`: redirects are answers, nothing is cached, one timer covers connection, headers and body.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderFetch;

impl Fetch for Bindings {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        if request.method != Method::GET {
            self.background().note_effect();
        }
        let fetcher = match request.certificate.as_ref().or(request.via.as_ref()) {
            // RFC 8705 §2: the binding shows our certificate. Without it the request proves nothing, and is not sent.
            // What is asked of a service binding is not asked of the network in its place: that would be somebody else.
            Some(binding) => property(self.env(), binding).ok().filter(JsValue::is_object),
            None => Some(global().into()),
        };
        let Some(fetcher) = fetcher else {
            log::failure("provider_fetch_failed", None, "a binding of `mtls_certificates` or `services` is missing");
            return Err(FetchError::Network);
        };
        told(request, &fetcher).await
    }
}

impl Fetch for ProviderFetch {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        if request.via.is_some() {
            return Err(FetchError::Network);
        }
        told(request, &global()).await
    }
}

async fn told(request: OutboundRequest, fetcher: &JsValue) -> Result<OutboundResponse, FetchError> {
    let (url, max_bytes) = (request.url.clone(), request.max_bytes);
    exchange(request, max_bytes, fetcher).await.map_err(|failure| {
        log::failure("provider_fetch_failed", None, &format!("{}: {failure}", without_query(&url)));
        failure.kind()
    })
}

enum Failure {
    Thrown(Exception),
    TimedOut,
    TooLarge(usize),
    Status(u16),
}

impl Failure {
    fn kind(&self) -> FetchError {
        match self {
            Self::TimedOut => FetchError::Timeout,
            Self::Thrown(_) | Self::Status(_) => FetchError::Network,
            Self::TooLarge(_) => FetchError::TooLarge,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Thrown(exception) => exception.fmt(f),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::TooLarge(max_bytes) => write!(f, "answer of more than {max_bytes} bytes"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

impl From<Exception> for Failure {
    fn from(exception: Exception) -> Self {
        Self::Thrown(exception)
    }
}

/// The answer, if the whole of it is here in time.
async fn exchange(request: OutboundRequest, max_bytes: usize, fetcher: &JsValue) -> Result<OutboundResponse, Failure> {
    let abort = AbortController::new().map_err(Exception::from)?;
    // Unlike that of `AbortSignal::timeout`, this timer ends with the answer. One that runs on would keep an object that
    // asked a provider in memory.
    let timer = Delay::from(Duration::from_millis(millis(request.timeout).into()));
    match select(pin!(ask(&request, max_bytes, &abort, fetcher)), pin!(timer)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => {
            abort.abort();
            Err(Failure::TimedOut)
        }
    }
}

async fn ask(
    request: &OutboundRequest,
    max_bytes: usize,
    abort: &AbortController,
    fetcher: &JsValue,
) -> Result<OutboundResponse, Failure> {
    let response = js::fetch(fetcher, &build(request, abort)?).await?;
    let status = StatusCode::from_u16(response.status()).map_err(|_| Failure::Status(response.status()))?;
    let headers = headers::read_valid(&response.headers());
    let body = body::read(response.body(), max_bytes).await.map_err(|error| match error {
        ReadError::TooLarge => Failure::TooLarge(max_bytes),
        ReadError::Broken(exception) => Failure::Thrown(exception),
    })?;
    Ok(OutboundResponse { status, headers, body })
}

fn build(request: &OutboundRequest, abort: &AbortController) -> Result<Request, Exception> {
    let headers = headers::init(&request.headers).map_err(|_| Exception::new("a header cannot be sent"))?;
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&abort.signal()));
    if !request.body.is_empty() {
        init.set_body(&request.body.as_str().into());
    }
    Ok(Request::new_with_str_and_init(&request.url, &init)?)
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
