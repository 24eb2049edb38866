//! What reads policies and decides by them. The core knows none: who builds the Worker hands one in, or leaves it out.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::Pin;
use std::rc::Rc;

use super::bundle::{Bundle, Version};
use super::decision::{NearMiss, PolicyDecision};
use super::input::{ManagementInput, PolicyInput};
use super::names::{KnownNames, UnknownName};
use super::problem::PolicyProblem;
use crate::authzen::Evaluation;

/// The policies of one version that hold up, or everything that is wrong with them.
pub type Compiled = Result<Rc<dyn CompiledPolicies>, Vec<PolicyProblem>>;

/// Comes when an engine can be asked.
pub type Readiness<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A language of policies: the files of a version → policies that can be asked.
pub trait PolicyEngine: Debug {
    /// To be waited for before anything else is asked of it: what it is made of may have to be had first.
    fn ready(&self) -> Readiness<'_> {
        Box::pin(std::future::ready(()))
    }

    /// Reads all files and checks them, strictly.
    ///
    /// # Errors
    /// Everything that is wrong with them, by place.
    fn parse(&self, bundle: &Bundle) -> Compiled;

    /// Reads files that [`PolicyEngine::parse`] of an engine with the same [`PolicyEngine::version`] has accepted
    /// before. It may skip what that has checked.
    ///
    /// # Errors
    /// Whatever is still noticed.
    fn parse_checked(&self, bundle: &Bundle) -> Compiled;

    /// What in files that hold up names something that is not there ([`super::unknown_names`]): no file that policies are
    /// published from has such. Of nothing in particular, it is only what is wrong in every deployment.
    fn unknown_names(&self, bundle: &Bundle, known: Option<&KnownNames>) -> Vec<UnknownName>;

    /// The policy about management that is part of every deployment: those whom the configuration names may do
    /// everything.
    ///
    /// # Errors
    /// When the engine gives no answer: a test reads the policy.
    fn built_in(&self) -> Compiled;

    /// The name of all that policies are checked by: with another schema, or another release of the engine, it is
    /// another one. `None` when the engine gives no answer.
    fn version(&self) -> Option<Version>;
}

/// The policies of one version. A decision is pure: the same question has the same answer.
///
/// If no policy permits a request, it is denied. If one forbids it, it is denied, whatever else permits it. If a policy
/// for it cannot be evaluated, it is denied.
pub trait CompiledPolicies: Debug {
    /// The version that this is.
    fn version(&self) -> &Version;

    /// Decides about a request for a route.
    fn decide(&self, input: &PolicyInput<'_>) -> PolicyDecision;

    /// Where nothing permits the request: the policies that come nearest to it.
    fn nearest(&self, input: &PolicyInput<'_>) -> Vec<NearMiss>;

    /// Decides about what a service asks.
    fn evaluate(&self, evaluation: &Evaluation) -> PolicyDecision;

    /// Decides about management, by the policies whose scope says that they are about it.
    fn decide_management(&self, input: &ManagementInput<'_>) -> PolicyDecision;

    /// The policies about management, each as it is written; `None` when the engine gives no answer.
    fn managing(&self) -> Option<BTreeSet<String>>;

    /// Decides once about a made-up caller, beside the requests: the first decision of a version takes longest, and no
    /// caller should wait for that.
    fn rehearse(&self);
}
