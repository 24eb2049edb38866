//! What is asked, and what is answered.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::facts::{ManagementMessage, RequestMessage};
use super::json_text;
use crate::authzen::{Action, Entity, Evaluation};
use crate::policy::bundle::Version;
use crate::policy::decision::{NearMiss, PolicyDecision};
use crate::policy::names::{KnownNames, UnknownName};
use crate::policy::problem::PolicyProblem;

/// What is asked of an engine.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are of the large kind")]
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question<'a> {
    /// The name of all that policies are checked by.
    Version,
    /// To read policies, and to keep them until they are dropped as often as they were read.
    Read(PolicySource<'a>),
    /// What in this text names something that is not there.
    UnknownNames { text: Cow<'a, str>, known: Option<Cow<'a, KnownNames>> },
    /// Something of the policies of a version that were read.
    Of(Cow<'a, Version>, OfSet<'a>),
}

/// Where policies are from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum PolicySource<'a> {
    /// They are built in.
    BuiltIn,
    /// The stored text of a version. Whether it has been checked before.
    Text(Cow<'a, str>, bool),
}

/// What is asked of policies that were read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum OfSet<'a> {
    Decide(RequestMessage<'a>),
    Nearest(RequestMessage<'a>),
    Manage(ManagementMessage<'a>),
    Evaluate(EvaluationMessage<'a>),
    Managing,
    Rehearse,
    Drop,
}

/// What a service asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EvaluationMessage<'a> {
    subject: EntityMessage<'a>,
    action: EntityMessage<'a>,
    resource: EntityMessage<'a>,
    #[serde(with = "json_text")]
    context: Cow<'a, Map<String, Value>>,
}

/// A subject or resource, or, without a type, an action.
#[derive(Debug, Serialize, Deserialize)]
struct EntityMessage<'a> {
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
    #[serde(with = "json_text")]
    properties: Cow<'a, Map<String, Value>>,
}

/// What an engine answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// No policies of this version were read there.
    Absent,
    /// That was no question.
    Unreadable,
    Version(Version),
    /// The version that was read.
    Read(Version),
    /// It could not be read.
    Problems(Vec<PolicyProblem>),
    UnknownNames(Vec<UnknownName>),
    Decision(PolicyDecision),
    Nearest(Vec<NearMiss>),
    Managing(BTreeSet<String>),
}

impl<'a> EvaluationMessage<'a> {
    pub(super) fn of(evaluation: &'a Evaluation) -> Self {
        let Evaluation { subject, action, resource, context } = evaluation;
        Self {
            subject: EntityMessage::of((&subject.kind, &subject.id), &subject.properties),
            action: EntityMessage::of(("", &action.name), &action.properties),
            resource: EntityMessage::of((&resource.kind, &resource.id), &resource.properties),
            context: Cow::Borrowed(context),
        }
    }

    pub(super) fn into_evaluation(self) -> Evaluation {
        Evaluation {
            subject: self.subject.into_entity().into(),
            action: self.action.into_action().into(),
            resource: self.resource.into_entity().into(),
            context: self.context.into_owned().into(),
        }
    }
}

impl<'a> EntityMessage<'a> {
    const fn of((kind, id): (&'a str, &'a str), properties: &'a Map<String, Value>) -> Self {
        Self { kind: Cow::Borrowed(kind), id: Cow::Borrowed(id), properties: Cow::Borrowed(properties) }
    }

    fn into_entity(self) -> Entity {
        Entity { kind: self.kind.into(), id: self.id.into(), properties: self.properties.into_owned() }
    }

    fn into_action(self) -> Action {
        Action { name: self.id.into(), properties: self.properties.into_owned() }
    }
}
