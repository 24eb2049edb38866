//! The Durable Object that knows whose a provider's session is.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use worker::{DurableObject, Env, SqlStorage, State, Storage, durable_object};

use super::clock::SystemClock;
use super::object::{self, ObjectError};
use super::{log, shield, sql};
use crate::ports::Clock;
use crate::session::sid_index::{self, Request, Response, statement};
use crate::time::Timestamp;

/// One shard of the index; forgets entries by itself when their sessions are over.
#[durable_object(alarm)]
pub struct SidIndexObject {
    shard: AssertUnwindSafe<Rc<Shard>>,
}

struct Shard {
    storage: Storage,
    sql: SqlStorage,
    has_table: Cell<bool>,
    has_alarm: Cell<bool>,
}

impl DurableObject for SidIndexObject {
    fn new(state: State, _env: Env) -> Self {
        let storage = state.storage();
        let sql = storage.sql();
        let shard = Shard { storage, sql, has_table: Cell::new(false), has_alarm: Cell::new(false) };
        Self { shard: AssertUnwindSafe(Rc::new(shard)) }
    }

    async fn fetch(&self, request: worker::Request) -> worker::Result<worker::Response> {
        let shard = Rc::clone(&self.shard);
        object::serve(request, move |message| async move { shard.answer(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<worker::Response> {
        let shard = Rc::clone(&self.shard);
        match shield::run(async move { shard.sweep().await }).await {
            Ok(Ok(())) => worker::Response::empty(),
            Ok(Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason))) => Err(reason.into()),
            Err(crash) => Err(crash.to_string().into()),
        }
    }
}

#[derive(Deserialize)]
struct Found {
    subject: String,
}

#[derive(Deserialize)]
struct Next {
    next: Option<i64>,
}

impl Shard {
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let now = SystemClock.now();
        let request = Request::parse(message, now);
        let request = request.ok_or_else(|| ObjectError::Malformed("expected a request of the index".to_owned()))?;
        self.ensure_table()?;
        let response = match request {
            Request::Put { key, subject, login_started_at, until } => {
                let overtaken = vec![key.as_str().into(), login_started_at.into(), now.as_unix().into()];
                if !sql::query::<IgnoredAny>(&self.sql, statement::OVERTAKEN, overtaken)?.is_empty() {
                    return Ok(Response::Overtaken.to_json());
                }
                sql::execute(&self.sql, statement::PUT, vec![key.into(), subject.into(), until.into()])?;
                self.ensure_alarm(now, Timestamp::from_unix(until)).await?;
                Response::Entered
            }
            Request::Find { key } => Response::Subjects(self.find(&key, now)?),
            Request::End { key } => {
                let until = sid_index::remembered_until(now);
                let note = vec![key.as_str().into(), now.as_unix().into(), until.as_unix().into()];
                sql::execute(&self.sql, statement::NOTE, note)?;
                let subjects = self.find(&key, now)?;
                self.ensure_alarm(now, until).await?;
                Response::Subjects(subjects)
            }
        };
        Ok(response.to_json())
    }

    fn find(&self, key: &str, now: Timestamp) -> Result<Vec<String>, ObjectError> {
        let found: Vec<Found> = sql::query(&self.sql, statement::FIND, vec![key.into(), now.as_unix().into()])?;
        Ok(found.into_iter().map(|row| row.subject).collect())
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
        let wait_ms = i64::from(sid_index::sweep_after(now, next).get()).saturating_mul(1000);
        self.storage.set_alarm(wait_ms).await.map_err(failed)
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
    log::failure("sid_index_alarm_failed", None, &error.to_string());
    ObjectError::Failed(error.to_string())
}
