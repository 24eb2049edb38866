//! The Durable Object that remembers what was used.

use std::rc::Rc;

use serde::de::IgnoredAny;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::objects::expiring_table::{self, ExpiringTable, Kind};
use crate::objects::{self, ObjectError};
use postern::ports::Clock;
use postern::store::replay::{self, ReplayClaim, ReplayRelease, ReplayReply, statement};
use postern_workers::clock::SystemClock;

/// One shard of the things used once; forgets them by itself when they expire.
#[durable_object(alarm)]
pub struct OnceObject {
    shard: Rc<Shard>,
}

struct Shard {
    table: ExpiringTable,
}

const KIND: Kind = Kind {
    create: statement::CREATE,
    sweep: statement::SWEEP,
    next: statement::NEXT,
    sweep_after: replay::sweep_after,
    alarm_failed: "once_alarm_failed",
};

impl DurableObject for OnceObject {
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
        match ReplayRelease::parse(message) {
            Some(release) => self.release(&release),
            None => self.claim(message).await,
        }
    }

    fn release(&self, release: &ReplayRelease) -> Result<String, ObjectError> {
        self.table.execute(statement::RELEASE, vec![release.key().into()])?;
        Ok(ReplayReply::answer(false).to_json())
    }

    async fn claim(&self, message: &str) -> Result<String, ObjectError> {
        let now = SystemClock.now();
        let claim = ReplayClaim::parse(message, now).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        let bindings = vec![claim.key().into(), claim.until().as_unix().into(), now.as_unix().into()];
        let rows: Vec<IgnoredAny> = self.table.query(statement::CLAIM, bindings)?;
        self.table.ensure_alarm(now, claim.until()).await?;
        Ok(ReplayReply::answer(!rows.is_empty()).to_json())
    }
}
