//! An agent's access token, as presented → the grant that it points to, and why it is none that counts.

use super::Principal;
use super::bearer::PresentedToken;
use super::principal::GrantFacts;
use crate::config::{AgentRules, Config};
use crate::session::{GrantHandle, HandleKind, Lapse, Session, SessionTimeouts, Terms};
use crate::time::Timestamp;

/// Why an agent's token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentRejection {
    /// What stands where an agent's token belongs has not the form, or not the check digits, of one.
    Malformed,
    /// It was not made here, or it is no access token.
    Forged,
    /// It came to a route that takes other credentials only.
    NotTaken,
    /// It is over; a refresh token gets another one.
    Expired,
    /// Its grant has ended, or was used up.
    Gone,
    /// Its grant is stored, and by the configuration in force it counts no more.
    Lapsed(Lapse),
    /// Its grant is for another resource.
    OtherResource,
    /// Its person has not signed in for longer than `owner_seen_within`.
    OwnerNotSeen,
    /// Its client may not have grants any more.
    ClientNotAdmitted,
    /// The person has a role that a second factor is asked for, and their provider made the grant, not they themselves.
    NoSecond,
}

impl AgentRejection {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "agent.malformed",
            Self::Forged => "agent.forged",
            Self::NotTaken => "agent.not_taken",
            Self::Expired => "agent.expired",
            Self::Gone | Self::Lapsed(Lapse::Expired) => "agent.gone",
            Self::Lapsed(Lapse::ProviderGone) => "agent.provider_not_configured",
            Self::Lapsed(Lapse::TooOld) => "agent.began_before_not_before",
            Self::OtherResource => "agent.other_resource",
            Self::OwnerNotSeen => "agent.owner_not_seen",
            Self::ClientNotAdmitted => "agent.client_not_admitted",
            Self::NoSecond => "agent.no_second_factor",
        }
    }
}

/// The grant that an access token of ours points to, by the token alone: no storage is asked.
///
/// # Errors
/// When it is no access token of ours, or over.
pub fn handle(
    presented: &PresentedToken,
    rules: &AgentRules,
    config: &Config,
    now: Timestamp,
) -> Result<GrantHandle, AgentRejection> {
    let handle = GrantHandle::parse(presented.token.expose(), &rules.prefix, &config.keys);
    let handle = handle.filter(|handle| handle.kind == HandleKind::Access).ok_or(AgentRejection::Forged)?;
    if handle.ends_at() <= now { Err(AgentRejection::Expired) } else { Ok(handle) }
}

/// Whether the grant counts by the configuration in force here, for this resource. Its object may be of another release, and
/// go by another configuration, for a while.
///
/// # Errors
/// Why it does not.
pub fn check(
    config: &Config,
    rules: &AgentRules,
    session: &Session,
    resource: &str,
    (timeouts, now): (SessionTimeouts, Timestamp),
) -> Result<(), AgentRejection> {
    let grant = session.grant.as_deref().filter(|grant| grant.is_usable()).ok_or(AgentRejection::Gone)?;
    config.terms(session, now).check(session, timeouts, now).map_err(AgentRejection::Lapsed)?;
    if grant.resource != resource {
        return Err(AgentRejection::OtherResource);
    }
    if rules.owner_seen_within.is_some_and(|within| grant.is_unseen_for(within, now)) {
        return Err(AgentRejection::OwnerNotSeen);
    }
    // Also of a client whose token was exchanged.
    let mut clients = grant.actors.iter().map(|actor| &actor.subject).chain([&grant.client]);
    if !clients.all(|client| rules.knows(client, config.public_url.origin())) {
        return Err(AgentRejection::ClientNotAdmitted);
    }
    if lacks_second(config, session) { Err(AgentRejection::NoSecond) } else { Ok(()) }
}

/// Whether this is a grant that the provider made, of somebody whose roles ask for a second factor: nobody proved one for it.
/// They may have got the role since, by a sign-in.
#[must_use]
pub fn lacks_second(config: &Config, session: &Session) -> bool {
    let is_vouched_for = session.grant.as_deref().is_some_and(|grant| grant.redirect_uri.is_empty());
    is_vouched_for && config.second.as_ref().is_some_and(|rules| rules.asks(&session.roles))
}

/// The agent that has this grant. `beside_people`: the route is for people too. `None` where the record is none of a grant.
#[must_use]
pub fn principal(session: Session, handle: &GrantHandle, beside_people: bool) -> Option<Principal> {
    let jkt = session.grant.as_ref()?.jkt.clone();
    let id = handle.id.digest().public_id();
    Principal::by_grant(session, GrantFacts { id, jkt, token_ends_at: handle.ends_at(), beside_people })
}
