//! [`Once`] by sharded Durable Objects.

use crate::bindings::Bindings;
use postern::ports::{Once, StoreError};
use postern::store::replay::{Claim, Claimed, Release, shard};
use postern::time::Timestamp;

/// The binding of the namespace.
pub const BINDING: &str = "ONCE";

/// Claims in the `OnceObject` that is responsible for the key.
impl Once for Bindings {
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        self.background().note_effect();
        let message = Claim::new(key, until).to_json();
        let answer = self.objects().call(BINDING, &shard(key), &message).await?;
        Ok(Claimed::parse(&answer).ok_or(StoreError::Malformed)?.first())
    }

    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        let message = Release::new(key).to_json();
        self.objects().call(BINDING, &shard(key), &message).await.map(drop)
    }
}
