//! What happens, and what is known about a session from outside.

use postern::session::SessionDigest;

/// One thing that happens. Sessions and flights are counted from the latest, modulo how many there are.
#[derive(Clone, Debug)]
pub enum Op {
    /// A login comes to its end.
    Login {
        begun_ago: i64,
        replaces: Option<usize>,
        sid: Option<u8>,
    },
    /// A request.
    Check {
        session: usize,
        touch: bool,
        token: bool,
    },
    /// The provider has answered.
    Finish {
        flight: usize,
        outcome: Outcome,
    },
    /// The object loses its memory, and with it whatever is under way.
    Crash,
    End {
        session: usize,
    },
    EndOthers {
        session: usize,
    },
    EndListed {
        session: usize,
    },
    EndSid {
        sid: u8,
    },
    EndAll {
        ago: Option<i64>,
    },
    Sweep,
    /// The clock moves, sometimes backwards.
    Wait {
        seconds: i64,
    },
    /// A key is added to the ring.
    NewKey,
    /// The provider begins to give a new refresh token for each that is used, or no longer does.
    Rotate,
}

/// How the provider answers a renewal.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Renewed { life: i64 },
    Refused,
    Mistrusted,
    Unverified,
    Failed,
    Unknown,
}

/// A session as its owner sees it.
#[derive(Debug)]
pub struct Known {
    pub digest: SessionDigest,
    pub sid: Option<u8>,
    pub created_at: i64,
    /// The last time that it was kept alive.
    pub touched_at: i64,
    /// Whether anything was seen or done that means its end.
    pub ended: bool,
}

/// Logouts, and when they were.
#[derive(Debug, Default)]
pub struct Logouts {
    /// Of everything that began by then.
    pub all: Option<i64>,
    /// Of one session, by digest.
    pub sessions: Vec<(String, i64)>,
    /// By the provider's `sid`.
    pub sids: Vec<(u8, i64)>,
}

impl Logouts {
    /// Whether a login that was begun then comes too late.
    pub fn overtake(&self, begun_at: i64, replaces: Option<&SessionDigest>, sid: Option<u8>) -> bool {
        let session =
            |(digest, at): &(String, i64)| replaces.is_some_and(|old| old.as_str() == digest) && begun_at <= *at;
        let by_provider = |(ended, at): &(u8, i64)| Some(*ended) == sid && begun_at <= *at;
        self.all.is_some_and(|cutoff| begun_at <= cutoff)
            || self.sessions.iter().any(session)
            || self.sids.iter().any(by_provider)
    }
}
