//! Policies at hand, asked as the Worker asks them where a route wants that.

use std::path::PathBuf;

use super::{Answer, Verdict};
use crate::config::Config;
use crate::explain::{Case, Context};
#[cfg(feature = "policies")]
use crate::policy::PolicySet;

/// The policies of the files that were named; none where none were.
#[derive(Debug, Default)]
pub(in crate::command) struct Policies {
    #[cfg(feature = "policies")]
    set: Option<PolicySet>,
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

    pub(super) fn decide(&self, _: &Case<'_>, _: &Context, (verdict, _): (Verdict, &[String])) -> Verdict {
        verdict
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

    /// What the configuration says, and then they where they are asked; where there are none, that they are to be.
    pub(super) fn decide(&self, case: &Case<'_>, context: &Context, (verdict, facts): (Verdict, &[String])) -> Verdict {
        let peer = context.peer();
        match (&self.set, case.for_policies(&peer, facts)) {
            (Some(set), Some(input)) if verdict.because == Verdict::TO_BE_ASKED => {
                verdict.with_policies(set.decide(&input))
            }
            _ => verdict,
        }
    }
}
