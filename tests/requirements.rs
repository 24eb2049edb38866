//! Whoever reads `R-045` in a comment finds in `docs/requirements.md` what it says.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test stops where it meets what it did not expect")]

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where requirements are cited.
const CITING: [&str; 6] = ["src", "crates", "tests", "demo", "scripts", "fuzz"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust and JavaScript file below `folder`, those of others left out.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "mjs") {
            found.push(path);
        }
    }
}

/// The numbers behind every `R-` of a text.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let numbers = text.split("R-").skip(1).filter_map(|rest| rest.get(..3));
    numbers.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn cited() -> BTreeSet<String> {
    let mut files = Vec::new();
    CITING.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    files
        .iter()
        .flat_map(|file| numbers(&read_to_string(file).unwrap()).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn listed() -> Vec<String> {
    let list = read_to_string(root().join("docs/requirements.md")).unwrap();
    list.lines().filter_map(|line| numbers(line.strip_prefix("| ")?.get(..5)?).next()).map(str::to_owned).collect()
}

#[test]
fn every_requirement_that_is_cited_is_listed() {
    let listed: BTreeSet<String> = listed().into_iter().collect();
    let cited = cited();
    assert!(cited.len() > 100, "{} citations: are they still looked for in the right place?", cited.len());
    let missing: Vec<&String> = cited.difference(&listed).collect();
    assert!(missing.is_empty(), "cited, but not in docs/requirements.md: {missing:?}");
}

#[test]
fn every_requirement_stands_in_the_list_once() {
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = listed().into_iter().filter(|number| !seen.insert(number.clone())).collect();
    assert!(twice.is_empty(), "listed twice: {twice:?}");
}
