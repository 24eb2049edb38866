//! What a service asks → a question that fits the schema, or what of it does not. Unknown properties are refused, not
//! ignored: one could be a misspelling of a property that a `forbid` tests.

use std::error::Error;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, Schema};
use postern::authzen::{self, Evaluation};
use postern::policy::Part;
use serde_json::{Map, Value, json};

use super::question::Question;

/// The member of the context that has the properties of the action.
const ACTION: &str = "action";

/// The types and actions that can be asked about.
#[derive(Debug)]
pub(super) struct Domain {
    schema: Schema,
    /// All actions, with the groups that they are in.
    actions: Entities,
}

/// Why a question cannot be put.
#[derive(Debug)]
pub(super) struct Unfit {
    pub(super) part: Part,
    /// May quote the question.
    pub(super) message: String,
}

impl Domain {
    pub(super) fn of(schema: &Schema) -> Result<Self, String> {
        let actions = schema.action_entities().map_err(|error| error.to_string())?;
        Ok(Self { schema: schema.clone(), actions })
    }

    /// # Errors
    /// When it does not fit. The caller denies.
    pub(super) fn question(&self, asked: &Evaluation) -> Result<Question, Unfit> {
        let action = self.action(asked)?;
        let (subject, resource) = (&*asked.subject, &*asked.resource);
        let (who, what) = (uid(subject, Part::Subject)?, uid(resource, Part::Resource)?);
        let mut entities = vec![self.entity(subject, &who, Part::Subject)?];
        if who != what {
            entities.push(self.entity(resource, &what, Part::Resource)?);
        } else if subject.properties != resource.properties {
            // Which of them would be true?
            return Err(Unfit::new(Part::Resource, "is the subject too, with other properties"));
        }
        let context = surroundings(asked)?;
        let context = Context::from_json_value(context.into(), Some((&self.schema, &action)))
            .map_err(|error| Unfit::by(Part::Context, error))?;
        let entities =
            self.actions.clone().add_entities(entities, None).map_err(|error| Unfit::by(Part::Whole, error))?;
        let request = Request::new(who, action, what, context, Some(&self.schema));
        Ok(Question { request: request.map_err(|error| Unfit::by(Part::Whole, error))?, entities })
    }

    /// The action is declared in the namespace of the resource's type: for that type alone, as `record:read`, or else by
    /// its plain name.
    fn action(&self, asked: &Evaluation) -> Result<EntityUid, Unfit> {
        let (namespace, kind) = match asked.resource.kind.rsplit_once("::") {
            Some((namespace, kind)) => (format!("{namespace}::"), kind),
            None => (String::new(), asked.resource.kind.as_str()),
        };
        let of_type: EntityTypeName =
            format!("{namespace}Action").parse().map_err(|error| Unfit::by(Part::Resource, error))?;
        let named = |name: String| EntityUid::from_type_name_and_id(of_type.clone(), EntityId::new(name));
        let name = &asked.action.name;
        let known = [named(format!("{kind}:{name}")), named(name.clone())];
        let found = known.into_iter().find(|action| self.actions.get(action).is_some());
        found.ok_or_else(|| Unfit::new(Part::Action, "the schema declares no such action"))
    }

    /// The schema says what a JSON value is meant to be: a text may be an IP address, or the id of an entity.
    fn entity(&self, entity: &authzen::Entity, uid: &EntityUid, part: Part) -> Result<Entity, Unfit> {
        let json = json!({
            "uid": { "type": uid.type_name().to_string(), "id": entity.id },
            "attrs": entity.properties,
            "parents": [],
        });
        Entity::from_json_value(json, Some(&self.schema)).map_err(|error| Unfit::by(part, error))
    }
}

impl Unfit {
    fn new(part: Part, why: &str) -> Self {
        Self { part, message: why.to_owned() }
    }

    /// With all that is behind it: the first word alone often says no more than that it went wrong.
    fn by(part: Part, why: impl Error) -> Self {
        let mut message = why.to_string();
        let mut cause = why.source();
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self { part, message }
    }
}

fn uid(entity: &authzen::Entity, part: Part) -> Result<EntityUid, Unfit> {
    let name: EntityTypeName = entity.kind.parse().map_err(|error| Unfit::by(part, error))?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(&entity.id)))
}

fn surroundings(asked: &Evaluation) -> Result<Map<String, Value>, Unfit> {
    let mut context = (*asked.context).clone();
    let properties = &asked.action.properties;
    if !properties.is_empty() && context.insert(ACTION.to_owned(), properties.clone().into()).is_some() {
        return Err(Unfit::new(Part::Context, "has an `action`, and the action has properties"));
    }
    Ok(context)
}
