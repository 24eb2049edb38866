//! `require`: what an identity must have at a route.

mod claims;
mod contradictions;

use std::fmt::Display;

use serde_json::Value;

use super::certificates::Certificates;
use super::issuer::{Issuers, TokenIssuer};
use super::provider::Provider;
use super::relations::{self, Relations};
use super::roles::{self, Roles};
use super::second::SecondRules;
use super::table::Table;
use super::value::{choice, duration, flag, label, list, one_of, scope, text, word};
use crate::claims::SECOND_FACTOR_ACR;
use crate::ids::ProviderId;
use crate::ids::principal_kind::PrincipalKind;
use crate::route::{DeviceRequirement, Guard, Pattern, Requirements};
use crate::time::Seconds;

pub(super) use contradictions::refuse as refuse_contradictions;

/// Less would be over before the person is back from the provider, or from proving a factor.
const SHORTEST_MAX_AGE: Seconds = Seconds::minutes(1);
const LONGEST_MAX_AGE: Seconds = Seconds::hours(30 * 24);
/// What a login link may ask for in all: the values of `acr_values`, with spaces between them.
pub const MAX_ACR_VALUES_BYTES: usize = 512;
const DEVICE: [(&str, DeviceRequirement); 2] = [("bound", DeviceRequirement::Bound), ("now", DeviceRequirement::Now)];
const SCOPE: &str = "a scope without spaces, quotes or backslashes";
const ACR: &str = "a value without spaces, quotes or backslashes";

/// What requirements are read against.
pub(super) struct Known<'a> {
    /// The ids of all providers.
    pub(super) provider_ids: &'a [ProviderId],
    /// Those without a problem.
    pub(super) providers: &'a [Provider],
    /// All issuers of access tokens.
    pub(super) issuers: &'a Issuers,
    /// All client certificates that name a program.
    pub(super) certificates: &'a Certificates,
    /// The claims that sessions keep.
    pub(super) claims: &'a [String],
    /// What roles grant.
    pub(super) roles: &'a Roles,
    /// To what things there are relations.
    pub(super) relations: &'a Relations,
    /// Whether there are second factors …
    pub(super) has_second: bool,
    /// … and which; `None` also when that is wrong itself.
    pub(super) second: Option<&'a SecondRules>,
}

impl<'a> Known<'a> {
    /// `providers`: the ids of all, and those without a problem.
    pub(super) const fn of(
        (provider_ids, providers): (&'a [ProviderId], &'a [Provider]),
        (issuers, certificates): (&'a Issuers, &'a Certificates),
        claims: &'a [String],
        (roles, relations): (&'a Roles, &'a Relations),
        (has_second, second): (bool, Option<&'a SecondRules>),
    ) -> Self {
        Self { provider_ids, providers, issuers, certificates, claims, roles, relations, has_second, second }
    }
}

/// Reads `require` of a route, if it is there. `pattern`: the route's; `None` when that is wrong itself.
pub(super) fn read(route: &mut Table<'_>, pattern: Option<&Pattern>, known: &Known<'_>) -> Requirements {
    // Of whom every guarded route asks for a second factor, one without requirements does too.
    let second_for = known.second.map(|rules| rules.required_for.clone()).unwrap_or_default();
    let own = route.section("require", |table| read_table(table, pattern, known)).unwrap_or_default();
    Requirements { second_for, ..own }
}

fn read_table(mut table: Table<'_>, pattern: Option<&Pattern>, known: &Known<'_>) -> Requirements {
    let provider = |text: &str| known.provider_ids.iter().find(|id| id.as_str() == text).cloned();
    let issuer = |text: &str| known.issuers.ids.iter().find(|id| id.as_str() == text).cloned();
    let certificate = |text: &str| known.certificates.ids.iter().find(|id| id.as_str() == text).cloned();
    let kind = |text: &str| PrincipalKind::NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    let permission = |text: &str| roles::permission(text).map(|name| known.roles.resolve(name));
    let requirements = Requirements {
        scopes: some(&mut table, "scopes", SCOPE, scope),
        any_scope: some(&mut table, "any_scope", SCOPE, scope),
        providers: some(&mut table, "providers", &ids("a provider", known.provider_ids), provider),
        issuers: some(&mut table, "issuers", &ids("an issuer", &known.issuers.ids), issuer),
        certificates: some(
            &mut table,
            "certificates",
            &ids("an entry of `CERTIFICATES`", &known.certificates.ids),
            certificate,
        ),
        kinds: some(&mut table, "kinds", &one_of(&PrincipalKind::NAMES), kind),
        in_person: table.optional("in_person", flag).unwrap_or(false),
        roles: some(&mut table, "roles", "a role of 1 to 80 characters", label),
        permissions: some(&mut table, "permissions", roles::PERMISSION, permission),
        tenant: table.optional("tenant", |value| claims::operand(&Value::from(text(value)?), pattern)),
        claims: claims::read(&mut table, pattern),
        relations: relations::asked(&mut table, "relations", pattern, known.relations),
        email_domain: some(&mut table, "email_domain", "a domain such as `example.com`", domain),
        acr: some(&mut table, "acr", ACR, scope),
        amr: some(&mut table, "amr", "a value without spaces", word),
        max_age: table.optional("max_age", duration(SHORTEST_MAX_AGE, LONGEST_MAX_AGE)),
        second: second(&mut table, known),
        device: table.optional("device", choice(&DEVICE)),
        ..Requirements::default()
    };
    if requirements.acr.iter().any(|acr| acr == SECOND_FACTOR_ACR) {
        let message =
            format!("`{SECOND_FACTOR_ACR}` is ours, and no provider's word counts for it: expected `second` for it");
        table.problem("acr", message);
    }
    if requirements.acr.join(" ").len() > MAX_ACR_VALUES_BYTES {
        table.problem("acr", format!("expected at most {MAX_ACR_VALUES_BYTES} bytes in all"));
    }
    table.finish();
    requirements
}

/// `second`: how long ago a person has proven a second factor of ours at most.
pub(super) fn second(table: &mut Table<'_>, known: &Known<'_>) -> Option<Seconds> {
    let max_age = table.optional("second", duration(SHORTEST_MAX_AGE, LONGEST_MAX_AGE));
    if table.has("second") && !known.has_second {
        table.problem("second", "nobody has a second factor: there is no `SECOND`");
    }
    max_age
}

/// The list at `key`, empty when it is absent; one that is there is not.
fn some<T: PartialEq>(
    table: &mut Table<'_>,
    key: &'static str,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let given = table.optional(key, list(what, parse));
    if given.as_ref().is_some_and(Vec::is_empty) {
        table.problem(key, "expected at least one, or no such key");
    }
    given.unwrap_or_default()
}

fn ids<T: Display>(what: &str, ids: &[T]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    format!("the id of {what} ({})", if names.is_empty() { "there is none".to_owned() } else { names.join(", ") })
}

/// A domain in lower case, as the part of an address behind its `@` is compared.
pub(super) fn domain(text: &str) -> Option<String> {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let fits = text.len() <= 253 && text.contains('.') && text.split('.').all(label);
    fits.then(|| text.to_owned())
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

#[cfg(test)]
mod tests;
