//! The rules of second factors, for people.

use postern::config::{Config, OfferedFactor, SecondRules, spelled};

/// What people can enrol, for which domain, and who has to.
pub(super) fn summary(rules: &SecondRules) -> String {
    let kinds: Vec<&str> = rules.factors.iter().map(|kind| kind.as_str()).collect();
    let domain =
        if rules.offers(OfferedFactor::Passkey) { format!(", passkeys for {}", rules.rp_id) } else { String::new() };
    let within = spelled(rules.enrol_within);
    let mut text = format!(
        "\nSecond factors at /auth/second: {}{domain}\n  the first one within {within} of a sign-in, changes within {within} of a proof\n",
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
