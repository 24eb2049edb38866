//! The block list of a site: callers that are refused until the block is lifted, and moments before which sessions and tokens
//! count no more.
//!
//! One object keeps it. Isolates hold copies that name entries by digests only; a copy has a version, so that asking whether
//! it is still the newest costs a few bytes.

mod copy;
mod entry;
mod memory;
mod message;
mod rules;
pub mod statement;

pub use copy::{BlockList, CHANGES_OF_EPOCH};
pub use entry::{BlockEntry, BlockTarget, NotBeforeEntry, NotBeforeScope};
pub use memory::MemoryBlocks;
pub use message::{BlockCopy, BlockReply, BlockRequest, CopiedBlock, CopiedMoment, NewBlock, NewMoment};
pub use rules::{BlockRow, BlockRowChange, BlockRowKind, BlockRules, BlockTable, MAX_BLOCKS, MAX_MOMENTS, PAGE};

use crate::ports::StoreError;

/// What the object is called; a site has one.
pub const OBJECT: &str = "blocks";

/// Where the block list is kept.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait Blocks {
    /// Hands the object a request and waits for its answer.
    ///
    /// # Errors
    /// When it does not answer: the caller is refused.
    async fn ask_blocks(&self, request: &BlockRequest) -> Result<BlockReply, StoreError>;
}

#[cfg(test)]
mod tests;
