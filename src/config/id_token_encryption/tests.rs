use serde_json::json;

use crate::config::Config;
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
    assert!(provider(|_| ()).sign_out.id_token_hint);
    assert!(problem(json!("required")).starts_with("PROVIDER_CORP_DECRYPTION_KEY: expected a secret"));
}

/// What is wrong with a provider that has these decryption keys, beside one that signs.
fn with_keys(keys: [Option<u8>; 2], kid: Option<&str>) -> Vec<String> {
    let jwk = |number: u8, kid: Option<&str>| {
        let mut jwk: serde_json::Value =
            serde_json::from_str(&p256::SecretKey::from_slice(&[number; 32]).unwrap().to_jwk_string()).unwrap();
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        jwk.to_string()
    };
    let vars = with(small(), &["PROVIDERS", "corp", "encrypted_id_token"], json!("required"));
    let vars = with(vars, &["PROVIDERS", "corp", "client_auth"], json!("private_key_jwt"));
    let secret = |name: &str| match name {
        "PROVIDER_CORP_DECRYPTION_KEY" => keys[0].map(|number| jwk(number, kid)),
        "PROVIDER_CORP_DECRYPTION_KEY_NEXT" => keys[1].map(|number| jwk(number, kid)),
        "PROVIDER_CORP_PRIVATE_KEY_NEXT" => None,
        name => crate::config::tests::secret(name),
    };
    match Config::parse(vars.as_object().unwrap(), &secret) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_key_is_for_one_use_and_has_a_name_of_its_own() {
    assert_eq!(with_keys([Some(8), None], None), [""; 0]);
    assert_eq!(with_keys([Some(8), Some(9)], None), [""; 0]);
    // That of `PROVIDER_CORP_PRIVATE_KEY`, and its name.
    for wrong in [
        with_keys([Some(7), None], None),
        with_keys([Some(8), Some(7)], None),
        with_keys([Some(8), None], Some("2026")),
    ] {
        assert!(wrong[0].contains("has a key that signs too"), "{wrong:?}");
    }
    assert!(with_keys([Some(8), Some(8)], None)[0].contains("two keys of one name"));
}
