//! Does somebody stand in a relation? From what is known: yes, no, or what has to be read first.
//!
//! Every relation that the question leads to is a node; what a node says of others is solved for the least answer that
//! fits all (so a group within itself adds nobody), twice: once as if all that is unread said no, once as if it said
//! yes. Where both agree, the rest need not be read.

use std::collections::{BTreeMap, BTreeSet};

use super::{KnownTuples, Model, Name, Object, Read, Rewrite, Subject, TupleQuery, TupleReply, Userset};

/// The most steps from the relation in question to any other: groups in groups, folders in folders.
pub const MAX_DEPTH: usize = 25;
/// The most that is read for one request.
pub const MAX_READS: usize = 500;
/// The most relations that one question may lead to.
const MAX_NODES: usize = 5000;
/// To look at a tuple again costs so much less than to follow it.
const LOOKS_PER_STEP: usize = 16;

/// What is to be said to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// This has to be known first.
    Wants(Vec<Read>),
    /// That will not be known: the caller refuses.
    Unanswerable(Unanswerable),
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// It leads further than [`MAX_DEPTH`].
    TooDeep,
    /// It leads to more than may be read.
    TooMuch,
    /// It hangs on its own opposite: whoever is excluded would not be, and the other way round.
    Circular,
}

impl Unanswerable {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooDeep => "relation.too_deep",
            Self::TooMuch => "relation.too_much",
            Self::Circular => "relation.circular",
        }
    }
}

/// Whether `subject` stands in the relation `userset` names, to the object it names.
#[must_use]
pub fn evaluate(model: &Model, known: &KnownTuples, userset: &Userset, subject: &Subject) -> CheckResult {
    let graph = Graph::of(model, known, userset, subject);
    let Some(values) = graph.solve() else { return CheckResult::Unanswerable(Unanswerable::TooMuch) };
    match values.first() {
        Some(Value { at_least: true, .. }) => CheckResult::Yes,
        // Nothing that is read now could be looked at.
        Some(Value { at_most: true, .. }) if known.is_spent() => CheckResult::Unanswerable(Unanswerable::TooMuch),
        Some(Value { at_most: true, .. }) => graph.wants(&values, known),
        _ => CheckResult::No,
    }
}

/// What is certain, and what is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Value {
    at_least: bool,
    at_most: bool,
}

enum Term {
    Known(bool),
    Unread(Read),
    Unknowable(Unanswerable),
    Node(usize),
    Any(Vec<Self>),
    All(Vec<Self>),
    Except(Box<Self>, Box<Self>),
}

struct Node {
    userset: Userset,
    depth: usize,
    term: Term,
}

struct Graph<'a> {
    model: &'a Model,
    known: &'a KnownTuples,
    subject: &'a Subject,
    nodes: Vec<Node>,
    places: BTreeMap<Userset, usize>,
    /// How many nodes and tuples there are to look at.
    size: usize,
}

impl<'a> Graph<'a> {
    /// Breadth first: every node has its shortest distance.
    fn of(model: &'a Model, known: &'a KnownTuples, userset: &Userset, subject: &'a Subject) -> Self {
        let mut graph = Self { model, known, subject, nodes: Vec::new(), places: BTreeMap::new(), size: 0 };
        graph.node(userset.clone(), 0);
        let mut at = 0;
        while let Some((userset, depth)) = graph.nodes.get(at).map(|node| (node.userset.clone(), node.depth)) {
            let term = graph.term_of(&userset, depth + 1);
            if let Some(node) = graph.nodes.get_mut(at) {
                node.term = term;
            }
            at += 1;
        }
        graph
    }

    fn node(&mut self, userset: Userset, depth: usize) -> Term {
        if let Some(place) = self.places.get(&userset) {
            return Term::Node(*place);
        }
        if depth > MAX_DEPTH {
            return Term::Unknowable(Unanswerable::TooDeep);
        }
        if self.nodes.len() >= MAX_NODES || !self.step() {
            return Term::Unknowable(Unanswerable::TooMuch);
        }
        let place = self.nodes.len();
        self.places.insert(userset.clone(), place);
        self.nodes.push(Node { userset, depth, term: Term::Known(false) });
        Term::Node(place)
    }

    /// One step more of the request's budget.
    fn step(&mut self) -> bool {
        self.size += 1;
        self.known.spend(1)
    }

    fn relation(&self, userset: &Userset) -> Option<&'a Rewrite> {
        self.model.relation(userset.object.kind(), &userset.relation)
    }

    fn term_of(&mut self, userset: &Userset, depth: usize) -> Term {
        if matches!(self.subject, Subject::Userset(own) if own == userset) {
            return Term::Known(true);
        }
        match self.relation(userset) {
            Some(rewrite) => self.term(userset, rewrite, depth),
            None => Term::Known(false),
        }
    }

    fn term(&mut self, userset: &Userset, rewrite: &Rewrite, depth: usize) -> Term {
        match rewrite {
            Rewrite::Direct(_) => self.direct(userset, rewrite, depth),
            Rewrite::Computed(relation) => {
                self.node(Userset { object: userset.object.clone(), relation: relation.clone() }, depth)
            }
            Rewrite::From { relation, parent } => self.from(userset, relation, parent, depth),
            Rewrite::Any(all) => Term::Any(all.iter().map(|one| self.term(userset, one, depth)).collect()),
            Rewrite::All(all) => Term::All(all.iter().map(|one| self.term(userset, one, depth)).collect()),
            Rewrite::Except(base, except) => {
                let (base, except) = (self.term(userset, base, depth), self.term(userset, except, depth));
                Term::Except(Box::new(base), Box::new(except))
            }
        }
    }

    /// Tuples that the model does not admit, or no longer, say nothing.
    fn direct(&mut self, userset: &Userset, rewrite: &Rewrite, depth: usize) -> Term {
        let admits = |subject: &Subject| rewrite.allowed().any(|allowed| allowed.admits(subject));
        let everyone = match self.subject {
            Subject::Object(object) => Some(Subject::Everyone(object.kind().clone())),
            _ => None,
        };
        let exactly: Vec<Subject> =
            [Some(self.subject.clone()), everyone].into_iter().flatten().filter(admits).collect();
        let usersets = rewrite.allowed().any(|allowed| matches!(allowed, super::Allowed::Userset(..)));
        if exactly.is_empty() && !usersets {
            return Term::Known(false);
        }
        let read = Read { userset: userset.clone(), wanted: TupleQuery::Subjects { exactly, usersets } };
        self.read(read, |graph, subject| match subject {
            Subject::Userset(set) if admits(subject) => Some(graph.node(set.clone(), depth)),
            _ => None,
        })
    }

    fn from(&mut self, userset: &Userset, relation: &Name, parent: &Name, depth: usize) -> Term {
        let parents = Userset { object: userset.object.clone(), relation: parent.clone() };
        let Some(definition) = self.relation(&parents) else { return Term::Known(false) };
        let admits = |subject: &Subject| definition.allowed().any(|allowed| allowed.admits(subject));
        self.read(Read { userset: parents, wanted: TupleQuery::Objects }, |graph, subject| match subject {
            Subject::Object(object) if admits(subject) && graph.model.has(object.kind(), relation) => {
                Some(graph.node(related(object, relation), depth))
            }
            _ => None,
        })
    }

    fn read(&mut self, read: Read, mut follow: impl FnMut(&mut Self, &Subject) -> Option<Term>) -> Term {
        let known = self.known;
        let Some(TupleReply { is_there, found, more }) = known.answer(&read) else { return Term::Unread(read) };
        if *is_there {
            return Term::Known(true);
        }
        let mut terms = Vec::with_capacity(found.len());
        for subject in found {
            if !self.step() {
                terms.push(Term::Unknowable(Unanswerable::TooMuch));
                break;
            }
            terms.extend(follow(self, subject));
        }
        if *more {
            terms.push(Term::Unknowable(Unanswerable::TooMuch));
        }
        Term::Any(terms)
    }

    /// What is certain, by what is at most possible elsewhere, and the other way round, until neither gets closer to
    /// the other (the alternating fixpoint of well-founded semantics): so that what is excluded may lead back to what
    /// excludes it, and only what hangs on its own opposite has no value. `None` when the budget does not reach so far.
    fn solve(&self) -> Option<Vec<Value>> {
        let mut values = vec![Value { at_least: false, at_most: true }; self.nodes.len()];
        loop {
            let certain = self.least(&values, |value| &mut value.at_least)?;
            let possible = self.least(&certain, |value| &mut value.at_most)?;
            if possible == values {
                return Some(values);
            }
            values = possible;
        }
    }

    /// The least values of one side that fit; those of the other stay.
    fn least(&self, values: &[Value], side: fn(&mut Value) -> &mut bool) -> Option<Vec<Value>> {
        let mut values = values.to_vec();
        values.iter_mut().for_each(|value| *side(value) = false);
        let mut changed = true;
        while changed {
            changed = false;
            if !self.known.spend(self.size / LOOKS_PER_STEP) {
                return None;
            }
            // Backwards: what a node leads to mostly stands behind it.
            for (place, node) in self.nodes.iter().enumerate().rev() {
                let mut found = node.term.value(&values);
                let Some(own) = values.get_mut(place).map(side).filter(|own| !**own) else { continue };
                (*own, changed) = (*side(&mut found), changed || *side(&mut found));
            }
        }
        Some(values)
    }

    /// What is unread and may still make a difference, nearest first.
    fn wants(&self, values: &[Value], known: &KnownTuples) -> CheckResult {
        let mut reached = vec![false; self.nodes.len()];
        let left = MAX_READS.saturating_sub(known.len());
        let (mut next, mut reads, mut why) = (vec![0], Vec::new(), None);
        let mut seen = BTreeSet::new();
        let mut at = 0;
        while let Some(place) = next.get(at).copied() {
            at += 1;
            if reached.get(place).copied().unwrap_or(true) {
                continue;
            }
            if let Some(reached) = reached.get_mut(place) {
                *reached = true;
            }
            let mut open = Vec::new();
            if let Some(node) = self.nodes.get(place) {
                node.term.open(values, &mut open);
            }
            for term in open {
                match term {
                    Term::Node(place) => next.push(*place),
                    Term::Unread(read) if reads.len() <= left && seen.insert(read) => reads.push(read.clone()),
                    Term::Unknowable(cause) => why = why.or(Some(*cause)),
                    _ => {}
                }
            }
        }
        match why {
            // Nothing that could be read would decide it.
            Some(why) if reads.is_empty() => CheckResult::Unanswerable(why),
            None if reads.is_empty() => CheckResult::Unanswerable(Unanswerable::Circular),
            _ if left == 0 => CheckResult::Unanswerable(Unanswerable::TooMuch),
            _ => {
                reads.truncate(left);
                CheckResult::Wants(reads)
            }
        }
    }
}

impl Term {
    fn value(&self, values: &[Value]) -> Value {
        let settled = |value| Value { at_least: value, at_most: value };
        let of = |term: &Self| term.value(values);
        match self {
            Self::Known(value) => settled(*value),
            Self::Unread(_) | Self::Unknowable(_) => Value { at_least: false, at_most: true },
            Self::Node(place) => values.get(*place).copied().unwrap_or_default(),
            Self::Any(all) => all.iter().map(of).fold(settled(false), |one, other| Value {
                at_least: one.at_least || other.at_least,
                at_most: one.at_most || other.at_most,
            }),
            Self::All(all) => all.iter().map(of).fold(settled(true), |one, other| Value {
                at_least: one.at_least && other.at_least,
                at_most: one.at_most && other.at_most,
            }),
            Self::Except(base, except) => {
                let (base, except) = (of(base), of(except));
                Value { at_least: base.at_least && !except.at_most, at_most: base.at_most && !except.at_least }
            }
        }
    }

    /// The parts of it that keep it undecided.
    fn open<'t>(&'t self, values: &[Value], found: &mut Vec<&'t Self>) {
        let value = self.value(values);
        if value.at_least == value.at_most {
            return;
        }
        match self {
            Self::Any(all) | Self::All(all) => all.iter().for_each(|one| one.open(values, found)),
            Self::Except(base, except) => {
                base.open(values, found);
                except.open(values, found);
            }
            leaf => found.push(leaf),
        }
    }
}

fn related(object: &Object, relation: &Name) -> Userset {
    Userset { object: object.clone(), relation: relation.clone() }
}

#[cfg(test)]
#[path = "evaluate/tests.rs"]
mod tests;
