//! A request is stepped through its promises, and becomes a task where that is not enough.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::join;
use js_sys::{Function, Object, Promise, Reflect};
use postern_worker::entry::stepper::Stepper;
use postern_workers::pending_promise;
use postern_workers::pending_request::PendingRequest;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::Response;

const SOON: u32 = 5;

fn said(text: &str) -> Response {
    Response::new_with_opt_str(Some(text)).unwrap()
}

fn stepper(work: impl Future<Output = String> + 'static) -> Stepper {
    let request: PendingRequest = Object::new().unchecked_into();
    Stepper::new(async move { said(&work.await) }, request)
}

async fn waited(promise: Promise) -> String {
    let outcome = pending_promise::wait(Ok(promise)).await;
    outcome.map_or_else(|error| format!("rejected: {error}"), |value| value.as_string().unwrap())
}

fn resolved(text: &str) -> Promise {
    Promise::resolve(&JsValue::from_str(text))
}

/// What `entry.js` does; how many promises were waited for, and the answer.
async fn driven(mut stepper: Stepper) -> (u32, String) {
    let mut waits = 0;
    let mut next = stepper.step(JsValue::UNDEFINED, false);
    while let Some(promise) = next.dyn_ref::<Promise>() {
        waits += 1;
        next = match JsFuture::from(promise.clone()).await {
            Ok(value) => stepper.step(value, false),
            Err(error) => stepper.step(error, true),
        };
    }
    let response: Response = next.unchecked_into();
    let text = JsFuture::from(response.text().unwrap()).await.unwrap();
    (waits, text.as_string().unwrap())
}

/// `text`, some milliseconds later. Like `worker::Delay`, which Node cannot run, it keeps the waker of its first poll.
async fn after(milliseconds: u32, text: &str) -> String {
    let rung = Rc::new(Cell::new(false));
    let mut set = false;
    poll_fn(|context| {
        if !std::mem::replace(&mut set, true) {
            let (rung, waker) = (Rc::clone(&rung), context.waker().clone());
            let ring = Closure::once_into_js(move || {
                rung.set(true);
                waker.wake();
            });
            let timer: Function = Reflect::get(&js_sys::global(), &"setTimeout".into()).unwrap().unchecked_into();
            timer.call2(&JsValue::UNDEFINED, &ring, &milliseconds.into()).unwrap();
        }
        if rung.get() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    text.to_owned()
}

#[wasm_bindgen_test]
async fn what_needs_no_waiting_is_answered_in_the_first_step() {
    assert_eq!(driven(stepper(async { "at once".to_owned() })).await, (0, "at once".to_owned()));
}

#[wasm_bindgen_test]
async fn promises_are_waited_for_one_after_another() {
    let work = async {
        let one = waited(resolved("one")).await;
        let two = waited(Promise::reject(js_sys::Error::new("two").as_ref())).await;
        format!("{one}, {two}")
    };
    assert_eq!(driven(stepper(work)).await, (2, "one, rejected: Error: two".to_owned()));
}

#[wasm_bindgen_test]
async fn a_wait_for_something_else_becomes_a_task() {
    let work = async {
        let first = waited(resolved("first")).await;
        let slow = after(SOON, "slow").await;
        let last = waited(resolved("last")).await;
        format!("{first}, {slow}, {last}")
    };
    assert_eq!(driven(stepper(work)).await, (2, "first, slow, last".to_owned()));
}

#[wasm_bindgen_test]
async fn a_timer_that_was_set_before_the_work_became_a_task_still_rings() {
    let work = async {
        let (rang, told) = join(after(SOON, "rang"), waited(resolved("told"))).await;
        format!("{rang}, {told}")
    };
    assert_eq!(driven(stepper(work)).await, (2, "rang, told".to_owned()));
}

#[wasm_bindgen_test]
async fn outside_of_a_step_a_promise_is_waited_for_all_the_same() {
    assert_eq!(waited(resolved("a task")).await, "a task");
}
