//! Door 1 of Postern and nothing else, for each of many tokens that one request brings: what a request costs besides is
//! shared by all of them, and so is not what is measured.

use postern::http::{HeaderMap, HeaderValue, Method, Peer, RequestHead, Response, StatusCode, header};
use postern_worker::entry::stepper::Stepper;
use postern_workers::Guard;
use postern_workers::http::response;
use postern_workers::pending_request::PendingRequest;
use serde::Deserialize;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env};

/// As `jose_guard.mjs` reads it.
#[derive(Deserialize)]
struct Batch {
    /// The address of the route that judges them.
    url: String,
    /// Whether they are judged at all: what it costs to bring them is known by those that are not.
    judged: bool,
    tokens: Vec<String>,
}

/// Whether all of a request's tokens are good, one after another.
#[wasm_bindgen]
#[must_use]
pub fn verify(batch: String, env: Env, context: worker::worker_sys::Context, pending: PendingRequest) -> Stepper {
    Stepper::new(judge(batch, env, context), pending)
}

async fn judge(batch: String, env: Env, context: worker::worker_sys::Context) -> web_sys::Response {
    let Ok(batch) = serde_json::from_str::<Batch>(&batch) else { return answer("no batch", StatusCode::BAD_REQUEST) };
    let brought = batch.tokens.len();
    let good = count(&Guard::new(&env, &Context::new(context)), batch).await;
    answer(&good.to_string(), if good == brought { StatusCode::OK } else { StatusCode::FORBIDDEN })
}

async fn count(guard: &Guard, Batch { url, judged, tokens }: Batch) -> usize {
    let mut head = RequestHead { method: Method::GET, url, headers: HeaderMap::new(), peer: Peer::default() };
    let mut good = 0;
    for token in tokens {
        let Ok(value) = HeaderValue::try_from(format!("Bearer {token}")) else { continue };
        head.headers.insert(header::AUTHORIZATION, value);
        good += usize::from(!judged || matches!(guard.authenticate(&head).await, Ok(Some(_))));
    }
    good
}

fn answer(text: &str, status: StatusCode) -> web_sys::Response {
    let mut reply = Response::empty(status);
    reply.body = text.to_owned();
    response::build(&reply).unwrap_or_else(|_| web_sys::Response::error())
}
