//! [`ReplayGuard`] by sharded Durable Objects.

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::ports::{Claimed, ReplayGuard, StoreError};
use postern::store::replay::{ReplayClaim, ReplayLook, ReplayRelease, ReplayReply, shard};
use postern::time::Timestamp;

/// The binding of the namespace.
pub const BINDING: &str = bindings::ONCE;

/// Claims in the `OnceObject` that is responsible for the key.
impl ReplayGuard for Bindings {
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        self.background().note_effect();
        let message = ReplayClaim::new(key, until).to_json();
        let answer = self.objects().call(BINDING, &shard(key), &message).await?;
        Ok(ReplayReply::parse(&answer).ok_or(StoreError::Malformed)?.first())
    }

    async fn claim_for(&self, key: &[u8; 32], owner: &[u8; 32], until: Timestamp) -> Result<Claimed, StoreError> {
        self.background().note_effect();
        let message = ReplayClaim::of_owner(key, owner, until).to_json();
        let answer = self.objects().call(BINDING, &shard(key), &message).await?;
        Ok(ReplayReply::parse(&answer).ok_or(StoreError::Malformed)?.claimed())
    }

    async fn is_claimed(&self, key: &[u8; 32]) -> Result<bool, StoreError> {
        let message = ReplayLook::new(key).to_json();
        let answer = self.objects().call(BINDING, &shard(key), &message).await?;
        Ok(!ReplayReply::parse(&answer).ok_or(StoreError::Malformed)?.first())
    }

    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        let message = ReplayRelease::new(key).to_json();
        self.objects().call(BINDING, &shard(key), &message).await.map(drop)
    }
}
