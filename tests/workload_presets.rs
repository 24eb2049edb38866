//! Every preset of a platform against the claims that it documents, and its discovery document (`fixtures/workload`).
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;
use std::rc::Rc;

use postern::authn::workload;
use postern::config::{Config, WorkloadIssuer, WorkloadKeys};
use postern::oidc::metadata;
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

const NOW: i64 = 1_800_000_000;

fn read(file: &str) -> String {
    read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn objects(file: &str) -> Map<String, Value> {
    serde_json::from_str(&read(file)).unwrap()
}

/// A deployment with the table that `postern check --preset` shows.
fn platform(name: &str, entry: &Value) -> WorkloadIssuer {
    let mut table = json!({ "preset": name, "audience": "https://app.example.com", "trust": [entry["rule"]] });
    for ask in entry["asks"].as_array().unwrap() {
        table[ask["key"].as_str().unwrap()] = ask["example"].clone();
    }
    for (key, value) in entry["own"].as_object().into_iter().flatten() {
        table[key] = value.clone();
    }
    let vars = json!({
        "PUBLIC_URL": "https://app.example.com", "ISSUERS": { "jobs": table },
        "ROUTES": { "GET /": { "upstream": "service:API", "authenticate": ["workload"] } },
    });
    let keys: Value = serde_json::from_str(&read("fixtures/jws/rs256.json")).unwrap();
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}A", "C".repeat(42))),
        _ => Some(keys["input"]["jwks"].to_string()),
    };
    Config::parse(vars.as_object().unwrap(), &secret).unwrap().workloads.remove(0)
}

/// The documented claims, in time.
fn claims(documented: &Value) -> Map<String, Value> {
    let mut claims = documented["claims"].as_object().unwrap().clone();
    for name in ["iat", "nbf", "exp"] {
        if let Some(ahead) = claims.get(name).and_then(Value::as_i64) {
            claims.insert(name.to_owned(), json!(NOW + ahead));
        }
    }
    claims
}

#[test]
fn the_rule_that_is_shown_takes_the_token_that_is_documented_and_no_other() {
    //
    let (catalog, documented) =
        (objects("src/config/presets/workload-catalog.json"), objects("fixtures/workload/claims.json"));
    assert_eq!(catalog.keys().collect::<BTreeSet<_>>(), documented.keys().collect());
    for (name, entry) in &catalog {
        let (platform, now) = (platform(name, entry), Timestamp::from_unix(NOW));
        let verdict = |claims: Map<String, Value>| {
            let claims = workload::hypothetical(claims, &platform, now).map_err(|error| error.code().to_owned())?;
            workload::principal(&platform, &Rc::new(claims)).map_err(|why| why.detail().to_owned())
        };
        let principal = verdict(claims(&documented[name])).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(principal.scopes().len(), 1, "{name}");
        assert!(!principal.is_in_person(), "{name}");
        // Each claim that the rule names has to be what it says.
        for key in entry["rule"].as_object().unwrap().keys().filter(|key| *key != "scopes") {
            let mut other = claims(&documented[name]);
            match key.as_str() {
                "namespace" | "service_account" => drop(other.insert("kubernetes.io".to_owned(), json!({}))),
                key => drop(other.insert(key.to_owned(), json!("other"))),
            }
            assert!(verdict(other).is_err(), "{name}: {key}");
        }
    }
}

#[test]
fn the_metadata_of_each_platform_is_that_of_its_preset() {
    //
    let catalog = objects("src/config/presets/workload-catalog.json");
    let mut count = 0;
    for (name, entry) in &catalog {
        let platform = platform(name, entry);
        let WorkloadKeys::Discovery(issuer) = &platform.keys else { continue };
        let text = read(&format!("fixtures/workload/{name}.json"));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(metadata::keys_uri(text.as_bytes(), issuer).unwrap(), document["jwks_uri"], "{name}");
        let algorithms = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(platform.algs.iter().any(|own| algorithms.iter().any(|name| name == own.name())), "{name}");
        count += 1;
    }
    assert_eq!(count, 4);
}
