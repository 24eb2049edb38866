//! A version that is only tried: what it would have said, where that is not what was said.

use super::decision::{Cause, PolicyDecision, PolicyVerdict};

/// Two versions disagree about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was said, and counts.
    pub live: PolicyDecision,
    /// What the version on trial would have said.
    pub shadow: PolicyDecision,
}

/// The difference that the caller, or whoever runs the policies, would have noticed; which policies decided is none.
#[must_use]
pub fn difference(live: &PolicyDecision, shadow: &PolicyDecision) -> Option<Difference> {
    let failed = |decision: &PolicyDecision| decision.verdict == PolicyVerdict::Deny(Cause::Failed);
    let noticed = match (&live.verdict, &shadow.verdict) {
        (PolicyVerdict::Deny(_), PolicyVerdict::Deny(_)) => failed(live) != failed(shadow),
        (live, shadow) => live != shadow,
    };
    noticed.then(|| Difference { live: live.clone(), shadow: shadow.clone() })
}
