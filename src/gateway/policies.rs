//! Door 2, where a route asks the policies as well: whatever they cannot answer is a no.

use super::Platform;
use super::turn::Turn;
use crate::audit::Event;
use crate::authn::Principal;
use crate::authz::Decision;
#[cfg(not(feature = "policies"))]
use crate::authz::Denial;
use crate::route::{CanonicalPath, Guard, Matched};

/// What is asked for.
pub(super) struct Asked<'a> {
    #[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at it"))]
    pub(super) path: &'a CanonicalPath,
    pub(super) matched: &'a Matched<'a>,
    pub(super) guard: &'a Guard,
    /// Those of the route's facts that hold.
    #[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at it"))]
    pub(super) facts: &'a [String],
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
use built_in::ask;
#[cfg(feature = "policies")]
pub(super) use built_in::{failed, loaded, trial};

#[cfg(feature = "policies")]
mod built_in {
    use std::rc::Rc;

    use super::{Asked, Decision, Event, Platform, Principal, Turn};
    use crate::audit::{Outcome as Ending, What};
    use crate::authz::{Denial, Shortfall, StepUp};
    use crate::gateway::Gateway;
    use crate::gateway::errand::{Errand, Errands, Wanted};
    use crate::gateway::landing::landing;
    use crate::gateway::renewal::background_event;
    use crate::http::StatusCode;
    use crate::policy::{
        ContextFacts, Difference, Loaded, PolicyDecision, PolicyInput, PrincipalFacts, PullError, ResourceFacts,
        Verdict,
    };
    use crate::ports::{Clock, Log};
    use crate::time::Seconds;

    /// How long a request waits that has nothing to go on with: longer than the store may take for all that is read.
    const PATIENCE_MS: u32 = 7_000;

    /// `None` when they allow it.
    pub(super) async fn ask<P: Platform>(
        turn: &Turn<'_, P>,
        asked: &Asked<'_>,
        principal: &Principal,
        event: &mut Event,
    ) -> Option<Decision> {
        let loaded = loaded(turn).await;
        event.policy_pull = turn.site.policies.trouble();
        let Some(loaded) = loaded else {
            return Some(Decision::Deny(Denial::Policy("policy.none_loaded", String::new())));
        };
        let input = PolicyInput {
            principal: PrincipalFacts::from(principal),
            method: &turn.request.head.method,
            resource: ResourceFacts::of(asked.path, asked.matched, principal),
            context: ContextFacts { now: turn.request.now, peer: &turn.request.head.peer, relations: asked.facts },
        };
        let (decision, difference) = loaded.decide(&input);
        note(event, &decision, difference.as_ref());
        refusal(decision)
    }

    /// Those that count now. Who finds that it is time has them looked after; nobody waits for that who has some.
    pub(in crate::gateway) async fn loaded<P: Platform>(turn: &Turn<'_, P>) -> Option<Rc<Loaded>> {
        let standing = turn.site.policies.standing(turn.platform.clock().now());
        let landings = turn.site.policies.landings();
        if standing.pull {
            turn.platform.errands().start(Errand(Wanted::Policies));
        }
        if standing.loaded.is_some() || !standing.awaited {
            return standing.loaded;
        }
        landing(turn.platform.timer(), landings, || turn.site.policies.landings(), PATIENCE_MS).await;
        turn.site.policies.standing(turn.platform.clock().now()).loaded
    }

    impl Gateway {
        /// After the isolate's first request, whatever that was: who asks the policies first should not have to wait for
        /// all that reading them takes. Reading takes the isolate's time, so nothing of that request is left to wait for it.
        pub(in crate::gateway) fn look_ahead<P: Platform>(&self, platform: &P) {
            if self.asks_policies && self.policies.untouched(platform.clock().now()) {
                platform.errands().start(Errand(Wanted::Policies));
            }
        }

        /// Looks at what is published. Writes an event when that is something else than before, or could not be had.
        pub(in crate::gateway) async fn pull_policies<P: Platform>(&self, platform: &P) {
            let mut event = background_event(&self.config, platform, What::PolicyPull);
            let fails = |event: &mut Event, why: &PullError| {
                event.end(Ending::Deny, why.code(), StatusCode::SERVICE_UNAVAILABLE);
                event.detail = why.detail();
            };
            match self.policies.pull(platform.policy_store(), platform.clock().now()).await {
                Ok(pulled) if !pulled.changed && pulled.amiss.is_none() => return,
                Ok(pulled) => {
                    if pulled.changed {
                        pulled.loaded.rehearse();
                    }
                    event.end(Ending::Allow, "policy.loaded", StatusCode::OK);
                    event.policy_version = Some(pulled.loaded.pointer().live.to_string());
                    if let Some(why) = &pulled.amiss {
                        fails(&mut event, why);
                    }
                }
                Err(why) => fails(&mut event, &why),
            }
            platform.log().line(&event.to_line());
        }
    }

    fn note(event: &mut Event, decision: &PolicyDecision, difference: Option<&Difference>) {
        event.policy_version = Some(decision.version.to_string());
        event.policies.clone_from(&decision.policies);
        event.policy_trial = difference.map(trial);
    }

    /// What the version on trial would have said, for the log.
    pub(in crate::gateway) fn trial(difference: &Difference) -> String {
        let shadow = &difference.shadow;
        format!("{} {} {}", shadow.verdict.code(), shadow.policies.join(" "), shadow.version.short())
    }

    /// The policies that could not be evaluated, for the log. Which, not how: that may quote what is known of the caller.
    pub(in crate::gateway) fn failed(decision: PolicyDecision) -> Option<String> {
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
