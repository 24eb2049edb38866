//! For how long what was let through may go on.

use crate::authn::Standing;
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

/// The proof of a device on which an answer depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofLease {
    /// When the key was proved last.
    pub proved_at: Timestamp,
    /// How long after that the answer ends, unless it was proved again.
    pub lapses_after: Seconds,
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
    /// Where it is bound to a device: when that was proved, and how long after a proof it counts no more.
    pub proof: Option<ProofLease>,
    /// What of it may come on the block list, where there is one: its object knows nothing of moments of everybody.
    pub standing: Option<Box<Standing>>,
}
