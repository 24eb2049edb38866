//! One request's failure stays its own.
//!
//! Every request runs as a task of its own, and the answer waits for the task to finish or to die.
//! A Rust panic (in a build with `panic = "unwind"`) or a JavaScript exception that nobody caught
//! ends the task; what waits is told at once, instead of hanging for ever.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_channel::oneshot;
use futures_util::FutureExt;
use wasm_bindgen_futures::spawn_local;

/// Why a task gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    /// It panicked, with this message.
    Panic(String),
    /// An exception of the runtime passed through it. The runtime logs the exception itself.
    Exception,
}

impl Crash {
    /// A panic, of what it left behind.
    pub(super) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::Panic(text.unwrap_or("without a message").to_owned())
    }
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Exception => f.write_str("uncaught exception of the runtime"),
        }
    }
}

/// Runs `work` to its end.
///
/// # Errors
/// When it panicked or threw.
pub async fn run<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, Crash> {
    let (sender, receiver) = oneshot::channel();
    spawn_local(async move {
        let result = AssertUnwindSafe(work).catch_unwind().await;
        // Nobody waits any more when the client has gone.
        let _ = sender.send(result.map_err(|payload| Crash::panicked(payload.as_ref())));
    });
    // The task dropped its sender: it was thrown away in the middle of a step.
    receiver.await.unwrap_or(Err(Crash::Exception))
}
