//! Faults on demand, for the tests that show what a fault does to the request that has it and to all others.
//! Only in builds with the feature `fault-injection`, never in a deployment.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use worker::{Delay, DurableObject, Env, Headers, Request, Response, State, durable_object};

use super::object::{self, ObjectError, Objects};
use crate::http::{Reply, StatusCode};
use crate::ports::StoreError;
use crate::site::Site;

/// The binding of the [`FaultObject`] namespace.
pub const BINDING: &str = "POSTERN_FAULT";
const PREFIX: &str = "/__fault/";
const SLOW: Duration = Duration::from_secs(2);

thread_local! {
    // Lives as long as the wasm instance does: a fault that costs the instance sets it back.
    static REQUESTS: Cell<u32> = const { Cell::new(0) };
}

/// Provokes the fault that `path` names; `None` for any other path.
///
/// `panic`, `exception`, `late-panic`, `late-exception` happen in the Worker, `slow` answers after two
/// seconds, `count` tells how many requests this wasm instance has seen. Behind `object/` the same
/// (and `stall`, which never answers) happen in a Durable Object.
pub async fn provoke(env: &Env, path: &str) -> Option<Reply> {
    let fault = path.strip_prefix(PREFIX)?;
    let outcome = match fault.strip_prefix("object/") {
        Some(fault) => Objects { env, site: &Site::SOLE }.call(BINDING, "faults", fault).await,
        None => Ok(happen(fault).await),
    };
    Some(match outcome {
        Ok(text) => Reply { body: text, ..Reply::empty(StatusCode::OK) },
        Err(StoreError::Unavailable(reason)) => Reply { body: reason, ..Reply::empty(StatusCode::SERVICE_UNAVAILABLE) },
        Err(StoreError::Malformed) => Reply::empty(StatusCode::BAD_GATEWAY),
    })
}

#[expect(clippy::panic, reason = "that is what it is for")]
async fn happen(fault: &str) -> String {
    let seen = REQUESTS.get() + 1;
    REQUESTS.set(seen);
    if fault.starts_with("late-") {
        Delay::from(Duration::from_millis(20)).await;
    }
    match fault {
        "panic" | "late-panic" => panic!("provoked"),
        // The runtime throws here, and `worker` declares it as if it did not.
        "exception" | "late-exception" => format!("{:?}", Headers::new().get_all("x-any")),
        "slow" => {
            Delay::from(SLOW).await;
            "slow".to_owned()
        }
        "stall" => std::future::pending().await,
        _ => seen.to_string(),
    }
}

/// The Durable Object the faults happen in.
#[durable_object(fetch)]
pub struct FaultObject {
    requests: AssertUnwindSafe<Rc<Cell<u32>>>,
}

impl DurableObject for FaultObject {
    fn new(_state: State, _env: Env) -> Self {
        Self { requests: AssertUnwindSafe(Rc::default()) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        self.requests.set(self.requests.get() + 1);
        let requests = self.requests.get();
        object::serve(request, move |fault| async move {
            match fault.as_str() {
                "count" => Ok(requests.to_string()),
                "refuse" => Err(ObjectError::Malformed("provoked".to_owned())),
                "fail" => Err(ObjectError::Failed("provoked".to_owned())),
                fault => Ok(happen(fault).await),
            }
        })
        .await
    }
}
