//! Policies and questions for tests.

use postern::authn::{Actor, AuthenticationFacts, Means};
use postern::config::Roles;
use postern::http::{ClientCertificate, Method, Peer, Tls};
use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::ids::owner::Owner;
use postern::ids::principal_kind::PrincipalKind;
use postern::mcp::{McpCall, McpMessage};
use postern::policy::{
    Bundle, CallFacts, ContextFacts, HeldPermissions, PolicyDecision, PolicyInput, PolicyProblem, PrincipalFacts,
    ResourceFacts,
};
use postern::time::Timestamp;
use serde_json::{Map, Value, json};

use super::PolicySet;

/// 2026-11-23T10:00:00Z, a Monday.
pub(crate) const MONDAY: i64 = 1_795_428_000;

/// Everything a question is made of, owned.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) kind: PrincipalKind,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) client: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) permissions: Vec<String>,
    pub(crate) granted: Roles,
    pub(crate) claims: Map<String, Value>,
    pub(crate) actor: Option<Actor>,
    pub(crate) key_id: Option<String>,
    pub(crate) owner: Option<Owner>,
    pub(crate) authentication: AuthenticationFacts,
    pub(crate) method: Method,
    pub(crate) route: String,
    pub(crate) path: String,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) now: i64,
    pub(crate) peer: Peer,
    pub(crate) call: Option<McpCall>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            kind: PrincipalKind::Human,
            issuer: "https://op.example".to_owned(),
            subject: "alice".to_owned(),
            client: None,
            tenant: None,
            roles: Vec::new(),
            scopes: Vec::new(),
            permissions: Vec::new(),
            granted: Roles::default(),
            claims: Map::new(),
            actor: None,
            key_id: None,
            owner: None,
            authentication: AuthenticationFacts {
                means: Means::Session,
                key: None,
                time: None,
                acr: None,
                amr: Vec::new(),
                second: None,
            },
            method: Method::GET,
            route: "/api/orders/{id}".to_owned(),
            path: "/api/orders/7".to_owned(),
            params: vec![("id".to_owned(), "7".to_owned())],
            now: MONDAY,
            peer: Peer::default(),
            call: None,
        }
    }
}

impl Asking {
    /// About a message of the Model Context Protocol.
    pub(crate) fn calling(method: &str, params: &Value) -> Self {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let message = Some(McpMessage::parse(&body, body.len(), false).unwrap());
        let (route, path) = ("/mcp".to_owned(), "/mcp".to_owned());
        let call = Some(McpCall { message, needs: None });
        Self { method: Method::POST, route, path, params: Vec::new(), call, ..Self::in_full() }
    }

    pub(crate) fn input(&self) -> PolicyInput<'_> {
        PolicyInput {
            principal: PrincipalFacts {
                kind: self.kind,
                issuer: &self.issuer,
                subject: &self.subject,
                client: self.client.as_deref(),
                tenant: self.tenant.as_deref(),
                roles: &self.roles,
                scopes: &self.scopes,
                permissions: HeldPermissions { stated: &self.permissions, roles: &self.roles, granted: &self.granted },
                claims: &self.claims,
                actor: self.actor.as_ref(),
                key_id: self.key_id.as_deref(),
                owner: self.owner.as_ref(),
                authentication: &self.authentication,
            },
            method: &self.method,
            resource: ResourceFacts {
                route: &self.route,
                path: &self.path,
                params: &self.params,
                tenant: self.tenant.as_deref(),
            },
            call: self.call.as_ref().and_then(CallFacts::of),
            context: ContextFacts { now: Timestamp::from_unix(self.now), peer: &self.peer, relations: &[] },
        }
    }

    /// Somebody of whom everything is known.
    pub(crate) fn in_full() -> Self {
        let claims = json!({
            "department": "sales", "clearance": 3, "groups": ["a", "b"], "realm_access": { "roles": ["x"] },
            "email": "alice@example.com", "email_verified": true,
        });
        Self {
            client: Some("app".to_owned()),
            tenant: Some("acme".to_owned()),
            roles: vec!["viewer".to_owned(), "editor".to_owned()],
            scopes: vec!["orders:read".to_owned()],
            permissions: vec!["orders:refund".to_owned()],
            granted: Roles::of(&[("viewer", &["read:*"]), ("stranger", &["write:orders"])]).unwrap(),
            claims: claims.as_object().cloned().unwrap(),
            actor: Some(Actor { issuer: None, subject: "robot".to_owned() }),
            key_id: Some("0011223344556677".to_owned()),
            owner: Some(owner("bob")),
            authentication: AuthenticationFacts {
                means: Means::Dpop,
                key: Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned()),
                time: Some(Timestamp::from_unix(MONDAY - 60)),
                acr: Some("gold".to_owned()),
                amr: vec!["pwd".to_owned(), "otp".to_owned()],
                second: None,
            },
            peer: Peer {
                address: Some("203.0.113.7".to_owned()),
                country: Some("DE".to_owned()),
                user_agent: Some("Example/1.0 (robot)".to_owned()),
                tls: Some(Tls { version: "TLSv1.3".to_owned(), cipher: "AEAD-AES128-GCM-SHA256".to_owned() }),
                certificate: Some(ClientCertificate {
                    presented: Some("1".to_owned()),
                    verified: Some("SUCCESS".to_owned()),
                    revoked: Some("0".to_owned()),
                    fingerprint_sha256: Some("ab".repeat(32)),
                    subject: Some("CN=laptop-7,O=Acme".to_owned()),
                    issuer: Some("CN=Devices,O=Acme".to_owned()),
                    serial: Some("1A2B".to_owned()),
                    ..ClientCertificate::default()
                }),
                ..Peer::default()
            },
            ..Self::default()
        }
    }
}

/// Somebody whose API key it is.
pub(crate) fn owner(subject: &str) -> Owner {
    let (issuer, subject) = (IssuerIdentifier::new("https://op.example"), SubjectIdentifier::new(subject));
    Owner { provider: "corp".to_owned(), issuer, subject }
}

pub(crate) fn bundle(text: &str) -> Bundle {
    Bundle::new([("a.cedar".to_owned(), text.to_owned())].into()).unwrap()
}

#[track_caller]
pub(crate) fn set(text: &str) -> PolicySet {
    PolicySet::parse(&bundle(text)).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
}

pub(crate) fn problems(text: &str) -> Vec<PolicyProblem> {
    PolicySet::parse(&bundle(text)).expect_err(text)
}

#[track_caller]
pub(crate) fn decide(text: &str, asking: &Asking) -> PolicyDecision {
    set(text).decide(&asking.input())
}

/// Whether a policy with this condition permits it.
#[track_caller]
pub(crate) fn holds(condition: &str, asking: &Asking) -> bool {
    decide(&format!("permit(principal, action, resource) when {{ {condition} }};"), asking).allows()
}
