//! `AUTHZEN`: which services may ask for decisions (`AuthZEN` Authorization API 1.0).

use super::limits;
use super::require;
use super::routes::{self, Surroundings};
use super::table::Table;
use crate::ids::principal_kind::PrincipalKind;
use crate::route::{Access, Authentication, Guard, Pattern, Requirements, Route};

const PATTERN: &str = "/access/v1/{endpoint}";
const UNSAID: &str = "expected what a service must have to ask about anybody, such as `scopes = [\"decide\"]`: without it nobody may ask, and `AUTHZEN` is to be left out";

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authzen {
    /// The rule of the endpoints: what a service must have to ask. It leads nowhere.
    pub route: Route,
}

/// Reads `AUTHZEN` like a route that takes access tokens alone, those of services unless it says otherwise.
pub(super) fn read(mut table: Table<'_>, surroundings: &Surroundings<'_>) -> Option<Authzen> {
    let known = &surroundings.known;
    let pattern = Pattern::parse(PATTERN).ok();
    let ways = table.optional("authenticate", |value| routes::authenticate(value, known.issuers));
    if ways.as_ref().is_some_and(|ways| ways.iter().any(|way| *way != Authentication::Bearer)) {
        table.problem("authenticate", "expected `[\"bearer\"]`: services ask with access tokens");
    }
    if !known.issuers.issue_access_tokens() {
        table.problem_here("takes access tokens of the issuers in `ISSUERS`, and there are none");
    }
    let mut requirements = require::read(&mut table, pattern.as_ref(), known);
    if !says_who(&requirements) && !is_wrong(&mut table) {
        table.problem("require", UNSAID);
    }
    if requirements.kinds.is_empty() {
        requirements.kinds.push(PrincipalKind::Service);
    }
    let guard = Guard::new(vec![Authentication::Bearer], requirements);
    routes::refuse_contradictions(&table, &guard, surroundings);
    let access = Access::Guarded(Box::new(guard));
    let limits = limits::of_route(&mut table, Some(&access), surroundings.limits);
    table.finish();
    let route = Route::door("AUTHZEN".to_owned(), (PATTERN, &["POST"]), access, limits)?;
    Some(Authzen { route })
}

/// Whether it takes more than being a service with a token for this deployment: what else would tell a service that may
/// do this from any other?
pub(super) fn says_who(required: &Requirements) -> bool {
    let Requirements { roles, permissions, scopes, any_scope, claims, relations, .. } = required;
    let named = [roles, scopes, any_scope].into_iter().any(|names| !names.is_empty());
    named || !permissions.is_empty() || !claims.is_empty() || !relations.is_empty()
}

/// Whether there is such a requirement, but one that cannot be read: that has been said.
pub(super) fn is_wrong(table: &mut Table<'_>) -> bool {
    let names = ["roles", "permissions", "scopes", "any_scope", "claims", "relations"];
    table.peek("require").is_some_and(|require| names.iter().any(|name| require.get(name).is_some()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};
    use crate::ids::principal_kind::PrincipalKind;

    fn config(authzen: &Value) -> Value {
        let issuers = json!({
            "machines": { "issuer": "https://m.example", "audience": "https://app.example.com", "algs": ["ES256"] },
        });
        with(with(small(), &["ISSUERS"], issuers), &["AUTHZEN"], authzen.clone())
    }

    #[test]
    fn it_is_a_rule_for_services_with_tokens() {
        let authzen = parse(&config(&json!({ "require": { "scopes": ["decide"] } }))).unwrap().authzen.unwrap();
        let guard = authzen.route.token_guard().unwrap();
        assert!(!guard.takes_sessions());
        assert_eq!(guard.requirements.kinds, [PrincipalKind::Service]);
        assert_eq!(authzen.route.resource(), Some("/access/v1"));
    }

    #[test]
    fn it_takes_what_routes_take() {
        let table = json!({
            "authenticate": ["bearer"],
            "require": { "scopes": ["decide"], "kinds": ["agent"], "issuers": ["machines"] },
            "limits": { "subject": { "rate": "10/1m" } },
        });
        let config = parse(&config(&table)).unwrap();
        assert_eq!(config.all_limits().last().unwrap().0, "AUTHZEN.limits.subject");
        let authzen = config.authzen.unwrap();
        let required = &authzen.route.token_guard().unwrap().requirements;
        assert_eq!(
            (required.kinds.as_slice(), required.scopes.as_slice()),
            (&[PrincipalKind::Agent][..], &["decide".to_owned()][..])
        );
    }

    #[test]
    fn it_is_off_until_it_says_who_may_ask() {
        let said = |require: Value| problems(&config(&json!({ "require": require }))).join("\n");
        for nobody in [json!({}), json!({ "kinds": ["service"] }), json!({ "issuers": ["machines"] })] {
            assert!(said(nobody.clone()).contains("AUTHZEN.require: expected "), "{nobody}");
        }
        assert!(problems(&config(&json!({})))[0].starts_with("AUTHZEN.require: expected what a service must have"));
        for somebody in [
            json!({ "scopes": ["decide"] }),
            json!({ "any_scope": ["decide"] }),
            json!({ "claims": { "azp": "orders" } }),
        ] {
            assert!(parse(&config(&json!({ "require": somebody }))).is_ok(), "{somebody}");
        }
    }

    #[test]
    fn without_the_table_there_is_none() {
        assert!(parse(&small()).unwrap().authzen.is_none());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, place) in [
            (json!({ "authenticate": ["session"] }), "AUTHZEN.authenticate: "),
            (json!({ "authenticate": ["session", "bearer"] }), "AUTHZEN.authenticate: "),
            (json!({ "public": true }), "AUTHZEN.public: unknown key"),
            (json!({ "upstream": "assets" }), "AUTHZEN.upstream: unknown key"),
            (json!({ "require": { "issuers": ["nobody"] } }), "AUTHZEN.require.issuers: "),
        ] {
            let lines = problems(&config(&table));
            assert!(lines.iter().any(|line| line.starts_with(place)), "{table}: {lines:?}");
        }
        let lines = problems(&with(small(), &["AUTHZEN"], json!({})));
        assert!(lines[0].starts_with("AUTHZEN: takes access tokens"), "{lines:?}");
        let path = "/access/v1/evaluation";
        let taken = with(config(&json!({})), &["ROUTES", path], json!({ "upstream": "service:API" }));
        assert!(problems(&taken)[0].contains("Postern's own"), "{:?}", problems(&taken));
    }
}
