//! The presets of providers: one file each is the source of what the Worker and other tools read. `POSTERN_BLESS=1` writes
//! that anew.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string, write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/config/presets");
const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers");

/// Every preset by its name.
fn presets() -> BTreeMap<String, Value> {
    let files = read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let read = |path: PathBuf| {
        let preset: Value = toml::from_str(&read_to_string(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), preset)
    };
    files.map(read).collect()
}

/// What the Worker needs of one: its kind, what fills its templates and in which form, and the keys.
fn for_worker(preset: &Value) -> Value {
    let provider = &preset["provider"];
    let is_place = |ask: &&Value| {
        let place = format!("{{{}}}", ask["key"].as_str().unwrap());
        provider.as_object().unwrap().values().any(|value| value.as_str().is_some_and(|text| text.contains(&place)))
    };
    let asks = preset["asks"].as_array().unwrap().iter().filter(is_place);
    let asks: Map<String, Value> =
        asks.map(|ask| (ask["key"].as_str().unwrap().to_owned(), ask["form"].clone())).collect();
    let mut result = json!({ "provider": provider });
    if !asks.is_empty() {
        result["asks"] = asks.into();
    }
    if preset["kind"] != "oidc" {
        result["kind"] = preset["kind"].clone();
    }
    result
}

/// Every preset of a platform that gives tokens to programs.
fn workloads() -> BTreeMap<String, Value> {
    let files = read_dir(Path::new(FOLDER).join("workload")).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let preset: Value = toml::from_str(&read_to_string(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), preset)
    };
    files.map(read).collect()
}

#[test]
fn what_is_known_of_platforms_is_what_stands_in_the_files() {
    //
    let (mut read, mut told) = (Map::new(), Map::new());
    for (name, preset) in workloads() {
        let known = ["title", "kind", "asks", "steps", "rule", "own", "issuer", "service", "rules"];
        assert!(preset.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{name}");
        let asks = preset["asks"].as_array().unwrap();
        let asks: Map<String, Value> =
            asks.iter().map(|ask| (ask["key"].as_str().unwrap().to_owned(), ask["form"].clone())).collect();
        let mut worker = json!({
            "issuer": preset["issuer"], "kind": preset["kind"], "rules": preset["rules"], "service": preset["service"], "asks": asks,
        });
        worker.as_object_mut().unwrap().retain(|_, value| !value.is_null() && *value != json!({}));
        assert!(!preset["rules"]["identify"].as_array().unwrap().is_empty(), "{name}");
        let mut people = json!({
            "title": preset["title"], "asks": preset["asks"], "steps": preset["steps"], "rule": preset["rule"], "own": preset["own"],
            "page": format!("docs/guides/workload-identity.md#{name}"),
        });
        people.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        read.insert(name.clone(), worker);
        told.insert(name, people);
    }
    is_as_generated("workloads.json", &format!("{}\n", Value::Object(read)));
    is_as_generated(
        "workload-catalog.json",
        &format!("{}\n", serde_json::to_string_pretty(&Value::Object(told)).unwrap()),
    );
}

/// What `postern check --preset` says of each is a configuration that is read as it is.
#[test]
fn a_platform_is_told_with_a_table_that_works() {
    //
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/workload");
    let page = read_to_string(Path::new(PAGES).join("../guides/workload-identity.md")).unwrap();
    for name in workloads().keys() {
        assert!(page.contains(&format!("<a id=\"{name}\"></a>")), "{name}");
        let answer = postern_cli::run(["check", "--preset", name].into_iter().map(Into::into));
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{name}");
        let golden = folder.join(format!("{name}.golden"));
        if std::env::var_os("POSTERN_BLESS").is_some() {
            write(&golden, &answer.out).unwrap();
        }
        assert_eq!(answer.out, read_to_string(&golden).unwrap(), "{name}");
    }
}

fn is_as_generated(file: &str, text: &str) {
    let path = Path::new(FOLDER).join(file);
    if std::env::var_os("POSTERN_BLESS").is_some() {
        write(&path, text).unwrap();
    }
    assert_eq!(read_to_string(&path).unwrap(), text, "{file} is out of date: POSTERN_BLESS=1 writes it anew");
}

#[test]
fn the_worker_reads_what_stands_in_the_files() {
    //
    let all: Map<String, Value> = presets().iter().map(|(name, preset)| (name.clone(), for_worker(preset))).collect();
    is_as_generated("presets.json", &format!("{}\n", Value::Object(all)));
}

#[test]
fn what_people_are_asked_and_told_is_there_for_other_tools() {
    let all: Map<String, Value> = presets()
        .into_iter()
        .map(|(name, preset)| {
            let page = format!("docs/providers/{name}.md");
            let scopes = &preset["provider"]["scopes"];
            let mut told = json!({
                "title": preset["title"], "kind": preset["kind"], "asks": preset["asks"], "register": preset["register"],
                "scopes": scopes, "client_auth": preset["provider"]["client_auth"], "page": page,
            });
            told.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            (name, told)
        })
        .collect();
    is_as_generated("catalog.json", &format!("{}\n", serde_json::to_string_pretty(&Value::Object(all)).unwrap()));
}

#[test]
fn every_preset_is_whole_and_has_a_page() {
    let known = ["title", "kind", "asks", "register", "provider"];
    for (name, preset) in presets() {
        assert!(preset.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{name}");
        assert!(["oidc", "tenants", "oauth2"].contains(&preset["kind"].as_str().unwrap()), "{name}");
        assert!(preset["provider"]["issuer"].as_str().unwrap().starts_with("https://"), "{name}");
        let steps = preset["register"].as_array().unwrap();
        assert!(steps.iter().any(|step| step.as_str().unwrap().contains("{callback}")), "{name}");
        let page = Path::new(PAGES).join(format!("{name}.md"));
        assert!(page.exists(), "{} is missing", page.display());
    }
}

/// What `postern check --preset` says of each, word for word.
#[test]
fn a_preset_is_told_with_what_it_sets_and_what_to_do() {
    //
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/providers");
    for name in presets().keys() {
        let answer = postern_cli::run(["check", "--preset", name].into_iter().map(Into::into));
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{name}");
        let golden = folder.join(format!("{name}.golden"));
        if std::env::var_os("POSTERN_BLESS").is_some() {
            write(&golden, &answer.out).unwrap();
        }
        assert_eq!(answer.out, read_to_string(&golden).unwrap(), "{name}");
    }
    let unknown = postern_cli::run(["check", "--preset", "entre"].into_iter().map(Into::into));
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("there is no preset `entre`, expected one of apple, "), "{}", unknown.err);
}
