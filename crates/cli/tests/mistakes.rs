//! A configuration of five applications, and the mistakes that people make in one, as `postern check` tells them.
//! `POSTERN_BLESS=1` records anew what it says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/mistakes");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    find: Option<String>,
    #[serde(default)]
    put: String,
    #[serde(default)]
    args: Vec<String>,
    secrets: Option<String>,
    code: Option<i32>,
}

fn program() -> OsString {
    std::env::var_os("POSTERN_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_postern").into())
}

fn check(folder: &Path, args: &[String]) -> (String, Option<i32>) {
    let output = Command::new(program()).arg("check").args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (format!("{}{}", text(output.stdout), text(output.stderr)), output.status.code())
}

#[track_caller]
fn as_recorded(name: &str, said: &str) {
    let golden = Path::new(FIXTURES).join(format!("{name}.golden"));
    if std::env::var_os("POSTERN_BLESS").is_some() {
        std::fs::write(&golden, said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&golden).unwrap(), "{name}");
}

/// A folder of its own with this configuration.
fn folder(name: &str, file: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), text).unwrap();
    folder
}

fn five() -> String {
    std::fs::read_to_string(Path::new(FIXTURES).join("five.toml")).unwrap()
}

/// More of them than one variable holds.
fn many_routes() -> String {
    let route = |number| format!("[vars.APPS_ROUTES.\"/part-{number}/{{*rest}}\"]\nupstream = \"service:ORDERS\"\n\n");
    (0..120).map(route).collect::<String>() + "[vars.APPS_ROUTES.\"/live/{*rest}\"]"
}

/// What is wrong, or the warnings below the summary of what is not.
fn findings(said: &str, code: Option<i32>) -> String {
    if code != Some(0) {
        return said.to_owned();
    }
    let first = said.lines().next().unwrap();
    let warnings = said.split_once("\nWarnings\n").map_or_else(String::new, |(_, rest)| format!("\nWarnings\n{rest}"));
    format!("{first}\n{warnings}")
}

#[test]
fn five_applications_are_summed_up() {
    let folder = folder("five", "wrangler.toml", &five());
    let (said, code) = check(&folder, &[]);
    as_recorded("five", &said);
    assert_eq!(code, Some(0));
    assert!(!said.contains("Warnings"), "{said}");
}

#[test]
fn every_mistake_is_told_as_recorded() {
    let cases = std::fs::read_to_string(Path::new(FIXTURES).join("cases.toml")).unwrap();
    let cases: Cases = toml::from_str(&cases).unwrap();
    assert!(cases.case.len() >= 49);
    for case in cases.case {
        let mut text = five();
        if let Some(find) = &case.find {
            assert_eq!(text.matches(find.as_str()).count(), 1, "{}", case.name);
            let put = if case.put == "MANY" { many_routes() } else { case.put.clone() };
            text = text.replace(find.as_str(), &put);
        }
        let folder = folder(&case.name, "wrangler.toml", &text);
        if let Some(secrets) = &case.secrets {
            std::fs::write(folder.join(".dev.vars"), secrets).unwrap();
        }
        let (said, code) = check(&folder, &case.args);
        as_recorded(&case.name, &findings(&said, code));
        assert_eq!(code, Some(case.code.unwrap_or(1)), "{}: {said}", case.name);
        assert!(!said.contains("canary"), "a secret is shown: {said}");
    }
}

#[test]
fn the_same_in_json_with_comments_says_the_same() {
    // Mistake 41 is no mistake any more.
    let value: Value = toml::from_str(&five()).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    let json = json.replacen("{\n", "{\n  // What `npm create cloudflare` writes.\n", 1).replace("\n}", ",\n}");
    let (from_toml, _) = check(&folder("five", "wrangler.toml", &five()), &[]);
    for name in ["wrangler.json", "wrangler.jsonc"] {
        let (said, code) = check(&folder(name, name, &json), &[]);
        assert_eq!((said.replacen(name, "wrangler.toml", 1), code), (from_toml.clone(), Some(0)));
    }
}

#[test]
fn the_file_is_the_one_that_wrangler_would_take() {
    let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes").join("found");
    let below = top.join("a").join("b");
    std::fs::create_dir_all(&below).unwrap();
    let first = |folder: &Path| check(folder, &[]).0.lines().next().unwrap().to_owned();
    std::fs::write(below.join("wrangler.toml"), five()).unwrap();
    assert_eq!(first(&below), "wrangler.toml: no problems");
    // A file above comes before one here, if its name does.
    std::fs::write(top.join("wrangler.jsonc"), "{ \"vars\": {} }").unwrap();
    assert!(first(&below).starts_with("../../wrangler.jsonc: "), "{}", first(&below));
    std::fs::write(top.join("a").join("wrangler.json"), "[").unwrap();
    assert!(first(&below).starts_with("postern: ../wrangler.json: line 1: "), "{}", first(&below));
    let named = check(&below, &["--config".to_owned(), "wrangler.toml".to_owned()]);
    assert_eq!(named.1, Some(0));
    std::fs::remove_dir_all(&top).unwrap();
    let nowhere = std::env::temp_dir().join(format!("postern-nowhere-{}", std::process::id()));
    std::fs::create_dir_all(&nowhere).unwrap();
    let (said, code) = check(&nowhere, &[]);
    assert!(code == Some(2) && said.contains("name the file with `--config`"), "{said}");
    std::fs::remove_dir_all(&nowhere).unwrap();
}
