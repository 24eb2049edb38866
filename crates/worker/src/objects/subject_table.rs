//! [`SessionTable`] in the SQLite of a Durable Object.

use serde::Deserialize;
use serde::de::IgnoredAny;
use worker::{SqlStorage, SqlStorageValue};

use crate::objects::ObjectError;
use crate::objects::sql::{self, LazyTables};
use postern::ports::StoreError;
use postern::session::SessionDigest;
use postern::session::table::{Note, NoteKind, Row, SessionTable, statement};
use postern::time::Timestamp;

/// The tables of one subject.
pub struct SubjectTable {
    tables: LazyTables,
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
}

fn make(sql: &SqlStorage) -> Result<(), ObjectError> {
    statement::CREATE.iter().try_for_each(|create| sql::execute(sql, create, Vec::new()))?;
    let found: Vec<IgnoredAny> = sql::query(sql, statement::HAS_SEQUENCE, Vec::new())?;
    if found.is_empty() { sql::execute(sql, statement::ADD_SEQUENCE, Vec::new()) } else { Ok(()) }
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
        let rows: Vec<StoredRow> = self.tables.query(statement::FIND, vec![digest.as_str().into()])?;
        Ok(rows.into_iter().next().map(Row::from))
    }

    fn all(&self) -> Result<Vec<Row>, StoreError> {
        let rows: Vec<StoredRow> = self.tables.query(statement::ALL, Vec::new())?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        let texts = [row.digest.as_str(), row.record.as_str(), row.tokens.as_str()].map(SqlStorageValue::from);
        let numbers = [row.created_at.as_unix(), row.expires_at.as_unix(), row.sequence].map(SqlStorageValue::from);
        self.tables.write(statement::PUT, texts.into_iter().chain(numbers).collect())
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.tables.change(statement::DELETE, vec![digest.as_str().into()])
    }

    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let notes: Vec<StoredNote> = self.tables.query(statement::NOTE, vec![kind.as_str().into(), key.into()])?;
        Ok(notes.into_iter().next().map(|note| note.of_kind(kind)))
    }

    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        let notes: Vec<StoredNote> = self.tables.query(statement::NOTES, vec![kind.as_str().into()])?;
        Ok(notes.into_iter().map(|note| note.of_kind(kind)).collect())
    }

    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        let bindings = vec![
            note.kind.as_str().into(),
            note.key.as_str().into(),
            note.value.as_str().into(),
            note.at.as_unix().into(),
        ];
        self.tables.write(statement::PUT_NOTE, bindings)
    }

    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.tables.change(statement::DELETE_NOTE, vec![kind.as_str().into(), key.into()])
    }

    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Next> = self.tables.query(statement::NEXT, Vec::new())?;
        Ok(rows.first().and_then(|row| row.next))
    }
}
