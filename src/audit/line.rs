//! Events as lines of JSON.

use std::fmt::Write as _;

use super::Event;
use crate::VERSION;

/// The line of an event but for the statuses: the rest of it is known before an upstream answers, and written once.
#[derive(Clone, Debug)]
pub struct OpenLine(String);

/// The event about a request that is sent on, until its upstream answers.
#[derive(Clone, Debug)]
pub struct PendingEvent {
    /// What is known.
    pub event: Box<Event>,
    /// The same as a line.
    pub line: OpenLine,
}

impl PendingEvent {
    /// The event as it is known now.
    #[must_use]
    pub fn new(event: Event) -> Self {
        Self { line: OpenLine::of(&event), event: Box::new(event) }
    }

    /// The whole line, as things are now.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.line.closed(self.event.status, self.event.upstream_status)
    }
}

impl OpenLine {
    /// That of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let mut json = serde_json::to_string(event).unwrap_or_else(|_| r#"{"event":"unwritable"}"#.to_owned());
        json.pop();
        // JSON allows these raw; a line-based reader or a terminal does not (R-249).
        let is_raw = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        if !json.contains(is_raw) {
            return Self(json);
        }
        Self(json.chars().fold(String::with_capacity(json.len()), |mut line, c| {
            if is_raw(c) {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            } else {
                line.push(c);
            }
            line
        }))
    }

    /// The whole line, with the release, the status answered, and that of the upstream if there was one.
    #[must_use]
    pub fn closed(&self, status: u16, upstream: Option<u16>) -> String {
        let upstream = upstream.map(|status| format!(r#","upstream_status":{status}"#)).unwrap_or_default();
        format!(r#"{},"version":"{VERSION}","status":{status}{upstream}}}"#, self.0)
    }
}
