//! `postern check` and `postern explain`: the configuration as the Worker would read it, and what it would decide.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt};
use postern::config::{Build, Config, Deployment, Problem};
use postern::ids::site::Site;
use serde_json::{Map, Value};

use super::decisions::Policies;
use super::files::{self, read};
use super::wrangler::Wrangler;
use super::{Answer, USAGE, decisions, dev_vars, stand_in, summary};

/// What was asked on the command line.
pub(super) struct Asked {
    config: PathBuf,
    environment: Option<String>,
    secrets: Option<String>,
    decisions: Vec<PathBuf>,
    policies: Vec<PathBuf>,
    site: Option<String>,
}

/// Where the values of secrets come from.
enum Source {
    /// A file with all of them: one that is missing is a problem.
    File(BTreeMap<String, String>),
    /// They are set elsewhere: which ones are asked for is noted, values of the right shape stand in.
    Elsewhere(RefCell<Vec<String>>),
}

/// Checks.
pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let mut asked = Asked::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("decisions") => asked.decisions.push(parser.value()?.into()),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            other => match Asked::option(&other) {
                Some(option) => asked.take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    Ok(check(&asked, |configs, summary| compare(configs, &asked, summary)).unwrap_or_else(Answer::misused))
}

/// Explains.
pub(super) fn explain(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut asked, mut who, mut context, mut request) = (Asked::default(), None, None, None);
    let mut relations = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("who") => who = Some(parser.value()?.string()?),
            Arg::Long("relations") => relations = Some(PathBuf::from(parser.value()?)),
            Arg::Long("context") => context = Some(parser.value()?.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(value) if request.is_none() => request = Some(value.string()?),
            other => match Asked::option(&other) {
                Some(option) => asked.take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    let (Some(who), Some(request)) = (who, request) else { return Err("expected --who and a request".into()) };
    let answer = |config: &Config, _: String| match Policies::load(&asked.policies, config)? {
        Ok(policies) => {
            let relations = relations.as_deref().map_or_else(|| Ok(Vec::new()), tuples)?;
            let door = (config, &policies, relations.as_slice());
            let verdict = decisions::explain(door, (&who, context.as_deref()), &request);
            verdict.map(|verdict| Answer::good(verdict.to_string()))
        }
        Err(wrong) => Ok(wrong),
    };
    Ok(with_site(&asked, answer).unwrap_or_else(Answer::misused))
}

/// A file of tuples: a list of texts, in JSON.
fn tuples(file: &Path) -> Result<Vec<String>, String> {
    serde_json::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            config: PathBuf::from("wrangler.toml"),
            environment: None,
            secrets: None,
            decisions: Vec::new(),
            policies: Vec::new(),
            site: None,
        }
    }
}

impl Asked {
    /// The option that this is, if it says which configuration is meant, or which policies.
    pub(super) fn option(arg: &Arg<'_>) -> Option<&'static str> {
        let name = match arg {
            Arg::Short('c') => "config",
            Arg::Short('e') => "env",
            Arg::Long(name) => name,
            Arg::Short(_) | Arg::Value(_) => return None,
        };
        ["config", "env", "secrets", "site", "policies"].into_iter().find(|known| *known == name)
    }

    /// Says which site is asked.
    pub(super) fn of_site(&mut self, site: &Site) {
        self.site = site.id().map(ToString::to_string);
    }

    /// Takes its value.
    pub(super) fn take(&mut self, option: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        let value = parser.value()?;
        match option {
            "config" => self.config = value.into(),
            "secrets" => self.secrets = Some(value.string()?),
            "site" => self.site = Some(value.string()?),
            "policies" => self.policies.push(value.into()),
            _ => self.environment = Some(value.string()?).filter(|name| !name.is_empty()),
        }
        Ok(())
    }
}

/// The summary of a good configuration, and below it how its decisions compare with those expected.
fn compare(configs: &[&Config], asked: &Asked, mut text: String) -> Result<Answer, String> {
    if asked.decisions.is_empty() && asked.policies.is_empty() {
        return Ok(Answer::good(text));
    }
    let config = of_site(configs, asked)?;
    let policies = match Policies::load(&asked.policies, config)? {
        Ok(policies) => policies,
        Err(wrong) => return Ok(wrong),
    };
    text.extend(policies.summary());
    let mut good = true;
    for file in &asked.decisions {
        let name = file.display().to_string();
        let (account, all_met) = decisions::account(Some(config), &policies, (&name, &read(file)?))?;
        good &= all_met;
        text.push_str(&format!("\n{account}"));
    }
    Ok(if good { Answer::good(text) } else { Answer::wrong(text) })
}

/// What `answer` makes of the one site that is asked, if all of the configuration is good.
///
/// # Errors
/// When a file cannot be read, or it is not clear which site is asked.
pub(super) fn with_site(
    asked: &Asked,
    answer: impl FnOnce(&Config, String) -> Result<Answer, String>,
) -> Result<Answer, String> {
    check(asked, |configs, summary| answer(of_site(configs, asked)?, summary))
}

/// What `answer` makes of a good configuration and its summary, or the problems; or why there is neither: a file that
/// cannot be read.
fn check(asked: &Asked, answer: impl FnOnce(&[&Config], String) -> Result<Answer, String>) -> Result<Answer, String> {
    let name = asked.config.display().to_string();
    let wrangler = Wrangler::parse(&read(&asked.config)?, asked.environment.as_deref())
        .map_err(|message| format!("{name}: {message}"))?;
    let source = source(asked)?;
    let vars = match wrangler.vars() {
        Ok(vars) => vars,
        Err(problem) => return Ok(Answer::wrong(format!("{name}: 1 problem\n\n{}", list_problems(&[problem])))),
    };
    // Where they are published is a question for the file.
    let build = Build { policies: true, ..Build::PLAIN };
    let deployment = Deployment::parse_for(build, &vars, &|secret| source.lookup(secret, &vars));
    let configs: Vec<&Config> = deployment.sites.iter().filter_map(|one| one.config.as_ref().ok()).collect();
    let mut around = wrangler.problems(&vars, &configs);
    let limits: Vec<_> = configs.iter().flat_map(|config| config.all_limits()).collect();
    around.extend(wrangler.limit_problems(&limits));
    let all_good = configs.len() == deployment.sites.len() && deployment.problems.is_empty() && around.is_empty();
    if !all_good {
        return Ok(Answer::wrong(tell(&name, &deployment, around)));
    }
    let secrets = source.unseen();
    let notes = summary::Notes { file: &name, environment: asked.environment.as_deref(), secrets: &secrets };
    answer(&configs, summary::write(&configs, &notes, &wrangler.warnings()))
}

/// The configuration that decisions are asked of: of several sites, the one that is named.
fn of_site<'a>(configs: &[&'a Config], asked: &Asked) -> Result<&'a Config, String> {
    match (&asked.site, configs) {
        (None, [only]) => Ok(only),
        (None, _) => Err("there are several sites, expected --site".to_owned()),
        (Some(id), _) => {
            let named = |config: &&&Config| config.site.id().is_some_and(|site| site.as_str() == id);
            configs.iter().find(named).copied().ok_or_else(|| format!("there is no site `{id}`"))
        }
    }
}

/// Every problem: of a deployment that is one site in one list, of several sites each in its own.
fn tell(file: &str, deployment: &Deployment, around: Vec<Problem>) -> String {
    let of = |config: &Result<Config, Vec<Problem>>| config.as_ref().err().cloned().unwrap_or_default();
    let (sole, named): (Vec<_>, Vec<_>) = deployment.sites.iter().partition(|one| one.site.is_sole());
    let own = sole.into_iter().flat_map(|one| of(&one.config));
    let common: Vec<Problem> = own.chain(deployment.problems.iter().cloned()).chain(around).collect();
    let sites: Vec<_> = named.into_iter().filter_map(|one| Some((one.site.id()?, of(&one.config)))).collect();
    let count = common.len() + sites.iter().map(|(_, problems)| problems.len()).sum::<usize>();
    let noun = if count == 1 { "problem" } else { "problems" };
    let mut text = format!("{file}: {count} {noun}\n");
    if !common.is_empty() {
        text.push_str(&format!("\n{}", list_problems(&common)));
    }
    for (id, problems) in &sites {
        let none = if problems.is_empty() { ": no problems" } else { "" };
        text.push_str(&format!("\nSite {id}{none}\n{}", list_problems(problems)));
    }
    text
}

fn source(asked: &Asked) -> Result<Source, String> {
    let beside = asked.environment.as_ref().map_or_else(|| ".dev.vars".to_owned(), |name| format!(".dev.vars.{name}"));
    let beside = asked.config.with_file_name(beside);
    let file = match asked.secrets.as_deref() {
        Some("none") => None,
        Some(file) => Some(PathBuf::from(file)),
        None => files::exists(&beside).then_some(beside),
    };
    let Some(file) = file else { return Ok(Source::Elsewhere(RefCell::default())) };
    let values = dev_vars::parse(&read(&file)?)
        .map_err(|line| format!("{}: line {line}: expected `NAME=value` on one line", file.display()))?;
    Ok(Source::File(values))
}

impl Source {
    fn lookup(&self, name: &str, vars: &Map<String, Value>) -> Option<String> {
        match self {
            Self::File(values) => values.get(name).cloned(),
            Self::Elsewhere(asked_for) => {
                asked_for.borrow_mut().push(name.to_owned());
                Some(stand_in::value(name, vars))
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

fn list_problems(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}\n")).collect()
}
