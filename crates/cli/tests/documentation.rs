//! The README and the documentation are tried as they stand.
//!
//! - A `toml` or `jsonc` block is configuration, and so is a `json` block with a variable of ours in it: `check` has to take it.
//!   A block with a `name` is a whole wrangler file. Every other block is part of one, and [`frame`] adds what it leaves out.
//!   In `docs/providers/NAME.md` it goes with the first block of its page, unless it says `complete`.
//! - Any other `json` block is an answer or a message, and has to be JSON; `json excerpt` is members without their braces.
//! - An `sh` block is run, in the folder that `in=FOLDER` names, if it is of `npx postern` alone: nothing else can be started.
//!   `sh no-run: WHY` is not run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

/// `tests/cli/documentation.test.mjs` runs its commands, with providers to ask.
const RUN_ELSEWHERE: &str = "docs/reference/command-line.md";
/// How many blocks of commands are not run. Let it not grow without need.
const NOT_RUN: usize = 54;

struct Block {
    /// File and line.
    place: String,
    /// The info string.
    info: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn blocks() -> Vec<Block> {
    let mut files = vec![root().join("README.md")];
    pages(&root().join("docs"), &mut files);
    files.sort();
    let mut blocks = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(info), None) => {
                    let place = format!("{name}:{}", number + 1);
                    open = Some(Block { place, info: info.trim().to_owned(), text: String::new() });
                }
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a block does not end");
    }
    blocks
}

fn language(block: &Block) -> &str {
    block.info.split(' ').next().unwrap()
}

/// JSON with comments and trailing commas.
fn relaxed(text: &str) -> Result<Value, String> {
    let lines = text.lines().map(|line| match line.split_once("//") {
        // In the documentation a comment stands after white space, and a URL does not.
        Some((before, _)) if before.is_empty() || before.ends_with(char::is_whitespace) => before,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut plain = String::new();
    for (at, c) in text.char_indices() {
        let next = text.get(at + 1..).and_then(|rest| rest.trim_start().chars().next());
        if !(c == ',' && matches!(next, Some('}' | ']'))) {
            plain.push(c);
        }
    }
    serde_json::from_str(&plain).map_err(|error| error.to_string())
}

/// A configuration; `None` for a block that is none.
fn configuration(block: &Block) -> Option<Value> {
    let wrong = |error: String| -> Value { panic!("{}: {error}", block.place) };
    let value = match language(block) {
        "toml" => {
            let table = block.text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{}: {error}", block.place));
            serde_json::to_value(table).unwrap()
        }
        "jsonc" => relaxed(&block.text).unwrap_or_else(wrong),
        "json" => {
            let text = if block.info == "json excerpt" { format!("{{{}}}", block.text) } else { block.text.clone() };
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| wrong(error.to_string()));
            value.as_object().filter(|members| members.contains_key("vars") || is_variables(members))?;
            value
        }
        _ => return None,
    };
    let mut members = value.as_object().unwrap().clone();
    // For editors alone.
    members.remove("$schema");
    Some(if is_variables(&members) { json!({ "vars": members }) } else { Value::Object(members) })
}

/// Whether these are variables, as in a configuration file.
fn is_variables(members: &Map<String, Value>) -> bool {
    let known = |name: &String| postern::config::Config::VARIABLES.iter().any(|known| name.ends_with(known));
    members.keys().any(known)
}

/// Adds what part of a wrangler file leaves out: the bindings that it needs, and in `vars` a `PUBLIC_URL`, a provider `corp`,
/// an issuer `machines` where tokens are taken, `VERIFY` where another proxy asks, and a route.
fn frame(part: Value) -> Value {
    let mut whole = part;
    let file = whole.as_object_mut().unwrap();
    let vars = file.entry("vars").or_insert_with(|| json!({})).as_object_mut().unwrap();
    let text = Value::Object(vars.clone()).to_string();
    if !vars.contains_key("SITES") {
        complete(vars, &text);
    }
    let text = Value::Object(vars.clone()).to_string();
    let saml_worker = text.contains("\"saml\":").then_some("SAML");
    let services: BTreeSet<&str> =
        text.split("service:").skip(1).filter_map(|rest| rest.split('"').next()).chain(saml_worker).collect();
    let objects = [
        ("SUBJECTS", "SubjectObject"),
        ("ONCE", "OnceObject"),
        ("SID_INDEX", "SidIndexObject"),
        ("BUCKETS", "BucketObject"),
        ("TUPLES", "TupleObject"),
        ("DECISION_LOG", "DecisionObject"),
        ("BLOCKS", "BlockObject"),
        ("API_KEYS", "KeyObject"),
        ("SERVICE_TOKENS", "ServiceTokenObject"),
    ];
    let mut namespaces = vec![json!({ "binding": "POSTERN_CACHE" })];
    if text.contains("\"policy\":true") {
        namespaces.push(json!({ "binding": "POSTERN_POLICIES" }));
    }
    let bindings = json!({
        "name": "app", "main": "index.js", "compatibility_date": "2026-11-17", "workers_dev": false, "preview_urls": false,
        "compatibility_flags": ["global_fetch_strictly_public"],
        "triggers": { "crons": ["*/5 * * * *"] },
        "assets": { "directory": "dist", "binding": "ASSETS", "run_worker_first": true },
        "services": services.iter().map(|name| json!({ "binding": name, "service": "x" })).collect::<Vec<_>>(),
        "kv_namespaces": namespaces,
        "durable_objects": {
            "bindings": objects.map(|(name, class)| json!({ "name": name, "class_name": class })),
        },
    });
    let exported =
        |(_, class): &(&str, &str)| ((*class).to_owned(), json!({ "type": "durable-object", "storage": "sqlite" }));
    let exports: Map<String, Value> = objects.iter().map(exported).collect();
    file.entry("exports").or_insert(Value::Object(exports));
    for (key, value) in bindings.as_object().unwrap() {
        match (file.get_mut(key).and_then(Value::as_array_mut), value.as_array()) {
            (Some(own), Some(needed)) => {
                let missing: Vec<Value> = needed.iter().filter(|one| !own.contains(one)).cloned().collect();
                own.extend(missing);
            }
            _ => {
                file.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    whole
}

fn complete(vars: &mut Map<String, Value>, text: &str) {
    vars.entry("PUBLIC_URL").or_insert_with(|| json!("https://app.example.com"));
    let takes_tokens = ["bearer", "\"AUTHZEN\"", "\"issuers\"", "\"machines\""].iter().any(|word| text.contains(word));
    if !vars.contains_key("ISSUERS") && takes_tokens {
        let machines = json!({ "issuer": "https://login.example.com", "audience": "https://api.example.com" });
        vars.insert("ISSUERS".to_owned(), json!({ "machines": machines }));
    }
    if !vars.contains_key("ISSUERS") && text.contains("\"workload\"") {
        let trust = json!([{ "repository_id": "456789", "scopes": ["deploy"] }]);
        let actions = json!({ "preset": "github-actions", "audience": "https://app.example.com", "trust": trust });
        vars.insert("ISSUERS".to_owned(), json!({ "actions": actions }));
    }
    if text.contains("\"upstream\":\"none\"") {
        vars.entry("VERIFY").or_insert_with(|| json!({}));
    }
    let providers = vars.entry("PROVIDERS").or_insert_with(|| json!({ "corp": {} })).as_object_mut().unwrap();
    let corp = json!({ "issuer": "https://login.example.com", "client_id": "app", "roles": ["roles"] });
    if let Some(own) = providers.get_mut("corp").and_then(Value::as_object_mut) {
        let speaks_saml = own.contains_key("saml");
        for (key, value) in corp.as_object().unwrap().iter().filter(|(key, _)| !speaks_saml || *key != "client_id") {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    vars.entry("ROUTES").or_insert_with(|| json!({ "/{*rest}": { "upstream": "service:APP" } }));
}

/// As an inline value of TOML. A text of JSON is one of TOML.
fn written(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(members) => {
            let one = |(key, value): (&String, &Value)| format!("{} = {}", Value::from(key.as_str()), written(value));
            format!("{{ {} }}", joined(members.iter().map(one).collect()))
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(written).collect())),
        other => other.to_string(),
    }
}

/// What `check` says of it, if it is not good.
fn check(number: usize, configuration: &Value) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("documentation-{number}"));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("wrangler.toml");
    let lines = configuration
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("{} = {}\n", Value::from(key.as_str()), written(value)));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let output = command.args(["check", "--secrets", "none", "--config"]).arg(&file).output().unwrap();
    let said = || String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    (!output.status.success()).then(said)
}

#[test]
fn every_configuration_that_is_shown_is_good() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut first: Option<(String, Value)> = None;
    for (number, block) in blocks().iter().enumerate() {
        let Some(mut value) = configuration(block) else { continue };
        count += 1;
        let page = block.place.split(':').next().unwrap();
        if page.starts_with("docs/providers/") {
            match &first {
                Some((of, whole)) if of == page && block.info != "toml complete" => {
                    value = overlaid(whole.clone(), value);
                }
                Some((of, _)) if of == page => {}
                _ => first = Some((page.to_owned(), value.clone())),
            }
        }
        let whole = if value.get("name").is_some() { value } else { frame(value) };
        wrong.extend(check(number, &whole).map(|said| format!("{}:\n{said}", block.place)));
    }
    assert!(count >= 20, "{count}: are they still looked for in the right place?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The keys of one table over those of another, tables as such.
fn overlaid(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            for (key, value) in more {
                let own = base.remove(&key).unwrap_or_default();
                base.insert(key, overlaid(own, value));
            }
            Value::Object(base)
        }
        (_, more) => more,
    }
}

#[test]
fn a_configuration_that_is_wrong_would_be_found() {
    let block =
        |info: &str, text: &str| Block { place: "here".to_owned(), info: info.to_owned(), text: text.to_owned() };
    let good = block("toml", "[vars.SESSION]\nidle = \"30m\"");
    assert_eq!(check(9000, &frame(configuration(&good).unwrap())), None);
    for (number, (info, text)) in [
        ("toml", "[vars.SESSION]\nidel = \"30m\""),
        ("jsonc", "{ \"vars\": { \"SESSION\": { \"idel\": \"30m\" } } } // wrong"),
        ("json", "{ \"ROUTES\": { \"/a\": { \"upstream\": \"nowhere\" } } }"),
    ]
    .into_iter()
    .enumerate()
    {
        let whole = frame(configuration(&block(info, text)).unwrap());
        assert!(check(9001 + number, &whole).is_some(), "{text}");
    }
    assert!(configuration(&block("json", "{ \"decision\": true }")).is_none());
}

#[test]
fn every_command_that_is_shown_works_or_says_why_it_is_not_tried() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npx");
    fs::create_dir_all(&folder).unwrap();
    let npx = folder.join("npx");
    let script =
        format!("#!/bin/sh\n[ \"$1\" = postern ] || exit 9\nshift\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_postern"));
    fs::write(&npx, script).unwrap();
    executable(&npx);
    let (mut run, mut not_run) = (0, 0);
    for block in blocks() {
        assert!(!["bash", "shell"].contains(&language(&block)), "{}: expected `sh`", block.place);
        if language(&block) != "sh" || block.place.starts_with(RUN_ELSEWHERE) {
            continue;
        }
        if let Some(why) = block.info.strip_prefix("sh no-run") {
            assert!(why.strip_prefix(": ").is_some_and(|why| why.len() > 5), "{}: why is it not run?", block.place);
            not_run += 1;
            continue;
        }
        run += 1;
        let strange = block.text.lines().find(|line| !is_ours(line));
        assert_eq!(strange, None, "{}: only `npx postern` is tried, mark the block `sh no-run: WHY`", block.place);
        let place = block.info.strip_prefix("sh in=").unwrap_or(".");
        let mut command = Command::new("/bin/sh");
        command.args(["-e", "-c", &block.text]).current_dir(root().join(place));
        // Nothing else can be started by its name: a page must not be able to do anything here.
        let output = command.env_clear().env("PATH", &folder).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
        assert!(output.status.success(), "{}:\n{said}", block.place);
    }
    assert!(run >= 4, "{run}");
    assert_eq!(not_run, NOT_RUN, "blocks of commands that are not run");
}

/// Whether a line begins nothing but our command line, goes on with a command that did, or says something of it.
fn is_ours(line: &str) -> bool {
    let line = line.trim_start();
    let begins = line.starts_with("npx postern ") || line.starts_with('#') || line.is_empty() || line.starts_with('-');
    begins && !line.contains(['>', '|', '&', ';', '`', '$'])
}

#[test]
fn no_other_command_is_ever_tried() {
    for line in ["npx postern check", "  --env production", "# a comment", ""] {
        assert!(is_ours(line), "{line}");
    }
    for line in [
        "npm start",
        "npx wrangler deploy",
        "npx postern check && npm ci",
        "npx postern check > file",
        "rm -r x",
        "npx postern $(x)",
    ] {
        assert!(!is_ours(line), "{line}");
    }
}

#[cfg(unix)]
fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut files = vec![root().join("README.md"), root().join("SECURITY.md"), root().join("CONTRIBUTING.md")];
    pages(&root().join("docs"), &mut files);
    let mut missing = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") || link.contains(' ') {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let is_there = target.exists() && anchor.is_none_or(|anchor| has_anchor(&target, anchor));
            if !is_there {
                missing.push(format!("{}: {link}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Whether a page has a heading, or an anchor of its own, of that name.
fn has_anchor(page: &Path, anchor: &str) -> bool {
    let Ok(text) = fs::read_to_string(page) else { return false };
    let is_kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
    let slug = |heading: &str| {
        heading
            .to_lowercase()
            .chars()
            .filter(|c| is_kept(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
    };
    let headings =
        text.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#').trim()));
    headings.into_iter().any(|own| own == anchor) || text.contains(&format!("id=\"{anchor}\""))
}
