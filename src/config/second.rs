//! `SECOND`: second factors of our own, beside the sign-in at the provider.

use super::factor_notices::{self, FactorNotices};
use super::problem::{expected, shown};
use super::provider::Provider;
use super::require::domain;
use super::table::Table;
use super::value::{duration, label, list, one_of, text};
use crate::http::public_url::PublicUrl;
use crate::time::Seconds;

const SHORTEST_ENROL: Seconds = Seconds::minutes(1);
const LONGEST_ENROL: Seconds = Seconds::hours(24);
const ENROL_WITHIN: Seconds = Seconds::minutes(10);
/// Where anybody gets a subdomain on the platforms that Workers run on: no site owns these.
const SHARED_DOMAINS: [&str; 4] = ["workers.dev", "pages.dev", "cloudflareaccess.com", "trycloudflare.com"];
/// The second level under a country's domain that is open to everybody, as in `co.uk`.
const SHARED_LEVELS: [&str; 8] = ["ac", "co", "com", "edu", "gov", "net", "or", "org"];

/// `SECOND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondRules {
    /// `factors`: what people can enrol, in the order in which it is offered; at least one. Default all.
    pub factors: Vec<OfferedFactor>,
    /// `enrol_within`: how long after a sign-in the first factor can be enrolled, and how long after a proof another one can be,
    /// or one can be removed, of which ten minutes are the most. Default 10 min.
    pub enrol_within: Seconds,
    /// `rp_id`: the domain that passkeys are made for. Default the host of `PUBLIC_URL`.
    pub rp_id: String,
    /// `required_for.roles`: people with one of these roles prove a factor in each session before any guarded route is open.
    pub required_for: Vec<String>,
    /// `notify`: whom changes of people's factors are told. Default nobody.
    pub notify: Option<FactorNotices>,
}

/// A kind of factor that people can enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferedFactor {
    /// `passkey` (WebAuthn).
    Passkey,
    /// `totp`: codes from an app (RFC 6238).
    Totp,
}

impl OfferedFactor {
    /// All, by the names that the configuration, the addresses and the log have for them.
    pub const NAMES: [(&'static str, Self); 2] = [("passkey", Self::Passkey), ("totp", Self::Totp)];

    /// What it is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Totp => "totp",
        }
    }
}

impl SecondRules {
    /// Whether `required_for` is about somebody with these roles.
    #[must_use]
    pub fn asks(&self, roles: &[String]) -> bool {
        roles.iter().any(|role| self.required_for.contains(role))
    }

    /// Whether people can enrol a factor of this kind.
    #[must_use]
    pub fn offers(&self, factor: OfferedFactor) -> bool {
        self.factors.contains(&factor)
    }
}

/// Reads `SECOND`. `providers`: `None` where nobody can sign in; `public_url`: `None` when that is wrong itself.
pub(super) fn read(
    mut table: Table<'_>,
    providers: Option<&[Provider]>,
    public_url: Option<&PublicUrl>,
) -> Option<SecondRules> {
    if providers.is_none() {
        table.problem_here("is for people, and without `PROVIDERS` nobody can sign in");
    }
    let kind = |text: &str| OfferedFactor::NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    let factors = table.optional("factors", list(&one_of(&OfferedFactor::NAMES), kind));
    if factors.as_ref().is_some_and(Vec::is_empty) {
        table.problem("factors", "expected at least one, or no `factors`: then all are offered");
    }
    let factors = factors.unwrap_or_else(|| OfferedFactor::NAMES.map(|(_, kind)| kind).to_vec());
    let enrol_within = table.optional("enrol_within", duration(SHORTEST_ENROL, LONGEST_ENROL)).unwrap_or(ENROL_WITHIN);
    let required_for = table.table("required_for").map(required_for).unwrap_or_default();
    let has_roles = providers.unwrap_or_default().iter().any(|provider| !provider.roles.is_empty());
    if !required_for.is_empty() && !has_roles {
        table.problem_in("required_for", "roles", "nobody has any: no provider says where its `roles` are");
    }
    let host = public_url.map(PublicUrl::domain);
    let said = table.optional("rp_id", |value| {
        let text = text(value)?;
        host.map_or_else(|| Ok(text.to_owned()), |host| rp_id(text, host))
    });
    let is_address =
        host.is_some_and(|host| host.starts_with('[') || host.split('.').all(|part| part.parse::<u8>().is_ok()));
    if is_address && factors.contains(&OfferedFactor::Passkey) {
        let only = "passkeys need a host name, and `PUBLIC_URL` has an address: expected `[\"totp\"]`";
        table.problem("factors", only);
    }
    let notify = table.optional("notify", |value| factor_notices::read(text(value)?, public_url));
    table.finish();
    let rp_id = said.or_else(|| host.map(str::to_owned))?;
    Some(SecondRules { factors, enrol_within, rp_id, required_for, notify })
}

fn required_for(mut table: Table<'_>) -> Vec<String> {
    let what = "a role of 1 to 80 characters";
    let roles = table.required("roles", &format!("a list of {what}"), list(what, label));
    if roles.as_ref().is_some_and(Vec::is_empty) {
        table.problem("roles", "expected at least one, or no `required_for`");
    }
    table.finish();
    roles.unwrap_or_default()
}

/// The host itself, or a domain above it that can be one site's alone. What others could have a subdomain of is refused by
/// browsers too; they know every such domain, and we the likely ones.
fn rp_id(text: &str, host: &str) -> Result<String, String> {
    if text == host {
        return Ok(text.to_owned());
    }
    let is_above = host.strip_suffix(text).is_some_and(|rest| rest.ends_with('.'));
    if domain(text).is_none() || !is_above {
        return Err(expected(format!("the host of `PUBLIC_URL`, `{host}`, or a domain above it"), text));
    }
    if is_shared(text) {
        return Err(format!("{} belongs to no single site, expected a domain of your own", shown(text)));
    }
    Ok(text.to_owned())
}

/// Whether anybody can have a domain below this one.
fn is_shared(domain: &str) -> bool {
    let by_country =
        domain.split_once('.').is_some_and(|(level, country)| country.len() == 2 && SHARED_LEVELS.contains(&level));
    by_country || SHARED_DOMAINS.contains(&domain)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn second(table: Value) -> Value {
        with(small(), &["SECOND"], table)
    }

    fn at(public_url: &str, table: Value) -> Value {
        with(second(table), &["PUBLIC_URL"], json!(public_url))
    }

    #[test]
    fn without_the_table_there_are_no_factors_and_without_a_key_the_defaults() {
        assert_eq!(parse(&small()).unwrap().second, None);
        let rules = parse(&at("https://app.example.com:8443", json!({}))).unwrap().second.unwrap();
        //
        assert_eq!((rules.rp_id.as_str(), rules.enrol_within), ("app.example.com", Seconds::minutes(10)));
        assert!(rules.offers(OfferedFactor::Passkey) && rules.offers(OfferedFactor::Totp));
        assert_eq!(rules.required_for, Vec::<String>::new());
    }

    #[test]
    fn what_it_says_counts() {
        let table = json!({
            "factors": ["totp"], "enrol_within": "5m", "rp_id": "example.com", "required_for": { "roles": ["admin"] },
        });
        let mut vars = with(at("https://app.example.com", table), &["PROVIDERS", "corp", "roles"], json!(["roles"]));
        let rules = parse(&vars).unwrap().second.unwrap();
        assert_eq!(rules.factors, [OfferedFactor::Totp]);
        assert_eq!((rules.rp_id.as_str(), rules.enrol_within), ("example.com", Seconds::minutes(5)));
        assert_eq!(rules.required_for, ["admin"]);
        vars = with(vars, &["PROVIDERS", "corp", "roles"], json!([]));
        let lines = problems(&vars);
        assert!(lines.iter().any(|line| line.starts_with("SECOND.required_for.roles: nobody has any")), "{lines:?}");
    }

    #[test]
    fn passkeys_are_for_the_host_or_a_domain_of_the_same_owner() {
        //
        for (public_url, rp_id, is_good) in [
            ("https://app.example.com", "app.example.com", true),
            ("https://a.b.example.com", "b.example.com", true),
            ("https://a.b.example.com", "example.com", true),
            ("http://localhost:8787", "localhost", true),
            ("https://app.example.com", "com", false),
            ("https://app.example.com", "xample.com", false),
            ("https://app.example.com", "www.app.example.com", false),
            ("https://app.example.com", "example.org", false),
            ("https://app.example.com", "Example.com", false),
            ("https://app.example.com", ".example.com", false),
            ("https://app.example.com", "", false),
            ("https://app.example.co.uk", "co.uk", false),
            ("https://app.example.co.uk", "example.co.uk", true),
            ("https://shop.me.workers.dev", "workers.dev", false),
            ("https://shop.me.workers.dev", "me.workers.dev", true),
            ("https://shop.pages.dev", "pages.dev", false),
            ("http://a.localhost", "localhost", false),
        ] {
            let lines = parse(&at(public_url, json!({ "rp_id": rp_id }))).err().unwrap_or_default();
            let told = lines.iter().filter(|problem| problem.path == "SECOND.rp_id").count();
            assert_eq!((lines.len(), told), if is_good { (0, 0) } else { (1, 1) }, "{public_url} {rp_id}: {lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, place) in [
            (json!({ "factors": [] }), "SECOND.factors: expected at least one"),
            (json!({ "factors": ["sms"] }), "SECOND.factors: expected `passkey` or `totp`"),
            (json!({ "factors": ["totp", "totp"] }), "SECOND.factors: "),
            (json!({ "enrol_within": "59s" }), "SECOND.enrol_within: "),
            (json!({ "enrol_within": "25h" }), "SECOND.enrol_within: "),
            (json!({ "required_for": {} }), "SECOND.required_for.roles: "),
            (json!({ "required_for": { "roles": [] } }), "SECOND.required_for.roles: "),
            (json!({ "required": true }), "SECOND.required: unknown key"),
        ] {
            let lines = problems(&second(table.clone()));
            assert!(lines.len() == 1 && lines[0].starts_with(place), "{table}: {lines:?}");
        }
    }

    #[test]
    fn passkeys_need_a_host_name() {
        for address in ["http://127.0.0.1:8787", "http://[::1]:8787"] {
            assert!(parse(&at(address, json!({ "factors": ["totp"] }))).is_ok(), "{address}");
            let lines = problems(&at(address, json!({})));
            assert!(lines.len() == 1 && lines[0].starts_with("SECOND.factors: passkeys need"), "{lines:?}");
        }
    }

    #[test]
    fn nobody_has_a_factor_where_nobody_can_sign_in() {
        let mut vars = second(json!({}));
        vars.as_object_mut().unwrap().remove("PROVIDERS");
        vars = with(vars, &["ISSUERS"], json!({ "m": { "issuer": "https://m.example", "audience": "urn:a" } }));
        let lines = problems(&vars);
        assert!(lines.iter().any(|line| line.starts_with("SECOND: is for people")), "{lines:?}");
    }
}
