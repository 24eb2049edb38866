//! What requirements mean, said once more and as plainly as can be, beside door 2; and what must hold of any.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::super::{Decision, each};
use super::{CanonicalPath, Method, NOW, Timestamp, decide, requiring, somebody};

/// A list of some of these, in an order of their own; as a member of this name, or none at all.
fn some(name: &'static str, of: &'static [&'static str]) -> impl Strategy<Value = Option<(String, Value)>> {
    subsequence(of, 0..=of.len())
        .prop_shuffle()
        .prop_map(move |all| (!all.is_empty()).then(|| (name.to_owned(), json!(all))))
}

fn one(name: &'static str, of: Vec<Value>) -> impl Strategy<Value = Option<(String, Value)>> {
    prop::option::of(select(of)).prop_map(move |value| Some((name.to_owned(), value?)))
}

/// What a route may ask.
pub(crate) fn requirements() -> impl Strategy<Value = Map<String, Value>> {
    let department = json!({ "department": "{team}" });
    let group = json!({ "groups": { "contains": "a" } });
    let both = json!({ "department": "b", "groups": { "contains": "{team}" } });
    (
        some("scopes", &["a", "b"]),
        some("any_scope", &["c", "d"]),
        some("roles", &["editor", "viewer"]),
        some("permissions", &["read:orders", "write:orders", "x"]),
        one("claims", vec![department, group, both]),
        some("email_domain", &["example.com", "example.org"]),
        some("acr", &["silver", "gold"]),
        some("amr", &["pwd", "otp"]),
        one("max_age", vec![json!("1m"), json!("1h")]),
        one("tenant", vec![json!("a"), json!("{team}")]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i, j)| [a, b, c, d, e, f, g, h, i, j].into_iter().flatten().collect())
}

/// What an issuer may say of somebody.
pub(crate) fn claims() -> impl Strategy<Value = Value> {
    let scope = subsequence(vec!["a", "b", "c", "d"], 0..=4).prop_map(|all| json!(all.join(" ")));
    (
        scope,
        (some("roles", &["editor", "viewer"]), some("permissions", &["read:orders", "x", "write:*"])),
        (some("amr", &["pwd", "otp"]), some("groups", &["a", "b"])),
        one("org_id", vec![json!("a"), json!("b")]),
        one("department", vec![json!("a"), json!("b"), json!(["a"])]),
        one("email", vec![json!("i@example.com"), json!("i@example.org.evil")]),
        one("email_verified", vec![json!(true), json!(false)]),
        one("acr", vec![json!("silver"), json!("gold"), json!("lead")]),
        one("auth_time", vec![json!(NOW), json!(NOW - 1000), json!(NOW - 9000)]),
    )
        .prop_map(|(scope, (a, b), (c, d), e, f, g, h, i, j)| {
            let told = [Some(("scope".to_owned(), scope)), a, b, c, d, e, f, g, h, i, j];
            Value::Object(told.into_iter().flatten().collect())
        })
}

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
