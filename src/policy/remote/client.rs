//! The side of the gateway.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::rc::Rc;

use super::facts::{ManagementMessage, RequestMessage};
use super::message::{Answer, EvaluationMessage, OfSet, PolicySource, Question};
use crate::authzen::Evaluation;
use crate::policy::bundle::{Bundle, Version};
use crate::policy::decision::{Cause, Failure, NearMiss, PolicyDecision, PolicyVerdict};
use crate::policy::engine::{Compiled, CompiledPolicies, PolicyEngine, Readiness};
use crate::policy::input::{ManagementInput, PolicyInput};
use crate::policy::names::{KnownNames, UnknownName};
use crate::policy::problem::PolicyProblem;

/// The way to an [`super::EngineService`].
pub trait EngineLine: Debug {
    /// Comes when there is something at its other end.
    fn ready(&self) -> Readiness<'_> {
        Box::pin(std::future::ready(()))
    }

    /// The answer to a message; `None` where the service is not there, or ended in the midst of it.
    fn ask(&self, question: &[u8]) -> Option<Vec<u8>>;
}

/// An engine that is asked by messages.
#[derive(Debug)]
pub struct RemoteEngine<L: 'static> {
    line: &'static L,
    version: OnceCell<Version>,
}

/// The policies of one version, which the engine has read. It has to read them again if it ended since.
#[derive(Debug)]
struct RemoteSet<L: EngineLine + 'static> {
    line: &'static L,
    version: Version,
    source: PolicySource<'static>,
}

const NO_ANSWER: &str = "the engine for policies gave no answer";

impl<L: EngineLine> RemoteEngine<L> {
    /// The engine at the other end of this line.
    #[must_use]
    pub const fn new(line: &'static L) -> Self {
        Self { line, version: OnceCell::new() }
    }

    fn read(&self, source: PolicySource<'static>) -> Compiled {
        match ask(self.line, &Question::Read(source.clone())) {
            Some(Answer::Read(version)) => Ok(Rc::new(RemoteSet { line: self.line, version, source })),
            Some(Answer::Problems(problems)) => Err(problems),
            _ => Err(vec![PolicyProblem::of_all(NO_ANSWER)]),
        }
    }
}

impl<L: EngineLine> PolicyEngine for RemoteEngine<L> {
    fn ready(&self) -> Readiness<'_> {
        self.line.ready()
    }

    fn parse(&self, bundle: &Bundle) -> Compiled {
        self.read(PolicySource::Text(bundle.to_text().into(), false))
    }

    fn parse_checked(&self, bundle: &Bundle) -> Compiled {
        self.read(PolicySource::Text(bundle.to_text().into(), true))
    }

    fn unknown_names(&self, bundle: &Bundle, known: Option<&KnownNames>) -> Vec<UnknownName> {
        let question = Question::UnknownNames { text: bundle.to_text().into(), known: known.map(Cow::Borrowed) };
        let certain = |problem| UnknownName { problem, path: None };
        match ask(self.line, &question) {
            Some(Answer::UnknownNames(unknown)) => unknown,
            Some(Answer::Problems(problems)) => problems.into_iter().map(certain).collect(),
            _ => vec![certain(PolicyProblem::of_all(NO_ANSWER))],
        }
    }

    fn built_in(&self) -> Compiled {
        self.read(PolicySource::BuiltIn)
    }

    fn version(&self) -> Option<Version> {
        if let Some(version) = self.version.get() {
            return Some(version.clone());
        }
        match ask(self.line, &Question::Version)? {
            Answer::Version(version) => Some(self.version.get_or_init(|| version).clone()),
            _ => None,
        }
    }
}

impl<L: EngineLine> RemoteSet<L> {
    /// `None` without an answer.
    fn ask(&self, asked: OfSet<'_>) -> Option<Answer> {
        let question = Question::Of(Cow::Borrowed(&self.version), asked);
        match ask(self.line, &question)? {
            Answer::Absent => {
                let read = ask(self.line, &Question::Read(self.source.again()))?;
                let is_same = matches!(read, Answer::Read(version) if version == self.version);
                ask(self.line, &question).filter(|_| is_same)
            }
            answer => Some(answer),
        }
    }

    fn decision(&self, asked: OfSet<'_>) -> PolicyDecision {
        match self.ask(asked) {
            Some(Answer::Decision(decision)) if decision.version == self.version => decision,
            _ => PolicyDecision {
                verdict: PolicyVerdict::Deny(Cause::Unanswerable),
                policies: Vec::new(),
                failures: vec![Failure { policy: String::new(), message: NO_ANSWER.to_owned() }],
                version: self.version.clone(),
            },
        }
    }
}

impl<L: EngineLine> CompiledPolicies for RemoteSet<L> {
    fn version(&self) -> &Version {
        &self.version
    }

    fn decide(&self, input: &PolicyInput<'_>) -> PolicyDecision {
        self.decision(OfSet::Decide(RequestMessage::of(input)))
    }

    fn nearest(&self, input: &PolicyInput<'_>) -> Vec<NearMiss> {
        match self.ask(OfSet::Nearest(RequestMessage::of(input))) {
            Some(Answer::Nearest(misses)) => misses,
            _ => Vec::new(),
        }
    }

    fn evaluate(&self, evaluation: &Evaluation) -> PolicyDecision {
        self.decision(OfSet::Evaluate(EvaluationMessage::of(evaluation)))
    }

    fn decide_management(&self, input: &ManagementInput<'_>) -> PolicyDecision {
        self.decision(OfSet::Manage(ManagementMessage::of(input)))
    }

    fn managing(&self) -> Option<BTreeSet<String>> {
        match self.ask(OfSet::Managing)? {
            Answer::Managing(policies) => Some(policies),
            _ => None,
        }
    }

    fn rehearse(&self) {
        // What it says is of no interest.
        let _done = self.ask(OfSet::Rehearse);
    }
}

impl<L: EngineLine> Drop for RemoteSet<L> {
    fn drop(&mut self) {
        // Where nobody answers, nothing is kept.
        let _done = ask(self.line, &Question::Of(Cow::Borrowed(&self.version), OfSet::Drop));
    }
}

impl PolicySource<'_> {
    /// The same for the second time: it has been checked.
    fn again(&self) -> PolicySource<'_> {
        match self {
            Self::BuiltIn => PolicySource::BuiltIn,
            Self::Text(text, _) => PolicySource::Text(Cow::Borrowed(text), true),
        }
    }
}

fn ask(line: &impl EngineLine, question: &Question<'_>) -> Option<Answer> {
    let answer = line.ask(&postcard::to_allocvec(question).ok()?)?;
    postcard::from_bytes(&answer).ok()
}
