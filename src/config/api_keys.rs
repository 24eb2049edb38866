//! `KEYS`: the API keys that a site gives out.

use serde_json::Value;
use url::Url;

use super::claim_headers::name_of_header;
use super::problem::expected;
use super::table::Table;
use super::value::{duration, list, parsed, scope, spelled, text, whole_number, word};
use crate::api_key::message::MAX_SCOPES;
use crate::api_key::{ApiKeyRules, DEFAULT_LIFE, KeyPrefix, LONGEST_LIFE, LONGEST_OVERLAP, SelfService};
use crate::http::HeaderName;
use crate::time::Seconds;

const SHORTEST_LIFE: Seconds = Seconds::hours(24);
const OVERLAP: Seconds = Seconds::hours(24);
const MAX_AGE: Seconds = Seconds::minutes(15);
const LONGEST_MAX_AGE: Seconds = Seconds::hours(24);
/// Where GitHub lists the keys by which it signs reports of leaked secrets.
const GITHUB_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";
const PER_PERSON: u32 = 10;
const MOST_PER_PERSON: u32 = 100;

/// Reads `KEYS`. `sessions`: whether people can sign in at all; `development`: whether it all runs on the developer's machine.
pub(super) fn read(mut table: Table<'_>, sessions: bool, development: bool) -> ApiKeyRules {
    let prefix = table.optional("prefix", parsed(KeyPrefix::EXPECTED, KeyPrefix::parse)).unwrap_or_default();
    let max_life = table.optional("max_life", duration(SHORTEST_LIFE, LONGEST_LIFE)).unwrap_or(LONGEST_LIFE);
    let default_life = table.optional("default_life", duration(SHORTEST_LIFE, LONGEST_LIFE));
    if default_life.is_some_and(|life| life > max_life) {
        table.problem("default_life", format!("expected at most the `max_life` of `{}`", spelled(max_life)));
    }
    let self_service = table.table("self_service").map(self_service);
    if self_service.is_some() && !sessions {
        table.problem("self_service", "is for people, and without `PROVIDERS` nobody can sign in");
    }
    let rules = ApiKeyRules {
        prefix,
        max_life,
        default_life: default_life.unwrap_or(DEFAULT_LIFE).min(max_life),
        overlap: table.optional("overlap", duration(Seconds::new(0), LONGEST_OVERLAP)).unwrap_or(OVERLAP),
        self_service,
        max_age: table.optional("max_age", duration(Seconds::new(1), LONGEST_MAX_AGE)).unwrap_or(MAX_AGE),
        header: table.optional("header", header),
        github: table.optional("github", github(development)).flatten(),
    };
    table.finish();
    rules
}

fn self_service(mut table: Table<'_>) -> SelfService {
    let roles = table.optional("roles", list("the name of a role", word));
    if roles.as_ref().is_some_and(Vec::is_empty) {
        table.problem("roles", "expected at least one, or no `roles`: then everybody who signs in may have keys");
    }
    let scopes = table.required("scopes", "a list of scopes", list("a scope", scope)).unwrap_or_default();
    if table.has("scopes") && scopes.is_empty() {
        table.problem("scopes", "expected at least one: keys without any could do nothing");
    }
    if scopes.len() > MAX_SCOPES {
        table.problem("scopes", format!("expected at most {MAX_SCOPES}, found {}", scopes.len()));
    }
    let per_person = table.optional("per_person", whole_number(1, MOST_PER_PERSON)).unwrap_or(PER_PERSON);
    let owner_seen_within = table.optional("owner_seen_within", duration(SHORTEST_LIFE, LONGEST_LIFE));
    table.finish();
    SelfService { roles: roles.unwrap_or_default(), scopes, per_person, owner_seen_within }
}

/// Another list than GitHub's own would have others end keys: only a developer's machine may name one.
fn github(development: bool) -> impl Fn(&Value) -> Result<Option<String>, String> {
    move |value| match value {
        Value::Bool(takes) => Ok(takes.then(|| GITHUB_KEYS.to_owned())),
        Value::String(list) if development && is_on_this_machine(list) => Ok(Some(list.clone())),
        other => Err(expected("true or false", &other.to_string())),
    }
}

fn is_on_this_machine(list: &str) -> bool {
    Url::parse(list).is_ok_and(|url| {
        url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1")) && url.username().is_empty()
    })
}

fn header(value: &Value) -> Result<HeaderName, String> {
    name_of_header(text(value)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    #[test]
    fn without_the_table_there_are_no_keys_and_without_a_key_the_defaults() {
        assert!(parse(&small()).unwrap().api_keys.is_none());
        let rules = parse(&with(small(), &["KEYS"], json!({}))).unwrap().api_keys.unwrap();
        let days = |days: u32| Seconds::hours(24 * days);
        assert_eq!((rules.prefix.as_str(), rules.max_life, rules.default_life), ("pstn", days(365), days(90)));
        assert_eq!((rules.overlap, rules.max_age), (days(1), Seconds::minutes(15)));
        assert!(rules.self_service.is_none() && rules.header.is_none() && rules.github.is_none());
    }

    #[test]
    fn what_it_says_counts() {
        //
        let table = json!({
            "prefix": "acme", "max_life": "30d", "overlap": "0s", "max_age": "5m", "header": "X-API-Key", "github": true,
            "self_service": { "roles": ["developer"], "scopes": ["orders:read"], "per_person": 3,
                "owner_seen_within": "30d" },
        });
        let config = parse(&with(small(), &["KEYS"], table)).unwrap();
        // From outside it reaches no upstream.
        assert!(config.claim_headers.contains(&HeaderName::from_static("x-api-key")));
        let rules = config.api_keys.unwrap();
        assert_eq!(rules.default_life, Seconds::hours(30 * 24));
        assert_eq!((rules.prefix.as_str(), rules.overlap), ("acme", Seconds::new(0)));
        assert_eq!(rules.github.as_deref(), Some(GITHUB_KEYS));
        assert_eq!(rules.header.unwrap().as_str(), "x-api-key");
        let service = rules.self_service.unwrap();
        assert_eq!(
            (service.roles, service.scopes, service.per_person),
            (vec!["developer".to_owned()], vec!["orders:read".to_owned()], 3)
        );
        assert_eq!(service.owner_seen_within, Some(Seconds::hours(30 * 24)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, place) in [
            (json!({ "prefix": "A" }), "KEYS.prefix: "),
            (json!({ "prefix": "acme_" }), "KEYS.prefix: "),
            (json!({ "max_life": "366d" }), "KEYS.max_life: "),
            (json!({ "max_life": "1h" }), "KEYS.max_life: "),
            (json!({ "max_life": "30d", "default_life": "31d" }), "KEYS.default_life: "),
            (json!({ "overlap": "8d" }), "KEYS.overlap: "),
            (json!({ "header": "cookie" }), "KEYS.header: "),
            (json!({ "header": "x-postern-key" }), "KEYS.header: "),
            (json!({ "header": "a b" }), "KEYS.header: "),
            (json!({ "self_service": {} }), "KEYS.self_service.scopes: "),
            (json!({ "self_service": { "scopes": [] } }), "KEYS.self_service.scopes: "),
            (json!({ "self_service": { "scopes": ["a"], "roles": [] } }), "KEYS.self_service.roles: "),
            (json!({ "self_service": { "scopes": ["a"], "per_person": 0 } }), "KEYS.self_service.per_person: "),
            (
                json!({ "self_service": { "scopes": ["a"], "owner_seen_within": "1h" } }),
                "KEYS.self_service.owner_seen_within: ",
            ),
            (json!({ "scopes": ["a"] }), "KEYS.scopes: unknown key"),
            (json!({ "github": "http://localhost:1/keys" }), "KEYS.github: "),
            (json!({ "github": "https://api.github.com/" }), "KEYS.github: "),
        ] {
            let lines = problems(&with(small(), &["KEYS"], table.clone()));
            assert!(lines.iter().any(|line| line.starts_with(place)), "{table}: {lines:?}");
        }
    }

    #[test]
    fn a_route_takes_keys_where_it_says_so_and_there_are_any() {
        let route =
            |ways: serde_json::Value| json!({ "/a": { "upstream": "https://a.example", "authenticate": ways } });
        let with_keys = |ways| with(with(small(), &["KEYS"], json!({})), &["ROUTES"], route(ways));
        let config = parse(&with_keys(json!(["session", "key"]))).unwrap();
        let guard = config.routes.routes()[0].guard().unwrap();
        assert!(guard.takes_keys() && guard.takes_sessions() && !guard.takes_tokens());
        let lines = problems(&with(small(), &["ROUTES"], route(json!(["key"]))));
        assert!(lines[0].contains("`KEYS`"), "{lines:?}");
        for (key, value) in [("touch", json!(true)), ("token", json!("relay"))] {
            let lines = problems(&with(with_keys(json!(["key"])), &["ROUTES", "/a", key], value));
            assert!(lines.iter().any(|line| line.starts_with(&format!("ROUTES.\"/a\".{key}"))), "{key}: {lines:?}");
        }
    }
}
