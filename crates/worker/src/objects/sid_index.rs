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
            SidRequest::Put { key, subject, login_started_at, until, suffices } => {
                let overtaken = vec![key.as_str().into(), login_started_at.as_unix().into(), now.as_unix().into()];
                if !table.query::<IgnoredAny>(statement::OVERTAKEN, overtaken)?.is_empty() {
                    return Ok(SidReply::Overtaken.to_json());
                }
                if let Some(suffices) = suffices {
                    let kept = vec![key.as_str().into(), subject.as_str().into(), suffices.as_unix().into()];
                    if !table.query::<IgnoredAny>(statement::IS_KEPT, kept)?.is_empty() {
                        return Ok(SidReply::Entered.to_json());
                    }
                }
                let entry = vec![key.into(), subject.into(), until.as_unix().into()];
                table.write::<IgnoredAny>(statement::PUT, entry)?;
                table.ensure_alarm(now, until).await?;
                SidReply::Entered
            }
            SidRequest::Find { key } => SidReply::Subjects(find(table, &key, now)?),
            SidRequest::End { key } => {
                note(table, &key, now, sid_index::remembered_until(now)).await?;
                SidReply::Subjects(find(table, &key, now)?)
            }
            SidRequest::Page { key, after, limit, ends } => {
                if ends {
                    note(table, &key, now, sid_index::agent_remembered_until(now)).await?;
                }
                let page = vec![key.into(), after.into(), now.as_unix().into(), i64::from(limit).into()];
                SidReply::Subjects(subjects(table.query(statement::PAGE, page)?))
            }
        };
        Ok(reply.to_json())
    }
}

fn find(table: &ExpiringTable, key: &str, now: Timestamp) -> Result<Vec<String>, ObjectError> {
    Ok(subjects(table.query(statement::FIND, vec![key.into(), now.as_unix().into()])?))
}

fn subjects(found: Vec<Found>) -> Vec<String> {
    found.into_iter().map(|row| row.subject).collect()
}

/// Notes that what this key names has ended by now.
async fn note(table: &ExpiringTable, key: &str, now: Timestamp, until: Timestamp) -> Result<(), ObjectError> {
    let note = vec![key.into(), now.as_unix().into(), until.as_unix().into()];
    table.write::<IgnoredAny>(statement::NOTE, note)?;
    table.ensure_alarm(now, until).await
}
