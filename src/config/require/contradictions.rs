//! Requirements that nobody who comes by a way that the route takes could ever meet.

use super::super::certificates::{CertificateRule, Certificates};
use super::super::issuer::{Issuers, TokenIssuer};
use super::super::provider::Provider;
use super::super::table::Table;
use super::super::workload::{TrustRule, WorkloadIssuer};
use super::Known;
use crate::claims::path::ClaimPath;
use crate::ids::principal_kind::PrincipalKind;
use crate::route::{Authentication, ClaimRule, Guard, Permission, Requirements};

/// Refuses them. A route that takes both sessions and tokens is held to it for each.
pub(in crate::config) fn refuse(route: &Table<'_>, guard: &Guard, known: &Known<'_>) {
    refuse_origins(route, guard);
    refuse_kinds(route, guard);
    refuse_idle_scopes(route, &guard.requirements);
    for (_, unmet) in WAYS.into_iter().filter(|(is_taken, _)| is_taken(guard)) {
        for message in unmet(&guard.requirements, known) {
            route.problem("require", message);
        }
    }
    if guard.authenticate == [Authentication::Agent]
        && let Some(message) = unmet_by_agents(&guard.requirements)
    {
        route.problem("require", message);
    }
    refuse_foreign_issuers(route, guard, known.issuers);
}

/// What callers who come in one way never meet.
type Unmet = fn(&Requirements, &Known<'_>) -> Vec<String>;

/// Whether a route takes callers who come in one way.
type Takes = fn(&Guard) -> bool;

/// The ways to come.
const WAYS: [(Takes, Unmet); 5] = [
    (Guard::takes_sessions, unmet_by_sessions),
    (Guard::takes_tokens, unmet_by_tokens),
    (Guard::takes_keys, |required, _| unmet_by_programs(required, "API keys")),
    (Guard::takes_certificates, unmet_by_certificates),
    (Guard::takes_workloads, |required, known| unmet_by_workloads(required, known.issuers)),
];

/// An agent has signed in nowhere, and is nobody in person.
fn unmet_by_agents(required: &Requirements) -> Option<String> {
    let asked = [
        ("acr", !required.acr.is_empty()),
        ("amr", !required.amr.is_empty()),
        ("max_age", required.max_age.is_some()),
        ("second", required.second.is_some()),
        ("in_person", required.in_person),
        ("device", required.device.is_some()),
        ("kinds", !required.kinds.is_empty() && !required.kinds.contains(&PrincipalKind::Agent)),
    ];
    let (key, _) = asked.into_iter().find(|(_, asked)| *asked)?;
    Some(format!("`{key}` is met by no agent, and `authenticate` has only `agent`"))
}

/// An issuer is named whose tokens this route does not take.
fn refuse_foreign_issuers(route: &Table<'_>, guard: &Guard, issuers: &Issuers) {
    for id in &guard.requirements.issuers {
        let (taken, way) = match issuers.is_workload(id) {
            true => (guard.takes_workloads(), "workload"),
            false => (guard.takes_tokens(), "bearer"),
        };
        if !taken && (guard.takes_tokens() || guard.takes_workloads()) {
            route.problem("require", format!("names the issuer `{id}`, and `authenticate` has no `{way}`"));
        }
    }
}

/// A list of those from whom callers may come, of those who come in one way.
#[derive(Clone, Copy)]
struct Origins {
    /// What they come by.
    by: &'static str,
    /// The word for it in `authenticate`.
    way: &'static str,
    is_taken: bool,
    /// The key in `require`.
    list: &'static str,
    is_named: bool,
}

/// Where a route takes callers in several ways and says from whom the ones may be, it says so of the others too: else a
/// reader would have to guess whether that is nobody or anybody.
fn refuse_origins(route: &Table<'_>, guard: &Guard) {
    let required = &guard.requirements;
    let of = |by, way, is_taken, list, is_named| Origins { by, way, is_taken, list, is_named };
    let (providers, issuers) = (!required.providers.is_empty(), !required.issuers.is_empty());
    let certificates = !required.certificates.is_empty();
    let by_provider = guard.takes_sessions() || guard.takes_agents() || (guard.takes_keys() && providers);
    let all = [
        of("sessions", "session", by_provider, "providers", providers),
        of("tokens", "bearer", guard.takes_tokens() || guard.takes_workloads(), "issuers", issuers),
        of("certificates", "certificate", guard.takes_certificates(), "certificates", certificates),
    ];
    for Origins { by, way, list, .. } in all.into_iter().filter(|one| one.is_named && !one.is_taken) {
        route.problem("require", format!("`{list}` is about {by}, and `authenticate` has no `{way}`"));
    }
    let Some(named) = all.into_iter().find(|one| one.is_named && one.is_taken) else { return };
    for other in all.into_iter().filter(|one| one.is_taken && !one.is_named) {
        let message =
            format!("names `{}` for {}, so expected `{}` for {} too", named.list, named.by, other.list, other.by);
        route.problem("require", message);
    }
}

fn refuse_kinds(route: &Table<'_>, guard: &Guard) {
    let required = &guard.requirements;
    if !required.kinds.is_empty()
        && !required.kinds.contains(&PrincipalKind::Human)
        && guard.authenticate == [Authentication::Session]
    {
        route.problem("require", "`kinds` has no `human`, and sessions are people's");
    }
    let of_people = [
        ("acr", !required.acr.is_empty()),
        ("amr", !required.amr.is_empty()),
        ("max_age", required.max_age.is_some()),
        ("second", required.second.is_some()),
        ("email_domain", !required.email_domain.is_empty()),
    ];
    if required.kinds == [PrincipalKind::Service]
        && let Some((key, _)) = of_people.iter().find(|(_, named)| *named)
    {
        route.problem("require", format!("`{key}` is about people, and `kinds` has only `service`"));
    }
}

fn refuse_idle_scopes(route: &Table<'_>, required: &Requirements) {
    if let Some(scope) = required.any_scope.iter().find(|scope| required.scopes.contains(scope)) {
        route.problem("require", format!("`{scope}` stands in `scopes`, so `any_scope` with it asks nothing more"));
    }
}

fn unmet_by_sessions(required: &Requirements, known: &Known<'_>) -> Vec<String> {
    let taken = |provider: &&Provider| required.providers.is_empty() || required.providers.contains(&provider.id);
    let providers: Vec<&Provider> = known.providers.iter().filter(taken).collect();
    let unkept = required.claims.iter().filter_map(|rule| unkept(rule, known.claims));
    let mut unmet: Vec<String> = unkept.chain(unverified(required, known.claims)).collect();
    // One that is wrong itself has its own problem, and might have met this.
    if providers.is_empty() || known.providers.len() < known.provider_ids.len() {
        return unmet;
    }
    let grants: Vec<Grants<'_>> = providers.iter().map(|one| (&one.roles[..], &one.permissions[..])).collect();
    unmet.extend(ungranted(required, &grants, "sessions", "PROVIDERS"));
    let cannot_ask = [
        ("acr", "acr_values", providers.iter().all(|provider| provider.acr_values_for(&required.acr).is_none())),
        ("max_age", "max_age", providers.iter().all(|provider| provider.max_age_for(required.max_age).is_none())),
    ];
    for (key, own, _) in cannot_ask.into_iter().filter(|(_, _, never)| *never) {
        unmet.push(format!("names `{key}`, for which no provider can be asked, by its `{own}` and `pass_through`"));
    }
    unmet
}

fn unmet_by_tokens(required: &Requirements, known: &Known<'_>) -> Vec<String> {
    let second =
        required.second.map(|_| "names `second`, which tokens never meet: it is proven in a session".to_owned());
    let mut unmet: Vec<String> = second.into_iter().collect();
    let all = &known.issuers.all;
    let taken = |issuer: &&TokenIssuer| required.issuers.is_empty() || required.issuers.contains(&issuer.id);
    let issuers: Vec<&TokenIssuer> = all.iter().filter(taken).collect();
    if issuers.is_empty() || !known.issuers.access_issuers_are_known() {
        return unmet;
    }
    let grants: Vec<Grants<'_>> = issuers.iter().map(|one| (&one.roles[..], &one.permissions[..])).collect();
    unmet.extend(ungranted(required, &grants, "tokens", "ISSUERS"));
    unmet.extend(required.device.map(|_| "names `device`, which tokens never meet".to_owned()));
    unmet
}

/// What no rule of `trust` gives: a program has nothing else.
fn unmet_by_workloads(required: &Requirements, issuers: &Issuers) -> Vec<String> {
    let taken = |issuer: &&WorkloadIssuer| required.issuers.is_empty() || required.issuers.contains(&issuer.id);
    let mut unmet = unmet_by_programs(required, "workloads");
    unmet.retain(|message| !message.contains("`claims`"));
    let rules: Vec<&TrustRule> = issuers.workloads.iter().filter(taken).flat_map(|issuer| &issuer.trust).collect();
    if rules.is_empty() || !issuers.workloads_are_known() {
        return unmet;
    }
    let gives_scope = |scope: &String| rules.iter().any(|rule| rule.scopes.contains(scope));
    let gives_role = |role: &String| rules.iter().any(|rule| rule.roles.contains(role));
    let missing = required.scopes.iter().find(|scope| !gives_scope(scope));
    let missing = missing.or(required.any_scope.first().filter(|_| !required.any_scope.iter().any(gives_scope)));
    if let Some(scope) = missing {
        unmet.push(format!("names the scope `{scope}`, which no rule of `trust` gives"));
    }
    if let Some(role) = required.roles.first().filter(|_| !required.roles.iter().any(gives_role)) {
        unmet.push(format!("names the role `{role}`, which no rule of `trust` gives"));
    }
    if let Some(Permission { name, .. }) = required.permissions.iter().find(|one| !one.roles.iter().any(gives_role)) {
        unmet.push(format!("names the permission `{name}`, and no rule of `trust` gives a role that grants it"));
    }
    unmet
}

/// What no program that comes without a token ever has: it never signed in, and nobody says anything of it but us.
pub(in crate::config) fn unmet_by_programs(required: &Requirements, by: &str) -> Vec<String> {
    let of_people = [
        ("in_person", required.in_person),
        ("acr", !required.acr.is_empty()),
        ("amr", !required.amr.is_empty()),
        ("max_age", required.max_age.is_some()),
        ("second", required.second.is_some()),
        ("email_domain", !required.email_domain.is_empty()),
        ("claims", !required.claims.is_empty()),
        ("device", required.device.is_some()),
    ];
    let named = of_people.into_iter().filter(|(_, named)| *named);
    let mut unmet: Vec<String> = named.map(|(key, _)| format!("names `{key}`, which {by} never meet")).collect();
    if !required.kinds.is_empty() && !required.kinds.contains(&PrincipalKind::Service) {
        unmet.push(format!("`kinds` has no `service`, and {by} are services'"));
    }
    unmet
}

fn unmet_by_certificates(required: &Requirements, known: &Known<'_>) -> Vec<String> {
    let mut unmet = unmet_by_programs(required, "certificates");
    if required.tenant.is_some() {
        unmet.push("names `tenant`, which certificates never meet".to_owned());
    }
    let Certificates { ids, all } = known.certificates;
    // An entry that is wrong itself has its own problem, and might have met this.
    if !unmet.is_empty() || all.is_empty() || all.len() < ids.len() {
        return unmet;
    }
    let has = |held: &[String], wanted: &[String]| wanted.is_empty() || wanted.iter().any(|one| held.contains(one));
    let meets = |rule: &&CertificateRule| {
        (required.certificates.is_empty() || required.certificates.contains(&rule.id))
            && required.scopes.iter().all(|scope| rule.scopes.contains(scope))
            && has(&rule.scopes, &required.any_scope)
            && has(&rule.roles, &required.roles)
            && required
                .permissions
                .iter()
                .all(|permission| has(&rule.roles, &permission.roles) && !permission.roles.is_empty())
    };
    if !all.iter().any(|rule| meets(&rule)) {
        unmet.push("asks for scopes, roles or permissions that no entry of `CERTIFICATES` it takes has".to_owned());
    }
    unmet
}

/// Where an issuer or provider says which roles and which permissions somebody has.
type Grants<'a> = (&'a [ClaimPath], &'a [ClaimPath]);

/// Roles and permissions that none of these could have.
fn ungranted(required: &Requirements, grants: &[Grants<'_>], who: &str, table: &str) -> Vec<String> {
    let mut unmet = Vec::new();
    let roles = grants.iter().any(|(roles, _)| !roles.is_empty());
    let permissions = grants.iter().any(|(_, permissions)| !permissions.is_empty());
    if !required.roles.is_empty() && !roles {
        unmet.push(format!("names `roles`, and {who} have none: no entry of `{table}` says where its `roles` are"));
    }
    let lacking = |permission: &&Permission| !permissions && (!roles || permission.roles.is_empty());
    if let Some(Permission { name, roles: granting }) = required.permissions.iter().find(lacking) {
        let why = if granting.is_empty() {
            format!("no role of `ROLES` grants it, and no entry of `{table}` says where its `permissions` are")
        } else {
            format!("no entry of `{table}` says where its `roles` or `permissions` are")
        };
        unmet.push(format!("names the permission `{name}`, and {who} never have it: {why}"));
    }
    unmet
}

fn unkept(rule: &ClaimRule, kept: &[String]) -> Option<String> {
    let claim = rule.path.claim();
    let known = kept.iter().any(|known| *known == claim);
    (!known).then(|| format!("asks for the claim `{claim}`, which sessions do not keep: it is not in `SESSION.claims`"))
}

fn unverified(required: &Requirements, kept: &[String]) -> Option<String> {
    let missing = ["email", "email_verified"].into_iter().find(|name| !kept.iter().any(|known| known == name))?;
    let asked = !required.email_domain.is_empty();
    asked.then(|| format!("`email_domain` needs the claim `{missing}`, which is not in `SESSION.claims`"))
}
