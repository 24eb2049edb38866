//! [`SessionTable`] in the SQLite of a Durable Object.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use worker::{SqlStorage, SqlStorageValue};

use crate::objects::ObjectError;
use crate::objects::sql::{self, Known};
use postern::ports::StoreError;
use postern::session::SessionDigest;
use postern::session::table::{Note, NoteKind, Row, SessionTable, statement};
use postern::time::Timestamp;

/// The tables of one subject.
pub struct SubjectTable {
    sql: SqlStorage,
    known: Cell<Known>,
}

#[derive(Deserialize)]
struct StoredRow {
    digest: SessionDigest,
    record: String,
    tokens: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    sequence: i64,
}

#[derive(Deserialize)]
struct StoredNote {
    key: String,
    value: String,
    at: Timestamp,
}

#[derive(Deserialize)]
struct Next {
    next: Option<Timestamp>,
}

impl SubjectTable {
    /// The tables in this storage; made by the first write.
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

    fn look(&self) -> Result<Known, ObjectError> {
        if self.known.get() == Known::Nothing {
            let found: Vec<IgnoredAny> = sql::query(&self.sql, statement::ARE_MADE, Vec::new())?;
            if found.is_empty() {
                self.known.set(Known::Missing);
            } else {
                self.make()?;
            }
        }
        Ok(self.known.get())
    }

    fn make(&self) -> Result<(), ObjectError> {
        for create in statement::CREATE {
            sql::execute(&self.sql, create, Vec::new())?;
        }
        let found: Vec<IgnoredAny> = sql::query(&self.sql, statement::HAS_SEQUENCE, Vec::new())?;
        if found.is_empty() {
            sql::execute(&self.sql, statement::ADD_SEQUENCE, Vec::new())?;
        }
        self.known.set(Known::Made);
        Ok(())
    }

    /// Stores something.
    fn write(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        if self.look().map_err(unavailable)? == Known::Missing {
            self.make().map_err(unavailable)?;
        }
        self.query::<IgnoredAny>(statement, bindings).map(drop)
    }

    /// Deletes something.
    fn remove(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
        self.query::<IgnoredAny>(statement, bindings).map(drop)
    }
}

fn unavailable(error: ObjectError) -> StoreError {
    match error {
        ObjectError::Failed(reason) | ObjectError::Malformed(reason) => StoreError::Unavailable(reason),
    }
}

impl From<StoredRow> for Row {
    fn from(StoredRow { digest, record, tokens, created_at, expires_at, sequence }: StoredRow) -> Self {
        Self { digest, record, tokens, created_at, expires_at, sequence }
    }
}

impl StoredNote {
    fn of_kind(self, kind: NoteKind) -> Note {
        Note { kind, key: self.key, value: self.value, at: self.at }
    }
}

impl SessionTable for SubjectTable {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        let rows: Vec<StoredRow> = self.query(statement::FIND, vec![digest.as_str().into()])?;
        Ok(rows.into_iter().next().map(Row::from))
    }

    fn all(&self) -> Result<Vec<Row>, StoreError> {
        let rows: Vec<StoredRow> = self.query(statement::ALL, Vec::new())?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        let texts = [row.digest.as_str(), row.record.as_str(), row.tokens.as_str()].map(SqlStorageValue::from);
        let numbers = [row.created_at.as_unix(), row.expires_at.as_unix(), row.sequence].map(SqlStorageValue::from);
        self.write(statement::PUT, texts.into_iter().chain(numbers).collect())
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.remove(statement::DELETE, vec![digest.as_str().into()])
    }

    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let notes: Vec<StoredNote> = self.query(statement::NOTE, vec![kind.as_str().into(), key.into()])?;
        Ok(notes.into_iter().next().map(|note| note.of_kind(kind)))
    }

    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        let notes: Vec<StoredNote> = self.query(statement::NOTES, vec![kind.as_str().into()])?;
        Ok(notes.into_iter().map(|note| note.of_kind(kind)).collect())
    }

    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        let bindings = vec![
            note.kind.as_str().into(),
            note.key.as_str().into(),
            note.value.as_str().into(),
            note.at.as_unix().into(),
        ];
        self.write(statement::PUT_NOTE, bindings)
    }

    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.remove(statement::DELETE_NOTE, vec![kind.as_str().into(), key.into()])
    }

    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Next> = self.query(statement::NEXT, Vec::new())?;
        Ok(rows.first().and_then(|row| row.next))
    }
}
