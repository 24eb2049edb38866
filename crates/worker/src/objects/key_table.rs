//! [`KeyTable`] in the SQLite of a Durable Object.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use worker::{SqlStorage, SqlStorageValue};

use crate::objects::ObjectError;
use crate::objects::sql::{self, Known};
use postern::api_key::table::{KeyRow, KeyTable, statement};
use postern::api_key::{ApiKeyId, HolderKey};
use postern::ports::StoreError;
use postern::time::Timestamp;

/// The tables of one object; made by the first write.
pub struct SqlKeys {
    sql: SqlStorage,
    known: Cell<Known>,
}

#[derive(Deserialize)]
struct StoredKey {
    id: ApiKeyId,
    holder: HolderKey,
    record: String,
    due_at: Timestamp,
}

#[derive(Deserialize)]
struct StoredStanding {
    standing: String,
}

#[derive(Deserialize)]
struct Next {
    next: Option<Timestamp>,
}

impl SqlKeys {
    /// The tables in this storage.
    #[must_use]
    pub const fn new(sql: SqlStorage) -> Self {
        Self { sql, known: Cell::new(Known::Nothing) }
    }

    /// Whether there are tables, as far as this instance has looked.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.known.get() == Known::Made
    }

    /// The storage is given back: the tables are gone.
    pub fn unmade(&self) {
        self.known.set(Known::Nothing);
    }

    /// Rows. A read makes no table: where there is none, nothing is stored.
    fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, StoreError> {
        if self.look().map_err(unavailable)? == Known::Missing {
            return Ok(Vec::new());
        }
        sql::query(&self.sql, statement, bindings).map_err(unavailable)
    }

    fn keys(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<Vec<KeyRow>, StoreError> {
        let rows: Vec<StoredKey> = self.query(statement, bindings)?;
        let row = |StoredKey { id, holder, record, due_at }| KeyRow { id, holder, record, due_at };
        Ok(rows.into_iter().map(row).collect())
    }

    fn look(&self) -> Result<Known, ObjectError> {
        if self.known.get() == Known::Nothing {
            let found: Vec<IgnoredAny> = sql::query(&self.sql, statement::ARE_MADE, Vec::new())?;
            self.known.set(if found.is_empty() { Known::Missing } else { Known::Made });
        }
        Ok(self.known.get())
    }

    /// Stores something.
    fn write(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        if self.look().map_err(unavailable)? == Known::Missing {
            for create in statement::CREATE {
                sql::execute(&self.sql, create, Vec::new()).map_err(unavailable)?;
            }
            self.known.set(Known::Made);
        }
        self.query::<IgnoredAny>(statement, bindings).map(drop)
    }
}

fn unavailable(error: ObjectError) -> StoreError {
    let (ObjectError::Failed(reason) | ObjectError::Malformed(reason)) = error;
    StoreError::Unavailable(reason)
}

fn most(most: usize) -> SqlStorageValue {
    i64::try_from(most).unwrap_or(i64::MAX).into()
}

impl KeyTable for SqlKeys {
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError> {
        Ok(self.keys(statement::FIND, vec![id.to_string().into()])?.into_iter().next())
    }

    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError> {
        self.keys(statement::OF_HOLDER, vec![holder.as_str().into()])
    }

    fn due(&self, now: Timestamp, count: usize) -> Result<Vec<KeyRow>, StoreError> {
        self.keys(statement::DUE, vec![now.as_unix().into(), most(count)])
    }

    fn put(&self, row: &KeyRow) -> Result<(), StoreError> {
        let texts = [row.id.to_string().as_str(), row.holder.as_str(), row.record.as_str()].map(SqlStorageValue::from);
        self.write(statement::PUT, texts.into_iter().chain([row.due_at.as_unix().into()]).collect())
    }

    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.query::<IgnoredAny>(statement::DELETE, vec![id.to_string().into()]).map(drop)
    }

    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        let rows: Vec<StoredStanding> = self.query(statement::STANDING, vec![holder.as_str().into()])?;
        Ok(rows.into_iter().next().map(|row| row.standing))
    }

    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.write(statement::PUT_STANDING, vec![holder.as_str().into(), standing.into()])
    }

    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.query::<IgnoredAny>(statement::SWEEP_STANDINGS, Vec::new()).map(drop)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Next> = self.query(statement::NEXT, Vec::new())?;
        Ok(rows.first().and_then(|row| row.next))
    }
}
