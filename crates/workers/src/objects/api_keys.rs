//! [`ApiKeys`] by sharded Durable Objects.

use crate::bindings::Bindings;
use postern::api_key::message::VERSION;
use postern::api_key::{ApiKeys, KeyCommand, KeyEnvelope, KeyReply, shard_name};
use postern::config::bindings;
use postern::json;
use postern::ports::StoreError;

/// The binding of the namespace.
pub const BINDING: &str = bindings::API_KEYS;

/// Asks the `KeyObject` of that number.
impl ApiKeys for Bindings {
    async fn ask(&self, shard: u8, command: &KeyCommand) -> Result<KeyReply, StoreError> {
        let envelope = KeyEnvelope { v: VERSION, command };
        let message = serde_json::to_string(&envelope).map_err(|_| StoreError::Malformed)?;
        let (objects, name) = (self.objects(), shard_name(shard));
        let answer = if command.only_reads() {
            objects.read(BINDING, &name, &message).await?
        } else {
            self.background().note_effect();
            objects.call(BINDING, &name, &message).await?
        };
        json::from_text(&answer).map_err(|_| StoreError::Malformed)
    }
}
