//! An engine at the other end of a line that breaks.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use super::message::{Answer, OfSet, Question};
use super::*;
use crate::authzen::Evaluation;
use crate::policy::{
    Bundle, Cause, Compiled, CompiledPolicies, KnownNames, ManagementInput, NearMiss, PolicyDecision, PolicyEngine,
    PolicyInput, PolicyProblem, PolicyVerdict, UnknownName, Version, unknown_names,
};

/// Reads every text, and says yes by it, with the text's first file as the policy's name.
#[derive(Debug)]
struct Parrot;

#[derive(Debug)]
struct Yes(Version, String);

impl PolicyEngine for Parrot {
    fn parse(&self, bundle: &Bundle) -> Compiled {
        let (name, text) = bundle.files().next().unwrap();
        match text {
            "bad" => Err(vec![PolicyProblem::of_file(name, "bad")]),
            _ => Ok(Rc::new(Yes(bundle.version(), name.to_owned()))),
        }
    }

    fn parse_checked(&self, bundle: &Bundle) -> Compiled {
        self.parse(bundle)
    }

    fn unknown_names(&self, _: &Bundle, _: Option<&KnownNames>) -> Vec<UnknownName> {
        Vec::new()
    }

    fn built_in(&self) -> Compiled {
        self.parse(&named("built_in"))
    }

    fn version(&self) -> Option<Version> {
        Some(Version::of("parrot"))
    }
}

impl CompiledPolicies for Yes {
    fn version(&self) -> &Version {
        &self.0
    }

    fn decide(&self, _: &PolicyInput<'_>) -> PolicyDecision {
        panic!("no test asks for a route");
    }

    fn nearest(&self, _: &PolicyInput<'_>) -> Vec<NearMiss> {
        Vec::new()
    }

    fn evaluate(&self, evaluation: &Evaluation) -> PolicyDecision {
        let policies = vec![self.1.clone(), evaluation.subject.id.clone()];
        PolicyDecision { verdict: PolicyVerdict::Allow, policies, failures: Vec::new(), version: self.0.clone() }
    }

    fn decide_management(&self, _: &ManagementInput<'_>) -> PolicyDecision {
        panic!("no test asks for management");
    }

    fn managing(&self) -> Option<BTreeSet<String>> {
        Some([self.1.clone()].into())
    }

    fn rehearse(&self) {}
}

/// A line to a service that ends when it is told to, and is then there anew.
#[derive(Debug)]
struct Line {
    service: RefCell<EngineService>,
    ends: Cell<bool>,
    /// What it was asked, in short.
    asked: RefCell<Vec<String>>,
}

impl EngineLine for Line {
    fn ask(&self, question: &[u8]) -> Option<Vec<u8>> {
        let told = postcard::from_bytes(question).map(|question: Question<'_>| format!("{question:?}"));
        self.asked.borrow_mut().push(told.unwrap_or_default());
        if self.ends.replace(false) {
            self.service.replace(EngineService::new(&Parrot));
            return None;
        }
        Some(self.service.borrow().answer(question))
    }
}

impl Line {
    fn new() -> &'static Self {
        let service = EngineService::new(&Parrot).into();
        Box::leak(Box::new(Self { service, ends: false.into(), asked: RefCell::default() }))
    }

    fn answer(&self, question: &[u8]) -> Answer {
        postcard::from_bytes(&self.ask(question).unwrap()).unwrap()
    }

    /// How often it was asked something of this kind since this was last asked.
    fn count(&self, kind: &str) -> usize {
        self.asked.take().iter().filter(|one| one.contains(kind)).count()
    }
}

fn named(name: &str) -> Bundle {
    Bundle::new([(name.to_owned(), String::new())].into()).unwrap()
}

fn question() -> Evaluation {
    let body = r#"{ "subject": { "type": "a", "id": "alice" }, "action": { "name": "b" }, "resource": { "type": "c", "id": "d" } }"#;
    match crate::authzen::AuthzenRequest::one(body).unwrap() {
        crate::authzen::AuthzenRequest::One(one) => *one,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_set_answers_by_its_own_policies() {
    let engine = RemoteEngine::new(Line::new());
    let (one, other) = (engine.parse(&named("one")).unwrap(), engine.parse_checked(&named("other")).unwrap());
    assert_eq!(one.evaluate(&question()).policies, ["one", "alice"]);
    assert_eq!(other.evaluate(&question()).policies, ["other", "alice"]);
    assert_eq!(*one.version(), named("one").version());
    assert_eq!(other.managing(), Some(["other".to_owned()].into()));
    assert_eq!(engine.built_in().unwrap().managing(), Some(["built_in".to_owned()].into()));
    assert_eq!(engine.version(), Parrot.version());
}

#[test]
fn what_does_not_hold_up_is_told_and_not_kept() {
    let line = Line::new();
    let bad = Bundle::new([("a".to_owned(), "bad".to_owned())].into()).unwrap();
    assert_eq!(RemoteEngine::new(line).parse(&bad).unwrap_err(), [PolicyProblem::of_file("a", "bad")]);
    assert_eq!(line.count("Drop"), 0);
}

#[test]
fn a_question_that_ends_the_engine_is_denied_and_the_next_one_has_its_answer() {
    // R-196
    let line = Line::new();
    let set = RemoteEngine::new(line).parse(&named("one")).unwrap();
    line.ends.set(true);
    let decision = set.evaluate(&question());
    assert_eq!(decision.verdict, PolicyVerdict::Deny(Cause::Unanswerable));
    assert_eq!((decision.failures.len(), &decision.version), (1, set.version()));
    line.count("");
    assert!(set.evaluate(&question()).allows());
    assert_eq!(line.count("Read"), 1);
    assert!(set.evaluate(&question()).allows());
    assert_eq!(line.count("Read"), 0);
}

#[test]
fn without_an_answer_nothing_is_known() {
    let line = Line::new();
    let engine = RemoteEngine::new(line);
    let set = engine.parse(&named("one")).unwrap();
    line.ends.set(true);
    assert_eq!(set.managing(), None);
    line.ends.set(true);
    assert_eq!(engine.version(), None);
    assert_eq!(engine.version(), Parrot.version());
    line.ends.set(true);
    assert!(engine.parse(&named("one")).is_err());
    line.ends.set(true);
    assert!(!unknown_names(&engine, &named("one"), None).is_empty());
    assert!(unknown_names(&engine, &named("one"), None).is_empty());
    line.ends.set(true);
    assert!(engine.built_in().is_err());
}

#[test]
fn policies_are_kept_until_they_are_dropped_as_often_as_they_were_read() {
    let line = Line::new();
    let engine = RemoteEngine::new(line);
    let (first, second) = (engine.parse(&named("one")).unwrap(), engine.parse(&named("one")).unwrap());
    drop(first);
    line.count("");
    assert!(second.evaluate(&question()).allows());
    assert_eq!(line.count("Read"), 0);
    drop(second);
    let version = named("one").version();
    let asked = postcard::to_allocvec(&Question::Of(Cow::Owned(version), OfSet::Managing)).unwrap();
    assert!(matches!(line.answer(&asked), Answer::Absent));
}

#[test]
fn what_is_no_question_has_no_answer() {
    for question in [&b""[..], b"{}", b"\x09", b"\x03\x01x\x04"] {
        assert!(matches!(Line::new().answer(question), Answer::Unreadable), "{question:?}");
    }
}
