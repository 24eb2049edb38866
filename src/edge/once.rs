//! [`Once`] by sharded Durable Objects.

use worker::Env;

use super::object;
use crate::once::{Claim, Claimed, Release, shard};
use crate::ports::{Once, StoreError};
use crate::time::Timestamp;

/// The binding of the namespace.
pub const BINDING: &str = "ONCE";

/// Claims in the `OnceObject` that is responsible for the key.
#[derive(Clone, Debug)]
pub struct OnceObjects(Env);

impl OnceObjects {
    /// The objects of this deployment.
    #[must_use]
    pub const fn new(env: Env) -> Self {
        Self(env)
    }
}

impl Once for OnceObjects {
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError> {
        let message = Claim::new(key, until).to_json();
        let answer = object::call(&self.0, BINDING, &shard(key), &message).await?;
        Ok(Claimed::parse(&answer).ok_or(StoreError::Malformed)?.first())
    }

    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        let message = Release::new(key).to_json();
        object::call(&self.0, BINDING, &shard(key), &message).await.map(drop)
    }
}
