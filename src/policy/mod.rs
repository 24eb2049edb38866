//! Policies: who asks, for what and in what surroundings → allow, deny or step up, and which policies say so.
//!
//! A [`Bundle`] is the files of one version; a [`PolicyEngine`] makes it [`CompiledPolicies`], which are asked.
//! [`Policies`] keeps an isolate at the version that is published. Nothing here knows the language that policies are
//! written in: the engine does. A gateway without an engine has no policies.

mod bundle;
mod decision;
mod engine;
mod input;
mod names;
mod problem;
mod remote;
mod shadow;
mod step_up;
mod versions;

pub use bundle::{Bundle, Version};
pub use decision::{Cause, Failure, NearMiss, Part, PolicyDecision, PolicyVerdict};
pub use engine::{Compiled, CompiledPolicies, PolicyEngine, Readiness};
pub use input::{
    CallFacts, ContextFacts, HeldPermissions, ManagementInput, PolicyInput, PrincipalFacts, ResourceFacts,
};
pub use names::{KnownNames, KnownRoute, UnknownName, unknown_names};
pub use problem::{PolicyProblem, position};
pub use remote::{EngineLine, EngineService, RemoteEngine};
pub use shadow::{Difference, difference};
pub use step_up::PolicyStepUp;
pub use versions::{
    ABSENT_AFTER, Loaded, PULL_AFTER, Pointer, Policies, PolicyStanding, PullError, Pulled, VERSIONS, pointer_key,
    version_key,
};
