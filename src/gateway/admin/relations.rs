//! Who stands in which relation to what, for those who manage: of all types.

use serde_json::{Value, json};

use super::request::Order;
use super::{Change as Noted, Done};
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::relations::scan::{self, Cursor};
use crate::gateway::relations::{self, Ordered, Trust, change, model, names};
use crate::gateway::response_parts::ResponseParts;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::relation::{Name, TupleFilter};

/// Who manages is trusted with all types.
struct All;

impl Trust for All {
    type Refusal = Reason;

    fn admit(&self, _: &Name) -> Result<(), Reason> {
        Ok(())
    }
}

/// `GET /auth/admin/relations?object=document:7`: its tuples, a page at a time.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_query(ctx, &["object", "after"])?;
    Ok(Done::read(&relations::of_object(ctx, &order, &All, parts).await?))
}

/// `GET /auth/admin/relations/all?subject=user:corp|alice&after=`: the tuples of all objects, a page of one
/// place at a time, which may be empty.
pub(super) async fn dump<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_query(ctx, &["subject", "after"])?;
    let subject = match order.text("subject") {
        None => None,
        Some(text) => Some(names::subject(ctx, text).ok_or(Reason::BadInput("subject"))?),
    };
    parts.event.target = subject.as_ref().map(|subject| audit::short(&subject.to_string()));
    let filter = TupleFilter { subject, kinds: None };
    let (tuples, next) = scan::page(ctx, Cursor::of(order.text("after"))?, &filter).await?;
    Ok(Done::read(&scan::told("tuples", &tuples, next.as_ref())))
}

/// `POST /auth/admin/relations`: `{ "add": ["document:7#viewer@user:corp|alice"], "remove": [] }`. Those of one object
/// are changed together or not at all; what is so already is left as it is.
pub(super) async fn change<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_body(ctx, body, &change::MEMBERS, change::MAX_BYTES).await?;
    let change::ChangeReport { added, removed, unmet } = match change::by_order(ctx, &order, &All, parts).await? {
        Ordered::Done(report) => report,
        Ordered::Unacceptable(problems) => return Ok(Done::unacceptable(ctx, &problems)),
    };
    let noted = Noted { before: removed.join(" "), after: added.join(" ") };
    let answer = json!({ "added": added, "removed": removed });
    Ok(if unmet.is_empty() { Done::changed(&answer, noted) } else { Done::unmet(ctx, (&answer, &unmet), noted) })
}

/// `POST /auth/admin/relations/remove-subject`: `{ "subject": "user:corp|alice" }`. All of its tuples, about a page at a
/// time: with `after` what `next` said.
pub(super) async fn remove_subject<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_body(ctx, body, &["subject", "after"], super::request::MAX_BYTES).await?;
    let subject = order.text("subject").and_then(|text| names::subject(ctx, text));
    let subject = subject.ok_or(Reason::BadInput("subject"))?;
    let cursor = Cursor::of(order.optional_text("after")?)?;
    let (removed, next) = scan::remove(ctx, cursor, (&subject, None), parts).await?;
    let answer: Value = scan::told("removed", &removed, next.as_ref());
    let noted = Noted { before: names::texts(&removed).join(" "), after: String::new() };
    Ok(Done::changed(&answer, noted))
}

/// `POST /auth/admin/relations/check`: `{ "tuple": "document:7#viewer@user:corp|alice" }`, which need not be one that is
/// stored.
pub(super) async fn check<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    Ok(match relations::check(ctx, body, &All, parts).await? {
        Ordered::Done(answer) => Done::read(&answer),
        Ordered::Unacceptable(problems) => Done::unacceptable(ctx, &problems),
    })
}
