//! Door 2: a [`Principal`] and a route's requirements → a [`Decision`]. It sees no credentials, and
//! every list of reasons to allow ends in deny.

pub mod kind;
pub mod origin;
pub mod roles;
pub mod scopes;

use crate::authn::Principal;
use crate::route::{Access, Route};

/// May they?
#[derive(Debug)]
pub enum Decision {
    /// Yes.
    Allow(Permit),
    /// No.
    Deny(Denial),
}

/// The proof that door 2 let a request through; forwarding takes it by value. Only this module makes one.
///
/// ```compile_fail
/// let forged = postern::authz::Permit(());
/// ```
#[derive(Debug)]
pub struct Permit(());

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The route is for somebody, and this is nobody: not a question for this door.
    Anonymous,
    /// These required scopes were not granted.
    Scopes(Vec<String>),
    /// The identity comes from a provider that the route does not take.
    Provider,
    /// The identity comes from an issuer that the route does not take.
    Issuer,
    /// The identity is of a kind that the route does not take.
    Kind,
    /// The identity has none of the roles that the route takes.
    Roles,
}

impl Denial {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Anonymous => "authz.anonymous",
            Self::Scopes(_) => "authz.insufficient_scope",
            Self::Provider => "authz.provider_not_accepted",
            Self::Issuer => "authz.issuer_not_accepted",
            Self::Kind => "authz.kind_not_accepted",
            Self::Roles => "authz.role_missing",
        }
    }
}

/// Decides (R-193): pure, synchronous, and the same for the same input.
#[must_use]
pub fn authorize(principal: Option<&Principal>, route: &Route) -> Decision {
    let guard = match (&route.access, principal) {
        (Access::Public, _) => return Decision::Allow(Permit(())),
        (Access::Guarded(_), None) => return Decision::Deny(Denial::Anonymous),
        (Access::Guarded(guard), Some(principal)) => (guard, principal),
    };
    let (guard, principal) = guard;
    let verdicts = [
        origin::decide(principal.origin(), &guard.requirements),
        kind::decide(principal.kind(), &guard.requirements.kinds),
        roles::decide(principal.roles(), &guard.requirements.roles),
        scopes::decide(principal.scopes(), &guard.requirements.scopes),
    ];
    match verdicts.into_iter().find_map(Result::err) {
        Some(denial) => Decision::Deny(denial),
        None => Decision::Allow(Permit(())),
    }
}

#[cfg(test)]
mod tests;
