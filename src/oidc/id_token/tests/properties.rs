//! Whatever stands in one claim.

use proptest::prelude::*;

use super::*;

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        proptest::collection::vec("\\PC{0,8}", 0..3).prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_claim_makes_it_panic_and_none_changes_who_signed_in(
        name in prop::sample::select(vec![
            "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "auth_time", "acr", "amr", "sid", "events",
        ]),
        value in any_value(),
    ) {
        let asked =
            Asked { max_age: Some(60), acr_values: &["mfa"], access_token: Some(ACCESS_TOKEN), audience: None };
        let mut changed = json!({"auth_time": NOW, "acr": "mfa"});
        changed[name] = value;
        if let Ok(token) = check_typed(None, &changed, &asked) {
            prop_assert_eq!(token.issuer(), "https://op.example");
            prop_assert!(token.expires_at() > Timestamp::from_unix(NOW - 60));
            prop_assert!(token.auth_time().unwrap() <= Timestamp::from_unix(NOW + 60));
        }
    }
}
