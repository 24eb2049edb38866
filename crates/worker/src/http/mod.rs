//! What goes on to an upstream, and what comes back: plain answers, streams and WebSockets.

mod event_stream;
pub mod forward;
mod session_watch;
pub(crate) mod websocket;
mod websocket_relay;
