//! Who they are and what they may: what another sign-in of theirs would not change.

use super::{
    Denial, Finding, claims, email_domain, found, in_person, kind, origin, permissions, roles, scopes, tenant,
};
use crate::authn::Principal;
use crate::route::Requirements;

struct Asked<'a> {
    principal: &'a Principal,
    required: &'a Requirements,
    params: &'a [(String, String)],
}

struct Check {
    /// The key in `require`.
    name: &'static str,
    /// Whether a route asks for it at all.
    is_asked: fn(&Requirements) -> bool,
    decide: fn(&Asked<'_>) -> Result<(), Denial>,
}

/// Every check, in the order in which they are made.
const CHECKS: [Check; 10] = [
    Check {
        name: "providers, issuers, certificates",
        is_asked: origin::is_asked,
        decide: |asked| origin::decide(asked.principal, asked.required),
    },
    Check {
        name: "kinds",
        is_asked: |required| !required.kinds.is_empty(),
        decide: |asked| kind::decide(asked.principal.kind(), &asked.required.kinds),
    },
    Check {
        name: "in_person",
        is_asked: |required| required.in_person,
        decide: |asked| in_person::decide(asked.principal, asked.required.in_person),
    },
    Check {
        name: "tenant",
        is_asked: |required| required.tenant.is_some(),
        decide: |asked| tenant::decide(asked.principal.tenant(), asked.required.tenant.as_ref(), asked.params),
    },
    Check {
        name: "roles",
        is_asked: |required| !required.roles.is_empty(),
        decide: |asked| roles::decide(asked.principal.roles(), &asked.required.roles),
    },
    Check {
        name: "permissions",
        is_asked: |required| !required.permissions.is_empty(),
        decide: |Asked { principal, required, .. }| {
            permissions::decide(principal.permissions(), principal.roles(), &required.permissions)
        },
    },
    Check {
        name: "scopes",
        is_asked: |required| !required.scopes.is_empty(),
        decide: |asked| scopes::decide(asked.principal.scopes(), &asked.required.scopes),
    },
    Check {
        name: "any_scope",
        is_asked: |required| !required.any_scope.is_empty(),
        decide: |asked| scopes::decide_any(asked.principal.scopes(), &asked.required.any_scope),
    },
    Check {
        name: "claims",
        is_asked: |required| !required.claims.is_empty(),
        decide: |asked| claims::decide(asked.principal, &asked.required.claims, asked.params),
    },
    Check {
        name: "email_domain",
        is_asked: |required| !required.email_domain.is_empty(),
        decide: |asked| email_domain::decide(asked.principal.email(), &asked.required.email_domain),
    },
];

/// # Errors
/// The first check that fails.
pub(super) fn decide(
    principal: &Principal,
    required: &Requirements,
    params: &[(String, String)],
) -> Result<(), Denial> {
    let asked = Asked { principal, required, params };
    CHECKS.iter().try_for_each(|check| (check.decide)(&asked))
}

/// What each check says that the route asks for.
pub(super) fn each(principal: &Principal, required: &Requirements, params: &[(String, String)]) -> Vec<Finding> {
    let asked = Asked { principal, required, params };
    let checks = CHECKS.iter().filter(|check| (check.is_asked)(required));
    let finding = |check: &Check| {
        let decided = (check.decide)(&asked);
        let more = decided.as_ref().err().and_then(|denial| found::found(denial, principal, required));
        let finding = Finding::of(check.name, decided);
        Finding { detail: finding.detail.or(more), ..finding }
    };
    checks.map(finding).collect()
}
