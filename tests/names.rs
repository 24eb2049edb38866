//! A name means one thing: no two public types of the core are called the same.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test stops where it meets what it did not expect")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "tests" {
            files(&path, found);
        } else if name.ends_with(".rs") && !["tests.rs", "testing.rs"].contains(&name.as_str()) {
            found.push(path);
        }
    }
}

/// The name of the public type that a line declares.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = if rest.starts_with('(') { rest.split_once(") ")?.1 } else { rest.strip_prefix(' ')? };
    let (word, name) = rest.split_once(' ')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    ["struct", "enum", "trait", "type"].contains(&word).then(|| name.get(..end).unwrap())
}

#[test]
fn the_reader_of_declarations_sees_every_form() {
    for line in
        ["pub struct Name;", "pub(super) enum Name {", "pub(in crate::a) trait Name: B {", "pub type Name<T> = T;"]
    {
        assert_eq!(declared(line), Some("Name"), "{line}");
    }
    for line in ["struct Name;", "pub fn name() {", "pub use a::Name;", "    pub struct Name;", "pub const fn name() {"]
    {
        assert_eq!(declared(line), None, "{line}");
    }
}

#[test]
fn no_two_public_types_have_the_same_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in &found {
        let text = std::fs::read_to_string(path).unwrap();
        for name in text.lines().filter_map(declared) {
            places.entry(name.to_owned()).or_default().push(path.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    assert!(places.len() > 200, "the sources are not where they were");
    let twice = places.iter().filter(|(_, places)| places.len() > 1);
    let twice: Vec<String> = twice.map(|(name, places)| format!("`{name}`: {}", places.join(", "))).collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}
