//! Who stands in which relation to what: tuples seen, changed and asked about.

use serde_json::{Value, json};

use super::request::Order;
use super::{Change as Noted, Done};
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::relations as store;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::relation::{
    self, Change, CheckResult, Inadmissible, KnownTuples, MAX_CHANGES, MAX_FOUND, Misnamed, Model, Name, Read, Subject,
    TUPLE, Tuple, TupleQuery, TupleStore, distinct,
};

/// So many changes fit, with names as long as they may be.
const MAX_BYTES: usize = 256 * 1024;

/// `GET /auth/admin/relations?object=document:7`: its tuples, a page at a time.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_query(ctx, &["object", "after"])?;
    let object = order.text("object").and_then(|text| relation::object(text, &|id| issuer(ctx, id)).ok());
    let object = object.ok_or(Reason::BadInput("object"))?;
    parts.event.target = Some(audit::short(&object.to_string()));
    let after = match order.text("after") {
        None => None,
        Some(text) => {
            Some(Tuple::parse(text).filter(|after| after.userset.object == object).ok_or(Reason::BadInput("after"))?)
        }
    };
    let page = ctx.platform.tuples().list_tuples(&object, after.as_ref()).await.map_err(Reason::Store)?;
    let next = page.tuples.last().filter(|_| page.more).map(ToString::to_string);
    Ok(Done::read(&json!({ "tuples": texts(&page.tuples), "next": next })))
}

/// `POST /auth/admin/relations`: `{ "add": ["document:7#viewer@user:corp|alice"], "remove": [] }`. All are of one object,
/// so that they are changed together or not at all; what is so already is left as it is.
pub(super) async fn change<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let model = model(ctx)?;
    let order = Order::of_body(ctx, body, &["add", "remove"], MAX_BYTES).await?;
    let (mut problems, mut all) = (Vec::new(), Vec::new());
    let add = tuples(ctx, order.get("add"), &mut problems).ok_or(Reason::BadInput("add"))?;
    let remove = tuples(ctx, order.get("remove"), &mut problems).ok_or(Reason::BadInput("remove"))?;
    // One that the model no longer admits may be removed.
    problems.extend(add.iter().filter_map(|tuple| inadmissible(model, tuple)));
    all.extend(add.iter().chain(&remove));
    let object = all.first().map(|tuple: &&Tuple| tuple.userset.object.clone());
    if problems.is_empty() && all.len() <= MAX_CHANGES {
        problems.extend(contradictions(&all));
    }
    if all.len() > MAX_CHANGES {
        problems.push(format!("expected at most {MAX_CHANGES} tuples, found {}", all.len()));
    }
    let (Some(object), []) = (object, problems.as_slice()) else {
        if problems.is_empty() {
            problems.push("expected at least one tuple in `add` or `remove`".to_owned());
        }
        return Ok(Done::unacceptable(ctx, &problems));
    };
    parts.event.target = Some(audit::short(&object.to_string()));
    let change = Change { object, add, remove };
    let problems = crowded(ctx, model, &change).await.map_err(Reason::Store)?;
    if !problems.is_empty() {
        return Ok(Done::unacceptable(ctx, &problems));
    }
    carry_out(ctx, change, parts).await
}

/// The relations that a change would fill with more groups, or more of what others are looked for by, than any question
/// looks at: then questions about them would have no answer any more, also for those who stand in them now.
async fn crowded<P: Platform>(
    ctx: &RequestContext<'_, P>,
    model: &Model,
    change: &Change,
) -> Result<Vec<String>, StoreError> {
    let reads = distinct(change.add.iter().filter_map(|tuple| looked_at(model, tuple)));
    if reads.is_empty() {
        return Ok(Vec::new());
    }
    let answers = ctx.platform.tuples().read_tuples(&reads).await?;
    if answers.len() != reads.len() {
        return Err(StoreError::Malformed);
    }
    let too_many = reads.iter().zip(answers).filter(|(read, answer)| {
        let is_meant = |tuple: &&Tuple| looked_at(model, tuple).as_ref() == Some(*read);
        let is_removed =
            |subject: &&Subject| change.remove.iter().filter(is_meant).any(|tuple| tuple.subject == **subject);
        let stay: Vec<&Subject> = answer.found.iter().filter(|subject| !is_removed(subject)).collect();
        let added = change.add.iter().filter(is_meant).map(|tuple| &tuple.subject);
        let added = distinct(added.filter(|subject| !stay.contains(subject)));
        !added.is_empty() && (answer.more || stay.len() + added.len() > MAX_FOUND)
    });
    let problem = |read: &Read| format!("expected at most {MAX_FOUND} groups or parents in `{}`", read.userset);
    Ok(too_many.map(|(read, _)| problem(read)).collect())
}

/// What a question reads when it comes by this tuple, and of which it looks at so many only.
fn looked_at(model: &Model, tuple: &Tuple) -> Option<Read> {
    let Tuple { userset, subject } = tuple;
    let wanted = match subject {
        Subject::Userset(_) => TupleQuery::Subjects { exactly: Vec::new(), usersets: true },
        Subject::Object(_) if model.leads_on(userset.object.kind(), &userset.relation) => TupleQuery::Objects,
        _ => return None,
    };
    Some(Read { userset: userset.clone(), wanted })
}

/// The event has each tuple by itself: as one text, many would be cut short.
async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    change: Change,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let changed = ctx.platform.tuples().change_tuples(&change).await.map_err(Reason::Store)?;
    if (changed.added.len(), changed.removed.len()) != (change.add.len(), change.remove.len()) {
        return Err(Reason::Store(StoreError::Malformed));
    }
    let (added, removed) = (those(&change.add, &changed.added), those(&change.remove, &changed.removed));
    parts.event.tuples_added = added.iter().map(|tuple| audit::short(tuple)).collect();
    parts.event.tuples_removed = removed.iter().map(|tuple| audit::short(tuple)).collect();
    let noted = Noted { before: removed.join(" "), after: added.join(" ") };
    Ok(Done::changed(&json!({ "added": added, "removed": removed }), noted))
}

/// `POST /auth/admin/relations/check`: `{ "tuple": "document:7#viewer@user:corp|alice" }`, which need not be one that is
/// stored.
pub(super) async fn check<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let model = model(ctx)?;
    let order = Order::of_body(ctx, body, &["tuple"], super::request::MAX_BYTES).await?;
    let text = order.text("tuple").ok_or(Reason::BadInput("tuple"))?;
    let tuple = match tuple(ctx, text).and_then(|tuple| known(model, &tuple).map_or(Ok(tuple), Err)) {
        Ok(tuple) => tuple,
        Err(problem) => return Ok(Done::unacceptable(ctx, &[problem])),
    };
    parts.event.target = Some(audit::short(&tuple.to_string()));
    let mut known = KnownTuples::default();
    let asked = (&tuple.userset, &tuple.subject);
    let found = store::check(ctx.platform.tuples(), model, asked, &mut known).await;
    let (outcome, rounds, reads) = found.map_err(Reason::Store)?;
    let unanswered = if let CheckResult::Unanswerable(why) = &outcome { Some(why.code()) } else { None };
    (parts.event.relation_rounds, parts.event.relation_reads) = (Some(rounds), Some(reads));
    let holds = outcome == CheckResult::Yes;
    Ok(Done::read(&json!({ "holds": holds, "reason": unanswered, "rounds": rounds, "reads": reads })))
}

/// Without a model there is nothing to ask about.
pub(super) fn model<'a, P>(ctx: &RequestContext<'a, P>) -> Result<&'a Model, Reason> {
    Some(&ctx.site.config.relations).filter(|model| !model.names(None).is_empty()).ok_or(Reason::NoRoute)
}

/// The issuer that goes by this id; those of providers and of issuers are never the same.
pub(super) fn issuer<'a, P>(ctx: &RequestContext<'a, P>, id: &str) -> Option<&'a str> {
    ctx.site.config.named_issuer(id)
}

/// The tuples of a list, none where it is absent; what is none is a problem. `None` when it is no list of texts.
fn tuples<P>(ctx: &RequestContext<'_, P>, list: Option<&Value>, problems: &mut Vec<String>) -> Option<Vec<Tuple>> {
    let Some(list) = list else { return Some(Vec::new()) };
    let mut all = Vec::new();
    for text in list.as_array()? {
        match tuple(ctx, text.as_str()?) {
            Ok(tuple) => all.push(tuple),
            Err(problem) => problems.push(problem),
        }
    }
    Some(all)
}

fn tuple<P>(ctx: &RequestContext<'_, P>, text: &str) -> Result<Tuple, String> {
    relation::tuple(text, &|id| issuer(ctx, id)).map_err(|why| {
        let text = audit::short(text);
        match why {
            Misnamed::Unreadable => format!("expected {TUPLE}, found `{text}`"),
            Misnamed::Issuer => {
                format!("`{text}`: people are named by the id of a provider or issuer, as in `user:corp|alice`")
            }
        }
    })
}

fn contradictions(all: &[&Tuple]) -> Vec<String> {
    let stood_before = |(place, tuple): &(usize, &&Tuple)| all.iter().take(*place).any(|other| other == *tuple);
    let twice = distinct(all.iter().enumerate().filter(stood_before).map(|(_, tuple)| *tuple));
    let mut problems: Vec<String> = twice.into_iter().map(|tuple| format!("`{tuple}` stands twice")).collect();
    let mut objects = distinct(all.iter().map(|tuple| &tuple.userset.object)).into_iter();
    if let (Some(first), Some(second)) = (objects.next(), objects.next()) {
        problems.push(format!("expected tuples of one object, found `{first}` and `{second}`"));
    }
    problems
}

fn inadmissible(model: &Model, tuple: &Tuple) -> Option<String> {
    let subject = &tuple.subject;
    match model.admit(tuple) {
        Ok(()) => None,
        Err(Inadmissible::Subject) => {
            let (kind, relation) = (tuple.userset.object.kind(), &tuple.userset.relation);
            Some(format!("`{subject}` cannot stand in `RELATIONS.{kind}.{relation}` by a tuple"))
        }
        Err(_) => known(model, tuple),
    }
}

/// What of a tuple the model does not know.
fn known(model: &Model, tuple: &Tuple) -> Option<String> {
    let hint = |names: Vec<&str>, name: &Name| {
        Model::meant(&names, name.as_str()).map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
    };
    let (kind, relation) = (tuple.userset.object.kind(), &tuple.userset.relation);
    if !model.has_type(kind) {
        return Some(format!("`RELATIONS` has no type `{kind}`{}", hint(model.names(None), kind)));
    }
    let known = model.has(kind, relation);
    (!known).then(|| format!("`RELATIONS.{kind}` has no `{relation}`{}", hint(model.names(Some(kind)), relation)))
}

pub(super) fn texts(tuples: &[Tuple]) -> Vec<String> {
    tuples.iter().map(ToString::to_string).collect()
}

fn those(tuples: &[Tuple], which: &[bool]) -> Vec<String> {
    tuples.iter().zip(which).filter(|(_, so)| **so).map(|(tuple, _)| tuple.to_string()).collect()
}
