//! The rules of the object, over whatever table its rows are stored in.

use serde::de::DeserializeOwned;

use super::entry::{BlockEntry, BlockTarget, NotBeforeEntry, NotBeforeScope};
use super::message::{BlockCopy, BlockReply, BlockRequest, CopiedBlock, CopiedMoment, NewBlock, NewMoment};
use crate::json;
use crate::ports::StoreError;
use crate::time::Timestamp;

/// The most blocks. Every isolate holds all of them.
pub const MAX_BLOCKS: usize = 10_000;
/// The most moments. They have room of their own, and none is kept for good.
pub const MAX_MOMENTS: usize = 10_000;
/// Room for moments of everybody and of issuers, beside those of subjects: an incident finds the list open.
const WIDE_MOMENTS: usize = 100;
/// How many entries stand on a page.
pub const PAGE: usize = 100;

/// Of which kind a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRowKind {
    /// A block.
    Block,
    /// A moment.
    NotBefore,
}

impl BlockRowKind {
    /// The kind as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::NotBefore => "not_before",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// The digest.
    pub key: String,
    /// Its kind.
    pub kind: BlockRowKind,
    /// The entry, as JSON.
    pub value: String,
    /// Of a moment: for sessions.
    pub moment: Option<Timestamp>,
    /// Of a moment: for access tokens.
    pub tokens: Option<Timestamp>,
    /// Of a block: until when. Of a moment: when it is forgotten, for nothing from before it can still be good.
    pub until: Option<Timestamp>,
}

/// Where the rows are. Calls run one after the other, and none is interrupted.
pub trait BlockTable {
    /// The version; 0 before the first change. The first one is a random number times [`CHANGES_OF_EPOCH`], so that a list that
    /// was begun anew is never taken for the one before.
    ///
    /// # Errors
    /// When the storage fails; so for all below.
    fn version(&self) -> Result<u64, StoreError>;
    /// The row of this key.
    ///
    /// # Errors
    /// When the storage fails.
    fn find(&self, key: &str) -> Result<Option<BlockRow>, StoreError>;
    /// At most `most` rows of a kind behind a key, in the order of their keys.
    ///
    /// # Errors
    /// When the storage fails.
    fn list(&self, kind: BlockRowKind, after: &str, most: usize) -> Result<Vec<BlockRow>, StoreError>;
    /// At most `most` rows of a kind without their entries: what isolates hold of them.
    ///
    /// # Errors
    /// When the storage fails.
    fn copied(&self, kind: BlockRowKind, most: usize) -> Result<Vec<BlockRow>, StoreError>;
    /// How many rows of a kind there are that have not expired.
    ///
    /// # Errors
    /// When the storage fails.
    fn count(&self, kind: BlockRowKind, now: Timestamp) -> Result<usize, StoreError>;
    /// Forgets what has expired, then stores `put` or deletes the row `delete`, and moves to the next version: all or nothing.
    ///
    /// # Errors
    /// When the storage fails.
    fn change(&self, change: BlockRowChange<'_>, now: Timestamp) -> Result<(), StoreError>;
}

/// What is done to the rows.
#[derive(Clone, Copy, Debug)]
pub enum BlockRowChange<'a> {
    /// Stores a row, in place of one with the same key.
    Put(&'a BlockRow),
    /// Deletes the row of this key.
    Delete(&'a str),
}

/// The object at work.
#[derive(Debug)]
pub struct BlockRules<'a, Table> {
    /// Its rows.
    pub table: &'a Table,
}

impl<Table: BlockTable> BlockRules<'_, Table> {
    /// Carries out one request.
    ///
    /// # Errors
    /// When the storage fails or holds what cannot be read.
    pub fn answer(&self, request: &BlockRequest, now: Timestamp) -> Result<BlockReply, StoreError> {
        match request {
            BlockRequest::Read { known } => self.read(*known, now),
            BlockRequest::Block(block) => self.block(block, now),
            BlockRequest::Lift { target } => self.lift(target, now),
            BlockRequest::List { after } => self.page(after.as_deref().unwrap_or_default(), now),
            BlockRequest::NotBefore(moment) => self.move_on(moment, now),
            BlockRequest::Moments => {
                let rows = self.table.list(BlockRowKind::NotBefore, "", MAX_MOMENTS + WIDE_MOMENTS)?;
                let rows = rows.iter().filter(|row| is_in_force(row, now));
                Ok(BlockReply::Moments(rows.map(entry).collect::<Result<_, _>>()?))
            }
            BlockRequest::ClearMoment { of } => {
                Ok(BlockReply::Cleared { before: self.delete(&of.digest(), now)?.as_ref().map(entry).transpose()? })
            }
            BlockRequest::Find { target } => {
                let found = self.table.find(&target.digest())?.filter(|row| is_in_force(row, now));
                Ok(BlockReply::Found { block: found.as_ref().map(entry).transpose()? })
            }
        }
    }

    fn read(&self, known: Option<u64>, now: Timestamp) -> Result<BlockReply, StoreError> {
        let version = self.table.version()?;
        if known == Some(version) {
            return Ok(BlockReply::Unchanged);
        }
        let rows = |kind, most| self.table.copied(kind, most);
        let blocks = rows(BlockRowKind::Block, MAX_BLOCKS)?;
        let blocks = blocks.into_iter().filter(|row| is_in_force(row, now));
        let moments = rows(BlockRowKind::NotBefore, MAX_MOMENTS + WIDE_MOMENTS)?;
        let moments = moments.into_iter().filter(|row| is_in_force(row, now));
        let moment = |row: BlockRow| Some(CopiedMoment(row.key, row.moment?, row.tokens));
        Ok(BlockReply::Copy(BlockCopy {
            version,
            blocks: blocks.map(|row| CopiedBlock(row.key, row.until)).collect(),
            moments: moments.map(moment).collect::<Option<_>>().ok_or(StoreError::Malformed)?,
        }))
    }

    fn block(&self, block: &NewBlock, now: Timestamp) -> Result<BlockReply, StoreError> {
        let NewBlock { target, reason, until, by } = block.clone();
        let key = target.digest();
        let before = self.table.find(&key)?;
        if before.is_none() && self.table.count(BlockRowKind::Block, now)? >= MAX_BLOCKS {
            return Ok(BlockReply::Full);
        }
        let value = written(&BlockEntry { target, reason, until, by, at: now })?;
        let row = BlockRow { key, kind: BlockRowKind::Block, value, moment: None, tokens: None, until };
        self.table.change(BlockRowChange::Put(&row), now)?;
        self.changed(before, now)
    }

    fn lift(&self, target: &BlockTarget, now: Timestamp) -> Result<BlockReply, StoreError> {
        let before = self.delete(&target.digest(), now)?;
        self.changed(before, now)
    }

    /// The row that was in force under this key.
    fn delete(&self, key: &str, now: Timestamp) -> Result<Option<BlockRow>, StoreError> {
        let before = self.table.find(key)?;
        if before.is_some() {
            self.table.change(BlockRowChange::Delete(key), now)?;
        }
        Ok(before.filter(|row| is_in_force(row, now)))
    }

    fn changed(&self, before: Option<BlockRow>, now: Timestamp) -> Result<BlockReply, StoreError> {
        let before = before.filter(|row| is_in_force(row, now));
        Ok(BlockReply::Changed { before: before.as_ref().map(entry).transpose()? })
    }

    fn page(&self, after: &str, now: Timestamp) -> Result<BlockReply, StoreError> {
        let rows = self.table.list(BlockRowKind::Block, after, PAGE + 1)?;
        let next = rows.get(PAGE - 1).filter(|_| rows.len() > PAGE).map(|row| row.key.clone());
        let entries = rows.iter().take(PAGE).filter(|row| is_in_force(row, now)).map(entry);
        Ok(BlockReply::Page { entries: entries.collect::<Result<_, _>>()?, next })
    }

    /// A moment moves neither back nor beyond now.
    fn move_on(&self, new: &NewMoment, now: Timestamp) -> Result<BlockReply, StoreError> {
        let NewMoment { of, moment, tokens, by, keep } = new.clone();
        let (key, moment) = (of.digest(), moment.min(now));
        let before = self.table.find(&key)?.filter(|row| is_in_force(row, now));
        let most = match of {
            NotBeforeScope::Subject { .. } => MAX_MOMENTS,
            NotBeforeScope::Everybody | NotBeforeScope::Issuer { .. } => MAX_MOMENTS + WIDE_MOMENTS,
        };
        if before.is_none() && self.table.count(BlockRowKind::NotBefore, now)? >= most {
            return Ok(BlockReply::Full);
        }
        let before: Option<NotBeforeEntry> = before.as_ref().map(entry).transpose()?;
        let (earlier, earlier_tokens) =
            before.as_ref().map_or((None, None), |before| (Some(before.moment), before.tokens));
        let after = NotBeforeEntry {
            of,
            moment: earlier.map_or(moment, |earlier| earlier.max(moment)),
            tokens: earlier_tokens.max(tokens.then_some(moment)),
            by,
            at: now,
        };
        let row = BlockRow {
            key,
            kind: BlockRowKind::NotBefore,
            value: written(&after)?,
            moment: Some(after.moment),
            tokens: after.tokens,
            until: keep.map(|keep| now.plus(keep)),
        };
        self.table.change(BlockRowChange::Put(&row), now)?;
        Ok(BlockReply::Moved { before, after })
    }
}

fn is_in_force(row: &BlockRow, now: Timestamp) -> bool {
    row.until.is_none_or(|until| now < until)
}

fn entry<T: DeserializeOwned>(row: &BlockRow) -> Result<T, StoreError> {
    json::from_text(&row.value).map_err(|_| StoreError::Malformed)
}

fn written(entry: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|_| StoreError::Malformed)
}
