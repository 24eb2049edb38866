//! `require.device`: a session that is bound to a device, or a proof of its key for this very request.
//!
//! Nobody but a person's browser has such a session: no token, no key and no agent meets it.

use super::Denial;
use crate::authn::Principal;
use crate::route::DeviceRequirement;
use crate::session::device::{DeviceFacts, PROOF_COUNTS, RACE};
use crate::time::{Seconds, Timestamp};

/// What of it is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceShortfall {
    /// The caller has no session, or one that is bound to no device.
    Unbound,
    /// The key was not proved a moment ago, or not at all where the browser was let in without.
    ProofTooOld,
}

impl DeviceShortfall {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unbound => "authz.device_unbound",
            Self::ProofTooOld => "authz.device_proof_too_old",
        }
    }
}

/// Whether the device is what the route asks for. A proof that the browser made for one request counts for others for a
/// moment: it may not sign often.
///
/// # Errors
/// When it is not.
pub fn decide(principal: &Principal, required: Option<DeviceRequirement>, now: Timestamp) -> Result<(), Denial> {
    match required {
        None => Ok(()),
        Some(DeviceRequirement::Bound) => bound(principal, now),
        Some(DeviceRequirement::Now) => proven(principal, PROOF_COUNTS, now),
    }
}

/// Whether the key was proved so long ago at most.
///
/// # Errors
/// When it was not, or the session is bound to no device.
pub fn proven(principal: &Principal, within: Seconds, now: Timestamp) -> Result<(), Denial> {
    let is_fresh = device(principal)?.proved_at.is_some_and(|at| now.since(at) <= within);
    counts(is_fresh)
}

/// What a browser sent before it had the answer to its registration counts; one that is let in since, because it may not sign,
/// does not: nobody knows that it has the key.
fn bound(principal: &Principal, now: Timestamp) -> Result<(), Denial> {
    let device = device(principal)?;
    counts(device.proved_at.is_some() || now.since(device.bound_at) < RACE)
}

const fn counts(is_proven: bool) -> Result<(), Denial> {
    if is_proven { Ok(()) } else { Err(Denial::Device(DeviceShortfall::ProofTooOld)) }
}

/// What the request shows of the device that the session is bound to.
fn device(principal: &Principal) -> Result<DeviceFacts, Denial> {
    let device = principal.session().and_then(|session| session.device).filter(|_| principal.is_in_person());
    device.ok_or(Denial::Device(DeviceShortfall::Unbound))
}
