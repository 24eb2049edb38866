//! What a route requires by its configuration, written as a policy: both say the same of everybody.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::super::testing::set;
use super::super::{ContextFacts, PolicyInput, PolicySet, PrincipalFacts, ResourceFacts};
use crate::authn::testing::NOW;
use crate::authz::tests::model::{claims, requirements};
use crate::authz::tests::{requiring, somebody};
use crate::authz::{Decision, authorize};
use crate::config::Config;
use crate::http::{Method, Peer};
use crate::route::CanonicalPath;
use crate::time::Timestamp;

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

/// The route's requirements, and the policy that says the same.
struct Both {
    config: Config,
    policies: PolicySet,
}

impl Both {
    fn of(require: &Map<String, Value>) -> Self {
        Self { config: requiring(Value::Object(require.clone())), policies: set(&policy(require)) }
    }

    /// Whether somebody with these claims may, by the requirements and by the policy.
    fn allow(&self, claims: &Value, team: &str) -> (bool, bool) {
        let (principal, now, peer) = (somebody(claims), Timestamp::from_unix(NOW), Peer::default());
        let path = CanonicalPath::parse(&format!("/t/{team}")).unwrap();
        let matched = self.config.routes.find(&Method::GET, &path).unwrap();
        let allowed = matches!(authorize(Some(&principal), &matched, now), Decision::Allow(_));
        let resource =
            ResourceFacts { route: &matched.route.name, path: path.as_str(), params: &matched.params, tenant: None };
        let decision = self.policies.decide(&PolicyInput {
            principal: PrincipalFacts::from(&principal),
            method: &Method::GET,
            resource,
            context: ContextFacts { now, peer: &peer, relations: &[] },
        });
        assert_eq!(decision.failures, []);
        (allowed, decision.allows())
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
