use serde_json::{Value, json};

use crate::config::testing::{config, provider};
use crate::config::tests::{problems, small, with};
use crate::config::{ClientAuth, SenderConstrained};

fn refused(corp: Value, route: Value) -> Vec<String> {
    let mut vars = with(small(), &["ROUTES", "/api/{*rest}"], route);
    let machines = json!({ "issuer": "https://as.example.com", "audience": "https://api.example.com" });
    vars = with(vars, &["ISSUERS", "machines"], machines);
    for (name, value) in corp.as_object().unwrap() {
        vars = with(vars, &["PROVIDERS", "corp", name], value.clone());
    }
    problems(&vars)
}

#[test]
fn tokens_are_bound_to_nothing_a_key_or_a_certificate() {
    assert_eq!(provider(|_| ()).sender_constrained, None);
    let by_key = provider(|table| table["sender_constrained"] = json!("dpop"));
    assert!(by_key.binds_by_dpop() && by_key.certificate().is_none());
    let by_certificate = provider(|table| {
        table["sender_constrained"] = json!("mtls");
        table["client_auth"] = json!("private_key_jwt");
        table["mtls_certificate"] = json!("CERT");
    });
    assert_eq!(by_certificate.sender_constrained, Some(SenderConstrained::Mtls("CERT".to_owned())));
    assert!(matches!(by_certificate.client_auth, ClientAuth::PrivateKeyJwt(_)) && !by_certificate.binds_by_dpop());
    assert_eq!(by_certificate.certificate(), Some("CERT"));
    let both = provider(|table| {
        table["sender_constrained"] = json!("mtls");
        table["client_auth"] = json!("tls_client_auth");
        table["mtls_certificate"] = json!("CERT");
    });
    assert_eq!((both.certificate(), both.sender_constrained.as_ref().unwrap().word()), (Some("CERT"), "mtls"));
}

#[test]
fn the_certificate_is_named_and_so_has_to_be_bound() {
    let shown = config(|vars| {
        vars["PROVIDERS"]["corp"]["sender_constrained"] = json!("mtls");
        vars["PROVIDERS"]["corp"]["mtls_certificate"] = json!("CERT");
    });
    assert_eq!(shown.certificates_shown().collect::<Vec<_>>(), ["CERT"]);
}

#[test]
fn what_is_bound_to_nothing_that_is_known_is_refused() {
    let api = json!({ "upstream": "service:API" });
    let word = refused(json!({ "sender_constrained": "magic" }), api.clone());
    assert_eq!(word, ["PROVIDERS.corp.sender_constrained: expected `dpop` or `mtls`, found `magic`"]);
    let nothing = refused(json!({ "sender_constrained": "mtls" }), api.clone());
    assert!(nothing[0].starts_with("PROVIDERS.corp.mtls_certificate: expected a binding"), "{nothing:?}");
    let in_vain = refused(json!({ "sender_constrained": "dpop", "mtls_certificate": "CERT" }), api);
    assert_eq!(
        in_vain,
        ["PROVIDERS.corp.mtls_certificate: is about `tls_client_auth`, and `client_auth` is `client_secret_basic`"]
    );
}

#[test]
fn only_routes_that_send_the_proof_pass_bound_tokens_on() {
    let dpop = json!({ "sender_constrained": "dpop" });
    let mtls = json!({ "sender_constrained": "mtls", "mtls_certificate": "CERT" });
    let route = |token: &str, authenticate: &Value| json!({ "upstream": "service:API", "token": token, "authenticate": authenticate });
    let (sessions, both) = (json!(["session"]), json!(["session", "bearer"]));
    let first = |corp: &Value, route: Value| refused(corp.clone(), route).first().cloned().unwrap();
    assert!(first(&dpop, route("relay", &sessions)).contains("expected `dpop`"));
    assert!(first(&mtls, route("relay", &sessions)).contains("they are bound to a certificate"));
    assert!(first(&mtls, route("dpop", &sessions)).contains("`corp` gives others"));
    assert!(first(&json!({}), route("dpop", &sessions)).contains("`corp` gives others"));
    assert!(refused(dpop.clone(), route("dpop", &both)).iter().any(|line| line.contains("sessions alone")));
    assert!(
        refused(dpop.clone(), route("dpop", &json!(["bearer"]))).iter().any(|line| line.contains("has no `session`"))
    );
    let nowhere = json!({ "upstream": "assets", "token": "dpop" });
    assert!(first(&dpop, nowhere).contains("is not for static assets"));
    let mut asked = with(small(), &["PROVIDERS", "corp", "sender_constrained"], json!("dpop"));
    asked = with(asked, &["ROUTES", "/api/{*rest}"], route("dpop", &sessions));
    asked = with(asked, &["VERIFY"], json!({}));
    assert!(problems(&asked).iter().any(|line| line.contains("neither `VERIFY` nor")));
    config(|vars| {
        vars["PROVIDERS"]["corp"]["sender_constrained"] = json!("dpop");
        vars["ROUTES"]["/api/{*rest}"]["token"] = json!("dpop");
    });
}
