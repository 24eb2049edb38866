//! What a case asks: about a request to a route, or what a service would ask (`AuthZEN`).

use postern::authzen::{AuthzenRequest, Evaluation};
use postern::policy::PolicyDecision;
use postern_policy_cedar::PolicySet;
use serde_json::Value;

use super::case::{Asked, Case, Routes, Who};

/// A question whose every part was understood.
#[derive(Debug)]
pub(crate) enum Question<'a> {
    /// Somebody's request.
    Request(Box<Case<'a>>),
    /// The body of an Access Evaluation request.
    Evaluation(Box<Evaluation>),
}

impl<'a> Question<'a> {
    /// Somebody's request.
    ///
    /// # Errors
    /// When a part of it means nothing.
    pub(crate) fn of_request(who: &'a Who, asked: &'a Asked, routes: &Routes) -> Result<Self, String> {
        Ok(Self::Request(Box::new(Case::new(who, asked, routes)?)))
    }

    /// What a service asks.
    ///
    /// # Errors
    /// When it is no question.
    pub(crate) fn of_service(body: &Value) -> Result<Self, String> {
        match AuthzenRequest::one(&body.to_string()) {
            Ok(AuthzenRequest::One(evaluation)) => Ok(Self::Evaluation(evaluation)),
            Ok(AuthzenRequest::Many(..)) => Err("expected one evaluation".to_owned()),
            Err(error) => Err(error.message()),
        }
    }

    /// Either somebody and what they ask for, or an evaluation.
    ///
    /// # Errors
    /// When it is neither, or a part means nothing.
    pub(super) fn new(
        request: (Option<&'a Who>, Option<&'a Asked>),
        evaluation: Option<&Value>,
        routes: &Routes,
    ) -> Result<Self, String> {
        match (request, evaluation) {
            ((Some(who), Some(asked)), None) => Self::of_request(who, asked, routes),
            ((None, None), Some(body)) => Self::of_service(body),
            _ => Err("expected `principal` and `asked`, or `evaluation` alone".to_owned()),
        }
    }

    /// The answer.
    pub(crate) fn decide(&self, set: &PolicySet) -> PolicyDecision {
        match self {
            Self::Request(case) => set.decide(&case.input()),
            Self::Evaluation(evaluation) => set.evaluate(evaluation),
        }
    }
}
