//! Tuples in memory, for whoever has no store: the command line, and tests.

use std::collections::BTreeSet;

use super::message::{shard, shard_name};
use super::{
    Change, ChangeOutcome, Changed, MAX_FOUND, Name, Object, Page, Read, Subject, Tuple, TupleFilter, TupleQuery,
    TupleReply,
};

/// A set of tuples that answers as the store does.
#[derive(Clone, Debug, Default)]
pub struct MemoryTuples(BTreeSet<Tuple>);

/// How many tuples stand on a page.
const PAGE: usize = super::message::PAGE;

impl MemoryTuples {
    /// Adds a tuple; whether it was not there.
    pub fn add(&mut self, tuple: Tuple) -> bool {
        self.0.insert(tuple)
    }

    /// The answer to one question.
    #[must_use]
    pub fn answer(&self, read: &Read) -> TupleReply {
        let has =
            |subject: &Subject| self.0.contains(&Tuple { userset: read.userset.clone(), subject: subject.clone() });
        let subjects = self.0.iter().filter(|tuple| tuple.userset == read.userset).map(|tuple| &tuple.subject);
        let found: Vec<&Subject> = match &read.wanted {
            TupleQuery::Subjects { exactly, .. } if exactly.iter().any(has) => {
                return TupleReply { is_there: true, ..TupleReply::default() };
            }
            TupleQuery::Subjects { usersets: false, .. } => Vec::new(),
            TupleQuery::Subjects { .. } => subjects.filter(|subject| subject.is_userset()).collect(),
            TupleQuery::Objects => subjects.filter(|subject| !subject.is_userset()).collect(),
        };
        let more = found.len() > MAX_FOUND;
        TupleReply { is_there: false, found: found.into_iter().take(MAX_FOUND).cloned().collect(), more }
    }

    /// Carries out a change.
    pub fn change(&mut self, change: &Change) -> ChangeOutcome {
        let is_there = |tuple: &Tuple| Ok::<_, std::convert::Infallible>(self.0.contains(tuple));
        match change.expect.unmet(is_there) {
            Ok(unmet) if unmet.is_empty() => {}
            Ok(unmet) => return ChangeOutcome::Unmet(unmet),
            Err(never) => match never {},
        }
        match change.crowded(|read| Ok::<_, std::convert::Infallible>(self.answer(read))) {
            Ok(crowded) if crowded.is_empty() => {}
            Ok(crowded) => return ChangeOutcome::Crowded(crowded),
            Err(never) => match never {},
        }
        ChangeOutcome::Made(Changed {
            removed: change.remove.iter().map(|tuple| self.0.remove(tuple)).collect(),
            added: change.add.iter().map(|tuple| self.0.insert(tuple.clone())).collect(),
        })
    }

    /// A page of an object's tuples.
    #[must_use]
    pub fn list(&self, object: &Object, after: Option<&Tuple>) -> Page {
        let behind = |tuple: &&Tuple| after.is_none_or(|after| *tuple > after);
        let mut own = self.0.iter().filter(|tuple| tuple.userset.object == *object).filter(behind).cloned();
        let tuples = own.by_ref().take(PAGE).collect();
        Page { tuples, more: own.next().is_some() }
    }

    /// A page of the tuples of all objects that are kept in one place.
    #[must_use]
    pub fn dump(&self, place: u8, after: Option<&Tuple>, filter: &TupleFilter) -> Page {
        let is_meant = |tuple: &&Tuple| {
            shard(&tuple.userset.object) == shard_name(place)
                && after.is_none_or(|after| *tuple > after)
                && filter.matches(tuple)
        };
        let mut own = self.0.iter().filter(is_meant).cloned();
        let tuples = own.by_ref().take(PAGE).collect();
        Page { tuples, more: own.next().is_some() }
    }

    /// Removes a page of one subject's tuples in one place.
    pub fn remove_subject(&mut self, place: u8, subject: &Subject, kinds: Option<&[Name]>) -> Page {
        let filter = TupleFilter { subject: Some(subject.clone()), kinds: kinds.map(<[Name]>::to_vec) };
        let page = self.dump(place, None, &filter);
        for tuple in &page.tuples {
            self.0.remove(tuple);
        }
        page
    }
}

impl FromIterator<Tuple> for MemoryTuples {
    fn from_iter<T: IntoIterator<Item = Tuple>>(tuples: T) -> Self {
        Self(tuples.into_iter().collect())
    }
}
