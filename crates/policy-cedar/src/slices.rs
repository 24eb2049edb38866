//! The policies of a version by what their scope asks for. Most are about another route, or for a role that whoever asks
//! does not have: their scope does not hold, whatever else they say, so nobody need put the question to them.

use std::collections::HashMap;

use cedar_policy::{Policy, PrincipalConstraint, ResourceConstraint};

use super::schema::Names;

/// All policies of a version, each in one slice.
#[derive(Debug, Default)]
pub(super) struct Slices {
    for_anybody: ByRoute,
    by_role: HashMap<String, ByRoute>,
}

#[derive(Debug, Default)]
struct ByRoute {
    of_any: Option<cedar_policy::PolicySet>,
    of_one: HashMap<String, cedar_policy::PolicySet>,
}

impl Slices {
    /// # Errors
    /// When two have one name: why, for the log.
    pub(super) fn new(policies: &[Policy], names: &Names) -> Result<Self, String> {
        let mut slices = Self::default();
        for policy in policies {
            slices.slice(policy, names).add(policy.clone()).map_err(|error| error.to_string())?;
        }
        Ok(slices)
    }

    fn slice(&mut self, policy: &Policy, names: &Names) -> &mut cedar_policy::PolicySet {
        let by_route = match role(policy, names) {
            Some(role) => self.by_role.entry(role).or_default(),
            None => &mut self.for_anybody,
        };
        match route(policy, names) {
            Some(route) => by_route.of_one.entry(route).or_default(),
            None => by_route.of_any.get_or_insert_default(),
        }
    }

    /// Those whose scope may hold for who has these roles, at this route; that they are told apart by nothing else is
    /// theirs to find out. A role that is named twice brings its slices twice.
    pub(super) fn about<'a>(
        &'a self,
        roles: &'a [String],
        route: &'a str,
    ) -> impl Iterator<Item = &'a cedar_policy::PolicySet> {
        let by_role = roles.iter().filter_map(|role| self.by_role.get(role));
        let slices = std::iter::once(&self.for_anybody).chain(by_role);
        slices.flat_map(move |slices| slices.of_any.iter().chain(slices.of_one.get(route)))
    }
}

/// The role that the scope asks for. Whoever asks is in the roles that they have and no others, for roles are in none.
fn role(policy: &Policy, names: &Names) -> Option<String> {
    match policy.principal_constraint() {
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => names.as_role(&uid).map(str::to_owned),
        PrincipalConstraint::Any | PrincipalConstraint::Eq(_) | PrincipalConstraint::Is(_) => None,
    }
}

/// The route that the scope asks for. What is asked for is in the route that answers, and in no other.
fn route(policy: &Policy, names: &Names) -> Option<String> {
    match policy.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => names.as_route(&uid).map(str::to_owned),
        ResourceConstraint::Any | ResourceConstraint::Eq(_) | ResourceConstraint::Is(_) => None,
    }
}
