//! Sessions that are bound to a device (Device Bound Session Credentials): the browser proves again and again that it has a
//! key that does not leave the device.
//!
//! A bound session counts with two cookies: that of the session, and a short one ([`BoundCookie`]) that the browser gets for
//! each proof ([`proof`]). Whoever has copied the first has nothing, and whoever has both has them until the second is over.
//! The session keeps its id: the old cookie is of no use by itself once there is a binding, so that a new id would protect
//! nothing more, and would break what is under way.

mod challenge;
mod cookie;
pub mod message;
pub mod proof;
pub mod skipped;

use serde::{Deserialize, Serialize};

pub use challenge::{ChallengeFault, DeviceChallenge};
pub use cookie::BoundCookie;
pub use message::{Bind, DeviceCommand, DeviceReply, FurtherProof, Grace, ShownDevice};
pub use proof::RegisteredKey;
pub use skipped::Skipped;

use crate::http::Peer;
use crate::time::{Seconds, Timestamp};

/// How long after the sign-in a browser may register a key, and how long a challenge counts.
pub const REGISTER_WITHIN: Seconds = Seconds::new(60);

/// For so long after a registration or a refresh, a request counts that the browser sent just before it.
pub const RACE: Seconds = Seconds::new(10);

/// How long the proof for one request counts for others that want one of their own.
pub const PROOF_COUNTS: Seconds = Seconds::new(30);

/// The same for what lasts longer than the cookies: a browser that is to sign at each of many decisions in a row may not.
pub const LASTING_COUNTS: Seconds = Seconds::minutes(2);

/// For so long a browser may sign no more that has signed too often. One whose last proof is older than that and a life of the
/// bound cookie has nothing that keeps it from signing.
pub const QUOTA_PERIOD: Seconds = Seconds::minutes(10);

/// A stream of a bound session ends when no proof came for so many lives of the bound cookie.
pub const LIVES_OF_A_STREAM: u32 = 2;

/// No stream of a bound session goes on for longer, however often the key is proved: whoever opened it shows nothing since.
pub const LONGEST_STREAM: Seconds = Seconds::hours(8);

/// What binds a session to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBinding {
    /// Its name in the bound cookie: stays when the session goes on under another id.
    #[serde(default)]
    pub id: String,
    /// The public key, as a JWK.
    pub jwk: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When the browser last proved that it has the private half.
    pub proved_at: Timestamp,
    /// How often it has: a proof counts for one generation alone.
    pub generation: u64,
    /// Where it was proved last: country and network, where the platform tells both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// When the browser was let in without a proof, because it may not sign so often. Once in a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_at: Option<Timestamp>,
}

/// What a request shows of the device that its session is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Since when the session is bound.
    pub bound_at: Timestamp,
    /// When the key was proved, by the cookie that came along; `None` where the request counts without one for a moment.
    pub proved_at: Option<Timestamp>,
}

/// Why a request of a bound session does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// There is no bound cookie.
    Missing,
    /// It is not one of ours, of another session, or over.
    Unusable,
    /// A later proof has taken its place.
    Outdated,
}

impl DeviceBinding {
    /// What a request shows with this bound cookie, where such cookies live so long. `place`: where it comes from.
    ///
    /// # Errors
    /// When the request does not count.
    pub fn shown(
        &self,
        cookie: Option<&BoundCookie>,
        (life, now): (Seconds, Timestamp),
        place: Option<&str>,
    ) -> Result<DeviceFacts, DeviceFault> {
        let facts = DeviceFacts { bound_at: self.registered_at, proved_at: None };
        match cookie.map(|cookie| (cookie, self.take(cookie, life, now))) {
            Some((cookie, Ok(()))) => Ok(DeviceFacts { proved_at: Some(cookie.proved_at), ..facts }),
            // What the browser sent before it had the answer to its registration.
            _ if self.is_recent(now) => Ok(facts),
            Some((_, Err(fault))) => Err(fault),
            // Once, while it may not sign, and from where it did so last.
            None if self.is_graced(life, now) && place.is_some() && place == self.place.as_deref() => Ok(facts),
            None => Err(DeviceFault::Missing),
        }
    }

    fn take(&self, cookie: &BoundCookie, life: Seconds, now: Timestamp) -> Result<(), DeviceFault> {
        if cookie.binding != self.id || cookie.is_over(life, now) {
            return Err(DeviceFault::Unusable);
        }
        let is_next_to_last = cookie.generation.saturating_add(1) == self.generation;
        let is_in_time = is_next_to_last && now.since(self.proved_at) < RACE;
        if cookie.generation >= self.generation || is_in_time { Ok(()) } else { Err(DeviceFault::Outdated) }
    }

    /// Whether it was registered so short a time ago that a request counts which the browser sent before.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.since(self.registered_at) < RACE
    }

    /// Whether it was proved so short a time ago that its browser may be one that has signed too often.
    #[must_use]
    pub fn may_be_over_quota(&self, life: Seconds, now: Timestamp) -> bool {
        now <= self.proved_at.plus(life).plus(QUOTA_PERIOD)
    }

    /// Whether the browser is let in without a proof now: until it proves its key again.
    #[must_use]
    pub fn is_graced(&self, life: Seconds, now: Timestamp) -> bool {
        self.grace_at.is_some_and(|at| at >= self.proved_at && now.since(at) < life)
    }
}

/// Where somebody is, as exactly as a grace asks: country and network. `None` where the platform does not tell both.
#[must_use]
pub fn place_of(peer: &Peer) -> Option<String> {
    Some(format!("{} {}", peer.country.as_deref()?, peer.network_number.as_deref()?))
}

#[cfg(test)]
mod tests;
