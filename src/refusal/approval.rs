//! Why a call that needs an approval does not go on, or an approval is not given.

use super::problem::Refusal;
use crate::time::Seconds;

/// Why a call does not go on, or an approval is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalRefusal {
    /// Somebody is asked since now, at this address; for so long.
    Asked(String, Seconds),
    /// Somebody was asked before, at this address; for so long yet.
    Pending(String, Seconds),
    /// Somebody has said no; so long it is not asked again.
    Denied(Seconds),
    /// So many calls of the grant wait that no more are asked about; in so long fewer may.
    TooMany(Seconds),
    /// The caller has no grant of a person's: nobody could be asked.
    NoGrant,
    /// The call says more than anybody reads.
    TooLarge,
    /// There is no such approval, or not any more.
    Unknown,
    /// Whoever asks is none of those who decide.
    NotApprover,
    /// It was decided before.
    Over,
}

impl ApprovalRefusal {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Asked(..) => "approval.asked",
            Self::Pending(..) => "approval.pending",
            Self::Denied(_) => "approval.denied",
            Self::TooMany(_) => "approval.too_many",
            Self::NoGrant => "approval.no_grant",
            Self::TooLarge => "approval.too_large",
            Self::Unknown => "approval.unknown",
            Self::NotApprover => "approval.not_an_approver",
            Self::Over => "approval.over",
        }
    }

    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Asked(url, wait) | Self::Pending(url, wait) => Refusal::ApprovalRequired(url.clone(), *wait),
            Self::Denied(wait) => Refusal::ApprovalDenied(*wait),
            Self::TooMany(wait) => Refusal::TooManyRequests(*wait),
            Self::NoGrant | Self::TooLarge | Self::NotApprover => Refusal::Forbidden(Vec::new()),
            Self::Unknown => Refusal::NotFound,
            Self::Over => Refusal::Conflict,
        }
    }
}
