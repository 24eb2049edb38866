use serde_json::json;

use crate::config::testing::provider;
use crate::config::tests::{problems, small, with};

fn problem(value: serde_json::Value) -> String {
    let lines = problems(&with(small(), &["PROVIDERS", "corp", "encrypted_id_token"], value));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn tokens_are_encrypted_where_the_configuration_says_so() {
    assert!(provider(|_| ()).encrypted_id_token.is_none());
    assert!(problem(json!("maybe")).contains("expected `required` or `accepted`, found `maybe`"));
    assert!(problem(json!("required")).starts_with("PROVIDER_CORP_DECRYPTION_KEY: expected a secret"));
}
