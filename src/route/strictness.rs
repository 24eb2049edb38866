//! Whether one rule lets through nothing that another would refuse, as far as both say so themselves.

use super::{Access, ClaimRule, ClaimTest, Guard, Operand, Pattern, Permission, Requirements, Route};
use crate::limit::{Counter, Limit, RouteLimits};
use crate::relation::Template;
use crate::time::Seconds;

impl Route {
    /// Whether this rule is at least as strict as `other` for every method that both are for: whoever it lets through,
    /// `other` would let through too. `false` wherever that does not follow from the two rules alone.
    ///
    /// - **Access.** Nothing is weaker than a public rule. Of two guarded ones, `authenticate` names no way that the other
    ///   does not take, and `revocation` is no longer.
    /// - **Requirements.** Each of the other's is among its own, or follows from one: of a list of which one entry will do, it
    ///   has no further entries; of a list of which each counts, it has them all. A parameter of the path counts as
    ///   the same where it has the same name and stands at the same place.
    /// - **Policies.** They may look at the path and at the rule, so nothing is known to be as strict as a rule that asks
    ///   them.
    /// - **Limits.** It has a limit of each kind that the other has, for no more requests, and counted no less exactly.
    /// - **Messages.** Where the other looks at the messages of a protocol, it does so by the same rules.
    /// - **Other origins.** It opens nothing to pages elsewhere, or the very same.
    #[must_use]
    pub fn is_as_strict_as(&self, other: &Self) -> bool {
        let access = match (&self.access, &other.access) {
            (_, Access::Public) => true,
            (Access::Public, Access::Guarded(_)) => false,
            (Access::Guarded(own), Access::Guarded(theirs)) => {
                Both { own: &self.pattern, theirs: &other.pattern }.guards(own, theirs)
            }
        };
        let mcp = other.mcp.is_none() || self.mcp == other.mcp;
        access && mcp && limits(&self.limits, &other.limits) && (self.cors.is_none() || self.cors == other.cors)
    }
}

/// The patterns of two rules: by them it is known whether both mean the same by a parameter.
struct Both<'a> {
    own: &'a Pattern,
    theirs: &'a Pattern,
}

impl Both<'_> {
    fn guards(&self, own: &Guard, theirs: &Guard) -> bool {
        let staleness = |guard: &Guard| guard.revocation.unwrap_or(Seconds::new(0));
        own.authenticate.iter().all(|way| theirs.authenticate.contains(way))
            && staleness(own) <= staleness(theirs)
            && !theirs.policy
            && self.requirements(&own.requirements, &theirs.requirements)
    }

    fn requirements(&self, own: &Requirements, theirs: &Requirements) -> bool {
        // No field is left out: a new one does not compile until it is compared.
        let Requirements {
            providers,
            issuers,
            certificates,
            kinds,
            in_person,
            tenant,
            roles,
            permissions,
            scopes,
            any_scope,
            claims,
            relations,
            email_domain,
            acr,
            amr,
            max_age,
            second,
            second_for,
            device,
        } = theirs;
        let same_tenant = |tenant: &Operand| own.tenant.as_ref().is_some_and(|own| self.operands(own, tenant));
        let has_claim = |rule: &ClaimRule| own.claims.iter().any(|own| self.claims(own, rule));
        let has_relation = |template: &Template| own.relations.iter().any(|own| self.templates(own, template));
        let has_permission = |permission: &Permission| own.permissions.contains(permission);
        any_of(&own.providers, providers)
            && any_of(&own.issuers, issuers)
            && any_of(&own.certificates, certificates)
            && any_of(&own.kinds, kinds)
            && (own.in_person || !in_person)
            && tenant.as_ref().is_none_or(same_tenant)
            && any_of(&own.roles, roles)
            && permissions.iter().all(has_permission)
            && scopes.iter().all(|scope| own.scopes.contains(scope))
            && (any_of(&own.any_scope, any_scope) || any_scope.iter().any(|scope| own.scopes.contains(scope)))
            && claims.iter().all(has_claim)
            && relations.iter().all(has_relation)
            && any_of(&own.email_domain, email_domain)
            && any_of(&own.acr, acr)
            && amr.iter().all(|method| own.amr.contains(method))
            && max_age.is_none_or(|theirs| own.max_age.is_some_and(|own| own <= theirs))
            && second.is_none_or(|theirs| own.second.is_some_and(|own| own <= theirs))
            && second_for.iter().all(|role| own.second.is_some() || own.second_for.contains(role))
            && *device <= own.device
    }

    fn claims(&self, own: &ClaimRule, theirs: &ClaimRule) -> bool {
        own.path == theirs.path
            && match (&own.test, &theirs.test) {
                (ClaimTest::Equals(own), ClaimTest::Equals(theirs))
                | (ClaimTest::Contains(own), ClaimTest::Contains(theirs)) => self.operands(own, theirs),
                _ => false,
            }
    }

    fn operands(&self, own: &Operand, theirs: &Operand) -> bool {
        match theirs {
            Operand::Value(_) => own == theirs,
            Operand::Parameter(name) => own == theirs && self.parameters(name),
        }
    }

    fn templates(&self, own: &Template, theirs: &Template) -> bool {
        own == theirs && theirs.parameters().all(|name| self.parameters(name))
    }

    /// Whether this parameter is the same segment of a path in both.
    fn parameters(&self, name: &str) -> bool {
        let place = self.own.place_of(name);
        place.is_some() && place == self.theirs.place_of(name)
    }
}

/// Of lists of which one entry will do, and of which an empty one asks nothing.
fn any_of<T: PartialEq>(own: &[T], theirs: &[T]) -> bool {
    theirs.is_empty() || (!own.is_empty() && own.iter().all(|one| theirs.contains(one)))
}

fn limits(own: &RouteLimits, theirs: &RouteLimits) -> bool {
    let pairs = [(&own.address, &theirs.address), (&own.subject, &theirs.subject), (&own.route, &theirs.route)];
    pairs
        .into_iter()
        .all(|(own, theirs)| theirs.as_ref().is_none_or(|theirs| own.as_ref().is_some_and(|own| limit(own, theirs))))
}

fn limit(own: &Limit, theirs: &Limit) -> bool {
    let rate =
        |one: &Limit, other: &Limit| u64::from(one.allowance.requests()) * u64::from(other.allowance.period().get());
    rate(own, theirs) <= rate(theirs, own)
        && own.allowance.burst() <= theirs.allowance.burst()
        && (own.counter == theirs.counter || own.counter == Counter::Object)
}

#[cfg(test)]
mod tests;
