//! The documents of one kind that this isolate has.
//!
//! Requests only look at what is here. What is missing is fetched by a [`BackgroundTask`], once, and they
//! wait for it ([`wait_for_change`]).
//!
//! [`BackgroundTask`]: crate::gateway::BackgroundTask

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::document::Ask;
use super::source::Source;
use crate::gateway::background::wait::wait_for_change;
use crate::gateway::{Platform, Spawn};
use crate::keyring::KeyRing;
use crate::oidc::documents::{self, Freshness, Lifetimes, Stored};
use crate::oidc::refetch_budget::RefetchBudget;
use crate::ports::{Clock, FetchError};
use crate::refusal::Reason;
use crate::time::{Seconds, Timestamp};

/// After this time a fetch is taken for lost: it is longer than shared cache and issuer may take together.
const LONGEST_FETCH: Seconds = Seconds::new(15);
/// How long a request waits when it has something to go on with, …
pub(super) const PATIENCE_MS: u32 = 2_000;
/// … and when it has nothing.
const PATIENCE_WITHOUT_MS: u32 = 13_000;
/// So many requests wait for a fetch that one token with an unknown key began; the others are answered.
pub(super) const MAX_WAITERS: u32 = 64;

/// The documents of one kind, by name. Names come from the configuration and from validated metadata:
/// there are as many as issuers.
#[derive(Debug)]
pub(super) struct DocumentCache<T> {
    entries: RefCell<HashMap<String, Entry<T>>>,
    pub(super) ring: Rc<KeyRing>,
}

/// As it came, and as it was read.
pub(super) type Cached<T> = (Rc<Stored>, Rc<T>);

#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) cached: Option<Cached<T>>,
    /// Until when a fetch under way is believed in.
    fetching_until: Option<Timestamp>,
    /// How many fetches have come to an end.
    fetches_ended: u32,
    /// How many more requests may wait for the fetch under way.
    pub(super) waiters_left: u32,
    /// Why the last fetch brought nothing, and until when none is tried again.
    pub(super) failure: Option<(Timestamp, Reason)>,
    /// For keys: what was spent on unknown ones, …
    pub(super) refetch_budget: RefetchBudget,
    /// … how often the issuer was asked for them, …
    pub(super) asked: u32,
    /// … and which of these times it answered last.
    pub(super) answered: u32,
}

/// How things stand for a request that needs a document.
enum Availability<T> {
    /// Here it is.
    Ready(Rc<T>),
    /// It has been sent for; if it does not come, there may be an old one.
    Awaited(Option<Rc<T>>),
    /// It was tried just now.
    Failed(Reason),
}

impl<T> DocumentCache<T> {
    pub(super) fn new(ring: Rc<KeyRing>) -> Self {
        Self { entries: RefCell::default(), ring }
    }

    /// The document.
    ///
    /// # Errors
    /// When there is none that is young enough and the issuer does not give one.
    pub(super) async fn get<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
    ) -> Result<Rc<T>, Reason> {
        let old = match self.look_up(platform.clock().now(), platform.background(), source) {
            Availability::Ready(parsed) => return Ok(parsed),
            Availability::Failed(reason) => return Err(reason),
            Availability::Awaited(old) => old,
        };
        let patience = if old.is_some() { PATIENCE_MS } else { PATIENCE_WITHOUT_MS };
        self.wait_for_fetch(platform, source.name(), patience).await;
        // Stale if error: better yesterday's keys than nobody let in.
        self.usable(source, platform.clock().now())
            .map(|(parsed, _)| parsed)
            .or(old)
            .ok_or_else(|| self.why_not(source))
    }

    /// The document, if there is no need to wait for it; looks after its age all the same.
    pub(super) fn at_hand<S: Source<Parsed = T>>(
        &self,
        now: Timestamp,
        background: &impl Spawn,
        source: &S,
    ) -> Option<Rc<T>> {
        match self.look_up(now, background, source) {
            Availability::Ready(parsed) => Some(parsed),
            Availability::Awaited(_) | Availability::Failed(_) => None,
        }
    }

    /// What is here, whatever its age.
    pub(super) fn cached(&self, name: &str) -> Option<Cached<T>> {
        self.entries.borrow().get(name)?.cached.clone()
    }

    /// How long ago the issuer gave or confirmed it.
    pub(super) fn age(&self, name: &str, now: Timestamp) -> Option<Seconds> {
        Some(now.since(self.entries.borrow().get(name)?.cached.as_ref()?.0.fetched_at))
    }

    /// Does something with an entry. Not to be nested.
    pub(super) fn with<R>(&self, name: &str, act: impl FnOnce(&mut Entry<T>) -> R) -> R {
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.get_mut(name) {
            return act(entry);
        }
        act(entries.entry(name.to_owned()).or_insert_with(Entry::empty))
    }

    /// Waits until a fetch has come to an end. False if none did in `patience` milliseconds.
    pub(super) async fn wait_for_fetch<P: Platform>(&self, platform: &P, name: &str, patience: u32) -> bool {
        let fetches_ended = || self.with(name, |entry| entry.fetches_ended);
        wait_for_change(platform.timer(), fetches_ended(), fetches_ended, patience).await
    }

    fn look_up<S: Source<Parsed = T>>(&self, now: Timestamp, background: &impl Spawn, source: &S) -> Availability<T> {
        let usable = self.usable(source, now);
        if let Some((parsed, Freshness::Fresh)) = usable {
            return Availability::Ready(parsed);
        }
        let failure = self.with(source.name(), |entry| entry.failure.clone());
        if let (None, Some((until, reason))) = (&usable, &failure)
            && now < *until
        {
            return Availability::Failed(reason.clone());
        }
        if self.with(source.name(), |entry| entry.begin_fetch(now)) {
            background.spawn(source.task(Ask::Anybody));
        }
        match usable {
            // Nobody waits for an issuer that did not answer when it was last asked.
            Some((parsed, freshness)) if freshness == Freshness::Ageing || failure.is_some() => {
                Availability::Ready(parsed)
            }
            other => Availability::Awaited(other.map(|(parsed, _)| parsed)),
        }
    }

    fn usable<S: Source<Parsed = T>>(&self, source: &S, now: Timestamp) -> Option<(Rc<T>, Freshness)> {
        let entries = self.entries.borrow();
        let (stored, parsed) = entries.get(source.name())?.cached.as_ref()?;
        let freshness = stored.freshness(source.lifetimes(Some(parsed)), now);
        (freshness != Freshness::TooOld).then(|| (Rc::clone(parsed), freshness))
    }

    fn why_not<S: Source<Parsed = T>>(&self, source: &S) -> Reason {
        let failure = self.with(source.name(), |entry| entry.failure.clone());
        failure.map_or(Reason::ProviderUnreachable(S::DOCUMENT, FetchError::Timeout), |(_, reason)| reason)
    }
}

impl<T> Entry<T> {
    fn empty() -> Self {
        Self {
            cached: None,
            fetching_until: None,
            fetches_ended: 0,
            waiters_left: 0,
            failure: None,
            refetch_budget: RefetchBudget::new(),
            asked: 0,
            answered: 0,
        }
    }

    /// What is here, as it was read.
    pub(super) fn parsed(&self) -> Option<&T> {
        self.cached.as_ref().map(|(_, parsed)| &**parsed)
    }

    /// Whether a fetch is under way.
    pub(super) fn is_fetching(&self, now: Timestamp) -> bool {
        self.fetching_until.is_some_and(|until| now < until)
    }

    /// Whether it is too soon after a fetch that brought nothing.
    pub(super) fn is_cooling_down(&self, now: Timestamp) -> bool {
        self.failure.as_ref().is_some_and(|(until, _)| now < *until)
    }

    /// Marks the beginning of a fetch. False if one is under way, or it is too soon.
    pub(super) fn begin_fetch(&mut self, now: Timestamp) -> bool {
        let free = !self.is_fetching(now) && !self.is_cooling_down(now);
        if free {
            self.fetching_until = Some(now.plus(LONGEST_FETCH));
            self.waiters_left = MAX_WAITERS;
        }
        free
    }

    /// Marks its end.
    pub(super) const fn end_fetch(&mut self) {
        self.fetching_until = None;
        self.fetches_ended = self.fetches_ended.wrapping_add(1);
    }

    pub(super) fn fail(&mut self, reason: Reason, now: Timestamp) {
        self.failure = Some((now.plus(documents::FAILURE_COOLDOWN), reason));
    }

    pub(super) fn store(&mut self, stored: Rc<Stored>, parsed: Rc<T>) {
        self.cached = Some((stored, parsed));
        self.failure = None;
    }

    /// How old the document is, `ahead` of now.
    pub(super) fn freshness(&self, lifetimes: Lifetimes, now: Timestamp, ahead: Seconds) -> Freshness {
        match &self.cached {
            Some((stored, _)) if stored.freshness(lifetimes, now) != Freshness::TooOld => {
                stored.freshness(lifetimes, now.plus(ahead))
            }
            _ => Freshness::TooOld,
        }
    }
}
