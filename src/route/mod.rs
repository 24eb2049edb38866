//! Which rule answers for a request: one canonical path, matched and forwarded byte for byte.

mod browser_cache;
mod claim_header;
mod door;
mod literals;
mod methods;
mod path;
mod path_mapping;
mod pattern;
mod request_headers;
mod requirements;
mod router;
mod spelling;
mod strictness;
mod surroundings;
mod tree;

pub use browser_cache::BrowserCache;
pub use claim_header::{Claim, ClaimHeader, HeaderEncoding};
pub use methods::Methods;
pub use path::{CanonicalPath, PathError};
pub use path_mapping::PathMapping;
pub use pattern::{Pattern, PatternError};
pub use request_headers::{HeaderMask, RequestHeaders};
pub use requirements::{ClaimRule, ClaimTest, DeviceRequirement, Operand, Permission, Requirements};
pub use router::{Conflict, Matched, NoRoute, Router};
pub use surroundings::{Overridable, Surrounded, Unreachable};

use std::rc::Rc;

use crate::http::cors::Cors;
use crate::http::security_headers::SecurityHeaders;
use crate::ids::{IssuerId, ServiceId};
use crate::limit::RouteLimits;
use crate::mcp::McpRules;
use crate::relation::Template;
use crate::time::Seconds;

/// Postern's own paths lie at and below this. No rule ever answers for them, a wildcard's neither.
pub const OWN_PREFIX: &str = "/auth";

/// One rule: for which requests it is, where they go, and who may send them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The key of its table as written, for example `GET /api/orders/{id}`: the rule's name in logs.
    pub name: String,
    /// For which paths.
    pub pattern: Pattern,
    /// For which methods; holds HEAD with GET.
    pub methods: Methods,
    /// Where to. `None`: Postern sends nothing on, another proxy does that asks about it.
    pub upstream: Option<Upstream>,
    /// `strip_prefix`: the segments that the upstream does not see, with which the pattern begins. `None`: it sees all.
    pub strip_prefix: Option<String>,
    /// For whom.
    pub access: Access,
    /// Which pages of other origins may call it. `None`: those of none.
    pub cors: Option<Cors>,
    /// What the upstream's answers have besides their own headers. `None`: nothing.
    pub security_headers: Option<Rc<SecurityHeaders>>,
    /// How many requests it lets through.
    pub limits: RouteLimits,
    /// How its upstream reads paths.
    pub paths: Paths,
    /// Which of the caller's headers its upstream gets.
    pub request_headers: RequestHeaders,
    /// `websocket_buffer`: how much may wait in each direction of a WebSocket until its reader takes it, in MiB.
    pub websocket_buffer: u32,
    /// `mcp`: the rules for messages of the Model Context Protocol. `None`: its requests are no such messages.
    pub mcp: Option<Rc<McpRules>>,
}

/// What may wait where a route does not say.
pub const WEBSOCKET_BUFFER: u32 = 8;

/// `paths`: how an upstream reads the paths that it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paths {
    /// `loose`: perhaps without letter case, a slash at the end, or a format such as `.json`. What it could so take for
    /// what a stricter rule is for is refused.
    #[default]
    Loose,
    /// `exact`: letter by letter.
    Exact,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// `service:NAME`: the service binding of that name.
    Service(String),
    /// `https://host[:port]/base`: an origin, and what is put before the paths of requests there.
    Url {
        /// Without a slash at the end.
        origin: String,
        /// Whole segments, without a slash at the end; empty for none.
        base_path: String,
    },
    /// `assets`: the static assets binding.
    Assets,
}

/// Whom a route lets through. A token goes upstream only with someone it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone; nobody is asked who they are.
    Public,
    /// Who proves an identity and meets the requirements.
    Guarded(Box<Guard>),
}

impl Access {
    /// What the upstream gets to know the caller by, where callers are known.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Guarded(guard) => Some(&guard.token),
            Self::Public => None,
        }
    }
}

/// What a guarded route asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// `authenticate`: the accepted ways to prove an identity; never empty. Where a request presents an access token
    /// and tokens are accepted, that alone is judged.
    pub authenticate: Vec<Authentication>,
    /// `require`: what the identity must have. Default nothing beyond being one.
    pub requirements: Requirements,
    /// `policy`: whether the policies are asked as well, once the requirements are met.
    pub policy: bool,
    /// `facts`: the relations of which the policies are told whether the identity stands in them.
    pub facts: Vec<Template>,
    /// `token`: what the upstream gets to know the caller by.
    pub token: Token,
    /// `headers`: what else the upstream is told of the caller. Default nothing.
    pub headers: Vec<ClaimHeader>,
    /// `touch`: whether a request here extends the session's idle clock.
    pub touch: bool,
    /// `revocation`: how long an earlier answer about a session may be relied on here. Default not at all:
    /// every request asks the session's object.
    pub revocation: Option<Seconds>,
    /// `cache`: what a browser may keep of the answers. Default nothing; of static files all, to be revalidated.
    pub cache: BrowserCache,
}

/// A route with its guard: one that not everyone may use.
#[derive(Clone, Copy, Debug)]
pub struct GuardedRoute<'a> {
    /// The route.
    pub route: &'a Route,
    /// What it asks for.
    pub guard: &'a Guard,
}

/// A way to prove an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// `session`: Postern's session cookie.
    Session,
    /// `bearer`: an access token in `Authorization` (RFC 6750).
    Bearer,
    /// `workload`: a token that a platform gave to a program that runs there.
    Workload,
    /// `certificate`: the client certificate of the connection.
    Certificate,
    /// `key`: an API key of ours.
    Key,
    /// `agent`: a token of ours, by which a program acts for a person who granted it that.
    Agent,
}

impl Route {
    /// What its access tokens are for, as a path: that before the first parameter. `None` where it takes no tokens, neither
    /// of issuers nor of agents.
    ///
    /// Of `/api/orders/{id}` it is `/api/orders`: no issuer has heard of each single order.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        (self.token_guard().is_some() || self.takes_agents()).then(|| self.pattern.literal_prefix())
    }

    /// The other path that is `/` to the upstream, where the rule takes a prefix off: of `/app/` and `/app` the other one.
    pub(super) fn twin(&self, path: &CanonicalPath) -> Option<CanonicalPath> {
        let twin = match path.as_str().strip_prefix(self.strip_prefix.as_deref()?)? {
            "" => format!("{path}/"),
            "/" => path.as_str().trim_end_matches('/').to_owned(),
            _ => return None,
        };
        CanonicalPath::parse(&twin).ok()
    }

    /// What it asks of who comes. `None` where it is public.
    #[must_use]
    pub fn guard(&self) -> Option<&Guard> {
        match &self.access {
            Access::Guarded(guard) => Some(guard),
            Access::Public => None,
        }
    }

    /// What it asks of an access token. `None` where it takes none.
    #[must_use]
    pub fn token_guard(&self) -> Option<&Guard> {
        match &self.access {
            Access::Guarded(guard) if guard.takes_tokens() => Some(guard),
            _ => None,
        }
    }

    /// Whether it takes the tokens of agents.
    #[must_use]
    pub fn takes_agents(&self) -> bool {
        matches!(&self.access, Access::Guarded(guard) if guard.takes_agents())
    }

    /// The same rule for a message that needs these scopes too.
    #[must_use]
    pub fn needing(&self, scopes: &[String]) -> Self {
        let mut route = self.clone();
        if let Access::Guarded(guard) = &mut route.access {
            let required = &mut guard.requirements.scopes;
            let more: Vec<String> = scopes.iter().filter(|scope| !required.contains(scope)).cloned().collect();
            required.extend(more);
        }
        route
    }

    /// Whether its upstream gets what our own keys sign.
    #[must_use]
    pub fn asserts(&self) -> bool {
        matches!(&self.access, Access::Guarded(guard) if guard.token.is_signed())
    }

    /// The headers by which its upstream is told of the caller.
    #[must_use]
    pub fn claim_headers(&self) -> &[ClaimHeader] {
        match &self.access {
            Access::Guarded(guard) => &guard.headers,
            Access::Public => &[],
        }
    }
}

impl Guard {
    /// Whether a session is accepted here.
    #[must_use]
    pub fn takes_sessions(&self) -> bool {
        self.authenticate.contains(&Authentication::Session)
    }

    /// Whether tokens of that issuer's are accepted here, as far as their issuer goes.
    #[must_use]
    pub fn admits(&self, issuer: &IssuerId) -> bool {
        self.requirements.issuers.is_empty() || self.requirements.issuers.contains(issuer)
    }

    /// Whether the token of a program that a platform vouches for is accepted here.
    #[must_use]
    pub fn takes_workloads(&self) -> bool {
        self.authenticate.contains(&Authentication::Workload)
    }

    /// Whether a client certificate by itself is accepted here.
    #[must_use]
    pub fn takes_certificates(&self) -> bool {
        self.authenticate.contains(&Authentication::Certificate)
    }

    /// Whether an access token is accepted here.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.authenticate.contains(&Authentication::Bearer)
    }

    /// Whether an API key is accepted here.
    #[must_use]
    pub fn takes_keys(&self) -> bool {
        self.authenticate.contains(&Authentication::Key)
    }

    /// Whether an agent's token is accepted here.
    #[must_use]
    pub fn takes_agents(&self) -> bool {
        self.authenticate.contains(&Authentication::Agent)
    }

    /// Whether it goes by what stands in `Authorization`, or in a header in its place.
    #[must_use]
    pub fn goes_by_authorization(&self) -> bool {
        self.takes_tokens() || self.takes_keys() || self.takes_workloads() || self.takes_agents()
    }
}

/// What the upstream gets to know the caller by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Token {
    /// `none`
    #[default]
    None,
    /// `relay`: the caller's access token, as `Authorization: Bearer`: the session's, or the one presented.
    Relay,
    /// `dpop`: the session's access token as `Authorization: DPoP`, with a proof by the key that it is bound to.
    Dpop,
    /// `assertion`: a short JWT of Postern's own for this upstream, as `X-Postern-Assertion`.
    Assertion,
    /// `txn`: a transaction token for this request alone, as `Txn-Token`.
    Txn,
    /// `service:ID`: a token of Postern's own, by that entry of `SERVICES`; and neither token nor cookie of the caller.
    Service(ServiceId),
}

impl Token {
    /// The entry of `SERVICES`, where it is a token of our own.
    #[must_use]
    pub const fn service(&self) -> Option<&ServiceId> {
        match self {
            Self::Service(id) => Some(id),
            Self::None | Self::Relay | Self::Dpop | Self::Assertion | Self::Txn => None,
        }
    }

    /// Whether it is the access token of the session.
    #[must_use]
    pub const fn is_of_session(&self) -> bool {
        matches!(self, Self::Relay | Self::Dpop)
    }

    /// Whether our own keys sign it.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::Assertion | Self::Txn)
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Relay => f.write_str("relay"),
            Self::Dpop => f.write_str("dpop"),
            Self::Assertion => f.write_str("assertion"),
            Self::Txn => f.write_str("txn"),
            Self::Service(id) => write!(f, "service:{id}"),
        }
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(binding) => write!(f, "service:{binding}"),
            Self::Url { origin, base_path } => write!(f, "{origin}{base_path}"),
            Self::Assets => f.write_str("assets"),
        }
    }
}
