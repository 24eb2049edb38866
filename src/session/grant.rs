//! What a person granted to an agent: part of a session's record. A grant is a session with an actor.

use serde::{Deserialize, Serialize};

use super::handle::SessionDigest;
use crate::ids::actor::Actor;
use crate::time::{Seconds, Timestamp};

/// How long a code is good (RFC 6749 §4.1.2 recommends at most ten minutes; R-307).
pub const CODE_LIFE: Seconds = Seconds::new(60);

/// For how long after a rotation the refresh token before it gets the same successor.
pub const ROTATION_GRACE: Seconds = Seconds::new(10);

/// How exactly it is noted when a person was last seen.
pub const SEEN_GRANULARITY: Seconds = Seconds::hours(1);

/// The most parties that act one for another in a grant.
pub const MAX_ACTORS: usize = 4;

/// The most tokens that were exchanged for one grant, or for one that was, and still live.
pub const MAX_EXCHANGED: usize = 20;

/// The most grants of one person; one more ends the one that was used the longest time ago.
pub const MAX_GRANTS: u32 = 50;

/// What a person granted to an agent. Its JSON is a stored format: fields are added with a default, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The client id: the URL of its document, or of a registration.
    pub client: String,
    /// What the client calls itself.
    pub client_name: String,
    /// Where the client was answered; empty where nobody was asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub redirect_uri: String,
    /// The URL that it is for, one of this deployment's (RFC 8707).
    pub resource: String,
    /// What it may do there.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The code that it begins with; `None` once it was redeemed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<PendingCode>,
    /// Of the refresh token that is good now; 0: none was issued.
    #[serde(default)]
    pub generation: u64,
    /// When that was issued.
    #[serde(default)]
    pub rotated_at: Timestamp,
    /// The thumbprint of the key that its tokens are bound to: that of the first token request that proved one (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The session that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_session: Option<SessionDigest>,
    /// The grant that it was exchanged for, and that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SessionDigest>,
    /// Who acts, the outermost first: that is the client of this grant.
    pub actors: Vec<Actor>,
    /// What it is for, in the client's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// For how many requests it is still good; `None`: for as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
    /// Whether the index of its client says that there is something of this person's. An earlier release entered none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indexed: bool,
    /// When the person last signed in, or allowed it, give or take [`SEEN_GRANULARITY`]; of one that a provider gave, when it
    /// did. `None`: before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
}

/// What a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCode {
    /// `code_challenge` by the method S256 (RFC 7636 §4.2).
    pub challenge: String,
    /// `redirect_uri` of the authorization request.
    pub redirect_uri: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Grant {
    /// When it is over: a code that was not redeemed takes its grant along.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.code.as_ref().map_or(self.expires_at, |code| code.expires_at.min(self.expires_at))
    }

    /// Whether it ends when the session or grant of this digest does.
    #[must_use]
    pub fn ends_with(&self, digest: &SessionDigest) -> bool {
        [&self.with_session, &self.parent].into_iter().any(|on| on.as_ref() == Some(digest))
    }

    /// Whether it may be used for a request: its code was redeemed, and it is not used up.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.code.is_none() && self.uses_left != Some(0)
    }

    /// Whether its person has not been seen for so long, or longer.
    #[must_use]
    pub fn is_unseen_for(&self, within: Seconds, now: Timestamp) -> bool {
        self.seen_at.is_none_or(|seen_at| now >= seen_at.plus(within))
    }

    /// Whether an exchange for it could yield `child`, which can do nothing that it could not.
    #[must_use]
    pub fn covers(&self, child: &Self) -> bool {
        let actors_are_kept = child.actors.split_first().is_some_and(|(_, before)| before == self.actors);
        child.scopes.iter().all(|scope| self.scopes.contains(scope))
            && child.resource == self.resource
            && child.expires_at <= self.expires_at
            && actors_are_kept
            && child.actors.len() <= MAX_ACTORS
    }
}

/// Why an object gives nothing for a code or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantRefusal {
    /// There was a grant of this digest before: somebody consents twice with one form.
    Repeated,
    /// The code was redeemed before. The grant is ended.
    CodeReused,
    /// The refresh token was used before. The grant is ended.
    RefreshReused,
    /// It belongs to another client.
    OtherClient,
    /// The code was sent to another redirect URI.
    OtherRedirectUri,
    /// The verifier is not that of the code's challenge.
    OtherVerifier,
    /// It is for another resource.
    OtherResource,
    /// It is bound to another key.
    OtherKey,
    /// More is asked for than was granted.
    TooMuch,
    /// No more can be exchanged for this grant.
    TooMany,
    /// The person has not been seen for too long. The grant goes on once they are.
    OwnerNotSeen,
}

impl GrantRefusal {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Repeated => "agent.consent_repeated",
            Self::CodeReused => "agent.code_reused",
            Self::RefreshReused => "agent.refresh_reused",
            Self::OtherClient => "agent.other_client",
            Self::OtherRedirectUri => "agent.other_redirect_uri",
            Self::OtherVerifier => "agent.other_verifier",
            Self::OtherResource => "agent.other_resource",
            Self::OtherKey => "agent.other_key",
            Self::TooMuch => "agent.too_much",
            Self::TooMany => "agent.too_many",
            Self::OwnerNotSeen => "agent.owner_not_seen",
        }
    }
}
