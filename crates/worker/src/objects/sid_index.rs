//! The Durable Object that knows whose a provider's session is.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use worker::{DurableObject, Env, State, durable_object};

use crate::objects::expiring_table::{self, ExpiringTable, Kind};
use crate::objects::{self, ObjectError};
use postern::ports::Clock;
use postern::session::sid_index::{self, SidReply, SidRequest, statement};
use postern::time::Timestamp;
use postern_workers::clock::SystemClock;

/// One shard of the index; forgets entries by itself when their sessions are over.
#[durable_object(alarm)]
pub struct SidIndexObject {
    shard: Rc<Shard>,
}

struct Shard {
    table: ExpiringTable,
}

const KIND: Kind = Kind {
    create: statement::CREATE,
    sweep: statement::SWEEP,
    next: statement::NEXT,
    sweep_after: sid_index::sweep_after,
    alarm_failed: "sid_index_alarm_failed",
};

impl DurableObject for SidIndexObject {
    fn new(state: State, _env: Env) -> Self {
        let table = ExpiringTable::new(KIND, state.storage());
        Self { shard: Rc::new(Shard { table }) }
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        let shard = Rc::clone(&self.shard);
        objects::serve(request, move |message| async move { shard.answer(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<worker::Response> {
        let shard = Rc::clone(&self.shard);
        expiring_table::on_alarm(async move { shard.table.sweep().await }).await
    }
}

#[derive(Deserialize)]
struct Found {
    subject: String,
}

impl Shard {
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let now = SystemClock.now();
        let request = SidRequest::parse(message, now);
        let request = request.ok_or_else(|| ObjectError::Malformed("expected a request of the index".to_owned()))?;
        let response = match request {
            SidRequest::Put { key, subject, login_started_at, until } => {
                let overtaken = vec![key.as_str().into(), login_started_at.as_unix().into(), now.as_unix().into()];
                if !self.table.query::<IgnoredAny>(statement::OVERTAKEN, overtaken)?.is_empty() {
                    return Ok(SidReply::Overtaken.to_json());
                }
                self.table.execute(statement::PUT, vec![key.into(), subject.into(), until.as_unix().into()])?;
                self.table.ensure_alarm(now, until).await?;
                SidReply::Entered
            }
            SidRequest::Find { key } => SidReply::Subjects(self.find(&key, now)?),
            SidRequest::End { key } => {
                let until = sid_index::remembered_until(now);
                let note = vec![key.as_str().into(), now.as_unix().into(), until.as_unix().into()];
                self.table.execute(statement::NOTE, note)?;
                let subjects = self.find(&key, now)?;
                self.table.ensure_alarm(now, until).await?;
                SidReply::Subjects(subjects)
            }
        };
        Ok(response.to_json())
    }

    fn find(&self, key: &str, now: Timestamp) -> Result<Vec<String>, ObjectError> {
        let found: Vec<Found> = self.table.query(statement::FIND, vec![key.into(), now.as_unix().into()])?;
        Ok(found.into_iter().map(|row| row.subject).collect())
    }
}
