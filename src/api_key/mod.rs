//! API keys: the text that a program shows, the record behind it, and the rules of the objects that keep the records.
//!
//! The records of one holder lie in one of 256 objects ([`HolderKey::shard`]), so that they are listed, limited and ended in
//! one place. The first byte of a key's id names that object: no object is ever named after a text of a caller's.

mod base62;
mod cache;
mod cached_keys;
mod exposure;
mod holder;
pub mod message;
mod record;
mod rules;
mod shard;
pub mod table;
mod text;

pub use cache::{KeyCache, KeyTicket, Knowledge};
pub use cached_keys::CachedKeys;
pub use exposure::find_exposed;
pub use holder::{HolderKey, KeyHolder, KeyOwner, OwnerStanding, shard_name};
pub use message::{
    CheckKey, KeyCommand, KeyEnvelope, KeyRefusal, KeyReply, ListedKey, LiveKey, MakeKey, RevokeShownKey, RotateKey,
    Weakened,
};
pub use record::{ApiKeyRecord, KeyEnd, KeyEnding, KeyUse, OldSecret};
pub use rules::{ApiKeyRules, DEFAULT_LIFE, LONGEST_LIFE, LONGEST_OVERLAP, SelfService};
pub use shard::{KeyNotice, KeyShard, SHORTEST_BETWEEN_NOTES};
pub use text::{ApiKeyId, ApiKeyText, KeyDigest, KeyMark, KeyPrefix, MAX_KEY_BYTES};
pub(crate) use text::{CRC_DIGITS, check_digits};

use crate::ports::StoreError;

/// How many objects the keys of a site are spread over. It can never be another: keys would not be found again.
pub const SHARDS: u16 = 256;

/// The way to the objects that keep API keys.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait ApiKeys {
    /// Hands one command to the object of this number and waits for its answer.
    ///
    /// # Errors
    /// When the object does not answer in time, or with an error: the caller refuses.
    async fn ask(&self, shard: u8, command: &KeyCommand) -> Result<KeyReply, StoreError>;
}

/// The same where the command says itself which object is meant.
///
/// # Errors
/// When the object does not answer in time, or with an error.
pub async fn ask<K: ApiKeys>(keys: &K, command: &KeyCommand) -> Result<KeyReply, StoreError> {
    keys.ask(command.shard(), command).await
}
