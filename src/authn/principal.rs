//! Who is asking.

mod programs;

pub use programs::{CertificateFacts, GrantFacts, KeyFacts};

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::access_token::AccessTokenClaims;
use super::access_token::Actor;
use super::sender_constraint::{Means, Sender};
use crate::claims::path::ClaimPath;
use crate::claims::{is_believed, left_out, time};
use crate::config::TokenIssuer;
use crate::ids::owner::Owner;
use crate::ids::principal_kind::PrincipalKind;
use crate::ids::{CertificateId, IssuerId};
use crate::json::{said, texts};
use crate::oidc::token::scope_values;
use crate::session::device::{DeviceBinding, DeviceFacts};
use crate::session::message::{AccessToken, BoundToken};
use crate::session::second::SecondProof;
use crate::session::{Live, Session, SessionHandle, SessionTimeouts};
use crate::time::Timestamp;

/// A proven identity: always the pair (issuer, subject) and its kind, never an e-mail address (R-057, R-118). Only
/// this module makes one.
///
/// ```compile_fail
/// let forged = postern::authn::Principal { issuer: "https://op.example".into(), ..todo!() };
/// ```
#[derive(Clone, Debug)]
pub struct Principal {
    kind: PrincipalKind,
    issuer: String,
    subject: String,
    origin: PrincipalSource,
    client_id: Option<String>,
    owner: Option<Owner>,
    actors: Vec<Actor>,
    claims: Map<String, Value>,
    scopes: Vec<String>,
    roles: Vec<String>,
    permissions: Vec<String>,
    tenant: Option<String>,
    left_out: Vec<String>,
    token: Option<Rc<AccessTokenClaims>>,
    authentication: AuthenticationFacts,
    session: Option<SessionFacts>,
    expires_at: Timestamp,
}

/// By which entry of the configuration somebody came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalSource {
    /// Signed in with the provider of this id.
    Provider(String),
    /// With a token of the issuer of this id.
    Issuer(IssuerId),
    /// With the API key of this public id.
    Key(String),
    /// With a client certificate of the entry of this id.
    Certificate(CertificateId),
    /// By a grant of a person's, who signs in with the provider of this id; and the name of the grant in lists.
    Grant {
        /// The provider's id.
        provider: String,
        /// The grant's name in lists: no token can be made of it.
        id: String,
    },
}

/// When and how somebody was authenticated, as far as anybody says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationFacts {
    /// How they came to us.
    pub means: Means,
    /// The thumbprint (RFC 7638) of the key that they signed the request with, for [`Means::Dpop`].
    pub key: Option<String>,
    /// When the person proved themselves to the issuer.
    pub time: Option<Timestamp>,
    /// `acr`
    pub acr: Option<String>,
    /// `amr`
    pub amr: Vec<String>,
    /// A second factor of ours that the person proved in this session; a program's facts have none (R-345).
    pub second: Option<SecondProof>,
}

/// When and how the principal's session came to be, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionFacts {
    /// When it began.
    pub created_at: Timestamp,
    /// When the person proved themselves to the provider, as far as it says.
    pub authenticated_at: Option<Timestamp>,
    /// When it ends if nobody uses it.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// `acr` of the ID token.
    pub acr: Option<String>,
    /// `amr` of the ID token.
    pub amr: Vec<String>,
    /// What the request shows of the device that it is bound to, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceFacts>,
}

/// A person with a session, and what came with the proof.
#[derive(Debug)]
pub struct Authenticated {
    /// Who.
    pub principal: Principal,
    /// Their session.
    pub handle: SessionHandle,
    /// When the session began.
    pub created_at: Timestamp,
    /// Their access token, if it was asked for and is alive.
    pub access_token: Option<AccessToken>,
    /// The same with its key, where it is bound to one.
    pub bound_token: Option<BoundToken>,
    /// Whether it is missing only because the provider does not answer just now.
    pub provider_down: bool,
    /// Whether the cookie was made with an older key than the newest.
    pub has_old_key: bool,
    /// Whether it was made by the release before, in another form.
    pub has_old_form: bool,
    /// What binds the session to a device.
    pub device: Option<Box<DeviceBinding>>,
}

impl Authenticated {
    /// `shown`: what the request shows of the device, where the session is bound to one.
    pub(super) fn from_session(
        handle: SessionHandle,
        live: Live,
        clocks: SessionTimeouts,
        has_old_key: bool,
        shown: Option<DeviceFacts>,
    ) -> Self {
        let Live { mut session, access_token, bound_token, provider_down } = live;
        let device = session.device.take();
        let (created_at, has_old_form) = (session.created_at, handle.began_at.is_none());
        let handle = SessionHandle { began_at: Some(created_at), ..handle };
        let mut principal = Principal::of_session(session, clocks);
        if let Some(session) = &mut principal.session {
            session.device = shown;
        }
        Self {
            principal,
            handle,
            created_at,
            access_token,
            bound_token,
            provider_down,
            has_old_key,
            has_old_form,
            device,
        }
    }
}

impl Principal {
    /// Whoever has this session.
    pub(super) fn of_session(session: Session, clocks: SessionTimeouts) -> Self {
        let expires_at = session.expires_at(clocks);
        let facts = SessionFacts {
            created_at: session.created_at,
            authenticated_at: session.auth_time,
            idle_expires_at: session.idle_expires_at(clocks),
            expires_at,
            acr: session.acr.clone(),
            amr: session.amr.clone(),
            device: session
                .device
                .as_deref()
                .map(|device| DeviceFacts { bound_at: device.registered_at, proved_at: Some(device.proved_at) }),
        };
        Self {
            kind: PrincipalKind::Human,
            issuer: session.issuer.into_string(),
            subject: session.subject.into_string(),
            origin: PrincipalSource::Provider(session.provider),
            client_id: None,
            owner: None,
            actors: Vec::new(),
            claims: session.claims,
            scopes: session.scopes,
            roles: session.roles,
            permissions: session.permissions,
            tenant: session.tenant,
            left_out: session.left_out,
            token: None,
            authentication: AuthenticationFacts {
                means: Means::Session,
                key: None,
                time: session.auth_time,
                acr: session.acr,
                amr: session.amr,
                second: session.second,
            },
            session: Some(facts),
            expires_at,
        }
    }

    /// Whoever has a token of `issuer`'s that says this, and is its rightful sender.
    #[must_use]
    pub fn by_token(issuer: &TokenIssuer, claims: &Rc<AccessTokenClaims>, sender: &Sender) -> Self {
        let all = claims.claims();
        Self {
            kind: kind(issuer, claims),
            issuer: issuer.issuer.as_str().to_owned(),
            subject: claims.subject().to_owned(),
            origin: PrincipalSource::Issuer(issuer.id.clone()),
            client_id: claims.client_id().map(str::to_owned),
            owner: None,
            actors: claims.actors().to_vec(),
            claims: Map::new(),
            scopes: issuer.scopes.iter().flat_map(|path| scopes(path.find(all))).collect(),
            roles: ClaimPath::all_texts(&issuer.roles, all),
            permissions: ClaimPath::all_texts(&issuer.permissions, all),
            tenant: issuer.tenant.name(all),
            left_out: left_out(all),
            token: Some(Rc::clone(claims)),
            authentication: AuthenticationFacts {
                means: sender.means(),
                key: sender.jkt().map(str::to_owned),
                time: claims.auth_time(),
                acr: said(all, "acr").and_then(Value::as_str).map(str::to_owned),
                amr: strings(said(all, "amr")),
                second: None,
            },
            session: None,
            expires_at: claims.expires_at(),
        }
    }

    /// Person, service or agent.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The issuer that vouches for them.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What that issuer calls them.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// By which entry of the configuration they came.
    #[must_use]
    pub const fn origin(&self) -> &PrincipalSource {
        &self.origin
    }

    /// The id of the provider they signed in with, if they have a session; of an agent, the person's.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        match &self.origin {
            PrincipalSource::Provider(id) | PrincipalSource::Grant { provider: id, .. } => Some(id),
            PrincipalSource::Issuer(_) | PrincipalSource::Key(_) | PrincipalSource::Certificate(_) => None,
        }
    }

    /// The public id of the API key they came by, if it was one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match &self.origin {
            PrincipalSource::Key(id) => Some(id),
            PrincipalSource::Provider(_)
            | PrincipalSource::Issuer(_)
            | PrincipalSource::Certificate(_)
            | PrincipalSource::Grant { .. } => None,
        }
    }

    /// The name of the grant by which an agent acts for this person, if one does.
    #[must_use]
    pub fn grant_id(&self) -> Option<&str> {
        match &self.origin {
            PrincipalSource::Grant { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The kind of whoever the subject is: an agent that has a person's grant is called by the person's name.
    #[must_use]
    pub const fn kind_of_subject(&self) -> PrincipalKind {
        match self.origin {
            PrincipalSource::Grant { .. } => PrincipalKind::Human,
            _ => self.kind,
        }
    }

    /// Who knows the client by its id: the issuer of the token; of a grant we ourselves.
    #[must_use]
    pub fn client_issuer(&self) -> &str {
        let actor = self.actors.first().filter(|_| self.grant_id().is_some());
        actor.and_then(|actor| actor.issuer.as_deref()).unwrap_or(&self.issuer)
    }

    /// The person to whom the API key belongs, if it was one and is somebody's.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Whether this is a person who acts themselves: by a session, or by a token that was issued for them and that
    /// names no actor. A key, a certificate, a workload, a service or an agent never is.
    #[must_use]
    pub fn is_in_person(&self) -> bool {
        self.kind == PrincipalKind::Human && self.actors.is_empty() && self.authentication.means.can_be_a_persons()
    }

    /// When their token was issued, as far as it says.
    #[must_use]
    pub fn token_issued_at(&self) -> Option<Timestamp> {
        time(self.token.as_ref()?.claims(), "iat")
    }

    /// The program that got the token.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Who acts for them at present, and whom those act for in turn; empty when they act themselves.
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// The claims that the configuration keeps of a session.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// All that whoever vouches for them says of them: the claims of their token, or those that their session keeps.
    #[must_use]
    pub fn stated(&self) -> &Map<String, Value> {
        self.token.as_ref().map_or(&self.claims, |token| token.claims())
    }

    /// The scopes they were granted.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// What whoever vouches for them says that stands there: in the token, or in what the session keeps. An address or
    /// number that can be verified is none until it was (R-057).
    #[must_use]
    pub fn claim(&self, path: &ClaimPath) -> Option<&Value> {
        let all = self.stated();
        path.find(all).filter(|_| is_believed(all, &path.claim()))
    }

    /// The e-mail address, if it is verified (R-057).
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        let all = self.stated();
        all.get("email").filter(|_| is_believed(all, "email"))?.as_str()
    }

    /// What their issuer says they are.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The tenant that whoever vouches for them says they belong to; the request never says it (R-199).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The claims that whoever vouches for them has and left out: what they would say is not known.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What their issuer itself says they may, without what their roles grant.
    #[must_use]
    pub fn permissions(&self) -> &[String] {
        &self.permissions
    }

    /// How and when they were authenticated.
    #[must_use]
    pub const fn authentication(&self) -> &AuthenticationFacts {
        &self.authentication
    }

    /// Their session's clocks and authentication, if they came by one.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionFacts> {
        self.session.as_ref()
    }

    /// When the proof ends.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

#[cfg(test)]
impl Principal {
    /// The same from elsewhere.
    pub(crate) fn of_origin(self, origin: PrincipalSource) -> Self {
        Self { origin, ..self }
    }
}

/// R-118: a client's own token speaks for no person, however its id is spelt.
fn kind(issuer: &TokenIssuer, claims: &AccessTokenClaims) -> PrincipalKind {
    if issuer.kind == PrincipalKind::Human && claims.is_clients_own() { PrincipalKind::Service } else { issuer.kind }
}

/// Those of a text stand with a space between them (RFC 6749 §3.3), those of a list by themselves.
fn scopes(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => scope_values(text),
        other => strings(other),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.into_iter().flat_map(texts).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
