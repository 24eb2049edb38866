//! What a route requires by its configuration, written as a policy: both say the same of everybody.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it meets what it did not expect")]

/// What a route may ask, and what an issuer may say of somebody: that of the tests of door 2.
#[path = "../../../src/authz/tests/cases.rs"]
mod cases;

use cases::{claims, requirements};
use postern::config::Config;
use postern::explain::{self, Reading, Who};
use postern::http::Peer;
use postern::policy::Bundle;
use postern::time::Timestamp;
use postern_policy_cedar::PolicySet;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// When it is asked.
const NOW: i64 = 1_800_000_000;

/// What the table of roles in [`requiring`] grants: `editor` has `*:orders`, `viewer` has `read:*`.
const GRANTED: [(&str, &[&str]); 2] = [("read:orders", &["editor", "viewer"]), ("write:orders", &["editor"])];

fn quoted(value: &Value) -> String {
    value.as_array().into_iter().flatten().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

fn each(value: &Value, condition: impl Fn(&str) -> String, between: &str) -> String {
    let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(condition).collect::<Vec<_>>().join(between)
}

/// A text of the configuration, where `{team}` is a parameter of the path.
fn operand(value: &Value) -> String {
    if value == "{team}" { "resource.getTag(\"team\")".to_owned() } else { value.to_string() }
}

fn permission(name: &str) -> String {
    let said = format!("principal.hasTag(\"permissions\") && principal.getTag(\"permissions\").contains(\"{name}\")");
    let roles = GRANTED.iter().find(|(granted, _)| *granted == name).map_or(&[][..], |(_, roles)| roles);
    let by_role = roles.iter().map(|role| format!(" || principal in Role::\"{role}\""));
    format!("(({said}){})", by_role.collect::<String>())
}

fn claim((name, rule): (&String, &Value)) -> String {
    let expected = operand(rule.get("contains").unwrap_or(rule));
    format!("principal.hasTag(\"{name}\") && principal.getTag(\"{name}\").contains({expected})")
}

/// One requirement as a condition.
fn condition((name, value): (&String, &Value)) -> String {
    match name.as_str() {
        "scopes" => format!("principal.scopes.containsAll([{}])", quoted(value)),
        "any_scope" => format!("principal.scopes.containsAny([{}])", quoted(value)),
        "roles" => each(value, |role| format!("principal in Role::\"{role}\""), " || "),
        "permissions" => each(value, permission, " && "),
        "claims" => value.as_object().into_iter().flatten().map(claim).collect::<Vec<_>>().join(" && "),
        "email_domain" => format!("principal has email && [{}].contains(principal.email.domain)", quoted(value)),
        "tenant" => format!("principal has tenant && principal.tenant == {}", operand(value)),
        "acr" => {
            format!("context.authentication has acr && [{}].contains(context.authentication.acr)", quoted(value))
        }
        "amr" => format!("context.authentication.amr.containsAll([{}])", quoted(value)),
        "max_age" => {
            // Clocks may be a minute apart.
            let most = if value == "1m" { 120 } else { 3660 };
            format!("context.authentication has age && context.authentication.age <= {most}")
        }
        other => panic!("{other}"),
    }
}

/// The requirements of `/t/{team}` as one policy.
fn policy(require: &Map<String, Value>) -> String {
    let conditions = require.iter().map(|one| format!("\n    when {{ {} }}", condition(one)));
    let team = "\n    when { resource.hasTag(\"team\") }";
    let conditions = conditions.collect::<String>();
    format!("permit(principal, action, resource in Route::\"/t/{{team}}\"){team}{conditions};")
}

/// A deployment with one route that asks for this.
fn requiring(require: &Map<String, Value>) -> Config {
    let vars = json!({
        "PUBLIC_URL": "https://app.example.com",
        "ISSUERS": { "machines": {
            "issuer": "https://as.example.com/t1", "audience": "urn:api", "roles": ["roles"],
            "permissions": ["permissions"],
        } },
        "ROLES": { "editor": ["*:orders"], "viewer": ["read:*"] },
        "ROUTES": { "/t/{team}": { "upstream": "service:A", "authenticate": ["bearer"], "require": require } },
    });
    let secret = |name: &str| (name == "POSTERN_KEYS").then(|| format!("k1:{}", "E".repeat(43)));
    Config::parse(vars.as_object().unwrap(), &secret).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The route's requirements, and the policy that says the same.
struct Both {
    config: Config,
    policies: PolicySet,
}

impl Both {
    fn of(require: &Map<String, Value>) -> Self {
        let bundle = Bundle::new([("a.cedar".to_owned(), policy(require))].into()).unwrap();
        let policies = PolicySet::parse(&bundle).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self { config: requiring(require), policies }
    }

    /// Whether somebody with these claims may, by the requirements and by the policy.
    fn allow(&self, claims: &Value, team: &str) -> (bool, bool) {
        let (now, peer) = (Timestamp::from_unix(NOW), Peer::default());
        let who: Who = serde_json::from_value(json!({ "issuer": "machines", "claims": claims })).unwrap();
        let somebody = who.suppose(&self.config, now).unwrap();
        let request = format!("GET /t/{team}");
        let Ok(Reading::Case(case)) = explain::read(&self.config, Some(&somebody), &request, now) else {
            panic!("no route answers {request}")
        };
        let decision = self.policies.decide(&case.for_policies(&peer, &[]).unwrap());
        assert_eq!(decision.failures, []);
        (case.decide().outcome == "allow", decision.allows())
    }
}

/// A claim that must equal a text is none where it is a list with that text; to policies both read alike.
fn read_alike(require: &Map<String, Value>, claims: &Value) -> bool {
    let equal = require.get("claims").and_then(|claims| claims.get("department")).is_some();
    !(equal && claims["department"].is_array())
}

#[test]
fn each_requirement_and_the_policy_that_says_the_same_agree_about_whoever_it_may_concern() {
    //
    let required = json!([
        { "scopes": ["a"] }, { "scopes": ["a", "b"] }, { "any_scope": ["c"] }, { "any_scope": ["c", "d"] },
        { "roles": ["editor"] }, { "roles": ["editor", "viewer"] }, { "permissions": ["read:orders"] },
        { "permissions": ["write:orders"] }, { "permissions": ["read:orders", "x"] },
        { "claims": { "department": "{team}" } }, { "claims": { "groups": { "contains": "a" } } },
        { "email_domain": ["example.com"] }, { "email_domain": ["example.org", "example.com"] },
        { "tenant": "a" }, { "tenant": "{team}" }, { "acr": ["gold"] }, { "acr": ["silver", "gold"] },
        { "amr": ["otp"] }, { "amr": ["pwd", "otp"] }, { "max_age": "1m" }, { "max_age": "1h" },
    ]);
    let said = json!([
        { "scope": "a" }, { "scope": "a b" }, { "scope": "b c d" }, { "scope": "d ab" },
        { "roles": ["viewer"] }, { "roles": ["editor"] }, { "roles": ["viewer", "editor"] },
        { "roles": ["viewer"], "permissions": ["x"] }, { "permissions": ["read:orders"] },
        { "permissions": ["read:*", "write:orders"] }, { "department": "a" }, { "department": "b" },
        { "groups": ["a", "b"] }, { "groups": "a" }, { "groups": ["b"] },
        { "email": "i@example.com", "email_verified": true }, { "email": "i@example.com", "email_verified": false },
        { "email": "i@example.com.evil", "email_verified": true }, { "org_id": "a" }, { "org_id": "b" },
        { "acr": "gold" }, { "acr": "silver" }, { "amr": ["otp"] }, { "amr": ["pwd", "otp"] },
        { "auth_time": NOW }, { "auth_time": NOW - 120 }, { "auth_time": NOW - 121 }, { "auth_time": NOW - 3660 },
        { "auth_time": NOW - 3661 },
    ]);
    for require in required.as_array().unwrap() {
        let both = Both::of(require.as_object().unwrap());
        let mut outcomes = [false; 2];
        for more in said.as_array().unwrap() {
            let mut claims = json!({ "scope": "" });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let (allowed, by_policy) = both.allow(&claims, "a");
            assert_eq!(allowed, by_policy, "{require} {claims}");
            outcomes[usize::from(allowed)] = true;
        }
        assert_eq!(outcomes, [true, true], "{require}: it is tried on some who may and some who may not");
    }
}

/// At most three of them: of more, hardly anybody meets all.
fn few_requirements() -> impl Strategy<Value = Map<String, Value>> {
    requirements().prop_flat_map(|all| {
        let all: Vec<_> = all.into_iter().collect();
        let most = all.len().min(3);
        subsequence(all, 0..=most).prop_map(|few| few.into_iter().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn several_requirements_and_the_policy_that_says_the_same_agree_about_everybody(
        require in few_requirements(), claims in claims(), team in select(vec!["a", "b", "c"]),
    ) {
        //
        prop_assume!(read_alike(&require, &claims));
        let (allowed, by_policy) = Both::of(&require).allow(&claims, team);
        prop_assert_eq!(allowed, by_policy, "{}", policy(&require));
    }
}
