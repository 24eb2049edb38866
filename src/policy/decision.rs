//! What a set of policies says of one question, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bundle::Version;
use super::step_up::PolicyStepUp;

/// May they, by which policies of which version?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDecision {
    /// The answer.
    pub verdict: PolicyVerdict,
    /// The policies that decided, by name and in order; none where none did.
    pub policies: Vec<String>,
    /// The policies that could not be evaluated, in order. With any, the answer is to deny.
    pub failures: Vec<Failure>,
    /// The version that was asked.
    pub version: Version,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyVerdict {
    /// A policy permits it and none forbids it.
    Allow,
    /// No.
    Deny(Cause),
    /// No, but after another sign-in: all that forbids it says so.
    StepUp(PolicyStepUp),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// No policy permits it.
    NothingPermits,
    /// A policy forbids it.
    Forbidden,
    /// A policy that is for this request could not be evaluated: what it would have said is not known.
    Failed,
    /// The question could not be put.
    Unanswerable,
    /// What a service asks does not fit the schema.
    Unfit(Part),
}

/// A part of what a service asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Its `subject`.
    Subject,
    /// Its `action`.
    Action,
    /// Its `resource`.
    Resource,
    /// Its `context`, with the properties of the action.
    Context,
    /// The four together: the action is for others.
    Whole,
}

/// A policy that would have permitted it, if one more of its conditions had held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// Its name.
    pub policy: String,
    /// Line and column of that condition in its file.
    pub at: (usize, usize),
    /// The condition as it is written; `None` for whoever may not read policies.
    pub failed: Option<String>,
}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    /// Its name; empty when it is not one policy's.
    pub policy: String,
    /// Why, for the log: may quote what is known of the principal.
    pub message: String,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.at;
        write!(f, "{}: at {line}:{column} this does not hold", self.policy)?;
        self.failed.iter().try_for_each(|failed| write!(f, ": {failed}"))
    }
}

impl PolicyDecision {
    /// Where no other sign-in is asked for, a no that one might mend is a no.
    #[must_use]
    pub fn without_step_up(self) -> Self {
        match self.verdict {
            PolicyVerdict::StepUp(_) => Self { verdict: PolicyVerdict::Deny(Cause::Forbidden), ..self },
            _ => self,
        }
    }

    /// Whether the request may go on.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.verdict == PolicyVerdict::Allow
    }
}

impl PolicyVerdict {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny(_) => "deny",
            Self::StepUp(_) => "step-up",
        }
    }

    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Allow => "policy.permitted",
            Self::Deny(Cause::NothingPermits) => "policy.nothing_permits",
            Self::Deny(Cause::Forbidden) => "policy.forbidden",
            Self::Deny(Cause::Failed) => "policy.failed",
            Self::Deny(Cause::Unanswerable) => "policy.unanswerable",
            Self::Deny(Cause::Unfit(Part::Subject)) => "policy.unfit_subject",
            Self::Deny(Cause::Unfit(Part::Action)) => "policy.unfit_action",
            Self::Deny(Cause::Unfit(Part::Resource)) => "policy.unfit_resource",
            Self::Deny(Cause::Unfit(Part::Context)) => "policy.unfit_context",
            Self::Deny(Cause::Unfit(Part::Whole)) => "policy.unfit_question",
            Self::StepUp(_) => "policy.step_up",
        }
    }
}
