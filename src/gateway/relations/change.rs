//! A change of tuples: read, held against the model, and carried out object by object.
//!
//! What is changed of one object is changed in one transaction, with what is expected of it. Several objects may lie in
//! several places, which share no transaction: first everything that is expected is looked at, and nothing is changed unless
//! all of it is so; then one object after the other is changed, those first of which something is removed. It ends where
//! something is not so any more: what was done stays done, and is told.

use serde_json::Value;

use super::names::{self, inadmissible, texts};
use super::{Ordered, Trust, model};
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::admin::request::Order;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::relation::{
    Change, ChangeOutcome, Changed, Expectation, MAX_CHANGES, MAX_FOUND, Model, Object, Read, Tuple, TupleQuery,
    TupleStore, Userset, distinct,
};

/// So many changes fit, with names as long as they may be.
pub(in crate::gateway) const MAX_BYTES: usize = 256 * 1024;
/// The most objects of one order.
pub(in crate::gateway) const MAX_OBJECTS: usize = 20;
/// The members of an order.
pub(in crate::gateway) const MEMBERS: [&str; 4] = ["add", "remove", "expect", "expect_not"];

/// What an order did.
#[derive(Debug, Default)]
pub(in crate::gateway) struct ChangeReport {
    /// The tuples that were not there before.
    pub(in crate::gateway) added: Vec<String>,
    /// Those that are not there any more.
    pub(in crate::gateway) removed: Vec<String>,
    /// What was expected, and is not so, or a relation that others have filled meanwhile: there the order ended.
    pub(in crate::gateway) unmet: Vec<String>,
}

/// Reads an order, and carries it out where all of it is in order.
///
/// # Errors
/// When whoever orders it is not trusted with a type, does not order it as they must, or the store does not answer.
pub(in crate::gateway) async fn by_order<P: Platform, T: Trust>(
    ctx: &RequestContext<'_, P>,
    order: &Order,
    trust: &T,
    parts: &mut ResponseParts,
) -> Result<Ordered<ChangeReport>, T::Refusal> {
    let model = model(ctx)?;
    if let Some(most) = most(order).filter(|most| *most > MAX_CHANGES) {
        let problem = format!("expected at most {MAX_CHANGES} tuples, found {most}");
        return Ok(Ordered::Unacceptable(vec![problem]));
    }
    let mut problems = Vec::new();
    let mut list =
        |name: &'static str| names::tuples(ctx, order.get(name), &mut problems).ok_or(Reason::BadInput(name));
    let (add, remove) = (list("add")?, list("remove")?);
    let expect = Expectation { present: list("expect")?, absent: list("expect_not")? };
    let all = add.iter().chain(&remove).chain(expect.all().map(|(tuple, _)| tuple));
    for kind in distinct(all.map(|tuple| tuple.userset.object.kind())) {
        trust.admit(kind)?;
    }
    // One that the model no longer admits may be removed.
    problems.extend(add.iter().filter_map(|tuple| inadmissible(model, tuple)));
    if problems.is_empty() && add.is_empty() && remove.is_empty() {
        problems.push("expected at least one tuple in `add` or `remove`".to_owned());
    } else if problems.is_empty() {
        problems.extend(contradictions(&remove, &add, &expect));
    }
    if !problems.is_empty() {
        return Ok(Ordered::Unacceptable(problems));
    }
    let changes = by_object(model, (remove, add), &expect);
    parts.event.target = Some(audit::short(&objects(&changes)));
    let problems = crowded(ctx, &changes).await.map_err(Reason::Store)?;
    if !problems.is_empty() {
        return Ok(Ordered::Unacceptable(problems));
    }
    Ok(carry_out(ctx, &changes, parts).await?)
}

/// How many tuples it changes or expects, whichever is more: counted before any of them is read.
fn most(order: &Order) -> Option<usize> {
    let count = |[first, second]: [&str; 2]| {
        let of = |name: &str| order.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        of(first) + of(second)
    };
    [["add", "remove"], ["expect", "expect_not"]].into_iter().map(count).max()
}

/// The changes of each object, those first of which something is removed: where an order ends half-way, more has been taken
/// away than given.
fn by_object(model: &Model, (remove, add): (Vec<Tuple>, Vec<Tuple>), expect: &Expectation) -> Vec<Change> {
    let objects = distinct(remove.iter().chain(&add).map(|tuple| tuple.userset.object.clone()));
    let change = |object: Object| {
        let own = |tuples: &[Tuple]| tuples.iter().filter(|one| one.userset.object == object).cloned().collect();
        let expect = Expectation { present: own(&expect.present), absent: own(&expect.absent) };
        let (add, remove): (Vec<Tuple>, Vec<Tuple>) = (own(&add), own(&remove));
        let relations = distinct(add.iter().map(|tuple| tuple.userset.relation.clone()));
        let parents = relations.into_iter().filter(|name| model.leads_on(object.kind(), name)).collect();
        Change { expect, parents, add, remove, ..Change::of(object.clone()) }
    };
    objects.into_iter().map(change).collect()
}

fn objects(changes: &[Change]) -> String {
    changes.iter().map(|change| change.object.to_string()).collect::<Vec<_>>().join(" ")
}

fn contradictions(remove: &[Tuple], add: &[Tuple], expect: &Expectation) -> Vec<String> {
    let changed: Vec<&Tuple> = remove.iter().chain(add).collect();
    let expected: Vec<&Tuple> = expect.all().map(|(tuple, _)| tuple).collect();
    let mut problems: Vec<String> = [&changed, &expected].into_iter().flat_map(|all| twice(all)).collect();
    let objects = distinct(changed.iter().map(|tuple| &tuple.userset.object));
    if objects.len() > MAX_OBJECTS {
        problems.push(format!("expected tuples of at most {MAX_OBJECTS} objects, found {}", objects.len()));
    }
    let elsewhere = expected.into_iter().filter(|tuple| !objects.contains(&&tuple.userset.object));
    problems.extend(elsewhere.map(|tuple| format!("`{tuple}` is expected of an object that is not changed")));
    problems
}

fn twice(all: &[&Tuple]) -> Vec<String> {
    let stood_before = |(place, tuple): &(usize, &&Tuple)| all.iter().take(*place).any(|other| other == *tuple);
    let twice = distinct(all.iter().enumerate().filter(stood_before).map(|(_, tuple)| *tuple));
    twice.into_iter().map(|tuple| format!("`{tuple}` stands twice")).collect()
}

/// What is wrong with changes that would put too many groups or parents into a relation, of several objects: looked at before
/// any of them is changed. Each transaction counts again, and that of one object alone tells.
async fn crowded<P: Platform>(ctx: &RequestContext<'_, P>, changes: &[Change]) -> Result<Vec<String>, StoreError> {
    let reads: Vec<Read> = changes.iter().flat_map(Change::bounded).collect();
    if changes.len() < 2 || reads.is_empty() {
        return Ok(Vec::new());
    }
    let answers = ctx.platform.tuples().read_tuples(&reads).await?;
    if answers.len() != reads.len() {
        return Err(StoreError::Malformed);
    }
    // Each of them is asked once, in the same order.
    let mut answers = answers.into_iter();
    let mut crowded = Vec::new();
    for change in changes {
        crowded.extend(change.crowded(|_| answers.next().ok_or(StoreError::Malformed))?);
    }
    Ok(too_many(&crowded))
}

fn too_many(relations: &[Userset]) -> Vec<String> {
    let problem = |one: &Userset| format!("expected at most {MAX_FOUND} groups or parents in `{one}`");
    relations.iter().map(problem).collect()
}

/// What is expected and not so, of several objects: looked at before any of them is changed. Of one alone, its transaction
/// tells.
async fn unmet<P: Platform>(ctx: &RequestContext<'_, P>, changes: &[Change]) -> Result<Vec<String>, StoreError> {
    let expected = || changes.iter().flat_map(|change| change.expect.all());
    if changes.len() < 2 || expected().next().is_none() {
        return Ok(Vec::new());
    }
    let read = |tuple: &Tuple| Read {
        userset: tuple.userset.clone(),
        wanted: TupleQuery::Subjects { exactly: vec![tuple.subject.clone()], usersets: false },
    };
    let reads: Vec<Read> = expected().map(|(tuple, _)| read(tuple)).collect();
    let answers = ctx.platform.tuples().read_tuples(&reads).await?;
    if answers.len() != reads.len() {
        return Err(StoreError::Malformed);
    }
    let unmet = expected().zip(answers).filter(|((_, present), answer)| answer.is_there != *present);
    Ok(unmet.map(|((tuple, _), _)| tuple.to_string()).collect())
}

/// The event has each tuple by itself, also where the store did not answer to the end: as one text, many would be cut
/// short.
async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    changes: &[Change],
    parts: &mut ResponseParts,
) -> Result<Ordered<ChangeReport>, Reason> {
    let unmet = unmet(ctx, changes).await.map_err(Reason::Store)?;
    let mut report = ChangeReport { unmet, ..ChangeReport::default() };
    if !report.unmet.is_empty() {
        return Ok(Ordered::Done(report));
    }
    for change in changes {
        match ctx.platform.tuples().change_tuples(change).await.map_err(Reason::Store)? {
            ChangeOutcome::Made(changed) => report.take_in(change, &changed)?,
            ChangeOutcome::Unmet(tuples) => {
                report.unmet = texts(&tuples);
                break;
            }
            ChangeOutcome::Crowded(relations) if report.is_empty() => {
                return Ok(Ordered::Unacceptable(too_many(&relations)));
            }
            // Another request came between: what was done is told.
            ChangeOutcome::Crowded(relations) => {
                report.unmet = relations.iter().map(ToString::to_string).collect();
                break;
            }
        }
        parts.event.tuples_added = report.added.iter().map(|tuple| audit::short(tuple)).collect();
        parts.event.tuples_removed = report.removed.iter().map(|tuple| audit::short(tuple)).collect();
    }
    Ok(Ordered::Done(report))
}

impl ChangeReport {
    /// Whether nothing has been changed.
    const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn take_in(&mut self, change: &Change, Changed { added, removed }: &Changed) -> Result<(), Reason> {
        if (added.len(), removed.len()) != (change.add.len(), change.remove.len()) {
            return Err(Reason::Store(StoreError::Malformed));
        }
        self.added.extend(those(&change.add, added));
        self.removed.extend(those(&change.remove, removed));
        Ok(())
    }
}

fn those<'a>(tuples: &'a [Tuple], which: &'a [bool]) -> impl Iterator<Item = String> + 'a {
    tuples.iter().zip(which).filter(|(_, so)| **so).map(|(tuple, _)| tuple.to_string())
}
