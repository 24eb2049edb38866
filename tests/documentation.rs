//! The documentation keeps up with the code: `CONTRIBUTING.md` names files that are there, and lists are those of the code.
//! The keys of the configuration are compared in `crates/cli/src/catalogue/tests.rs`.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it meets what it did not expect")]

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::path::Path;

use postern::gateway::MANAGEMENT;
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
    same("Of a device, what begins with", &headers::OF_THE_DEVICE);
    same("Answers, what begins with", &headers::TELLING_PREFIXES);
    same("Answers, what is called", &headers::TELLING_NAMES);
    same("Answers of guarded routes, what tells caches how long", &headers::FOR_CACHES);
}

/// The code below `folder` by path, without tests and comments.
fn code(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["tests", "testing"].contains(&stem.as_str()) {
            continue;
        }
        if path.is_dir() {
            code(&path, found);
        } else {
            let text = read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((path.to_str().unwrap().to_owned(), lines.collect::<Vec<_>>().join("\n")));
        }
    }
}

fn all_code() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "crates/workers/src", "crates/worker/src", "crates/policy-cedar/src"] {
        code(&root().join(folder), &mut found);
    }
    found
}

/// The texts of a piece of code that have no quote in them.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2)
}

/// Whether it is a reason: a word, a dot, a word; and no action of management, which are called so too.
fn is_reason(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_action = MANAGEMENT.iter().any(|endpoint| endpoint.action == text);
    !is_action && text.split_once('.').is_some_and(|(family, word)| FAMILIES.contains(&family) && is_word(word))
}

/// What stands before the dot of a reason.
const FAMILIES: [&str; 63] = [
    "access_token",
    "admin",
    "agent",
    "approval",
    "authn",
    "authz",
    "bearer",
    "block",
    "callback",
    "certificate",
    "confirmation",
    "cors",
    "csrf",
    "decision",
    "device",
    "document",
    "dpop",
    "evaluation",
    "exchange",
    "health",
    "id_jag",
    "id_token",
    "internal",
    "introspection",
    "jwe",
    "jwt",
    "key",
    "key_request",
    "keys",
    "leak_report",
    "limit",
    "login",
    "logout",
    "logout_request",
    "logout_token",
    "mcp",
    "metadata",
    "mtls",
    "own",
    "par",
    "passkey",
    "path",
    "policy",
    "provider",
    "relation",
    "request",
    "response",
    "revocation",
    "revocation_request",
    "revocation_token",
    "route",
    "saml",
    "second",
    "sender",
    "service_token",
    "session",
    "sharing",
    "store",
    "token",
    "upstream",
    "userinfo",
    "verify",
    "workload",
];

/// What a table of the page has in backticks at the beginning of its rows; `anchored`: behind an anchor of its own.
fn rows<'a>(page: &'a str, heading: &str, anchored: bool) -> BTreeSet<&'a str> {
    let section =
        if heading.is_empty() { page } else { page.split_once(heading).unwrap().1.split("\n## ").next().unwrap() };
    let cells = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = cells.filter_map(|row| if anchored { row.split_once("</a>").map(|(_, rest)| rest) } else { Some(row) });
    cells
        .filter(|row| row.starts_with('`'))
        .flat_map(|row| row.split('|').next().unwrap().split('`').skip(1).step_by(2))
        .collect()
}

/// Holds what a page describes against what the code has.
fn same(page: &str, described: &BTreeSet<&str>, code: &BTreeSet<&str>) {
    let missing: Vec<&&str> = code.difference(described).collect();
    let gone: Vec<&&str> = described.difference(code).collect();
    assert!(missing.is_empty() && gone.is_empty(), "{page}: not described {missing:?}, not in the code {gone:?}");
}

#[test]
fn every_reason_of_the_log_has_its_cause_and_cure() {
    let page = read_to_string(root().join("docs/reference/reasons.md")).unwrap();
    let code = all_code();
    let reasons: BTreeSet<&str> = code
        .iter()
        .filter(|(path, _)| !path.ends_with("src/audit/what.rs"))
        // Actions of management have names of the same form.
        .flat_map(|(_, text)| text.lines().filter(|line| !line.contains("action: \"")).flat_map(literals))
        .filter(|text| is_reason(text))
        .collect();
    assert!(reasons.len() > 330, "{} reasons: are they still looked for in the right way?", reasons.len());
    same("docs/reference/reasons.md", &rows(&page, "", true), &reasons);
}

#[test]
fn every_event_of_the_log_is_described() {
    let page = read_to_string(root().join("docs/reference/reasons.md")).unwrap();
    let code = all_code();
    let (_, audit) = code.iter().find(|(path, _)| path.ends_with("src/audit/what.rs")).unwrap();
    let what = audit.split_once("pub enum What {").unwrap().1.split('}').next().unwrap();
    let events: BTreeSet<&str> = literals(what).collect();
    assert!(events.len() > 15);
    same("docs/reference/reasons.md", &rows(&page, "## Events\n", false), &events);
    // Lines about what failed inside, by the functions that write them.
    let named = |text: &'_ str, before: &str| -> Vec<String> {
        let places = text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        places.map(str::to_owned).collect()
    };
    let mut failures = BTreeSet::new();
    for (_, text) in &code {
        for before in ["log::failure(\"", "log::note(\"", "{ event: \""] {
            failures.extend(named(text, before));
        }
    }
    let described = rows(&page, "## Failures inside Postern\n", false);
    let missing: Vec<&String> = failures.iter().filter(|name| !described.contains(name.as_str())).collect();
    assert!(failures.len() > 10 && missing.is_empty(), "not in docs/reference/reasons.md: {missing:?}");
}

#[test]
fn every_field_of_the_log_is_described() {
    let page = read_to_string(root().join("docs/reference/logs.md")).unwrap();
    let code = all_code();
    let (_, audit) = code.iter().find(|(path, _)| path.ends_with("src/audit/mod.rs")).unwrap();
    let event = audit.split_once("pub struct Event {").unwrap().1.split("\n}").next().unwrap();
    let fields = event.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    // The line ends with it, as it is the same in each.
    let fields: BTreeSet<&str> = fields.chain(["version"]).collect();
    same("docs/reference/logs.md", &rows(&page, "## Fields\n", false), &fields);
}

#[test]
fn every_problem_type_is_described() {
    let page = read_to_string(root().join("docs/reference/http.md")).unwrap();
    let table = page.split_once("## Problem types\n").unwrap().1;
    let code = all_code();
    let (_, problem) = code.iter().find(|(path, _)| path.ends_with("src/refusal/problem.rs")).unwrap();
    let kinds = problem.split_once("fn kind(").unwrap().1.split("\n    }\n").next().unwrap();
    let kinds: Vec<&str> = literals(kinds).collect();
    assert!(kinds.len() > 18, "{kinds:?}");
    let missing: Vec<&&str> = kinds.iter().filter(|kind| !table.contains(&format!("| `{kind}` |"))).collect();
    assert!(missing.is_empty(), "not in docs/reference/http.md: {missing:?}");
}

#[test]
fn every_table_that_is_stored_is_described() {
    let page = read_to_string(root().join("docs/reference/stored-data.md")).unwrap();
    let mut count = 0;
    for (path, text) in all_code() {
        for statement in text.split("CREATE TABLE IF NOT EXISTS ").skip(1) {
            let statement = statement.split("WITHOUT ROWID").next().unwrap().replace("\\\n", " ");
            let (name, columns) = statement.split_once('(').unwrap();
            let columns = columns.split("PRIMARY KEY (").next().unwrap().split(',');
            let columns: Vec<String> = columns
                .filter_map(|column| column.split_whitespace().next())
                .filter(|name| *name != ")")
                .map(|name| format!("`{name}`"))
                .collect();
            let row = format!("`{}` ({})", name.trim(), columns.join(", "));
            assert!(page.contains(&row), "{path}: {row} is not in docs/reference/stored-data.md");
            count += 1;
        }
    }
    assert_eq!(count, 12);
}
