//! A table whose rows expire, in an object that forgets them by itself.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::objects::ObjectError;
use crate::objects::sql::{self, Known};
use postern::ports::Clock;
use postern::time::{Seconds, Timestamp};
use postern_workers::clock::SystemClock;
use postern_workers::log;

/// What is particular to one kind of table.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The statements that make the table, and what belongs to it, where there is none.
    pub create: &'static [&'static str],
    /// A row if there is a table.
    pub is_made: &'static str,
    /// Binds now. Forgets what has expired.
    pub sweep: &'static str,
    /// When the next row expires, as `next`.
    pub next: &'static str,
    /// How long after now to clean up, when the next row expires then.
    pub sweep_after: fn(Timestamp, Timestamp) -> Seconds,
    /// What the log calls an alarm that cannot be set.
    pub alarm_failed: &'static str,
}

/// The table. The first write makes it.
pub struct ExpiringTable {
    kind: Kind,
    storage: Storage,
    sql: SqlStorage,
    known: Cell<Known>,
    /// When the alarm rings, as far as that is known.
    alarm_at: Cell<Option<Timestamp>>,
}

#[derive(Deserialize)]
struct Next {
    next: Option<Timestamp>,
}

impl ExpiringTable {
    /// The table of this kind in an object's storage.
    pub fn new(kind: Kind, storage: Storage) -> Self {
        let sql = storage.sql();
        Self { kind, storage, sql, known: Cell::new(Known::Nothing), alarm_at: Cell::new(None) }
    }

    /// [`sql::query`] on it, for statements that store nothing. They make no table: without one there are no rows.
    ///
    /// # Errors
    /// The same.
    pub fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, ObjectError> {
        match self.look()? {
            Known::Made => sql::query(&self.sql, statement, bindings),
            _ => Ok(Vec::new()),
        }
    }

    /// [`sql::query`] on it, for statements that store something. [`ExpiringTable::ensure_alarm`] has to follow.
    ///
    /// # Errors
    /// The same.
    pub fn write<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, ObjectError> {
        if self.look()? != Known::Made {
            self.make()?;
        }
        sql::query(&self.sql, statement, bindings)
    }

    fn look(&self) -> Result<Known, ObjectError> {
        if self.known.get() == Known::Nothing {
            let found: Vec<IgnoredAny> = sql::query(&self.sql, self.kind.is_made, Vec::new())?;
            if found.is_empty() {
                self.known.set(Known::Missing);
            } else {
                // A release before may have made the table without its index.
                self.make()?;
            }
        }
        Ok(self.known.get())
    }

    fn make(&self) -> Result<(), ObjectError> {
        for create in self.kind.create {
            sql::execute(&self.sql, create, Vec::new())?;
        }
        self.known.set(Known::Made);
        Ok(())
    }

    /// Sees to it that a row that expires at `until` is forgotten then, also where an alarm is set for one that is kept for longer.
    ///
    /// # Errors
    /// When the alarm can be neither read nor set.
    pub async fn ensure_alarm(&self, now: Timestamp, until: Timestamp) -> Result<(), ObjectError> {
        let due = now.plus((self.kind.sweep_after)(now, until));
        if self.alarm_at.get().is_none() {
            let stored = self.storage.get_alarm().await.map_err(|error| self.failed(&error))?;
            self.alarm_at.set(stored.map(|milliseconds| Timestamp::from_unix(milliseconds / 1000)));
        }
        if self.alarm_at.get().is_some_and(|alarm| alarm <= due) {
            return Ok(());
        }
        self.set_alarm(now, until).await
    }

    /// Forgets what has expired and comes back when the next of the rest does; without a rest, the storage is given back.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn sweep(&self) -> Result<(), ObjectError> {
        self.alarm_at.set(None);
        let now = SystemClock.now();
        self.query::<IgnoredAny>(self.kind.sweep, vec![now.as_unix().into()])?;
        let rows: Vec<Next> = self.query(self.kind.next, Vec::new())?;
        let Some(next) = rows.first().and_then(|row| row.next) else {
            self.known.set(Known::Nothing);
            return self.storage.delete_all().await.map_err(|error| self.failed(&error));
        };
        self.set_alarm(now, next).await
    }

    async fn set_alarm(&self, now: Timestamp, next: Timestamp) -> Result<(), ObjectError> {
        let wait = (self.kind.sweep_after)(now, next);
        let set = self.storage.set_alarm(i64::from(wait.get()).saturating_mul(1000)).await;
        set.map_err(|error| self.failed(&error))?;
        self.alarm_at.set(Some(now.plus(wait)));
        Ok(())
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
