//! The body of a request → one question or several.
//!
//! Members that the specification does not name are ignored (§10.1.1), and one that is `null` is taken as absent (§11.5).

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::json::{self, JsonError};

/// The longest body, in bytes.
pub const MAX_BYTES: usize = 128 * 1024;
/// The most questions in one request.
pub const MAX_EVALUATIONS: usize = 100;
/// The longest type of a subject or resource and name of an action, in bytes.
const MAX_NAME: usize = 256;
/// The longest id, in bytes.
const MAX_ID: usize = 1024;

/// A subject (§5.1) or a resource (§5.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// `type`
    pub kind: String,
    /// `id`
    pub id: String,
    /// `properties`; empty when there are none.
    pub properties: Map<String, Value>,
}

/// What is to be done (§5.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// `name`
    pub name: String,
    /// `properties`; empty when there are none.
    pub properties: Map<String, Value>,
}

/// One question (§6.1). Questions of one request share what they have from its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Who.
    pub subject: Rc<Entity>,
    /// Does what.
    pub action: Rc<Action>,
    /// With what.
    pub resource: Rc<Entity>,
    /// In what surroundings (§5.4); empty when nothing is said of them.
    pub context: Rc<Map<String, Value>>,
}

/// How many of several questions are answered (§7.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    /// All of them.
    #[default]
    ExecuteAll,
    /// Up to the first no.
    DenyOnFirstDeny,
    /// Up to the first yes.
    PermitOnFirstPermit,
}

/// What a body asks.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthzenRequest {
    /// One question.
    One(Box<Evaluation>),
    /// Several. Where one of them is none, the answer to it is no, and the others are answered (§7.2.1).
    Many(Semantic, Vec<Result<Evaluation, RequestError>>),
}

/// Why a body asks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It is no JSON object that can be read.
    Json(JsonError),
    /// This member is missing, is of another type than it must be, or is too long.
    Member(&'static str),
    /// It does not say that it is JSON.
    ContentType,
    /// More questions than [`MAX_EVALUATIONS`].
    TooMany,
}

impl RequestError {
    /// What is wrong, for whoever wrote the body: our own words, nothing of the body's.
    #[must_use]
    pub fn message(self) -> String {
        match self {
            Self::Json(error) => format!("body: {error}"),
            Self::Member(name) => format!("`{name}` is missing, of another type than expected, or too long"),
            Self::ContentType => "`Content-Type` is not `application/json`".to_owned(),
            Self::TooMany => format!("more than {MAX_EVALUATIONS} evaluations"),
        }
    }
}

/// What the parts of an entity are called in messages.
struct Called {
    whole: &'static str,
    kind: &'static str,
    id: &'static str,
    properties: &'static str,
}

const SUBJECT: Called =
    Called { whole: "subject", kind: "subject.type", id: "subject.id", properties: "subject.properties" };
const RESOURCE: Called =
    Called { whole: "resource", kind: "resource.type", id: "resource.id", properties: "resource.properties" };

/// The parts that a question, or the defaults of several, may have.
#[derive(Clone, Default)]
struct Parts {
    subject: Option<Rc<Entity>>,
    action: Option<Rc<Action>>,
    resource: Option<Rc<Entity>>,
    context: Option<Rc<Map<String, Value>>>,
}

impl AuthzenRequest {
    /// Reads the body of an Access Evaluation request (§6.1).
    ///
    /// # Errors
    /// When it is none.
    pub fn one(body: &str) -> Result<Self, RequestError> {
        Parts::read(&object(body)?)?.whole().map(|one| Self::One(Box::new(one)))
    }

    /// Reads the body of an Access Evaluations request (§7.1). Without `evaluations` it is one question.
    ///
    /// # Errors
    /// When it is none.
    pub fn many(body: &str) -> Result<Self, RequestError> {
        let body = object(body)?;
        let defaults = Parts::read(&body)?;
        let semantic = Semantic::read(&body)?;
        let items = match member(&body, "evaluations") {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(_) => return Err(RequestError::Member("evaluations")),
        };
        if items.is_empty() {
            return defaults.whole().map(|one| Self::One(Box::new(one)));
        }
        if items.len() > MAX_EVALUATIONS {
            return Err(RequestError::TooMany);
        }
        let read = |item: &Value| {
            let item = item.as_object().ok_or(RequestError::Member("evaluations"))?;
            Parts::read(item)?.or(&defaults).whole()
        };
        Ok(Self::Many(semantic, items.iter().map(read).collect()))
    }
}

impl Semantic {
    fn read(body: &Map<String, Value>) -> Result<Self, RequestError> {
        let Some(options) = of_type(body, "options", Value::as_object, "options")? else { return Ok(Self::default()) };
        match member(options, "evaluations_semantic").map(Value::as_str) {
            None | Some(Some("execute_all")) => Ok(Self::ExecuteAll),
            Some(Some("deny_on_first_deny")) => Ok(Self::DenyOnFirstDeny),
            Some(Some("permit_on_first_permit")) => Ok(Self::PermitOnFirstPermit),
            Some(_) => Err(RequestError::Member("options.evaluations_semantic")),
        }
    }

    /// Whether this answer is the last.
    #[must_use]
    pub const fn ends_with(self, permitted: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !permitted,
            Self::PermitOnFirstPermit => permitted,
        }
    }
}

impl Parts {
    fn read(object: &Map<String, Value>) -> Result<Self, RequestError> {
        let context = of_type(object, "context", Value::as_object, "context")?;
        Ok(Self {
            subject: Entity::read(object, &SUBJECT)?.map(Rc::new),
            action: Action::read(object)?.map(Rc::new),
            resource: Entity::read(object, &RESOURCE)?.map(Rc::new),
            context: context.map(|context| Rc::new(said(context))),
        })
    }

    /// A part is a question's own or, whole, the default (§7.1.1).
    fn or(self, defaults: &Self) -> Self {
        Self {
            subject: self.subject.or_else(|| defaults.subject.clone()),
            action: self.action.or_else(|| defaults.action.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
            context: self.context.or_else(|| defaults.context.clone()),
        }
    }

    fn whole(self) -> Result<Evaluation, RequestError> {
        Ok(Evaluation {
            subject: self.subject.ok_or(RequestError::Member("subject"))?,
            action: self.action.ok_or(RequestError::Member("action"))?,
            resource: self.resource.ok_or(RequestError::Member("resource"))?,
            context: self.context.unwrap_or_default(),
        })
    }
}

impl Entity {
    fn read(object: &Map<String, Value>, called: &Called) -> Result<Option<Self>, RequestError> {
        let Some(entity) = of_type(object, called.whole, Value::as_object, called.whole)? else { return Ok(None) };
        Ok(Some(Self {
            kind: text(entity, "type", MAX_NAME, called.kind)?,
            id: text(entity, "id", MAX_ID, called.id)?,
            properties: properties(entity, called.properties)?,
        }))
    }
}

impl Action {
    fn read(object: &Map<String, Value>) -> Result<Option<Self>, RequestError> {
        let Some(action) = of_type(object, "action", Value::as_object, "action")? else { return Ok(None) };
        Ok(Some(Self {
            name: text(action, "name", MAX_NAME, "action.name")?,
            properties: properties(action, "action.properties")?,
        }))
    }
}

fn object(body: &str) -> Result<Map<String, Value>, RequestError> {
    json::parse_object(body.as_bytes(), MAX_BYTES).map_err(RequestError::Json)
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn of_type<'a, T>(
    object: &'a Map<String, Value>,
    name: &str,
    read: impl Fn(&'a Value) -> Option<T>,
    called: &'static str,
) -> Result<Option<T>, RequestError> {
    member(object, name).map(|value| read(value).ok_or(RequestError::Member(called))).transpose()
}

fn text(object: &Map<String, Value>, name: &str, most: usize, called: &'static str) -> Result<String, RequestError> {
    let text = of_type(object, name, Value::as_str, called)?.filter(|text| text.len() <= most);
    text.map(str::to_owned).ok_or(RequestError::Member(called))
}

fn properties(object: &Map<String, Value>, called: &'static str) -> Result<Map<String, Value>, RequestError> {
    Ok(of_type(object, "properties", Value::as_object, called)?.map(said).unwrap_or_default())
}

/// The members that say something, here and in the objects inside.
fn said(members: &Map<String, Value>) -> Map<String, Value> {
    let known = members.iter().filter(|(_, value)| !value.is_null());
    let inner = |value: &Value| value.as_object().map_or_else(|| value.clone(), |object| Value::Object(said(object)));
    json::object(known.map(|(name, value)| (name.clone(), inner(value))))
}

#[cfg(test)]
mod tests;
