//! `require.device`: a session that is bound to a device, or a proof of its key for this very request.
//!
//! Nobody but a person's browser has such a session: no token, no key and no agent meets it.

use super::Denial;
use crate::authn::Principal;
use crate::route::DeviceRequirement;
use crate::session::device::PROOF_COUNTS;
use crate::time::Timestamp;

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
    let Some(required) = required else { return Ok(()) };
    let device = principal.session().and_then(|session| session.device).filter(|_| principal.is_in_person());
    let Some(device) = device else { return Err(Denial::Device(DeviceShortfall::Unbound)) };
    let is_fresh = device.proved_at.is_some_and(|at| now.since(at) <= PROOF_COUNTS);
    match required {
        DeviceRequirement::Now if !is_fresh => Err(Denial::Device(DeviceShortfall::ProofTooOld)),
        DeviceRequirement::Now | DeviceRequirement::Bound => Ok(()),
    }
}
