//! What the Worker and the object of the block list say to each other. The form has a version: members are only ever added,
//! with a default.

use serde::{Deserialize, Serialize};

use super::entry::{BlockEntry, BlockTarget, NotBeforeEntry, NotBeforeScope};
use crate::json;
use crate::time::{Seconds, Timestamp};

const VERSION: u8 = 1;

/// What the object is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockRequest {
    /// For the whole list, unless it is still of this version.
    Read {
        /// The version that the isolate has.
        known: Option<u64>,
    },
    /// To block this, in place of an earlier entry about the same.
    Block(NewBlock),
    /// To lift the block of this.
    Lift {
        /// Of what.
        target: BlockTarget,
    },
    /// For the entries, a page at a time.
    List {
        /// The last one of the page before.
        after: Option<String>,
    },
    /// To move a moment on. It never moves back.
    NotBefore(NewMoment),
    /// For all moments.
    Moments,
    /// To clear a moment.
    ClearMoment {
        /// Whose.
        of: NotBeforeScope,
    },
    /// For the block of this.
    Find {
        /// Of what.
        target: BlockTarget,
    },
}

/// A block to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBlock {
    /// About what.
    pub target: BlockTarget,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// The administrator that sets it.
    pub by: String,
}

/// A moment to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMoment {
    /// Whose.
    pub of: NotBeforeScope,
    /// Which; later than the object's own clock is now.
    pub moment: Timestamp,
    /// Whether access tokens are meant too.
    pub tokens: bool,
    /// The administrator that sets it.
    pub by: String,
    /// For how long it is kept: as long as anything from before it could be good. `None`: for good.
    #[serde(default)]
    pub keep: Option<Seconds>,
}

/// What the object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockReply {
    /// The list is still of the version that the isolate has.
    Unchanged,
    /// The list.
    Copy(BlockCopy),
    /// It is so from now on; what was before.
    Changed {
        /// The block that was replaced or lifted.
        before: Option<BlockEntry>,
    },
    /// The moment that is in force from now on, and the one before.
    Moved {
        /// In force before.
        before: Option<NotBeforeEntry>,
        /// In force now.
        after: NotBeforeEntry,
    },
    /// The list is full: nothing was changed.
    Full,
    /// A page of the entries.
    Page {
        /// They.
        entries: Vec<BlockEntry>,
        /// What to ask for the next page with; `None` on the last.
        next: Option<String>,
    },
    /// All moments.
    Moments(Vec<NotBeforeEntry>),
    /// The moment is cleared.
    Cleared {
        /// The one that was in force.
        before: Option<NotBeforeEntry>,
    },
    /// The block that is in force.
    Found {
        /// It, if there is one.
        block: Option<BlockEntry>,
    },
}

/// The list as isolates hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockCopy {
    /// Another one after each change.
    pub version: u64,
    /// The blocks.
    pub blocks: Vec<CopiedBlock>,
    /// The moments.
    pub moments: Vec<CopiedMoment>,
}

/// A block by its digest, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedBlock(pub String, pub Option<Timestamp>);

/// A moment by the digest of whose it is: for sessions, and for access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedMoment(pub String, pub Timestamp, pub Option<Timestamp>);

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    blocks: T,
}

impl BlockRequest {
    /// Reads it out of a message. `None` when it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse(text)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        written(self)
    }

    /// Whether it changes nothing.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::List { .. } | Self::Moments | Self::Find { .. })
    }
}

impl BlockReply {
    /// Reads an answer. `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse(text)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        written(self)
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    json::from_text::<Versioned<T>>(text).ok().filter(|message| message.v == VERSION).map(|message| message.blocks)
}

/// What cannot be written becomes a text that nobody reads: the other side refuses it.
fn written(message: &impl Serialize) -> String {
    serde_json::to_string(&Versioned { v: VERSION, blocks: message }).unwrap_or_default()
}
