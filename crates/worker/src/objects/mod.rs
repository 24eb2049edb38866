//! The Durable Objects: what they store, and when they forget it. The rules are those of the core.

#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod decision_log;
pub mod expiring_table;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod rate_limit;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod replay;
mod session_watchers;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod sid_index;
pub mod sql;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod subject;
pub mod subject_table;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod tuples;

/// A Durable Object by this name that does what its [`Rows`](expiring_table::Rows) say, and sweeps when its alarm rings.
macro_rules! expiring_object {
    ($(#[$doc:meta])* $object:ident, $rows:ident) => {
        $(#[$doc])*
        #[worker::durable_object(alarm)]
        pub struct $object {
            table: std::rc::Rc<ExpiringTable>,
        }

        impl worker::DurableObject for $object {
            fn new(state: worker::State, _env: worker::Env) -> Self {
                Self { table: std::rc::Rc::new(ExpiringTable::new($rows::KIND, state.storage())) }
            }

            async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
                let table = std::rc::Rc::clone(&self.table);
                let answer = move |message: String| async move {
                    $rows::answer(&table, &message, postern::ports::Clock::now(&postern_workers::clock::SystemClock)).await
                };
                crate::objects::serve(request, answer).await
            }

            async fn alarm(&self) -> worker::Result<worker::Response> {
                let table = std::rc::Rc::clone(&self.table);
                crate::objects::expiring_table::on_alarm(async move { table.sweep().await }).await
            }
        }
    };
}
pub(crate) use expiring_object;

use postern_workers::log;
use postern_workers::objects::LINE;
use wasm_bindgen_futures::JsFuture;

use crate::fault;

/// The longest message that an object reads. Only this Worker can send it one.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The message of a request by which [`Objects::open`] opens a line; `None` for any other request.
#[must_use]
pub fn line_message(request: &worker::Request) -> Option<String> {
    request.inner().headers().get(LINE).ok().flatten()
}

/// Why an object does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// The message cannot be read: 400.
    Malformed(String),
    /// The object or its storage failed: 500.
    Failed(String),
}

/// An object's side of [`Objects::call`]: reads the message, and lets `work` answer it.
///
/// # Errors
/// When the runtime refuses to build a response.
pub async fn serve<F, W>(request: worker::Request, work: F) -> worker::Result<worker::Response>
where
    F: FnOnce(String) -> W + 'static,
    W: Future<Output = Result<String, ObjectError>> + 'static,
{
    let answered = async { answer(message(&request).await?, work).await };
    match answered.await {
        Ok(answer) => worker::Response::ok(answer),
        Err(error) => refused(error),
    }
}

/// The same for a message that came by itself: a status as in HTTP, and the answer or why there is none.
pub async fn serve_call<F, W>(message: String, work: F) -> (u16, String)
where
    F: FnOnce(String) -> W + 'static,
    W: Future<Output = Result<String, ObjectError>> + 'static,
{
    match answer(message, work).await {
        Ok(answer) => (200, answer),
        Err(ObjectError::Malformed(reason)) => (400, reason),
        Err(ObjectError::Failed(reason)) => {
            log::failure("object_failed", None, &reason);
            (500, reason)
        }
    }
}

async fn answer<F, W>(message: String, work: F) -> Result<String, ObjectError>
where
    F: FnOnce(String) -> W + 'static,
    W: Future<Output = Result<String, ObjectError>> + 'static,
{
    match fault::in_object(&message).await {
        Some(text) => Ok(text),
        None => work(message).await,
    }
}

/// The same for a request by which [`Objects::open`] opens a line.
///
/// # Errors
/// When the runtime refuses to build a response.
pub async fn serve_line<W>(work: W) -> worker::Result<worker::Response>
where
    W: Future<Output = Result<worker::Response, ObjectError>> + 'static,
{
    match work.await {
        Ok(response) => Ok(response),
        Err(error) => refused(error),
    }
}

fn refused(error: ObjectError) -> worker::Result<worker::Response> {
    match error {
        ObjectError::Malformed(reason) => worker::Response::error(reason, 400),
        ObjectError::Failed(reason) => {
            log::failure("object_failed", None, &reason);
            worker::Response::error(reason, 500)
        }
    }
}

async fn message(request: &worker::Request) -> Result<String, ObjectError> {
    if request.inner().method() != "POST" {
        return Err(ObjectError::Malformed("expected POST".to_owned()));
    }
    let text = match request.inner().text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    let is_readable = |text: &String| text.len() <= MAX_MESSAGE_BYTES;
    text.filter(is_readable).ok_or_else(|| ObjectError::Malformed("message not readable or too long".to_owned()))
}
