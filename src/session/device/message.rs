//! What a subject's object is asked about the devices that sessions are bound to, and what it answers. A field is only ever
//! added with a default.

use serde::{Deserialize, Serialize};

use super::{BoundCookie, DeviceBinding};
use crate::session::handle::SessionDigest;
use crate::session::record::SessionTimeouts;
use crate::time::Seconds;

/// What it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceCommand {
    /// Bind a session to a key that was just proved.
    Bind(Bind),
    /// The key was proved once more.
    Prove(FurtherProof),
    /// The browser says that it may not sign so often.
    Grace(Grace),
}

/// A session is to be bound.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bind {
    /// Which.
    pub digest: SessionDigest,
    /// The public key, as a JWK.
    pub jwk: String,
    /// Where it was proved.
    #[serde(default)]
    pub place: Option<String>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// A proof of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FurtherProof {
    /// Of which session.
    pub digest: SessionDigest,
    /// The generation that it is for: no other has it be the next.
    pub generation: u64,
    /// Where it was proved.
    #[serde(default)]
    pub place: Option<String>,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// A browser that may not sign just now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grace {
    /// With which session.
    pub digest: SessionDigest,
    /// Where it is.
    #[serde(default)]
    pub place: Option<String>,
    /// For how long it may go on without a proof, once.
    pub life: Seconds,
    /// The clocks in force.
    pub clocks: SessionTimeouts,
}

/// What a request shows of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownDevice {
    /// What its bound cookie says, where one of ours came: whoever asks has checked its MAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<BoundCookie>,
    /// How long such cookies live.
    pub life: Seconds,
    /// Where it comes from, where no cookie of ours came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// What the object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceReply {
    /// The session is bound, or was proved, like this now.
    Bound(Box<DeviceBinding>),
    /// It is bound to a key already.
    AlreadyBound,
    /// It began too long ago.
    TooLate,
    /// The proof is for a generation that is over; the binding as it is.
    Outdated(Box<DeviceBinding>),
    /// It is let in without a proof for a moment.
    Graced(Box<DeviceBinding>),
    /// It was let in so before, or has not proved its key for too long to have signed too often.
    Spent,
    /// It comes from elsewhere than the proofs did: the session has ended.
    Mismatch,
    /// There is no such session, or it is bound to nothing.
    Gone,
}
