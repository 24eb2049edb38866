//! [`Counters`] by sharded Durable Objects, and by the platform's rate limiting.

use crate::bindings::Bindings;
use crate::clock::millis;
use crate::js::Exception;
use crate::js::glue;
use crate::objects::Objects;
use crate::pending_promise;
use postern::config::bindings;
use postern::limit::message::{Draw, read_answer};
use postern::limit::{Allowance, BucketKey, Counters, Drawn};
use postern::ports::StoreError;
use postern::time::Seconds;

/// The binding of the namespace.
pub const BINDING: &str = bindings::BUCKETS;

/// A counter that takes longer costs more than what it counts.
const PATIENCE: Seconds = Seconds::new(2);

/// Asks the `BucketObject` that is responsible for the key, or a rate limit of the platform's.
impl Counters for Bindings {
    async fn draw(&self, key: &BucketKey, allowance: &Allowance) -> Result<Drawn, StoreError> {
        let message = Draw::new(key, allowance).to_json();
        let answer = self.objects().call_within(PATIENCE, BINDING, &key.shard(), &message).await?;
        read_answer(&answer).ok_or(StoreError::Malformed)
    }

    async fn is_within(&self, binding: &str, key: &BucketKey) -> Result<bool, StoreError> {
        let unavailable = |error: Exception| StoreError::unavailable(format!("`{binding}`: {error}"));
        let Objects { env, site, .. } = self.objects();
        let asked = glue::within(env, binding, &site.scoped(&key.to_hex()), millis(PATIENCE));
        let answer = pending_promise::wait(asked).await.map_err(unavailable)?;
        answer.as_bool().ok_or(StoreError::Malformed)
    }
}
