//! Who decides about what services ask. Nobody who knows anything of it: no.

#[cfg(feature = "policies")]
use std::rc::Rc;

use super::Platform;
#[cfg(feature = "policies")]
use super::policies::{failed, loaded, trial};
use super::turn::Turn;
use crate::audit::{Evaluated, Event};
use crate::authzen::Evaluation;
#[cfg(feature = "policies")]
use crate::policy::Loaded;

/// The same for all questions of one request, so that no two of them are decided by different versions.
pub(super) struct Judges {
    #[cfg(feature = "policies")]
    policies: Option<Rc<Loaded>>,
}

#[cfg(feature = "policies")]
impl Judges {
    /// Those that count now; the event tells which.
    pub(super) async fn at_hand<P: Platform>(turn: &Turn<'_, P>, event: &mut Event) -> Self {
        let policies = loaded(turn).await;
        event.policy_pull = turn.policies.trouble();
        event.policy_version = policies.as_ref().map(|loaded| loaded.pointer().live.to_string());
        Self { policies }
    }

    /// The answer, and what is noted of it.
    pub(super) fn judge(&self, asked: &Evaluation) -> Evaluated {
        let Some(policies) = &self.policies else { return Evaluated::denied(asked, "policy.none_loaded") };
        let (decision, difference) = policies.evaluate(asked);
        let mut evaluated = Evaluated::denied(asked, decision.verdict.code());
        evaluated.decision = decision.allows();
        evaluated.by(&decision.policies);
        evaluated.detail = failed(decision);
        evaluated.policy_trial = difference.as_ref().map(trial);
        evaluated
    }
}

#[cfg(not(feature = "policies"))]
impl Judges {
    /// None.
    pub(super) async fn at_hand<P: Platform>(_: &Turn<'_, P>, _: &mut Event) -> Self {
        Self {}
    }

    /// No.
    pub(super) fn judge(&self, asked: &Evaluation) -> Evaluated {
        Evaluated::denied(asked, "policy.none_built_in")
    }
}
