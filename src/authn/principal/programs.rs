//! Principals of programs that come without a token: by an API key of ours, or by a client certificate.

use std::rc::Rc;

use serde_json::Map;

use super::{AuthenticationFacts, Principal, PrincipalSource};
use crate::api_key::KeyHolder;
use crate::authn::Means;
use crate::authn::access_token::AccessTokenClaims;
use crate::authn::workload::TrustGrant;
use crate::config::{WorkloadIssuer, principal_issuer};
use crate::ids::CertificateId;
use crate::ids::principal_kind::PrincipalKind;
use crate::session::Session;
use crate::time::Timestamp;

/// What is known of an API key that was proven.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    /// The public URL's origin: we issued the key ourselves.
    pub site: String,
    /// The public id, 16 hexadecimal digits.
    pub key_id: String,
    /// Whose it is.
    pub holder: KeyHolder,
    /// What it may do, already cut down to what its owner may.
    pub scopes: Vec<String>,
    /// The roles that it has, already cut down likewise.
    pub roles: Vec<String>,
    /// The permissions that it has, already cut down likewise.
    pub permissions: Vec<String>,
    /// The tenant of its owner.
    pub tenant: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is known of a client certificate that the platform verified and that a rule takes.
#[derive(Clone, Debug)]
pub struct CertificateFacts {
    /// The entry whose rule takes it.
    pub entry: CertificateId,
    /// The Subject Key Identifier of the authority that signed it, in lower-case hexadecimal.
    pub authority: String,
    /// The one attribute that the rule names, such as `dns:api.partner.example`.
    pub name: String,
    /// What the entry grants.
    pub scopes: Vec<String>,
    /// The roles that the entry gives.
    pub roles: Vec<String>,
    /// Until when the connection is relied on.
    pub expires_at: Timestamp,
}

/// What is known of a grant beside its record.
#[derive(Clone, Debug)]
pub struct GrantFacts {
    /// Its name in lists.
    pub id: String,
    /// The thumbprint of the key that was proven.
    pub jkt: Option<String>,
    /// When the access token ends.
    pub token_ends_at: Timestamp,
    /// Whether the route is for people too: there scopes are also the person's.
    pub beside_people: bool,
}

impl Principal {
    /// The agent that has this grant: it may what was granted to it, as far as the person may at present. `None` where
    /// the record is none of a grant.
    pub(in crate::authn) fn by_grant(session: Session, facts: GrantFacts) -> Option<Self> {
        let mut grant = *session.grant?;
        if facts.beside_people {
            grant.scopes.retain(|scope| session.scopes.contains(scope));
        }
        let origin = PrincipalSource::Grant { provider: session.provider, id: facts.id };
        let name = (session.issuer.into_string(), session.subject.into_string());
        let expires_at = grant.expires_at.min(facts.token_ends_at);
        let agent = program(Means::Agent, origin, name, (grant.scopes, expires_at));
        Some(Self {
            kind: PrincipalKind::Agent,
            client_id: Some(grant.client),
            actors: grant.actors,
            claims: session.claims,
            roles: session.roles,
            permissions: session.permissions,
            tenant: session.tenant,
            left_out: session.left_out,
            authentication: AuthenticationFacts { key: facts.jkt, second: None, ..agent.authentication },
            ..agent
        })
    }

    /// The program that has this token of a platform's, by the rules that trust it. What else the token says grants nothing.
    pub(in crate::authn) fn by_workload(
        issuer: &WorkloadIssuer,
        claims: &Rc<AccessTokenClaims>,
        granted: TrustGrant,
    ) -> Self {
        let origin = PrincipalSource::Issuer(issuer.id.clone());
        let name = (issuer.issuer.clone(), claims.subject().to_owned());
        Self {
            roles: granted.roles,
            token: Some(Rc::clone(claims)),
            ..program(Means::Workload, origin, name, (granted.scopes, claims.expires_at()))
        }
    }

    /// The program that has this API key. A person's key is no person: it is called by its own id.
    pub(crate) fn by_key(facts: KeyFacts) -> Self {
        let (subject, owner) = match facts.holder {
            KeyHolder::Person(owner) => (format!("key:{}", facts.key_id), Some(owner)),
            KeyHolder::Service(name) => (format!("service:{name}"), None),
        };
        Self {
            owner,
            roles: facts.roles,
            permissions: facts.permissions,
            tenant: facts.tenant,
            ..program(
                Means::Key,
                PrincipalSource::Key(facts.key_id),
                (facts.site, subject),
                (facts.scopes, facts.expires_at),
            )
        }
    }

    /// The program that has this client certificate.
    pub(crate) fn by_certificate(facts: CertificateFacts) -> Self {
        let issuer = principal_issuer(&facts.authority);
        let origin = PrincipalSource::Certificate(facts.entry);
        Self {
            roles: facts.roles,
            ..program(Means::Certificate, origin, (issuer, facts.name), (facts.scopes, facts.expires_at))
        }
    }
}

/// A service without roles and claims, that never signed in anywhere.
fn program(
    means: Means,
    origin: PrincipalSource,
    (issuer, subject): (String, String),
    (scopes, expires_at): (Vec<String>, Timestamp),
) -> Principal {
    Principal {
        kind: PrincipalKind::Service,
        issuer,
        subject,
        origin,
        client_id: None,
        owner: None,
        actors: Vec::new(),
        claims: Map::new(),
        scopes,
        roles: Vec::new(),
        permissions: Vec::new(),
        tenant: None,
        left_out: Vec::new(),
        token: None,
        authentication: AuthenticationFacts { means, key: None, time: None, acr: None, amr: Vec::new(), second: None },
        session: None,
        expires_at,
    }
}
