//! One end of a WebSocket, as this Worker holds it.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use crate::js as glue;
use postern::upstream::websocket::Close;
use postern_workers::js::{self, Exception, property};

type Listener = Closure<dyn FnMut(JsValue)>;

/// An end that was accepted. What comes is heard as long as this value lives. It is closed when the WebAssembly
/// instance ends, for nothing would hear it then.
pub(crate) struct Socket {
    socket: JsValue,
    listeners: Vec<(&'static str, Listener)>,
    release: Function,
}

impl Socket {
    /// Accepts an end. `on_message` gets each message as it came (a string or an `ArrayBuffer`), `on_end` the code and
    /// reason with which the other side closed, or 1006 if it just went away.
    pub(crate) fn accept(
        socket: JsValue,
        mut on_message: impl FnMut(JsValue) + 'static,
        on_end: impl Fn(u16, &str) + Clone + 'static,
    ) -> Result<Self, Exception> {
        let on_error = on_end.clone();
        let listeners: Vec<(&'static str, Listener)> = vec![
            ("message", listener(move |event| on_message(property(&event, "data").unwrap_or_default()))),
            ("close", listener(move |event| on_end(code(&event), &reason(&event)))),
            ("error", listener(move |_| on_error(GONE, ""))),
        ];
        for (event, listener) in &listeners {
            js::call(&socket, "addEventListener", &Array::of2(&(*event).into(), listener.as_ref()))?;
        }
        // A `Blob` could be sent on only after it was read.
        Reflect::set(&socket, &"binaryType".into(), &"arraybuffer".into())?;
        js::call(&socket, "accept", &Array::new())?;
        let release = glue::closed_at_end(&socket)?;
        Ok(Self { socket, listeners, release })
    }

    /// Closes it, and with it the other side. What was closed before stays as it is.
    pub(crate) fn close(&self, close: &Close) {
        shut(&self.socket, close);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _cannot_fail = self.release.call0(&JsValue::UNDEFINED);
        for (event, listener) in &self.listeners {
            let arguments = Array::of2(&(*event).into(), listener.as_ref());
            let _no_such_listener = js::call(&self.socket, "removeEventListener", &arguments);
        }
    }
}

/// How the end of a connection reads that nobody closed (RFC 6455 §7.1.5).
const GONE: u16 = 1006;

fn listener(handle: impl FnMut(JsValue) + 'static) -> Listener {
    Closure::own_assert_unwind_safe(handle)
}

fn code(event: &JsValue) -> u16 {
    let code = property(event, "code").ok().and_then(|code| code.as_f64());
    // JavaScript has no other numbers; one that is none is no code of a frame.
    code.filter(|code| code.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(code))
        .map_or(GONE, |code| code as u16)
}

fn reason(event: &JsValue) -> String {
    property(event, "reason").ok().and_then(|reason| reason.as_string()).unwrap_or_default()
}

/// How many bytes wait in a socket until the other side takes them. 0 where the runtime does not tell.
pub(crate) fn waiting(socket: &JsValue) -> f64 {
    property(socket, "bufferedAmount").ok().and_then(|amount| amount.as_f64()).unwrap_or_default()
}

/// Sends a message on. One that comes after the end is dropped.
pub(crate) fn send(socket: &JsValue, message: &JsValue) {
    let _closed = js::call(socket, "send", &Array::of1(message));
}

/// Closes a socket, accepted by [`Socket::accept`] or by an object.
pub(crate) fn shut(socket: &JsValue, close: &Close) {
    let arguments = match close.code {
        Some(code) => Array::of2(&code.into(), &close.reason.as_str().into()),
        None => Array::new(),
    };
    let _closed = js::call(socket, "close", &arguments);
}
