//! What would be decided, for those who ask why.

use serde_json::{Map, Value, json};

use super::Done;
use super::authorize::Manager;
use super::endpoints::{CHECK_RELATION, LIST_BLOCKS, READ_POLICIES};
use super::request::Order;
use crate::audit;
use crate::authn::hypothetical::Hypothetical;
use crate::explain::{self, Case, Context, Explanation, Reading, Who, words};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::{policies, relations};
use crate::gateway::response_parts::ResponseParts;
use crate::json;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::{OrderError, Reason};
use crate::store::decision_log::{self, DecisionLog};
use crate::time::Timestamp;

/// Claims may be many.
pub(super) const MAX_BYTES: usize = 32 * 1024;
/// Who is nobody.
const NOBODY: &str = "nobody";
/// Who has no name.
const SOMEBODY: &str = "somebody";

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
    manager: &Manager,
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
    match verdict(ctx, manager, Supposition { who, request, context }, parts).await? {
        Ok(verdict) => Ok(Done::read(&verdict.to_json())),
        Err(why) => Ok(Done::unacceptable(ctx, &[why])),
    }
}

/// `GET /auth/admin/decisions/{id}`: the event of a request, and what its reason means.
///
/// # Errors
/// When it is not kept, or not any more.
pub(super) async fn recall<P: Platform>(
    ctx: &RequestContext<'_, P>,
    id: &str,
    parts: &mut ResponseParts,
) -> Result<Value, Reason> {
    let event = recalled(ctx, id, parts).await?;
    let because = event.get("reason").and_then(Value::as_str).and_then(words::of);
    Ok(json!({ "decision": event, "because": because }))
}

/// The event of a request. Which one is looked at is noted, and who that is about.
///
/// # Errors
/// When it is not kept, or not any more.
pub(super) async fn recalled<P: Platform>(
    ctx: &RequestContext<'_, P>,
    id: &str,
    parts: &mut ResponseParts,
) -> Result<Value, Reason> {
    if !decision_log::is_id(id) {
        return Err(Reason::Order(OrderError::NoSuchDecision));
    }
    parts.event.target = Some(id.to_owned());
    if ctx.site.config.decisions.is_none() {
        return Err(Reason::Order(OrderError::NoSuchDecision));
    }
    let line = ctx
        .platform
        .decisions()
        .kept(id)
        .await
        .map_err(Reason::Store)?
        .ok_or(Reason::Order(OrderError::NoSuchDecision))?;
    let event: Value = json::from_text(&line).map_err(|_| Reason::Store(StoreError::Malformed))?;
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    if let (Some(issuer), Some(subject)) = (text("provider").or_else(|| text("token_issuer")), text("subject")) {
        parts.event.target = Some(audit::short(&format!("{id} {issuer}|{subject}")));
    }
    Ok(event)
}

/// Whom a supposition is about, and what they would ask for.
fn supposed(who: Option<&Map<String, Value>>, request: &str) -> String {
    let Some(who) = who else { return format!("{NOBODY} {request}") };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let by = text(who.get("provider")).or_else(|| text(who.get("issuer"))).unwrap_or_default();
    let subject = who.get("claims").and_then(|claims| text(claims.get("sub"))).unwrap_or_else(|| SOMEBODY.to_owned());
    format!("{by}|{subject} {request}")
}

/// What would be decided, or why the question cannot be read. It is noted whom it is about.
///
/// # Errors
/// When whoever asks may not know all that the answer tells.
pub(super) async fn verdict<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    supposition: Supposition<'_>,
    parts: &mut ResponseParts,
) -> Result<Result<Explanation, String>, Reason> {
    let Supposition { who, request, context } = supposition;
    parts.event.target = Some(audit::short(&supposed(who.as_ref(), request)));
    let (hypothetical, context, now) = match read(ctx, who, context) {
        Ok(read) => read,
        Err(why) => return Ok(Err(why)),
    };
    match explain::read(&ctx.site.config, hypothetical.as_ref(), request, now) {
        Err(why) => Ok(Err(why)),
        Ok(Reading::Refused(verdict)) => Ok(Ok(verdict)),
        Ok(Reading::Case(case)) => asked(ctx, manager, (&case, &context), parts).await.map(Ok),
    }
}

/// Who would ask, in what surroundings, and when.
fn read<P>(
    ctx: &RequestContext<'_, P>,
    who: Option<Map<String, Value>>,
    context: Option<Value>,
) -> Result<(Option<Hypothetical>, Context, Timestamp), String> {
    let context =
        context.map(json::exactly_from_value::<Context>).transpose().map_err(|error| format!("context: {error}"))?;
    let context = context.unwrap_or_default();
    let now = context.now()?.unwrap_or(ctx.request.now);
    let who = who.map(|who| json::exactly_from_value::<Who>(who.into()).map_err(|error| format!("who: {error}")));
    let hypothetical = who.transpose()?.map(|who| who.suppose(&ctx.site.config, now)).transpose()?;
    Ok((hypothetical, context, now))
}

/// Policies are asked with the facts that hold. Which relations hold is for those to know who may ask about relations, and
/// who is blocked for those who may see the list.
async fn asked<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    (case, context): (&Case<'_>, &Context),
    parts: &mut ResponseParts,
) -> Result<Explanation, Reason> {
    let reads_policies = manager.is_allowed(ctx, READ_POLICIES).await?;
    let verdict = case.decide();
    // Whoever may not see the list learns nothing of it here.
    if ctx.has_block_list() && manager.is_allowed(ctx, LIST_BLOCKS).await? {
        let list = ctx.block_list(None).await?;
        if let Some(by) = list.and_then(|list| case.blocked(&list)) {
            return Ok(verdict.with_block(by));
        }
    }
    let found = match case.relations(&verdict, &ctx.site.config.relations) {
        None => return Ok(by_policies(ctx, (case, context), (verdict, &[]), parts).await.told(reads_policies)),
        Some(Err(denial)) => Err(denial),
        Some(Ok(questions)) => {
            manager.may_also(ctx, CHECK_RELATION, parts).await?;
            match relations::find_out(ctx.platform.tuples(), questions, &mut parts.event).await {
                Ok(found) => found,
                Err(_) => return Ok(verdict.without_relations()),
            }
        }
    };
    let verdict = verdict.with_relations(&found);
    Ok(by_policies(ctx, (case, context), (verdict, &found.unwrap_or_default()), parts).await.told(reads_policies))
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
        (Some(loaded), Some(input)) => {
            verdict.with_policies(loaded.decide(&input).0).with_nearest(|| loaded.nearest(&input))
        }
        _ => verdict.without_policies(),
    }
}
