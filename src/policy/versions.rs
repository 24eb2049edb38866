//! Which version counts here and now: an immutable version and a pointer to it, kept up to date within a bound.
//!
//! Publishing writes the version under [`version_key`], then the [`Pointer`]; going back is publishing a pointer to
//! an older version, with a higher serial. Every isolate reads the pointer again after [`PULL_AFTER`], beside the
//! requests, and has no policies, so denies, once it has not been able to for [`ABSENT_AFTER`]. So an answer is never by a version that
//! the store stopped naming longer ago than that. A store that answers from copies adds their age:
//! Cloudflare gives 60 seconds for KV.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, Version};
use super::decision::{NearMiss, PolicyDecision};
use super::engine::{Compiled, CompiledPolicies, PolicyEngine};
use super::input::{ManagementInput, PolicyInput};
use super::problem::PolicyProblem;
use super::shadow::{Difference, difference};
use crate::authzen::Evaluation;
use crate::json;
use crate::ports::{PolicyStore, StoreError};
use crate::time::{Seconds, Timestamp};

/// After this long the pointer is read again, beside the requests, with the first of them.
pub const PULL_AFTER: Seconds = Seconds::new(20);
/// After this long without having read it there are no policies.
pub const ABSENT_AFTER: Seconds = Seconds::new(60);
/// So long after the beginning of a reading that failed nobody tries again.
const RETRY_AFTER: Seconds = Seconds::new(3);
/// After this time a reading is taken for lost: it is longer than the store may take for all that is read.
const LONGEST_PULL: Seconds = Seconds::new(10);

const MAX_POINTER_BYTES: usize = 1024;

/// What the store names was not read here yet.
const NOT_LOADED_YET: &str = "policy.not_loaded_yet";

/// Where the pointer is.
#[must_use]
pub const fn pointer_key() -> &'static str {
    "policies/pointer"
}

/// Before the name of each version.
pub const VERSIONS: &str = "policies/";

/// Where a version is.
#[must_use]
pub fn version_key(version: &Version) -> String {
    format!("{VERSIONS}{version}")
}

/// Which version counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// Grows with each change, so that nobody goes back by reading an old copy.
    pub serial: u64,
    /// The version that decides.
    pub live: Version,
    /// The version on trial beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Version>,
    /// What both were checked by: an isolate that would check them by the same need not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checked_by: Option<Version>,
}

impl Pointer {
    /// The pointer that follows `current`, be it forward or back.
    #[must_use]
    pub fn after(current: Option<&Self>, live: Version, shadow: Option<Version>) -> Self {
        let serial = current.map_or(1, |current| current.serial.saturating_add(1));
        Self { serial, live, shadow, checked_by: None }
    }

    /// The same, saying that what it names was checked: each is one of these sets, or `current` says so of it.
    #[must_use]
    pub fn vouching(
        self,
        engine: &dyn PolicyEngine,
        current: Option<&Self>,
        sets: &[Rc<dyn CompiledPolicies>],
    ) -> Self {
        let ours = engine.version();
        let before = current.filter(|current| ours.is_some() && current.checked_by == ours);
        let is_known = |version: &Version| {
            sets.iter().any(|set| set.version() == version)
                || before.is_some_and(|before| before.versions().any(|known| known == version))
        };
        let checked_by = ours.filter(|_| self.versions().all(is_known));
        Self { checked_by, ..self }
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.live).chain(&self.shadow)
    }

    /// The serial of what is published at this moment: seconds since 1970, whoever publishes and by whatever means.
    #[must_use]
    pub fn serial_at(now: Timestamp) -> u64 {
        now.as_unix().try_into().unwrap_or(0)
    }

    /// The same with no smaller serial than this.
    #[must_use]
    pub fn at_least(self, serial: u64) -> Self {
        Self { serial: self.serial.max(serial), ..self }
    }

    /// Reads the stored form; `None` when it is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let object = json::parse_object(text.as_bytes(), MAX_POINTER_BYTES).ok()?;
        json::exactly_from_value(object.into()).ok()
    }

    /// The stored form.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The policies that the pointer names.
#[derive(Debug)]
pub struct Loaded {
    pointer: Pointer,
    live: Rc<dyn CompiledPolicies>,
    shadow: Option<Rc<dyn CompiledPolicies>>,
}

/// How things stand for a request.
#[derive(Clone, Debug)]
pub struct PolicyStanding {
    /// What there is to decide by; with none, the answer is no, unless a pull brings some.
    pub loaded: Option<Rc<Loaded>>,
    /// Whoever is told so has [`Policies::pull`] begin: nobody else is, until it ends or is taken for lost.
    pub pull: bool,
    /// Whether one is under way.
    pub awaited: bool,
}

/// What a pull brought.
#[derive(Debug)]
pub struct Pulled {
    /// What counts from now on.
    pub loaded: Rc<Loaded>,
    /// Whether it is something else than before.
    pub changed: bool,
    /// Why the version on trial is not among it.
    pub amiss: Option<PullError>,
}

/// Why a pull brought nothing.
#[derive(Debug)]
pub enum PullError {
    /// The store did not answer.
    Store(StoreError),
    /// Nothing is published there.
    Nothing,
    /// The pointer is none.
    Pointer,
    /// The pointer is an older one than was seen here before.
    Outdated,
    /// The version that it names is not there, yet.
    Missing(Version),
    /// What is there under its name is something else.
    Mislabelled(Version),
    /// What is there does not hold up.
    Policies(Version, Vec<PolicyProblem>),
}

impl PullError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "policy.store_unavailable",
            Self::Nothing => "policy.none_published",
            Self::Pointer => "policy.pointer_malformed",
            Self::Outdated => "policy.pointer_outdated",
            Self::Missing(_) => "policy.version_missing",
            Self::Mislabelled(_) => "policy.version_mislabelled",
            Self::Policies(..) => "policy.version_invalid",
        }
    }

    /// More of why: the version concerned, and the first thing wrong with it.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Missing(version) | Self::Mislabelled(version) => Some(version.to_string()),
            Self::Policies(version, problems) => Some(
                problems
                    .first()
                    .map_or_else(|| version.to_string(), |problem| format!("{} {problem}", version.short())),
            ),
            Self::Store(_) | Self::Nothing | Self::Pointer | Self::Outdated => None,
        }
    }
}

/// One isolate's policies.
#[derive(Debug)]
pub struct Policies {
    engine: &'static dyn PolicyEngine,
    state: RefCell<State>,
    built_in: OnceCell<Rc<dyn CompiledPolicies>>,
}

#[derive(Debug, Default)]
struct State {
    loaded: Option<Rc<Loaded>>,
    /// When the reading began that last agreed with what is loaded.
    confirmed_at: Option<Timestamp>,
    /// Until when a reading under way is believed in.
    pulling_until: Option<Timestamp>,
    /// How many readings have come to an end.
    pulls_ended: u32,
    /// Until when none is begun, for the last one failed.
    rests_until: Option<Timestamp>,
    /// Why the last reading did not bring all that is published.
    trouble: Option<&'static str>,
    /// The newest pointer that was seen in the store or written there, whether or not it counts here yet.
    newest: Option<Pointer>,
}

/// Ends a reading, however it ends: a future may be dropped in the middle.
struct EndOfPull<'a>(&'a RefCell<State>);

impl Drop for EndOfPull<'_> {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.pulling_until = None;
        state.pulls_ended = state.pulls_ended.wrapping_add(1);
    }
}

impl Policies {
    /// Those of an isolate that has not looked at the store yet.
    #[must_use]
    pub fn new(engine: &'static dyn PolicyEngine) -> Self {
        Self { engine, state: RefCell::default(), built_in: OnceCell::new() }
    }

    /// What reads them, ready to be asked.
    pub async fn engine(&self) -> &'static dyn PolicyEngine {
        self.engine.ready().await;
        self.engine
    }

    /// What there is to decide by at this moment, and whether it is time to look at the store.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> PolicyStanding {
        let mut state = self.state.borrow_mut();
        let within = |bound| state.confirmed_at.is_some_and(|confirmed_at| now < confirmed_at.plus(bound));
        let loaded = state.loaded.clone().filter(|_| within(ABSENT_AFTER));
        let is_before = |until: Option<Timestamp>| until.is_some_and(|until| now < until);
        let under_way = is_before(state.pulling_until);
        let pull = !within(PULL_AFTER) && !under_way && !is_before(state.rests_until);
        if pull {
            state.pulling_until = Some(now.plus(LONGEST_PULL));
        }
        PolicyStanding { loaded, pull, awaited: pull || under_way }
    }

    /// Whether nobody has had the store looked at yet. Who is told so has to: it is told once.
    #[must_use]
    pub fn untouched(&self, now: Timestamp) -> bool {
        let mut state = self.state.borrow_mut();
        let untouched = state.pulling_until.is_none() && state.pulls_ended == 0;
        if untouched {
            state.pulling_until = Some(now.plus(LONGEST_PULL));
        }
        untouched
    }

    /// What the store named when it was last read, and when that was.
    #[must_use]
    pub fn known(&self) -> Option<(Pointer, Timestamp)> {
        let state = self.state.borrow();
        Some((state.loaded.as_ref()?.pointer.clone(), state.confirmed_at?))
    }

    /// The newest pointer that this isolate has seen or written: what the store shows may be an older copy.
    #[must_use]
    pub fn newest(&self) -> Option<Pointer> {
        self.state.borrow().newest.clone()
    }

    /// What of that which the store names does not decide here at this moment, `live` or `shadow`, and why, in the words
    /// of the log; `None` when all of it does.
    #[must_use]
    pub fn not_in_force(&self, published: Option<&Pointer>, now: Timestamp) -> Option<(&'static str, &'static str)> {
        let state = self.state.borrow();
        let newest = state.newest.as_ref().map_or(0, |newest| newest.serial);
        let is_fresh = state.confirmed_at.is_some_and(|confirmed_at| now < confirmed_at.plus(ABSENT_AFTER));
        let Some(published) = published else { return Some(("live", PullError::Nothing.code())) };
        if published.serial < newest {
            return Some(("live", PullError::Outdated.code()));
        }
        match &state.loaded {
            Some(loaded) if is_fresh && loaded.pointer == *published => {
                let is_there = loaded.shadow.is_some() || published.shadow.is_none();
                state.trouble.filter(|_| !is_there).map(|why| ("shadow", why))
            }
            // Since then something was published.
            _ => {
                Some(("live", state.trouble.filter(|why| *why != PullError::Nothing.code()).unwrap_or(NOT_LOADED_YET)))
            }
        }
    }

    /// Takes note of a pointer that is in the store.
    pub fn saw(&self, pointer: &Pointer) {
        let newest = &mut self.state.borrow_mut().newest;
        if newest.as_ref().is_none_or(|newest| newest.serial < pointer.serial) {
            *newest = Some(pointer.clone());
        }
    }

    /// The policy about management that is part of every deployment with policies, read when it is first asked.
    pub async fn built_in(&self) -> Option<Rc<dyn CompiledPolicies>> {
        if self.built_in.get().is_none() {
            let built_in = self.engine().await.built_in().ok()?;
            return Some(Rc::clone(self.built_in.get_or_init(|| built_in)));
        }
        self.built_in.get().cloned()
    }

    /// How many pulls have come to an end: a caller that waits for one looks for another number.
    #[must_use]
    pub fn pulls_ended(&self) -> u32 {
        self.state.borrow().pulls_ended
    }

    /// Why the last pull did not bring all that is published, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        self.state.borrow().trouble
    }

    /// Reads the pointer, and what it names where that is not at hand. `now`: the moment at which the reading begins.
    /// A version on trial that cannot be had does not stand in the way of the live one.
    ///
    /// # Errors
    /// When what the store names is not known, or is not at hand. What there was stays, for as long as it may.
    pub async fn pull(&self, store: &impl PolicyStore, now: Timestamp) -> Result<Pulled, PullError> {
        let _end = EndOfPull(&self.state);
        let pulled = self.read(store, now).await;
        let mut state = self.state.borrow_mut();
        state.rests_until = pulled.is_err().then(|| now.plus(RETRY_AFTER));
        state.trouble = match &pulled {
            Ok(pulled) => pulled.amiss.as_ref().map(PullError::code),
            Err(why) => Some(why.code()),
        };
        pulled
    }

    async fn read(&self, store: &impl PolicyStore, now: Timestamp) -> Result<Pulled, PullError> {
        let text = store.published(pointer_key()).await.map_err(PullError::Store)?.ok_or(PullError::Nothing)?;
        let pointer = Pointer::from_text(&text).ok_or(PullError::Pointer)?;
        self.saw(&pointer);
        let before = self.state.borrow().loaded.clone();
        let engine = self.engine().await;
        // A schema of another release may ask for something else.
        let is_checked = pointer.checked_by.is_some() && pointer.checked_by == engine.version();
        let parse = |bundle: &Bundle| if is_checked { engine.parse_checked(bundle) } else { engine.parse(bundle) };
        let live = obtain(store, &pointer.live, before.as_deref(), &parse).await?;
        let (shadow, amiss) = match &pointer.shadow {
            None => (None, None),
            Some(version) => match obtain(store, version, before.as_deref(), &parse).await {
                Ok(shadow) => (Some(shadow), None),
                Err(why) => (None, Some(why)),
            },
        };
        let loaded = self.settle(Loaded { pointer, live, shadow }, now)?;
        let changed = before.is_none_or(|before| before.pointer != loaded.pointer);
        Ok(Pulled { loaded, changed, amiss })
    }

    /// Another reading may have ended while this one went on, so the newest serial counts, not the last to end.
    fn settle(&self, loaded: Loaded, began_at: Timestamp) -> Result<Rc<Loaded>, PullError> {
        let mut state = self.state.borrow_mut();
        if let Some(known) = &state.loaded {
            match known.pointer.serial.cmp(&loaded.pointer.serial) {
                Ordering::Greater => return Err(PullError::Outdated),
                Ordering::Equal if state.confirmed_at > Some(began_at) => return Ok(Rc::clone(known)),
                Ordering::Equal | Ordering::Less => {}
            }
        }
        let loaded = Rc::new(loaded);
        state.loaded = Some(Rc::clone(&loaded));
        state.confirmed_at = state.confirmed_at.max(Some(began_at));
        Ok(loaded)
    }
}

/// A version by its name: from what is loaded, or from the store.
async fn obtain(
    store: &impl PolicyStore,
    version: &Version,
    before: Option<&Loaded>,
    parse: &dyn Fn(&Bundle) -> Compiled,
) -> Result<Rc<dyn CompiledPolicies>, PullError> {
    let at_hand = before.into_iter().flat_map(Loaded::sets).find(|set| set.version() == version);
    if let Some(set) = at_hand {
        return Ok(Rc::clone(set));
    }
    let text = store.published(&version_key(version)).await.map_err(PullError::Store)?;
    let text = text.ok_or_else(|| PullError::Missing(version.clone()))?;
    let bundle = Bundle::from_text(&text).map_err(|problem| PullError::Policies(version.clone(), vec![problem]))?;
    if bundle.version() != *version {
        return Err(PullError::Mislabelled(version.clone()));
    }
    parse(&bundle).map_err(|problems| PullError::Policies(version.clone(), problems))
}

impl Loaded {
    /// Decides by the live version; where one is on trial, tells whether it would have said something else.
    #[must_use]
    pub fn decide(&self, input: &PolicyInput<'_>) -> (PolicyDecision, Option<Difference>) {
        self.ask(|set| set.decide(input))
    }

    /// Where nothing permits the request: the live policies that come nearest to it.
    #[must_use]
    pub fn nearest(&self, input: &PolicyInput<'_>) -> Vec<NearMiss> {
        self.live.nearest(input)
    }

    /// The same for what a service asks.
    #[must_use]
    pub fn evaluate(&self, evaluation: &Evaluation) -> (PolicyDecision, Option<Difference>) {
        self.ask(|set| set.evaluate(evaluation))
    }

    fn ask(&self, decide: impl Fn(&dyn CompiledPolicies) -> PolicyDecision) -> (PolicyDecision, Option<Difference>) {
        let live = decide(&*self.live);
        let shadow = self.shadow.as_ref().and_then(|shadow| difference(&live, &decide(&**shadow)));
        (live, shadow)
    }

    /// Decides about management, by the live version.
    #[must_use]
    pub fn decide_management(&self, input: &ManagementInput<'_>) -> PolicyDecision {
        self.live.decide_management(input)
    }

    /// Decides once about nobody, so that the first who asks need not wait for what is slow only once.
    pub fn rehearse(&self) {
        self.sets().for_each(|set| set.rehearse());
    }

    /// What the store said.
    #[must_use]
    pub const fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn sets(&self) -> impl Iterator<Item = &Rc<dyn CompiledPolicies>> {
        std::iter::once(&self.live).chain(&self.shadow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_that_says_more_is_none() {
        let pointer = Pointer::after(None, Version::of("a"), Some(Version::of("b")));
        assert!(
            json::testing::each_with_one_more(&pointer.to_text())
                .iter()
                .all(|other| Pointer::from_text(other).is_none())
        );
        assert_eq!(Pointer::from_text(&pointer.to_text()), Some(pointer));
    }
}
