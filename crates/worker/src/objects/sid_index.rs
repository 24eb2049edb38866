//! The Durable Object that knows whose a provider's session is.

use postern::session::sid_index::{self, SidReply, SidRequest, statement};
use postern::time::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::objects::expiring_table::{ExpiringTable, Kind, Rows};
use crate::objects::{ObjectError, expiring_object};

expiring_object! {
    /// One shard of the index; forgets entries by itself when their sessions are over.
    SidIndexObject, Sids
}

struct Sids;

#[derive(Deserialize)]
struct Found {
    subject: String,
}

impl Rows for Sids {
    const KIND: Kind = Kind {
        create: &[statement::CREATE, statement::INDEX],
        is_made: statement::IS_MADE,
        sweep: statement::SWEEP,
        next: statement::NEXT,
        sweep_after: sid_index::sweep_after,
        alarm_failed: "sid_index_alarm_failed",
    };

    async fn answer(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
        let request = SidRequest::parse(message, now);
        let request = request.ok_or_else(|| ObjectError::Malformed("expected a request of the index".to_owned()))?;
        let reply = match request {
            SidRequest::Put { key, subject, login_started_at, until } => {
                let overtaken = vec![key.as_str().into(), login_started_at.as_unix().into(), now.as_unix().into()];
                if !table.query::<IgnoredAny>(statement::OVERTAKEN, overtaken)?.is_empty() {
                    return Ok(SidReply::Overtaken.to_json());
                }
                let entry = vec![key.into(), subject.into(), until.as_unix().into()];
                table.write::<IgnoredAny>(statement::PUT, entry)?;
                table.ensure_alarm(now, until).await?;
                SidReply::Entered
            }
            SidRequest::Find { key } => SidReply::Subjects(find(table, &key, now)?),
            SidRequest::End { key } => {
                let until = sid_index::remembered_until(now);
                let note = vec![key.as_str().into(), now.as_unix().into(), until.as_unix().into()];
                table.write::<IgnoredAny>(statement::NOTE, note)?;
                let subjects = find(table, &key, now)?;
                table.ensure_alarm(now, until).await?;
                SidReply::Subjects(subjects)
            }
        };
        Ok(reply.to_json())
    }
}

fn find(table: &ExpiringTable, key: &str, now: Timestamp) -> Result<Vec<String>, ObjectError> {
    let found: Vec<Found> = table.query(statement::FIND, vec![key.into(), now.as_unix().into()])?;
    Ok(found.into_iter().map(|row| row.subject).collect())
}
