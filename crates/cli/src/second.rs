//! The rules of second factors, for people.

use postern::config::{Config, OfferedFactor, SecondRules, spelled};
use postern::session::second::rules::PROVEN_FOR;

/// What people can enrol, for which domain, and who has to.
pub(super) fn summary(rules: &SecondRules) -> String {
    let kinds: Vec<&str> = rules.factors.iter().map(|kind| kind.as_str()).collect();
    let domain =
        if rules.offers(OfferedFactor::Passkey) { format!(", passkeys for {}", rules.rp_id) } else { String::new() };
    let (first, changes) = (spelled(rules.enrol_within), spelled(rules.enrol_within.min(PROVEN_FOR)));
    let mut text = format!(
        "\nSecond factors at /auth/second: {}{domain}\n  the first one within {first} of a sign-in, changes within {changes} of a proof\n",
        kinds.join(" or ")
    );
    if !rules.required_for.is_empty() {
        text.push_str(&format!("  needed in each session by who has the role {}\n", rules.required_for.join(" or ")));
    }
    text
}

/// A passkey is of its domain for good.
pub(super) fn warning(config: &Config) -> Option<String> {
    let rules = config.second.as_ref().filter(|rules| rules.offers(OfferedFactor::Passkey))?;
    (rules.rp_id != config.public_url.domain()).then(|| {
        format!(
            "`{}.rp_id` is `{}`, not the host of `PUBLIC_URL`: sites on every subdomain of it can use these passkeys, and a change ends them all",
            config.site.binding("SECOND"),
            rules.rp_id
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is said of these factors.
    fn told(second: &Value) -> String {
        let vars = json!({
            "PUBLIC_URL": "https://app.example.com",
            "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app", "client_auth": "none" } },
            "SECOND": second,
            "ROUTES": { "/{*rest}": { "upstream": "assets" } },
        });
        let ring = |name: &str| (name == "POSTERN_KEYS").then(|| format!("k1:{}A", "B".repeat(42)));
        let config = Config::parse(vars.as_object().unwrap(), &ring).unwrap();
        summary(config.second.as_ref().unwrap())
    }

    #[test]
    fn a_proof_counts_for_changes_for_ten_minutes_at_most() {
        //
        for (within, first, changes) in
            [("5m", "5m", "5m"), ("10m", "10m", "10m"), ("11m", "11m", "10m"), ("1d", "1d", "10m")]
        {
            let expected = format!("the first one within {first} of a sign-in, changes within {changes} of a proof\n");
            let told = told(&json!({ "enrol_within": within }));
            assert!(told.contains(&expected), "{within}: {told}");
        }
    }
}
