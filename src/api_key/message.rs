//! What the Worker and the objects that keep keys say to each other.
//!
//! Worker and object may run different releases for a while, so the form is versioned: a field is only ever added with a
//! default, an operation only ever added. No message holds a secret: what was shown comes as its digest.

use serde::{Deserialize, Serialize};

use super::holder::{HolderKey, KeyHolder, OwnerStanding};
use super::record::{KeyEnd, KeyEnding, KeyUse};
use super::text::{ApiKeyId, KeyDigest};
use crate::time::{Seconds, Timestamp};

/// The version of the form below.
pub const VERSION: u8 = 1;
/// The most scopes of a key.
pub const MAX_SCOPES: usize = 64;
/// The longest name of a key, in bytes.
pub const MAX_NAME_BYTES: usize = 120;

/// One command, wrapped with its version.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyEnvelope<T> {
    /// [`VERSION`].
    pub v: u8,
    /// The command.
    pub command: T,
}

/// What an object that keeps keys is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyCommand {
    /// Store a new key.
    Make(Box<MakeKey>),
    /// Is this key alive, and what may it do?
    Check(CheckKey),
    /// Give a key another secret.
    Rotate(RotateKey),
    /// End a key.
    Revoke {
        /// Which.
        id: ApiKeyId,
        /// Only if it is theirs; `None`: an administrator asks.
        of: Option<HolderKey>,
        /// Why.
        why: KeyEnding,
    },
    /// End the secret before a rotation, and nothing else.
    EndOldSecret {
        /// Of which key.
        id: ApiKeyId,
        /// Only if it is theirs; `None`: an administrator asks.
        of: Option<HolderKey>,
    },
    /// End all live keys of a holder, or none.
    RevokeAll {
        /// Whose.
        of: HolderKey,
        /// Why.
        why: KeyEnding,
    },
    /// End a key that somebody showed whole; by the secret before a rotation, that secret alone.
    RevokeShown(RevokeShownKey),
    /// Which keys has this holder?
    List {
        /// Whose.
        of: HolderKey,
    },
    /// What an owner may at present. It is remembered only of those who have keys.
    Update {
        /// Whose.
        of: HolderKey,
        /// What was said of them.
        standing: OwnerStanding,
    },
    /// A key was used.
    NoteUse {
        /// Which.
        id: ApiKeyId,
        /// How.
        usage: KeyUse,
    },
}

/// A new key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its secret is known by.
    pub digest: KeyDigest,
    /// Whose it is.
    pub holder: KeyHolder,
    /// What they call it.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<String>,
    /// How long it lives.
    pub life: Seconds,
    /// How many live keys the holder may have, with this one.
    pub most: u32,
    /// What its owner may at present; a service has none.
    pub standing: Option<OwnerStanding>,
}

/// A question about a key that was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckKey {
    /// Which.
    pub id: ApiKeyId,
    /// What its secret is known by.
    pub digest: KeyDigest,
}

/// A new secret for a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotateKey {
    /// Which.
    pub id: ApiKeyId,
    /// Only if it is theirs.
    pub of: HolderKey,
    /// What the new secret is known by.
    pub digest: KeyDigest,
    /// How long the old one is good. Zero: every secret so far ends at once.
    pub overlap: Seconds,
    /// The longest that it may live from now.
    pub max_life: Seconds,
}

/// The end of a key by its whole text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeShownKey {
    /// Which.
    pub id: ApiKeyId,
    /// What the secret that was shown is known by: the one in use, or the one before a rotation.
    pub digest: KeyDigest,
    /// Why.
    pub why: KeyEnding,
}

/// What such an object answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyReply {
    /// The key is stored.
    Made(Box<ListedKey>),
    /// There is a key of this id already: nothing was stored.
    Taken,
    /// The holder has as many as they may: nothing was stored.
    TooMany,
    /// The key is alive.
    Live(Box<LiveKey>),
    /// What was shown is no live key.
    Refused(KeyRefusal),
    /// The key has its new secret.
    Rotated(Box<ListedKey>),
    /// The key is ended, as it was.
    Revoked(Box<ListedKey>),
    /// The secret that was replaced is good no more; the key lives on with the new one.
    OldSecretEnded(Box<ListedKey>),
    /// All live keys of the holder are ended: these.
    AllRevoked {
        /// Their ids.
        ids: Vec<ApiKeyId>,
    },
    /// There is no such live key, or it is not theirs.
    Gone,
    /// The keys there are.
    Keys {
        /// Those.
        keys: Vec<ListedKey>,
    },
    /// It is done; so many keys were concerned.
    Done {
        /// How many.
        count: u32,
    },
}

/// Why what was shown is no live key. For the log alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRefusal {
    /// There is none of this id.
    Unknown,
    /// There is, with another secret.
    WrongSecret,
    /// It has the secret that was replaced, whose time is over.
    OldSecret,
    /// It has expired.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A live key, as a request uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveKey {
    /// Whose it is.
    pub holder: KeyHolder,
    /// What it was made for.
    pub scopes: Vec<String>,
    /// When it expires; by its old secret, when that does.
    pub expires_at: Timestamp,
    /// What its owner may at present.
    #[serde(default)]
    pub standing: Option<OwnerStanding>,
    /// Its last use, as far as noted.
    #[serde(default)]
    pub last_use: Option<KeyUse>,
    /// When that was noted.
    #[serde(default)]
    pub noted_at: Timestamp,
    /// Whether it came by the old secret after the new one was used.
    #[serde(default)]
    pub superseded: bool,
}

/// A key as its owner, or an administrator, sees it. It holds nothing that a key could be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub holder: KeyHolder,
    /// What they call it.
    pub name: String,
    /// What it was made for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last rotated.
    #[serde(default)]
    pub rotated_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Until when the secret before the last rotation is good too.
    #[serde(default)]
    pub old_until: Option<Timestamp>,
    /// Its last use, as far as noted.
    #[serde(default)]
    pub last_use: Option<KeyUse>,
    /// Since when it counts no more, and why.
    #[serde(default)]
    pub ended: Option<KeyEnd>,
}

impl KeyCommand {
    /// The number of the object to ask.
    #[must_use]
    pub fn shard(&self) -> u8 {
        match self {
            Self::List { of } | Self::Update { of, .. } | Self::RevokeAll { of, .. } => of.shard(),
            other => other.id().map(|id| id.shard()).unwrap_or_default(),
        }
    }

    /// The key that it is about, where it is one.
    #[must_use]
    pub fn id(&self) -> Option<ApiKeyId> {
        match self {
            Self::Make(make) => Some(make.id),
            Self::Check(CheckKey { id, .. })
            | Self::Rotate(RotateKey { id, .. })
            | Self::Revoke { id, .. }
            | Self::EndOldSecret { id, .. }
            | Self::RevokeShown(RevokeShownKey { id, .. })
            | Self::NoteUse { id, .. } => Some(*id),
            Self::List { .. } | Self::Update { .. } | Self::RevokeAll { .. } => None,
        }
    }

    /// Whether it changes nothing, so that it may be asked once more.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self, Self::Check(_) | Self::List { .. })
    }

    /// The keys that may be something else afterwards than an isolate remembers.
    #[must_use]
    pub fn weakens(&self) -> Option<Weakened<'_>> {
        match self {
            Self::Rotate(RotateKey { id, .. })
            | Self::Revoke { id, .. }
            | Self::EndOldSecret { id, .. }
            | Self::RevokeShown(RevokeShownKey { id, .. }) => Some(Weakened::Key(*id)),
            Self::Update { of, .. } | Self::RevokeAll { of, .. } => Some(Weakened::Holder(of)),
            _ => None,
        }
    }
}

impl KeyReply {
    /// Whether anything may be due at another time than before. What a stranger makes up never changes that.
    #[must_use]
    pub const fn changes_what_is_due(&self) -> bool {
        match self {
            Self::Made(_) | Self::Rotated(_) | Self::Revoked(_) | Self::OldSecretEnded(_) | Self::AllRevoked { .. } => {
                true
            }
            Self::Done { count } => *count > 0,
            Self::Taken | Self::TooMany | Self::Live(_) | Self::Refused(_) | Self::Gone | Self::Keys { .. } => false,
        }
    }
}

/// Whose remembered answers are to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakened<'a> {
    /// One key's.
    Key(ApiKeyId),
    /// Those of all keys of a holder.
    Holder(&'a HolderKey),
}

impl KeyRefusal {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "key.unknown",
            Self::WrongSecret => "key.wrong_secret",
            Self::OldSecret => "key.old_secret",
            Self::Expired => "key.expired",
            Self::Revoked => "key.revoked",
        }
    }
}
