//! The documentation keeps up with the code: `docs/configuration.md` describes every variable, and every key that
//! `src/config` reads, at the table that has it; `CONTRIBUTING.md` names files that are there.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it meets what it did not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

use postern::config::{Config, KEY_RING, VERIFY};
use postern::http::caller_headers;
use postern::upstream::headers;

/// By file of `src/config`: the tables whose keys it reads. Each key is described at one of them.
const TABLES: [(&str, &[&str]); 22] = [
    ("accent", &["PAGES"]),
    ("admin", &["ADMIN"]),
    ("authzen", &["AUTHZEN"]),
    ("browser_cache", &["ROUTES"]),
    ("claim_headers", &["ROUTES"]),
    ("claims", &["ROUTES"]),
    ("client_auth", &["PROVIDERS"]),
    ("cors", &["ROUTES"]),
    ("decisions", &["DECISIONS"]),
    ("introspection", &["ISSUERS"]),
    ("issuer", &["ISSUERS"]),
    ("limits", &["LIMITS", "ROUTES"]),
    ("pages", &["PAGES"]),
    ("provider", &["PROVIDERS"]),
    ("provider_choice", &["PROVIDERS"]),
    ("request_headers", &["ROUTES"]),
    ("require", &["ROUTES"]),
    ("routes", &["ROUTES"]),
    ("security_headers", &["SECURITY_HEADERS", "ROUTES"]),
    ("session", &["SESSION"]),
    ("upstream", &["ROUTES"]),
    ("verify", &["VERIFY"]),
];

/// What the functions that read a key have among their parameters.
const KEY: &str = "key: &'static str";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The name that `text` begins with.
fn name(text: &str) -> &str {
    text.split(|c| !is_part_of_name(c)).next().unwrap()
}

/// What follows each `word` in `text` that is no part of a longer name.
fn after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let places = text.match_indices(word).filter(|(at, _)| !text.get(..*at).unwrap().ends_with(is_part_of_name));
    places.map(|(at, _)| text.get(at + word.len()..).unwrap())
}

/// The code below `folder` by file name, without tests.
fn code(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            code(&path, found);
        } else if stem != "tests" && stem != "testing" {
            let text = read_to_string(&path).unwrap();
            found.insert(stem, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
}

/// The functions and closures that read a key that their caller names.
fn readers(code: &str) -> impl Iterator<Item = &str> {
    let functions = after(code, "fn ").filter(|rest| rest.split('{').next().unwrap().contains(KEY)).map(name);
    let closures = after(code, "let mut ").filter_map(|rest| {
        let name = name(rest);
        rest.strip_prefix(name)?.starts_with(" = |key|").then_some(name)
    });
    functions.chain(closures)
}

/// The keys that calls of `reader` name: by a literal, as the first argument or after a table.
fn keys<'a>(code: &'a str, reader: &'a str) -> impl Iterator<Item = &'a str> {
    let arguments = after(code, reader).filter_map(|rest| rest.strip_prefix('(')).map(str::trim_start);
    arguments.filter_map(|arguments| {
        let is_table = |text: &str| text.chars().all(|c| is_part_of_name(c) || c == '&' || c == ' ');
        let rest = arguments.split_once(',').filter(|(first, _)| is_table(first)).map(|(_, rest)| rest.trim_start());
        rest.unwrap_or(arguments).strip_prefix('"')?.split('"').next()
    })
}

/// The lines about each table, by its variable.
fn described(documentation: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut table = "";
    for line in documentation.lines() {
        match line.trim_start_matches("# ").strip_prefix("[vars.") {
            Some(header) => table = name(header),
            None if line.starts_with("```") => table = "",
            None => {}
        }
        lines.entry(table).or_default().push(line);
    }
    lines
}

/// Whether the line is about `key`: it sets it, also within another key's table, or begins its table, or lists it.
fn describes(line: &str, key: &str) -> bool {
    let line = line.trim_start_matches("# ");
    let is_assignment = line.strip_prefix(name(line)).is_some_and(|rest| rest.starts_with(" = "));
    is_assignment && after(line, key).any(|rest| rest.starts_with(" = "))
        || line.starts_with("[vars.") && line.ends_with(&format!("{key}]"))
        || line.contains("keys: ") && line.contains(&format!("`{key}`"))
}

#[test]
fn every_key_of_the_configuration_is_described_at_its_table() {
    let mut files = BTreeMap::new();
    code(&root().join("src/config"), &mut files);
    let readers: BTreeSet<&str> = files.values().flat_map(|code| readers(code)).collect();
    let documentation = read_to_string(root().join("docs/configuration.md")).unwrap();
    let described = described(&documentation);
    let (mut count, mut missing) = (0, Vec::new());
    // `table.rs` has the functions that read, and these two read variables.
    for (file, code) in files.iter().filter(|(file, _)| !["table", "mod", "relations"].contains(&file.as_str())) {
        let keys: BTreeSet<&str> = readers.iter().flat_map(|reader| keys(code, reader)).collect();
        let tables = TABLES.iter().find(|(name, _)| name == file).map_or(&[][..], |(_, tables)| tables);
        let lines: Vec<&str> = tables.iter().filter_map(|table| described.get(table)).flatten().copied().collect();
        count += keys.len();
        let undescribed = keys.into_iter().filter(|key| !lines.iter().any(|line| describes(line, key)));
        missing.extend(undescribed.map(|key| format!("{}: {key}", tables.join(" or "))));
    }
    assert!(count > 90, "{count} keys: are they still looked for in the right place?");
    assert!(missing.is_empty(), "read by src/config, but not in docs/configuration.md: {missing:#?}");
}

#[test]
fn every_variable_is_described() {
    let documentation = read_to_string(root().join("docs/configuration.md")).unwrap();
    let names = Config::VARIABLES.into_iter().chain(["SITES", KEY_RING, VERIFY]);
    let missing: Vec<&str> = names.filter(|name| after(&documentation, name).next().is_none()).collect();
    assert!(missing.is_empty(), "not in docs/configuration.md: {missing:?}");
}

/// Folders whose files `CONTRIBUTING.md` names from the root.
const FOLDERS: [&str; 9] =
    ["client/", "crates/", "demo/", "docs/", "examples/", "fixtures/", "scripts/", "src/", "tests/"];

#[test]
fn every_file_that_contributing_names_is_there() {
    let text = read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', ' ']);
    // `NAME` stands for a file to add.
    let paths: Vec<&str> = quoted.filter(is_path).filter(|path| !path.contains("NAME")).collect();
    assert!(paths.len() > 80, "{} paths: are they still looked for in the right way?", paths.len());
    let missing: Vec<&&str> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "named in CONTRIBUTING.md, but not there: {missing:#?}");
}

/// What `docs/upstreams.md` has in backticks in the item that begins so.
fn listed<'a>(page: &'a str, item: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(&format!("- **{item}**"))).collect();
    let [line] = lines[..] else { panic!("{item}: {} items", lines.len()) };
    line.rsplit_once(": ").unwrap().1.split(' ').map(|name| name.trim_matches('`')).collect()
}

#[test]
fn every_header_that_is_taken_out_is_in_the_documentation() {
    // R-124, R-173, R-189: so that none drops out unseen
    let page = read_to_string(root().join("docs/upstreams.md")).unwrap();
    let same = |item: &str, code: &[&str]| assert_eq!(listed(&page, item), code, "{item}");
    same("Requests, what begins with", &caller_headers::CLAIMING_PREFIXES);
    same("Requests, what is called", &caller_headers::CLAIMING_NAMES);
    same("Requests, what stays nonetheless", &caller_headers::HARMLESS_NAMES);
    same("Requests, what no `keep` lets through", &caller_headers::FOR_NO_ROUTE);
    same("Of a connection", &headers::OF_THE_CONNECTION);
    same("Answers, what begins with", &headers::TELLING_PREFIXES);
    same("Answers, what is called", &headers::TELLING_NAMES);
    same("Answers of guarded routes, what tells caches how long", &headers::FOR_CACHES);
}
