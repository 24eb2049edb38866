//! For how long what was let through may go on.

use crate::authn::Standing;
use crate::session::device::{DeviceBinding, LIVES_OF_A_STREAM};
use crate::session::{SessionDigest, SubjectKey};
use crate::time::{Seconds, Timestamp};

/// How long an answer that does not end by itself may go on: a WebSocket, a stream of events. What ends by
/// itself is not cut off: both doors were open when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamLifetime {
    /// Nobody was asked who they are, so nobody's right can end.
    Unlimited,
    /// As long as the token is valid.
    Until(Timestamp),
    /// As long as the token is valid, and nothing of its holder is blocked.
    Standing(Box<Standing>),
    /// As long as this session lives.
    Session(SessionLease),
}

/// The proof of a device on which an answer depends. Whoever asked for it by stolen cookies has no key, and the browser
/// that proves it says so from where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofLease {
    /// When the key was proved last.
    pub proved_at: Timestamp,
    /// How long a bound cookie lives: so often the object is asked.
    pub life: Seconds,
    /// Where the answer goes, as far as the platform tells.
    pub place: Option<String>,
    /// When it ends, however often the key is proved.
    pub until: Timestamp,
}

impl ProofLease {
    /// For how long nobody has to be asked.
    #[must_use]
    pub fn holds_for(&self, now: Timestamp) -> Seconds {
        self.ends_at().since(now).min(self.life)
    }

    /// The same, now that the object has said how it is with the device; `None`: the answer ends.
    #[must_use]
    pub fn renewed(self, device: &DeviceBinding, now: Timestamp) -> Option<Self> {
        let is_elsewhere = device.proved_at > self.proved_at && device.place != self.place;
        let renewed = Self { proved_at: device.proved_at, ..self };
        (!is_elsewhere && now < renewed.ends_at()).then_some(renewed)
    }

    fn ends_at(&self) -> Timestamp {
        let lapses_after = Seconds::new(self.life.get().saturating_mul(LIVES_OF_A_STREAM));
        self.proved_at.plus(lapses_after).min(self.until)
    }
}

/// A session on which an answer depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLease {
    /// Whose object knows.
    pub subject: SubjectKey,
    /// Which session.
    pub digest: SessionDigest,
    /// How often what the browser sends on a WebSocket counts as use of the session; `None`: never.
    pub touch_every: Option<Seconds>,
    /// Where it is bound to a device: by which proofs of that it goes on.
    pub proof: Option<ProofLease>,
    /// What of it may come on the block list, where there is one: its object knows nothing of moments of everybody.
    pub standing: Option<Box<Standing>>,
}
