//! `require.relations` and `facts`: whether the identity stands in a relation to what the path names. Asked of
//! the store step by step: what has to be read, and from what was read, the answer.

use super::Denial;
use crate::authn::Principal;
use crate::ids::principal_kind::PrincipalKind;
use crate::ports::StoreError;
use crate::relation::{
    CheckResult, KnownTuples, MAX_READS, Model, Read, Subject, Template, TupleReply, Unanswerable, Userset, distinct,
    evaluate, person,
};
use crate::route::Guard;

/// What a route wants to know of one principal's relations.
#[derive(Debug)]
pub struct Questions<'a> {
    model: &'a Model,
    subject: Subject,
    required: Vec<Question<'a>>,
    facts: Vec<Question<'a>>,
    known: KnownTuples,
    rounds: usize,
}

#[derive(Debug)]
struct Question<'a> {
    template: &'a Template,
    userset: Userset,
}

/// How far the questions are answered.
#[derive(Debug, PartialEq, Eq)]
pub enum RelationStep {
    /// This has to be read first.
    Read(Vec<Read>),
    /// All that is required holds; and of the route's facts these.
    Met(Vec<String>),
    /// It does not.
    Denied(Denial),
}

impl<'a> Questions<'a> {
    /// What this route asks about this principal; `None` when nothing.
    ///
    /// # Errors
    /// When the principal or what the path names can have no relations at all.
    pub fn new(
        model: &'a Model,
        principal: &Principal,
        guard: &'a Guard,
        params: &[(String, String)],
    ) -> Result<Option<Self>, Denial> {
        let (required, facts) = (&guard.requirements.relations, &guard.facts);
        let Some(first) = required.iter().chain(facts).next() else { return Ok(None) };
        // What a person's key or agent may reach is what the person may reach; its scopes take away from that.
        let subject = match principal.owner() {
            Some(owner) => person(PrincipalKind::Human, &owner.issuer, &owner.subject),
            None => person(principal.kind_of_subject(), principal.issuer(), principal.subject()),
        };
        let subject = subject.ok_or_else(|| Denial::relation("relation.no_subject", first.to_string()))?;
        let questions = |templates: &'a [Template]| templates.iter().map(|template| Question::of(template, params));
        Ok(Some(Self {
            model,
            subject: Subject::Object(subject),
            required: questions(required).collect::<Result<_, _>>()?,
            facts: questions(facts).collect::<Result<_, _>>()?,
            known: KnownTuples::default(),
            rounds: 0,
        }))
    }

    /// The answer, or what to read for it. One relation that is not there decides, whatever the others are. A fact
    /// that nobody can tell is no fact that is not so: a policy may forbid by it.
    #[must_use]
    pub fn step(&self) -> RelationStep {
        let (mut reads, mut facts) = (Vec::new(), Vec::new());
        for question in &self.required {
            match self.outcome(question) {
                CheckResult::Yes => {}
                CheckResult::No => return RelationStep::Denied(question.denied("authz.relation_missing")),
                CheckResult::Unanswerable(why) => return RelationStep::Denied(question.unanswerable(why)),
                CheckResult::Wants(wanted) => reads.extend(wanted),
            }
        }
        for question in &self.facts {
            match self.outcome(question) {
                CheckResult::Yes => facts.push(question.template.to_string()),
                CheckResult::No => {}
                CheckResult::Unanswerable(why) => return RelationStep::Denied(question.unanswerable(why)),
                CheckResult::Wants(wanted) => reads.extend(wanted),
            }
        }
        if reads.is_empty() {
            return RelationStep::Met(facts);
        }
        let mut reads = distinct(reads.into_iter());
        reads.truncate(MAX_READS.saturating_sub(self.known.len()));
        RelationStep::Read(reads)
    }

    fn outcome(&self, question: &Question<'_>) -> CheckResult {
        evaluate(self.model, &self.known, &question.userset, &self.subject)
    }

    /// Takes in what was read.
    ///
    /// # Errors
    /// When there is not one answer for each question.
    pub fn learn(&mut self, reads: Vec<Read>, answers: Vec<TupleReply>) -> Result<(), StoreError> {
        if reads.len() != answers.len() {
            return Err(StoreError::Malformed);
        }
        reads.into_iter().zip(answers).for_each(|(read, answer)| self.known.learn(read, answer));
        self.rounds += 1;
        Ok(())
    }

    /// How often something was read, and how much in all.
    #[must_use]
    pub fn cost(&self) -> (usize, usize) {
        (self.rounds, self.known.len())
    }
}

impl<'a> Question<'a> {
    fn of(template: &'a Template, params: &[(String, String)]) -> Result<Self, Denial> {
        let userset = template.fill(params);
        let userset = userset.ok_or_else(|| Denial::relation("relation.no_object", template.to_string()))?;
        Ok(Self { template, userset })
    }

    fn denied(&self, code: &'static str) -> Denial {
        Denial::relation(code, self.template.to_string())
    }

    fn unanswerable(&self, why: Unanswerable) -> Denial {
        self.denied(why.code())
    }
}
