//! Door 2: a [`Principal`] and a route's requirements → a [`Decision`]. It sees no credentials, and
//! every list of reasons to allow ends in deny.

pub mod authentication;
pub mod claims;
pub mod device;
pub mod email_domain;
pub mod found;
mod identity;
pub mod in_person;
pub mod kind;
pub mod origin;
pub mod permissions;
pub mod relations;
pub mod roles;
pub mod scopes;
pub mod second;
pub mod tenant;

pub use device::DeviceShortfall;

use crate::authn::{AuthenticationFacts, Principal};
use crate::claims::SECOND_FACTOR_ACR;
use crate::route::{Access, Matched};
use crate::time::{Seconds, Timestamp};

/// May they?
#[derive(Debug)]
pub enum Decision {
    /// Yes.
    Allow(Permit),
    /// No.
    Deny(Denial),
    /// Not after the sign-in that they come by; after another, perhaps (RFC 9470).
    StepUp(StepUp),
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
    /// The client certificate is of an entry that the route does not take.
    Certificate,
    /// The identity is of a kind that the route does not take.
    Kind,
    /// Somebody else acts for the identity.
    ActedFor,
    /// The identity is a program's.
    NotAPerson,
    /// The identity belongs to another tenant, or to none.
    Tenant,
    /// The identity has none of the roles that the route takes.
    Roles,
    /// The identity does not have these permissions.
    Permissions(Vec<String>),
    /// The claim at this place does not say what it must.
    Claim(String),
    /// The identity has no verified e-mail address in the domains that the route takes.
    EmailDomain,
    /// These methods were not used to sign in.
    Methods(Vec<String>),
    /// The relation at the end is not there, or nobody can tell: for this reason.
    Relation(Box<Unmet>),
    /// The policies say no: for this reason, and these could not be evaluated.
    Policy(Box<Unmet>),
    /// The sign-in does not do, and its provider cannot be asked for one that does.
    Authentication(Shortfall),
    /// The session is not tied to its device as the route wants it.
    Device(DeviceShortfall),
}

/// Why a relation or the policies do not let a request through. Apart, for a [`Denial`] is handed on in many places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The name of the reason in the log.
    pub code: &'static str,
    /// The relation, or the policies that could not be evaluated.
    pub what: String,
}

/// What kind of sign-in a route wants in place of the one at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// Of one of these classes; of any when empty.
    pub acr_values: Vec<String>,
    /// This long ago at most.
    pub max_age: Option<Seconds>,
    /// What the one at hand lacks.
    pub shortfall: Shortfall,
}

/// What a sign-in lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// It is of no class that the route takes, or nobody says of which.
    Acr,
    /// Nobody says when it was.
    TimeUnknown,
    /// It was too long ago.
    TooOld,
    /// The person has proven no second factor of ours in this session.
    SecondMissing,
    /// They did, too long ago.
    SecondTooOld,
}

impl StepUp {
    /// What is wanted where a second factor of ours is, this long ago at most.
    #[must_use]
    pub fn to_second(max_age: Option<Seconds>, shortfall: Shortfall) -> Self {
        Self { acr_values: vec![SECOND_FACTOR_ACR.to_owned()], max_age, shortfall }
    }

    /// The parameters of a challenge that says what is wanted (RFC 9470 §3). No value holds a quote: the configuration
    /// allows none.
    #[must_use]
    pub fn challenge(&self) -> Vec<String> {
        let acr_values = Some(self.acr_values.join(" ")).filter(|values| !values.is_empty());
        let max_age = self.max_age.map(|max_age| max_age.get().to_string());
        let error = Some("insufficient_user_authentication".to_owned());
        let parameters = [("error", error), ("acr_values", acr_values), ("max_age", max_age)];
        parameters.into_iter().filter_map(|(name, value)| Some(format!(r#"{name}="{}""#, value?))).collect()
    }
}

impl Denial {
    /// [`Self::Relation`] for this reason.
    pub(crate) fn relation(code: &'static str, what: String) -> Self {
        Self::Relation(Box::new(Unmet { code, what }))
    }

    /// [`Self::Policy`] for this reason.
    pub(crate) fn policy(code: &'static str, what: String) -> Self {
        Self::Policy(Box::new(Unmet { code, what }))
    }

    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Anonymous => "authz.anonymous",
            Self::Scopes(_) => "authz.insufficient_scope",
            Self::Provider => "authz.provider_not_accepted",
            Self::Issuer => "authz.issuer_not_accepted",
            Self::Certificate => "authz.certificate_not_accepted",
            Self::Kind => "authz.kind_not_accepted",
            Self::ActedFor => "authz.acted_for",
            Self::NotAPerson => "authz.not_a_person",
            Self::Tenant => "authz.tenant_not_accepted",
            Self::Roles => "authz.role_missing",
            Self::Permissions(_) => "authz.permission_missing",
            Self::Claim(_) => "authz.claim_not_accepted",
            Self::EmailDomain => "authz.email_domain_not_accepted",
            Self::Methods(_) => "authz.amr_missing",
            Self::Relation(unmet) | Self::Policy(unmet) => unmet.code,
            Self::Authentication(shortfall) => shortfall.code(),
            Self::Device(shortfall) => shortfall.code(),
        }
    }

    /// What of the configuration was not met, where it is one of several: nothing of the caller's.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Scopes(missing) | Self::Permissions(missing) | Self::Methods(missing) => Some(missing.join(" ")),
            Self::Claim(asked) => Some(asked.clone()),
            Self::Relation(unmet) | Self::Policy(unmet) => Some(unmet.what.clone()).filter(|what| !what.is_empty()),
            _ => None,
        }
    }
}

impl Shortfall {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acr => "authz.acr_not_accepted",
            Self::TimeUnknown => "authz.auth_time_unknown",
            Self::TooOld => "authz.authentication_too_old",
            Self::SecondMissing => "authz.second_missing",
            Self::SecondTooOld => "authz.second_too_old",
        }
    }

    /// Whether a second factor of ours is what would mend it, and no sign-in at a provider.
    #[must_use]
    pub const fn is_of_second(self) -> bool {
        matches!(self, Self::SecondMissing | Self::SecondTooOld)
    }
}

/// Decides (R-193): pure, synchronous, and the same for the same input. Nobody is sent to sign in again for nothing: what
/// no sign-in can mend is refused first (R-123).
#[must_use]
pub fn authorize(principal: Option<&Principal>, matched: &Matched<'_>, now: Timestamp) -> Decision {
    let (guard, principal) = match (&matched.route.access, principal) {
        (Access::Public, _) => return Decision::Allow(Permit(())),
        (Access::Guarded(_), None) => return Decision::Deny(Denial::Anonymous),
        (Access::Guarded(guard), Some(principal)) => (guard, principal),
    };
    let (required, facts) = (&guard.requirements, sign_in(principal));
    if let Err(denial) = identity::decide(principal, required, &matched.params) {
        return Decision::Deny(denial);
    }
    if let Err(shortfall) = authentication::decide(facts, required, now) {
        // A program cannot sign in again, and nobody does it in its place. An agent is told, so that it can send the person
        // (R-312); that never makes it good for the agent itself.
        if facts.is_none() && principal.grant_id().is_none() {
            return Decision::Deny(Denial::Authentication(shortfall));
        }
        let (acr_values, max_age) = (required.acr.clone(), required.max_age);
        return Decision::StepUp(StepUp { acr_values, max_age, shortfall });
    }
    if let Err(denial) = authentication::decide_methods(facts, &required.amr) {
        return Decision::Deny(denial);
    }
    match second::decide(principal, required, now) {
        // Last: the browser proves the key for nothing that is refused for another reason.
        Ok(()) => match device::decide(principal, required.device, now) {
            Ok(()) => Decision::Allow(Permit(())),
            Err(denial) => Decision::Deny(denial),
        },
        // It is proven in a session. Whoever has none never has one (R-345); of an agent the same holds as above.
        Err(shortfall) if principal.session().is_none() && principal.grant_id().is_none() => {
            Decision::Deny(Denial::Authentication(shortfall))
        }
        Err(shortfall) => Decision::StepUp(StepUp::to_second(required.second, shortfall)),
    }
}

/// How somebody signed in, where that says anything of them: a person, who acts themselves.
fn sign_in(principal: &Principal) -> Option<&AuthenticationFacts> {
    principal.is_in_person().then(|| principal.authentication())
}

/// Every requirement of a guarded route that asks for something, and whether it is met: for those who ask why. All that
/// [`authorize`] asks, in its order; but it stops at the first that is not met.
#[must_use]
pub fn each(principal: &Principal, matched: &Matched<'_>, now: Timestamp) -> Vec<Finding> {
    let Access::Guarded(guard) = &matched.route.access else { return Vec::new() };
    let (required, facts) = (&guard.requirements, sign_in(principal));
    let mut findings = identity::each(principal, required, &matched.params);
    if !required.acr.is_empty() || required.max_age.is_some() {
        let decided = authentication::decide(facts, required, now).map_err(Denial::Authentication);
        findings.push(Finding::of("acr, max_age", decided));
    }
    if !required.amr.is_empty() {
        findings.push(Finding::of("amr", authentication::decide_methods(facts, &required.amr)));
    }
    if second::is_asked(principal, required) {
        let decided = second::decide(principal, required, now).map_err(Denial::Authentication);
        findings.push(Finding::of("second", decided));
    }
    if required.device.is_some() {
        findings.push(Finding::of("device", device::decide(principal, required.device, now)));
    }
    findings
}

/// One requirement, and whether it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its key in `require`.
    pub name: &'static str,
    /// Why it is not met; `None` when it is.
    pub reason: Option<&'static str>,
    /// What of it is not met.
    pub detail: Option<String>,
}

impl Finding {
    #[must_use]
    pub(crate) fn of(name: &'static str, decided: Result<(), Denial>) -> Self {
        let denial = decided.err();
        Self { name, reason: denial.as_ref().map(Denial::code), detail: denial.and_then(|denial| denial.detail()) }
    }

    /// Whether it is.
    #[must_use]
    pub const fn is_met(&self) -> bool {
        self.reason.is_none()
    }
}

#[cfg(test)]
pub(crate) mod tests;
