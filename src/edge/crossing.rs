//! One request's way through wasm, from one promise to the next.
//!
//! Most requests are decided at once, or wait for one promise after another: for a signature, an object, the upstream.
//! JavaScript waits for those cheaply; a task of ours that does needs closures, a channel and a promise of its own,
//! which costs more than all there is to decide. So `entry.js` steps the work along and does the waiting, and only
//! work that waits for something else, or for two things at once, becomes a task.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

use super::desk::{self, Desk, Slot};
use super::shield::{self, Crash};

/// Wakes the task that the work has become, if it has: who kept the waker from before still reaches it.
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
pub struct Crossing(AssertUnwindSafe<State>);

struct State {
    work: Option<Work>,
    relay: Arc<Relay>,
    awaited: Option<Rc<Slot>>,
    /// The answer where the work itself comes to none.
    crashed: Rc<dyn Fn(&Crash) -> Response>,
}

impl Crossing {
    /// Nothing of `work` is done yet. `crashed` answers for it should it die.
    #[must_use]
    pub fn new(work: impl Future<Output = Response> + 'static, crashed: impl Fn(&Crash) -> Response + 'static) -> Self {
        let (work, crashed) = (Some(work.boxed_local()), Rc::new(crashed));
        Self(AssertUnwindSafe(State { work, relay: Arc::default(), awaited: None, crashed }))
    }
}

impl State {
    fn go_on(&mut self) -> JsValue {
        let Some(work) = &mut self.work else { return JsValue::UNDEFINED };
        let waker = Waker::from(Arc::clone(&self.relay));
        desk::open();
        let polled = catch_unwind(AssertUnwindSafe(|| work.poll_unpin(&mut Context::from_waker(&waker))));
        match (polled, desk::close()) {
            (Ok(Poll::Ready(response)), _) => response.into(),
            (Ok(Poll::Pending), Desk::Taken(promise, slot)) => {
                self.awaited = Some(slot);
                promise.into()
            }
            (Ok(Poll::Pending), _) => self.task().into(),
            (Err(payload), _) => (self.crashed)(&Crash::panicked(payload.as_ref())).into(),
        }
    }

    fn task(&mut self) -> Promise {
        let (mut work, relay, crashed) = (self.work.take(), Arc::clone(&self.relay), Rc::clone(&self.crashed));
        let waker = Waker::from(Arc::clone(&relay));
        let work = poll_fn(move |context| {
            relay.0.register(context.waker());
            work.as_mut().map_or(Poll::Pending, |work| work.poll_unpin(&mut Context::from_waker(&waker)))
        });
        future_to_promise(AssertUnwindSafe(async move {
            Ok(shield::run(work).await.unwrap_or_else(|crash| crashed(&crash)).into())
        }))
    }
}

#[wasm_bindgen]
impl Crossing {
    /// Goes on, with what became of the promise that was waited for: the response, or the next promise.
    pub fn step(&mut self, value: JsValue, rejected: bool) -> JsValue {
        let state = &mut *self.0;
        match (state.awaited.take(), &state.work) {
            (Some(slot), _) => {
                slot.put(if rejected { Err(value) } else { Ok(value) });
                state.go_on()
            }
            (None, Some(_)) => state.go_on(),
            // The task's response.
            (None, None) => value,
        }
    }
}
