//! Policies in Cedar: who asks, for what and in what surroundings → allow, deny or step up, and which policies say so.
//!
//! Services may ask about things that Postern knows nothing of, once a version declares them beside the schema
//! (`*.cedarschema`): [`PolicySet::evaluate`].
//!
//! A [`Bundle`] is the files of one version; [`PolicySet::parse`] makes it a set that has met the schema
//! ([`base.cedarschema`](SCHEMA)), and [`PolicySet::decide`] asks it. [`Policies`] keeps an isolate at the version
//! that is published. Nothing permits → deny; a `forbid` that holds → deny, whatever permits; a policy that cannot be
//! evaluated → deny.

mod bundle;
mod claims;
mod decision;
mod domain;
mod input;
mod limits;
mod management;
mod problem;
mod question;
mod reads;
mod schema;
mod set;
mod shadow;
mod slices;
mod step_up;
mod versions;
mod warm_up;

pub use bundle::{Bundle, Version};
pub use decision::{Cause, Failure, Part, PolicyDecision, Verdict};
pub use input::{ContextFacts, PolicyInput, PrincipalFacts, ResourceFacts};
pub use management::{ManagementInput, SCHEMA as MANAGEMENT_SCHEMA, actions as management_actions, built_in};
pub use problem::Problem;
pub use schema::SCHEMA;
pub use set::PolicySet;
pub use shadow::{Difference, difference};
pub use step_up::StepUp;
pub use versions::{
    ABSENT_AFTER, Loaded, PULL_AFTER, Pointer, Policies, PullError, Pulled, Standing, VERSIONS, pointer_key,
    version_key,
};

pub use warm_up::warm_up;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
