//! [`DecisionLog`] by sharded Durable Objects.

use crate::bindings::Bindings;
use crate::log;
use crate::platform::Workers;
use postern::config::bindings;
use postern::ports::StoreError;
use postern::store::decision_log::{DecisionLog, FindReply, LoggedDecision, Message, shard};

/// The binding of the namespace.
pub const BINDING: &str = bindings::DECISION_LOG;

/// Asks the `DecisionObject` that is responsible for the id.
impl DecisionLog for Workers {
    fn keep(&self, decision: LoggedDecision) {
        let bindings = self.bindings().clone();
        self.bindings().background().run(async move {
            if let Err(error) = put(&bindings, &decision).await {
                log::failure("decision_not_kept", Some(&decision.id), &format!("{error:?}"));
            }
        });
    }

    async fn kept(&self, id: &str) -> Result<Option<String>, StoreError> {
        let answer = self.bindings().objects().read(BINDING, &shard(id), &Message::find(id)).await?;
        FindReply::parse(&answer).ok_or(StoreError::Malformed)
    }
}

async fn put(bindings: &Bindings, decision: &LoggedDecision) -> Result<(), StoreError> {
    bindings.objects().call(BINDING, &shard(&decision.id), &decision.to_json()).await.map(drop)
}
