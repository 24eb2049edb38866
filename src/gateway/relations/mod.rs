//! Tuples seen, changed and asked about: by administrators, and by services that are trusted with some types.

pub(super) mod change;
pub(super) mod names;
pub(super) mod scan;

use serde_json::{Value, json};

use super::Platform;
use super::admin::request::{self, Order};
use super::context::RequestContext;
use super::guard::relations as store;
use super::response_parts::ResponseParts;
use crate::audit;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::relation::{CheckResult, KnownTuples, Model, Name, Object, Tuple, TupleStore};

/// What came of an order about tuples.
pub(super) enum Ordered<T> {
    /// This.
    Done(T),
    /// Nothing, for these reasons.
    Unacceptable(Vec<String>),
}

/// Which types whoever orders something may see and change.
pub(super) trait Trust {
    /// What a refusal of theirs is.
    type Refusal: From<Reason>;

    /// Whether they may see and change the tuples of objects of this type.
    ///
    /// # Errors
    /// When they may not.
    fn admit(&self, kind: &Name) -> Result<(), Self::Refusal>;
}

/// Without a model there is nothing to ask about.
///
/// # Errors
/// Then.
pub(super) fn model<'a, P>(ctx: &RequestContext<'a, P>) -> Result<&'a Model, Reason> {
    Some(&ctx.site.config.relations).filter(|model| !model.names(None).is_empty()).ok_or(Reason::NoRoute)
}

/// The tuples of an object, a page at a time: `object`, and `after`.
///
/// # Errors
/// When they may not be seen, are not asked for as they must be, or cannot be had.
pub(super) async fn of_object<P: Platform, T: Trust>(
    ctx: &RequestContext<'_, P>,
    order: &Order,
    trust: &T,
    parts: &mut ResponseParts,
) -> Result<Value, T::Refusal> {
    let object = order.text("object").and_then(|text| names::object(ctx, text));
    let object: Object = object.ok_or(Reason::BadInput("object"))?;
    parts.event.target = Some(audit::short(&object.to_string()));
    trust.admit(object.kind())?;
    let after = match order.text("after") {
        None => None,
        Some(text) => {
            Some(Tuple::parse(text).filter(|after| after.userset.object == object).ok_or(Reason::BadInput("after"))?)
        }
    };
    let page = ctx.platform.tuples().list_tuples(&object, after.as_ref()).await.map_err(Reason::Store)?;
    let next = page.tuples.last().filter(|_| page.more).map(ToString::to_string);
    Ok(json!({ "tuples": names::texts(&page.tuples), "next": next }))
}

/// Whether a relation holds: `{ "tuple": "document:7#viewer@user:corp|alice" }`, which need not be one that is stored.
///
/// # Errors
/// When they may not know, do not ask as they must, or nobody can tell.
pub(super) async fn check<P: Platform, T: Trust>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    trust: &T,
    parts: &mut ResponseParts,
) -> Result<Ordered<Value>, T::Refusal> {
    let model = model(ctx)?;
    let order = Order::of_body(ctx, body, &["tuple"], request::MAX_BYTES).await?;
    let text = order.text("tuple").ok_or(Reason::BadInput("tuple"))?;
    let tuple = match names::tuple(ctx, text) {
        Ok(tuple) => tuple,
        Err(problem) => return Ok(Ordered::Unacceptable(vec![problem])),
    };
    trust.admit(tuple.userset.object.kind())?;
    if let Some(problem) = names::unknown(model, &tuple) {
        return Ok(Ordered::Unacceptable(vec![problem]));
    }
    parts.event.target = Some(audit::short(&tuple.to_string()));
    let mut known = KnownTuples::default();
    let asked = (&tuple.userset, &tuple.subject);
    let found = store::check(ctx.platform.tuples(), model, asked, &mut known).await;
    let (outcome, rounds, reads) = found.map_err(Reason::Store)?;
    let unanswered = if let CheckResult::Unanswerable(why) = &outcome { Some(why.code()) } else { None };
    (parts.event.relation_rounds, parts.event.relation_reads) = (Some(rounds), Some(reads));
    let holds = outcome == CheckResult::Yes;
    Ok(Ordered::Done(json!({ "holds": holds, "reason": unanswered, "rounds": rounds, "reads": reads })))
}
