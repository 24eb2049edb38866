//! `postern check`: the configuration as the Worker would read it, before it runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt};

use super::keys::OsRandom;
use super::wrangler::Wrangler;
use super::{Answer, USAGE, dev_vars, summary};
use crate::config::{Config, KEY_RING, Problem, VERIFY};
use crate::keyring::KeyRing;

/// What was asked on the command line.
struct Asked {
    config: PathBuf,
    environment: Option<String>,
    secrets: Option<String>,
}

/// Where the values of secrets come from.
enum Source {
    /// A file with all of them: one that is missing is a problem.
    File(BTreeMap<String, String>),
    /// They are set elsewhere: which ones are asked for is noted, values of the right shape stand in.
    Elsewhere(RefCell<Vec<String>>),
}

pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let mut asked = Asked { config: PathBuf::from("wrangler.toml"), environment: None, secrets: None };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("config") | Arg::Short('c') => asked.config = parser.value()?.into(),
            Arg::Long("env") | Arg::Short('e') => {
                asked.environment = Some(parser.value()?.string()?).filter(|name| !name.is_empty());
            }
            Arg::Long("secrets") => asked.secrets = Some(parser.value()?.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            other => return Err(other.unexpected()),
        }
    }
    Ok(check(&asked).unwrap_or_else(Answer::misused))
}

/// The answer, or why there is none: a file that cannot be read.
fn check(asked: &Asked) -> Result<Answer, String> {
    let name = asked.config.display().to_string();
    let wrangler = Wrangler::parse(&read(&asked.config)?, asked.environment.as_deref())
        .map_err(|message| format!("{name}: {message}"))?;
    let source = source(asked)?;
    let vars = match wrangler.vars() {
        Ok(vars) => vars,
        Err(problem) => return Ok(Answer::wrong(list_problems(&name, &[problem]))),
    };
    let parsed = Config::parse(&vars, &|secret| source.lookup(secret));
    let routes = parsed.as_ref().map_or(&[][..], |config| config.routes.routes());
    let mut around = wrangler.problems(&vars, routes);
    if let Ok(config) = &parsed {
        around.extend(wrangler.limit_problems(&config.all_limits()));
    }
    Ok(match parsed {
        Ok(config) if around.is_empty() => {
            let secrets = source.unseen();
            let notes = summary::Notes { file: &name, environment: asked.environment.as_deref(), secrets: &secrets };
            Answer::good(summary::write(&config, &notes, &wrangler.warnings()))
        }
        parsed => {
            let problems: Vec<Problem> = parsed.err().unwrap_or_default().into_iter().chain(around).collect();
            Answer::wrong(list_problems(&name, &problems))
        }
    })
}

fn source(asked: &Asked) -> Result<Source, String> {
    let beside = asked.environment.as_ref().map_or_else(|| ".dev.vars".to_owned(), |name| format!(".dev.vars.{name}"));
    let beside = asked.config.with_file_name(beside);
    let file = match asked.secrets.as_deref() {
        Some("none") => None,
        Some(file) => Some(PathBuf::from(file)),
        None => beside.exists().then_some(beside),
    };
    let Some(file) = file else { return Ok(Source::Elsewhere(RefCell::default())) };
    let values = dev_vars::parse(&read(&file)?)
        .map_err(|line| format!("{}: line {line}: expected `NAME=value` on one line", file.display()))?;
    Ok(Source::File(values))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}

impl Source {
    fn lookup(&self, name: &str) -> Option<String> {
        match self {
            Self::File(values) => values.get(name).cloned(),
            Self::Elsewhere(asked_for) => {
                asked_for.borrow_mut().push(name.to_owned());
                Some(stand_in(name))
            }
        }
    }

    /// The names of the secrets that were not looked at.
    fn unseen(self) -> Vec<String> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Elsewhere(asked_for) => asked_for.into_inner(),
        }
    }
}

/// A value of the right shape for a secret that is set elsewhere. Used for reading only.
fn stand_in(name: &str) -> String {
    if name == KEY_RING {
        return KeyRing::new_entry(&OsRandom).expose().clone();
    }
    let key = p256::SecretKey::from_slice(&[1; 32]);
    match key {
        Ok(key) if name.ends_with("_PRIVATE_KEY") => key.to_jwk_string().to_string(),
        _ if name == VERIFY => "set-elsewhere".repeat(3),
        _ => "set-elsewhere".to_owned(),
    }
}

fn list_problems(file: &str, problems: &[Problem]) -> String {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let lines: String = problems.iter().map(|problem| format!("  {problem}\n")).collect();
    format!("{file}: {count} {noun}\n\n{lines}")
}
