//! Door 2, where a route asks the policies as well: whatever they cannot answer is a no.

use super::Platform;
use super::turn::Turn;
use crate::audit::{Evaluated, Event};
use crate::authn::Principal;
use crate::authz::Decision;
#[cfg(not(feature = "policies"))]
use crate::authz::Denial;
#[cfg(not(feature = "policies"))]
use crate::authzen::Evaluation;
use crate::route::{CanonicalPath, Guard, Matched};

/// What is asked for.
pub(super) struct Asked<'a> {
    #[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at it"))]
    pub(super) path: &'a CanonicalPath,
    pub(super) matched: &'a Matched<'a>,
    pub(super) guard: &'a Guard,
}

/// Asks the policies where the route wants that and its requirements are met: they may only take away.
pub(super) async fn also<P: Platform>(
    turn: &Turn<'_, P>,
    decision: Decision,
    asked: Asked<'_>,
    principal: &Principal,
    event: &mut Event,
) -> Decision {
    match decision {
        Decision::Allow(permit) if asked.guard.policy => match ask(turn, &asked, principal, event).await {
            None => Decision::Allow(permit),
            Some(refusal) => refusal,
        },
        decision => decision,
    }
}

/// The configuration refuses such a route; should it come here all the same, nobody passes.
#[cfg(not(feature = "policies"))]
async fn ask<P: Platform>(_: &Turn<'_, P>, _: &Asked<'_>, _: &Principal, _: &mut Event) -> Option<Decision> {
    Some(Decision::Deny(Denial::Policy("policy.none_built_in", String::new())))
}

#[cfg(feature = "policies")]
pub(super) use built_in::Judges;
#[cfg(feature = "policies")]
use built_in::ask;

/// Whoever decides about what services ask: here nobody, so the answer is no.
#[cfg(not(feature = "policies"))]
pub(super) struct Judges;

#[cfg(not(feature = "policies"))]
impl Judges {
    pub(super) async fn at_hand<P: Platform>(_: &Turn<'_, P>, _: &mut Event) -> Self {
        Self
    }

    pub(super) fn judge(&self, asked: &Evaluation) -> Evaluated {
        Evaluated::denied(asked, "policy.none_built_in")
    }
}

#[cfg(feature = "policies")]
mod built_in {
    use std::rc::Rc;

    use super::{Asked, Decision, Evaluated, Event, Platform, Principal, Turn};
    use crate::authz::{Denial, Shortfall, StepUp};
    use crate::authzen::Evaluation;
    use crate::policy::{
        ContextFacts, Difference, Loaded, PolicyDecision, PolicyInput, PrincipalFacts, PullError, ResourceFacts,
        Standing, Verdict,
    };
    use crate::time::Seconds;

    /// `None` when they allow it.
    pub(super) async fn ask<P: Platform>(
        turn: &Turn<'_, P>,
        asked: &Asked<'_>,
        principal: &Principal,
        event: &mut Event,
    ) -> Option<Decision> {
        let Some(loaded) = loaded(turn, event).await else {
            return Some(Decision::Deny(Denial::Policy("policy.none_loaded", String::new())));
        };
        let input = PolicyInput {
            principal: PrincipalFacts::from(principal),
            method: &turn.head.method,
            resource: ResourceFacts {
                route: &asked.matched.route.name,
                path: asked.path.as_str(),
                params: &asked.matched.params,
                tenant: None,
            },
            context: ContextFacts { now: turn.now, peer: &turn.head.peer },
        };
        let (decision, difference) = loaded.decide(&input);
        note(event, &decision, difference.as_ref());
        refusal(decision)
    }

    /// Those that count now. Who finds them due for a look at the store looks; the others go on meanwhile.
    async fn loaded<P: Platform>(turn: &Turn<'_, P>, event: &mut Event) -> Option<Rc<Loaded>> {
        let before = match turn.policies.standing(turn.now) {
            Standing::Fresh(loaded) => return Some(loaded),
            Standing::Due(loaded) => Some(loaded),
            Standing::Absent => None,
        };
        match turn.policies.pull(turn.platform, turn.now).await {
            Ok((loaded, amiss)) => {
                event.policy_pull = amiss.as_ref().map(PullError::code);
                Some(loaded)
            }
            Err(why) => {
                event.policy_pull = Some(why.code());
                before
            }
        }
    }

    fn note(event: &mut Event, decision: &PolicyDecision, difference: Option<&Difference>) {
        event.policy_version = Some(decision.version.to_string());
        event.policies.clone_from(&decision.policies);
        event.policy_trial = difference.map(trial);
    }

    fn trial(difference: &Difference) -> String {
        let shadow = &difference.shadow;
        format!("{} {} {}", shadow.verdict.code(), shadow.policies.join(" "), shadow.version.short())
    }

    /// The policies that decide about what services ask, the same for all questions of one request.
    pub(in crate::gateway) struct Judges(Option<Rc<Loaded>>);

    impl Judges {
        pub(in crate::gateway) async fn at_hand<P: Platform>(turn: &Turn<'_, P>, event: &mut Event) -> Self {
            let loaded = loaded(turn, event).await;
            event.policy_version = loaded.as_ref().map(|loaded| loaded.pointer().live.to_string());
            Self(loaded)
        }

        pub(in crate::gateway) fn judge(&self, asked: &Evaluation) -> Evaluated {
            let Some(loaded) = &self.0 else { return Evaluated::denied(asked, "policy.none_loaded") };
            let (decision, difference) = loaded.evaluate(asked);
            let mut evaluated = Evaluated::denied(asked, decision.verdict.code());
            evaluated.decision = decision.allows();
            evaluated.by(&decision.policies);
            evaluated.detail = failed(decision);
            evaluated.policy_trial = difference.as_ref().map(trial);
            evaluated
        }
    }

    /// Which, not how: that may quote what is known of the caller.
    fn failed(decision: PolicyDecision) -> Option<String> {
        let names: Vec<String> = decision.failures.into_iter().map(|failure| failure.policy).collect();
        Some(names.join(" ")).filter(|names| !names.is_empty())
    }

    fn refusal(decision: PolicyDecision) -> Option<Decision> {
        let code = decision.verdict.code();
        match decision.verdict {
            Verdict::Allow => None,
            Verdict::Deny(_) => Some(Decision::Deny(Denial::Policy(code, failed(decision).unwrap_or_default()))),
            Verdict::StepUp(wanted) => {
                let shortfall = if wanted.acr_values.is_empty() { Shortfall::TooOld } else { Shortfall::Acr };
                let max_age = wanted.max_age.map(Seconds::new);
                Some(Decision::StepUp(StepUp { acr_values: wanted.acr_values, max_age, shortfall }))
            }
        }
    }
}
