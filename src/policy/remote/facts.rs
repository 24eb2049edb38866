//! What is known of a request, as it is sent: borrowed where it is asked, owned where it is answered.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json_text;
use crate::authn::{Actor, AuthenticationFacts};
use crate::config::Roles;
use crate::http::{Method, Peer};
use crate::ids::owner::Owner;
use crate::ids::principal_kind::PrincipalKind;
use crate::policy::input::{
    CallFacts, ContextFacts, HeldPermissions, ManagementInput, PolicyInput, PrincipalFacts, ResourceFacts,
};
use crate::time::Timestamp;

type Text<'a> = Cow<'a, str>;
type Texts<'a> = Cow<'a, [String]>;

/// [`PolicyInput`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestMessage<'a> {
    principal: PrincipalMessage<'a>,
    method: Text<'a>,
    route: Text<'a>,
    path: Text<'a>,
    params: Cow<'a, [(String, String)]>,
    tenant: Option<Text<'a>>,
    call: Option<CallMessage<'a>>,
    context: ContextMessage<'a>,
}

/// [`CallFacts`].
#[derive(Debug, Serialize, Deserialize)]
struct CallMessage<'a> {
    method: Text<'a>,
    name: Option<Text<'a>>,
    #[serde(with = "json_text")]
    arguments: Cow<'a, Map<String, Value>>,
}

/// [`ManagementInput`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ManagementMessage<'a> {
    principal: PrincipalMessage<'a>,
    action: Text<'a>,
    administrators: Vec<(Text<'a>, Text<'a>)>,
    context: ContextMessage<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PrincipalMessage<'a> {
    kind: PrincipalKind,
    issuer: Text<'a>,
    subject: Text<'a>,
    client: Option<Text<'a>>,
    tenant: Option<Text<'a>>,
    roles: Texts<'a>,
    scopes: Texts<'a>,
    /// The permissions that the issuer names.
    stated: Texts<'a>,
    /// What their roles grant.
    granted: Vec<Text<'a>>,
    #[serde(with = "json_text")]
    claims: Cow<'a, Map<String, Value>>,
    actor: Option<Cow<'a, Actor>>,
    key_id: Option<Text<'a>>,
    owner: Option<Cow<'a, Owner>>,
    authentication: Cow<'a, AuthenticationFacts>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ContextMessage<'a> {
    now: Timestamp,
    peer: Cow<'a, Peer>,
    relations: Texts<'a>,
}

/// What the roles of a principal grant, as if it were one role.
struct Granted {
    held: [String; 1],
    roles: Roles,
}

impl<'a> RequestMessage<'a> {
    pub(super) fn of(input: &PolicyInput<'a>) -> Self {
        let PolicyInput { principal, method, resource, call, context } = input;
        Self {
            principal: PrincipalMessage::of(principal),
            method: Cow::Borrowed(method.as_str()),
            route: Cow::Borrowed(resource.route),
            path: Cow::Borrowed(resource.path),
            params: Cow::Borrowed(resource.params),
            tenant: resource.tenant.map(Cow::Borrowed),
            call: call.as_ref().map(CallMessage::of),
            context: ContextMessage::of(context),
        }
    }

    /// What `answer` makes of it; `None` where it is none that [`RequestMessage::of`] makes.
    pub(super) fn with<T>(&self, answer: impl FnOnce(&PolicyInput<'_>) -> T) -> Option<T> {
        let granted = self.principal.granted()?;
        let resource = ResourceFacts {
            route: &self.route,
            path: &self.path,
            params: &self.params,
            tenant: self.tenant.as_deref(),
        };
        let (principal, context) = (self.principal.facts(&granted), self.context.facts());
        let method = &Method::from_bytes(self.method.as_bytes()).ok()?;
        let call = self.call.as_ref().map(CallMessage::facts);
        Some(answer(&PolicyInput { principal, method, resource, call, context }))
    }
}

impl<'a> ManagementMessage<'a> {
    pub(super) fn of(input: &ManagementInput<'a>) -> Self {
        let ManagementInput { principal, action, administrators, context } = input;
        let administrators = administrators.iter();
        Self {
            principal: PrincipalMessage::of(principal),
            action: Cow::Borrowed(action),
            administrators: administrators.map(|one| (Cow::Borrowed(one.0), Cow::Borrowed(one.1))).collect(),
            context: ContextMessage::of(context),
        }
    }

    /// The same as [`RequestMessage::with`].
    pub(super) fn with<T>(&self, answer: impl FnOnce(&ManagementInput<'_>) -> T) -> Option<T> {
        let granted = self.principal.granted()?;
        let administrators: Vec<(&str, &str)> = self.administrators.iter().map(|(a, b)| (&**a, &**b)).collect();
        let (principal, context) = (self.principal.facts(&granted), self.context.facts());
        Some(answer(&ManagementInput { principal, action: &self.action, administrators: &administrators, context }))
    }
}

impl<'a> CallMessage<'a> {
    fn of(facts: &CallFacts<'a>) -> Self {
        Self {
            method: Cow::Borrowed(facts.method),
            name: facts.name.map(Cow::Borrowed),
            arguments: facts.arguments.map_or_else(Cow::default, Cow::Borrowed),
        }
    }

    fn facts(&self) -> CallFacts<'_> {
        CallFacts { method: &self.method, name: self.name.as_deref(), arguments: Some(&self.arguments) }
    }
}

impl<'a> PrincipalMessage<'a> {
    fn of(facts: &PrincipalFacts<'a>) -> Self {
        let HeldPermissions { stated, roles, granted } = facts.permissions;
        Self {
            kind: facts.kind,
            issuer: Cow::Borrowed(facts.issuer),
            subject: Cow::Borrowed(facts.subject),
            client: facts.client.map(Cow::Borrowed),
            tenant: facts.tenant.map(Cow::Borrowed),
            roles: Cow::Borrowed(facts.roles),
            scopes: Cow::Borrowed(facts.scopes),
            stated: Cow::Borrowed(stated),
            granted: granted.granted(roles).map(Cow::Borrowed).collect(),
            claims: Cow::Borrowed(facts.claims),
            actor: facts.actor.map(Cow::Borrowed),
            key_id: facts.key_id.map(Cow::Borrowed),
            owner: facts.owner.map(Cow::Borrowed),
            authentication: Cow::Borrowed(facts.authentication),
        }
    }

    fn granted(&self) -> Option<Granted> {
        let grants: Vec<&str> = self.granted.iter().map(|grant| &**grant).collect();
        let role = String::new();
        Some(Granted { roles: Roles::of(&[(&role, &grants)])?, held: [role] })
    }

    fn facts<'b>(&'b self, granted: &'b Granted) -> PrincipalFacts<'b> {
        let permissions = HeldPermissions { stated: &self.stated, roles: &granted.held, granted: &granted.roles };
        PrincipalFacts {
            kind: self.kind,
            issuer: &self.issuer,
            subject: &self.subject,
            client: self.client.as_deref(),
            tenant: self.tenant.as_deref(),
            roles: &self.roles,
            scopes: &self.scopes,
            permissions,
            claims: &self.claims,
            actor: self.actor.as_deref(),
            key_id: self.key_id.as_deref(),
            owner: self.owner.as_deref(),
            authentication: &self.authentication,
        }
    }
}

impl<'a> ContextMessage<'a> {
    const fn of(facts: &ContextFacts<'a>) -> Self {
        let ContextFacts { now, peer, relations } = *facts;
        Self { now, peer: Cow::Borrowed(peer), relations: Cow::Borrowed(relations) }
    }

    fn facts(&self) -> ContextFacts<'_> {
        ContextFacts { now: self.now, peer: &self.peer, relations: &self.relations }
    }
}
