//! Policies at hand, asked as the Worker asks them where a route wants that.

use std::path::PathBuf;

use super::context::Context;
use super::{Answer, Verdict};
use crate::authn::Principal;
use crate::config::Config;
use crate::http::Method;
#[cfg(feature = "policies")]
use crate::policy::{self, ContextFacts, PolicyInput, PolicySet, PrincipalFacts, ResourceFacts};
use crate::route::{CanonicalPath, Matched};
use crate::time::Timestamp;

/// The policies of the files that were named; none where none were.
#[derive(Debug, Default)]
pub(in crate::command) struct Policies {
    #[cfg(feature = "policies")]
    set: Option<PolicySet>,
}

/// What is asked of them.
#[cfg_attr(not(feature = "policies"), expect(dead_code, reason = "only policies look at it"))]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) method: &'a Method,
    pub(super) path: &'a CanonicalPath,
    pub(super) matched: &'a Matched<'a>,
    pub(super) now: Timestamp,
    pub(super) context: &'a Context,
}

#[cfg(not(feature = "policies"))]
impl Policies {
    /// # Errors
    /// When any are named.
    pub(in crate::command) fn load(paths: &[PathBuf], _: &Config) -> Result<Result<Self, Answer>, String> {
        if paths.is_empty() {
            return Ok(Ok(Self::default()));
        }
        Err("`--policies`: this build knows none, they are in those with the Cargo feature `policies`".to_owned())
    }

    pub(in crate::command) const fn summary(&self) -> Option<String> {
        None
    }

    pub(super) fn decide(&self, _: &Asked<'_>) -> Verdict {
        Verdict::new("allow", "policy.to_be_asked")
    }
}

#[cfg(feature = "policies")]
impl Policies {
    /// Reads them; the other answer tells what is wrong with them, for this site.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(in crate::command) fn load(paths: &[PathBuf], config: &Config) -> Result<Result<Self, Answer>, String> {
        if paths.is_empty() {
            return Ok(Ok(Self::default()));
        }
        Ok(crate::command::policy::load_for(paths, config)?.map(|set| Self { set: Some(set) }))
    }

    /// How many, and which version.
    pub(in crate::command) fn summary(&self) -> Option<String> {
        self.set.as_ref().map(|set| format!("\n{} policies, version {}\n", set.len(), set.version()))
    }

    /// What they say; where there are none, that they are to be asked.
    pub(super) fn decide(&self, asked: &Asked<'_>) -> Verdict {
        let Asked { principal, method, path, matched, now, context } = *asked;
        let Some(set) = &self.set else { return Verdict::new("allow", "policy.to_be_asked") };
        let peer = context.peer();
        let decision = set.decide(&PolicyInput {
            principal: PrincipalFacts::from(principal),
            method,
            resource: ResourceFacts::of(path, matched, principal),
            context: ContextFacts { now, peer: &peer },
        });
        let outcome = match decision.verdict {
            policy::Verdict::Allow => "allow",
            policy::Verdict::Deny(_) => "deny",
            policy::Verdict::StepUp(_) => "step_up",
        };
        let failed: Vec<String> =
            decision.failures.iter().map(|failed| format!("{} {}", failed.policy, failed.message)).collect();
        Verdict {
            detail: Some(failed.join("; ")).filter(|failed| !failed.is_empty()),
            policies: decision.policies,
            version: Some(decision.version.to_string()),
            ..Verdict::new(outcome, decision.verdict.code())
        }
    }
}
