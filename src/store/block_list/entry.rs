//! What the block list names, and what is noted of each entry.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// What a block is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockTarget {
    /// A person or a service: whatever `issuer` calls `subject`.
    Subject {
        /// The issuer.
        issuer: String,
        /// `sub`
        subject: String,
    },
    /// A client: every token that `issuer` gave to it.
    Client {
        /// The issuer.
        issuer: String,
        /// `client_id`
        client_id: String,
    },
    /// An API key, by its public id.
    Key {
        /// The id.
        id: String,
    },
}

/// Whose sessions and tokens a moment is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotBeforeScope {
    /// Everybody's.
    Everybody,
    /// Of all that this issuer vouches for.
    Issuer {
        /// The issuer.
        issuer: String,
    },
    /// Of one person or service.
    Subject {
        /// The issuer.
        issuer: String,
        /// `sub`
        subject: String,
    },
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockEntry {
    /// What it is about.
    pub target: BlockTarget,
    /// Why, in the words of whoever set it.
    #[serde(default)]
    pub reason: String,
    /// Until when; `None`: until it is lifted.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The administrator that set it.
    #[serde(default)]
    pub by: String,
    /// When it was set.
    #[serde(default)]
    pub at: Timestamp,
}

/// A moment before which sessions, and perhaps tokens, count no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBeforeEntry {
    /// Whose.
    pub of: NotBeforeScope,
    /// Sessions that began before count no more.
    pub moment: Timestamp,
    /// Access tokens issued before count no more; `None`: all count.
    #[serde(default)]
    pub tokens: Option<Timestamp>,
    /// The administrator that set it.
    #[serde(default)]
    pub by: String,
    /// When it was set.
    #[serde(default)]
    pub at: Timestamp,
}

impl BlockTarget {
    /// What the list knows it by. No two targets share one, whatever their texts hold: each stands with its length.
    #[must_use]
    pub fn digest(&self) -> String {
        match self {
            Self::Subject { issuer, subject } => digest("subject", &[issuer, subject]),
            Self::Client { issuer, client_id } => digest("client", &[issuer, client_id]),
            Self::Key { id } => digest("key", &[id]),
        }
    }
}

impl NotBeforeScope {
    /// What the list knows it by.
    #[must_use]
    pub fn digest(&self) -> String {
        match self {
            Self::Everybody => digest("not_before_everybody", &[]),
            Self::Issuer { issuer } => digest("not_before_issuer", &[issuer]),
            Self::Subject { issuer, subject } => digest("not_before_subject", &[issuer, subject]),
        }
    }
}

fn digest(kind: &str, texts: &[&str]) -> String {
    let hash = texts.iter().fold(Sha256::new().chain_update(kind), |hash, text| {
        hash.chain_update([0]).chain_update(text.len().to_be_bytes()).chain_update(text)
    });
    Base64UrlUnpadded::encode_string(&hash.finalize())
}
