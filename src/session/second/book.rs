//! The second factors of a person, as they are stored: one text in the person's object. Fields are added with
//! `#[serde(default)]`, never renamed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(in crate::session) use super::lock::WrongCodes;
use super::message::{ChallengePurpose, FactorKind, FactorList, ListedFactor};
pub(in crate::session) use super::recovery::{RecoveryBook, RecoveryCode};
use super::{CeremonyChallenge, Passkey, SecondMethod};
use crate::time::{Seconds, Timestamp};

/// How many factors a person may have …
pub(in crate::session) const MAX_FACTORS: usize = 10;
/// … and how many of them apps: each makes it likelier to guess a code.
pub(in crate::session) const MAX_TOTP: usize = 3;
/// How long a challenge is good.
const CHALLENGE_FOR: Seconds = Seconds::minutes(5);
/// How many wait at once; the oldest makes room.
const MAX_CHALLENGES: usize = 12;
/// As many of one session as a person may have pages open.
const MAX_OF_SESSION: usize = 4;
const CHALLENGE_CHARACTERS: std::ops::RangeInclusive<usize> = 22..=128;

/// All of a person's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct FactorBook {
    /// In the order in which they were added.
    #[serde(default)]
    pub(in crate::session) factors: Vec<Factor>,
    #[serde(default)]
    pub(in crate::session) recovery: RecoveryBook,
    #[serde(default)]
    pub(in crate::session) wrong_totp: WrongCodes,
    #[serde(default)]
    pub(in crate::session) wrong_recovery: WrongCodes,
    /// What a later release adds is kept.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// One factor. One that is nothing this release knows is there all the same: it keeps others from being the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Factor {
    pub(in crate::session) id: String,
    #[serde(default)]
    pub(in crate::session) name: String,
    #[serde(default)]
    pub(in crate::session) made_at: Timestamp,
    #[serde(default)]
    pub(in crate::session) used_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::session) totp: Option<TotpRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::session) passkey: Option<Passkey>,
    /// The same.
    #[serde(flatten)]
    pub(in crate::session) rest: Map<String, Value>,
}

/// What is stored of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct TotpRecord {
    /// The secret, sealed.
    pub(in crate::session) secret: String,
    /// The step of the last code that was good: no code counts whose step is not later.
    pub(in crate::session) last_step: u64,
}

impl Factor {
    pub(in crate::session) const fn kind(&self) -> FactorKind {
        match (&self.totp, &self.passkey) {
            (Some(_), None) => FactorKind::Totp,
            (None, Some(_)) => FactorKind::Passkey,
            _ => FactorKind::Unknown,
        }
    }

    /// How it proves, if it can.
    pub(in crate::session) fn method(&self) -> Option<SecondMethod> {
        match (&self.totp, &self.passkey) {
            (Some(_), None) => Some(SecondMethod::Totp),
            (None, Some(passkey)) => Some(SecondMethod::Passkey { synced: passkey.backup_eligible }),
            _ => None,
        }
    }

    /// As its owner sees it. Whether the secret of an app opens, who has the keys knows.
    pub(in crate::session) fn listed(&self, opens: impl Fn(&str, &TotpRecord) -> bool) -> ListedFactor {
        let kind = self.kind();
        let usable = match kind {
            FactorKind::Totp => self.totp.as_ref().is_some_and(|record| opens(&self.id, record)),
            FactorKind::Passkey => true,
            FactorKind::Unknown => false,
        };
        ListedFactor {
            id: self.id.clone(),
            kind,
            name: self.name.clone(),
            made_at: self.made_at,
            used_at: self.used_at,
            usable,
            passkey: self.passkey.clone(),
        }
    }
}

impl FactorBook {
    pub(in crate::session) fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    pub(in crate::session) fn find(&self, id: &str) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.id == id)
    }

    pub(in crate::session) fn find_mut(&mut self, id: &str) -> Option<&mut Factor> {
        self.factors.iter_mut().find(|factor| factor.id == id)
    }

    pub(in crate::session) fn passkeys(&self) -> impl Iterator<Item = (&Factor, &Passkey)> {
        let is_one = |factor: &&Factor| factor.kind() == FactorKind::Passkey;
        self.factors.iter().filter(is_one).filter_map(|factor| Some((factor, factor.passkey.as_ref()?)))
    }

    pub(in crate::session) fn apps(&self) -> impl Iterator<Item = (&Factor, &TotpRecord)> {
        let is_one = |factor: &&Factor| factor.kind() == FactorKind::Totp;
        self.factors.iter().filter(is_one).filter_map(|factor| Some((factor, factor.totp.as_ref()?)))
    }

    /// The factor that makes room for one more of this kind, where a person has as many as one may have: the oldest of the kind,
    /// else the oldest.
    pub(in crate::session) fn in_the_way(&self, kind: FactorKind) -> Option<&Factor> {
        let full = self.factors.len() >= MAX_FACTORS;
        let mut alike = self.factors.iter().filter(|factor| factor.kind() == kind);
        let is_meant = full || (kind == FactorKind::Totp && self.apps().count() >= MAX_TOTP);
        alike.next().or_else(|| self.factors.first()).filter(|_| is_meant)
    }

    /// Takes a factor away. What belongs to its kind alone goes with the last of it, and everything with the last of all.
    pub(in crate::session) fn remove(&mut self, id: &str) {
        self.factors.retain(|factor| factor.id != id);
        if self.apps().next().is_none() {
            self.wrong_totp = WrongCodes::default();
        }
        if self.factors.is_empty() {
            *self = Self::default();
        }
    }

    pub(in crate::session) fn listed(&self, opens: impl Fn(&str, &TotpRecord) -> bool, now: Timestamp) -> FactorList {
        let left = self.recovery.left();
        FactorList {
            factors: self.factors.iter().map(|factor| factor.listed(&opens)).collect(),
            recovery_left: left,
            recovery_made_at: (self.recovery.made_at > Timestamp::EPOCH).then_some(self.recovery.made_at),
            totp_locked_until: self.wrong_totp.locked_until(now),
            recovery_locked_until: self.wrong_recovery.locked_until(now),
            ..FactorList::default()
        }
    }
}

/// The challenges that wait for an answer: a text of its own, which the object forgets in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Challenges {
    #[serde(default)]
    waiting: Vec<WaitingChallenge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WaitingChallenge {
    session: String,
    purpose: ChallengePurpose,
    challenge: String,
    until: Timestamp,
    #[serde(default)]
    user_handle: String,
}

impl Challenges {
    /// With one more; `None` if it is no challenge.
    pub(in crate::session) fn with(mut self, made: &CeremonyChallenge, now: Timestamp) -> Option<Self> {
        let text = &made.challenge;
        let is_one = CHALLENGE_CHARACTERS.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_one {
            return None;
        }
        self.waiting.retain(|waiting| now < waiting.until && waiting.challenge != *text);
        // One session's own make room first: it takes none away from the others.
        let own = |waiting: &WaitingChallenge| waiting.session == made.session.as_str();
        if self.waiting.iter().filter(|waiting| own(waiting)).count() >= MAX_OF_SESSION
            && let Some(oldest) = self.waiting.iter().position(own)
        {
            self.waiting.remove(oldest);
        }
        let surplus = (self.waiting.len() + 1).saturating_sub(MAX_CHALLENGES);
        self.waiting.drain(..surplus);
        self.waiting.push(WaitingChallenge {
            session: made.session.as_str().to_owned(),
            purpose: made.purpose,
            challenge: text.clone(),
            until: now.plus(CHALLENGE_FOR),
            user_handle: made.user_handle.clone(),
        });
        Some(self)
    }

    /// Without this one, and the user handle that goes with it; `None` if it is not there for this session and purpose, now.
    pub(in crate::session) fn without(mut self, taken: &CeremonyChallenge, now: Timestamp) -> Option<(Self, String)> {
        let is_it = |waiting: &WaitingChallenge| {
            let is_meant = waiting.session == taken.session.as_str() && waiting.purpose == taken.purpose;
            is_meant && waiting.challenge == taken.challenge && now < waiting.until
        };
        let place = self.waiting.iter().position(is_it)?;
        let found = self.waiting.remove(place);
        Some((self, found.user_handle))
    }

    /// When the last of them is over; `None` if there is none.
    pub(in crate::session) fn until(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|waiting| waiting.until).max()
    }
}
