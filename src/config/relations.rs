//! `RELATIONS`: the types of things, and who stands in which relation to them.

use std::collections::BTreeMap;

use super::problem::{expected, shown};
use super::table::Table;
use super::value::{list, text};
use crate::ordered;
use crate::relation::{Model, Name, PEOPLE, Rewrite, Template};
use crate::route::Pattern;

const NAME: &str = "a name of letters, digits, `_` and `-` that begins with a letter";
const REWRITE: &str = "a definition such as `[user, group#member] or editor or viewer from parent`";
const TEMPLATE: &str = "a relation to something, such as `document:{id}#viewer`";
/// The most relations that a route asks for.
const MAX_ASKED: usize = 8;

/// What `RELATIONS` says.
pub(super) enum Relations {
    /// It is not there.
    Nothing,
    /// It has problems of its own.
    Unsure,
    /// This.
    Model(Model),
}

impl Relations {
    /// Reads `RELATIONS`, if it is there.
    pub(super) fn read(top: &mut Table<'_>) -> Self {
        if !top.has("RELATIONS") {
            top.table("RELATIONS");
            return Self::Nothing;
        }
        top.section("RELATIONS", |table| read(&table)).flatten().map_or(Self::Unsure, Self::Model)
    }

    /// The model; one that knows no type where there is none.
    pub(super) fn into_model(self) -> Model {
        if let Self::Model(model) = self { model } else { Model::default() }
    }
}

/// The types of people are always there. `None` when something is wrong.
fn read(table: &Table<'_>) -> Option<Model> {
    let mut definitions: BTreeMap<Name, BTreeMap<Name, Rewrite>> =
        ordered::collected(PEOPLE.iter().filter_map(|kind| Some((Name::parse(kind)?, BTreeMap::new()))));
    let mut whole = true;
    let tables = table.tables();
    whole &= tables.len() == table.entries().count();
    for (kind, inner) in &tables {
        let relations: Option<BTreeMap<Name, Rewrite>> = relations(inner);
        match Name::parse(kind) {
            None => table.problem(kind, expected(NAME, kind)),
            Some(kind) => definitions.entry(kind).or_default().extend(relations.clone().unwrap_or_default()),
        }
        whole &= relations.is_some() && Name::parse(kind).is_some();
    }
    if !whole {
        return None;
    }
    let problems = match Model::new(definitions) {
        Ok(model) => return Some(model),
        Err(problems) => problems,
    };
    for problem in problems {
        let kind = tables.iter().find(|(kind, _)| **kind == problem.kind).map(|(_, inner)| inner);
        match (kind, problem.relation) {
            (Some(kind), Some(relation)) => kind.problem(&relation, problem.message),
            _ => table.problem_here(problem.message),
        }
    }
    None
}

fn relations(table: &Table<'_>) -> Option<BTreeMap<Name, Rewrite>> {
    let mut all = BTreeMap::new();
    let mut whole = true;
    for (name, value) in table.entries() {
        let rewrite = text(value).and_then(|text| {
            Rewrite::parse(text).map_err(|error| format!("expected {REWRITE}, found {}: {error}", shown(text)))
        });
        match (Name::parse(name), rewrite) {
            (Some(name), Ok(rewrite)) => {
                all.insert(name, rewrite);
                continue;
            }
            (None, _) => table.problem(name, expected(NAME, name)),
            (_, Err(message)) => table.problem(name, message),
        }
        whole = false;
    }
    whole.then_some(all)
}

/// The relations at `key` of a route's table: each to something that the model and the path know.
pub(super) fn asked(
    table: &mut Table<'_>,
    key: &'static str,
    pattern: Option<&Pattern>,
    known: &Relations,
) -> Vec<Template> {
    let Some(all) = table.optional(key, list(TEMPLATE, Template::parse)) else { return Vec::new() };
    if all.is_empty() || all.len() > MAX_ASKED {
        table.problem(key, format!("expected 1 to {MAX_ASKED}, found {}", all.len()));
    }
    for message in all.iter().filter_map(|template| fault(template, pattern, known)) {
        table.problem(key, message);
    }
    all
}

fn fault(template: &Template, pattern: Option<&Pattern>, known: &Relations) -> Option<String> {
    let unknown = |name: &&str| pattern.is_some_and(|pattern| !pattern.segments().any(|segment| segment == *name));
    if let Some(name) = template.parameters().find(unknown) {
        return Some(format!("`{{{name}}}` is no parameter of the path for one whole segment"));
    }
    let (kind, relation) = (template.kind(), template.relation());
    if PEOPLE.contains(&kind.as_str()) {
        return Some(format!("`{template}`: a path cannot name a {kind}, which is an issuer and a subject"));
    }
    let hint = |names: &[&str], name: &Name| {
        Model::meant(names, name.as_str()).map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
    };
    match known {
        Relations::Nothing => Some("names a relation, and there is no `RELATIONS`".to_owned()),
        Relations::Model(model) if !model.has_type(kind) => {
            Some(format!("`RELATIONS` has no type `{kind}`{}", hint(&model.names(None), kind)))
        }
        Relations::Model(model) if !model.has(kind, relation) => {
            Some(format!("`RELATIONS.{kind}` has no `{relation}`{}", hint(&model.names(Some(kind)), relation)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn sharing() -> Value {
        let relations = json!({
            "group": { "member": "[user, group#member]" },
            "document": { "owner": "[user]", "viewer": "[user:*, group#member] or owner" },
        });
        with(small(), &["RELATIONS"], relations)
    }

    fn route(require: Value) -> Value {
        let route = json!({ "upstream": "service:API", "require": require });
        with(sharing(), &["ROUTES", "/documents/{id}/{*rest}"], route)
    }

    #[test]
    fn a_route_asks_for_relations_that_are_there() {
        let config = parse(&route(json!({ "relations": ["document:{id}#viewer", "group:staff#member"] }))).unwrap();
        let route = config.routes.routes().iter().find(|route| route.name.starts_with("/documents")).unwrap();
        let guard = route.guard().unwrap();
        let asked: Vec<String> = guard.requirements.relations.iter().map(ToString::to_string).collect();
        assert_eq!(asked, ["document:{id}#viewer", "group:staff#member"]);
        assert!(config.relations.has_type(&Name::parse("service").unwrap()));
        assert!(parse(&small()).unwrap().relations.names(None).is_empty());
    }

    #[test]
    fn a_relation_that_is_not_there_is_a_problem() {
        let place = "ROUTES.\"/documents/{id}/{*rest}\".require.relations";
        for (relation, message) in [
            ("document:{id}#vewer", "`RELATIONS.document` has no `vewer`, did you mean `viewer`?"),
            ("documents:{id}#viewer", "`RELATIONS` has no type `documents`, did you mean `document`?"),
            ("document:{name}#viewer", "`{name}` is no parameter of the path for one whole segment"),
            ("document:{rest}#viewer", "`{rest}` is no parameter of the path for one whole segment"),
            ("user:{id}#viewer", "`user:{id}#viewer`: a path cannot name a user, which is an issuer and a subject"),
            (
                "viewer@document:{id}",
                "expected a relation to something, such as `document:{id}#viewer`, found `viewer@document:{id}`",
            ),
        ] {
            assert_eq!(problems(&route(json!({ "relations": [relation] }))), [format!("{place}: {message}")]);
        }
        assert_eq!(problems(&route(json!({ "relations": [] }))), [format!("{place}: expected 1 to 8, found 0")]);
        let without = json!({ "upstream": "service:API", "require": { "relations": ["a:b#c"] } });
        let lines = problems(&with(small(), &["ROUTES", "/x"], without));
        assert_eq!(lines, ["ROUTES.\"/x\".require.relations: names a relation, and there is no `RELATIONS`"]);
    }

    #[test]
    fn facts_are_for_policies() {
        let route = json!({ "upstream": "service:API", "facts": ["document:{id}#viewer"] });
        let lines = problems(&with(sharing(), &["ROUTES", "/documents/{id}"], route));
        assert_eq!(lines, ["ROUTES.\"/documents/{id}\".facts: are told to policies, and `policy` is not `true`"]);
    }

    #[test]
    fn what_is_no_model_is_told_by_its_place() {
        for (relations, problem) in [
            (
                json!({ "document": { "viewer": 1 } }),
                "RELATIONS.document.viewer: expected a string, found the number `1`",
            ),
            (json!({ "document": "x" }), "RELATIONS.document: expected a table, found `x`"),
            (
                json!({ "document": { "viewer": "[user] or" } }),
                "RELATIONS.document.viewer: expected a definition such as `[user, group#member] or editor or viewer from parent`, found `[user] or`: it ends too early",
            ),
            (
                json!({ "document": { "a b": "[user]" } }),
                "RELATIONS.document.\"a b\": expected a name of letters, digits, `_` and `-` that begins with a letter, found `a b`",
            ),
            (
                json!({ "document": { "viewer": "[usr]" } }),
                "RELATIONS.document.viewer: there is no type `usr`, did you mean `user`?",
            ),
            (json!([]), "RELATIONS: expected a table, found a list"),
        ] {
            assert_eq!(problems(&with(small(), &["RELATIONS"], relations)), [problem]);
        }
    }
}
