//! `require.claims`: what claims must say, also beside the path of the request.

use serde_json::Value;

use super::Denial;
use crate::authn::Principal;
use crate::route::{ClaimRule, ClaimTest, Operand};

/// # Errors
/// Names the first claim that does not say what it must.
pub fn decide(principal: &Principal, rules: &[ClaimRule], params: &[(String, String)]) -> Result<(), Denial> {
    let holds = |rule: &&ClaimRule| principal.claim(&rule.path).is_some_and(|value| passes(&rule.test, value, params));
    match rules.iter().find(|rule| !holds(rule)) {
        Some(rule) => Err(Denial::Claim(rule.path.as_str().to_owned())),
        None => Ok(()),
    }
}

fn passes(test: &ClaimTest, value: &Value, params: &[(String, String)]) -> bool {
    let is = |operand: &Operand, value: &Value| operand.is(value, params);
    match test {
        ClaimTest::Equals(operand) => is(operand, value),
        ClaimTest::Contains(operand) => match value {
            Value::Array(items) => items.iter().any(|item| is(operand, item)),
            one => is(operand, one),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_equals_by_value_and_type_and_contains_whole_items() {
        let params = [("team".to_owned(), "a".to_owned()), ("empty".to_owned(), String::new())];
        let value = |value: Value| Operand::Value(value);
        let parameter = |name: &str| Operand::Parameter(name.to_owned());
        let (equals, contains) = (ClaimTest::Equals, ClaimTest::Contains);
        for (test, claim) in [
            (equals(value(json!("a"))), json!("a")),
            (equals(value(json!(7))), json!(7)),
            (equals(value(json!(true))), json!(true)),
            (equals(parameter("team")), json!("a")),
            (contains(value(json!("a"))), json!(["b", "a"])),
            (contains(value(json!("a"))), json!("a")),
            (contains(parameter("team")), json!([1, "a"])),
        ] {
            assert!(passes(&test, &claim, &params), "{test:?} / {claim}");
        }
        for (test, claim) in [
            (equals(value(json!("a"))), json!("A")),
            (equals(value(json!("a"))), json!(["a"])),
            (equals(value(json!("7"))), json!(7)),
            (equals(value(json!(true))), json!("true")),
            (equals(parameter("team")), json!("b")),
            (equals(parameter("absent")), json!("a")),
            (equals(parameter("empty")), json!("")),
            (contains(parameter("empty")), json!([""])),
            (contains(value(json!("a"))), json!("abc")),
            (contains(value(json!("a"))), json!(["ab", ["a"]])),
            (contains(value(json!("a"))), json!({ "a": "a" })),
            (contains(value(json!("a"))), json!([])),
            (contains(value(json!("a"))), json!(null)),
        ] {
            assert!(!passes(&test, &claim, &params), "{test:?} / {claim}");
        }
    }
}
