//! What a policy is asked about, in our own words.

use serde_json::{Map, Value};

use crate::authn::{Actor, AuthenticationFacts, Principal};
use crate::config::Roles;
use crate::http::{Method, Peer};
use crate::ids::owner::Owner;
use crate::ids::principal_kind::PrincipalKind;
use crate::mcp::McpCall;
use crate::route::{Access, CanonicalPath, Matched};
use crate::time::Timestamp;

/// One question: may they do this, now and from there?
#[derive(Clone, Debug)]
pub struct PolicyInput<'a> {
    /// Who asks.
    pub principal: PrincipalFacts<'a>,
    /// The method of the request.
    pub method: &'a Method,
    /// What is asked for.
    pub resource: ResourceFacts<'a>,
    /// The message of the Model Context Protocol that the request is.
    pub call: Option<CallFacts<'a>>,
    /// The moment and the connection.
    pub context: ContextFacts<'a>,
}

/// What a message asks for, by its body.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The method.
    pub method: &'a str,
    /// The tool, prompt or resource.
    pub name: Option<&'a str>,
    /// The arguments.
    pub arguments: Option<&'a Map<String, Value>>,
}

impl<'a> CallFacts<'a> {
    /// That of a request, once it is read.
    #[must_use]
    pub fn of(call: &'a McpCall) -> Option<Self> {
        let message = call.message.as_ref()?;
        Some(Self { method: &message.method, name: message.name(), arguments: message.arguments() })
    }
}

/// One question: may they do this of management, now and from there?
#[derive(Clone, Debug)]
pub struct ManagementInput<'a> {
    /// Who asks.
    pub principal: PrincipalFacts<'a>,
    /// What they want to do, such as `sessions.list`.
    pub action: &'a str,
    /// Issuer and subject of everybody whom the configuration names.
    pub administrators: &'a [(&'a str, &'a str)],
    /// The moment and the connection.
    pub context: ContextFacts<'a>,
}

/// Who asks, as far as policies may know.
#[derive(Clone, Copy, Debug)]
pub struct PrincipalFacts<'a> {
    /// Person, service or agent.
    pub kind: PrincipalKind,
    /// The issuer that vouches for them.
    pub issuer: &'a str,
    /// What that issuer calls them.
    pub subject: &'a str,
    /// The program that got the token.
    pub client: Option<&'a str>,
    /// The tenant they belong to, by their session or token.
    pub tenant: Option<&'a str>,
    /// The roles that they have.
    pub roles: &'a [String],
    /// The scopes that were granted.
    pub scopes: &'a [String],
    /// The permissions that they have.
    pub permissions: HeldPermissions<'a>,
    /// All that their issuer says of them, as far as it is kept.
    pub claims: &'a Map<String, Value>,
    /// Who acts for them at present.
    pub actor: Option<&'a Actor>,
    /// The public id of the API key they came by.
    pub key_id: Option<&'a str>,
    /// The person whose API key it is.
    pub owner: Option<&'a Owner>,
    /// How they proved who they are.
    pub authentication: &'a AuthenticationFacts,
}

/// Permissions, by the word of the issuer or by a role that grants them.
#[derive(Clone, Copy, Debug)]
pub struct HeldPermissions<'a> {
    /// Those that the issuer names.
    pub stated: &'a [String],
    /// The roles.
    pub roles: &'a [String],
    /// What each role grants.
    pub granted: &'a Roles,
}

impl HeldPermissions<'_> {
    /// Whether a role grants the permission of this name.
    #[must_use]
    pub fn grants(&self, name: &str) -> bool {
        self.granted.grant(self.roles, name)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ResourceFacts<'a> {
    /// The name of the route that answers for it.
    pub route: &'a str,
    /// The canonical path.
    pub path: &'a str,
    /// The parameters of the path, decoded.
    pub params: &'a [(String, String)],
    /// The tenant whose it is, where the route says so.
    pub tenant: Option<&'a str>,
}

/// The moment and the connection.
#[derive(Clone, Copy, Debug)]
pub struct ContextFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// What the platform says of the caller.
    pub peer: &'a Peer,
    /// Those of the route's `facts` in which the principal stands, as the configuration writes them.
    pub relations: &'a [String],
}

impl<'a> ResourceFacts<'a> {
    /// What is at `path`, for somebody who meets the requirements of its route: where that binds a tenant, it is theirs.
    #[must_use]
    pub fn of(path: &'a CanonicalPath, matched: &'a Matched<'a>, principal: &'a Principal) -> Self {
        let binds = matches!(&matched.route.access, Access::Guarded(guard) if guard.requirements.tenant.is_some());
        Self {
            route: &matched.route.name,
            path: path.as_str(),
            params: &matched.params,
            tenant: principal.tenant().filter(|_| binds),
        }
    }
}

impl<'a> PrincipalFacts<'a> {
    /// What is known of them. `granted`: what each role grants here.
    #[must_use]
    pub fn of(principal: &'a Principal, granted: &'a Roles) -> Self {
        let permissions = HeldPermissions { stated: principal.permissions(), roles: principal.roles(), granted };
        Self {
            kind: principal.kind(),
            issuer: principal.issuer(),
            subject: principal.subject(),
            client: principal.client_id(),
            tenant: principal.tenant(),
            roles: principal.roles(),
            scopes: principal.scopes(),
            permissions,
            claims: principal.stated(),
            actor: principal.actors().first(),
            key_id: principal.key_id(),
            owner: principal.owner(),
            authentication: principal.authentication(),
        }
    }
}
