//! Whether a caller whose identity stands is blocked.

use super::{Means, Principal};
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
            Self::TokenTooOld => "block.token_issued_before_not_before",
        }
    }
}

/// Holds a caller against the list: themselves, and all on whose account they come.
///
/// # Errors
/// With what of them is blocked.
pub fn check(list: &BlockList, principal: &Principal, now: Timestamp) -> Result<(), BlockedBy> {
    let is_blocked = |issuer: &str, subject: &str| {
        list.blocks(&BlockTarget::Subject { issuer: issuer.to_owned(), subject: subject.to_owned() }, now)
    };
    let issuer = principal.issuer();
    if is_blocked(issuer, principal.subject()) {
        return Err(BlockedBy::Subject);
    }
    if principal.owner().is_some_and(|owner| is_blocked(&owner.issuer, &owner.subject)) {
        return Err(BlockedBy::Owner);
    }
    // One of whom nobody says who vouches for them is called so by the issuer of the token.
    let mut actors = principal.actors().iter();
    if actors.any(|actor| is_blocked(actor.issuer.as_deref().unwrap_or(issuer), &actor.subject)) {
        return Err(BlockedBy::Actor);
    }
    let client = |client_id: &str| BlockTarget::Client { issuer: issuer.to_owned(), client_id: client_id.to_owned() };
    if principal.client_id().is_some_and(|client_id| list.blocks(&client(client_id), now)) {
        return Err(BlockedBy::Client);
    }
    if principal.key_id().is_some_and(|id| list.blocks(&BlockTarget::Key { id: id.to_owned() }, now)) {
        return Err(BlockedBy::Key);
    }
    let has_token =
        matches!(principal.authentication().means, Means::Bearer | Means::Dpop | Means::Mtls | Means::Workload);
    if has_token && list.voids_token(issuer, principal.subject(), principal.token_issued_at()) {
        return Err(BlockedBy::TokenTooOld);
    }
    Ok(())
}
