//! A WebSocket of a guarded route: messages both ways, until either side closes or the session ends.
//!
//! Messages never enter wasm: what came as a JavaScript value is sent on as the same value.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use worker::WebSocketPair;

use crate::fault;
use crate::http::session_watch::{End, Ending, Use};
use crate::http::websocket::{self, Socket};
use postern::upstream::websocket::Close;
use postern_workers::js::Exception;
use postern_workers::log;

/// Who closed, and how that reads.
enum Closed {
    Browser(Close),
    Upstream(Close),
    /// Neither: more waits for one of them than is held.
    Neither,
}

/// Puts ourselves between `upstream` and the browser. Returns the browser's end, to be answered with.
///
/// # Errors
/// When the runtime does not let us.
pub(crate) fn between(
    upstream: JsValue,
    (end, browser_uses): (Ending, Option<Use>),
    buffer: f64,
    request_id: &str,
) -> Result<JsValue, Exception> {
    let pair = WebSocketPair::new().map_err(|error| Exception::new(&error.to_string()))?;
    let (browser, ours): (JsValue, JsValue) = (pair.client.as_ref().into(), pair.server.as_ref().into());
    let (sender, closed) = oneshot::channel();
    let closing = Closing(Rc::new(RefCell::new(Some(sender))));
    let (to_upstream, to_browser) = (upstream.clone(), ours.clone());
    let (said, slow_upstream, slow_browser) = (closing.clone(), closing.clone(), closing.clone());
    let from_browser = move |message| {
        if let Some(session) = &browser_uses {
            session.note();
        }
        fault::in_message(&message);
        pass_on(&to_upstream, &message, buffer, &slow_upstream);
    };
    let ours = Socket::accept(ours, from_browser, move |code, reason| {
        said.note(Closed::Browser(Close::of_browser(code, reason)));
    })?;
    let upstream = Socket::accept(
        upstream,
        move |message| pass_on(&to_browser, &message, buffer, &slow_browser),
        move |code, reason| {
            closing.note(Closed::Upstream(Close::of_upstream(code, reason)));
        },
    )?;
    let request_id = request_id.to_owned();
    spawn_local(async move {
        match select(closed, end).await {
            Either::Left((Ok(Closed::Browser(close)), _)) => upstream.close(&close),
            Either::Left((Ok(Closed::Upstream(close)), _)) => ours.close(&close),
            Either::Left((Ok(Closed::Neither), _)) => {
                log::note("cut_off", Some(&request_id), "reader too slow");
                ours.close(&Close::too_slow());
                upstream.close(&Close::too_slow());
            }
            // Nothing that could still close is left.
            Either::Left((Err(_), _)) => {}
            Either::Right((end, _)) => {
                note(&end, &request_id);
                ours.close(&end.close());
                upstream.close(&end.close());
            }
        }
    });
    Ok(browser)
}

/// Sends a message on, unless more waits there than `buffer`: nothing holds a sender back whose reader is slow, so what waits
/// would fill the isolate. A single message is sent whatever its length.
fn pass_on(to: &JsValue, message: &JsValue, buffer: f64, closing: &Closing) {
    if websocket::waiting(to) > buffer {
        closing.note(Closed::Neither);
    } else {
        websocket::send(to, message);
    }
}

/// Turns an upstream away that agreed to a WebSocket for which it is too late.
pub(crate) fn refuse(upstream: JsValue, end: &End) {
    if let Ok(upstream) = Socket::accept(upstream, |_| (), |_, _: &str| ()) {
        upstream.close(&end.close());
    }
}

/// Says in the log why something was cut off.
pub(crate) fn note(end: &End, request_id: &str) {
    match end {
        End::Ended => log::note("cut_off", Some(request_id), "session ended"),
        End::Expired => log::note("cut_off", Some(request_id), "token expired"),
        End::Unknown(error) => log::failure("cut_off", Some(request_id), &format!("{error:?}")),
    }
}

/// What tells who closed first.
#[derive(Clone)]
struct Closing(Rc<RefCell<Option<oneshot::Sender<Closed>>>>);

impl Closing {
    fn note(&self, closed: Closed) {
        // The second side closes because the first one did.
        if let Some(sender) = self.0.borrow_mut().take() {
            let _nobody_waits = sender.send(closed);
        }
    }
}
