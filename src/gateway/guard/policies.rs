//! Door 2, where a route asks the policies as well: whatever they cannot answer is a no.

use std::rc::Rc;

use crate::audit::{Effect, Event, What};
use crate::authn::Principal;
use crate::authz::{Decision, Denial, Shortfall, StepUp, authentication, second};
use crate::gateway::background::event::background_event;
use crate::gateway::background::wait::wait_for_change;
use crate::gateway::background::{BackgroundTask, Spawn, Work};
use crate::gateway::context::RequestContext;
use crate::gateway::{Gateway, Platform, cold};
use crate::http::StatusCode;
use crate::policy::{
    CallFacts, ContextFacts, Difference, Loaded, Policies, PolicyDecision, PolicyInput, PolicyStepUp, PolicyVerdict,
    PrincipalFacts, PullError, ResourceFacts,
};
use crate::ports::{Clock, Log};
use crate::route::{CanonicalPath, Guard, Matched, Requirements};
use crate::time::{Seconds, Timestamp};

/// How long a request waits that has nothing to go on with: longer than the store may take for all that is read.
const PATIENCE_MS: u32 = 7_000;

/// What is asked for.
pub(crate) struct PolicyQuestion<'a> {
    pub(crate) path: &'a CanonicalPath,
    pub(crate) matched: &'a Matched<'a>,
    pub(crate) guard: &'a Guard,
    /// Those of the route's facts that hold.
    pub(crate) facts: &'a [String],
}

/// Asks the policies where the route wants that and its requirements are met: they may only take away.
pub(crate) async fn also<P: Platform>(
    ctx: &RequestContext<'_, P>,
    decision: Decision,
    asked: PolicyQuestion<'_>,
    principal: &Principal,
    event: &mut Event,
) -> Decision {
    match decision {
        Decision::Allow(permit) if asked.guard.policy => match cold(ask(ctx, &asked, principal, event)).await {
            None => Decision::Allow(permit),
            Some(refusal) => refusal,
        },
        decision => decision,
    }
}

/// `None` when they allow it. Without an engine the configuration refuses such a route; if one comes here all the same,
/// nobody passes.
async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asked: &PolicyQuestion<'_>,
    principal: &Principal,
    event: &mut Event,
) -> Option<Decision> {
    let none = |code| Some(Decision::Deny(Denial::policy(code, String::new())));
    let Some(policies) = &ctx.site.policies else { return none("policy.none_bound") };
    let loaded = loaded(ctx, policies).await;
    event.policy_pull = policies.trouble();
    let Some(loaded) = loaded else { return none("policy.none_loaded") };
    let input = PolicyInput {
        principal: PrincipalFacts::of(principal, &ctx.site.config.roles),
        method: &ctx.request.head.method,
        resource: ResourceFacts::of(asked.path, asked.matched, principal),
        call: asked.matched.call.and_then(CallFacts::of),
        context: ContextFacts { now: ctx.request.now, peer: &ctx.request.head.peer, relations: asked.facts },
    };
    let (decision, difference) = loaded.decide(&input);
    note(event, &decision, difference.as_ref());
    refusal(decision, principal, ctx.request.now)
}

/// Those that count now. Who finds that it is time has them looked after; nobody waits for that who has some.
pub(crate) async fn loaded<P: Platform>(ctx: &RequestContext<'_, P>, policies: &Policies) -> Option<Rc<Loaded>> {
    let standing = policies.standing(ctx.platform.clock().now());
    let ended = policies.pulls_ended();
    if standing.pull {
        ctx.platform.background().spawn(BackgroundTask(Work::Policies));
    }
    if standing.loaded.is_some() || !standing.awaited {
        return standing.loaded;
    }
    wait_for_change(ctx.platform.timer(), ended, || policies.pulls_ended(), PATIENCE_MS).await;
    policies.standing(ctx.platform.clock().now()).loaded
}

impl Gateway {
    /// After the isolate's first request, whatever that was: who asks the policies first should not have to wait for
    /// all that reading them takes. Reading takes the isolate's time, so nothing of that request is left to wait for it.
    pub(crate) fn look_ahead<P: Platform>(&self, platform: &P) {
        let untouched = |policies: &Policies| self.asks_policies && policies.untouched(platform.clock().now());
        if self.policies.as_ref().is_some_and(untouched) {
            platform.background().spawn(BackgroundTask(Work::Policies));
        }
    }

    /// Looks at what is published. Writes an event when that is something else than before, or could not be had.
    pub(crate) async fn pull_policies<P: Platform>(&self, platform: &P) {
        let Some(policies) = &self.policies else { return };
        let mut event = background_event(&self.config, platform, What::PolicyPull);
        let fails = |event: &mut Event, why: &PullError| {
            event.end(Effect::Deny, why.code(), StatusCode::SERVICE_UNAVAILABLE);
            event.detail = why.detail();
        };
        match policies.pull(platform.policy_store(), platform.clock().now()).await {
            Ok(pulled) if !pulled.changed && pulled.amiss.is_none() => return,
            Ok(pulled) => {
                if pulled.changed {
                    pulled.loaded.rehearse();
                }
                event.end(Effect::Allow, "policy.loaded", StatusCode::OK);
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
pub(crate) fn trial(difference: &Difference) -> String {
    let shadow = &difference.shadow;
    format!("{} {} {}", shadow.verdict.code(), shadow.policies.join(" "), shadow.version.short())
}

/// The policies that could not be evaluated, for the log. Which, not how: that may quote what is known of the caller.
pub(crate) fn failed(decision: PolicyDecision) -> Option<String> {
    let names: Vec<String> = decision.failures.into_iter().map(|failure| failure.policy).collect();
    Some(names.join(" ")).filter(|names| !names.is_empty())
}

fn refusal(decision: PolicyDecision, principal: &Principal, now: Timestamp) -> Option<Decision> {
    let code = decision.verdict.code();
    match decision.verdict {
        PolicyVerdict::Allow => None,
        PolicyVerdict::Deny(_) => Some(Decision::Deny(Denial::policy(code, failed(decision).unwrap_or_default()))),
        PolicyVerdict::StepUp(wanted) => Some(Decision::StepUp(step_up(wanted, principal, now))),
    }
}

/// What the policies want. Of a sign-in and a second factor the sign-in first, unless the one at hand is as they want it: with
/// another one the session begins anew, and has no proof.
fn step_up(wanted: PolicyStepUp, principal: &Principal, now: Timestamp) -> StepUp {
    let max_age = wanted.max_age.map(Seconds::new);
    let sign_in = Requirements { acr: wanted.acr_values, max_age, ..Requirements::default() };
    let lacks_sign_in = authentication::decide(Some(principal.authentication()), &sign_in, now).err();
    match (lacks_sign_in, wanted.second.map(Seconds::new)) {
        (None, Some(age)) => {
            // It is as they want it too, or so they say: a proof of now is the most that anybody can bring.
            let lacks = second::decide_age(second::proven(principal), Some(age), now).err();
            StepUp::to_second(Some(age), lacks.unwrap_or(Shortfall::SecondTooOld))
        }
        // By which of the two they mean it is told as ever.
        _ => {
            let shortfall = if sign_in.acr.is_empty() { Shortfall::TooOld } else { Shortfall::Acr };
            StepUp { acr_values: sign_in.acr, max_age, shortfall }
        }
    }
}
