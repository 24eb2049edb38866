//! Answers about sessions that an isolate may rely on for a few seconds, for routes that allow it (`revocation`).
//!
//! An entry is found by the digest of a session id that only its holder knows, behind a cookie whose MAC has
//! been checked: no request can meet another's. Nothing here makes a session live longer: clocks are checked
//! against now, and what the cache cannot answer exactly it does not answer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::handle::{SessionDigest, SessionHandle, SubjectKey};
use super::message::{Check, Live};
use super::refresh::Due;
use crate::time::{Seconds, Timestamp};

/// The most sessions remembered; the oldest answer makes room.
const MAX_ENTRIES: usize = 1000;

/// The isolate's memory of live sessions.
#[derive(Debug, Default)]
pub struct LiveCache {
    entries: RefCell<HashMap<SessionDigest, Entry>>,
    /// Counts what was forgotten: an answer that was under way meanwhile may be about a session just ended.
    forgotten: Cell<u64>,
}

#[derive(Debug)]
struct Entry {
    subject: SubjectKey,
    live: Live,
    /// The earliest time at which the answer can have been given.
    asked_at: Timestamp,
}

/// The state of the memory when a question went out.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u64);

impl LiveCache {
    /// An answer to `check` that is at most `staleness` old. `None` where the object has to be asked: nothing is
    /// known, a clock has run out, the idle clock is to be moved, or the access token is wanted and due.
    #[must_use]
    pub fn get(&self, check: &Check, staleness: Seconds, now: Timestamp) -> Option<Live> {
        let entries = self.entries.borrow();
        let entry = entries.get(&check.digest)?;
        let session = &entry.live.session;
        let fresh = entry.asked_at <= now && now.since(entry.asked_at) < staleness;
        let alive = session.check_clocks(check.clocks, now).is_ok();
        let touches = check.touch && session.touched(check.clocks, now).is_some();
        let has_token = entry.live.access_token.is_some() || entry.live.bound_token.is_some();
        let has_token = has_token && session.refresh_due(now) == Due::No;
        let answers = fresh && alive && !touches && (!check.access_token || has_token);
        answers.then(|| Live {
            access_token: entry.live.access_token.clone().filter(|_| check.access_token),
            bound_token: entry.live.bound_token.clone().filter(|_| check.access_token),
            ..entry.live.clone()
        })
    }

    /// To be taken before the object is asked.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        Ticket(self.forgotten.get())
    }

    /// Remembers an answer, unless a session was ended here since the question went out.
    pub fn put(&self, ticket: Ticket, handle: &SessionHandle, live: &Live, asked_at: Timestamp) {
        if ticket.0 != self.forgotten.get() {
            return;
        }
        let digest = handle.id.digest();
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&digest) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.asked_at).map(|(digest, _)| digest.clone());
            oldest.map(|digest| entries.remove(&digest));
        }
        entries.insert(digest, Entry { subject: handle.subject, live: live.clone(), asked_at });
    }

    /// Forgets every session of a subject.
    pub fn forget(&self, subject: &SubjectKey) {
        self.forgotten.set(self.forgotten.get().wrapping_add(1));
        self.entries.borrow_mut().retain(|_, entry| entry.subject != *subject);
    }
}

#[cfg(test)]
#[path = "cache/tests.rs"]
mod tests;
