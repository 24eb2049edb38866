use super::*;

/// A deployment by `profile`, at a provider that has all of it but for these members.
fn by_profile(more: &Value, changes: &Value) -> Findings {
    let mut vars = with("profile", json!("fapi2"));
    vars["PROVIDERS"]["corp"]["id_token_algs"] = json!(["ES256"]);
    let table = vars["PROVIDERS"]["corp"].as_object_mut().unwrap();
    table.extend(more.as_object().unwrap().clone());
    let mut document = metadata();
    let all = json!({
        "pushed_authorization_request_endpoint": "https://op.example/par",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "authorization_response_iss_parameter_supported": true,
        "dpop_signing_alg_values_supported": ["ES256"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_modes_supported": ["query", "jwt"],
    });
    document.as_object_mut().unwrap().extend(all.as_object().unwrap().clone());
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let mut answers = good();
    answers[METADATA]["body"] = json!(document.to_string());
    let mut keys = keys();
    keys["keys"] = json!([{
        "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }]);
    answers[KEYS]["body"] = json!(keys.to_string());
    found(&vars, &answers)
}

#[test]
fn a_provider_is_held_against_the_profile() {
    //
    assert_eq!(told(&by_profile(&json!({}), &json!({}))), (Vec::new(), Vec::new()));
    let signed = json!({ "signed_request": true, "response_mode": "jwt" });
    assert_eq!(told(&by_profile(&signed, &json!({}))), (Vec::new(), Vec::new()));
    for (more, changes, expected) in [
        (
            json!({}),
            json!({ "pushed_authorization_request_endpoint": null }),
            "profile: requests would have to be pushed, and it has no `pushed_authorization_request_endpoint` that can be used",
        ),
        (
            json!({}),
            json!({ "authorization_response_iss_parameter_supported": false }),
            "profile: its responses need `iss`, which it does not announce (`authorization_response_iss_parameter_supported`)",
        ),
        (
            signed.clone(),
            json!({ "request_object_signing_alg_values_supported": ["PS256"] }),
            "client_assertion.alg: it takes requests that are signed by `PS256` (`request_object_signing_alg_values_supported`), found `ES256`",
        ),
        (
            signed.clone(),
            json!({ "authorization_signing_alg_values_supported": ["RS256", "PS256"] }),
            "id_token_algs: it signs responses by `RS256`, `PS256` (`authorization_signing_alg_values_supported`), found `ES256`",
        ),
        (
            signed.clone(),
            json!({ "response_modes_supported": ["query"] }),
            "response_mode: it offers `query` (`response_modes_supported`), found `jwt`",
        ),
    ] {
        only_problem(&by_profile(&more, &changes), &format!("PROVIDERS.corp.{expected}"));
    }
}
