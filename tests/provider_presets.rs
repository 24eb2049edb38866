//! Every preset of OpenID Connect against a discovery document such as its provider publishes (`fixtures/providers`).
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs::read_to_string;
use std::path::Path;

use postern::config::{Config, Provider, PublicUrl};
use postern::oidc::logout::end_session_url;
use postern::oidc::metadata::{self, Metadata};
use serde_json::{Map, Value, json};

fn read(file: &str) -> String {
    read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn catalog() -> Map<String, Value> {
    serde_json::from_str(&read("src/config/presets/catalog.json")).unwrap()
}

/// A deployment with this preset, and the examples of what it asks for.
fn provider(name: &str, entry: &Value) -> (Provider, PublicUrl) {
    let mut table = json!({ "preset": name, "client_id": "app" });
    for ask in entry["asks"].as_array().unwrap() {
        let example = &ask["example"];
        let value = if ask["form"] == "guids" { json!([example]) } else { example.clone() };
        table[ask["key"].as_str().unwrap()] = value;
    }
    let vars = json!({
        "PUBLIC_URL": "https://app.example.com", "PROVIDERS": { "one": table },
        "ROUTES": { "GET /": { "upstream": "assets", "public": true } },
    });
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}A", "C".repeat(42))),
        name if name.ends_with("_PRIVATE_KEY_NEXT") => None,
        name if name.ends_with("_PRIVATE_KEY") => Some(read("fixtures/jwk/p256_private.p8")),
        _ => Some("secret".to_owned()),
    };
    let config = Config::parse(vars.as_object().unwrap(), &secret).unwrap();
    (config.providers.into_iter().next().unwrap(), config.public_url)
}

#[test]
fn the_metadata_of_each_provider_is_that_of_its_preset() {
    //
    let mut count = 0;
    for (name, entry) in catalog().iter().filter(|(_, entry)| entry["kind"] != "oauth2") {
        let (provider, _) = provider(name, entry);
        let text = read(&format!("fixtures/providers/{name}.json"));
        let document: Value = serde_json::from_str(&text).unwrap();
        let metadata =
            Metadata::parse(text.as_bytes(), &provider.issuer).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(metadata.token_endpoint.url, document["token_endpoint"], "{name}");
        assert_eq!(metadata.left_out, [""; 0], "{name}");
        let algorithms = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        let known =
            provider.id_token_algs.iter().any(|algorithm| algorithms.iter().any(|name| name == algorithm.name()));
        assert!(known, "{name}: {algorithms:?}");
        let sign_out = document.get("end_session_endpoint").or(provider.sign_out.endpoint.as_ref().map(|_| &document));
        assert_eq!(sign_out.is_none(), provider.sign_out.logout == postern::config::Logout::Local, "{name}");
        if document["backchannel_logout_supported"] == true {
            assert!(!provider.cannot.contains(&postern::config::Inability::BackchannelLogout), "{name}");
        }
        count += 1;
    }
    assert_eq!(count, 13);
}

#[test]
fn metadata_is_asked_for_where_it_is_published() {
    let url = |name: &str| metadata::url(&provider(name, &catalog()[name]).0.issuer);
    assert_eq!(url("auth0"), "https://example.eu.auth0.com/.well-known/openid-configuration");
    assert_eq!(url("authentik"), "https://auth.example.com/application/o/my-app/.well-known/openid-configuration");
    let entra = "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration";
    assert_eq!(url("entra-multitenant"), entra);
}

#[test]
fn a_logout_of_the_providers_own_has_what_it_wants_and_nothing_else() {
    //
    let (cognito, origin) = provider("cognito", &catalog()["cognito"]);
    let text = read("fixtures/providers/cognito.json");
    let metadata = Metadata::parse(text.as_bytes(), &cognito.issuer).unwrap();
    let url = end_session_url(&cognito, &metadata, &origin, Some("e30.e30.e30"), "state").unwrap();
    let expected = "https://example.auth.eu-central-1.amazoncognito.com/logout?client_id=app\
        &logout_uri=https%3A%2F%2Fapp.example.com%2Fauth%2Flogged-out";
    assert_eq!(url, expected);
    // Whatever metadata names.
    let elsewhere = Metadata { end_session_endpoint: Some("https://evil.example/".to_owned()), ..metadata };
    assert_eq!(end_session_url(&cognito, &elsewhere, &origin, None, "state").as_deref(), Some(expected));
    let (auth0, origin) = provider("auth0", &catalog()["auth0"]);
    let text = read("fixtures/providers/auth0.json");
    let metadata = Metadata::parse(text.as_bytes(), &auth0.issuer).unwrap();
    assert_eq!(metadata.end_session_endpoint, None);
    let url = end_session_url(&auth0, &metadata, &origin, Some("e30.e30.e30"), "state").unwrap();
    assert!(
        url.starts_with("https://example.eu.auth0.com/oidc/logout?id_token_hint=e30.e30.e30&client_id=app"),
        "{url}"
    );
}
