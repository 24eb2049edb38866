//! Evaluates what services ask: by the relations, where they know what is asked about; else by the policies. Where neither
//! knows anything of it, the answer is no.

use std::rc::Rc;

use super::blocked;
use crate::audit::{Evaluated, Event};
use crate::authzen::{Entity, Evaluation};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::policies::{failed, loaded, trial};
use crate::gateway::guard::relations;
use crate::policy::Loaded;
use crate::refusal::Reason;
use crate::relation::{self, CheckResult, KnownTuples, Name, Subject, Userset};
use crate::time::Seconds;

/// As old as a copy of the block list is that was asked for by the same request.
const THIS_REQUEST: Seconds = Seconds::new(1);

/// The same for all questions of one request, so that no two of them are decided by different versions, and all share one
/// budget.
pub(super) struct Evaluator {
    policies: Published,
    /// What was read of relations.
    known: KnownTuples,
}

/// The policies that services may ask.
enum Published {
    /// Those that count now.
    Loaded(Rc<Loaded>),
    /// None are at hand.
    NoneLoaded,
    /// There is no engine.
    NoEngine,
}

impl Evaluator {
    /// The answer, and what is noted of it. A question that the relations know is theirs alone: its resource is of a type
    /// of `RELATIONS`, and its action one of that type's relations.
    ///
    /// # Errors
    /// When the tuples cannot be had.
    pub(crate) async fn evaluate<P: Platform>(
        &mut self,
        ctx: &RequestContext<'_, P>,
        asked: &Evaluation,
        event: &mut Event,
    ) -> Result<Evaluated, Reason> {
        // Who asks was held against it a moment ago.
        let list = ctx.block_list(Some(THIS_REQUEST)).await?.filter(|list| !list.is_empty());
        let now = ctx.request.now;
        if let Some(by) = list.and_then(|list| blocked::find(&ctx.site.config, &asked.subject, &list, now)) {
            return Ok(Evaluated::denied(asked, by.code()));
        }
        let named = Name::parse(&asked.resource.kind).zip(Name::parse(&asked.action.name));
        match named.filter(|(kind, relation)| ctx.site.config.relations.has(kind, relation)) {
            Some((_, relation)) => related(ctx, (asked, relation), &mut self.known, event).await,
            None => Ok(self.by_policies(asked)),
        }
    }
}

/// Whether the subject stands in this relation to the resource. What a service says of them besides counts for nothing
/// here: what is stored does.
async fn related<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (asked, relation): (&Evaluation, Name),
    known: &mut KnownTuples,
    event: &mut Event,
) -> Result<Evaluated, Reason> {
    let named = |entity: &Entity| {
        let kind = Name::parse(&entity.kind)?;
        let text = format!("{}:{}", kind.as_str(), entity.id);
        relation::object(&text, &|id| ctx.site.config.named_issuer(id)).ok()
    };
    let Some((object, subject)) = named(&asked.resource).zip(named(&asked.subject)) else {
        return Ok(Evaluated::denied(asked, "relation.unreadable"));
    };
    let (userset, subject) = (Userset { object, relation }, Subject::Object(subject));
    let model = &ctx.site.config.relations;
    let found = relations::check(ctx.platform.tuples(), model, (&userset, &subject), known).await;
    let (outcome, rounds, reads) = found.map_err(Reason::Store)?;
    event.relation_rounds = Some(event.relation_rounds.unwrap_or_default() + rounds);
    event.relation_reads = Some(event.relation_reads.unwrap_or_default() + reads);
    Ok(match outcome {
        CheckResult::Yes => Evaluated { decision: true, ..Evaluated::denied(asked, "relation.holds") },
        CheckResult::Unanswerable(why) => Evaluated::denied(asked, why.code()),
        CheckResult::No | CheckResult::Wants(_) => Evaluated::denied(asked, "relation.missing"),
    })
}

impl Evaluator {
    /// Those that count now; the event tells which.
    pub(crate) async fn at_hand<P: Platform>(ctx: &RequestContext<'_, P>, event: &mut Event) -> Self {
        let Some(policies) = &ctx.site.policies else { return Self::by(Published::NoEngine) };
        let loaded = loaded(ctx, policies).await;
        event.policy_pull = policies.trouble();
        event.policy_version = loaded.as_ref().map(|loaded| loaded.pointer().live.to_string());
        Self::by(loaded.map_or(Published::NoneLoaded, Published::Loaded))
    }

    fn by(policies: Published) -> Self {
        Self { policies, known: KnownTuples::default() }
    }

    fn by_policies(&self, asked: &Evaluation) -> Evaluated {
        let policies = match &self.policies {
            Published::Loaded(policies) => policies,
            Published::NoneLoaded => return Evaluated::denied(asked, "policy.none_loaded"),
            Published::NoEngine => return Evaluated::denied(asked, "policy.none_bound"),
        };
        let (decision, difference) = policies.evaluate(asked);
        let mut evaluated = Evaluated::denied(asked, decision.verdict.code());
        evaluated.decision = decision.allows();
        evaluated.by(&decision.policies);
        evaluated.detail = failed(decision);
        evaluated.policy_trial = difference.as_ref().map(trial);
        evaluated
    }
}
