//! The claims of a program's token against the rules of `trust`.

use serde_json::{Map, Value};

use crate::claims::is_believed;
use crate::config::{TrustRule, TrustedClaim, as_text};

/// Of so many rules a refusal says why.
const MOST_TOLD: usize = 3;

/// What the rules give that take a token: all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustGrant {
    /// The scopes.
    pub scopes: Vec<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// The names of the rules.
    pub rules: Vec<String>,
}

/// That no rule takes a token: for each rule the first claim that is not what it says, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted(String);

impl Untrusted {
    /// For the log: which claims.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0
    }
}

/// What the rules give whose claims all are as they say.
///
/// # Errors
/// When there is none.
pub fn decide(rules: &[TrustRule], claims: &Map<String, Value>) -> Result<TrustGrant, Untrusted> {
    let mut granted = TrustGrant::default();
    let mut missed = Vec::new();
    for rule in rules {
        match rule.claims.iter().find(|claim| !is_met(claim, claims)) {
            Some(claim) => missed.push(told(rule, claim, claims)),
            None => {
                add(&mut granted.scopes, &rule.scopes);
                add(&mut granted.roles, &rule.roles);
                granted.rules.push(rule.name.clone());
            }
        }
    }
    if granted.rules.is_empty() {
        missed.truncate(MOST_TOLD);
        return Err(Untrusted(missed.join("; ")));
    }
    Ok(granted)
}

fn is_met(claim: &TrustedClaim, claims: &Map<String, Value>) -> bool {
    let found = claim.path.find(claims).filter(|_| is_believed(claims, &claim.path.claim())).and_then(as_text);
    found.is_some_and(|found| claim.values.iter().any(|value| value.is(&found)))
}

fn add(all: &mut Vec<String>, more: &[String]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

fn told(rule: &TrustRule, claim: &TrustedClaim, claims: &Map<String, Value>) -> String {
    let found = claim.path.find(claims).and_then(as_text);
    let found = found.map_or_else(|| "nothing".to_owned(), |text| format!("`{}`", shown(&text)));
    format!("rule {}: {} is {found}", rule.name, claim.name)
}

fn shown(text: &str) -> String {
    const MOST: usize = 80;
    text.chars().filter(|sign| !sign.is_control()).take(MOST).collect()
}

#[cfg(test)]
mod tests;
