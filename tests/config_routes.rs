//! The configuration as a user writes it, to the decision which rule answers: `fixtures/route/`.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test fails by panicking")]

#[path = "support/vectors.rs"]
mod vectors;

use postern::config::Config;
use postern::http::Method;
use postern::route::{CanonicalPath, NoRoute};
use serde_json::{Map, Value, json};
use url::Url;
use vectors::web_platform_paths;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    #[serde(rename = "description")]
    _description: String,
    routes: Map<String, Value>,
    /// Method, raw path, and what answers: a rule with its parameters, or a refusal.
    decisions: Vec<(String, String, String)>,
}

fn config(routes: &Map<String, Value>) -> Config {
    let vars = json!({
        "PUBLIC_URL": "https://app.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
        "ROUTES": routes,
    });
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("a:{}", "E".repeat(43))),
        _ => Some("made-up".to_owned()),
    };
    Config::parse(vars.as_object().unwrap(), &secret).unwrap()
}

fn decision(config: &Config, method: &str, raw: &str) -> String {
    let path = match CanonicalPath::parse(raw) {
        Ok(path) => path,
        Err(error) => return format!("400 {}", error.code()),
    };
    match config.routes.find(&Method::from_bytes(method.as_bytes()).unwrap(), &path) {
        Ok(matched) => {
            let params: String = matched.params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}{params}", matched.route.name)
        }
        Err(NoRoute::NotFound) => "404".to_owned(),
        Err(NoRoute::OtherSpelling(stricter)) => format!("404 {stricter}"),
        Err(NoRoute::MethodNotAllowed(allowed)) => format!("405 {}", allowed.allow_header()),
    }
}

#[test]
fn each_request_gets_the_recorded_answer() {
    //
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/route/decisions.json")).unwrap();
    let matrix: Matrix = serde_json::from_str(&text).unwrap();
    let config = config(&matrix.routes);
    for (method, raw, expected) in &matrix.decisions {
        assert_eq!(&decision(&config, method, raw), expected, "{method} {raw}");
    }
}

#[test]
fn a_path_that_is_accepted_is_read_alike_by_the_web_platform() {
    //
    let Some(paths) = web_platform_paths() else { return };
    let base = Url::parse("https://app.example.com").unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for raw in paths {
        match CanonicalPath::parse(&raw) {
            Ok(path) => {
                accepted += 1;
                assert_eq!(
                    base.join(path.as_str()).unwrap().as_str(),
                    format!("https://app.example.com{path}"),
                    "{raw:?}"
                );
                assert_eq!(CanonicalPath::parse(path.as_str()).as_ref(), Ok(&path), "{raw:?}");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 400 && refused > 400, "the data was not what it was taken for");
}

#[test]
fn the_widest_rule_answers_for_every_accepted_path_but_posterns_own() {
    //
    let Some(paths) = web_platform_paths() else { return };
    let routes = json!({ "/{*path}": { "upstream": "assets" } });
    let config = config(routes.as_object().unwrap());
    for path in paths.iter().filter_map(|raw| CanonicalPath::parse(raw).ok()) {
        let expected = if path.is_within("/auth") {
            "404".to_owned()
        } else {
            let rest = percent_encoding::percent_decode_str(path.as_str()).decode_utf8().unwrap().into_owned();
            format!("/{{*path}} path={}", rest.strip_prefix('/').unwrap())
        };
        assert_eq!(decision(&config, "GET", path.as_str()), expected);
    }
}
