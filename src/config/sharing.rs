//! `SHARING`: which services may read and write tuples, of which types.

use super::authzen::{Authzen, is_wrong, says_who};
use super::limits;
use super::relations::Relations;
use super::require;
use super::routes::{self, Surroundings};
use super::table::Table;
use crate::ids::principal_kind::PrincipalKind;
use crate::limit::RouteLimits;
use crate::relation::{Model, Name, Template};
use crate::route::{Access, Authentication, Guard, Pattern, Requirements, Route};

/// Where the endpoints are.
pub const SHARING_PREFIX: &str = "/auth/relations";

const UNSAID: &str = "expected what a service must have to share these, such as `scopes = [\"documents:share\"]`: without it none may, and the type is to be left out";

/// Who may share, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// The rule of the endpoints: what every service must have. It leads nowhere.
    pub route: Route,
    /// The types that services may be trusted with; never empty.
    pub types: Vec<SharedType>,
}

/// A type of `RELATIONS` whose tuples services may read and write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedType {
    /// Its name.
    pub kind: Name,
    /// What a service must have besides, as a rule with the same path: it leads nowhere, and has no limits.
    pub route: Route,
}

impl Sharing {
    /// The type of this name, if services may be trusted with it.
    #[must_use]
    pub fn shared_type(&self, kind: &Name) -> Option<&SharedType> {
        self.types.iter().find(|one| one.kind == *kind)
    }

    /// Its rules: that of the endpoints, and those of the types.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.route).chain(self.types.iter().map(|one| &one.route))
    }
}

/// Reads `SHARING`.
pub(super) fn read(mut table: Table<'_>, surroundings: &Surroundings<'_>) -> Option<Sharing> {
    let ways = ways(&mut table, surroundings);
    let requirements = requirements(&mut table, surroundings);
    let guard = Guard::new(ways.clone(), requirements);
    routes::refuse_contradictions(&table, &guard, surroundings);
    let access = Access::Guarded(Box::new(guard));
    let limits = limits::of_route(&mut table, Some(&access), surroundings.limits);
    let types = table.table("types").map(|types| shared_types(&types, &ways, surroundings));
    if types.is_none() && !table.has("types") {
        table.problem("types", "expected a table of types, found nothing");
    }
    table.finish();
    let route = route("SHARING".to_owned(), access, limits)?;
    Some(Sharing { route, types: types?.into_iter().collect::<Option<Vec<_>>>()? })
}

/// Refuses what services must stand in to share, or to ask for decisions, where it depends on what they write: they would
/// grant it to themselves.
pub(super) fn refuse_self_grants(top: &Table<'_>, sharing: &Sharing, authzen: Option<&Authzen>, known: &Relations) {
    let Relations::Model(model) = known else { return };
    let problem = |asked: &Template| {
        let on = model.depends_on(asked.kind(), asked.relation());
        let kind = &sharing.types.iter().find(|one| on.contains(&one.kind))?.kind;
        Some(format!(
            "services could put themselves into `{asked}`, because they write tuples of `{kind}` (`SHARING.types`)"
        ))
    };
    for (table, route) in [("SHARING", Some(&sharing.route)), ("AUTHZEN", authzen.map(|authzen| &authzen.route))] {
        let asked = route.and_then(Route::guard).map_or(&[][..], |guard| &guard.requirements.relations);
        for message in asked.iter().filter_map(problem) {
            top.problem_at(&[table, "require", "relations"], message);
        }
    }
}

/// By what services come: never by a session, which is a person's.
fn ways(table: &mut Table<'_>, surroundings: &Surroundings<'_>) -> Vec<Authentication> {
    let known = &surroundings.known;
    let ways = table.optional("authenticate", |value| routes::authenticate(value, known.issuers));
    if ways.as_ref().is_some_and(|ways| ways.contains(&Authentication::Session)) {
        table.problem("authenticate", "expected ways of services, such as `[\"bearer\"]`: a service has no session");
    }
    if ways.as_ref().is_some_and(|ways| ways.contains(&Authentication::Agent)) {
        table.problem("authenticate", "expected ways of services, such as `[\"bearer\"]`: an agent acts for a person");
    }
    if !table.has("authenticate") && known.issuers.ids.is_empty() {
        table.problem_here("takes access tokens of the issuers in `ISSUERS`, and there are none");
    }
    let mut ways = ways.unwrap_or_default();
    ways.retain(|way| !matches!(way, Authentication::Session | Authentication::Agent));
    if ways.is_empty() { vec![Authentication::Bearer] } else { ways }
}

/// What services alone can have. A person's own token would write for everybody.
fn requirements(table: &mut Table<'_>, surroundings: &Surroundings<'_>) -> Requirements {
    let pattern = Pattern::parse(SHARING_PREFIX).ok();
    let mut requirements = require::read(table, pattern.as_ref(), &surroundings.known);
    let problem = |message: &str| table.problem("require", message);
    if !requirements.kinds.is_empty() && requirements.kinds != [PrincipalKind::Service] {
        problem("expected no `kinds`: services alone write tuples, a person's own token would write for everybody");
    }
    requirements.kinds = vec![PrincipalKind::Service];
    requirements
}

fn shared_types(
    table: &Table<'_>,
    ways: &[Authentication],
    surroundings: &Surroundings<'_>,
) -> Vec<Option<SharedType>> {
    let tables = table.tables();
    if table.entries().next().is_none() {
        table.problem_here("expected at least one type, or no `SHARING`");
    }
    tables
        .into_iter()
        .map(|(name, inner)| {
            let kind = kind(table, name, surroundings.known.relations);
            shared_type(kind, (name, inner), ways, surroundings)
        })
        .collect()
}

/// A type of the model. A model with problems of its own has said so.
fn kind(table: &Table<'_>, name: &str, known: &Relations) -> Option<Name> {
    let kind = Name::parse(name);
    match (known, &kind) {
        (Relations::Nothing, _) => table.problem(name, "there is no `RELATIONS`"),
        (Relations::Model(model), kind) if !kind.as_ref().is_some_and(|kind| model.has_type(kind)) => {
            let hint = Model::meant(&model.names(None), name);
            let hint = hint.map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"));
            table.problem(name, format!("`RELATIONS` has no such type{hint}"));
        }
        _ => return kind,
    }
    None
}

fn shared_type(
    kind: Option<Name>,
    (name, mut table): (&str, Table<'_>),
    ways: &[Authentication],
    surroundings: &Surroundings<'_>,
) -> Option<SharedType> {
    let requirements = requirements(&mut table, surroundings);
    if !requirements.relations.is_empty() {
        table.problem("require", "`relations` is asked of all services alike, in `SHARING.require`");
    } else if !says_who(&requirements) && !is_wrong(&mut table) {
        table.problem("require", UNSAID);
    }
    let guard = Guard::new(ways.to_vec(), requirements);
    routes::refuse_contradictions(&table, &guard, surroundings);
    table.finish();
    let limits = RouteLimits { shared: true, ..RouteLimits::default() };
    let route = route(format!("SHARING.types.{name}"), Access::Guarded(Box::new(guard)), limits)?;
    Some(SharedType { kind: kind?, route })
}

fn route(name: String, access: Access, limits: RouteLimits) -> Option<Route> {
    Route::door(name, (SHARING_PREFIX, &["GET", "POST"]), access, limits)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use crate::ids::principal_kind::PrincipalKind;

    fn config(sharing: &Value) -> Value {
        let issuers = json!({
            "machines": { "issuer": "https://m.example", "audience": "https://app.example.com", "algs": ["ES256"] },
        });
        let relations = json!({ "document": { "viewer": "[user]" }, "folder": { "viewer": "[user]" } });
        let config = with(with(small(), &["ISSUERS"], issuers), &["RELATIONS"], relations);
        with(config, &["SHARING"], sharing.clone())
    }

    fn documents() -> Value {
        json!({ "types": { "document": { "require": { "scopes": ["documents:share"] } } } })
    }

    #[test]
    fn each_type_has_a_rule_of_its_own_and_services_alone_come_in() {
        //
        let config = parse(&config(&documents())).unwrap();
        let sharing = config.sharing.as_ref().unwrap();
        let [document] = sharing.types.as_slice() else { panic!("{:?}", sharing.types) };
        assert_eq!((document.kind.as_str(), sharing.route.resource()), ("document", Some("/auth/relations")));
        for route in sharing.routes() {
            let guard = route.token_guard().unwrap();
            assert!(!guard.takes_sessions() && guard.requirements.kinds == [PrincipalKind::Service]);
        }
        let scopes = &document.route.guard().unwrap().requirements.scopes;
        assert_eq!(scopes.as_slice(), ["documents:share"]);
        assert!(parse(&small()).unwrap().sharing.is_none());
    }

    #[test]
    fn a_type_is_closed_until_it_says_what_a_service_must_have() {
        //
        for require in [json!({}), json!({ "kinds": ["service"] }), json!({ "issuers": ["machines"] })] {
            let table = json!({ "types": { "document": { "require": require } } });
            let lines = problems(&config(&table));
            assert!(lines[0].starts_with("SHARING.types.document.require: expected what a service"), "{lines:?}");
        }
        let lines = problems(&config(&json!({ "types": { "document": {} } })));
        assert!(lines[0].starts_with("SHARING.types.document.require: expected what a service"), "{lines:?}");
    }

    #[test]
    fn no_service_grants_itself_what_it_must_have() {
        //
        let relations = json!({
            "group": { "member": "[service, group#member]" },
            "folder": { "owner": "[service]" },
            "document": { "parent": "[folder]", "editor": "owner from parent", "viewer": "[service, group#member] or editor" },
            "site": { "sharer": "[service, document#viewer]", "host": "[service, group#member]" },
        });
        let said = |shared: &str, table: &str, asked: &str| {
            let types = json!({ "types": { shared: { "require": { "scopes": ["share"] } } } });
            let config = with(config(&types), &["RELATIONS"], relations.clone());
            let config = with(config, &["AUTHZEN"], json!({ "require": { "scopes": ["decide"] } }));
            problems_or_none(&with(config, &[table, "require", "relations"], json!([asked])))
        };
        for table in ["SHARING", "AUTHZEN"] {
            for (shared, asked) in [
                ("site", "site:1#sharer"),
                ("document", "site:1#sharer"),
                ("folder", "site:1#sharer"),
                ("group", "site:1#sharer"),
                ("folder", "document:1#editor"),
                ("document", "document:1#editor"),
            ] {
                let lines = said(shared, table, asked);
                let line = format!("{table}.require.relations: services could put themselves into `{asked}`");
                assert!(lines.len() == 1 && lines[0].starts_with(&line), "{shared}: {lines:?}");
            }
            for (shared, asked) in
                [("document", "site:1#host"), ("folder", "group:1#member"), ("group", "document:1#editor")]
            {
                assert_eq!(said(shared, table, asked), Vec::<String>::new(), "{shared} {asked}");
            }
        }
    }

    fn problems_or_none(vars: &Value) -> Vec<String> {
        if parse(vars).is_ok() { Vec::new() } else { problems(vars) }
    }

    #[test]
    fn limits_are_counted_once_for_all_types() {
        let mut table = documents();
        table["limits"] = json!({ "subject": { "rate": "10/1m" } });
        let config = parse(&config(&table)).unwrap();
        let own: Vec<_> = config.all_limits().into_iter().filter(|(name, _)| name.contains("SHARING")).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].0, "SHARING.limits.subject");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let require = json!({ "scopes": ["share"] });
        let of = |name: &str, require: Value| json!({ "types": { name: { "require": require } } });
        let mut sessions = documents();
        sessions["authenticate"] = json!(["session"]);
        let mut people = documents();
        people["require"] = json!({ "kinds": ["human"] });
        for (table, place) in [
            (json!({}), "SHARING.types: expected a table of types, found nothing"),
            (json!({ "types": {} }), "SHARING.types: expected at least one type"),
            (sessions, "SHARING.authenticate: "),
            (people, "SHARING.require: expected no `kinds`"),
            (
                of("documents", require.clone()),
                "SHARING.types.documents: `RELATIONS` has no such type, did you mean `document`?",
            ),
            (of("a b", require.clone()), "SHARING.types.\"a b\": `RELATIONS` has no such type"),
            (
                of("document", json!({ "scopes": ["a"], "kinds": ["agent"] })),
                "SHARING.types.document.require: expected no `kinds`",
            ),
            (
                of("document", json!({ "relations": ["folder:x#viewer"] })),
                "SHARING.types.document.require: `relations` is asked",
            ),
            (
                of("document", json!({ "scopes": ["a"], "acr": ["x"] })),
                "SHARING.types.document.require: `acr` is about people",
            ),
            (json!({ "types": { "document": true } }), "SHARING.types.document: expected a table"),
            (json!({ "types": { "document": { "scopes": ["a"] } } }), "SHARING.types.document.scopes: unknown key"),
        ] {
            let lines = problems(&config(&table));
            assert!(lines.iter().any(|line| line.starts_with(place)), "{place}: {lines:?}");
            assert!(!lines.iter().any(|line| line.contains("`kinds` has no `human`")), "{lines:?}");
        }
        let lines = problems(&with(small(), &["SHARING"], documents()));
        assert!(lines.iter().any(|line| line.starts_with("SHARING: takes access tokens")), "{lines:?}");
        assert!(lines.iter().any(|line| line == "SHARING.types.document: there is no `RELATIONS`"), "{lines:?}");
    }
}
