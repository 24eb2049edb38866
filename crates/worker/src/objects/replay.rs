//! The Durable Object that remembers what was used.

use postern::store::replay::{self, ReplayClaim, ReplayLook, ReplayRelease, ReplayReply, statement};
use postern::time::Timestamp;
use serde::de::IgnoredAny;

use crate::objects::expiring_table::{ExpiringTable, Kind, Rows};
use crate::objects::{ObjectError, expiring_object};

expiring_object! {
    /// One shard of the things used once; forgets them by itself when they expire.
    OnceObject, Claims
}

struct Claims;

impl Rows for Claims {
    const KIND: Kind = Kind {
        create: &[statement::CREATE, statement::INDEX],
        is_made: statement::IS_MADE,
        sweep: statement::SWEEP,
        next: statement::NEXT,
        sweep_after: replay::sweep_after,
        alarm_failed: "once_alarm_failed",
    };

    async fn answer(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
        if let Some(look) = ReplayLook::parse(message) {
            return look_up(table, &look, now);
        }
        match ReplayRelease::parse(message) {
            Some(release) => give_back(table, &release),
            None => claim(table, message, now).await,
        }
    }
}

fn look_up(table: &ExpiringTable, look: &ReplayLook, now: Timestamp) -> Result<String, ObjectError> {
    let rows: Vec<IgnoredAny> = table.query(statement::LOOK, vec![look.key().into(), now.as_unix().into()])?;
    Ok(ReplayReply::answer(rows.is_empty()).to_json())
}

fn give_back(table: &ExpiringTable, release: &ReplayRelease) -> Result<String, ObjectError> {
    table.query::<IgnoredAny>(statement::RELEASE, vec![release.key().into()])?;
    Ok(ReplayReply::answer(false).to_json())
}

async fn claim(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
    let claim = ReplayClaim::parse(message, now).map_err(|error| ObjectError::Malformed(error.to_string()))?;
    let bindings = vec![claim.key().into(), claim.until().as_unix().into(), now.as_unix().into()];
    let rows: Vec<IgnoredAny> = table.write(statement::CLAIM, bindings)?;
    table.ensure_alarm(now, claim.until()).await?;
    Ok(ReplayReply::answer(!rows.is_empty()).to_json())
}
