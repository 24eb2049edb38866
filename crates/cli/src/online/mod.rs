//! `postern check --online`: what providers publish about themselves, held against the configuration. It is read by the
//! Worker's own code, so that what the Worker would refuse is refused here.

mod answers;
mod fapi;
mod keys;
mod provider;
mod token_issuer;
mod workload;

use std::collections::BTreeSet;

use postern::config::{Config, Issuer, Problem};
use postern::oidc::metadata::MetadataError;
use serde_json::{Map, Value};

use super::report::Warning;
use answers::Reply;
pub(super) use answers::{Answers, wanted};

/// The clocks of servers may differ by this much before tokens are refused (`postern::claims::LEEWAY`).
const TOLERATED_SECONDS: i64 = postern::claims::LEEWAY.get() as i64;

/// What came of it.
#[derive(Default)]
pub(super) struct Findings {
    /// What will not work.
    pub(super) problems: Vec<Problem>,
    /// What may not, and what is lost.
    pub(super) warnings: Vec<Warning>,
    /// What was read, in a line each.
    pub(super) read: Vec<String>,
    /// The URLs without an answer: nothing else counts until they have one.
    pub(super) wanted: BTreeSet<String>,
}

/// Holds what providers and issuers publish against the configuration of each site.
pub(super) fn examine(configs: &[&Config], answers: &Answers) -> Findings {
    let mut found = Findings::default();
    for config in configs {
        let mut examiner = Examiner { config, answers, found: &mut found };
        for provider in &config.providers {
            provider::examine(&mut examiner, provider);
        }
        for issuer in &config.issuers {
            token_issuer::examine(&mut examiner, issuer);
        }
        for service in &config.services {
            token_issuer::examine_service(&mut examiner, service);
        }
        for platform in &config.workloads {
            workload::examine(&mut examiner, platform);
        }
    }
    found
}

/// Examines one site.
struct Examiner<'a> {
    config: &'a Config,
    answers: &'a Answers,
    found: &'a mut Findings,
}

impl<'a> Examiner<'a> {
    /// What does not work, at `path` of the site's variables.
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.found.problems.push(Problem { path: self.config.site.binding(path), message: message.into() });
    }

    /// `text` begins with the path, in backticks.
    fn warning(&mut self, text: String) {
        self.found.warnings.push(Warning { site: self.config.site.clone(), text });
    }

    fn read(&mut self, line: String) {
        let site = self.config.site.id().map_or_else(String::new, |id| format!("site {id}: "));
        self.found.read.push(site + &line);
    }

    /// The body of the 200 answer at `url`, which the setting at `path` leads to.
    fn body(&mut self, path: &str, url: &str) -> Option<&'a str> {
        let Some(reply) = self.answers.get(url) else {
            self.found.wanted.insert(url.to_owned());
            return None;
        };
        match why_not(reply) {
            None => {
                self.clock(path, url, reply);
                Some(&reply.body)
            }
            Some(why) => {
                self.problem(path, format!("`{url}` cannot be read: {why}"));
                None
            }
        }
    }

    /// Tokens carry the time of their maker's clock.
    fn clock(&mut self, path: &str, url: &str, reply: &Reply) {
        let Some(ahead) = reply.ahead.filter(|ahead| ahead.abs() > TOLERATED_SECONDS) else { return };
        let (word, seconds) = (if ahead > 0 { "ahead of" } else { "behind" }, ahead.abs());
        self.warning(format!(
            "`{path}`: the clock at `{url}` is {seconds} s {word} this machine's. If that one is wrong, its tokens are refused as not yet or no longer valid"
        ));
    }
}

/// Why an answer is none.
fn why_not(reply: &Reply) -> Option<String> {
    if let Some(failure) = reply.failed {
        return Some(failure.text().to_owned());
    }
    let to =
        reply.location.as_ref().map_or_else(String::new, |url| format!(" to `{url}`, and redirects are not followed"));
    match reply.status {
        200 => None,
        300..=399 => Some(format!("it redirects{to}")),
        404 => Some("the answer is 404, there is no such document".to_owned()),
        status => Some(format!("the answer is {status}")),
    }
}

/// Why metadata is not used, in words for who configures it.
fn unusable(error: &MetadataError, issuer: &Issuer) -> String {
    match error {
        MetadataError::NotJson(error) => format!("its metadata is no JSON object: {error}"),
        MetadataError::IssuerMismatch(Some(there)) => another_issuer(issuer.as_str(), there),
        MetadataError::IssuerMismatch(None) => "its metadata has no `issuer`".to_owned(),
        MetadataError::Missing(name) => format!("its metadata has no `{name}`, which is needed"),
        MetadataError::EndpointRefused(name) => {
            format!("its metadata names a `{name}` that is not used: expected an https URL at a public address")
        }
        MetadataError::NoS256 => {
            "it offers PKCE, and not with `S256` (`code_challenge_methods_supported`), which every sign-in uses"
                .to_owned()
        }
    }
}

/// What is wrong with an issuer that its own metadata calls otherwise.
fn another_issuer(here: &str, there: &str) -> String {
    let hint = if there.strip_suffix('/') == Some(here) {
        " (a slash at the end): write it so"
    } else if here.strip_suffix('/') == Some(there) {
        " (no slash at the end): write it so"
    } else if there.contains('{') {
        ", a pattern for every tenant: write the issuer of yours, or use `preset = \"entra-multitenant\"`"
    } else if there.starts_with("https://sts.windows.net/") {
        ", that of Entra's older endpoint: write `https://login.microsoftonline.com/TENANT-ID/v2.0`"
    } else {
        ", and the two must be alike to the letter"
    };
    format!("`issuer` is `{there}` there{hint}")
}

/// What a document lists under a name; `None` where it says nothing.
fn listed<'a>(document: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    let list = document.get(name)?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// Names in backticks.
fn shown(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
