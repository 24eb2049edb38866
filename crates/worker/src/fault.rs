//! Faults on demand, for the tests that show what a fault does to the request that has it and to all others. They are
//! there in builds with the feature `fault-injection` alone, never in a deployment.

#[cfg(not(feature = "fault-injection"))]
pub(crate) use none::{after_upstream, at, in_message, in_object, in_stream, provoke};
#[cfg(feature = "fault-injection")]
pub(crate) use provoked::{after_upstream, at, in_message, in_object, in_stream, provoke};

#[cfg(not(feature = "fault-injection"))]
mod none {
    use wasm_bindgen::JsValue;
    use web_sys::Request;
    use worker::Env;

    use postern::http::{HeaderMap, RequestHead, Response};
    use postern_workers::background::Background;

    pub(crate) async fn provoke(_: &Env, _: &str, _: &Background) -> Option<Response> {
        None
    }

    pub(crate) const fn at(_: &str, _: &RequestHead) {}

    pub(crate) const fn after_upstream(_: &Request) {}

    pub(crate) const fn in_stream(_: &HeaderMap) {}

    pub(crate) const fn in_message(_: &JsValue) {}

    pub(crate) async fn in_object(_: &str) -> Option<String> {
        None
    }
}

#[cfg(feature = "fault-injection")]
mod provoked {
    use std::cell::Cell;
    use std::time::Duration;

    use wasm_bindgen::JsValue;
    use wasm_bindgen_futures::spawn_local;
    use web_sys::Request;
    use worker::{Delay, Env, Headers};

    use postern::config::ObjectPlace;
    use postern::http::{HeaderMap, RequestHead, Response, StatusCode};
    use postern::ids::site::Site;
    use postern::ports::StoreError;
    use postern_workers::background::Background;
    use postern_workers::objects::Objects;

    const PREFIX: &str = "/__fault/";
    /// The header by which a request for a route says where it wants its fault.
    const HEADER: &str = "x-fault";
    const LATE: Duration = Duration::from_millis(20);
    const SOON: Duration = Duration::from_millis(10);

    thread_local! {
        // Lives as long as the WebAssembly instance does: a fault that costs the instance sets it back.
        static REQUESTS: Cell<u32> = const { Cell::new(0) };
        static RELEASES: Cell<u32> = const { Cell::new(0) };
    }

    /// Provokes the fault that the path names; `None` for any other path.
    ///
    /// `panic`, `exception`, `stack`, `memory`, and the same with `late-`, happen in the Worker; `hold` answers after the
    /// next `release`; `background` panics in work that goes on after the answer; `count` tells how many requests this
    /// instance has seen. `object/BINDING/…` does the same in a Durable Object (and `stall`, which never answers).
    pub(crate) async fn provoke(env: &Env, url: &str, background: &Background) -> Option<Response> {
        let (_, path) = url.split_once(PREFIX)?;
        let fault = path.split('?').next().unwrap_or_default();
        if fault == "background" {
            background.run(async {
                Delay::from(LATE).await;
                happen("panic").await;
            });
            return Some(reply(StatusCode::OK, "begun"));
        }
        Some(match fault.strip_prefix("object/").and_then(|rest| rest.split_once('/')) {
            None => reply(StatusCode::OK, &happen(fault).await),
            Some((binding, fault)) => {
                let message = format!("{PREFIX}{fault}");
                match in_binding(env, binding, &message).await {
                    Ok(text) => reply(StatusCode::OK, &text),
                    Err(StoreError::Unavailable(why)) => reply(StatusCode::SERVICE_UNAVAILABLE, &why.0),
                    Err(StoreError::Malformed) => Response::empty(StatusCode::BAD_GATEWAY),
                }
            }
        })
    }

    /// The way that the Worker itself asks objects of this binding.
    async fn in_binding(env: &Env, binding: &str, message: &str) -> Result<String, StoreError> {
        let objects = Objects { env, site: &Site::SOLE, place: &ObjectPlace::default() };
        objects.call(binding, "faults", message).await
    }

    fn reply(status: StatusCode, text: &str) -> Response {
        Response { body: text.to_owned(), ..Response::empty(status) }
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    async fn happen(fault: &str) -> String {
        let seen = REQUESTS.get() + 1;
        REQUESTS.set(seen);
        let late = fault.strip_prefix("late-");
        if late.is_some() {
            Delay::from(LATE).await;
        }
        match late.unwrap_or(fault) {
            "panic" => panic!("provoked"),
            // The runtime throws here, and `worker` declares it as if it did not.
            "exception" => format!("{:?}", Headers::new().get_all("x-any")),
            "stack" => deeper(1).to_string(),
            "memory" => exhausted().to_string(),
            "hold" => {
                let begun = RELEASES.get();
                while RELEASES.get() == begun {
                    Delay::from(SOON).await;
                }
                "released".to_owned()
            }
            "release" => {
                RELEASES.set(RELEASES.get() + 1);
                String::new()
            }
            "stall" => std::future::pending().await,
            _ => seen.to_string(),
        }
    }

    /// Overflows the stack.
    #[expect(unconditional_recursion, reason = "that is what it is for")]
    fn deeper(depth: u64) -> u64 {
        let here = std::hint::black_box([depth; 64]);
        deeper(depth + 1) + here.iter().sum::<u64>()
    }

    /// Asks for more memory than a module can have.
    fn exhausted() -> usize {
        let parts: Vec<Vec<u8>> = (0..8).map(|_| std::hint::black_box(Vec::with_capacity(1 << 30))).collect();
        parts.iter().map(Vec::capacity).sum()
    }

    /// Panics if the request wants it here.
    pub(crate) fn at(place: &str, head: &RequestHead) {
        assert!(head.headers.get(HEADER).is_none_or(|wanted| wanted.as_bytes() != place.as_bytes()), "provoked");
    }

    /// The same, when the upstream has answered.
    pub(crate) fn after_upstream(incoming: &Request) {
        let wanted = incoming.headers().get(HEADER).ok().flatten();
        assert!(wanted.as_deref() != Some("after-upstream"), "provoked");
    }

    /// The same, a moment later, while the answer streams. `headers` are those that the upstream got.
    pub(crate) fn in_stream(headers: &HeaderMap) {
        if headers.get(HEADER).is_some_and(|wanted| wanted.as_bytes() == b"in-stream") {
            spawn_local(async {
                Delay::from(LATE).await;
                happen("panic").await;
            });
        }
    }

    /// Panics at a certain message of a WebSocket.
    pub(crate) fn in_message(message: &JsValue) {
        assert!(message.as_string().as_deref() != Some("/__fault/panic"), "provoked");
    }

    /// Provokes the fault that a message to an object asks for.
    pub(crate) async fn in_object(message: &str) -> Option<String> {
        Some(happen(message.strip_prefix(PREFIX)?).await)
    }
}
