//! Where work that waits for a promise leaves it: `entry.js` waits in its place, if it is that which steps the work
//! along (see `stepper`); a task of its own waits for itself.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::js::Exception;

/// What became of a promise.
type Outcome = Result<JsValue, JsValue>;

/// Where JavaScript puts it.
#[derive(Debug, Default)]
pub struct Slot(RefCell<Option<Outcome>>);

/// What the work that is being stepped wants to wait for.
#[derive(Debug)]
pub enum Waiting {
    /// Nothing is being stepped: what waits is a task.
    NotStepped,
    /// Something is, and waits for nothing yet.
    ForNothing,
    /// It waits for this promise; its outcome belongs in the slot.
    For(Promise, Rc<Slot>),
}

thread_local! {
    // Of the step at hand; empty between two steps.
    static STEP: RefCell<Waiting> = const { RefCell::new(Waiting::NotStepped) };
}

/// Waits for the promise that a call came to, and for nothing else at the same time: whatever would end the wait early, a
/// timer for instance, is in the promise itself.
///
/// # Errors
/// With what the call threw, or the promise was rejected with.
pub async fn wait(call: Result<Promise, JsValue>) -> Result<JsValue, Exception> {
    let promise = call?;
    let Some(slot) = leave(&promise) else { return Ok(JsFuture::from(promise).await?) };
    let outcome = poll_fn(|_| slot.0.take().map_or(Poll::Pending, Poll::Ready)).await;
    Ok(outcome?)
}

fn leave(promise: &Promise) -> Option<Rc<Slot>> {
    STEP.with_borrow_mut(|step| match step {
        Waiting::NotStepped | Waiting::For(..) => None,
        Waiting::ForNothing => {
            let slot = Rc::new(Slot::default());
            *step = Waiting::For(promise.clone(), Rc::clone(&slot));
            Some(slot)
        }
    })
}

/// From here on the work at hand is stepped.
pub fn open() {
    STEP.set(Waiting::ForNothing);
}

/// The step is over; what the work waits for now.
#[must_use]
pub fn close() -> Waiting {
    STEP.replace(Waiting::NotStepped)
}

impl Slot {
    /// What became of the promise.
    pub fn put(&self, outcome: Outcome) {
        self.0.replace(Some(outcome));
    }
}
