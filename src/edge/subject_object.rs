//! The Durable Object of one subject: loads, calls [`Subject`], stores. Every rule is there.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, Storage, durable_object};

use super::clock::SystemClock;
use super::object::{self, ObjectError};
use super::random::SystemRandom;
use super::{environment, log, shield, sql};
use crate::config::KEY_RING;
use crate::json;
use crate::keyring::KeyRing;
use crate::ports::{Clock, StoreError};
use crate::secret::Secret;
use crate::session::message::{Envelope, VERSION};
use crate::session::subject::{Row, SessionTable};
use crate::session::{Command, SessionDigest, Subject};
use crate::time::Timestamp;

/// Everything that must be consistent about one subject.
#[durable_object(alarm)]
pub struct SubjectObject {
    inner: AssertUnwindSafe<Rc<Inner>>,
}

struct Inner {
    storage: Storage,
    table: Table,
    env: Env,
    keys: RefCell<Option<Rc<KeyRing>>>,
    /// When the alarm rings, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
}

impl DurableObject for SubjectObject {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let table = Table { sql: storage.sql(), is_there: Cell::new(false) };
        let inner = Inner { storage, table, env, keys: RefCell::new(None), alarm_at: Cell::new(None) };
        Self { inner: AssertUnwindSafe(Rc::new(inner)) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let inner = Rc::clone(&self.inner);
        object::serve(request, move |message| async move { inner.answer(&message).await }).await
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let inner = Rc::clone(&self.inner);
        match shield::run(async move { inner.sweep().await }).await {
            Ok(Ok(())) => Response::empty(),
            Ok(Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason))) => Err(reason.into()),
            Err(crash) => Err(crash.to_string().into()),
        }
    }
}

impl Inner {
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let envelope: Envelope<Command> =
            serde_json::from_str(message).map_err(|error| ObjectError::Malformed(json::unread(&error)))?;
        if envelope.v != VERSION {
            return Err(ObjectError::Malformed(format!("version {} is not spoken here", envelope.v)));
        }
        let now = SystemClock.now();
        let keys = self.keys()?;
        let subject = Subject { table: &self.table, keys: &keys, random: &SystemRandom };
        let answer = subject.handle(&envelope.command, now).map_err(failed)?;
        if let Command::Begin(_) = envelope.command {
            self.wake_at(subject.next_expiry().map_err(failed)?, now).await?;
        }
        serde_json::to_string(&answer).map_err(|error| ObjectError::Failed(json::unread(&error)))
    }

    async fn sweep(&self) -> Result<(), ObjectError> {
        self.alarm_at.set(None);
        let keys = self.keys()?;
        let now = SystemClock.now();
        let subject = Subject { table: &self.table, keys: &keys, random: &SystemRandom };
        self.wake_at(subject.sweep(now).map_err(failed)?, now).await
    }

    /// Sets the alarm for `next` unless it rings before.
    async fn wake_at(&self, next: Option<Timestamp>, now: Timestamp) -> Result<(), ObjectError> {
        let Some(next) = next else { return Ok(()) };
        if self.alarm_at.get().is_some_and(|at| at <= next && at > now) {
            return Ok(());
        }
        let wait_ms = i64::from(next.since(now).get().max(1)) * 1000;
        self.storage.set_alarm(wait_ms).await.map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.alarm_at.set(Some(next));
        Ok(())
    }

    /// The key ring, parsed once: an instance never sees another `env`.
    fn keys(&self) -> Result<Rc<KeyRing>, ObjectError> {
        if let Some(keys) = self.keys.borrow().as_ref() {
            return Ok(Rc::clone(keys));
        }
        let text = environment::secret(&self.env, KEY_RING).unwrap_or_else(|| Secret::new(String::new()));
        let keys = KeyRing::parse(text.expose()).map_err(|error| ObjectError::Failed(error.to_string()))?;
        Ok(Rc::clone(self.keys.borrow_mut().insert(Rc::new(keys))))
    }
}

fn failed(error: StoreError) -> ObjectError {
    let reason = match error {
        StoreError::Unavailable(reason) => reason,
        StoreError::Malformed => "a stored record or message cannot be read".to_owned(),
    };
    log::failure("subject_object_failed", None, &reason);
    ObjectError::Failed(reason)
}

/// The object's SQLite table.
struct Table {
    sql: SqlStorage,
    is_there: Cell<bool>,
}

#[derive(Deserialize)]
struct StoredRow {
    digest: SessionDigest,
    record: String,
    tokens: String,
    created_at: i64,
    expires_at: i64,
}

#[derive(Deserialize)]
struct Next {
    next: Option<i64>,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS session (digest TEXT PRIMARY KEY, record TEXT NOT NULL, \
    tokens TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID";

impl Table {
    fn query<T: serde::de::DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, StoreError> {
        if !self.is_there.get() {
            sql::execute(&self.sql, CREATE, Vec::new()).map_err(unavailable)?;
            self.is_there.set(true);
        }
        sql::query(&self.sql, statement, bindings).map_err(unavailable)
    }

    fn execute(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        self.query::<serde::de::IgnoredAny>(statement, bindings).map(drop)
    }
}

fn unavailable(error: ObjectError) -> StoreError {
    match error {
        ObjectError::Failed(reason) | ObjectError::Malformed(reason) => StoreError::Unavailable(reason),
    }
}

impl SessionTable for Table {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        let statement = "SELECT digest, record, tokens, created_at, expires_at FROM session WHERE digest = ?";
        let rows: Vec<StoredRow> = self.query(statement, vec![digest.as_str().into()])?;
        let row = |StoredRow { digest, record, tokens, created_at, expires_at }| Row {
            digest,
            record,
            tokens,
            created_at,
            expires_at,
        };
        Ok(rows.into_iter().next().map(row))
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        let statement = "INSERT OR REPLACE INTO session (digest, record, tokens, created_at, expires_at) \
            VALUES (?, ?, ?, ?, ?)";
        let (digest, record, tokens) = (row.digest.as_str(), row.record.as_str(), row.tokens.as_str());
        let bindings = vec![digest.into(), record.into(), tokens.into(), row.created_at.into(), row.expires_at.into()];
        self.execute(statement, bindings)
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.execute("DELETE FROM session WHERE digest = ?", vec![digest.as_str().into()])
    }

    fn delete_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        self.execute("DELETE FROM session WHERE expires_at <= ?", vec![now.as_unix().into()])
    }

    fn keep_newest(&self, keep: u32) -> Result<(), StoreError> {
        let statement = "DELETE FROM session WHERE digest NOT IN \
            (SELECT digest FROM session ORDER BY created_at DESC LIMIT ?)";
        self.execute(statement, vec![i64::from(keep).into()])
    }

    fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Next> = self.query("SELECT min(expires_at) AS next FROM session", Vec::new())?;
        Ok(rows.first().and_then(|row| row.next).map(Timestamp::from_unix))
    }
}
