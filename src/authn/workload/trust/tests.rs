use serde_json::json;

use super::*;
use crate::config::{ClaimPath, TrustedValue};

fn rule(name: &str, claims: &[(&str, TrustedValue)], scopes: &[&str]) -> TrustRule {
    let claim = |(name, value): &(&str, TrustedValue)| TrustedClaim {
        name: (*name).to_owned(),
        path: ClaimPath::parse(name).unwrap(),
        values: vec![value.clone()],
    };
    TrustRule {
        name: name.to_owned(),
        claims: claims.iter().map(claim).collect(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        roles: Vec::new(),
    }
}

fn one(text: &str) -> TrustedValue {
    TrustedValue::Exact(text.to_owned())
}

#[test]
fn what_all_matching_rules_give_is_given_once() {
    //
    let rules = [
        rule("a", &[("id", one("7"))], &["read", "write"]),
        rule("b", &[("id", one("7")), ("flag", one("true"))], &["write", "deploy"]),
        rule("c", &[("id", one("8"))], &["admin"]),
    ];
    let claims = json!({ "id": 7, "flag": true });
    let granted = decide(&rules, claims.as_object().unwrap()).unwrap();
    assert_eq!(granted.scopes, ["read", "write", "deploy"]);
    assert_eq!(granted.rules, ["a", "b"]);
    let granted = decide(&rules, json!({ "id": "7", "flag": "TRUE" }).as_object().unwrap()).unwrap();
    assert_eq!(granted.rules, ["a"]);
}

#[test]
fn no_rule_takes_what_is_missing_or_no_single_value() {
    //
    let rules = [rule("a", &[("id", one("7"))], &["read"])];
    for claims in [
        json!({}),
        json!({ "id": null }),
        json!({ "id": ["7"] }),
        json!({ "id": { "7": true } }),
        json!({ "id": 7.5 }),
        json!({ "id": "07" }),
        json!({ "id": " 7" }),
        json!({ "ID": "7" }),
    ] {
        assert!(decide(&rules, claims.as_object().unwrap()).is_err(), "{claims}");
    }
    assert!(decide(&[], json!({ "id": 7 }).as_object().unwrap()).is_err());
}

#[test]
fn the_log_learns_of_a_few_rules_and_of_no_endless_text() {
    let many: Vec<TrustRule> = (0..9).map(|at| rule(&at.to_string(), &[("id", one("7"))], &[])).collect();
    let claims = json!({ "id": format!("\u{7}{}", "x".repeat(5000)) });
    let refused = decide(&many, claims.as_object().unwrap()).unwrap_err();
    assert_eq!(refused.detail().matches("rule ").count(), 3);
    assert!(refused.detail().len() < 400 && !refused.detail().contains('\u{7}'), "{}", refused.detail());
}
