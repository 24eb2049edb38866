//! A token names a key that is not there: the issuer may have changed its keys since we last looked,
//! or anybody made the name up.

use std::rc::Rc;

use super::cache::{DocumentCache, Entry, PATIENCE_MS};
use super::document::Ask;
use super::source::Source;
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

/// What was found.
pub(super) enum Lookup {
    /// Other keys; whether the one is among them is to be seen.
    Others(Rc<KeySet>),
    /// The issuer has no such key.
    Nothing,
    /// Nothing, but the issuer was not asked.
    Unasked,
}

/// A key that one token names, and nobody knows.
pub(super) struct UnknownKey<'a> {
    kid: Option<&'a str>,
    /// The keys that do not verify it.
    known: Rc<KeySet>,
    /// How often the issuer had been asked for unknown keys when it began: what it answered then may be older than
    /// the key.
    since: u32,
}

impl DocumentCache<KeySet> {
    /// Begins to look for keys other than `known`, among which is none that `kid` names.
    pub(super) fn unknown_key<'a>(
        &self,
        source: &impl Source<Parsed = KeySet>,
        known: Rc<KeySet>,
        kid: Option<&'a str>,
    ) -> UnknownKey<'a> {
        UnknownKey { kid, known, since: self.with(source.name(), |entry| entry.asked) }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When the issuer was asked and gave no answer: the token may be a good one.
    pub(super) async fn look<P: Platform>(
        &self,
        platform: &P,
        source: &impl Source<Parsed = KeySet>,
        unknown: &UnknownKey<'_>,
    ) -> Result<Lookup, Reason> {
        for _ in 0..ROUNDS {
            if let Some(found) = self.with(source.name(), |entry| entry.verdict(unknown, platform.clock().now())) {
                return Ok(found);
            }
            match self.with(source.name(), |entry| entry.next_step(unknown, platform.clock().now())) {
                Step::Lead => platform.background().spawn(source.task(Ask::Issuer)),
                Step::Follow => {}
                Step::GiveUp => return Ok(Lookup::Nothing),
                Step::Forgo => return Ok(Lookup::Unasked),
                Step::Failed(reason) => return Err(reason),
            }
            if !self.wait_for_fetch(platform, source.name(), PATIENCE_MS).await {
                return Err(Reason::ProviderUnreachable(Document::Keys, FetchError::Timeout));
            }
        }
        Ok(self.with(source.name(), |entry| entry.verdict(unknown, platform.clock().now())).unwrap_or(Lookup::Unasked))
    }
}

impl Entry<KeySet> {
    /// What is known of the key without asking.
    fn verdict(&mut self, unknown: &UnknownKey<'_>, now: Timestamp) -> Option<Lookup> {
        let (_, keys) = self.cached.as_ref()?;
        let other = !Rc::ptr_eq(keys, &unknown.known);
        let has_key = unknown.kid.is_none_or(|kid| keys.keys().iter().any(|key| key.kid() == Some(kid)));
        let answered = self.answered > unknown.since;
        if let (true, false, Some(kid)) = (answered, has_key, unknown.kid) {
            self.refetch_budget.note_absent(kid, now);
        }
        match (other, answered) {
            (true, _) if has_key || answered => Some(Lookup::Others(Rc::clone(keys))),
            (_, true) => Some(Lookup::Nothing),
            (_, false) => None,
        }
    }

    fn next_step(&mut self, unknown: &UnknownKey<'_>, now: Timestamp) -> Step {
        if unknown.kid.is_some_and(|kid| self.refetch_budget.is_absent(kid, now)) {
            return Step::GiveUp;
        }
        if self.is_fetching(now) {
            let Some(waiters_left) = self.waiters_left.checked_sub(1) else { return Step::Forgo };
            self.waiters_left = waiters_left;
            return Step::Follow;
        }
        if let Some((until, reason)) = &self.failure
            && now < *until
        {
            return Step::Failed(reason.clone());
        }
        if self.refetch_budget.spend(now) && self.begin_fetch(now) {
            self.asked = self.asked.wrapping_add(1);
            return Step::Lead;
        }
        Step::Forgo
    }
}
