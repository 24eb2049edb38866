//! The Durable Object that remembers what was used.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, Storage, durable_object};

use super::clock::SystemClock;
use super::object::{self, ObjectError};
use super::{log, sql};
use crate::once::{Claim, Claimed, Release, statement};
use crate::ports::Clock;
use crate::time::Timestamp;

/// One shard of the things used once; forgets them by itself when they expire.
#[durable_object(alarm)]
pub struct OnceObject {
    shard: AssertUnwindSafe<Rc<Shard>>,
}

struct Shard {
    storage: Storage,
    sql: SqlStorage,
    has_table: Cell<bool>,
    has_alarm: Cell<bool>,
}

impl DurableObject for OnceObject {
    fn new(state: State, _env: Env) -> Self {
        let storage = state.storage();
        let sql = storage.sql();
        let shard = Shard { storage, sql, has_table: Cell::new(false), has_alarm: Cell::new(false) };
        Self { shard: AssertUnwindSafe(Rc::new(shard)) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        object::serve(request, move |message| async move { shard.answer(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let shard = Rc::clone(&self.shard);
        let swept = super::shield::run(async move { shard.sweep().await }).await;
        match swept {
            Ok(Ok(())) => Response::empty(),
            Ok(Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason))) => Err(reason.into()),
            Err(crash) => Err(crash.to_string().into()),
        }
    }
}

#[derive(Deserialize)]
struct Next {
    next: Option<i64>,
}

impl Shard {
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        match Release::parse(message) {
            Some(release) => self.release(&release),
            None => self.claim(message).await,
        }
    }

    fn release(&self, release: &Release) -> Result<String, ObjectError> {
        self.ensure_table()?;
        sql::execute(&self.sql, statement::RELEASE, vec![release.key().into()])?;
        Ok(Claimed::answer(false).to_json())
    }

    async fn claim(&self, message: &str) -> Result<String, ObjectError> {
        let now = SystemClock.now();
        let claim = Claim::parse(message, now).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        self.ensure_table()?;
        let bindings = vec![claim.key().into(), claim.until().as_unix().into(), now.as_unix().into()];
        let rows: Vec<serde::de::IgnoredAny> = sql::query(&self.sql, statement::CLAIM, bindings)?;
        self.ensure_alarm(now, claim.until()).await?;
        Ok(Claimed::answer(!rows.is_empty()).to_json())
    }

    fn ensure_table(&self) -> Result<(), ObjectError> {
        if !self.has_table.get() {
            sql::execute(&self.sql, statement::CREATE, Vec::new())?;
            self.has_table.set(true);
        }
        Ok(())
    }

    async fn ensure_alarm(&self, now: Timestamp, until: Timestamp) -> Result<(), ObjectError> {
        if self.has_alarm.get() {
            return Ok(());
        }
        if self.storage.get_alarm().await.map_err(failed)?.is_none() {
            self.set_alarm(now, until).await?;
        }
        self.has_alarm.set(true);
        Ok(())
    }

    async fn set_alarm(&self, now: Timestamp, next: Timestamp) -> Result<(), ObjectError> {
        let wait_ms = crate::once::sweep_after(now, next).get().saturating_mul(1000);
        self.storage.set_alarm(i64::from(wait_ms)).await.map_err(failed)
    }

    /// Forgets what has expired and comes back when the next of the rest does.
    async fn sweep(&self) -> Result<(), ObjectError> {
        self.has_alarm.set(false);
        self.ensure_table()?;
        let now = SystemClock.now();
        sql::execute(&self.sql, statement::SWEEP, vec![now.as_unix().into()])?;
        let rows: Vec<Next> = sql::query(&self.sql, statement::NEXT, Vec::new())?;
        let Some(next) = rows.first().and_then(|row| row.next) else { return Ok(()) };
        self.set_alarm(now, Timestamp::from_unix(next)).await?;
        self.has_alarm.set(true);
        Ok(())
    }
}

fn failed(error: worker::Error) -> ObjectError {
    log::failure("once_alarm_failed", None, &error.to_string());
    ObjectError::Failed(error.to_string())
}
