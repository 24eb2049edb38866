//! Why a browser does not bind a session to its device, or does not go on with one that it bound.

use super::problem::Refusal;
use crate::session::device::proof::ProofFault;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The proof of the key that is to be registered.
    Registration(ProofFault),
    /// A further proof; or there is none yet, and what it is to sign comes with the answer.
    Refresh(ProofFault),
    /// The key was proved for a generation that is over.
    Outdated,
    /// The session is bound to a key already.
    AlreadyBound,
    /// The sign-in was too long ago.
    TooLate,
    /// The request does not say which session the browser means.
    NoSession,
    /// Too many come from there: not now, and that says nothing of the binding.
    Busy,
}

impl DeviceError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refresh(ProofFault::Missing) => "device.challenged",
            Self::Registration(fault) | Self::Refresh(fault) => fault.code(),
            Self::Outdated => "device.proof_used",
            Self::AlreadyBound => "device.already_bound",
            Self::TooLate => "device.too_late",
            Self::NoSession => "device.session_unnamed",
            Self::Busy => "device.limited",
        }
    }

    /// Whether the browser is to sign another challenge.
    #[must_use]
    pub const fn wants_challenge(self) -> bool {
        match self {
            Self::Refresh(fault) => fault.wants_challenge(),
            Self::Outdated => true,
            Self::Registration(_) | Self::AlreadyBound | Self::TooLate | Self::NoSession | Self::Busy => false,
        }
    }

    pub(super) const fn refusal(self) -> Refusal {
        match self {
            Self::Registration(_) | Self::NoSession => Refusal::BadRequest,
            Self::Refresh(_) | Self::Outdated | Self::AlreadyBound | Self::TooLate => Refusal::Forbidden(Vec::new()),
            Self::Busy => Refusal::Unavailable,
        }
    }
}
