//! A token names a key that is not there: the issuer may have changed its keys since we last looked,
//! or anybody made the name up.

use std::rc::Rc;

use super::cache::{Entry, PATIENCE_MS, Shelf};
use super::document::Ask;
use super::source::{KeysAt, Source};
use crate::gateway::Platform;
use crate::gateway::background::Spawn;
use crate::jose::KeySet;
use crate::ports::{Clock, FetchError};
use crate::refusal::{Document, Reason};
use crate::time::Timestamp;

/// One fetch that was under way for another reason, and one for this token.
const ROUNDS: usize = 2;

/// What to do about a token whose key is not there.
enum Step {
    /// Ask the issuer.
    Lead,
    /// Wait for the fetch under way.
    Follow,
    /// Nothing: it was asked just now, and has no such key.
    GiveUp,
    /// Nothing: it was asked too often to be asked again.
    Forgo,
    /// The issuer does not answer.
    Failed(Reason),
}

/// What a search found.
pub(super) enum Found {
    /// Other keys; whether the one is among them is to be seen.
    Others(Rc<KeySet>),
    /// The issuer has no such key.
    Nothing,
    /// Nothing, but the issuer was not asked.
    Unasked,
}

/// One token's search.
pub(super) struct Search<'a> {
    kid: Option<&'a str>,
    /// The keys that do not verify it.
    known: Rc<KeySet>,
    /// How often the issuer had been asked for unknown keys when it began: what it answered then may be older than
    /// the key.
    since: u32,
}

impl Shelf<KeySet> {
    /// Begins to look for keys other than `known`, among which is none that `kid` names.
    pub(super) fn search<'a>(&self, source: &KeysAt<'_>, known: Rc<KeySet>, kid: Option<&'a str>) -> Search<'a> {
        Search { kid, known, since: self.with(source.name(), |entry| entry.asked) }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When the issuer was asked and gave no answer: the token may be a good one.
    pub(super) async fn look<P: Platform>(
        &self,
        platform: &P,
        source: &KeysAt<'_>,
        search: &Search<'_>,
    ) -> Result<Found, Reason> {
        for _ in 0..ROUNDS {
            if let Some(found) = self.with(source.name(), |entry| entry.verdict(search, platform.clock().now())) {
                return Ok(found);
            }
            match self.with(source.name(), |entry| entry.next_step(search, platform.clock().now())) {
                Step::Lead => platform.errands().start(source.task(Ask::Issuer)),
                Step::Follow => {}
                Step::GiveUp => return Ok(Found::Nothing),
                Step::Forgo => return Ok(Found::Unasked),
                Step::Failed(reason) => return Err(reason),
            }
            if !self.landing(platform, source.name(), PATIENCE_MS).await {
                return Err(Reason::ProviderUnreachable(Document::Keys, FetchError::Timeout));
            }
        }
        Ok(self.with(source.name(), |entry| entry.verdict(search, platform.clock().now())).unwrap_or(Found::Unasked))
    }
}

impl Entry<KeySet> {
    /// What is known of the search without asking.
    fn verdict(&mut self, search: &Search<'_>, now: Timestamp) -> Option<Found> {
        let (_, keys) = self.held.as_ref()?;
        let other = !Rc::ptr_eq(keys, &search.known);
        let has_key = search.kid.is_none_or(|kid| keys.keys().iter().any(|key| key.kid() == Some(kid)));
        let answered = self.answered > search.since;
        if let (true, false, Some(kid)) = (answered, has_key, search.kid) {
            self.search.note_absent(kid, now);
        }
        match (other, answered) {
            (true, _) if has_key || answered => Some(Found::Others(Rc::clone(keys))),
            (_, true) => Some(Found::Nothing),
            (_, false) => None,
        }
    }

    fn next_step(&mut self, search: &Search<'_>, now: Timestamp) -> Step {
        if search.kid.is_some_and(|kid| self.search.is_absent(kid, now)) {
            return Step::GiveUp;
        }
        if self.is_awaited(now) {
            let Some(seats) = self.seats.checked_sub(1) else { return Step::Forgo };
            self.seats = seats;
            return Step::Follow;
        }
        if let Some((until, reason)) = &self.failure
            && now < *until
        {
            return Step::Failed(reason.clone());
        }
        if self.search.spend(now) && self.take_off(now) {
            self.asked = self.asked.wrapping_add(1);
            return Step::Lead;
        }
        Step::Forgo
    }
}
