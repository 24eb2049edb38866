//! Whether a caller whose identity stands is blocked.

use super::{Actor, Means, Principal};
use crate::store::block_list::{BlockList, BlockTarget};
use crate::time::Timestamp;

/// What of a caller is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockedBy {
    /// The person who signs in, or who has this session.
    Person,
    /// They themselves.
    Subject,
    /// The person to whom their API key belongs.
    Owner,
    /// A party that acts for them.
    Actor,
    /// The client that their token was given to.
    Client,
    /// Their API key.
    Key,
    /// Their token was issued before the moment since which tokens count.
    TokenTooOld,
    /// Their session began before the moment since which sessions count.
    SessionTooOld,
}

impl BlockedBy {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Person => "block.person",
            Self::Subject => "block.subject",
            Self::Owner => "block.owner",
            Self::Actor => "block.actor",
            Self::Client => "block.client",
            Self::Key => "block.key",
            Self::SessionTooOld => "session.began_before_not_before",
            Self::TokenTooOld => "block.token_issued_before_not_before",
        }
    }
}

/// All of a caller that may be blocked: they themselves, and all on whose account they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    targets: Vec<(BlockTarget, BlockedBy)>,
    token: Option<TokenOf>,
    /// When their session began, if they have one.
    began_at: Option<(String, String, Timestamp)>,
    until: Timestamp,
}

/// The end of what ends otherwise: 9999-12-31.
const NEVER: Timestamp = Timestamp::from_unix(253_402_214_400);

/// Whose a token is, and when it was issued, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TokenOf {
    issuer: String,
    subject: String,
    issued_at: Option<Timestamp>,
}

impl Standing {
    /// That of a caller, until then.
    #[must_use]
    pub fn of(principal: &Principal, until: Timestamp) -> Self {
        let named = |issuer: &str, subject: &str| BlockTarget::Subject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        };
        let issuer = principal.issuer();
        let mut targets = vec![(named(issuer, principal.subject()), BlockedBy::Subject)];
        let owner = principal.owner();
        targets.extend(owner.map(|owner| (named(&owner.issuer, &owner.subject), BlockedBy::Owner)));
        // One of whom nobody says who vouches for them is called so by the issuer of the token.
        let actors = principal.actors().iter();
        let actor_of = |actor: &Actor| named(actor.issuer.as_deref().unwrap_or(issuer), &actor.subject);
        targets.extend(actors.map(|actor| (actor_of(actor), BlockedBy::Actor)));
        let client = |client_id: &str| BlockTarget::Client {
            issuer: principal.client_issuer().to_owned(),
            client_id: client_id.to_owned(),
        };
        targets.extend(principal.client_id().map(|client_id| (client(client_id), BlockedBy::Client)));
        // Who acts by a grant is a client, each of the chain.
        let acting = principal.actors().iter().skip(1).filter(|_| principal.grant_id().is_some());
        targets.extend(acting.map(|actor| (client(&actor.subject), BlockedBy::Client)));
        let key = |id: &str| BlockTarget::Key { id: id.to_owned() };
        targets.extend(principal.key_id().map(|id| (key(id), BlockedBy::Key)));
        let means = principal.authentication().means;
        let has_token = matches!(means, Means::Bearer | Means::Dpop | Means::Mtls | Means::Workload);
        let token = has_token.then(|| TokenOf {
            issuer: issuer.to_owned(),
            subject: principal.subject().to_owned(),
            issued_at: principal.token_issued_at(),
        });
        Self { targets, token, began_at: None, until }
    }

    /// That of whoever comes now; `granted_at`: when the grant was given by which an agent comes.
    #[must_use]
    pub fn of_caller(principal: &Principal, granted_at: Option<Timestamp>, now: Timestamp) -> Self {
        granted_at.map_or_else(|| Self::of(principal, now), |granted_at| Self::of_session(principal, granted_at))
    }

    /// That of somebody whose session began then, or whose grant was given then. When it ends, its object says.
    #[must_use]
    pub fn of_session(principal: &Principal, began_at: Timestamp) -> Self {
        let began_at = Some((principal.issuer().to_owned(), principal.subject().to_owned(), began_at));
        Self { began_at, ..Self::of(principal, NEVER) }
    }

    /// Whether a block of this would be one of theirs.
    #[must_use]
    pub fn is_about(&self, target: &BlockTarget) -> bool {
        self.targets.iter().any(|(one, _)| one == target)
    }

    /// When it ends in any case.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Holds it against the list.
    ///
    /// # Errors
    /// With what of them is blocked.
    pub fn check(&self, list: &BlockList, now: Timestamp) -> Result<(), BlockedBy> {
        if let Some((_, by)) = self.targets.iter().find(|(target, _)| list.blocks(target, now)) {
            return Err(*by);
        }
        let is_over =
            |(issuer, subject, began_at): &(String, String, Timestamp)| list.voids_session(issuer, subject, *began_at);
        if self.began_at.as_ref().is_some_and(is_over) {
            return Err(BlockedBy::SessionTooOld);
        }
        let is_void = |token: &TokenOf| list.voids_token(&token.issuer, &token.subject, token.issued_at);
        if self.token.as_ref().is_some_and(is_void) { Err(BlockedBy::TokenTooOld) } else { Ok(()) }
    }
}

/// Holds a caller against the list. Most lists are empty most of the time.
///
/// # Errors
/// With what of them is blocked.
pub fn check(list: &BlockList, principal: &Principal, now: Timestamp) -> Result<(), BlockedBy> {
    if list.is_empty() { Ok(()) } else { Standing::of(principal, now).check(list, now) }
}
