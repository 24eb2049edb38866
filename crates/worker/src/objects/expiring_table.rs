//! A table whose rows expire, in an object that forgets them by itself.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::objects::ObjectError;
use crate::objects::sql;
use postern::ports::Clock;
use postern::time::{Seconds, Timestamp};
use postern_workers::clock::SystemClock;
use postern_workers::log;

/// What is particular to one kind of table.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The statements that make the table, and what belongs to it, where there is none.
    pub create: &'static [&'static str],
    /// Binds now. Forgets what has expired.
    pub sweep: &'static str,
    /// When the next row expires, as `next`.
    pub next: &'static str,
    /// How long after now to clean up, when the next row expires then.
    pub sweep_after: fn(Timestamp, Timestamp) -> Seconds,
    /// What the log calls an alarm that cannot be set.
    pub alarm_failed: &'static str,
}

/// The table. It is made when it is first used.
pub struct ExpiringTable {
    kind: Kind,
    storage: Storage,
    sql: SqlStorage,
    is_made: Cell<bool>,
    has_alarm: Cell<bool>,
}

#[derive(Deserialize)]
struct Next {
    next: Option<Timestamp>,
}

impl ExpiringTable {
    /// The table of this kind in an object's storage.
    pub fn new(kind: Kind, storage: Storage) -> Self {
        let sql = storage.sql();
        Self { kind, storage, sql, is_made: Cell::new(false), has_alarm: Cell::new(false) }
    }

    /// [`sql::query`] on it.
    ///
    /// # Errors
    /// The same.
    pub fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, ObjectError> {
        if !self.is_made.get() {
            for create in self.kind.create {
                sql::execute(&self.sql, create, Vec::new())?;
            }
            self.is_made.set(true);
        }
        sql::query(&self.sql, statement, bindings)
    }

    /// [`sql::execute`] on it.
    ///
    /// # Errors
    /// The same.
    pub fn execute(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), ObjectError> {
        self.query::<serde::de::IgnoredAny>(statement, bindings).map(drop)
    }

    /// Sees to it that a row that expires at `until` is forgotten.
    ///
    /// # Errors
    /// When the alarm can be neither read nor set.
    pub async fn ensure_alarm(&self, now: Timestamp, until: Timestamp) -> Result<(), ObjectError> {
        if self.has_alarm.get() {
            return Ok(());
        }
        if self.storage.get_alarm().await.map_err(|error| self.failed(&error))?.is_none() {
            self.set_alarm(now, until).await?;
        }
        self.has_alarm.set(true);
        Ok(())
    }

    /// Forgets what has expired and comes back when the next of the rest does; without a rest, the storage is given back.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn sweep(&self) -> Result<(), ObjectError> {
        self.has_alarm.set(false);
        let now = SystemClock.now();
        self.execute(self.kind.sweep, vec![now.as_unix().into()])?;
        let rows: Vec<Next> = self.query(self.kind.next, Vec::new())?;
        let Some(next) = rows.first().and_then(|row| row.next) else {
            self.is_made.set(false);
            return self.storage.delete_all().await.map_err(|error| self.failed(&error));
        };
        self.set_alarm(now, next).await?;
        self.has_alarm.set(true);
        Ok(())
    }

    async fn set_alarm(&self, now: Timestamp, next: Timestamp) -> Result<(), ObjectError> {
        let wait_ms = i64::from((self.kind.sweep_after)(now, next).get()).saturating_mul(1000);
        self.storage.set_alarm(wait_ms).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &worker::Error) -> ObjectError {
        log::failure(self.kind.alarm_failed, None, &error.to_string());
        ObjectError::Failed(error.to_string())
    }
}

/// What an object does all of whose rows expire. [`expiring_object`](crate::objects::expiring_object) makes the object.
pub(crate) trait Rows {
    /// Its table.
    const KIND: Kind;

    /// Answers one message.
    ///
    /// # Errors
    /// When the message cannot be read, or the storage fails.
    async fn answer(table: &ExpiringTable, message: &str, now: Timestamp) -> Result<String, ObjectError>;
}
