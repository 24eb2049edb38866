//! Why a second factor is not added, changed or accepted.

use super::Refusal;
use crate::session::second::SecondRefusal;
use crate::time::Seconds;
use crate::webauthn::CeremonyError;

/// Why a second factor is not added, changed or accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondError {
    /// A code is not the one that is expected, or was used before.
    WrongCode,
    /// Too many were wrong: none of this kind is looked at for so long.
    Locked(Seconds),
    /// The secret that a form brings back is not of this session, or too old, or was used.
    PendingOver,
    /// The site offers no factors of this kind.
    NotOffered,
    /// It was proven again and again, and led back each time.
    InVain,
    /// What a browser says of a passkey is not good.
    Passkey(CeremonyError),
    /// The person's object says why.
    Refused(SecondRefusal),
}

impl SecondError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongCode => "second.wrong_code",
            Self::Locked(_) => "second.locked",
            Self::PendingOver => "second.pending_over",
            Self::NotOffered => "second.not_offered",
            Self::InVain => "second.in_vain",
            Self::Passkey(error) => error.code(),
            Self::Refused(refusal) => match refusal {
                SecondRefusal::SignInNeeded => "second.sign_in_needed",
                SecondRefusal::ProofNeeded => "second.proof_needed",
                SecondRefusal::OtherProofNeeded => "second.other_proof_needed",
                SecondRefusal::TooMany => "second.too_many",
                SecondRefusal::AlreadyThere => "second.already_there",
                SecondRefusal::NotThere => "second.not_there",
                SecondRefusal::CountWentBack => "second.count_went_back",
                SecondRefusal::BackupChanged => "second.backup_changed",
                SecondRefusal::Malformed => "second.malformed",
            },
        }
    }

    pub(super) const fn refusal(self) -> Refusal {
        match self {
            Self::Locked(wait) => Refusal::TooManyRequests(wait),
            Self::PendingOver | Self::Refused(SecondRefusal::Malformed) => Refusal::BadRequest,
            Self::NotOffered | Self::Refused(SecondRefusal::NotThere) => Refusal::NotFound,
            Self::InVain | Self::Refused(SecondRefusal::SignInNeeded) => Refusal::Forbidden(Vec::new()),
            Self::Refused(SecondRefusal::TooMany | SecondRefusal::AlreadyThere) => Refusal::Conflict,
            Self::WrongCode
            | Self::Passkey(_)
            | Self::Refused(
                SecondRefusal::ProofNeeded
                | SecondRefusal::OtherProofNeeded
                | SecondRefusal::CountWentBack
                | SecondRefusal::BackupChanged,
            ) => Refusal::FactorRefused,
        }
    }
}
