//! What reads policies and decides by them. The core knows none: who builds the Worker hands one in, or leaves it out.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::rc::Rc;

use super::bundle::{Bundle, Version};
use super::decision::{NearMiss, PolicyDecision};
use super::input::{ManagementInput, PolicyInput};
use super::names::KnownNames;
use super::problem::PolicyProblem;
use crate::authzen::Evaluation;

/// The policies of one version that hold up, or everything that is wrong with them.
pub type Compiled = Result<Rc<dyn CompiledPolicies>, Vec<PolicyProblem>>;

/// A language of policies: the files of a version → policies that can be asked.
pub trait PolicyEngine: Debug {
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

    /// What in files that hold up names something that is not there: no file that policies are published from has such.
    /// Of nothing in particular, it is only what is wrong in every deployment.
    fn unknown_names(&self, bundle: &Bundle, known: Option<&KnownNames<'_>>) -> Vec<PolicyProblem>;

    /// The policy about management that is part of every deployment: those whom the configuration names may do
    /// everything.
    ///
    /// # Errors
    /// Never: a test of the engine reads it.
    fn built_in(&self) -> Compiled;

    /// The name of all that policies are checked by: with another schema, or another release of the engine, it is
    /// another one.
    fn version(&self) -> Version;

    /// Reads some policies and decides by them once, before the first request: the first decision takes longest.
    /// Whether they allowed what they were asked.
    fn warm_up(&self) -> bool;
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

    /// The policies about management, each as it is written.
    fn managing(&self) -> BTreeSet<String>;

    /// Decides once about a made-up caller, beside the requests: the first decision of a version takes longest, and no
    /// caller should wait for that.
    fn rehearse(&self);
}
