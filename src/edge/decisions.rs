//! Decisions kept by sharded Durable Objects.

use super::object::Objects;
use crate::kept::{Decision, Found, Message, shard};
use crate::ports::StoreError;

/// The binding of the namespace.
pub const BINDING: &str = "DECISION_LOG";

/// Asks the `DecisionObject` that is responsible for the id.
#[derive(Clone, Copy, Debug)]
pub struct DecisionObjects<'a>(pub Objects<'a>);

impl DecisionObjects<'_> {
    /// Keeps it.
    ///
    /// # Errors
    /// When the object does not answer.
    pub async fn keep(&self, decision: &Decision) -> Result<(), StoreError> {
        self.0.call(BINDING, &shard(&decision.id), &decision.to_json()).await.map(drop)
    }

    /// The event of the request of this id.
    ///
    /// # Errors
    /// When the object does not answer.
    pub async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        let answer = self.0.call(BINDING, &shard(id), &Message::find(id)).await?;
        Found::parse(&answer).ok_or(StoreError::Malformed)
    }
}
