//! Who is asking.

use serde_json::{Map, Value};

use crate::session::message::AccessToken;
use crate::session::{Clocks, Live, SessionHandle};
use crate::time::Timestamp;

/// What kind of caller a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person, by a session.
    Human,
}

impl Kind {
    /// The kind as callers and upstreams read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
        }
    }
}

/// A proven identity: always the pair (issuer, subject), never an e-mail address (R-057). Only this
/// module makes one.
///
/// ```compile_fail
/// let forged = postern::authn::Principal { issuer: "https://op.example".into(), ..todo!() };
/// ```
#[derive(Clone, Debug)]
pub struct Principal {
    kind: Kind,
    issuer: String,
    subject: String,
    provider: String,
    claims: Map<String, Value>,
    scopes: Vec<String>,
    session: SessionFacts,
}

/// When and how the principal's session came to be, and when it ends. Points in time are UNIX seconds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SessionFacts {
    /// When it began.
    pub created_at: i64,
    /// When the person proved themselves to the provider, as far as it says.
    pub authenticated_at: Option<i64>,
    /// When it ends if nobody uses it.
    pub idle_expires_at: i64,
    /// When it ends in any case.
    pub expires_at: i64,
    /// `acr` of the ID token.
    pub acr: Option<String>,
    /// `amr` of the ID token.
    pub amr: Vec<String>,
}

/// A principal and what came with the proof.
#[derive(Debug)]
pub struct Authenticated {
    /// Who.
    pub principal: Principal,
    /// Their session.
    pub handle: SessionHandle,
    /// Their access token, if it was asked for and is alive.
    pub access_token: Option<AccessToken>,
    /// Whether it is missing only because the provider does not answer just now.
    pub provider_down: bool,
    /// Whether the cookie was made with an older key than the newest.
    pub has_old_key: bool,
}

impl Authenticated {
    pub(super) fn from_session(handle: SessionHandle, live: Live, clocks: Clocks, has_old_key: bool) -> Self {
        let Live { session, access_token, provider_down } = live;
        let facts = SessionFacts {
            created_at: session.created_at,
            authenticated_at: session.auth_time,
            idle_expires_at: Timestamp::as_unix(session.idle_expires_at(clocks)),
            expires_at: Timestamp::as_unix(session.expires_at(clocks)),
            acr: session.acr,
            amr: session.amr,
        };
        let principal = Principal {
            kind: Kind::Human,
            issuer: session.issuer,
            subject: session.subject,
            provider: session.provider,
            claims: session.claims,
            scopes: session.scopes,
            session: facts,
        };
        Self { principal, handle, access_token, provider_down, has_old_key }
    }
}

impl Principal {
    /// Person, service or agent.
    #[must_use]
    pub const fn kind(&self) -> Kind {
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

    /// The id of the provider they signed in with.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The claims that the configuration keeps.
    #[must_use]
    pub const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The scopes they were granted.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Their session's clocks and authentication.
    #[must_use]
    pub const fn session(&self) -> &SessionFacts {
        &self.session
    }
}
