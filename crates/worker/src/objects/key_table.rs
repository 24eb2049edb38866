//! [`KeyTable`] in the SQLite of a Durable Object.

use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue};

use crate::objects::ObjectError;
use crate::objects::sql::{self, LazyTables};
use postern::api_key::table::{KeyRow, KeyTable, statement};
use postern::api_key::{ApiKeyId, HolderKey};
use postern::ports::StoreError;
use postern::time::Timestamp;

/// The tables of one object; made by the first write.
pub struct SqlKeys {
    tables: LazyTables,
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
        Self { tables: LazyTables::new(sql, statement::ARE_MADE, make) }
    }

    /// Whether there are tables, as far as this instance has looked.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.tables.is_made()
    }

    /// The storage is given back: the tables are gone.
    pub fn unmade(&self) {
        self.tables.unmade();
    }

    fn keys(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<Vec<KeyRow>, StoreError> {
        let rows: Vec<StoredKey> = self.tables.query(statement, bindings)?;
        let row = |StoredKey { id, holder, record, due_at }| KeyRow { id, holder, record, due_at };
        Ok(rows.into_iter().map(row).collect())
    }
}

fn make(sql: &SqlStorage) -> Result<(), ObjectError> {
    statement::CREATE.iter().try_for_each(|create| sql::execute(sql, create, Vec::new()))
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
        self.tables.write(statement::PUT, texts.into_iter().chain([row.due_at.as_unix().into()]).collect())
    }

    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError> {
        self.tables.change(statement::DELETE, vec![id.to_string().into()])
    }

    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError> {
        let rows: Vec<StoredStanding> = self.tables.query(statement::STANDING, vec![holder.as_str().into()])?;
        Ok(rows.into_iter().next().map(|row| row.standing))
    }

    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError> {
        self.tables.write(statement::PUT_STANDING, vec![holder.as_str().into(), standing.into()])
    }

    fn sweep_standings(&self) -> Result<(), StoreError> {
        self.tables.change(statement::SWEEP_STANDINGS, Vec::new())
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Next> = self.tables.query(statement::NEXT, Vec::new())?;
        Ok(rows.first().and_then(|row| row.next))
    }
}
