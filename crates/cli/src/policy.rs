//! `postern policy`: policies checked, cases decided and explained, before they are published.

mod case;
mod explain;
mod question;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use lexopt::{Arg, Parser, ValueExt};
use postern::config::Config;
use postern::ids::site::{Site, SiteId};
use postern::policy::{Bundle, CompiledPolicies, Pointer, PolicyProblem, pointer_key, unknown_names, version_key};
use postern::time::Timestamp;
use postern_policy_cedar::{MANAGEMENT_SCHEMA, PolicySet, SCHEMA, engine};

use super::decisions::Policies;
use super::files::{self, read};
use super::{Answer, check, decisions};
pub(super) use case::{Asked, Routes, Who as Seen};
pub(super) use question::Question;

const USAGE: &str = "\
Usage:
  postern policy check [--config FILE] [--env NAME] [--site ID] [--decisions FILE]... FILE|DIR...
      Reads policies in Cedar (`*.cedar`), checks them against the schema, with what the files declare beside it
      (`*.cedarschema`), and tells everything that is wrong.
      --config, --env, --site  as for `postern check`; given one of these, every route, relation, parameter, claim
                   and issuer that a policy names must be one of that configuration
      --decisions  a file as for `postern check`; without a configuration it says itself what `routes` there are, and
                   who asks as policies see them, by `subject`
  postern policy explain --case FILE FILE|DIR...
      Decides one case and tells why.
      --case       the case in JSON; `-` reads it from standard input
  postern policy pack [--config FILE] [--env NAME] [--site ID] [--serial SECONDS] FILE|DIR...
      Checks the policies as `check` does, and prints them as a version to be published, and the pointer to it, for
      `wrangler kv bulk put`.
      --site       of several sites, the one that they are for
      --serial     the time of this publication in seconds since 1970, which is now unless it is said: what is published
                   later counts, also to go back to an older version, over HTTP as by this command
  postern policy schema
      Prints the schema: what a policy may speak of.
";

/// Before this second of 2001 nothing was published.
const EARLIEST: u64 = 1_000_000_000;

pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let Some(first) = parser.next()? else { return Ok(Answer::misused(format!("expected a command\n\n{USAGE}"))) };
    match first {
        Arg::Value(command) if command == "check" => check(parser),
        Arg::Value(command) if command == "explain" => explain::run(parser),
        Arg::Value(command) if command == "pack" => pack(parser),
        Arg::Value(command) if command == "schema" => Ok(Answer::good(format!("{}\n{}", SCHEMA, MANAGEMENT_SCHEMA))),
        Arg::Long("help") | Arg::Short('h') => Ok(Answer::good(USAGE.to_owned())),
        other => Err(other.unexpected()),
    }
}

fn check(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut paths, mut decisions, mut deployment) = (Vec::new(), Vec::new(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("decisions") => decisions.push(PathBuf::from(parser.value()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            other => match check::Asked::option(&other).filter(|option| *option != "policies") {
                Some(option) => deployment.get_or_insert_with(check::Asked::default).take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    if paths.is_empty() {
        return Err("expected a file or directory with policies".into());
    }
    let answer = match deployment {
        Some(asked) => check::with_site(&asked, |config| report(&paths, &decisions, Some(config))),
        None => report(&paths, &decisions, None),
    };
    Ok(answer.unwrap_or_else(Answer::misused))
}

fn pack(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut paths, mut serial, mut site, mut deployment) = (Vec::new(), None, Site::SOLE, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("serial") => serial = Some(parser.value()?.parse::<u64>()?),
            Arg::Long("site") => {
                let id = parser.value()?.string()?;
                site = Site::named(SiteId::parse(&id).ok_or_else(|| format!("`{id}` is no name of a site"))?);
            }
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            other => match check::Asked::option(&other).filter(|option| *option != "policies") {
                Some(option) => deployment.get_or_insert_with(check::Asked::default).take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    let now = Pointer::serial_at(now());
    let serial = serial.unwrap_or(now);
    if serial < EARLIEST {
        return Err(format!(
            "`--serial {serial}`: expected seconds since 1970, as for what is published over HTTP; left out, it is now, {now}"
        )
        .into());
    }
    if paths.is_empty() {
        return Err("expected a file or directory with policies".into());
    }
    let answer = match deployment {
        Some(mut asked) => {
            asked.of_site(&site);
            check::with_site(&asked, |config| packed(&paths, serial, &site, Some(config)))
        }
        None => packed(&paths, serial, &site, None),
    };
    Ok(answer.unwrap_or_else(Answer::misused))
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(now.as_secs().try_into().unwrap_or(i64::MAX))
}

/// The version before the pointer, in the order in which they are to be written.
fn packed(paths: &[PathBuf], serial: u64, site: &Site, config: Option<&Config>) -> Result<Answer, String> {
    let bundle = match bundle(paths)? {
        Ok(bundle) => bundle,
        Err(problem) => return Ok(Answer::wrong(list(&[problem]))),
    };
    let set: Rc<dyn CompiledPolicies> = match checked(&bundle, config) {
        Ok(set) => Rc::new(set),
        Err(problems) => return Ok(Answer::wrong(list(&problems))),
    };
    let version = bundle.version();
    let pointer = Pointer::after(None, version.clone(), None).at_least(serial).vouching(engine(), None, &[set]);
    let entries = serde_json::json!([
        { "key": site.scoped(&version_key(&version)), "value": bundle.to_text() },
        { "key": site.scoped(pointer_key()), "value": pointer.to_text() },
    ]);
    Ok(Answer::good(format!("{entries}\n")))
}

/// The answer, or why there is none: a file that cannot be read.
fn report(paths: &[PathBuf], decisions: &[PathBuf], config: Option<&Config>) -> Result<Answer, String> {
    let loaded = match config {
        Some(config) => load_for(paths, config)?,
        None => load(paths)?.map_err(|problems| Answer::wrong(list(&problems))),
    };
    let set = match loaded {
        Ok(set) => set,
        Err(wrong) => return Ok(wrong),
    };
    let mut out = format!("{} policies, version {}\n", set.len(), set.version());
    let policies = Policies::of(set);
    let mut wrong = false;
    for file in decisions {
        let name = file.display().to_string();
        let (account, all_met) = decisions::account(config, &policies, (&name, &read(file)?))?;
        out.push_str(&account);
        wrong |= !all_met;
    }
    Ok(if wrong { Answer::wrong(out) } else { Answer::good(out) })
}

/// The policies in the files named and in those below the directories named.
///
/// # Errors
/// When one cannot be read.
fn load(paths: &[PathBuf]) -> Result<Result<PolicySet, Vec<PolicyProblem>>, String> {
    let bundle = bundle(paths)?.map_err(|problem| vec![problem]);
    Ok(bundle.and_then(|bundle| checked(&bundle, None)))
}

/// The same, for a site: they name nothing that it does not have. The other answer tells what is wrong.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn load_for(paths: &[PathBuf], config: &Config) -> Result<Result<PolicySet, Answer>, String> {
    let bundle = bundle(paths)?.map_err(|problem| vec![problem]);
    let set = bundle.and_then(|bundle| checked(&bundle, Some(config)));
    Ok(set.map_err(|problems| Answer::wrong(list(&problems))))
}

/// What the Worker says of them when they are published over HTTP.
fn checked(bundle: &Bundle, config: Option<&Config>) -> Result<PolicySet, Vec<PolicyProblem>> {
    let set = PolicySet::parse(bundle)?;
    match unknown_names(engine(), bundle, config) {
        none if none.is_empty() => Ok(set),
        strangers => Err(strangers),
    }
}

fn bundle(paths: &[PathBuf]) -> Result<Result<Bundle, PolicyProblem>, String> {
    let mut found = BTreeMap::new();
    for path in paths {
        if files::is_folder(path) {
            collect(path, path, &mut found)?;
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            add(&mut found, name, path)?;
        }
    }
    Ok(Bundle::new(found))
}

fn collect(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) -> Result<(), String> {
    for path in files::list(folder)? {
        if files::is_folder(&path) {
            collect(top, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "cedar" || extension == "cedarschema") {
            let below = path.strip_prefix(top).unwrap_or(&path);
            let name = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            add(found, name, &path)?;
        }
    }
    Ok(())
}

fn add(found: &mut BTreeMap<String, String>, name: String, path: &Path) -> Result<(), String> {
    let text = read(path)?;
    match found.insert(name, text) {
        None => Ok(()),
        Some(_) => Err(format!("`{}` goes by the name of another file", path.display())),
    }
}

fn list(problems: &[PolicyProblem]) -> String {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let lines: String = problems.iter().map(|problem| format!("  {problem}\n")).collect();
    format!("{count} {noun}\n\n{lines}")
}
