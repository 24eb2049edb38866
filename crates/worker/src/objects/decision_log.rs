//! The Durable Object that keeps decisions.

use postern::store::decision_log::{self, FindReply, LoggedDecision, Message, statement};
use postern::time::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::objects::expiring_table::{ExpiringTable, Kind, Rows};
use crate::objects::{ObjectError, expiring_object};

expiring_object! {
    /// One shard of the decisions; forgets them by itself when they expire.
    DecisionObject, Decisions
}

struct Decisions;

#[derive(Deserialize)]
struct Row {
    event: String,
}

impl Rows for Decisions {
    const KIND: Kind = Kind {
        create: &[statement::CREATE, statement::INDEX],
        is_made: statement::IS_MADE,
        sweep: statement::SWEEP,
        next: statement::NEXT,
        sweep_after: decision_log::sweep_after,
        alarm_failed: "decisions_alarm_failed",
    };

    async fn answer(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
        let event = match Message::parse(message, now) {
            Some(Message::Find(id)) => {
                let rows: Vec<Row> = table.query(statement::FIND, vec![id.into(), now.as_unix().into()])?;
                rows.into_iter().next().map(|row| row.event)
            }
            Some(Message::Keep(decision)) => {
                let until = decision.until();
                let LoggedDecision { id, event, .. } = decision;
                let row = vec![id.into(), event.into(), until.as_unix().into()];
                table.write::<IgnoredAny>(statement::KEEP, row)?;
                table.ensure_alarm(now, until).await?;
                None
            }
            None => return Err(ObjectError::Malformed("expected a decision, or its id".to_owned())),
        };
        Ok(FindReply::answer(event).to_json())
    }
}
