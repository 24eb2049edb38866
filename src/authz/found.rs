//! What a route asks for beside what is there, of a denial: for the log, and for those who manage.

use super::Denial;
use crate::authn::{Principal, PrincipalSource};
use crate::route::{Operand, Requirements};
use crate::time::Seconds;

/// So many values are named.
const MAX_VALUES: usize = 8;

/// In words. `None` where [`Denial::detail`] says it all.
#[must_use]
pub fn found(denial: &Denial, principal: &Principal, required: &Requirements) -> Option<String> {
    let (expected, found) = match denial {
        Denial::Roles => (any(&required.roles), any(principal.roles())),
        Denial::Provider | Denial::Issuer | Denial::Certificate => (any(origins(required)), any([origin(principal)])),
        Denial::Kind => (any(required.kinds.iter().map(|kind| kind.as_str())), any([principal.kind().as_str()])),
        Denial::Tenant => (any(required.tenant.iter().map(operand)), any(principal.tenant())),
        Denial::Authentication(shortfall) if shortfall.is_of_second() => {
            return Some(second(principal, required.second));
        }
        Denial::Authentication(_) => return Some(sign_in(principal, &required.acr, required.max_age)),
        _ => return None,
    };
    Some(format!("expected {expected}, found {found}{}", left_out(principal)))
}

/// The same of a sign-in that does not do.
#[must_use]
pub fn sign_in(principal: &Principal, acr_values: &[String], max_age: Option<Seconds>) -> String {
    let facts = principal.authentication();
    if !principal.is_in_person() {
        return "expected a person's own sign-in, found another caller".to_owned();
    }
    let max_age = max_age.map(|max_age| format!("at most {max_age} ago"));
    let expected = acr_values.iter().cloned().chain(max_age);
    let time = facts.time.map(|time| format!("at {time}"));
    let found = facts.acr.iter().cloned().chain(time);
    format!("expected {}, found {}", any(expected), any(found))
}

/// The same of a second factor of ours.
#[must_use]
pub fn second(principal: &Principal, max_age: Option<Seconds>) -> String {
    if principal.session().is_none() {
        return "expected a person with a session, found another caller".to_owned();
    }
    let expected = max_age.map_or_else(String::new, |max_age| format!(" at most {max_age} ago"));
    let found = principal.authentication().second.as_ref();
    let found = found.map_or_else(|| "none".to_owned(), |proof| format!("{} at {}", proof.by.as_str(), proof.at));
    format!("expected a second factor{expected}, found {found}")
}

/// Some providers leave a claim out that would be long, and say only that (OpenID Connect Core §5.6.2).
fn left_out(principal: &Principal) -> String {
    match principal.left_out() {
        [] => String::new(),
        names => format!("; its issuer left {} out, as it says in `_claim_names`", any(names)),
    }
}

fn origins(required: &Requirements) -> impl Iterator<Item = &str> {
    let providers = required.providers.iter().map(|id| id.as_str());
    let issuers = required.issuers.iter().map(|id| id.as_str());
    providers.chain(issuers).chain(required.certificates.iter().map(|id| id.as_str()))
}

fn origin(principal: &Principal) -> &str {
    match principal.origin() {
        PrincipalSource::Provider(id) | PrincipalSource::Grant { provider: id, .. } => id,
        PrincipalSource::Issuer(id) => id.as_str(),
        PrincipalSource::Key(_) => "an API key",
        PrincipalSource::Certificate(id) => id.as_str(),
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Value(value) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        Operand::Parameter(name) => format!("{{{name}}}"),
    }
}

fn any<Text: AsRef<str>>(values: impl IntoIterator<Item = Text>) -> String {
    let quoted = values.into_iter().take(MAX_VALUES).map(|value| format!("`{}`", value.as_ref()));
    let quoted: Vec<String> = quoted.collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(" or ") }
}
