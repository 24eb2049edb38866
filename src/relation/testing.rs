//! Models and decisions for tests.

use std::collections::BTreeMap;

use super::{CheckResult, KnownTuples, MemoryTuples, Model, Name, Rewrite, Subject, Tuple, Userset, evaluate};

pub(super) type Types<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

pub(super) fn definitions(types: Types<'_>) -> BTreeMap<Name, BTreeMap<Name, Rewrite>> {
    let name = |text: &str| Name::parse(text).unwrap();
    let relation = |(relation, rewrite): &(&str, &str)| (name(relation), Rewrite::parse(rewrite).unwrap());
    types.iter().map(|(kind, all)| (name(kind), all.iter().map(relation).collect())).collect()
}

pub(super) fn model(types: Types<'_>) -> Model {
    Model::new(definitions(types)).unwrap()
}

pub(super) fn tuples(texts: &[&str]) -> MemoryTuples {
    texts.iter().map(|text| Tuple::parse(text).unwrap()).collect()
}

/// What comes of a question, how many rounds of reading it took, and how many reads.
pub(super) fn decide(
    model: &Model,
    tuples: &MemoryTuples,
    userset: &str,
    subject: &str,
) -> (CheckResult, usize, usize) {
    let (userset, subject) = (Userset::parse(userset).unwrap(), Subject::parse(subject).unwrap());
    let mut known = KnownTuples::default();
    for round in 0.. {
        match evaluate(model, &known, &userset, &subject) {
            CheckResult::Wants(reads) => {
                assert!(reads.iter().all(|read| known.answer(read).is_none()), "read twice");
                for read in reads {
                    let answer = tuples.answer(&read);
                    known.learn(read, answer);
                }
            }
            outcome => return (outcome, round, known.len()),
        }
    }
    panic!("no end")
}
