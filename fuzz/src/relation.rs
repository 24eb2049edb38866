//! Tuples and models: what is read has one reading, and what is asked of it an end and one answer.
//!
//! The lines of the input are a type, a definition (`relation: [user] or …`) or a tuple; the first tuple is the question.

use std::collections::BTreeMap;

use postern::relation::{
    CheckResult, KnownTuples, MemoryTuples, Model, Name, Rewrite, Template, Tuple, evaluate, message, object, tuple,
};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    text.lines().for_each(one);
    let (mut definitions, mut kind, mut facts) = (BTreeMap::new(), None, Vec::new());
    for line in text.lines() {
        if let Some(found) = Tuple::parse(line) {
            facts.push(found);
        } else if let Some(name) = Name::parse(line) {
            definitions.entry(name.clone()).or_insert_with(BTreeMap::new);
            kind = Some(name);
        } else if let (Some(kind), Some((name, rewrite))) = (&kind, line.split_once(':'))
            && let (Some(name), Ok(rewrite)) = (Name::parse(name), Rewrite::parse(rewrite))
        {
            definitions.entry(kind.clone()).or_default().insert(name, rewrite);
        }
    }
    if let (Ok(model), Some(asked)) = (Model::new(definitions), facts.pop()) {
        ends(&model, &facts.into_iter().collect(), &asked);
    }
}

fn one(line: &str) {
    if let Some(read) = Tuple::parse(line) {
        assert_eq!(read.to_string(), line, "a tuple with two readings");
        let row = message::row(&read.userset.object, read.userset.relation.as_str(), &read.subject.to_string());
        assert_eq!(row.as_ref(), Some(&read), "stored otherwise");
    }
    let issuers = |id: &str| (id == "corp").then_some("https://login.example");
    if let Ok(read) = tuple(line, &issuers) {
        assert_eq!(Tuple::parse(&read.to_string()), Some(read.clone()));
        assert_eq!(tuple(&read.to_string(), &|_| None), Ok(read), "a name that changes");
    }
    if let Ok(read) = object(line, &issuers) {
        assert!(!read.to_string().contains(['#', ' ', '\n']) && read.id() != "*");
    }
    // What objects are sent, and what they answer.
    if let Some(request) = message::TupleRequest::parse(line) {
        assert_eq!(message::TupleRequest::parse(&request.to_json()), Some(request));
    }
    if let Some(response) = message::TupleResponse::parse(line) {
        assert_eq!(message::TupleResponse::parse(&response.to_json()), Some(response));
    }
    if let Some(template) = Template::parse(line) {
        for value in ["7", "*", "a/b", "a#b", "", line] {
            let params: Vec<_> = template.parameters().map(|name| (name.to_owned(), value.to_owned())).collect();
            if let Some(userset) = template.fill(&params) {
                assert_eq!(postern::relation::Userset::parse(&userset.to_string()), Some(userset));
            }
        }
    }
}

/// The answer does not depend on what else is known, nor on the order in which it came.
fn ends(model: &Model, facts: &MemoryTuples, asked: &Tuple) {
    let answer = |one_by_one: bool| {
        let mut known = KnownTuples::default();
        for _ in 0..2000 {
            match evaluate(model, &known, &asked.userset, &asked.subject) {
                CheckResult::Wants(reads) => {
                    assert!(!reads.is_empty());
                    let most = if one_by_one { 1 } else { reads.len() };
                    for read in reads.into_iter().rev().take(most) {
                        let answer = facts.answer(&read);
                        known.learn(read, answer);
                    }
                }
                outcome => return outcome,
            }
        }
        panic!("no end");
    };
    let (all, single) = (answer(false), answer(true));
    assert!(
        all == single
            || !matches!((&all, &single), (CheckResult::Yes, CheckResult::No) | (CheckResult::No, CheckResult::Yes))
    );
}
