//! The Durable Object that remembers what was used.

use postern::ports::Claimed;
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
    Ok(ReplayReply::answer(is_free(table, look.key(), now)?).to_json())
}

fn give_back(table: &ExpiringTable, release: &ReplayRelease) -> Result<String, ObjectError> {
    table.query::<IgnoredAny>(statement::RELEASE, vec![release.key().into()])?;
    Ok(ReplayReply::answer(false).to_json())
}

async fn claim(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
    let claim = ReplayClaim::parse(message, now).map_err(|error| ObjectError::Malformed(error.to_string()))?;
    let is_first = take(table, claim.key(), &claim, now)?;
    let reply = match claim.owner() {
        None => ReplayReply::answer(is_first),
        Some(owner) => ReplayReply::for_owner(claimed(table, owner, &claim, (is_first, now))?),
    };
    table.ensure_alarm(now, claim.until()).await?;
    Ok(reply.to_json())
}

/// Nothing comes between this and the claim itself: it is remembered with its owner, or not at all.
fn claimed(
    table: &ExpiringTable,
    owner: &str,
    claim: &ReplayClaim,
    (is_first, now): (bool, Timestamp),
) -> Result<Claimed, ObjectError> {
    if is_first {
        take(table, owner, claim, now)?;
        return Ok(Claimed::First);
    }
    Ok(if is_free(table, owner, now)? { Claimed::ByAnother } else { Claimed::Again })
}

fn take(table: &ExpiringTable, key: &str, claim: &ReplayClaim, now: Timestamp) -> Result<bool, ObjectError> {
    let bindings = vec![key.into(), claim.until().as_unix().into(), now.as_unix().into()];
    let rows: Vec<IgnoredAny> = table.write(statement::CLAIM, bindings)?;
    Ok(!rows.is_empty())
}

fn is_free(table: &ExpiringTable, key: &str, now: Timestamp) -> Result<bool, ObjectError> {
    let rows: Vec<IgnoredAny> = table.query(statement::LOOK, vec![key.into(), now.as_unix().into()])?;
    Ok(rows.is_empty())
}
