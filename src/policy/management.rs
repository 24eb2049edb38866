//! Management by policies: the one that is built in, and those published whose scope says that they are about it.

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, ResourceConstraint};

use super::bundle::Bundle;
use super::input::{ContextFacts, PrincipalFacts};
use super::problem::Problem;
use super::set::PolicySet;

/// The schema of management, in Cedar's own notation; it goes on where [`super::SCHEMA`] ends.
pub const SCHEMA: &str = include_str!("management.cedarschema");

const BUILT_IN: &str = include_str!("management.cedar");

/// One question: may they do this of management, now and from there?
#[derive(Clone, Debug)]
pub struct ManagementInput<'a> {
    /// Who asks.
    pub principal: PrincipalFacts<'a>,
    /// What they want to do, such as `sessions.list`.
    pub action: &'a str,
    /// Issuer and subject of everybody whom the configuration names.
    pub administrators: &'a [(&'a str, &'a str)],
    /// The moment and the connection.
    pub context: ContextFacts<'a>,
}

/// The policy that is part of every deployment: those whom the configuration names may do everything.
///
/// # Errors
/// Never: a test reads it.
pub fn built_in() -> Result<PolicySet, Vec<Problem>> {
    let bundle = Bundle::new([("management.cedar".to_owned(), BUILT_IN.to_owned())].into());
    PolicySet::parse(&bundle.map_err(|problem| vec![problem])?)
}

/// Whether the policy's scope says that it is about management. A policy that is about everything is about requests for
/// routes alone: whoever permitted all of those did not mean to hand out the keys.
pub(super) fn is_about(policy: &Policy) -> bool {
    let is_type = |name: &EntityTypeName| name.basename() == "Management";
    let by_resource = match policy.resource_constraint() {
        ResourceConstraint::Any => false,
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) => is_type(uid.type_name()),
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => is_type(&name),
    };
    let by_action = match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(uid) => is_action(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is_action),
    };
    by_resource || by_action
}

/// Whether it is an action of management, or all of them.
fn is_action(uid: &EntityUid) -> bool {
    uid.id().unescaped() == "administer" || actions().any(|name| name == uid.id().unescaped())
}

/// The actions of management, as the schema lists them.
pub fn actions() -> impl Iterator<Item = &'static str> {
    let listed = SCHEMA.split_once("\naction\n").and_then(|(_, rest)| rest.split_once("\nin ")).map(|(list, _)| list);
    listed.unwrap_or_default().split(',').map(|name| name.trim().trim_matches('"'))
}
