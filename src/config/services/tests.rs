use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::*;
use crate::config::{BindingUse, TlsCertificate};
use crate::route::{Access, Token};
use crate::secret::Secret;

fn entry(more: &Value) -> Value {
    let mut table = json!({ "issuer": "https://as.example", "client_id": "postern" });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    table
}

fn with_services(services: &Value) -> Value {
    with(small(), &["SERVICES"], services.clone())
}

fn read(more: &Value) -> ServiceClient {
    parse(&with_services(&json!({ "billing": entry(more) }))).unwrap().services.remove(0)
}

fn ring(letter: &str) -> KeyRing {
    KeyRing::parse(&format!("k{letter}:{}A", letter.to_uppercase().repeat(42))).unwrap()
}

fn terms(client: &ServiceClient) -> String {
    client.terms(&ring("c"))
}

fn problem(more: &Value) -> String {
    let lines = problems(&with_services(&json!({ "billing": entry(more) })));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn an_entry_says_of_whom_and_for_what() {
    //
    let least = read(&json!({}));
    assert!(least.scopes.is_empty() && least.audience.is_none() && least.token_params.is_empty());
    assert!(matches!(least.client_auth, ClientAuth::Basic(_)));
    let all = read(&json!({
        "scopes": ["invoices:read"], "audience": "https://billing.example", "resource": "https://billing.example/",
        "token_params": { "organization": "o" }, "client_auth": "client_secret_post",
        "token_endpoint": "https://as.example/oauth/token",
    }));
    assert_eq!((all.audience.as_deref(), all.token_params.len()), (Some("https://billing.example"), 1));
    assert_eq!(all.token_endpoint.as_deref(), Some("https://as.example/oauth/token"));
}

#[test]
fn the_terms_tell_one_token_from_another() {
    //
    let plain = read(&json!({ "scopes": ["a", "b"] }));
    assert_eq!(terms(&plain), terms(&read(&json!({ "scopes": ["b", "a"] }))), "a set has no order");
    for other in [
        json!({ "scopes": ["a"] }),
        json!({ "scopes": ["a", "b"], "audience": "urn:x" }),
        json!({ "scopes": ["a", "b"], "resource": "urn:x" }),
        json!({ "scopes": ["a", "b"], "client_id": "other" }),
        json!({ "scopes": ["a", "b"], "token_params": { "x": "y" } }),
        json!({ "scopes": ["a", "b"], "issuer": "https://other.example" }),
        json!({ "scopes": ["a", "b"], "client_auth": "tls_client_auth", "mtls_certificate": "CERT" }),
    ] {
        assert_ne!(terms(&plain), terms(&read(&other)), "{other}");
    }
}

#[test]
fn another_secret_is_another_token() {
    //
    let with = |auth| ServiceClient { client_auth: auth, ..read(&json!({})) };
    let basic = |secret: &str| with(ClientAuth::Basic(Secret::new(secret.to_owned())));
    assert_eq!(terms(&basic("one")), terms(&basic("one")));
    assert_ne!(terms(&basic("one")), terms(&basic("two")));
    assert_ne!(basic("one").terms(&ring("c")), basic("one").terms(&ring("d")), "no one tries secrets without the ring");
    let shown =
        |binding: &str| with(ClientAuth::Tls(TlsCertificate { binding: binding.to_owned(), self_signed: false }));
    assert_ne!(terms(&shown("A")), terms(&shown("B")));
}

#[test]
fn what_would_ask_nobody_or_prove_nothing_is_refused() {
    //
    let nowhere = problems(&with_services(&json!({ "billing": { "client_id": "a" } })));
    assert_eq!(nowhere.len(), 1, "{nowhere:?}");
    assert!(nowhere[0].starts_with("SERVICES.billing: expected `issuer`"), "{nowhere:?}");
    for bad in ["http://as.example/t", "https://127.0.0.1/t", "/token", "https://as.example/t#f"] {
        assert!(problem(&json!({ "token_endpoint": bad })).contains("URL of a token endpoint"), "{bad}");
    }
    for own in OWN_PARAMETERS {
        assert!(problem(&json!({ "token_params": { own: "x" } })).ends_with("is Postern's own to send, take it out"));
    }
    for word in ["none", "apple"] {
        assert!(problem(&json!({ "client_auth": word })).contains("client_secret_basic"), "{word}");
    }
    let without = problem(&json!({ "client_auth": "tls_client_auth" }));
    assert!(without.starts_with("SERVICES.billing.mtls_certificate: expected a binding"), "{without}");
    let in_vain = problem(&json!({ "mtls_certificate": "CERT" }));
    assert!(in_vain.contains("is about `tls_client_auth`"), "{in_vain}");
    let nameless = problems(&with_services(&json!({ "billing": {
        "client_id": "a", "token_endpoint": "https://as.example/t", "client_auth": "private_key_jwt",
    } })));
    assert!(nameless.iter().any(|line| line.contains("there is no `issuer`")), "{nameless:?}");
}

#[test]
fn a_secret_that_signs_is_long() {
    //
    let vars = with_services(&json!({ "billing": entry(&json!({ "client_auth": "client_secret_jwt" })) }));
    let read = |secret: &'static str| {
        let lookup = move |name: &str| match name {
            "SERVICE_BILLING_CLIENT_SECRET" => Some(secret.to_owned()),
            name => super::super::tests::secret(name),
        };
        super::super::Config::parse(vars.as_object().unwrap(), &lookup)
    };
    assert!(read("0123456789abcdef0123456789abcdef").is_ok());
    let problems = read("0123456789abcdef0123456789abcde").unwrap_err();
    assert_eq!(problems[0].path, "SERVICE_BILLING_CLIENT_SECRET");
    assert!(problems[0].message.contains("32 bytes"), "{problems:?}");
}

#[test]
fn a_route_names_an_entry_that_is_there() {
    //
    let routes = |token: &str, upstream: &str| {
        let route = json!({ "/a": { "upstream": upstream, "token": token } });
        with(with_services(&json!({ "billing": entry(&json!({})) })), &["ROUTES"], route)
    };
    let config = parse(&routes("service:billing", "https://billing.example")).unwrap();
    let Access::Guarded(guard) = &config.routes.routes()[0].access else { panic!("it is guarded") };
    assert_eq!(guard.token, Token::Service(ServiceId::parse("billing").unwrap()));
    let needed = config.needed_bindings();
    assert!(needed.iter().any(|one| one.name == "SERVICE_TOKENS" && one.used_as == BindingUse::Store));
    for (token, upstream, expected) in [
        ("service:other", "https://billing.example", "there is no `SERVICES.other`"),
        (
            "service:",
            "https://billing.example",
            "expected `none` or `relay` or `dpop` or `assertion` or `txn` or `service:ID`",
        ),
        ("service:billing", "assets", "is not for static assets"),
    ] {
        let lines = problems(&routes(token, upstream));
        assert!(lines.iter().any(|line| line.contains(expected)), "{token} {upstream}: {lines:?}");
    }
    let public = json!({ "/a": { "upstream": "https://b.example", "token": "service:billing", "public": true } });
    let lines = problems(&with(with_services(&json!({ "billing": entry(&json!({})) })), &["ROUTES"], public));
    assert!(lines[0].contains("contradicts `public = true`"), "{lines:?}");
}

#[test]
fn an_entry_that_no_route_uses_needs_no_object() {
    let config = parse(&with_services(&json!({ "billing": entry(&json!({})) }))).unwrap();
    assert!(config.needed_bindings().iter().all(|one| one.name != "SERVICE_TOKENS"));
}

#[test]
fn a_service_publishes_its_keys_where_nobody_else_does() {
    //
    let with_provider = |id: &str, provider: &str, service: &str| {
        let vars = with(small(), &["PROVIDERS", "corp", "client_auth"], json!(provider));
        with(vars, &["SERVICES"], json!({ id: entry(&json!({ "client_auth": service })) }))
    };
    let shared = problems(&with_provider("corp", "private_key_jwt", "private_key_jwt"));
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert!(shared[0].starts_with("SERVICES.corp: would publish its key where `PROVIDERS.corp`"), "{shared:?}");
    for (id, provider, service) in [
        ("billing", "private_key_jwt", "private_key_jwt"),
        ("corp", "client_secret_basic", "private_key_jwt"),
        ("corp", "private_key_jwt", "client_secret_basic"),
    ] {
        assert!(parse(&with_provider(id, provider, service)).is_ok(), "{id} {provider} {service}");
    }
    let issuer = json!({ "issuer": "https://as.example", "audience": "urn:a", "tokens": "opaque", "client_id": "a",
        "client_auth": "private_key_jwt" });
    let vars = with(small(), &["ISSUERS"], json!({ "billing": issuer }));
    let lines =
        problems(&with(vars, &["SERVICES"], json!({ "billing": entry(&json!({ "client_auth": "private_key_jwt" })) })));
    assert!(lines.iter().any(|line| line.starts_with("SERVICES.billing: would publish")), "{lines:?}");
}
