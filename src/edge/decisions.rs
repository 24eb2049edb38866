//! [`KeptDecisions`] by sharded Durable Objects.

use super::bindings::Bindings;
use super::platform::Workers;
use super::{log, shield};
use crate::kept::{Decision, Found, KeptDecisions, Message, shard};
use crate::ports::StoreError;

/// The binding of the namespace.
pub const BINDING: &str = "DECISION_LOG";

/// Asks the `DecisionObject` that is responsible for the id.
impl KeptDecisions for Workers {
    fn keep(&self, decision: Decision) {
        let bindings = self.bindings().clone();
        self.background().run(async move {
            let id = decision.id.clone();
            let failure = match shield::run(async move { put(&bindings, &decision).await }).await {
                Ok(kept) => kept.err().map(|error| format!("{error:?}")),
                Err(crash) => Some(crash.to_string()),
            };
            if let Some(reason) = failure {
                log::failure("decision_not_kept", Some(&id), &reason);
            }
        });
    }

    async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        let answer = self.bindings().objects().call(BINDING, &shard(id), &Message::find(id)).await?;
        Found::parse(&answer).ok_or(StoreError::Malformed)
    }
}

async fn put(bindings: &Bindings, decision: &Decision) -> Result<(), StoreError> {
    bindings.objects().call(BINDING, &shard(&decision.id), &decision.to_json()).await.map(drop)
}
