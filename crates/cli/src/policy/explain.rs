//! `postern policy explain`: who, what → decision and why.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use postern::policy::{Cause, PolicyDecision, PolicyInput, PolicyVerdict};
use postern_policy_cedar::PolicySet;
use serde::Deserialize;
use serde_json::Value;

use super::case::{Asked, Routes, Who};
use super::question::Question;
use super::{Answer, USAGE, list, load};
use crate::files::read_or_input;

/// One case in a file of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    routes: Vec<String>,
    principal: Option<Who>,
    asked: Option<Asked>,
    /// Instead of the two: what a service would ask.
    evaluation: Option<Value>,
}

pub(super) fn run(mut parser: Parser) -> Result<Answer, lexopt::Error> {
    let (mut paths, mut case) = (Vec::new(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("case") => case = Some(PathBuf::from(parser.value()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Answer::good(USAGE.to_owned())),
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let case = case.ok_or("expected `--case FILE`")?;
    if paths.is_empty() {
        return Err("expected a file or directory with policies".into());
    }
    Ok(explain(&case, &paths).unwrap_or_else(Answer::misused))
}

fn explain(case: &Path, paths: &[PathBuf]) -> Result<Answer, String> {
    let set = match load(paths)? {
        Ok(set) => set,
        Err(problems) => return Ok(Answer::wrong(list(&problems))),
    };
    let name = case.display();
    let file: File = serde_json::from_str(&read_or_input(case)?).map_err(|error| format!("{name}: {error}"))?;
    let routes = Routes::parse(&file.routes).map_err(|error| format!("{name}: {error}"))?;
    let question = Question::new((file.principal.as_ref(), file.asked.as_ref()), file.evaluation.as_ref(), &routes);
    Ok(Answer::good(account(&set, &question.map_err(|error| format!("{name}: {error}"))?)))
}

fn account(set: &PolicySet, question: &Question<'_>) -> String {
    let decision = question.decide(set);
    let mut out = format!("{}: {}\n\n", decision.verdict.as_str(), why(&decision));
    let mut line = |name: &str, value: &str| _ = writeln!(out, "  {name:<10} {value}");
    match question {
        Question::Request(case) => request(&case.input(), &mut line),
        Question::Evaluation(asked) => {
            line("subject", &format!("{} {}", asked.subject.kind, asked.subject.id));
            line("action", &asked.action.name);
            line("resource", &format!("{} {}", asked.resource.kind, asked.resource.id));
        }
    }
    for policy in &decision.policies {
        line("policy", policy);
    }
    if let (Question::Request(case), PolicyVerdict::Deny(Cause::NothingPermits)) = (question, &decision.verdict) {
        set.nearest(&case.input()).iter().for_each(|near| line("nearest", &near.to_string()));
    }
    for failure in &decision.failures {
        line("failed", format!("{} {}", failure.policy, failure.message).trim_start());
    }
    line("version", decision.version.as_str());
    out
}

fn request(input: &PolicyInput<'_>, line: &mut dyn FnMut(&str, &str)) {
    let who = &input.principal;
    line("principal", &format!("{} {} of {}", who.kind.as_str(), who.subject, who.issuer));
    if !who.roles.is_empty() {
        line("roles", &who.roles.join(", "));
    }
    line("request", &format!("{} {}", input.method, input.resource.path));
    line("route", input.resource.route);
    for (name, value) in input.resource.params {
        line("parameter", &format!("{name} = {value}"));
    }
}

fn why(decision: &PolicyDecision) -> String {
    match &decision.verdict {
        PolicyVerdict::Allow => "a policy permits it, and none forbids it".to_owned(),
        PolicyVerdict::Deny(Cause::NothingPermits) => "no policy permits it".to_owned(),
        PolicyVerdict::Deny(Cause::Forbidden) => "a policy forbids it".to_owned(),
        PolicyVerdict::Deny(Cause::Failed) => "a policy could not be evaluated".to_owned(),
        PolicyVerdict::Deny(Cause::Unfit(_)) => "the question does not fit the schema".to_owned(),
        PolicyVerdict::Deny(Cause::Unanswerable) => "the question could not be put".to_owned(),
        PolicyVerdict::StepUp(step_up) => {
            let classes = match step_up.acr_values.as_slice() {
                [] => String::new(),
                values => format!(" of class {}", values.join(" or ")),
            };
            let ago = |age: Option<u32>| age.map_or_else(String::new, |age| format!(" at most {age} seconds ago"));
            let signs_in = step_up.max_age.is_some() || !classes.is_empty();
            let sign_in = signs_in.then(|| format!("a sign-in{classes}{}", ago(step_up.max_age)));
            let second = step_up.second.map(|age| format!("a second factor proven{}", ago(Some(age))));
            let wanted: Vec<String> = sign_in.into_iter().chain(second).collect();
            format!("{} would satisfy what forbids it", wanted.join(" and "))
        }
    }
}
