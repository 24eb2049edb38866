//! Talking to Durable Objects: one message of JSON, one JSON answer, by a call of a method (RPC); by POST to those of a release
//! that had no such method.
//!
//! What changes something is never repeated when it failed: it may have been done. What changes nothing is asked once more,
//! where the runtime says that this helps. An object always answers, with
//! 400 to what it cannot read and 500 to a failure of its own.

pub mod api_keys;
pub mod block_list;
pub mod decision_log;
pub mod rate_limit;
pub mod replay;
pub mod service_token;
pub mod sessions;
pub mod sid_index;
pub mod tuples;

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, RequestInit};
use worker::{Delay, Env};

use crate::clock::millis;
use crate::js::glue;
use crate::js::{self, Exception, property};
use crate::pending_promise;
use postern::config::ObjectPlace;
use postern::ids::site::Site;
use postern::ports::StoreError;
use postern::time::Seconds;

/// How long a caller waits for an object.
const TIMEOUT: Seconds = Seconds::new(10);

/// The objects of one site: no other's can be reached through it.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a> {
    /// The bindings.
    pub env: &'a Env,
    /// The site.
    pub site: &'a Site,
    /// Where its objects are.
    pub place: &'a ObjectPlace,
}

impl Objects<'_> {
    /// Hands `message` to the object that the site calls `name` in the namespace bound as `binding`, and returns its
    /// answer.
    ///
    /// # Errors
    /// When the object is overloaded, unreachable, slow, or answers with an error.
    pub async fn call(&self, binding: &str, name: &str, message: &str) -> Result<String, StoreError> {
        self.call_within(TIMEOUT, binding, name, message).await
    }

    /// The same, for a caller with less patience.
    ///
    /// # Errors
    /// The same.
    pub async fn call_within(
        &self,
        patience: Seconds,
        binding: &str,
        name: &str,
        message: &str,
    ) -> Result<String, StoreError> {
        let (name, place) = (self.site.scoped(name), self.place.spec());
        let asked = glue::asked(self.env, binding, &name, place, message, millis(patience));
        answer_of(binding, asked).await
    }

    /// The same with a message that changes nothing, or nothing that a second one like it would not.
    ///
    /// # Errors
    /// The same.
    pub async fn read(&self, binding: &str, name: &str, message: &str) -> Result<String, StoreError> {
        let (name, place) = (self.site.scoped(name), self.place.spec());
        let asked = glue::read(self.env, binding, &name, place, message, millis(TIMEOUT));
        answer_of(binding, asked).await
    }

    /// Hands each message, of those that change nothing, to the object of its name, all at once, and returns their answers in
    /// that order.
    ///
    /// # Errors
    /// When one of the objects is overloaded, unreachable, slow, or answers with an error.
    pub async fn read_all(&self, binding: &str, messages: &[(&str, String)]) -> Result<Vec<String>, StoreError> {
        let scoped: Vec<(String, &String)> =
            messages.iter().map(|(name, message)| (self.site.scoped(name), message)).collect();
        let scoped = serde_json::to_string(&scoped).map_err(|error| unavailable(binding, &error))?;
        let asked = glue::read_all(self.env, binding, &scoped, self.place.spec(), millis(TIMEOUT));
        let answers = pending_promise::wait(asked).await.and_then(|answers| Ok(answers.dyn_into::<Array>()?));
        let answers = answers.map_err(|error| unavailable(binding, &error))?;
        answers.iter().map(|answer| text_of(binding, answer)).collect()
    }

    /// Opens a line (a WebSocket) to such an object, and returns our end. `None` when there is nothing to be told there.
    ///
    /// # Errors
    /// When the object is overloaded, unreachable, slow, or answers with an error.
    pub async fn open(&self, binding: &str, name: &str, message: &str) -> Result<Option<JsValue>, StoreError> {
        let stub = glue::object_of(self.env, binding, &self.site.scoped(name), self.place.spec());
        let stub = stub.map_err(|error| unavailable(binding, &Exception::from(error)))?;
        let response = ring(&stub, message).await.map_err(|error| unavailable(binding, &error))?;
        match response.status() {
            101 => property(&response, "webSocket").map(Some).map_err(|error| unavailable(binding, &error)),
            410 => Ok(None),
            status => Err(StoreError::unavailable(format!("`{binding}` answered {status}"))),
        }
    }
}

async fn answer_of(binding: &str, asked: Result<Promise, JsValue>) -> Result<String, StoreError> {
    let answer = pending_promise::wait(asked).await.map_err(|error| unavailable(binding, &error))?;
    text_of(binding, answer)
}

/// What an object answers, a status and a text: the text, where all went well.
fn text_of(binding: &str, answer: JsValue) -> Result<String, StoreError> {
    let answer: Result<Array, JsValue> = answer.dyn_into();
    // JavaScript has no other numbers. What is no status becomes one that is none.
    let told =
        answer.ok().and_then(|told| told.get(0).as_f64().map(|status| status as u16).zip(told.get(1).as_string()));
    match told {
        Some((200, text)) => Ok(text),
        Some((status, text)) => Err(StoreError::unavailable(format!("`{binding}` answered {status}: {text}"))),
        None => Err(unavailable(binding, &Exception::new("an object's answer is none"))),
    }
}

/// The header that carries the message with which a line is opened.
pub const LINE: &str = "x-postern-line";

/// A signal that has a timer would end the line too, when its time comes.
async fn ring(stub: &JsValue, message: &str) -> Result<web_sys::Response, Exception> {
    let abort = AbortController::new()?;
    let headers = web_sys::Headers::new()?;
    headers.set("upgrade", "websocket")?;
    headers.set(LINE, message)?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    init.set_signal(Some(&abort.signal()));
    let request = web_sys::Request::new_with_str_and_init("https://object.internal/", &init)?;
    let timer = Delay::from(Duration::from_secs(TIMEOUT.get().into()));
    match select(pin!(js::fetch(stub, &request)), pin!(timer)).await {
        Either::Left((response, _)) => response,
        Either::Right(((), _)) => {
            abort.abort();
            Err(Exception::new("no answer in time"))
        }
    }
}

fn unavailable(binding: &str, error: &impl std::fmt::Display) -> StoreError {
    StoreError::unavailable(format!("`{binding}`: {error}"))
}
