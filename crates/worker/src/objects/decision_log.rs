//! The Durable Object that keeps decisions.

use std::rc::Rc;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::objects::expiring_table::{self, ExpiringTable, Kind};
use crate::objects::{self, ObjectError};
use postern::ports::Clock;
use postern::store::decision_log::{self, FindReply, LoggedDecision, Message, statement};
use postern_workers::clock::SystemClock;

/// One shard of the decisions; forgets them by itself when they expire.
#[durable_object(alarm)]
pub struct DecisionObject {
    shard: Rc<Shard>,
}

struct Shard {
    table: ExpiringTable,
}

#[derive(Deserialize)]
struct Row {
    event: String,
}

const KIND: Kind = Kind {
    create: statement::CREATE,
    sweep: statement::SWEEP,
    next: statement::NEXT,
    sweep_after: decision_log::sweep_after,
    alarm_failed: "decisions_alarm_failed",
};

impl DurableObject for DecisionObject {
    fn new(state: State, _env: Env) -> Self {
        let table = ExpiringTable::new(KIND, state.storage());
        Self { shard: Rc::new(Shard { table }) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        objects::serve(request, move |message| async move { shard.answer(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        expiring_table::on_alarm(async move { shard.table.sweep().await }).await
    }
}

impl Shard {
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let now = SystemClock.now();
        let event = match Message::parse(message, now) {
            Some(Message::Find(id)) => {
                let rows: Vec<Row> = self.table.query(statement::FIND, vec![id.into(), now.as_unix().into()])?;
                rows.into_iter().next().map(|row| row.event)
            }
            Some(Message::Keep(decision)) => {
                let until = decision.until();
                let LoggedDecision { id, event, .. } = decision;
                self.table.execute(statement::KEEP, vec![id.into(), event.into(), until.as_unix().into()])?;
                self.table.ensure_alarm(now, until).await?;
                None
            }
            None => return Err(ObjectError::Malformed("expected a decision, or its id".to_owned())),
        };
        Ok(FindReply::answer(event).to_json())
    }
}
