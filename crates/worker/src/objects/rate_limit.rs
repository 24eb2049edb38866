//! The Durable Object that counts requests.

use postern::limit::Bucket;
use postern::limit::message::{self, BucketRow, Draw, statement};
use postern::time::Timestamp;
use serde::de::IgnoredAny;

use crate::objects::expiring_table::{ExpiringTable, Kind, Rows};
use crate::objects::{ObjectError, expiring_object};

expiring_object! {
    /// One shard of the buckets; forgets those that are full by itself.
    BucketObject, Buckets
}

struct Buckets;

impl Rows for Buckets {
    const KIND: Kind = Kind {
        create: &[statement::CREATE],
        is_made: statement::IS_MADE,
        sweep: statement::SWEEP,
        next: statement::NEXT,
        sweep_after: message::sweep_after,
        alarm_failed: "bucket_alarm_failed",
    };

    /// What is refused costs no write.
    async fn answer(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError> {
        let draw = Draw::parse(message);
        let (key, allowance) = draw.ok_or_else(|| ObjectError::Malformed("expected a draw".to_owned()))?;
        let rows: Vec<BucketRow> = table.query(statement::READ, vec![key.as_str().into()])?;
        let mut bucket = rows.into_iter().next().map_or(Bucket::full(now), Bucket::from);
        let drawn = bucket.draw(&allowance, now);
        if drawn.admitted {
            let full_at = bucket.full_at(&allowance);
            // An `Allowance` keeps a debt below 10¹¹.
            let debt = i64::try_from(bucket.debt()).unwrap_or(i64::MAX);
            let row = vec![key.into(), debt.into(), bucket.at().as_unix().into(), full_at.as_unix().into()];
            table.write::<IgnoredAny>(statement::WRITE, row)?;
            table.ensure_alarm(now, full_at).await?;
        }
        Ok(message::answer(&drawn))
    }
}
