//! One question of a service within an event.

use serde::Serialize;

use super::text::cut;
use crate::authzen::{Entity, Evaluation, RequestError};

/// One question of a service, and the answer. Many of them stand in one event, so each is cut shorter.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluated {
    /// About whom: type and id.
    pub subject: String,
    /// About doing what.
    pub action: String,
    /// With what: type and id.
    pub resource: String,
    /// Whether they may.
    pub decision: bool,
    /// Exactly why: a fixed word.
    pub reason: &'static str,
    /// More of why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The policies that decided, or the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// What the version on trial would have decided, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_trial: Option<String>,
}

impl Evaluated {
    const MAX_TEXT_BYTES: usize = 100;
    const MAX_POLICIES: usize = 8;

    /// No, for this reason, until somebody knows better.
    #[must_use]
    pub fn denied(asked: &Evaluation, reason: &'static str) -> Self {
        let named = |entity: &Entity| Self::short(&format!("{} {}", entity.kind, entity.id));
        Self {
            subject: named(&asked.subject),
            action: Self::short(&asked.action.name),
            resource: named(&asked.resource),
            ..Self::no(reason)
        }
    }

    /// No: it was no question.
    #[must_use]
    pub fn malformed(error: RequestError) -> Self {
        Self { detail: Some(error.message()), ..Self::no("evaluation.malformed") }
    }

    fn no(reason: &'static str) -> Self {
        Self {
            subject: String::new(),
            action: String::new(),
            resource: String::new(),
            decision: false,
            reason,
            detail: None,
            policies: Vec::new(),
            policy_trial: None,
        }
    }

    /// Names the policies that decided.
    pub fn by(&mut self, policies: &[String]) {
        self.policies = policies.iter().take(Self::MAX_POLICIES).cloned().collect();
    }

    fn short(text: &str) -> String {
        cut(text, Self::MAX_TEXT_BYTES)
    }
}
