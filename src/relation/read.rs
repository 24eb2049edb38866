//! What is asked of the store, and what it answers.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::{Object, Subject, Userset};

/// The most usersets or objects that are read of one relation of one object.
pub const MAX_FOUND: usize = 250;

/// One question to the store, about one relation of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// Which relation of which object.
    pub userset: Userset,
    /// What of its tuples.
    pub wanted: TupleQuery,
}

/// What is to be known of a relation's tuples. Never all of them: a group may have a million members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TupleQuery {
    /// Whether one of these is in it, and if none is, with `usersets` those usersets that are.
    Subjects {
        /// Looked for as they are.
        exactly: Vec<Subject>,
        /// Whether usersets matter.
        usersets: bool,
    },
    /// The objects in it.
    Objects,
}

/// The store's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleReply {
    /// One of the subjects that were looked for is in it.
    pub is_there: bool,
    /// The usersets or objects that are, at most [`MAX_FOUND`].
    pub found: Vec<Subject>,
    /// There are more of them.
    pub more: bool,
}

/// The most steps that the questions of one request may take. A step follows one tuple from one thing to another, each time
/// that it is looked at. All of them take about a tenth of a second.
pub const MAX_WORK: usize = 100_000;

/// What was read so far, and what it cost. All questions of one request share one, and so one budget: [`MAX_WORK`], and
/// [`MAX_READS`](super::MAX_READS).
#[derive(Clone, Debug, Default)]
pub struct KnownTuples {
    answers: BTreeMap<Read, TupleReply>,
    work: Cell<usize>,
}

impl Read {
    /// The object whose tuples are read.
    #[must_use]
    pub const fn object(&self) -> &Object {
        &self.userset.object
    }
}

impl KnownTuples {
    /// Remembers an answer.
    pub fn learn(&mut self, read: Read, answer: TupleReply) {
        self.answers.insert(read, answer);
    }

    /// The answer, if it is known.
    #[must_use]
    pub fn answer(&self, read: &Read) -> Option<&TupleReply> {
        self.answers.get(read)
    }

    /// Takes so many steps of the budget. False when it has not that many left; then nothing is left of it.
    pub(super) fn spend(&self, steps: usize) -> bool {
        let work = self.work.get().saturating_add(steps).min(MAX_WORK + 1);
        self.work.set(work);
        work <= MAX_WORK
    }

    /// Whether the budget of steps is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.work.get() > MAX_WORK
    }

    /// How many steps were taken.
    #[must_use]
    pub fn work(&self) -> usize {
        self.work.get()
    }

    /// How many answers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}
