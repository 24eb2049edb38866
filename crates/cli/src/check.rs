//! `postern check` and `postern explain`: the configuration as the Worker would read it, and what it would decide.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt};
use postern::config::{Build, Config, Deployment, Problem, Settings};
use postern::ids::site::Site;
use serde_json::{Map, Value, json};

use super::configuration::Configuration;
use super::decisions::Policies;
use super::files::{self, read};
use super::online::{self, Answers, Findings};
use super::report::{Good, Place, Problems, Warning};
use super::source::{self, Source, Syntax};
use super::wrangler::Wrangler;
use super::{Answer, USAGE, decisions, dev_vars, mistakes, preset, stand_in, summary, warnings};

/// This program has no network: the one in Node asks in its place, and hands over the answers.
const ONLINE: &str = "`--online` is for the command of the npm package: `npx postern check --online`";
/// Providers are to be asked first.
const ASK_FIRST: u8 = 3;

/// What was asked on the command line.
#[derive(Default)]
pub(super) struct Asked {
    /// The file; where none is named, the one that wrangler would take.
    config: Option<PathBuf>,
    /// The configuration file; where none is named, the one beside that.
    file: Option<PathBuf>,
    environment: Option<String>,
    secrets: Option<String>,
    decisions: Vec<PathBuf>,
    policies: Vec<PathBuf>,
    site: Option<String>,
    /// Whether the answer is for programs.
    json: bool,
    /// What providers answered, in a file; `-` is standard input.
    answers: Option<PathBuf>,
}

/// Where the values of secrets come from.
enum Secrets {
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
            Arg::Long("preset") => return Ok(preset::tell(&parser.value()?.string()?)),
            Arg::Long("json") => asked.json = true,
            Arg::Long("answers") => asked.answers = Some(parser.value()?.into()),
            Arg::Long("online") => return Ok(Answer::misused(ONLINE)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            other => match Asked::option(&other) {
                Some(option) => asked.take(option, &mut parser)?,
                None => return Err(other.unexpected()),
            },
        }
    }
    let answer = check(&asked, |good| compare(&good, &asked));
    Ok(answer.unwrap_or_else(|why| if asked.json { unreadable(&asked, &why) } else { Answer::misused(why) }))
}

/// Why there is nothing to report on, for programs.
fn unreadable(asked: &Asked, why: &str) -> Answer {
    let file = asked.config.as_ref().map(|file| file.display().to_string());
    let place = Place { file: file.as_deref().unwrap_or_default(), environment: None, source: None, beside: None };
    let problem = Problem { path: String::new(), message: why.to_owned() };
    Answer { out: text(&place.data(&Problems::common(vec![problem]), &[], None)), code: 2, ..Answer::default() }
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
    let answer = |config: &Config| match Policies::load(&asked.policies, config)? {
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

impl Asked {
    /// The option that this is, if it says which configuration is meant, or which policies.
    pub(super) fn option(arg: &Arg<'_>) -> Option<&'static str> {
        let name = match arg {
            Arg::Short('c') => "config",
            Arg::Short('e') => "env",
            Arg::Long(name) => name,
            Arg::Short(_) | Arg::Value(_) => return None,
        };
        ["config", "file", "env", "secrets", "site", "policies"].into_iter().find(|known| *known == name)
    }

    /// Says which site is asked.
    pub(super) fn of_site(&mut self, site: &Site) {
        self.site = site.id().map(ToString::to_string);
    }

    /// Takes its value.
    pub(super) fn take(&mut self, option: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        let value = parser.value()?;
        match option {
            "config" => self.config = Some(value.into()),
            "file" => self.file = Some(value.into()),
            "secrets" => self.secrets = Some(value.string()?),
            "site" => self.site = Some(value.string()?),
            "policies" => self.policies.push(value.into()),
            _ => self.environment = Some(value.string()?).filter(|name| !name.is_empty()),
        }
        Ok(())
    }
}

/// A configuration without problems.
struct Checked<'a> {
    configs: &'a [&'a Config],
    place: &'a Place<'a>,
    secrets: &'a [String],
    warnings: &'a [Warning],
    /// What was read online.
    read: &'a [String],
}

impl Checked<'_> {
    fn summary(&self) -> String {
        let online: String = self.read.iter().map(|line| format!("  {line}\n")).collect();
        let online = if online.is_empty() { online } else { format!("\nRead online\n{online}") };
        summary::write(self.configs, self.place, (self.secrets, self.warnings)) + &online
    }

    fn data(&self) -> Value {
        let good = Good { configs: self.configs, secrets: self.secrets, read: self.read };
        self.place.data(&Problems::common(Vec::new()), self.warnings, Some(good))
    }
}

/// What there is to say of a good configuration, and how its decisions compare with those expected.
fn compare(checked: &Checked<'_>, asked: &Asked) -> Result<Answer, String> {
    let (mut said, mut good) = (String::new(), true);
    if !(asked.decisions.is_empty() && asked.policies.is_empty()) {
        let config = of_site(checked.configs, asked)?;
        match Policies::load(&asked.policies, config)? {
            Err(wrong) if asked.json => (said, good) = (wrong.out, false),
            Err(wrong) => return Ok(wrong),
            Ok(policies) => {
                said.extend(policies.summary());
                good = decide(config, &policies, asked, &mut said)?;
            }
        }
    }
    let out = if asked.json { with_decisions(checked.data(), &said, good) } else { checked.summary() + &said };
    Ok(if good { Answer::good(out) } else { Answer::wrong(out) })
}

/// The account of every file of decisions; whether all are as expected.
fn decide(config: &Config, policies: &Policies, asked: &Asked, said: &mut String) -> Result<bool, String> {
    let mut good = true;
    for file in &asked.decisions {
        let name = file.display().to_string();
        let (account, all_met) = decisions::account(Some(config), policies, (&name, &read(file)?))?;
        good &= all_met;
        said.push_str(&format!("\n{account}"));
    }
    Ok(good)
}

fn with_decisions(mut data: Value, said: &str, good: bool) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    if let (Some(members), false) = (data.as_object_mut(), lines.is_empty()) {
        members.insert("decisions".to_owned(), json!({ "ok": good, "lines": lines }));
        members.insert("ok".to_owned(), json!(good));
    }
    text(&data)
}

fn text(data: &Value) -> String {
    format!("{data:#}\n")
}

/// What `answer` makes of the one site that is asked, if all of the configuration is good.
///
/// # Errors
/// When a file cannot be read, or it is not clear which site is asked.
pub(super) fn with_site(
    asked: &Asked,
    answer: impl FnOnce(&Config) -> Result<Answer, String>,
) -> Result<Answer, String> {
    check(asked, |checked| answer(of_site(checked.configs, asked)?))
}

/// What `answer` makes of a good configuration, or the problems; or why there is neither: a file that cannot be read.
fn check(asked: &Asked, answer: impl FnOnce(Checked<'_>) -> Result<Answer, String>) -> Result<Answer, String> {
    let file = asked.config.clone().map_or_else(source::find, Ok)?;
    let (name, environment) = (file.display().to_string(), asked.environment.as_deref());
    let named = |message: String| format!("{name}: {message}");
    let source = Source::parse(Syntax::of(&file), &read(&file)?).map_err(named)?;
    let beside = Configuration::find(asked.file.as_deref(), &file)?;
    let wrangler = Wrangler::new(&source, environment).map_err(named)?.beside(beside.as_ref());
    let place = Place { file: &name, environment, source: Some(&source), beside: beside.as_ref() };
    let wrong = |problems: &Problems<'_>, warnings: &[Warning]| {
        let data = || text(&place.data(problems, warnings, None));
        Ok(Answer::wrong(if asked.json { data() } else { problems.text(&place) }))
    };
    let secrets = secrets(asked, &file)?;
    let bound = match wrangler.vars() {
        Ok(vars) => vars,
        Err(problems) => return wrong(&Problems::common(problems), &[]),
    };
    let settings = beside.as_ref().map_or_else(Settings::default, Configuration::settings).bind(bound.clone());
    let vars = settings.vars();
    // Where they are published is a question for the file.
    let build = Build { policies: true, ..Build::PLAIN };
    let deployment = Deployment::of(build, &settings, &|secret| secrets.lookup(secret, vars));
    let configs: Vec<&Config> = deployment.sites.iter().filter_map(|one| one.config.as_ref().ok()).collect();
    let mut warnings = warnings::all(&configs, vars, &wrangler);
    let problems = Problems::of(&deployment, around(&wrangler, &bound, &configs));
    if !problems.is_empty() {
        return wrong(&problems, &warnings);
    }
    let online = online(asked, &configs)?;
    if !online.wanted.is_empty() {
        return Ok(Answer { out: text(&online::wanted(online.wanted)), code: ASK_FIRST, ..Answer::default() });
    }
    warnings.extend(online.warnings);
    if !online.problems.is_empty() {
        return wrong(&Problems::common(online.problems), &warnings);
    }
    let (secrets, read) = (secrets.unseen(), &online.read);
    answer(Checked { configs: &configs, place: &place, secrets: &secrets, warnings: &warnings, read })
}

/// What providers and issuers publish, if they are to be asked.
fn online(asked: &Asked, configs: &[&Config]) -> Result<Findings, String> {
    let Some(file) = &asked.answers else { return Ok(Findings::default()) };
    let answers = Answers::parse(&files::read_or_input(file)?).map_err(|why| format!("{}: {why}", file.display()))?;
    Ok(online::examine(configs, &answers))
}

/// What is wrong and no question of the variables alone.
fn around(wrangler: &Wrangler, vars: &Map<String, Value>, configs: &[&Config]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = configs.iter().flat_map(|config| mistakes::problems(config)).collect();
    problems.extend(wrangler.problems(vars, configs));
    let limits: Vec<_> = configs.iter().flat_map(|config| config.all_limits()).collect();
    problems.extend(wrangler.limit_problems(&limits));
    problems
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

fn secrets(asked: &Asked, config: &Path) -> Result<Secrets, String> {
    let beside = asked.environment.as_ref().map_or_else(|| ".dev.vars".to_owned(), |name| format!(".dev.vars.{name}"));
    let beside = config.with_file_name(beside);
    let file = match asked.secrets.as_deref() {
        Some("none") => None,
        Some(file) => Some(PathBuf::from(file)),
        None => files::exists(&beside).then_some(beside),
    };
    let Some(file) = file else { return Ok(Secrets::Elsewhere(RefCell::default())) };
    let values = dev_vars::parse(&read(&file)?)
        .map_err(|line| format!("{}: line {line}: expected `NAME=value` on one line", file.display()))?;
    Ok(Secrets::File(values))
}

impl Secrets {
    fn lookup(&self, name: &str, vars: &Map<String, Value>) -> Option<String> {
        match self {
            Self::File(values) => values.get(name).cloned(),
            Self::Elsewhere(asked_for) => {
                if !stand_in::is_optional(name) {
                    asked_for.borrow_mut().push(name.to_owned());
                }
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
