//! `postern policy`: policies checked, cases decided and explained, before they are published.

mod case;
mod explain;
mod golden;
mod question;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt};

use super::Answer;
use crate::policy::{Bundle, Pointer, PolicySet, Problem, pointer_key, version_key};

const USAGE: &str = "\
Usage:
  postern policy check [--decisions FILE]... FILE|DIR...
      Reads policies in Cedar (`*.cedar`), checks them against the schema, with what the files declare beside it
      (`*.cedarschema`), and tells everything that is wrong.
      --decisions  cases with the decisions expected, in JSON: each must come out so
  postern policy explain --case FILE FILE|DIR...
      Decides one case and tells why.
      --case       the case in JSON; `-` reads it from standard input
  postern policy pack --serial NUMBER FILE|DIR...
      Prints the policies as a version to be published, and the pointer to it, for `wrangler kv bulk put`.
      --serial     higher than that of the version published before, also to go back to an older one
  postern policy schema
      Prints the schema: what a policy may speak of.
";

pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let Some(first) = parser.next()? else { return Ok(Answer::misused(format!("expected a command\n\n{USAGE}"))) };
    match first {
        Arg::Value(command) if command == "check" => check(parser),
        Arg::Value(command) if command == "explain" => explain::run(parser),
        Arg::Value(command) if command == "pack" => pack(parser),
        Arg::Value(command) if command == "schema" => Ok(Answer::good(crate::policy::SCHEMA.to_owned())),
        Arg::Long("help") | Arg::Short('h') => Ok(Answer::good(USAGE.to_owned())),
        other => Err(other.unexpected()),
    }
}

fn check(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut paths, mut decisions) = (Vec::new(), Vec::new());
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("decisions") => decisions.push(PathBuf::from(parser.value()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    if paths.is_empty() {
        return Err("expected a file or directory with policies".into());
    }
    Ok(report(&paths, &decisions).unwrap_or_else(Answer::misused))
}

fn pack(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut paths, mut serial) = (Vec::new(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("serial") => serial = Some(parser.value()?.parse::<u64>()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let serial = serial.ok_or("expected `--serial NUMBER`")?;
    if paths.is_empty() {
        return Err("expected a file or directory with policies".into());
    }
    Ok(packed(&paths, serial).unwrap_or_else(Answer::misused))
}

/// The version before the pointer, in the order in which they are to be written.
fn packed(paths: &[PathBuf], serial: u64) -> Result<Answer, String> {
    let bundle = match bundle(paths)? {
        Ok(bundle) => bundle,
        Err(problem) => return Ok(Answer::wrong(list(&[problem]))),
    };
    if let Err(problems) = PolicySet::parse(&bundle) {
        return Ok(Answer::wrong(list(&problems)));
    }
    let version = bundle.version();
    let pointer = Pointer { serial, live: version.clone(), shadow: None };
    let entries = serde_json::json!([
        { "key": version_key(&version), "value": bundle.to_text() },
        { "key": pointer_key(), "value": pointer.to_text() },
    ]);
    Ok(Answer::good(format!("{entries}\n")))
}

/// The answer, or why there is none: a file that cannot be read.
fn report(paths: &[PathBuf], decisions: &[PathBuf]) -> Result<Answer, String> {
    let set = match load(paths)? {
        Ok(set) => set,
        Err(problems) => return Ok(Answer::wrong(list(&problems))),
    };
    let mut out = format!("{} policies, version {}\n", set.len(), set.version());
    let mut wrong = false;
    for file in decisions {
        let (account, all_met) = golden::check(&set, &file.display().to_string(), &read(file)?)?;
        out.push_str(&account);
        wrong |= !all_met;
    }
    Ok(if wrong { Answer::wrong(out) } else { Answer::good(out) })
}

/// The policies in the files named and in those below the directories named.
///
/// # Errors
/// When one cannot be read.
fn load(paths: &[PathBuf]) -> Result<Result<PolicySet, Vec<Problem>>, String> {
    let bundle = bundle(paths)?.map_err(|problem| vec![problem]);
    Ok(bundle.and_then(|bundle| PolicySet::parse(&bundle)))
}

fn bundle(paths: &[PathBuf]) -> Result<Result<Bundle, Problem>, String> {
    let mut files = BTreeMap::new();
    for path in paths {
        if path.is_dir() {
            collect(path, path, &mut files)?;
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            add(&mut files, name, path)?;
        }
    }
    Ok(Bundle::new(files))
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(top, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "cedar" || extension == "cedarschema") {
            let below = path.strip_prefix(top).unwrap_or(&path);
            let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            add(files, name, &path)?;
        }
    }
    Ok(())
}

fn add(files: &mut BTreeMap<String, String>, name: String, path: &Path) -> Result<(), String> {
    let text = read(path)?;
    match files.insert(name, text) {
        None => Ok(()),
        Some(_) => Err(format!("`{}` goes by the name of another file", path.display())),
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}

fn list(problems: &[Problem]) -> String {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let lines: String = problems.iter().map(|problem| format!("  {problem}\n")).collect();
    format!("{count} {noun}\n\n{lines}")
}
