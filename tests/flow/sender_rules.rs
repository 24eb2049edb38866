//! What an issuer's entry asks of the senders of its tokens, and what a route tells them.

use postern::config::Config;
use serde_json::{Value, json};

use crate::sender::{
    INVALID_BEARER, INVALID_TOKEN, Machine, X5T, asked, certificate, challenges, deployment, refused, token,
};
use crate::support::{Asked, Browser, CORP, ORIGIN, PARTNER, World, gateway, key};

#[test]
fn an_issuer_may_ask_for_a_key_or_a_certificate() {
    // R-129, R-133
    let world = World::new();
    let machine = Machine::new(1);
    let (unbound, key) = (token(&world, CORP, &Value::Null), machine.token(&world, CORP));
    let by_certificate = token(&world, CORP, &json!({ "x5t#S256": X5T }));
    let bearer = |token: &str| {
        let asked = Asked::bearing("/corp", token);
        asked.on_connection(certificate())
    };
    let with_key = asked("/corp", &key, &machine.proof(&world, "/corp", &key, &json!({})));
    let certificate_as_key =
        asked("/corp", &by_certificate, &machine.proof(&world, "/corp", &by_certificate, &json!({})));

    let gateway_of = |sender: &str| gateway(&deployment(&json!({ "sender": sender })));
    let gateway = gateway_of("dpop");
    let browser = Browser::new(&world, &gateway);
    refused(&browser.send(&bearer(&unbound)), "sender.token_not_bound", INVALID_TOKEN);
    refused(&browser.send(&bearer(&by_certificate)), "sender.token_bound_otherwise", INVALID_TOKEN);
    refused(&browser.send(&certificate_as_key), "sender.token_bound_otherwise", INVALID_TOKEN);
    browser.send(&with_key).forwarded();

    let gateway = gateway_of("mtls");
    let browser = Browser::new(&world, &gateway);
    refused(&browser.send(&bearer(&unbound)), "sender.token_not_bound", INVALID_BEARER);
    refused(&browser.send(&with_key), "sender.token_bound_otherwise", INVALID_BEARER);
    refused(&browser.send(&certificate_as_key), "sender.token_bound_otherwise", INVALID_BEARER);
    let answered = browser.send(&bearer(&by_certificate));
    answered.forwarded();
    assert_eq!((&answered.event["means"], &answered.event["jkt"]), (&json!("mtls"), &Value::Null));
}

#[test]
fn a_bound_token_is_not_passed_on_without_its_proof() {
    // R-130
    let (world, gateway) = (World::new(), gateway(&deployment(&json!({}))));
    let (browser, machine) = (Browser::new(&world, &gateway), Machine::new(1));
    let bound = machine.token(&world, PARTNER);
    let proof = machine.proof(&world, "/relay", &bound, &json!({}));
    refused(&browser.send(&asked("/relay", &bound, &proof)), "sender.bound_token_not_relayed", INVALID_TOKEN);
    let by_certificate = token(&world, PARTNER, &json!({ "x5t#S256": X5T }));
    let bearer = |token: &str| Asked::bearing("/relay", token);
    let answered = browser.send(&bearer(&by_certificate).on_connection(certificate()));
    refused(&answered, "sender.bound_token_not_relayed", INVALID_BEARER);
    browser.send(&bearer(&token(&world, PARTNER, &Value::Null))).forwarded();
}

#[test]
fn a_configuration_that_would_pass_bound_tokens_on_is_refused() {
    // R-130
    let parse = |variables: &Value| {
        let secret = |name: &str| Some(if name == "POSTERN_KEYS" { key("k1", "C") } else { "secret".to_owned() });
        let problems = Config::parse(variables.as_object().unwrap(), &secret).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for sender in ["dpop", "mtls"] {
        let mut variables = deployment(&json!({ "sender": sender }));
        assert_eq!(parse(&variables), Vec::<String>::new());
        for relay in [json!({}), json!({ "require": { "issuers": ["corp"] } })] {
            variables["ROUTES"]["/passed"] =
                json!({ "upstream": "service:API", "authenticate": ["bearer"], "token": "relay" });
            variables["ROUTES"]["/passed"].as_object_mut().unwrap().extend(relay.as_object().unwrap().clone());
            let problems = parse(&variables);
            assert!(problems.len() == 1 && problems[0].contains("cannot pass on the tokens of `corp`"), "{problems:?}");
        }
    }
    let problems = parse(&deployment(&json!({ "sender": "mtls", "dpop_nonce": true })));
    assert!(problems.len() == 1 && problems[0].contains("`sender` is `mtls`"), "{problems:?}");
    let problems = parse(&deployment(&json!({ "sender": "both" })));
    assert!(problems.len() == 1 && problems[0].contains("`any` or `dpop` or `mtls`"), "{problems:?}");
}

#[test]
fn a_route_says_by_which_schemes_it_takes_tokens() {
    // RFC 9449 §7.1, §7.2
    let algs = r#"DPoP algs="ES256 ES384 EdDSA PS256", "#;
    let world = World::new();
    for (sender, expected) in [("any", vec!["Bearer ", algs]), ("dpop", vec![algs]), ("mtls", vec!["Bearer "])] {
        let gateway = gateway(&deployment(&json!({ "sender": sender })));
        let browser = Browser::new(&world, &gateway);
        let answered = browser.send(&Asked::new("GET", "/corp"));
        answered.assert_refused(401, "authn.no_token");
        let metadata =
            |path: &str| format!(r#"resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource{path}""#);
        let with =
            |lines: &[&str], path| lines.iter().map(|line| format!("{line}{}", metadata(path))).collect::<Vec<_>>();
        assert_eq!(challenges(&answered), with(&expected, "/corp"), "{sender}");
        let all = challenges(&browser.send(&Asked::new("GET", "/all")));
        assert_eq!(all, with(&["Bearer ", algs], "/all"), "{sender}");
    }
}

#[test]
fn the_metadata_of_a_resource_tells_what_tokens_are_bound_to() {
    // RFC 9728 §2
    let world = World::new();
    let algs = json!(["ES256", "ES384", "EdDSA", "PS256"]);
    for (sender, path, supported, required, by_certificate) in [
        ("any", "/corp", algs.clone(), Value::Null, Value::Null),
        ("dpop", "/corp", algs.clone(), json!(true), Value::Null),
        ("mtls", "/corp", Value::Null, Value::Null, json!(true)),
        ("dpop", "/all", algs.clone(), Value::Null, Value::Null),
        ("mtls", "/all", algs.clone(), Value::Null, json!(true)),
    ] {
        let gateway = gateway(&deployment(&json!({ "sender": sender })));
        let asked = Asked::new("GET", &format!("/.well-known/oauth-protected-resource{path}"));
        let metadata = Browser::new(&world, &gateway).send(&asked).json();
        assert_eq!(metadata["dpop_signing_alg_values_supported"], supported, "{sender} {path}");
        assert_eq!(metadata["dpop_bound_access_tokens_required"], required, "{sender} {path}");
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], by_certificate, "{sender} {path}");
    }
}
