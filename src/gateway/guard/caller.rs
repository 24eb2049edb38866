//! The caller that door 1 let through, and what the upstream is told of them.

use super::access_token::Bearer;
use super::agent::{Agent, GrantAtHand};
use super::api_key;
use crate::audit::Event;
use crate::authn::{Authenticated, Principal, Standing};
use crate::config::DeviceMode;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Credential;
use crate::gateway::{Platform, cold};
use crate::refusal::Reason;
use crate::route::{Guard, GuardedRoute, Token};
use crate::session::device::{self, LONGEST_STREAM};
use crate::session::record::touch_granularity;
use crate::time::{Seconds, Timestamp};
use crate::upstream::claim_headers::{ClaimHeaders, claim_headers};
use crate::upstream::transaction::{self, UpstreamTransaction};
use crate::upstream::{Assertion, Identity, Making, ProofLease, SessionLease, StreamLifetime, UpstreamIdentity};

/// A session this young that lacks what a route needs will lack it after another login too.
const JUST_SIGNED_IN: Seconds = Seconds::minutes(1);

/// The caller that door 1 let through.
pub(crate) enum Caller {
    Session(Box<Authenticated>),
    Token(Box<Bearer>),
    Certificate(Box<Principal>),
    Key(Box<Principal>),
    Agent(Box<Agent>),
}

impl Caller {
    pub(crate) const fn principal(&self) -> &Principal {
        match self {
            Self::Session(authenticated) => &authenticated.principal,
            Self::Token(bearer) => &bearer.principal,
            Self::Certificate(principal) | Self::Key(principal) => principal,
            Self::Agent(agent) => &agent.principal,
        }
    }

    pub(in crate::gateway) fn into_principal(self) -> Principal {
        match self {
            Self::Session(authenticated) => authenticated.principal,
            Self::Token(bearer) => bearer.principal,
            Self::Certificate(principal) | Self::Key(principal) => *principal,
            Self::Agent(agent) => agent.principal,
        }
    }

    /// When the grant was given by which they come.
    pub(super) const fn granted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Agent(agent) => Some(agent.created_at),
            Self::Session(_) | Self::Token(_) | Self::Certificate(_) | Self::Key(_) => None,
        }
    }

    /// The grant that they come by, where its uses are counted.
    pub(super) fn counted_grant(&self) -> Option<GrantAtHand> {
        match self {
            Self::Agent(agent) => agent.is_counted.then(|| agent.grant.clone()),
            Self::Session(_) | Self::Token(_) | Self::Certificate(_) | Self::Key(_) => None,
        }
    }

    /// What they showed at door 1.
    pub(crate) const fn credential(&self) -> Credential {
        match self {
            Self::Session(_) => Credential::Session,
            Self::Token(bearer) => Credential::Token(bearer.scheme),
            Self::Certificate(_) => Credential::Certificate,
            Self::Key(_) => Credential::Key,
            Self::Agent(agent) => Credential::Token(agent.scheme),
        }
    }

    /// Whether their session is so young that another sign-in would bring nothing new.
    pub(super) fn has_just_signed_in(&self, now: Timestamp) -> bool {
        match self {
            Self::Session(authenticated) => now.since(authenticated.created_at) < JUST_SIGNED_IN,
            Self::Token(_) | Self::Certificate(_) | Self::Key(_) | Self::Agent(_) => false,
        }
    }

    /// The name of their session in lists of sessions.
    fn session_name(&self) -> Option<String> {
        match self {
            Self::Session(authenticated) => Some(authenticated.handle.id.digest().public_id()),
            Self::Token(_) | Self::Certificate(_) | Self::Key(_) | Self::Agent(_) => None,
        }
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Where a request moves the idle clock, so does what comes from the browser on a WebSocket.
    pub(super) fn lifetime(&self, guard: &Guard, caller: &Caller) -> StreamLifetime {
        match caller {
            Caller::Token(bearer) => self.lifetime_of_program(&bearer.principal, bearer.principal.expires_at()),
            Caller::Certificate(principal) => self.lifetime_of_program(principal, principal.expires_at()),
            Caller::Key(principal) => {
                self.lifetime_of_program(principal, api_key::stream_until(principal, self.request.now))
            }
            // It ends with its grant, as what a session opened does with the session.
            Caller::Agent(agent) => StreamLifetime::Session(SessionLease {
                subject: agent.grant.subject,
                digest: agent.grant.digest.clone(),
                touch_every: None,
                proof: None,
                standing: self
                    .has_block_list()
                    .then(|| Box::new(Standing::of_session(&agent.principal, agent.created_at))),
            }),
            Caller::Session(authenticated) => StreamLifetime::Session(SessionLease {
                subject: authenticated.handle.subject,
                digest: authenticated.handle.id.digest(),
                touch_every: guard.touch.then(|| touch_granularity(self.site.config.session.idle)),
                proof: self.proof_lease(authenticated),
                standing: self
                    .has_block_list()
                    .then(|| Box::new(Standing::of_session(&authenticated.principal, authenticated.created_at))),
            }),
        }
    }

    /// A stream of a bound session goes on while its browser proves the key from where the stream goes, and for some hours at
    /// most.
    fn proof_lease(&self, authenticated: &Authenticated) -> Option<ProofLease> {
        let session = &self.site.config.session;
        let device = authenticated.device.as_ref().filter(|_| session.device != DeviceMode::Off)?;
        Some(ProofLease {
            proved_at: device.proved_at,
            life: session.device_life,
            place: device::place_of(&self.request.head.peer),
            until: self.request.now.plus(LONGEST_STREAM),
        })
    }

    /// As long as the credential is good; where there is a block list, also no longer than nothing of them is on it.
    fn lifetime_of_program(&self, principal: &Principal, until: Timestamp) -> StreamLifetime {
        if self.has_block_list() {
            StreamLifetime::Standing(Box::new(Standing::of(principal, until)))
        } else {
            StreamLifetime::Until(until)
        }
    }

    /// What the route tells its upstream of whom both doors let through.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(super) async fn introduce(
        &self,
        caller: Caller,
        GuardedRoute { route, guard }: GuardedRoute<'_>,
        event: &mut Event,
    ) -> Result<(Principal, UpstreamIdentity), Reason> {
        let session = caller.session_name();
        let who = Identity { principal: caller.principal(), session: session.as_deref() };
        let ClaimHeaders { headers, withheld } = claim_headers(&guard.headers, &who);
        event.withheld = withheld.iter().map(ToString::to_string).collect();
        let assertion = match (&guard.token, &route.upstream) {
            (Token::Assertion, Some(upstream)) => {
                let (signing, random) = (self.platform.signing(), self.platform.random());
                let making = Making { signing, random, now: self.request.now };
                let made = cold(self.site.assertions.about(&who, upstream, &self.site.config.public_url, making)).await;
                Some(made.ok_or(Reason::Internal("internal.assertion_unsigned"))?)
            }
            _ => None,
        };
        let transaction = match guard.token {
            Token::Txn => Some(cold(self.transaction(&who)).await?),
            _ => None,
        };
        let mut bound_token = None;
        let (principal, token) = match caller {
            Caller::Token(bearer) => (bearer.principal, Some(bearer.token)),
            Caller::Certificate(principal) | Caller::Key(principal) => (*principal, None),
            Caller::Agent(agent) => (agent.principal, None),
            Caller::Session(authenticated) if guard.token == Token::Relay => {
                let Authenticated { principal, access_token, provider_down, .. } = *authenticated;
                let missing = if provider_down { Reason::RefreshPaused } else { Reason::AccessTokenExpired };
                (principal, Some(access_token.ok_or(missing)?.into_secret()))
            }
            Caller::Session(authenticated) if guard.token == Token::Dpop => {
                let Authenticated { principal, bound_token: bound, provider_down, .. } = *authenticated;
                let missing = if provider_down { Reason::RefreshPaused } else { Reason::AccessTokenExpired };
                bound_token = Some(bound.ok_or(missing)?);
                (principal, None)
            }
            Caller::Session(authenticated) => (authenticated.principal, None),
        };
        let access_token = token.filter(|_| guard.token == Token::Relay);
        let identity = UpstreamIdentity { access_token, bound_token, assertion, transaction, claims: headers };
        Ok((principal, identity))
    }

    /// A transaction token about them, for this request.
    async fn transaction(&self, who: &Identity<'_>) -> Result<Assertion, Reason> {
        let unsigned = Reason::Internal("internal.transaction_unsigned");
        let (id, address) = (self.request.id.as_str(), self.request.head.peer.address.as_deref());
        let of = UpstreamTransaction { id, address, now: self.request.now };
        let claims = of.claims(who, &self.site.config.public_url).ok_or(unsigned.clone())?;
        self.site.assertions.sign(self.platform.signing(), transaction::TYP, &claims).await.ok_or(unsigned)
    }
}
