//! The documentation keeps up with the code: `CONTRIBUTING.md` names files that are there, and lists are those of the code.
//! The keys of the configuration are compared in `crates/cli/src/catalogue/tests.rs`.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it meets what it did not expect")]

use std::fs::read_to_string;
use std::path::Path;

use postern::http::caller_headers;
use postern::upstream::headers;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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

/// What `docs/reference/upstreams.md` has in backticks in the item that begins so.
fn listed<'a>(page: &'a str, item: &str) -> Vec<&'a str> {
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(&format!("- **{item}**"))).collect();
    let [line] = lines[..] else { panic!("{item}: {} items", lines.len()) };
    line.rsplit_once(": ").unwrap().1.split(' ').map(|name| name.trim_matches('`')).collect()
}

#[test]
fn every_header_that_is_taken_out_is_in_the_documentation() {
    // so that none drops out unseen
    let page = read_to_string(root().join("docs/reference/upstreams.md")).unwrap();
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
