//! The Durable Object that counts requests.

use std::rc::Rc;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::objects::expiring_table::{self, ExpiringTable, Kind};
use crate::objects::{self, ObjectError};
use postern::limit::Bucket;
use postern::limit::message::{self, BucketRow, Draw, statement};
use postern::ports::Clock;
use postern_workers::clock::SystemClock;

/// One shard of the buckets; forgets those that are full by itself.
#[durable_object(alarm)]
pub struct BucketObject {
    shard: Rc<Shard>,
}

struct Shard {
    table: ExpiringTable,
}

const KIND: Kind = Kind {
    create: statement::CREATE,
    sweep: statement::SWEEP,
    next: statement::NEXT,
    sweep_after: message::sweep_after,
    alarm_failed: "bucket_alarm_failed",
};

impl DurableObject for BucketObject {
    fn new(state: State, _env: Env) -> Self {
        let table = ExpiringTable::new(KIND, state.storage());
        Self { shard: Rc::new(Shard { table }) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        objects::serve(request, move |message| async move { shard.draw(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        expiring_table::on_alarm(async move { shard.table.sweep().await }).await
    }
}

impl Shard {
    /// What is refused costs no write.
    async fn draw(&self, message: &str) -> Result<String, ObjectError> {
        let draw = Draw::parse(message);
        let (key, allowance) = draw.ok_or_else(|| ObjectError::Malformed("expected a draw".to_owned()))?;
        let now = SystemClock.now();
        let rows: Vec<BucketRow> = self.table.query(statement::READ, vec![key.as_str().into()])?;
        let mut bucket = rows.into_iter().next().map_or(Bucket::full(now), Bucket::from);
        let drawn = bucket.draw(&allowance, now);
        if drawn.admitted {
            let full_at = bucket.full_at(&allowance);
            // An `Allowance` keeps a debt below 10¹¹.
            let debt = i64::try_from(bucket.debt()).unwrap_or(i64::MAX);
            let row = vec![key.into(), debt.into(), bucket.at().as_unix().into(), full_at.as_unix().into()];
            self.table.execute(statement::WRITE, row)?;
            self.table.ensure_alarm(now, full_at).await?;
        }
        Ok(message::answer(&drawn))
    }
}
