//! The documents of one kind that this isolate has.
//!
//! Requests only look at what is here. Where something is wanting they send for it ([`Errand`]s), once, and
//! wait for it ([`landing`]).
//!
//! [`Errand`]: crate::gateway::Errand

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::document::Ask;
use super::source::Source;
use crate::gateway::background::wait::landing;
use crate::gateway::{Platform, Spawn};
use crate::keyring::KeyRing;
use crate::oidc::documents::{self, Freshness, Lifetimes, Stored};
use crate::oidc::key_search::KeySearch;
use crate::ports::{Clock, FetchError};
use crate::refusal::Reason;
use crate::time::{Seconds, Timestamp};

/// After this time a fetch is taken for lost: it is longer than shared cache and issuer may take together.
const LONGEST_FLIGHT: Seconds = Seconds::new(15);
/// How long a request waits when it has something to go on with, …
pub(super) const PATIENCE_MS: u32 = 2_000;
/// … and when it has nothing.
const PATIENCE_WITHOUT_MS: u32 = 13_000;
/// So many requests wait for a fetch that one token with an unknown key began; the others are answered.
pub(super) const SEATS: u32 = 64;

/// The documents of one kind, by name. Names come from the configuration and from validated metadata:
/// there are as many as issuers.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    entries: RefCell<HashMap<String, Entry<T>>>,
    pub(super) ring: Rc<KeyRing>,
}

/// As it came, and as it was read.
pub(super) type Held<T> = (Rc<Stored>, Rc<T>);

#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) held: Option<Held<T>>,
    /// Until when a fetch under way is believed in.
    flight: Option<Timestamp>,
    /// How many fetches have come to an end.
    landings: u32,
    /// How many more requests may wait for the fetch under way.
    pub(super) seats: u32,
    /// Why the last fetch brought nothing, and until when none is tried again.
    pub(super) failure: Option<(Timestamp, Reason)>,
    /// For keys: what was spent on unknown ones, …
    pub(super) search: KeySearch,
    /// … how often the issuer was asked for them, …
    pub(super) asked: u32,
    /// … and which of these times it answered last.
    pub(super) answered: u32,
}

/// How things stand for a request that needs a document.
enum Standing<T> {
    /// Here it is.
    Ready(Rc<T>),
    /// It has been sent for; if it does not come, there may be an old one.
    Awaited(Option<Rc<T>>),
    /// It was tried just now.
    Failed(Reason),
}

impl<T> Shelf<T> {
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
        let old = match self.approach(platform.clock().now(), platform.errands(), source) {
            Standing::Ready(parsed) => return Ok(parsed),
            Standing::Failed(reason) => return Err(reason),
            Standing::Awaited(old) => old,
        };
        let patience = if old.is_some() { PATIENCE_MS } else { PATIENCE_WITHOUT_MS };
        self.landing(platform, source.name(), patience).await;
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
        errands: &impl Spawn,
        source: &S,
    ) -> Option<Rc<T>> {
        match self.approach(now, errands, source) {
            Standing::Ready(parsed) => Some(parsed),
            Standing::Awaited(_) | Standing::Failed(_) => None,
        }
    }

    /// What is here, whatever its age.
    pub(super) fn held(&self, name: &str) -> Option<Held<T>> {
        self.entries.borrow().get(name)?.held.clone()
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
    pub(super) async fn landing<P: Platform>(&self, platform: &P, name: &str, patience: u32) -> bool {
        let landings = || self.with(name, |entry| entry.landings);
        landing(platform.timer(), landings(), landings, patience).await
    }

    fn approach<S: Source<Parsed = T>>(&self, now: Timestamp, errands: &impl Spawn, source: &S) -> Standing<T> {
        let usable = self.usable(source, now);
        if let Some((parsed, Freshness::Fresh)) = usable {
            return Standing::Ready(parsed);
        }
        let failure = self.with(source.name(), |entry| entry.failure.clone());
        if let (None, Some((until, reason))) = (&usable, &failure)
            && now < *until
        {
            return Standing::Failed(reason.clone());
        }
        if self.with(source.name(), |entry| entry.take_off(now)) {
            errands.start(source.task(Ask::Anybody));
        }
        match usable {
            // Nobody waits for an issuer that did not answer when it was last asked.
            Some((parsed, freshness)) if freshness == Freshness::Ageing || failure.is_some() => Standing::Ready(parsed),
            other => Standing::Awaited(other.map(|(parsed, _)| parsed)),
        }
    }

    fn usable<S: Source<Parsed = T>>(&self, source: &S, now: Timestamp) -> Option<(Rc<T>, Freshness)> {
        let entries = self.entries.borrow();
        let (stored, parsed) = entries.get(source.name())?.held.as_ref()?;
        let freshness = stored.freshness(S::LIFETIMES, now);
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
            held: None,
            flight: None,
            landings: 0,
            seats: 0,
            failure: None,
            search: KeySearch::new(),
            asked: 0,
            answered: 0,
        }
    }

    /// Whether a fetch is under way.
    pub(super) fn is_awaited(&self, now: Timestamp) -> bool {
        self.flight.is_some_and(|until| now < until)
    }

    /// Whether it is too soon after a fetch that brought nothing.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        self.failure.as_ref().is_some_and(|(until, _)| now < *until)
    }

    /// Marks the beginning of a fetch. False if one is under way, or it is too soon.
    pub(super) fn take_off(&mut self, now: Timestamp) -> bool {
        let free = !self.is_awaited(now) && !self.rests(now);
        if free {
            self.flight = Some(now.plus(LONGEST_FLIGHT));
            self.seats = SEATS;
        }
        free
    }

    /// Marks its end.
    pub(super) const fn land(&mut self) {
        self.flight = None;
        self.landings = self.landings.wrapping_add(1);
    }

    pub(super) fn fail(&mut self, reason: Reason, now: Timestamp) {
        self.failure = Some((now.plus(documents::FAILURE_COOLDOWN), reason));
    }

    pub(super) fn hold(&mut self, stored: Rc<Stored>, parsed: Rc<T>) {
        self.held = Some((stored, parsed));
        self.failure = None;
    }

    /// How old the document is, `ahead` of now.
    pub(super) fn freshness(&self, lifetimes: Lifetimes, now: Timestamp, ahead: Seconds) -> Freshness {
        match &self.held {
            Some((stored, _)) if stored.freshness(lifetimes, now) != Freshness::TooOld => {
                stored.freshness(lifetimes, now.plus(ahead))
            }
            _ => Freshness::TooOld,
        }
    }
}
