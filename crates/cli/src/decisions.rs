//! What would be decided: one question (`postern explain`), or a file of them with the answers expected (`--decisions` of
//! `postern check` and `postern policy check`). The configuration, the mapping of claims and door 2 are the Worker's own; only that
//! somebody is who they are is supposed.

mod policies;

use std::collections::BTreeMap;

use postern::config::Config;
use postern::explain::{self, Context, Explanation, Reading, Who};
use postern::policy::{PolicyDecision, PolicyVerdict};
use postern::relation::{self, MemoryTuples, Misnamed, TUPLE};
use postern::time::Timestamp;
use postern_policy_cedar::PolicySet;
use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use super::policy::{Asked, Question, Routes, Seen};

pub(super) use policies::Policies;

/// When it is asked, unless the context says so: 2027-01-15T08:00:00Z, a Friday.
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// Who is nobody.
const NOBODY: &str = "nobody";

/// Questions with their answers: the one form of such files, for `postern check` as for `postern policy check`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionFile {
    #[serde(default, rename = "description")]
    _description: Option<String>,
    /// The keys of the route tables, where no configuration is at hand.
    #[serde(default)]
    routes: Vec<String>,
    /// The tuples that there are.
    #[serde(default)]
    relations: Vec<String>,
    /// Who asks, by names of the file's own.
    #[serde(default)]
    who: BTreeMap<String, Person>,
    decisions: Vec<Expected>,
}

/// Somebody.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
enum Person {
    /// By what is said of them, of which the configuration makes a caller.
    Told(Box<Who>),
    /// As policies see them: by their `subject` and whatever else.
    Seen(Box<Seen>),
}

impl TryFrom<Value> for Person {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        if value.get("subject").is_some() {
            serde_json::from_value(value).map(Self::Seen)
        } else {
            serde_json::from_value(value).map(Self::Told)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    description: Option<String>,
    /// Somebody and their request …
    who: Option<String>,
    request: Option<String>,
    #[serde(default)]
    context: Context,
    /// … for somebody as policies see them, with the tenant of what they ask for and the route's facts that hold; …
    tenant: Option<String>,
    #[serde(default)]
    facts: Vec<String>,
    /// … or what a service asks.
    evaluation: Option<Value>,
    expect: String,
    because: Option<String>,
    /// The policies that decide, in any order; when left out, any may.
    by: Option<Vec<String>>,
}

/// What was decided.
struct Found {
    outcome: &'static str,
    because: &'static str,
    by: Vec<String>,
}

/// Door 2, as it is configured.
struct Door<'a> {
    config: &'a Config,
    policies: &'a Policies,
    tuples: MemoryTuples,
}

/// Answers one question. `who` and `context`: JSON as in a file; `request`: `GET /path`; `relations`: the tuples.
///
/// # Errors
/// When it cannot be read.
pub(super) fn explain(
    (config, policies, relations): (&Config, &Policies, &[String]),
    (who, context): (&str, Option<&str>),
    request: &str,
) -> Result<Explanation, String> {
    let context: Context = match context {
        Some(text) => serde_json::from_str(text).map_err(|error| format!("context: {error}"))?,
        None => Context::default(),
    };
    let door = Door { config, policies, tuples: tuples(config, relations)? };
    if who == NOBODY {
        return door.decide(None, request, &context);
    }
    let who: Who = serde_json::from_str(who).map_err(|error| {
        let example = r#"{"provider":"corp","claims":{"sub":"alice"}}"#;
        format!("--who: expected `nobody` or JSON such as '{example}', found `{who}` ({error})")
    })?;
    door.decide(Some(&who), request, &context)
}

/// What became of the questions of a file, for people, and whether every answer is as it expects.
///
/// # Errors
/// When the file, somebody in it or a request cannot be read, or there is nothing to answer by.
pub(super) fn account(
    config: Option<&Config>,
    policies: &Policies,
    (name, text): (&str, &str),
) -> Result<(String, bool), String> {
    let (count, wrong) = compare(config, policies, text).map_err(|why| format!("{name}: {why}"))?;
    let head = match wrong.len() {
        0 => format!("{name}: {count} decisions as expected\n"),
        wrong => format!("{name}: {wrong} of {count} decisions are not as expected\n"),
    };
    let lines: String = wrong.iter().map(|line| format!("  {line}\n")).collect();
    Ok((head + &lines, wrong.is_empty()))
}

fn compare(config: Option<&Config>, policies: &Policies, text: &str) -> Result<(usize, Vec<String>), String> {
    let file: DecisionFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (name, person) in &file.who {
        if let (Person::Told(told), Some(config)) = (person, config) {
            told.suppose(config, NOW).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    if file.decisions.is_empty() {
        return Err("expected at least one decision".to_owned());
    }
    let door =
        config.map(|config| Ok::<_, String>(Door { config, policies, tuples: tuples(config, &file.relations)? }));
    let answers = Answers { door: door.transpose()?, policies, routes: file.routes(config)?, who: &file.who };
    let mut wrong = Vec::new();
    for expected in &file.decisions {
        let called = expected.called();
        let found = answers.decide(expected).map_err(|why| format!("{called}: {why}"))?;
        if !expected.is_met_by(&found) {
            let by = expected.by.is_some().then_some(found.by.as_slice());
            let because = expected.because.is_some().then_some(found.because);
            let found = shown(found.outcome, because, by);
            wrong.push(format!("{called}: expected {}, found {found}", expected.shown()));
        }
    }
    Ok((file.decisions.len(), wrong))
}

impl DecisionFile {
    fn routes(&self, config: Option<&Config>) -> Result<Routes, String> {
        let known = config.filter(|_| self.routes.is_empty());
        let known = known.map(|config| config.routes.routes().iter().map(|route| route.name.clone()).collect());
        Routes::parse(&known.unwrap_or_else(|| self.routes.clone()))
    }
}

/// What there is to answer by.
struct Answers<'a> {
    door: Option<Door<'a>>,
    policies: &'a Policies,
    routes: Routes,
    who: &'a BTreeMap<String, Person>,
}

impl Answers<'_> {
    fn decide(&self, expected: &Expected) -> Result<Found, String> {
        let context = &expected.context;
        match (expected.who.as_deref(), expected.request.as_deref(), &expected.evaluation) {
            (None, None, Some(body)) => Ok(Question::of_service(body)?.decide(self.set()?).into()),
            (Some(who), Some(request), None) => match self.who.get(who) {
                Some(Person::Seen(seen)) => {
                    let asked = Asked::of(request, context, expected.tenant.as_deref(), &expected.facts);
                    Ok(Question::of_request(seen, &asked, &self.routes)?.decide(self.set()?).into())
                }
                Some(Person::Told(told)) => Ok(self.door()?.decide(Some(told), request, context)?.into()),
                None if who == NOBODY => Ok(self.door()?.decide(None, request, context)?.into()),
                None => Err(format!("`{who}` is not among `who`, nor `{NOBODY}`")),
            },
            _ => Err("expected `who` and `request`, or `evaluation` alone".to_owned()),
        }
    }

    fn door(&self) -> Result<&Door<'_>, String> {
        let without = "who is told of by `provider` or `issuer` is known to a configuration alone: expected `--config`, or \
                       `subject` and what else policies see";
        self.door.as_ref().ok_or_else(|| without.to_owned())
    }

    fn set(&self) -> Result<&PolicySet, String> {
        self.policies.set().ok_or_else(|| "there are no policies to ask".to_owned())
    }
}

impl From<PolicyDecision> for Found {
    fn from(decision: PolicyDecision) -> Self {
        let outcome = match decision.verdict {
            PolicyVerdict::Allow => "allow",
            PolicyVerdict::Deny(_) => "deny",
            PolicyVerdict::StepUp(_) => "step_up",
        };
        Self { outcome, because: decision.verdict.code(), by: decision.policies }
    }
}

impl From<Explanation> for Found {
    fn from(verdict: Explanation) -> Self {
        Self { outcome: verdict.outcome, because: verdict.because, by: verdict.policies }
    }
}

impl Expected {
    /// What it is about, in a few words.
    fn called(&self) -> String {
        let named = self.description.clone();
        named.unwrap_or_else(|| match (&self.who, &self.request) {
            (Some(who), Some(request)) => format!("{who}, {request}"),
            _ => "an evaluation".to_owned(),
        })
    }

    fn is_met_by(&self, found: &Found) -> bool {
        let same = |by: &Vec<String>| {
            let mut by = by.clone();
            by.sort();
            by == found.by
        };
        self.expect == found.outcome
            && self.because.as_ref().is_none_or(|why| why == found.because)
            && self.by.as_ref().is_none_or(same)
    }

    fn shown(&self) -> String {
        shown(&self.expect, self.because.as_deref(), self.by.as_deref())
    }
}

fn shown(outcome: &str, because: Option<&str>, by: Option<&[String]>) -> String {
    let because = because.map_or_else(String::new, |why| format!(" because {why}"));
    let by = by.map_or_else(String::new, |by| match by {
        [] => " by none".to_owned(),
        by => format!(" by {}", by.join(", ")),
    });
    format!("{outcome}{because}{by}")
}

/// The tuples of a list, each as an administrator would write it.
///
/// # Errors
/// At the first that is none, or says nothing in the configured model.
fn tuples(config: &Config, texts: &[String]) -> Result<MemoryTuples, String> {
    let read = |text: &String| {
        let tuple = relation::tuple(text, &|id| config.named_issuer(id)).map_err(|why| match why {
            Misnamed::Unreadable => format!("expected {TUPLE}, found `{text}`"),
            Misnamed::Issuer => format!("`{text}`: expected people by the id of a provider or issuer"),
        })?;
        let admitted = config.relations.admit(&tuple).map(|()| tuple);
        admitted.map_err(|_| format!("`{text}` says nothing in `RELATIONS`"))
    };
    texts.iter().map(read).collect()
}

impl Door<'_> {
    /// Nobody is let in by this: it only says what would be decided.
    fn decide(&self, who: Option<&Who>, request: &str, context: &Context) -> Result<Explanation, String> {
        let now = context.now()?.unwrap_or(NOW);
        let supposed = who.map(|who| who.suppose(self.config, now)).transpose()?;
        Ok(match explain::read(self.config, supposed.as_ref(), request, now)? {
            Reading::Case(case) => {
                let (verdict, facts) = case.decide_with(&self.config.relations, &self.tuples);
                self.policies.decide(&case, context, (verdict, &facts))
            }
            Reading::Refused(verdict) => verdict,
        })
    }
}
