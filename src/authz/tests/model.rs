//! What requirements mean, said once more and as plainly as can be, beside door 2; and what must hold of any.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::super::{Decision, each};
use super::cases::{claims, requirements};
use super::{CanonicalPath, Method, NOW, Timestamp, decide, requiring, somebody};

fn list(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether somebody with these claims meets these requirements at `/t/{team}`.
fn meets(require: &Map<String, Value>, claims: &Value, team: &str) -> bool {
    let scopes: Vec<&str> = claims["scope"].as_str().unwrap().split(' ').collect();
    let held = |name: &str| list(claims.get(name));
    let may = |permission: &str| {
        held("permissions").contains(&permission)
            || (held("roles").contains(&"viewer") && permission == "read:orders")
            || (held("roles").contains(&"editor") && ["read:orders", "write:orders"].contains(&permission))
    };
    let claim = |(name, rule): (&String, &Value)| {
        let operand = rule.get("contains").unwrap_or(rule).as_str().unwrap().replace("{team}", team);
        let equal = claims.get(name) == Some(&json!(operand));
        equal || (rule.is_object() && held(name).contains(&operand.as_str()))
    };
    let named = |name: &str| list(require.get(name));
    let none_or_any =
        |name: &str, test: &dyn Fn(&str) -> bool| named(name).is_empty() || named(name).into_iter().any(test);
    let domain = |domain: &str| claims["email_verified"] == true && claims["email"] == format!("i@{domain}");
    let age = |max_age: &Value| {
        let most = if max_age == "1m" { 60 } else { 3600 };
        claims["auth_time"].as_i64().is_some_and(|time| NOW - time <= most + 60)
    };
    named("scopes").iter().all(|scope| scopes.contains(scope))
        && none_or_any("any_scope", &|scope| scopes.contains(&scope))
        && none_or_any("roles", &|role| held("roles").contains(&role))
        && named("permissions").into_iter().all(may)
        && require.get("claims").is_none_or(|rules| rules.as_object().unwrap().iter().all(claim))
        && require
            .get("tenant")
            .is_none_or(|tenant| claims["org_id"] == tenant.as_str().unwrap().replace("{team}", team))
        && none_or_any("email_domain", &domain)
        && none_or_any("acr", &|acr| claims["acr"] == acr)
        && named("amr").iter().all(|method| held("amr").contains(method))
        && require.get("max_age").is_none_or(age)
}

fn allows(require: &Map<String, Value>, claims: &Value, team: &str) -> bool {
    let config = requiring(Value::Object(require.clone()));
    matches!(decide(&config, Some(&somebody(claims)), &format!("/t/{team}")), Decision::Allow(_))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn door_two_lets_through_exactly_whom_the_requirements_mean(
        require in requirements(), claims in claims(), team in select(vec!["a", "b", "c"]),
    ) {
        //
        prop_assert_eq!(allows(&require, &claims, team), meets(&require, &claims, team));
    }

    #[test]
    fn what_is_said_of_each_requirement_is_what_is_decided(
        require in requirements(), claims in claims(), team in select(vec!["a", "b"]),
    ) {
        let (config, somebody) = (requiring(Value::Object(require.clone())), somebody(&claims));
        let path = format!("/t/{team}");
        let found = config.routes.find(&Method::GET, &CanonicalPath::parse(&path).unwrap()).unwrap();
        let each = each(&somebody, &found, Timestamp::from_unix(NOW));
        let expected = match decide(&config, Some(&somebody), &path) {
            Decision::Allow(_) => None,
            Decision::Deny(denial) => Some(denial.code()),
            Decision::StepUp(wanted) => Some(wanted.shortfall.code()),
        };
        prop_assert_eq!(each.iter().find_map(|finding| finding.reason), expected);
        // One sentence may be about two keys; none is left out.
        let told: Vec<&str> = each.iter().flat_map(|finding| finding.name.split(", ")).collect();
        prop_assert!(require.keys().all(|key| told.contains(&key.as_str())), "{:?} {:?}", require, told);
    }

    #[test]
    fn one_requirement_more_never_lets_anybody_through(
        require in requirements(), more in requirements(), claims in claims(),
    ) {
        //
        let mut stricter = require.clone();
        for (name, value) in more {
            stricter.entry(name).or_insert(value);
        }
        prop_assert!(allows(&require, &claims, "a") || !allows(&stricter, &claims, "a"));
    }

    #[test]
    fn neither_order_nor_another_route_changes_a_decision(require in requirements(), claims in claims()) {
        //
        let mut turned = Map::new();
        for (name, value) in require.iter().rev() {
            let reversed = value.as_array().map(|all| json!(all.iter().rev().collect::<Vec<_>>()));
            turned.insert(name.clone(), reversed.unwrap_or_else(|| value.clone()));
        }
        prop_assert_eq!(allows(&require, &claims, "a"), allows(&turned, &claims, "a"));
        let wider = |wide: Value| {
            let config = crate::config::testing::config(|vars| {
                vars["ISSUERS"]["machines"] = super::issuer();
                vars["ROLES"] = json!({ "editor": ["*:orders"], "viewer": ["read:*"] });
                let bearer = |require: Value| json!({ "upstream": "service:A", "authenticate": ["bearer"], "require": require });
                vars["ROUTES"]["/t/{team}"] = bearer(Value::Object(require.clone()));
                vars["ROUTES"]["/{*rest}"] = wide;
                vars["ROUTES"]["/t/{team}/more"] = bearer(json!({ "scopes": ["never"] }));
            });
            matches!(decide(&config, Some(&somebody(&claims)), "/t/a"), Decision::Allow(_))
        };
        let public = wider(json!({ "upstream": "service:A", "public": true }));
        let shut = wider(json!({ "upstream": "service:A", "authenticate": ["bearer"], "require": { "scopes": ["never"] } }));
        prop_assert_eq!(public, allows(&require, &claims, "a"));
        prop_assert_eq!(shut, allows(&require, &claims, "a"));
    }
}
