//! What would be decided: one question (`postern explain`), or a file of them with the answers expected
//! (`postern check --decisions`). The configuration, the mapping of claims and door 2 are the Worker's own; only that
//! somebody is who they are is supposed.

mod policies;

use std::collections::BTreeMap;

use postern::config::Config;
use postern::explain::{self, Context, Explanation, Reading, Who};
use postern::relation::{self, MemoryTuples, Misnamed, TUPLE};
use postern::time::Timestamp;
use serde::Deserialize;

use super::Answer;

pub(super) use policies::Policies;

/// When it is asked, unless the context says so: 2027-01-15T08:00:00Z, a Friday.
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// Who is nobody.
const NOBODY: &str = "nobody";

/// Questions with their answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Golden {
    #[serde(rename = "description")]
    _description: String,
    /// The tuples that there are.
    #[serde(default)]
    relations: Vec<String>,
    /// Who asks, by names of the file's own.
    who: BTreeMap<String, Who>,
    decisions: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    who: String,
    request: String,
    expect: String,
    because: Option<String>,
    /// The policies that decide, in any order; when left out, any may.
    by: Option<Vec<String>>,
    #[serde(default)]
    context: Context,
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
    let who: Who = serde_json::from_str(who).map_err(|error| format!("who: {error}"))?;
    door.decide(Some(&who), request, &context)
}

/// How many questions a file has, or every answer that is not as it expects.
///
/// # Errors
/// When the file, somebody in it or a request cannot be read.
pub(super) fn compare(config: &Config, policies: &Policies, text: &str) -> Result<(usize, Vec<String>), String> {
    let golden: Golden = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (name, who) in &golden.who {
        who.suppose(config, NOW).map_err(|why| format!("{name}: {why}"))?;
    }
    let door = Door { config, policies, tuples: tuples(config, &golden.relations)? };
    let mut wrong = Vec::new();
    for expected in &golden.decisions {
        let Expected { who, request, context, .. } = expected;
        let somebody = golden.who.get(who);
        if somebody.is_none() && who != NOBODY {
            return Err(format!("`{who}` is not among `who`, nor `{NOBODY}`"));
        }
        let verdict = door.decide(somebody, request, context)?;
        if !expected.is_met_by(&verdict) {
            let by = expected.by.is_some().then_some(verdict.policies.as_slice());
            let found = shown(verdict.outcome, Some(verdict.because), by);
            wrong.push(format!("{who}, {request}: expected {}, found {found}", expected.shown()));
        }
    }
    Ok((golden.decisions.len(), wrong))
}

impl Expected {
    fn is_met_by(&self, verdict: &Explanation) -> bool {
        let same = |by: &Vec<String>| {
            let mut by = by.clone();
            by.sort();
            by == verdict.policies
        };
        self.expect == verdict.outcome
            && self.because.as_ref().is_none_or(|why| why == verdict.because)
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
