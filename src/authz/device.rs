//! `require.device`: a session that is bound to a device, or a proof of its key for this very request.
//!
//! Nobody but a person's browser has such a session: no token, no key and no agent meets it.

use super::Denial;
use crate::authn::Principal;
use crate::route::DeviceRequirement;
use crate::session::device::PROOF_COUNTS;
use crate::time::{Seconds, Timestamp};

/// What of it is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceShortfall {
    /// The caller has no session, or one that is bound to no device.
    Unbound,
    /// The key was not proved a moment ago.
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
        Some(DeviceRequirement::Bound) => proved_at(principal).map(|_| ()),
        Some(DeviceRequirement::Now) => proven(principal, PROOF_COUNTS, now),
    }
}

/// Whether the key was proved so long ago at most.
///
/// # Errors
/// When it was not, or the session is bound to no device.
pub fn proven(principal: &Principal, within: Seconds, now: Timestamp) -> Result<(), Denial> {
    let is_fresh = proved_at(principal)?.is_some_and(|at| now.since(at) <= within);
    if is_fresh { Ok(()) } else { Err(Denial::Device(DeviceShortfall::ProofTooOld)) }
}

/// When the key was proved last of the device that the session is bound to; `None`: let in without.
fn proved_at(principal: &Principal) -> Result<Option<Timestamp>, Denial> {
    let device = principal.session().and_then(|session| session.device).filter(|_| principal.is_in_person());
    device.map(|device| device.proved_at).ok_or(Denial::Device(DeviceShortfall::Unbound))
}
