//! Which version counts here and now: an immutable version and a pointer to it, kept up to date within a bound.
//!
//! Publishing writes the version under [`version_key`], then the [`Pointer`]; going back is publishing a pointer to
//! an older version, with a higher serial. Every isolate reads the pointer again after [`PULL_AFTER`] and has no
//! policies, so denies, once it has not been able to for [`ABSENT_AFTER`]. So an answer is never by a version that
//! the store stopped naming longer ago than that. A store that answers from copies adds their age:
//! Cloudflare gives 60 seconds for KV.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, Version};
use super::decision::PolicyDecision;
use super::input::PolicyInput;
use super::problem::Problem;
use super::set::PolicySet;
use super::shadow::{Difference, difference};
use crate::authzen::Evaluation;
use crate::json;
use crate::ports::{PolicyStore, StoreError};
use crate::time::{Seconds, Timestamp};

/// After this long the pointer is read again, beside the requests.
pub const PULL_AFTER: Seconds = Seconds::new(20);
/// After this long without having read it there are no policies.
pub const ABSENT_AFTER: Seconds = Seconds::new(60);
/// So long nobody else tries while a reading is under way, or has failed.
const RETRY_AFTER: Seconds = Seconds::new(5);

const MAX_POINTER_BYTES: usize = 1024;

/// Where the pointer is.
#[must_use]
pub const fn pointer_key() -> &'static str {
    "policies/pointer"
}

/// Where a version is.
#[must_use]
pub fn version_key(version: &Version) -> String {
    format!("policies/{version}")
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
}

impl Pointer {
    /// The pointer that follows `current`, be it forward or back.
    #[must_use]
    pub fn after(current: Option<&Self>, live: Version, shadow: Option<Version>) -> Self {
        Self { serial: current.map_or(1, |current| current.serial.saturating_add(1)), live, shadow }
    }

    /// Reads the stored form; `None` when it is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let object = json::parse_object(text.as_bytes(), MAX_POINTER_BYTES).ok()?;
        serde_json::from_value(object.into()).ok()
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
    live: Rc<PolicySet>,
    shadow: Option<Rc<PolicySet>>,
}

/// What there is to decide by.
#[derive(Clone, Debug)]
pub enum Standing {
    /// These.
    Fresh(Rc<Loaded>),
    /// These, and whoever is told so pulls meanwhile.
    Due(Rc<Loaded>),
    /// None: a pull must come first, and where it fails the answer is no.
    Absent,
}

/// Why a pull brought nothing. What there was stays, for as long as it may.
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
    Policies(Version, Vec<Problem>),
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
}

/// One isolate's policies.
#[derive(Debug, Default)]
pub struct Policies {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    loaded: Option<Rc<Loaded>>,
    /// When the reading began that last agreed with what is loaded.
    confirmed_at: Option<Timestamp>,
    /// When somebody was last told to pull.
    asked_at: Option<Timestamp>,
}

impl Policies {
    /// What there is to decide by at this moment. Answers [`Standing::Due`] to one caller at a time.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        let mut state = self.state.borrow_mut();
        let (Some(loaded), Some(confirmed_at)) = (state.loaded.clone(), state.confirmed_at) else {
            return Standing::Absent;
        };
        if now >= confirmed_at.plus(ABSENT_AFTER) {
            return Standing::Absent;
        }
        let asked = state.asked_at.is_some_and(|asked_at| now < asked_at.plus(RETRY_AFTER));
        if asked || now < confirmed_at.plus(PULL_AFTER) {
            return Standing::Fresh(loaded);
        }
        state.asked_at = Some(now);
        Standing::Due(loaded)
    }

    /// Reads the pointer, and what it names where that is not at hand. `now`: the moment at which the reading begins.
    /// A version on trial that cannot be had does not stand in the way of the live one; the second value says why.
    ///
    /// # Errors
    /// When what the store names is not known, or is not at hand.
    pub async fn pull(
        &self,
        store: &impl PolicyStore,
        now: Timestamp,
    ) -> Result<(Rc<Loaded>, Option<PullError>), PullError> {
        let text = store.published(pointer_key()).await.map_err(PullError::Store)?.ok_or(PullError::Nothing)?;
        let pointer = Pointer::from_text(&text).ok_or(PullError::Pointer)?;
        let before = self.state.borrow().loaded.clone();
        let live = obtain(store, &pointer.live, before.as_deref()).await?;
        let (shadow, amiss) = match &pointer.shadow {
            None => (None, None),
            Some(version) => match obtain(store, version, before.as_deref()).await {
                Ok(shadow) => (Some(shadow), None),
                Err(why) => (None, Some(why)),
            },
        };
        let loaded = self.settle(Loaded { pointer, live, shadow }, now)?;
        Ok((loaded, amiss))
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
) -> Result<Rc<PolicySet>, PullError> {
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
    let set = PolicySet::parse(&bundle).map_err(|problems| PullError::Policies(version.clone(), problems))?;
    Ok(Rc::new(set))
}

impl Loaded {
    /// Decides by the live version; where one is on trial, tells whether it would have said something else.
    #[must_use]
    pub fn decide(&self, input: &PolicyInput<'_>) -> (PolicyDecision, Option<Difference>) {
        self.ask(|set| set.decide(input))
    }

    /// The same for what a service asks.
    #[must_use]
    pub fn evaluate(&self, evaluation: &Evaluation) -> (PolicyDecision, Option<Difference>) {
        self.ask(|set| set.evaluate(evaluation))
    }

    fn ask(&self, decide: impl Fn(&PolicySet) -> PolicyDecision) -> (PolicyDecision, Option<Difference>) {
        let live = decide(&self.live);
        let shadow = self.shadow.as_ref().and_then(|shadow| difference(&live, &decide(shadow)));
        (live, shadow)
    }

    /// What the store said.
    #[must_use]
    pub const fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn sets(&self) -> impl Iterator<Item = &Rc<PolicySet>> {
        std::iter::once(&self.live).chain(&self.shadow)
    }
}
