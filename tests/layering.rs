//! Imports go one way: each module uses those above it in `src/lib.rs`, none below, and the core does not know the platform.
//! The other crates use this one: it knows neither them nor the language that policies are written in.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test stops where it meets what it did not expect")]

use std::path::{Path, PathBuf};

/// What only a Worker has.
const PLATFORM: [&str; 7] =
    ["worker", "js_sys", "web_sys", "wasm_bindgen", "wasm_bindgen_futures", "serde_wasm_bindgen", "futures_util"];

/// What the core gets as an argument, or through a port: time, chance, and everything outside.
const WORLD: [&str; 6] = ["getrandom", "SystemTime", "Instant", "fs", "env", "process"];

/// What the policy engine is made of, and the crates that use this one.
const OTHERS: [&str; 4] = ["cedar_policy", "miette", "postern_policy_cedar", "postern_cli"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> PathBuf {
    root().join("src")
}

/// The modules in the order of their declaration.
fn order() -> Vec<String> {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

/// Every source file below `folder`, in a crate whose sources are in `source`, with the top module that it belongs to.
fn files(folder: &Path, source: &Path, found: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, source, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inner = path.strip_prefix(source).unwrap().with_extension("");
            let top = inner.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
            found.push((top, path));
        }
    }
}

/// The code of a file: without comments, and without the tests, which may use whatever they need.
fn code(path: &Path) -> String {
    let is_test = path.ends_with("tests.rs") || path.ends_with("testing.rs") || path.iter().any(|part| part == "tests");
    let text = if is_test { String::new() } else { std::fs::read_to_string(path).unwrap() };
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The first names after every `prefix` that begins a path: `crate::a::b` and `crate::{a::b, c}`.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code.get(..at).unwrap().chars().next_back();
        if before.is_some_and(|c| is_part_of_name(c) || c == ':') {
            continue;
        }
        let rest = code.get(at + prefix.len()..).unwrap();
        let group = rest.strip_prefix('{').map(top_level);
        let parts = group.unwrap_or_else(|| vec![rest.to_owned()]);
        let first = |part: &String| part.trim_start().chars().take_while(|c| is_part_of_name(*c)).collect::<String>();
        names.extend(parts.iter().map(first).filter(|name| !name.is_empty()));
    }
    names
}

/// The parts of a group of imports, up to its end.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().unwrap().push(c),
        }
    }
    parts
}

fn all() -> Vec<(String, PathBuf)> {
    let found = all_of(&source());
    assert!(found.len() > 50, "the sources are not where they were");
    found
}

fn all_of(source: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    files(source, source, &mut found);
    found
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let code = "use crate::a::{B, c::D};\nuse crate::{e::{f, g}, h};\nfn x() { crate::i::j(); mycrate::k(); }";
    assert_eq!(names_after(code, "crate::"), ["a", "e", "h", "i"]);
}

#[test]
fn each_module_uses_only_those_above_it() {
    let order = order();
    assert!(order.len() > 20, "{order:?}");
    let place = |name: &str| order.iter().position(|known| known == name);
    let mut wrong = Vec::new();
    for (module, path) in all() {
        let Some(own) = place(&module) else { continue };
        // `VERSION` is a constant of lib.rs itself, above all modules.
        for used in names_after(&code(&path), "crate::").into_iter().filter(|used| used != "VERSION") {
            let Some(other) = place(&used) else { panic!("{}: `{used}` is no module of lib.rs", path.display()) };
            if other > own {
                wrong.push(format!("{}: `{module}` uses `{used}`, which stands below it", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `name` begins or continues a path in `code`: `name::…`.
fn names(code: &str, name: &str) -> bool {
    let whole = |at: usize| !code.get(..at).unwrap().chars().next_back().is_some_and(is_part_of_name);
    code.match_indices(&format!("{name}::")).any(|(at, _)| whole(at))
}

#[track_caller]
fn assert_named_by_none_but(modules: &[&str], forbidden: &[&str]) {
    assert_named_by_none_of(&all(), modules, forbidden);
}

#[track_caller]
fn assert_named_by_none_of(all: &[(String, PathBuf)], but: &[&str], forbidden: &[&str]) {
    for (module, path) in all.iter().filter(|(module, _)| !but.contains(&module.as_str())) {
        let code = code(path);
        for name in forbidden {
            assert!(!names(&code, name), "{} ({module}) names `{name}`", path.display());
        }
    }
}

#[test]
fn the_core_does_not_name_the_platform() {
    assert_named_by_none_but(&["lib"], &PLATFORM);
}

#[test]
fn the_core_does_not_ask_the_world_by_itself() {
    assert_named_by_none_but(&["lib"], &WORLD);
}

#[test]
fn this_crate_names_none_of_those_that_use_it_and_no_language_of_policies() {
    assert_named_by_none_but(&[], &OTHERS);
}

#[test]
fn neither_the_policy_engine_nor_the_command_line_names_the_platform() {
    let [engine, command_line] =
        ["crates/policy-cedar/src", "crates/cli/src"].map(|source| all_of(&root().join(source)));
    assert!(engine.len() > 10 && command_line.len() > 5, "the sources are not where they were");
    assert_named_by_none_of(&engine, &[], &[&PLATFORM[..], &WORLD, &["postern_cli"]].concat());
    assert_named_by_none_of(&command_line, &[], &[&PLATFORM[..], &["cedar_policy"]].concat());
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let order = order();
    for (module, path) in all() {
        assert!(module == "lib" || order.contains(&module), "{} is in no order", path.display());
    }
}

/// `json` knows nothing of `deny_unknown_fields`: whether members may be unknown is said where a text is read.
#[test]
fn what_denies_unknown_members_is_read_exactly() {
    let texts: Vec<(PathBuf, String)> = all().into_iter().map(|(_, path)| (path.clone(), code(&path))).collect();
    let denying: Vec<_> = texts.iter().filter(|(_, code)| code.contains("deny_unknown_fields")).collect();
    assert!(denying.len() > 5, "{} files deny unknown members", denying.len());
    for (path, code) in denying {
        let types = code.lines().filter_map(|line| line.split_once("struct ")?.1.split(|c| !is_part_of_name(c)).next());
        let is_read =
            |name: &str| texts.iter().any(|(_, code)| code.contains(&format!("exactly_from_value::<{name}>")));
        let exactly = code.contains("json::exactly_from_") || types.into_iter().any(is_read);
        assert!(exactly, "{}: `json::exactly_from_text` and `json::exactly_from_value` refuse them", path.display());
    }
}
