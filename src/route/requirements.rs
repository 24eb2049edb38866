//! What a route asks of an identity.

use serde_json::Value;

use crate::claims::path::ClaimPath;
use crate::ids::principal_kind::PrincipalKind;
use crate::ids::{CertificateId, IssuerId, ProviderId};
use crate::relation::Template;
use crate::time::Seconds;

/// What an identity must have; all of it. What is empty or `None` asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// `providers`: who came by a session signed in at one of these.
    pub providers: Vec<ProviderId>,
    /// `issuers`: who came by a token has it from one of these.
    pub issuers: Vec<IssuerId>,
    /// `certificates`: who came by a client certificate came by one of these entries.
    pub certificates: Vec<CertificateId>,
    /// `kinds`: the identity is of one of these kinds.
    pub kinds: Vec<PrincipalKind>,
    /// `in_person`: the identity is a person's, and nobody acts for them.
    pub in_person: bool,
    /// `tenant`: whoever vouches for the identity says that it belongs to this one.
    pub tenant: Option<Operand>,
    /// `roles`: the identity has one of these roles.
    pub roles: Vec<String>,
    /// `permissions`: the identity has each of these.
    pub permissions: Vec<Permission>,
    /// `scopes`: each of them must have been granted.
    pub scopes: Vec<String>,
    /// `any_scope`: one of them must have been granted. Who lacks them is told to ask for the first.
    pub any_scope: Vec<String>,
    /// `claims`: each of these holds.
    pub claims: Vec<ClaimRule>,
    /// `relations`: the identity stands in each of these relations to something.
    pub relations: Vec<Template>,
    /// `email_domain`: the identity has a verified e-mail address in one of these domains, in lower case.
    pub email_domain: Vec<String>,
    /// `acr`: the sign-in was of one of these classes.
    pub acr: Vec<String>,
    /// `amr`: each of these methods was used to sign in.
    pub amr: Vec<String>,
    /// `max_age`: how long ago the sign-in was at most.
    pub max_age: Option<Seconds>,
    /// `second`: how long ago the person proved a second factor of ours at most.
    pub second: Option<Seconds>,
    /// `SECOND.required_for`: people with one of these roles have proven one in this session, however long ago.
    pub second_for: Vec<String>,
    /// `device`: what ties the request to the device on which the session began.
    pub device: Option<DeviceRequirement>,
}

/// What ties a request to a device. A later one asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceRequirement {
    /// `bound`: its session is bound to one, which proved its key a short while ago.
    Bound,
    /// `now`: the browser proves the key for this very request.
    Now,
}

/// A permission that a route asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name: `read:orders`.
    pub name: String,
    /// The roles that grant it, by the table `ROLES`: worked out when the configuration is read, so that wildcards cost a
    /// request nothing.
    pub roles: Vec<String>,
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// Where it stands.
    pub path: ClaimPath,
    /// What must stand there.
    pub test: ClaimTest,
}

/// What must stand in a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimTest {
    /// This, of the same type.
    Equals(Operand),
    /// A list with this in it; or this by itself, as many issuers write a list of one.
    Contains(Operand),
}

/// What something is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A text, number or truth value.
    Value(Value),
    /// `{name}`: what the path of the request has for this parameter, percent-decoded.
    Parameter(String),
}

impl Requirements {
    /// The scopes that a token needs here: what a client is told to ask for.
    pub fn needed_scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().chain(self.any_scope.first()).map(String::as_str)
    }
}

impl Operand {
    /// Whether `value` is it, on a request with these path parameters.
    #[must_use]
    pub fn is(&self, value: &Value, params: &[(String, String)]) -> bool {
        match self {
            Self::Value(expected) => value == expected,
            Self::Parameter(name) => {
                let given = params.iter().find(|(known, _)| known == name).map(|(_, given)| given.as_str());
                // An empty one names nothing, whatever an issuer may say.
                given.is_some_and(|given| !given.is_empty() && value.as_str() == Some(given))
            }
        }
    }
}
