//! Log lines: one JSON text each, which Workers Logs indexes by its members.

use crate::clock::SystemClock;
use postern::ports::{Clock, Log};

/// `console.log`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConsoleLog;

impl Log for ConsoleLog {
    fn line(&self, json: &str) {
        web_sys::console::log_1(&json.into());
    }
}

/// Reports what went wrong inside the Worker itself: `event` names it, `reason` is for the operator.
/// `request_id` is that of the request's own event, where there is one.
pub fn failure(event: &str, request_id: Option<&str>, reason: &str) {
    web_sys::console::error_1(&line(event, request_id, reason).into());
}

/// Reports what is no failure, in the same form.
pub fn note(event: &str, request_id: Option<&str>, reason: &str) {
    web_sys::console::log_1(&line(event, request_id, reason).into());
}

/// `time` is as in every event.
fn line(event: &str, request_id: Option<&str>, reason: &str) -> String {
    let time = SystemClock.now();
    serde_json::json!({ "time": time, "event": event, "request_id": request_id, "reason": reason }).to_string()
}
