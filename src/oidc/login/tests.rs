use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::config::testing::{provider, public_url};
use crate::oidc::transaction::Intent;
use crate::ports::Random;
use crate::time::{Seconds, Timestamp};

struct Zero;

impl Random for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn url(bend: impl FnOnce(&mut Value), endpoint: &str, hints: &Hints) -> BTreeMap<String, String> {
    let provider = provider(bend);
    let metadata = Metadata { authorization_endpoint: endpoint.to_owned(), ..Metadata::default() };
    let intent = Intent {
        provider: &provider.id,
        return_to: "/secret/place".to_owned(),
        acr_values: vec!["a".to_owned(), "b".to_owned()],
        silent: false,
        max_age: Some(Seconds::new(0)),
        previous_session: None,
    };
    let transaction = Transaction::begin(intent, Timestamp::from_unix(0), &Zero);
    let url = authorization_url(&metadata, &parameters(&provider, &public_url(), &transaction, hints)).unwrap();
    // where the person goes afterwards is nobody else's business.
    assert!(!url.contains('#') && !url.contains("secret"), "{url}");
    url::Url::parse(&url).unwrap().query_pairs().into_owned().collect()
}

#[test]
fn everything_that_was_configured_is_sent() {
    //
    let bend = |table: &mut Value| {
        table["response_mode"] = json!("form_post");
        table["resource"] = json!("urn:orders");
        table["authorization_params"] = json!({ "audience": "https://api.example.com" });
        table["prompt"] = json!("consent");
        table["scopes"] = json!(["openid", "orders:read"]);
    };
    let sent = url(bend, "https://login.example.com/authorize?tenant=a%26b", &Hints::default());
    for (name, value) in [
        ("tenant", "a&b"),
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("client_id", "app"),
        ("redirect_uri", "https://app.example.com/auth/callback/corp"),
        ("scope", "openid orders:read"),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
        ("acr_values", "a b"),
        ("max_age", "0"),
        ("resource", "urn:orders"),
        ("audience", "https://api.example.com"),
    ] {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn a_hint_of_the_link_goes_before_the_configured_one() {
    let hints = Hints {
        prompt: Some("login".to_owned()),
        login_hint: Some("a&scope=admin".to_owned()),
        own: vec![("kc_idp_hint".to_owned(), "b&scope=admin".to_owned())],
    };
    let sent = url(|table| table["prompt"] = json!("consent"), "https://login.example.com/authorize", &hints);
    assert_eq!((sent["prompt"].as_str(), sent["login_hint"].as_str()), ("login", "a&scope=admin"));
    assert_eq!(sent["kc_idp_hint"], "b&scope=admin");
    assert_eq!(sent["scope"], "openid profile email");
}

#[test]
fn what_was_not_configured_is_not_sent() {
    let sent = url(|_| (), "https://login.example.com/authorize", &Hints::default());
    for name in ["prompt", "login_hint", "response_mode", "resource"] {
        assert!(!sent.contains_key(name), "{name}");
    }
}
