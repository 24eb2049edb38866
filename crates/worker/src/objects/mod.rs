//! The Durable Objects: what they store, and when they forget it. The rules are those of the core.

pub mod api_keys;
pub mod block_list;
pub mod decision_log;
pub mod expiring_table;
pub mod key_table;
pub mod rate_limit;
pub mod replay;
pub mod service_token;
mod session_watchers;
pub mod sid_index;
pub mod sql;
pub mod subject;
pub mod subject_table;
pub mod tuples;

/// A Durable Object by this name that does what its [`Rows`](expiring_table::Rows) say, and sweeps when its alarm rings.
macro_rules! expiring_object {
    ($(#[$doc:meta])* $object:ident, $rows:ident) => {
        $(#[$doc])*
        #[wasm_bindgen::prelude::wasm_bindgen]
        pub struct $object {
            table: std::rc::Rc<ExpiringTable>,
        }

        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $object {
            /// The object over its storage.
            #[wasm_bindgen(constructor)]
            #[must_use]
            pub fn new(state: worker::worker_sys::DurableObjectState, _env: worker::Env) -> Self {
                let storage = worker::State::from(state).storage();
                Self { table: std::rc::Rc::new(ExpiringTable::new($rows::KIND, storage)) }
            }

            /// The answer to a message: a status as in HTTP, and a text.
            pub fn answer(&self, message: String) -> js_sys::Promise {
                let table = std::rc::Rc::clone(&self.table);
                let now = postern::ports::Clock::now(&postern_workers::clock::SystemClock);
                crate::objects::answered(message, move |message| async move { $rows::answer(&table, &message, now).await })
            }

            /// Forgets what has expired.
            pub fn alarm(&self) -> js_sys::Promise {
                let table = std::rc::Rc::clone(&self.table);
                crate::objects::done(async move { table.sweep().await })
            }
        }
    };
}
pub(crate) use expiring_object;

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Promise};
use postern::gateway::{Gateway, SiteMatch};
use postern::ids::site::Site;
use postern_workers::{isolate, log};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

use crate::fault;

/// The longest message that an object reads. Only this Worker can send it one.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Why an object does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// The message cannot be read: 400.
    Malformed(String),
    /// The object or its storage failed: 500.
    Failed(String),
}

/// An object's side of a message: its answer with status 200, or why there is none with 400 or 500.
pub fn answered<W>(message: String, work: impl FnOnce(String) -> W + 'static) -> Promise
where
    W: Future<Output = Result<String, ObjectError>> + 'static,
{
    promise(Box::pin(async move {
        let answer = if message.len() > MAX_MESSAGE_BYTES {
            Err(ObjectError::Malformed("message too long".to_owned()))
        } else if let Some(text) = fault::in_object(&message).await {
            Ok(text)
        } else {
            work(message).await
        };
        let (status, text) = answer.map_or_else(refused, |answer| (200, answer));
        Ok(Array::of2(&status.into(), &text.into()).into())
    }))
}

/// What an object does that nobody waits for an answer to. The runtime repeats it after an error.
pub fn done(work: impl Future<Output = Result<(), ObjectError>> + 'static) -> Promise {
    promise(Box::pin(async move {
        match work.await {
            Ok(()) => Ok(JsValue::UNDEFINED),
            Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason)) => {
                Err(js_sys::Error::new(&reason).into())
            }
        }
    }))
}

/// The gateway of the site whose object asks.
///
/// # Errors
/// When the configuration cannot be read, or has no such site any more.
pub fn gateway_of(env: &Env, site: &Site) -> Result<Rc<Gateway>, ObjectError> {
    let deployment = isolate::deployment(env).map_err(|error| ObjectError::Failed(error.to_string()))?;
    match deployment.of(site) {
        SiteMatch::Site(gateway) => Ok(Rc::clone(gateway)),
        SiteMatch::Unusable(why) => Err(ObjectError::Failed(why.to_string())),
        SiteMatch::Nowhere => Err(ObjectError::Failed("an object of a site that there is no more".to_owned())),
    }
}

/// Status and text of a refusal.
pub fn refused(error: ObjectError) -> (u16, String) {
    match error {
        ObjectError::Malformed(reason) => (400, reason),
        ObjectError::Failed(reason) => {
            log::failure("object_failed", None, &reason);
            (500, reason)
        }
    }
}

/// What JavaScript waits for. One piece of code for all work: each kind of future would have its own.
pub fn promise(work: LocalBoxFuture<'static, Result<JsValue, JsValue>>) -> Promise {
    future_to_promise(work)
}
