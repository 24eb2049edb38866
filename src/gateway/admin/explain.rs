//! What would be decided, for those who ask why.

use serde_json::{Map, Value, json};

use super::Done;
use super::request::Order;
use crate::explain::{self, Case, Context, Explanation, Reading, Who, words};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::{policies, relations};
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::store::decision_log::{self, DecisionLog};

/// Claims may be many.
pub(super) const MAX_BYTES: usize = 32 * 1024;
/// Who is nobody.
const NOBODY: &str = "nobody";

/// What is to be explained that nobody has asked for yet.
pub(super) struct Supposition<'a> {
    /// Who would ask; `None`: nobody.
    pub(super) who: Option<Map<String, Value>>,
    /// Such as `GET /api/orders/7`.
    pub(super) request: &'a str,
    /// When, and from where; now and from nowhere where it is not said.
    pub(super) context: Option<Value>,
}

/// `POST /auth/admin/explain`: `{ "who": { "provider": "corp", "claims": { … } }, "request": "GET /api/orders/7" }`, and
/// `context` where that matters.
pub(super) async fn suppose<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["who", "request", "context"], MAX_BYTES).await?;
    let request = order.text("request").ok_or(Reason::BadInput("request"))?;
    let who = match order.get("who") {
        Some(Value::String(nobody)) if nobody == NOBODY => None,
        Some(Value::Object(members)) => Some(members.clone()),
        _ => return Err(Reason::BadInput("who")),
    };
    let context = order.get("context").cloned();
    match verdict(ctx, Supposition { who, request, context }, parts).await {
        Ok(verdict) => Ok(Done::read(&verdict.to_json())),
        Err(why) => Ok(Done::unacceptable(ctx, &[why])),
    }
}

/// `GET /auth/admin/decisions/{id}`: the event of a request, and what its reason means.
///
/// # Errors
/// When it is not kept, or not any more.
pub(super) async fn recall<P: Platform>(ctx: &RequestContext<'_, P>, id: &str) -> Result<Value, Reason> {
    let event = recalled(ctx, id).await?;
    let because = event.get("reason").and_then(Value::as_str).and_then(words::of);
    Ok(json!({ "decision": event, "because": because }))
}

/// The event of a request.
///
/// # Errors
/// When it is not kept, or not any more.
pub(super) async fn recalled<P: Platform>(ctx: &RequestContext<'_, P>, id: &str) -> Result<Value, Reason> {
    if ctx.site.config.decisions.is_none() || !decision_log::is_id(id) {
        return Err(Reason::NoSuchDecision);
    }
    let line = ctx.platform.decisions().kept(id).await.map_err(Reason::Store)?.ok_or(Reason::NoSuchDecision)?;
    serde_json::from_str(&line).map_err(|_| Reason::Store(StoreError::Malformed))
}

/// What would be decided.
///
/// # Errors
/// When the question cannot be read: why, for whoever asks it.
pub(super) async fn verdict<P: Platform>(
    ctx: &RequestContext<'_, P>,
    supposition: Supposition<'_>,
    parts: &mut ResponseParts,
) -> Result<Explanation, String> {
    let Supposition { who, request, context } = supposition;
    let context =
        context.map(serde_json::from_value::<Context>).transpose().map_err(|error| format!("context: {error}"))?;
    let context = context.unwrap_or_default();
    let now = context.now()?.unwrap_or(ctx.request.now);
    let who = who.map(|who| serde_json::from_value::<Who>(who.into()).map_err(|error| format!("who: {error}")));
    let hypothetical = who.transpose()?.map(|who| who.suppose(&ctx.site.config, now)).transpose()?;
    match explain::read(&ctx.site.config, hypothetical.as_ref(), request, now)? {
        Reading::Refused(verdict) => Ok(verdict),
        Reading::Case(case) => Ok(asked(ctx, (&case, &context), parts).await),
    }
}

/// Policies are asked with the facts that hold.
async fn asked<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (case, context): (&Case<'_>, &Context),
    parts: &mut ResponseParts,
) -> Explanation {
    let verdict = case.decide();
    let found = match case.relations(&verdict, &ctx.site.config.relations) {
        None => return by_policies(ctx, (case, context), (verdict, &[]), parts).await,
        Some(Err(denial)) => Err(denial),
        Some(Ok(questions)) => match relations::find_out(ctx.platform.tuples(), questions, &mut parts.event).await {
            Ok(found) => found,
            Err(_) => return verdict.without_relations(),
        },
    };
    let verdict = verdict.with_relations(&found);
    by_policies(ctx, (case, context), (verdict, &found.unwrap_or_default()), parts).await
}

async fn by_policies<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (case, context): (&Case<'_>, &Context),
    (verdict, facts): (Explanation, &[String]),
    parts: &mut ResponseParts,
) -> Explanation {
    // Without an engine the configuration refuses a route that asks them.
    let policies = ctx.site.policies.as_ref().filter(|_| verdict.because == Explanation::TO_BE_ASKED);
    let Some(policies) = policies else { return verdict };
    let peer = context.peer();
    let loaded = policies::loaded(ctx, policies).await;
    parts.event.policy_pull = policies.trouble();
    match (loaded, case.for_policies(&peer, facts)) {
        (Some(loaded), Some(input)) => verdict.with_policies(loaded.decide(&input).0),
        _ => verdict.without_policies(),
    }
}
