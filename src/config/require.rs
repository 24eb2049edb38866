//! `require`: what an identity must have at a route.

use super::issuer::{Issuers, TokenIssuer};
use super::table::Table;
use super::value::{label, list, one_of, scope};
use crate::issuer_id::IssuerId;
use crate::kind::Kind;
use crate::provider_id::ProviderId;
use crate::route::{Guard, Requirements};

/// Reads `require` of a route, if it is there.
pub(super) fn read(route: &mut Table<'_>, providers: &[ProviderId], issuers: &[IssuerId]) -> Requirements {
    let Some(mut table) = route.table("require") else { return Requirements::default() };
    let scopes = table.optional("scopes", list("a scope without spaces, quotes or backslashes", scope));
    let provider = |text: &str| providers.iter().find(|id| id.as_str() == text).cloned();
    let providers = table.optional("providers", list(&ids("a provider", providers), provider));
    let issuer = |text: &str| issuers.iter().find(|id| id.as_str() == text).cloned();
    let issuers = table.optional("issuers", list(&ids("an issuer", issuers), issuer));
    let kind = |text: &str| Kind::NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    let kinds = table.optional("kinds", list(&one_of(&Kind::NAMES), kind));
    let roles = table.optional("roles", list("a role of 1 to 80 characters", label));
    for (key, empty) in [
        ("scopes", scopes.as_ref().is_some_and(Vec::is_empty)),
        ("providers", providers.as_ref().is_some_and(Vec::is_empty)),
        ("issuers", issuers.as_ref().is_some_and(Vec::is_empty)),
        ("kinds", kinds.as_ref().is_some_and(Vec::is_empty)),
        ("roles", roles.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if empty {
            table.problem(key, "expected at least one, or no such key");
        }
    }
    table.finish();
    Requirements {
        scopes: scopes.unwrap_or_default(),
        providers: providers.unwrap_or_default(),
        issuers: issuers.unwrap_or_default(),
        kinds: kinds.unwrap_or_default(),
        roles: roles.unwrap_or_default(),
    }
}

fn ids<T: std::fmt::Display>(what: &str, ids: &[T]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    format!("the id of {what} ({})", if names.is_empty() { "there is none".to_owned() } else { names.join(", ") })
}

/// Requirements that a way to authenticate could never meet. Where a route takes both sessions and tokens and says
/// from whom the one may be, it says so of the other too: else a reader would have to guess whether that is nobody
/// or anybody.
pub(super) fn refuse_contradictions(route: &Table<'_>, guard: &Guard) {
    let required = &guard.requirements;
    let (providers, issuers) = (!required.providers.is_empty(), !required.issuers.is_empty());
    let problem = |message: &str| route.problem("require", message);
    match (guard.takes_sessions(), guard.takes_tokens()) {
        (false, _) if providers => problem("`providers` is about sessions, and `authenticate` has no `session`"),
        (_, false) if issuers => problem("`issuers` is about tokens, and `authenticate` has no `bearer`"),
        (true, true) if providers && !issuers => {
            problem("names `providers` for sessions, so expected `issuers` for tokens too");
        }
        (true, true) if issuers && !providers => {
            problem("names `issuers` for tokens, so expected `providers` for sessions too");
        }
        _ => {}
    }
    if !required.roles.is_empty() && guard.takes_sessions() {
        problem("names `roles`, and sessions have none");
    }
    if !required.kinds.is_empty() && !required.kinds.contains(&Kind::Human) && !guard.takes_tokens() {
        problem("`kinds` has no `human`, and sessions are people's");
    }
}

/// An opaque token does not say whose it is: a route that takes such tokens takes those of one issuer, or some would be
/// shown to the wrong one.
pub(super) fn refuse_ambiguity(route: &Table<'_>, guard: &Guard, issuers: &Issuers) {
    let required = &guard.requirements.issuers;
    let is_taken = |issuer: &&TokenIssuer| required.is_empty() || required.contains(&issuer.id);
    let opaque: Vec<&TokenIssuer> =
        issuers.all.iter().filter(|issuer| issuer.introspection().is_some()).filter(is_taken).collect();
    if let ([one, other, ..], true) = (opaque.as_slice(), guard.takes_tokens()) {
        let message =
            format!("takes opaque tokens of `{}` and `{}`, expected `issuers` with one of them", one.id, other.id);
        route.problem("require", message);
    }
}
