//! What is asked of the store, and what it answers.

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

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct KnownTuples(BTreeMap<Read, TupleReply>);

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
        self.0.insert(read, answer);
    }

    /// The answer, if it is known.
    #[must_use]
    pub fn answer(&self, read: &Read) -> Option<&TupleReply> {
        self.0.get(read)
    }

    /// How many answers are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
