//! A case as people write it → what policies are asked.

use serde::Deserialize;
use serde_json::{Map, Value};

use postern::authn::{Actor, AuthenticationFacts, Means};
use postern::config::{MOMENT, Roles, moment};
use postern::explain::{Certificate, Context, HypotheticalTls};
use postern::http::{Method, Peer};
use postern::ids::owner::Owner;
use postern::ids::principal_kind::PrincipalKind;
use postern::limit::RouteLimits;
use postern::mcp::{McpCall, McpMessage};
use postern::policy::{CallFacts, ContextFacts, HeldPermissions, PolicyInput, PrincipalFacts, ResourceFacts};
use postern::route::{Access, CanonicalPath, Methods, Paths, Pattern, RequestHeaders, Route, Router};
use postern::session::second::{SecondMethod, SecondProof};
use postern::time::Timestamp;

/// Who asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Who {
    #[serde(default = "human")]
    kind: String,
    issuer: String,
    subject: String,
    client: Option<String>,
    tenant: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    /// Those that they have, by whatever word.
    #[serde(default)]
    permissions: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    actor: Option<Acting>,
    /// The public id of their API key …
    key_id: Option<String>,
    /// … and the person whose it is.
    owner: Option<Owner>,
    #[serde(default)]
    authentication: Proof,
}

/// Who acts for them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    issuer: Option<String>,
    subject: String,
}

/// How they proved who they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    means: Option<String>,
    time: Option<String>,
    /// The thumbprint of the key that signed the request.
    key: Option<String>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    /// The second factor that they proved in the session.
    second: Option<Proven>,
}

/// A second factor, and when it was proven.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proven {
    /// `passkey`, `totp` or `recovery`.
    by: String,
    time: String,
}

/// What they ask for, when and from where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Such as `GET /api/orders/7`.
    request: String,
    time: String,
    tenant: Option<String>,
    address: Option<String>,
    country: Option<String>,
    user_agent: Option<String>,
    tls: Option<HypotheticalTls>,
    certificate: Option<Certificate>,
    /// Those of the route's `facts` that hold.
    #[serde(default)]
    relations: Vec<String>,
    /// The message of the Model Context Protocol that the request is.
    mcp: Option<SupposedCall>,
}

/// A message, as far as policies look at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SupposedCall {
    /// Such as `tools/call`.
    method: String,
    /// The tool, prompt or resource.
    name: Option<String>,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl SupposedCall {
    /// # Errors
    /// When it is no message of the protocol.
    fn read(&self) -> Result<McpCall, String> {
        let message = McpMessage::supposed(&self.method, self.name.as_deref(), &self.arguments);
        let message = message.map_err(|error| format!("`mcp`: {}", error.code()))?;
        Ok(McpCall { message: Some(message), needs: None })
    }
}

impl Asked {
    /// A request and its surroundings; a Friday where no time is said. `facts`: those of the route that hold.
    pub(crate) fn of(request: &str, context: &Context, tenant: Option<&str>, facts: &[String]) -> Self {
        let Context { time, address, country, user_agent, tls, certificate } = context.clone();
        Self {
            request: request.to_owned(),
            time: time.unwrap_or_else(|| "2027-01-15T08:00:00Z".to_owned()),
            tenant: tenant.map(str::to_owned),
            address,
            country,
            user_agent,
            tls,
            certificate,
            relations: facts.to_vec(),
            mcp: None,
        }
    }

    fn context(&self) -> Context {
        let Self { time, address, country, user_agent, tls, certificate, .. } = self.clone();
        Context { time: Some(time), address, country, user_agent, tls, certificate }
    }
}

/// The routes that may answer; what the cases of one file share.
#[derive(Debug)]
pub(crate) struct Routes(Router);

/// A case whose every part was understood.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    who: &'a Who,
    kind: PrincipalKind,
    actor: Option<Actor>,
    authentication: AuthenticationFacts,
    method: Method,
    path: CanonicalPath,
    route: String,
    params: Vec<(String, String)>,
    tenant: Option<&'a str>,
    relations: &'a [String],
    call: Option<McpCall>,
    now: Timestamp,
    peer: Peer,
    /// What roles grant is for a configuration to say.
    grants_nothing: Roles,
}

fn human() -> String {
    "human".to_owned()
}

impl Routes {
    /// Reads the keys of the configuration's route tables, such as `/api/orders/{id}` or `GET /api/orders`.
    pub(crate) fn parse(keys: &[String]) -> Result<Self, String> {
        let routes = keys.iter().map(|key| route(key)).collect::<Result<_, _>>()?;
        let clash = |conflicts: Vec<postern::route::Conflict>| {
            let pairs = conflicts.iter().map(|conflict| format!("`{}` and `{}`", conflict.with, conflict.route));
            format!("routes that would answer for the same requests: {}", pairs.collect::<Vec<_>>().join(", "))
        };
        Router::new(routes).map(Self).map_err(clash)
    }
}

fn route(key: &str) -> Result<Route, String> {
    let (method, pattern) = key.split_once(' ').map_or((None, key), |(method, pattern)| (Some(method), pattern));
    let pattern = Pattern::parse(pattern).map_err(|error| format!("route `{key}`: {error}"))?;
    let methods = method.map_or_else(|| Ok(Methods::all()), |method| Methods::parse([method]));
    let methods = methods.map_err(|name| format!("route `{key}`: no method `{name}`"))?;
    Ok(Route {
        name: key.to_owned(),
        pattern,
        methods,
        upstream: None,
        strip_prefix: None,
        access: Access::Public,
        cors: None,
        limits: RouteLimits::default(),
        security_headers: None,
        paths: Paths::Exact,
        request_headers: RequestHeaders::default(),
        websocket_buffer: 8,
        mcp: None,
    })
}

impl<'a> Case<'a> {
    /// # Errors
    /// The first part that means nothing.
    pub(super) fn new(who: &'a Who, asked: &'a Asked, routes: &Routes) -> Result<Self, String> {
        let (method, path) = asked.request.split_once(' ').ok_or("expected a request such as `GET /api/orders/7`")?;
        let method: Method = method.parse().map_err(|_| format!("no method `{method}`"))?;
        let path = CanonicalPath::parse(path).map_err(|error| format!("path `{path}`: {error}"))?;
        let matched = routes.0.find(&method, &path).map_err(|_| format!("no route answers `{}`", asked.request))?;
        Ok(Self {
            who,
            kind: named("kind", &who.kind, &PrincipalKind::NAMES)?,
            actor: who
                .actor
                .as_ref()
                .map(|acting| Actor { issuer: acting.issuer.clone(), subject: acting.subject.clone() }),
            authentication: proof(&who.authentication)?,
            method,
            route: matched.route.name.clone(),
            params: matched.params,
            path,
            tenant: asked.tenant.as_deref(),
            relations: &asked.relations,
            call: asked.mcp.as_ref().map(SupposedCall::read).transpose()?,
            now: time(&asked.time)?,
            peer: asked.context().peer(),
            grants_nothing: Roles::default(),
        })
    }

    /// The question.
    pub(super) fn input(&self) -> PolicyInput<'_> {
        PolicyInput {
            principal: PrincipalFacts {
                kind: self.kind,
                issuer: &self.who.issuer,
                subject: &self.who.subject,
                client: self.who.client.as_deref(),
                tenant: self.who.tenant.as_deref(),
                roles: &self.who.roles,
                scopes: &self.who.scopes,
                permissions: HeldPermissions {
                    stated: &self.who.permissions,
                    roles: &self.who.roles,
                    granted: &self.grants_nothing,
                },
                claims: &self.who.claims,
                actor: self.actor.as_ref(),
                key_id: self.who.key_id.as_deref(),
                owner: self.who.owner.as_ref(),
                authentication: &self.authentication,
            },
            method: &self.method,
            resource: ResourceFacts {
                route: &self.route,
                path: self.path.as_str(),
                params: &self.params,
                tenant: self.tenant,
            },
            call: self.call.as_ref().and_then(CallFacts::of),
            context: ContextFacts { now: self.now, peer: &self.peer, relations: self.relations },
        }
    }
}

fn proof(proof: &Proof) -> Result<AuthenticationFacts, String> {
    const MEANS: [(&str, Means); 8] = [
        ("session", Means::Session),
        ("bearer", Means::Bearer),
        ("dpop", Means::Dpop),
        ("mtls", Means::Mtls),
        ("key", Means::Key),
        ("certificate", Means::Certificate),
        ("workload", Means::Workload),
        ("agent", Means::Agent),
    ];
    Ok(AuthenticationFacts {
        means: named("means", proof.means.as_deref().unwrap_or("session"), &MEANS)?,
        time: proof.time.as_deref().map(time).transpose()?,
        key: proof.key.clone(),
        acr: proof.acr.clone(),
        amr: proof.amr.clone(),
        second: proof.second.as_ref().map(proven).transpose()?,
    })
}

fn proven(told: &Proven) -> Result<SecondProof, String> {
    let by = SecondMethod::named(&told.by).ok_or_else(|| format!("no second factor `{}`", told.by))?;
    Ok(SecondProof::new(time(&told.time)?, by))
}

fn named<T: Copy>(what: &str, name: &str, names: &[(&str, T)]) -> Result<T, String> {
    let known = names.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    known.ok_or_else(|| format!("no {what} `{name}`"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    moment(text).ok_or_else(|| format!("expected {MOMENT}, found `{text}`"))
}
