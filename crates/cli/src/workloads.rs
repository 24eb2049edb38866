//! The platforms whose programs may come with their tokens, and which of these count, in words.

use postern::config::{Config, TrustRule, TrustedClaim, WorkloadIssuer, WorkloadKeys, spelled};

/// Every platform of a site; nothing where there is none.
pub(super) fn describe(config: &Config) -> String {
    if config.workloads.is_empty() {
        return String::new();
    }
    let all: String = config.workloads.iter().map(platform).collect();
    format!("\nPlatforms whose programs come with their tokens\n{all}")
}

fn platform(issuer: &WorkloadIssuer) -> String {
    let WorkloadIssuer { id, preset, issuer: name, audience, .. } = issuer;
    let keys = match &issuer.keys {
        WorkloadKeys::Discovery(_) => "where its metadata says".to_owned(),
        WorkloadKeys::Given(_) => "in the secret, nothing is fetched".to_owned(),
        WorkloadKeys::Published(keys) => match &keys.via {
            Some(binding) => format!("{}, by service:{binding}", keys.url),
            None => keys.url.clone(),
        },
    };
    let rules: String = issuer.trust.iter().map(|one| format!("{}{}", rule(one), broad(issuer, one))).collect();
    format!(
        "  {id} ({preset}, {name})\n    audience  {}\n    keys      {keys}\n    max_life  {}\n{rules}",
        audience.join(" or "),
        spelled(issuer.max_life)
    )
}

/// That a rule is for more than was perhaps meant.
fn broad(issuer: &WorkloadIssuer, rule: &TrustRule) -> String {
    if !issuer.is_broad(rule) {
        return String::new();
    }
    let narrow: Vec<String> = issuer.narrow.iter().map(|name| format!("`{name}`")).collect();
    format!("      every branch counts: the rule names none of {}\n", narrow.join(", "))
}

fn rule(rule: &TrustRule) -> String {
    let claims: Vec<String> = rule.claims.iter().map(claim).collect();
    let given = [("scopes", &rule.scopes), ("roles", &rule.roles)].into_iter().filter(|(_, given)| !given.is_empty());
    let given: Vec<String> = given.map(|(word, given)| format!("{word} {}", given.join(" "))).collect();
    let given = if given.is_empty() { "nothing but its name".to_owned() } else { given.join(", ") };
    format!("    rule {}: {} gets {given}\n", rule.name, claims.join(", "))
}

fn claim(claim: &TrustedClaim) -> String {
    let values: Vec<String> = claim.values.iter().map(ToString::to_string).collect();
    format!("{} {}", claim.name, values.join(" or "))
}
