//! What policies name that is not there. Cedar takes any text for the id of a route, for a relation, for the name of a
//! claim and for an annotation, and a policy by one that is misspelt says nothing, whatever it was meant to forbid.
//!
//! A version is held to this when it is published, and not when it is read: routes come and go without it.

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use cedar_policy_core::ast::{self, BinaryOp, EntityUID, Expr, ExprKind, Literal, Var};
use cedar_policy_core::parser::Loc;
use postern::policy::{Bundle, KnownNames, KnownRoute, PolicyProblem, UnknownName};
use postern::relation::Model;

use super::set::{Found, read_file};
use super::{management, schema, zones};

/// The annotations that mean something here, and one for people.
const ANNOTATIONS: [&str; 5] = ["id", "acr_values", "max_age", "second", "description"];

/// Everything of it. Files that cannot be read say nothing: whoever asks has read them before.
pub(super) fn unknown(bundle: &Bundle, known: Option<&KnownNames>) -> Vec<UnknownName> {
    let mut unknown = Vec::new();
    let certain = |problem| UnknownName { problem, path: None };
    let policies = || bundle.files().filter(|(file, _)| !schema::is_schema(file));
    let declares = bundle.files().any(|(file, _)| schema::is_schema(file));
    for (file, text) in policies() {
        let found = read_file(file, text).unwrap_or_default();
        if found.is_empty() {
            unknown.push(certain(PolicyProblem::of_file(file, "expected at least one policy in it")));
        }
        for one in &found {
            unknown.extend(annotations(one).into_iter().chain(unknown_zones(one)).map(certain));
            unknown.extend(known.into_iter().flat_map(|known| Names::of(one, known, declares).unknown()));
        }
    }
    unknown
}

fn annotations(found: &Found<'_>) -> Vec<PolicyProblem> {
    let template: &ast::Policy = found.policy.as_ref();
    let strangers = template.annotations().filter(|(name, _)| !ANNOTATIONS.contains(&name.as_ref()));
    let told = |(name, annotation): (&ast::AnyId, &ast::Annotation)| {
        let message = format!("there is no annotation `@{name}`{}", meant(&ANNOTATIONS, name.as_ref(), "@"));
        found.problem_at(annotation.loc.as_ref(), message)
    };
    strangers.map(told).collect()
}

/// The one of these that was likely meant.
fn meant(names: &[&str], name: &str, sign: &str) -> String {
    Model::meant(names, name).map_or_else(String::new, |name| format!(", did you mean `{sign}{name}`?"))
}

/// The permissions that policies ask for by name.
pub(super) fn permissions(found: &[Found<'_>]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for one in found {
        let policy: &ast::Policy = one.policy.as_ref();
        for expression in policy.non_scope_constraints().into_iter().flat_map(Expr::subexpressions) {
            if let ExprKind::BinaryApp { arg1, arg2, .. } = expression.expr_kind() {
                let is_asked = |side: &Expr| is_attribute(side, Var::Principal, "permissions");
                let other = if is_asked(arg1) { Some(arg2) } else { Some(arg1).filter(|_| is_asked(arg2)) };
                let texts = other.into_iter().flat_map(|other| other.subexpressions()).filter_map(text);
                all.extend(texts.map(str::to_owned));
            }
        }
    }
    all
}

/// Zones that nobody knows, or that are not written out: their clocks are never there.
fn unknown_zones(found: &Found<'_>) -> Vec<PolicyProblem> {
    let policy: &ast::Policy = found.policy.as_ref();
    let condition = policy.non_scope_constraints().into_iter().flat_map(Expr::subexpressions);
    let unknown = condition.filter_map(|expression| match expression.expr_kind() {
        ExprKind::BinaryApp { op: BinaryOp::HasTag | BinaryOp::GetTag, arg1, arg2 }
            if is_attribute(arg1, Var::Context, "local") =>
        {
            let why = match text(arg2) {
                None => "expected the name of a time zone, written out".to_owned(),
                Some(name) if zones::all().any(|zone| zone.name == name) => return None,
                Some(name) => {
                    let names: Vec<&str> = zones::all().map(|zone| zone.name).collect();
                    format!("there is no time zone `{name}`{}", meant(&names, name, ""))
                }
            };
            Some(found.problem_at(arg2.source_loc().or(expression.source_loc()), why))
        }
        _ => None,
    });
    unknown.collect()
}

/// One policy beside the names that it may speak of.
struct Names<'a> {
    found: &'a Found<'a>,
    known: &'a KnownNames,
    /// Those that it may be asked about.
    routes: Vec<&'a KnownRoute>,
    /// Whether it may be asked about somebody who came by a session.
    of_sessions: bool,
    /// Whether it is about what only services ask, of whom nothing is known here.
    is_foreign: bool,
}

impl<'a> Names<'a> {
    /// `declares`: whether the version declares types and actions of its own.
    fn of(found: &'a Found<'a>, known: &'a KnownNames, declares: bool) -> Self {
        let managing = management::is_about(&found.policy);
        let route = route(&found.policy);
        let asked = |one: &&KnownRoute| route.as_ref().is_none_or(|name| one.name == *name);
        let routes: Vec<_> = known.routes.iter().filter(|one| one.asks && !managing && asked(one)).collect();
        let of_sessions = managing || routes.iter().any(|one| one.takes_sessions);
        let is_foreign = declares && is_foreign(&found.policy);
        Self { found, known, of_sessions: of_sessions && may_be_human(&found.policy), routes, is_foreign }
    }

    fn unknown(&self) -> Vec<UnknownName> {
        let policy: &ast::Policy = self.found.policy.as_ref();
        let condition = policy.condition();
        condition.subexpressions().filter_map(|expression| self.unknown_in(expression)).flatten().collect()
    }

    fn unknown_in(&self, expression: &Expr) -> Option<Vec<UnknownName>> {
        let at = expression.source_loc();
        let certain =
            |at: Option<&Loc>, why: String| UnknownName { problem: self.found.problem_at(at, why), path: None };
        match expression.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                let (why, path) = self.entity(uid)?;
                Some(vec![UnknownName { path, ..certain(uid.loc().or(at), why) }])
            }
            ExprKind::BinaryApp { op: BinaryOp::HasTag | BinaryOp::GetTag, arg1, arg2 } => {
                let why = self.tag(arg1, text(arg2)?)?;
                Some(vec![certain(arg2.source_loc().or(at), why)])
            }
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } => {
                self.email(expr, attr).map(|why| vec![certain(at, why)])
            }
            ExprKind::ExtHasAttr { expr, attrs } => self.email(expr, attrs.first()).map(|why| vec![certain(at, why)]),
            ExprKind::BinaryApp { arg1, arg2, .. } if !self.is_foreign => {
                let other = if is_relations(arg1) { arg2 } else { Some(arg1).filter(|_| is_relations(arg2))? };
                let texts = other.subexpressions().filter_map(|one| Some((text(one)?, one.source_loc())));
                let unknown = texts.filter_map(|(fact, place)| Some((self.fact(fact)?, place)));
                Some(unknown.map(|(why, place)| certain(place.or(at), why)).collect())
            }
            _ => None,
        }
    }

    /// What is wrong with it; with a path, whether it is depends on the routes.
    fn entity(&self, uid: &EntityUID) -> Option<(String, Option<String>)> {
        let id: &str = uid.eid().as_ref();
        let certain = |why: String| Some((why, None));
        match uid.entity_type().to_string().as_str() {
            "Route" => match self.known.route(id) {
                Some(route) if route.asks => None,
                Some(_) => certain(format!("the route `{id}` does not ask the policies, it has no `policy = true`")),
                None => {
                    let names: Vec<&str> = self.known.routes.iter().map(|route| route.name.as_str()).collect();
                    certain(format!("the configuration has no route `{id}`{}", meant(&names, id, "")))
                }
            },
            "Resource" => {
                let why = format!("no route that asks the policies answers for the path `{id}`");
                Some((why, Some(id.to_owned())))
            }
            "Human" | "Service" | "Agent" if !self.is_foreign => {
                let known = id.split_once('#').is_some_and(|(issuer, _)| self.known.knows_issuer(issuer));
                let why = || format!("expected `ISSUER#SUBJECT` of an issuer that is configured, found `{id}`");
                (!known).then(|| (why(), None))
            }
            _ => None,
        }
    }

    fn tag(&self, of: &Expr, name: &str) -> Option<String> {
        match of.expr_kind() {
            ExprKind::Var(Var::Resource) if !self.is_foreign => self.parameter(name),
            ExprKind::Var(Var::Principal) => self.claim(name),
            ExprKind::GetAttr { expr, attr } if attr == "numbers" && is_var(expr, Var::Principal) => self.claim(name),
            _ => None,
        }
    }

    /// An address is there only with the word of the issuer that it is verified.
    fn email(&self, of: &Expr, attribute: &str) -> Option<String> {
        if attribute != "email" || !is_var(of, Var::Principal) {
            return None;
        }
        self.claim("email").or_else(|| self.claim("email_verified"))
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let all: Vec<&str> = self.routes.iter().flat_map(|one| &one.parameters).map(String::as_str).collect();
        let told = || format!("no route that this is about has a parameter `{{{name}}}`{}", meant(&all, name, ""));
        (!all.contains(&name)).then(told)
    }

    /// A claim inside another is kept with that.
    fn claim(&self, name: &str) -> Option<String> {
        if !self.of_sessions || self.is_foreign {
            return None;
        }
        let outer = name.strip_prefix('/').map(|inner| inner.split('/').next().unwrap_or_default());
        let outer = outer.map_or_else(|| name.to_owned(), |outer| outer.replace("~1", "/").replace("~0", "~"));
        let all: Vec<&str> = self.known.claims.iter().map(String::as_str).collect();
        let told =
            || format!("sessions keep no claim `{outer}`, `SESSION.claims` names those{}", meant(&all, &outer, ""));
        (!self.known.claims.contains(&outer)).then(told)
    }

    fn fact(&self, fact: &str) -> Option<String> {
        let all: Vec<&str> = self.routes.iter().flat_map(|one| &one.facts).map(String::as_str).collect();
        let told = || format!("no route that this is about has `{fact}` among its `facts`{}", meant(&all, fact, ""));
        (!all.contains(&fact)).then(told)
    }
}

/// The route that the scope asks for.
fn route(policy: &Policy) -> Option<String> {
    match policy.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) if is_named(uid.type_name(), "Route") => {
            Some(uid.id().unescaped().to_owned())
        }
        _ => None,
    }
}

/// People come by sessions, services and agents never.
fn may_be_human(policy: &Policy) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => is_named(uid.type_name(), "Human"),
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => is_named(&name, "Human"),
    }
}

/// Whether the scope asks for a resource, an action or a principal that the version declares itself.
fn is_foreign(policy: &Policy) -> bool {
    let is_one_of = |name: &EntityTypeName, ours: &[&str]| ours.iter().any(|our| is_named(name, our));
    let resource = |name: &EntityTypeName| !is_one_of(name, &["Resource", "Route", "Management"]);
    let principal = |name: &EntityTypeName| !is_one_of(name, &["Human", "Service", "Agent", "Role"]);
    let action = |uid: &EntityUid| !is_named(uid.type_name(), "Action") || !schema::is_action(uid.id().unescaped());
    let by_resource = match policy.resource_constraint() {
        ResourceConstraint::Any => false,
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) => resource(uid.type_name()),
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => resource(&name),
    };
    let by_action = match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(uid) => action(&uid),
        ActionConstraint::In(uids) => uids.iter().all(action),
    };
    let by_principal = match policy.principal_constraint() {
        PrincipalConstraint::Any => false,
        PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) => principal(uid.type_name()),
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => principal(&name),
    };
    by_resource || by_action || by_principal
}

fn is_named(name: &EntityTypeName, ours: &str) -> bool {
    name.namespace().is_empty() && name.basename() == ours
}

fn is_var(expression: &Expr, var: Var) -> bool {
    matches!(expression.expr_kind(), ExprKind::Var(found) if *found == var)
}

/// `context.relations`, however it is written.
fn is_relations(expression: &Expr) -> bool {
    is_attribute(expression, Var::Context, "relations")
}

fn is_attribute(expression: &Expr, of: Var, name: &str) -> bool {
    matches!(expression.expr_kind(), ExprKind::GetAttr { expr, attr } if attr == name && is_var(expr, of))
}

fn text(expression: &Expr) -> Option<&str> {
    match expression.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(text),
        _ => None,
    }
}

impl Found<'_> {
    /// A problem at this place of the file, or where the policy begins.
    fn problem_at(&self, at: Option<&Loc>, message: String) -> PolicyProblem {
        PolicyProblem::at(self.file, self.text, at.map_or(self.start, Loc::start), message)
    }
}
