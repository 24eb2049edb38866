//! Policies at hand, asked as the Worker asks them where a route wants that.

use std::path::PathBuf;

use postern::config::Config;
use postern::explain::{Case, Context};
use postern_policy_cedar::PolicySet;

use super::{Answer, Explanation};

/// The policies of the files that were named; none where none were.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    set: Option<PolicySet>,
}

impl Policies {
    /// Reads them; the other answer tells what is wrong with them, for this site.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn load(paths: &[PathBuf], config: &Config) -> Result<Result<Self, Answer>, String> {
        if paths.is_empty() {
            return Ok(Ok(Self::default()));
        }
        Ok(crate::policy::load_for(paths, config)?.map(Self::of))
    }

    /// These.
    pub(crate) fn of(set: PolicySet) -> Self {
        Self { set: Some(set) }
    }

    /// They, where there are any.
    pub(super) fn set(&self) -> Option<&PolicySet> {
        self.set.as_ref()
    }

    /// How many, and which version.
    pub(crate) fn summary(&self) -> Option<String> {
        self.set.as_ref().map(|set| format!("\n{} policies, version {}\n", set.len(), set.version()))
    }

    /// What the configuration says, and then they where they are asked; where there are none, that they are to be.
    pub(super) fn decide(
        &self,
        case: &Case<'_>,
        context: &Context,
        (verdict, facts): (Explanation, &[String]),
    ) -> Explanation {
        let peer = context.peer();
        match (&self.set, case.for_policies(&peer, facts)) {
            (Some(set), Some(input)) if verdict.because == Explanation::TO_BE_ASKED => {
                verdict.with_policies(set.decide(&input)).with_nearest(|| set.nearest(&input))
            }
            _ => verdict,
        }
    }
}
