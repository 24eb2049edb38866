//! What an isolate remembers of keys: live ones, for routes that allow answers of a few seconds ago (`revocation`), and texts
//! that are no key, so that nobody asks an object about the same text again and again.
//!
//! An entry is found by the digest of a secret that only its holder knows: no request can meet another's.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::holder::HolderKey;
use super::message::{KeyRefusal, LiveKey, Weakened};
use super::record::KeyUse;
use super::shard::SHORTEST_BETWEEN_NOTES;
use super::text::{ApiKeyId, KeyDigest};
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::time::{Seconds, Timestamp};

const BOUNDS: Bounds = Bounds { entries: 2000, weight: 2000 };
/// How long a text counts as no key without another question. What was none never becomes one; this bounds what a mistake
/// of ours would do.
const REFUSED_FOR: Seconds = Seconds::minutes(10);

/// The isolate's memory of keys.
#[derive(Debug)]
pub struct KeyCache {
    live: RefCell<BoundedCache<KeyDigest, Entry>>,
    refused: RefCell<BoundedCache<KeyDigest, (KeyRefusal, Timestamp)>>,
    noted: RefCell<BoundedCache<ApiKeyId, (KeyUse, Timestamp)>>,
    /// Counts what was forgotten: an answer that was under way meanwhile may be about a key just ended.
    forgotten: Cell<u64>,
}

#[derive(Debug)]
struct Entry {
    id: ApiKeyId,
    live: Rc<LiveKey>,
    /// The earliest time at which the answer can have been given.
    asked_at: Timestamp,
}

/// The state of the memory when a question went out.
#[derive(Clone, Copy, Debug)]
pub struct KeyTicket(u64);

/// What is remembered of a text.
#[derive(Clone, Debug)]
pub enum Knowledge {
    /// It was a live key so lately that this will do.
    Live(Rc<LiveKey>),
    /// It was no live key.
    Refused(KeyRefusal),
    /// Its object has to be asked.
    Nothing,
}

impl Default for KeyCache {
    fn default() -> Self {
        let (live, refused) = (BoundedCache::new(BOUNDS), BoundedCache::new(BOUNDS));
        let noted = RefCell::new(BoundedCache::new(BOUNDS));
        Self { live: RefCell::new(live), refused: RefCell::new(refused), noted, forgotten: Cell::new(0) }
    }
}

impl KeyCache {
    /// What is known of a text without a question. An answer that it is live is at most `staleness` old; `None`: only its
    /// object will do.
    #[must_use]
    pub fn known(&self, digest: &KeyDigest, staleness: Option<Seconds>, now: Timestamp) -> Knowledge {
        if let Some((refusal, at)) = self.refused.borrow_mut().get(digest)
            && now.since(*at) < REFUSED_FOR
        {
            return Knowledge::Refused(*refusal);
        }
        let mut live = self.live.borrow_mut();
        let fresh = |entry: &Entry, staleness| entry.asked_at <= now && now.since(entry.asked_at) < staleness;
        match (staleness, live.get(digest)) {
            (Some(staleness), Some(entry)) if fresh(entry, staleness) && now < entry.live.expires_at => {
                Knowledge::Live(Rc::clone(&entry.live))
            }
            _ => Knowledge::Nothing,
        }
    }

    /// Whether the text was a live key when its object was last asked from here, however long ago that is.
    #[must_use]
    pub fn was_live(&self, digest: &KeyDigest) -> bool {
        self.live.borrow_mut().get(digest).is_some()
    }

    /// To be taken before the object is asked.
    #[must_use]
    pub const fn ticket(&self) -> KeyTicket {
        KeyTicket(self.forgotten.get())
    }

    /// Remembers that a key is live, unless one was ended here since the question went out.
    pub fn keep(
        &self,
        ticket: KeyTicket,
        (id, digest): (ApiKeyId, KeyDigest),
        live: &Rc<LiveKey>,
        asked_at: Timestamp,
    ) {
        if ticket.0 == self.forgotten.get() {
            self.live.borrow_mut().insert(digest, Entry { id, live: Rc::clone(live), asked_at }, 1);
        }
    }

    /// Remembers that a text is no live key.
    pub fn refuse(&self, digest: KeyDigest, refusal: KeyRefusal, now: Timestamp) {
        self.live.borrow_mut().remove(&digest);
        self.refused.borrow_mut().insert(digest, (refusal, now), 1);
    }

    /// Forgets what may be true no more.
    pub fn forget(&self, weakened: Weakened<'_>) {
        self.forgotten.set(self.forgotten.get().wrapping_add(1));
        self.live.borrow_mut().retain(|entry| match weakened {
            Weakened::Key(id) => entry.id != id,
            Weakened::Holder(holder) => HolderKey::of(&entry.live.holder) != *holder,
        });
    }

    /// Whether this use is to be noted: it is another than the last one, and no other was noted within a minute. Who
    /// is told so notes it.
    #[must_use]
    pub fn is_to_be_noted(&self, id: ApiKeyId, usage: &KeyUse, live: &LiveKey, now: Timestamp) -> bool {
        let due = |last: Option<&KeyUse>, at: Timestamp| last != Some(usage) && now.since(at) >= SHORTEST_BETWEEN_NOTES;
        let mut noted = self.noted.borrow_mut();
        let here = noted.get(&id).is_none_or(|(last, at)| due(Some(last), *at));
        let is_due = here && due(live.last_use.as_ref(), live.noted_at);
        if is_due {
            noted.insert(id, (usage.clone(), now), 1);
        }
        is_due
    }
}
