//! Tuples as callers write them, with the ids that issuers have in the configuration; and what is wrong with them, in words.

use serde_json::Value;

use crate::audit;
use crate::gateway::context::RequestContext;
use crate::relation::{self, Inadmissible, Misnamed, Model, Name, Object, Subject, TUPLE, Tuple};

/// The issuer that goes by this id; those of providers and of issuers are never the same.
fn issuer<'a, P>(ctx: &RequestContext<'a, P>, id: &str) -> Option<&'a str> {
    ctx.site.config.named_issuer(id)
}

/// An object; `None` when it is none.
pub(in crate::gateway) fn object<P>(ctx: &RequestContext<'_, P>, text: &str) -> Option<Object> {
    relation::object(text, &|id| issuer(ctx, id)).ok()
}

/// A subject; `None` when it is none.
pub(in crate::gateway) fn subject<P>(ctx: &RequestContext<'_, P>, text: &str) -> Option<Subject> {
    relation::subject(text, &|id| issuer(ctx, id)).ok()
}

/// A tuple.
///
/// # Errors
/// Why it is none.
pub(in crate::gateway) fn tuple<P>(ctx: &RequestContext<'_, P>, text: &str) -> Result<Tuple, String> {
    relation::tuple(text, &|id| issuer(ctx, id)).map_err(|why| {
        let text = audit::short(text);
        match why {
            Misnamed::Unreadable => format!("expected {TUPLE}, found `{text}`"),
            Misnamed::Issuer => {
                format!("`{text}`: people are named by the id of a provider or issuer, as in `user:corp|alice`")
            }
        }
    })
}

/// The tuples of a list, none where it is absent; what is none is a problem. `None` when it is no list of texts.
pub(super) fn tuples<P>(
    ctx: &RequestContext<'_, P>,
    list: Option<&Value>,
    problems: &mut Vec<String>,
) -> Option<Vec<Tuple>> {
    let Some(list) = list else { return Some(Vec::new()) };
    let mut all = Vec::new();
    for text in list.as_array()? {
        match tuple(ctx, text.as_str()?) {
            Ok(tuple) => all.push(tuple),
            Err(problem) => problems.push(problem),
        }
    }
    Some(all)
}

/// Why the model does not take a tuple.
pub(super) fn inadmissible(model: &Model, tuple: &Tuple) -> Option<String> {
    let subject = &tuple.subject;
    match model.admit(tuple) {
        Ok(()) => None,
        Err(Inadmissible::Subject) => {
            let (kind, relation) = (tuple.userset.object.kind(), &tuple.userset.relation);
            Some(format!("`{subject}` cannot stand in `RELATIONS.{kind}.{relation}` by a tuple"))
        }
        Err(_) => unknown(model, tuple),
    }
}

/// What of a tuple the model does not know.
pub(super) fn unknown(model: &Model, tuple: &Tuple) -> Option<String> {
    let hint = |names: Vec<&str>, name: &Name| {
        Model::meant(&names, name.as_str()).map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
    };
    let (kind, relation) = (tuple.userset.object.kind(), &tuple.userset.relation);
    if !model.has_type(kind) {
        return Some(format!("`RELATIONS` has no type `{kind}`{}", hint(model.names(None), kind)));
    }
    let known = model.has(kind, relation);
    (!known).then(|| format!("`RELATIONS.{kind}` has no `{relation}`{}", hint(model.names(Some(kind)), relation)))
}

/// As they are stored.
pub(in crate::gateway) fn texts(tuples: &[Tuple]) -> Vec<String> {
    tuples.iter().map(ToString::to_string).collect()
}
