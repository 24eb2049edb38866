//! A file of cases with the decisions expected: what a deployment's own tests run.

use std::collections::BTreeMap;
use std::fmt::Write;

use postern::policy::PolicyDecision;
use postern_policy_cedar::PolicySet;
use serde::Deserialize;
use serde_json::Value;

use super::case::{Asked, Routes, Who};
use super::question::Question;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    /// The keys of the route tables that the cases are about.
    #[serde(default)]
    routes: Vec<String>,
    /// Who asks, by the name that cases call them.
    #[serde(default)]
    principals: BTreeMap<String, Who>,
    cases: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    description: String,
    principal: Option<String>,
    asked: Option<Asked>,
    /// Instead of the two: what a service would ask.
    evaluation: Option<Value>,
    expect: String,
    /// The policies that decide, in any order; when left out, any may.
    by: Option<Vec<String>>,
}

/// Decides every case of the file. Tells what came out otherwise, and whether nothing did.
///
/// # Errors
/// When the file is not one, or a case means nothing.
pub(super) fn check(set: &PolicySet, name: &str, text: &str) -> Result<(String, bool), String> {
    let golden: Golden = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
    let routes = Routes::parse(&golden.routes).map_err(|error| format!("{name}: {error}"))?;
    let mut account = String::new();
    let mut missed = 0;
    for case in &golden.cases {
        let failed = |error: String| format!("{name}: {}: {error}", case.description);
        let known = |name: &String| golden.principals.get(name).ok_or_else(|| failed("no such principal".to_owned()));
        let who = case.principal.as_ref().map(known).transpose()?;
        let question = Question::new((who, case.asked.as_ref()), case.evaluation.as_ref(), &routes);
        let decision = question.map_err(failed)?.decide(set);
        if !case.is_met_by(&decision) {
            missed += 1;
            let _ = writeln!(account, "  {}: expected {}, found {}", case.description, case.wanted(), shown(&decision));
        }
    }
    if golden.cases.is_empty() {
        return Err(format!("{name}: expected at least one case"));
    }
    let count = golden.cases.len();
    let head = match missed {
        0 => format!("{name}: {count} decisions, all as expected\n"),
        missed => format!("{name}: {missed} of {count} decisions otherwise\n\n"),
    };
    Ok((head + &account, missed == 0))
}

impl Expected {
    fn is_met_by(&self, decision: &PolicyDecision) -> bool {
        let same = |by: &Vec<String>| {
            let mut by = by.clone();
            by.sort();
            by == decision.policies
        };
        self.expect == decision.verdict.as_str() && self.by.as_ref().is_none_or(same)
    }

    fn wanted(&self) -> String {
        match &self.by {
            Some(by) => format!("{} by {}", self.expect, names(by)),
            None => self.expect.clone(),
        }
    }
}

fn shown(decision: &PolicyDecision) -> String {
    format!("{} by {}", decision.verdict.as_str(), names(&decision.policies))
}

fn names(policies: &[String]) -> String {
    if policies.is_empty() { "none".to_owned() } else { policies.join(", ") }
}
