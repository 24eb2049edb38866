//! Who stands in which relation to what (after Zanzibar): a model of types and relations, and tuples such as
//! `document:7#viewer@group:eng#member`, from which follows whether somebody is, say, a `viewer` of `document:7`.
//!
//! The notation is that of `OpenFGA`: whoever knows one knows the other, and its published tests hold for ours.
//! [`evaluate`] is pure: it answers from what is [`KnownTuples`], or says what has to be read.

mod bound;
mod evaluate;
mod memory;
pub mod message;
mod model;
mod person;
mod read;
mod rewrite;
mod template;
#[cfg(test)]
mod testing;
mod tuple;

pub use evaluate::{CheckResult, MAX_DEPTH, MAX_READS, Unanswerable, evaluate};
pub use memory::MemoryTuples;
pub use model::{Inadmissible, Model, ModelProblem};
pub use person::{Misnamed, PEOPLE, TUPLE, identity, object, person, subject, tuple};
pub use read::{KnownTuples, MAX_FOUND, MAX_WORK, Read, TupleQuery, TupleReply};
pub use rewrite::{Allowed, Rewrite, RewriteError};
pub use template::Template;
pub use tuple::{Name, Object, Subject, Tuple, Userset};

use crate::ports::StoreError;

/// The most changes in one write.
pub const MAX_CHANGES: usize = 100;

impl Expectation {
    /// Whether nothing is expected.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.present.is_empty() && self.absent.is_empty()
    }

    /// Each tuple, and whether it is to be there.
    pub fn all(&self) -> impl Iterator<Item = (&Tuple, bool)> {
        self.present.iter().map(|tuple| (tuple, true)).chain(self.absent.iter().map(|tuple| (tuple, false)))
    }

    /// Those of which it is not so. `is_there`: what is.
    ///
    /// # Errors
    /// That of `is_there`.
    pub fn unmet<E>(&self, mut is_there: impl FnMut(&Tuple) -> Result<bool, E>) -> Result<Vec<Tuple>, E> {
        let mut unmet = Vec::new();
        for (tuple, expected) in self.all() {
            if is_there(tuple)? != expected {
                unmet.push(tuple.clone());
            }
        }
        Ok(unmet)
    }
}

impl TupleFilter {
    /// Whether this tuple is meant.
    #[must_use]
    pub fn matches(&self, tuple: &Tuple) -> bool {
        self.subject.as_ref().is_none_or(|subject| tuple.subject == *subject)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(tuple.userset.object.kind()))
    }
}

/// Each of a few things once, in the order in which they come.
pub fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    all.for_each(|one| {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    });
    distinct
}

/// What is to be changed of one object's tuples: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose tuples.
    pub object: Object,
    /// What has to be so before: looked at in the same transaction.
    pub expect: Expectation,
    /// Relations of the object by which others are looked for, as [`Model::leads_on`] says: what is added to one of them is
    /// counted in the same transaction, like groups.
    pub parents: Vec<Name>,
    /// Which are there afterwards.
    pub add: Vec<Tuple>,
    /// Which are not there afterwards.
    pub remove: Vec<Tuple>,
}

impl Change {
    /// Nothing yet.
    #[must_use]
    pub fn of(object: Object) -> Self {
        let (add, remove) = (Vec::new(), Vec::new());
        Self { object, expect: Expectation::default(), parents: Vec::new(), add, remove }
    }
}

/// What has to be so of an object's tuples for a [`Change`] to be made. Empty: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// These are there.
    pub present: Vec<Tuple>,
    /// These are not.
    pub absent: Vec<Tuple>,
}

/// What became of a [`Change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// It was made.
    Made(Changed),
    /// Nothing was changed: of what was expected, this is not so.
    Unmet(Vec<Tuple>),
    /// Nothing was changed: these relations would have more groups or parents than [`MAX_FOUND`].
    Crowded(Vec<Userset>),
}

/// What a [`Change`] did: for each of its tuples, in its order, whether anything is otherwise than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Of those to add: whether it was not there before.
    pub added: Vec<bool>,
    /// Of those to remove: whether it was there before.
    pub removed: Vec<bool>,
}

/// Which of all tuples are meant. Without either part, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleFilter {
    /// Those of this subject.
    pub subject: Option<Subject>,
    /// Those of objects of these types.
    pub kinds: Option<Vec<Name>>,
}

/// Some of an object's tuples, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The tuples.
    pub tuples: Vec<Tuple>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// Where the tuples are: strongly consistent, object by object. What was written is there for the next question.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait TupleStore {
    /// The answers, in the order of the questions.
    ///
    /// # Errors
    /// When the store does not answer: the caller refuses.
    async fn read_tuples(&self, reads: &[Read]) -> Result<Vec<TupleReply>, StoreError>;

    /// Changes the tuples of one object in one transaction.
    ///
    /// # Errors
    /// When the store does not answer: it may have been done, and may be done again.
    async fn change_tuples(&self, change: &Change) -> Result<ChangeOutcome, StoreError>;

    /// The tuples of an object behind `after`, or the first.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn list_tuples(&self, object: &Object, after: Option<&Tuple>) -> Result<Page, StoreError>;

    /// The tuples that are kept in one of [`message::SHARDS`] places, behind `after` or from the first.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn dump_tuples(&self, place: u8, after: Option<&Tuple>, filter: &TupleFilter) -> Result<Page, StoreError>;

    /// Removes tuples of one subject in one place: the first of them, which are those of the page. Those of objects of
    /// `kinds`, or of all.
    ///
    /// # Errors
    /// When the store does not answer: it may have been done, and may be done again.
    async fn remove_subject(&self, place: u8, subject: &Subject, kinds: Option<&[Name]>) -> Result<Page, StoreError>;
}
