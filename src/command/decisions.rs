//! What would be decided: one question (`postern explain`), or a file of them with the answers expected
//! (`postern check --decisions`). The configuration, the mapping of claims and door 2 are the Worker's own; only that
//! somebody is who they are is supposed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::authn::supposed::Supposed;
use crate::config::Config;
use crate::explain::{self, Reading, Verdict, Who};
use crate::relation::{self, MemoryTuples, Misnamed, TUPLE};
use crate::time::Timestamp;

/// When it is asked. Only how long ago somebody signed in depends on it.
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
}

/// Answers one question. `who`: JSON as in a file; `request`: `GET /path`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn explain(config: &Config, tuples: &MemoryTuples, who: &str, request: &str) -> Result<Verdict, String> {
    if who == NOBODY {
        return decide((config, tuples), None, request);
    }
    let who: Who = serde_json::from_str(who).map_err(|error| format!("who: {error}"))?;
    decide((config, tuples), Some(&who.suppose(config, NOW)?), request)
}

/// How many questions a file has, or every answer that is not as it expects.
///
/// # Errors
/// When the file, somebody in it or a request cannot be read.
pub(super) fn compare(config: &Config, text: &str) -> Result<(usize, Vec<String>), String> {
    let golden: Golden = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut people = BTreeMap::new();
    for (name, who) in &golden.who {
        people.insert(name.as_str(), who.suppose(config, NOW).map_err(|why| format!("{name}: {why}"))?);
    }
    let tuples = tuples(config, &golden.relations)?;
    let mut wrong = Vec::new();
    for Expected { who, request, expect, because } in &golden.decisions {
        let somebody = people.get(who.as_str());
        if somebody.is_none() && who != NOBODY {
            return Err(format!("`{who}` is not among `who`, nor `{NOBODY}`"));
        }
        let verdict = decide((config, &tuples), somebody, request)?;
        let as_expected = verdict.outcome == expect && because.as_ref().is_none_or(|why| why == verdict.because);
        if !as_expected {
            let why = because.as_ref().map_or_else(String::new, |why| format!(" because {why}"));
            let found = format!("{} because {}", verdict.outcome, verdict.because);
            wrong.push(format!("{who}, {request}: expected {expect}{why}, found {found}"));
        }
    }
    Ok((golden.decisions.len(), wrong))
}

/// The tuples of a list, each as an administrator would write it.
///
/// # Errors
/// At the first that is none, or says nothing in the configured model.
pub(super) fn tuples(config: &Config, texts: &[String]) -> Result<MemoryTuples, String> {
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

/// Nobody is let in by this: it only says what would be decided.
fn decide(
    (config, tuples): (&Config, &MemoryTuples),
    who: Option<&Supposed>,
    request: &str,
) -> Result<Verdict, String> {
    Ok(match explain::read(config, who, request, NOW)? {
        Reading::Case(case) => case.decide_with(&config.relations, tuples),
        Reading::Refused(verdict) => verdict,
    })
}
