//! Requirements and claims for tests. Also read by the tests of the policy engine, which write the same requirements as
//! policies.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::NOW;

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
