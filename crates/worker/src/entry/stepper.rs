//! One request's way through wasm, from one promise to the next.
//!
//! Most requests are decided at once, or wait for one promise after another: for a signature, an object, the upstream.
//! JavaScript waits for those cheaply; a task of ours that does needs closures, a channel and a promise of its own,
//! which costs more than all there is to decide. So `entry.js` steps the work along and does the waiting, and only
//! work that waits for something else, or for two things at once, becomes a task.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::task::AtomicWaker;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;
use web_sys::Response;

use postern_workers::pending_promise::{self, Slot, Waiting};
use postern_workers::pending_request::PendingRequest;

/// Wakes the task that the work has become, if it has: a waker from before still reaches it.
#[derive(Default)]
struct Relay(AtomicWaker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

type Work = LocalBoxFuture<'static, Response>;

/// A request on its way.
#[wasm_bindgen]
pub struct Stepper {
    work: Option<Work>,
    relay: Arc<Relay>,
    awaited: Option<Rc<Slot>>,
    request: PendingRequest,
}

impl Stepper {
    /// Nothing of `work` is done yet.
    #[must_use]
    pub fn new(work: impl Future<Output = Response> + 'static, request: PendingRequest) -> Self {
        Self { work: Some(work.boxed_local()), relay: Arc::default(), awaited: None, request }
    }

    fn go_on(&mut self) -> JsValue {
        let Some(work) = &mut self.work else { return JsValue::UNDEFINED };
        let waker = Waker::from(Arc::clone(&self.relay));
        pending_promise::open();
        let polled = work.poll_unpin(&mut Context::from_waker(&waker));
        match (polled, pending_promise::close()) {
            (Poll::Ready(response), _) => response.into(),
            (Poll::Pending, Waiting::For(promise, slot)) => {
                self.awaited = Some(slot);
                promise.into()
            }
            (Poll::Pending, _) => self.task().into(),
        }
    }

    fn task(&mut self) -> Promise {
        let (mut work, relay, request) = (self.work.take(), Arc::clone(&self.relay), self.request.clone());
        let waker = Waker::from(Arc::clone(&relay));
        let work = poll_fn(move |context| {
            relay.0.register(context.waker());
            let poll = |work: &mut Work| work.poll_unpin(&mut Context::from_waker(&waker));
            request.while_polled(|| work.as_mut().map_or(Poll::Pending, poll))
        });
        future_to_promise(async move { Ok(work.await.into()) })
    }
}

#[wasm_bindgen]
impl Stepper {
    /// Goes on, with what became of the promise that was waited for: the response, or the next promise.
    pub fn step(&mut self, value: JsValue, rejected: bool) -> JsValue {
        match (self.awaited.take(), &self.work) {
            (Some(slot), _) => {
                slot.put(if rejected { Err(value) } else { Ok(value) });
                self.go_on()
            }
            (None, Some(_)) => self.go_on(),
            // The task's response.
            (None, None) => value,
        }
    }
}
