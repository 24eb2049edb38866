//! [`SessionTable`] in the SQLite of a Durable Object.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use worker::{SqlStorage, SqlStorageValue};

use crate::objects::ObjectError;
use crate::objects::sql;
use postern::ports::StoreError;
use postern::session::SessionDigest;
use postern::session::table::{Note, NoteKind, Row, SessionTable};
use postern::time::Timestamp;

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS session (digest TEXT PRIMARY KEY, record TEXT NOT NULL, \
        tokens TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, sequence INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS note (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, \
        at INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
];

/// Tables of the release before lack it. That release goes on reading and writing these; what it writes has none.
const ADD_SEQUENCE: &str = "ALTER TABLE session ADD COLUMN sequence INTEGER";
const HAS_SEQUENCE: &str = "SELECT name FROM pragma_table_info('session') WHERE name = 'sequence'";

/// A session without a place in the order began when it began.
const COLUMNS: &str = "digest, record, tokens, created_at, expires_at, coalesce(sequence, created_at) AS sequence";

/// The tables of one subject.
pub struct SubjectTable {
    sql: SqlStorage,
    is_there: Cell<bool>,
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
    /// The tables in this storage; made when they are first needed.
    #[must_use]
    pub const fn new(sql: SqlStorage) -> Self {
        Self { sql, is_there: Cell::new(false) }
    }

    fn query<T: DeserializeOwned>(
        &self,
        statement: &str,
        bindings: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, StoreError> {
        if !self.is_there.get() {
            self.make().map_err(unavailable)?;
            self.is_there.set(true);
        }
        sql::query(&self.sql, statement, bindings).map_err(unavailable)
    }

    fn make(&self) -> Result<(), ObjectError> {
        for create in CREATE {
            sql::execute(&self.sql, create, Vec::new())?;
        }
        let found: Vec<IgnoredAny> = sql::query(&self.sql, HAS_SEQUENCE, Vec::new())?;
        if found.is_empty() { sql::execute(&self.sql, ADD_SEQUENCE, Vec::new()) } else { Ok(()) }
    }

    fn execute(&self, statement: &str, bindings: Vec<SqlStorageValue>) -> Result<(), StoreError> {
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
        let statement = format!("SELECT {COLUMNS} FROM session WHERE digest = ?");
        let rows: Vec<StoredRow> = self.query(&statement, vec![digest.as_str().into()])?;
        Ok(rows.into_iter().next().map(Row::from))
    }

    fn all(&self) -> Result<Vec<Row>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM session ORDER BY coalesce(sequence, created_at) DESC");
        let rows: Vec<StoredRow> = self.query(&statement, Vec::new())?;
        Ok(rows.into_iter().map(Row::from).collect())
    }

    fn put(&self, row: &Row) -> Result<(), StoreError> {
        let statement = "INSERT OR REPLACE INTO session (digest, record, tokens, created_at, expires_at, sequence) \
            VALUES (?, ?, ?, ?, ?, ?)";
        let texts = [row.digest.as_str(), row.record.as_str(), row.tokens.as_str()].map(SqlStorageValue::from);
        let numbers = [row.created_at.as_unix(), row.expires_at.as_unix(), row.sequence].map(SqlStorageValue::from);
        self.execute(statement, texts.into_iter().chain(numbers).collect())
    }

    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.execute("DELETE FROM session WHERE digest = ?", vec![digest.as_str().into()])
    }

    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        let statement = "SELECT key, value, at FROM note WHERE kind = ? AND key = ?";
        let notes: Vec<StoredNote> = self.query(statement, vec![kind.as_str().into(), key.into()])?;
        Ok(notes.into_iter().next().map(|note| note.of_kind(kind)))
    }

    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        let statement = "SELECT key, value, at FROM note WHERE kind = ?";
        let notes: Vec<StoredNote> = self.query(statement, vec![kind.as_str().into()])?;
        Ok(notes.into_iter().map(|note| note.of_kind(kind)).collect())
    }

    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        let statement = "INSERT OR REPLACE INTO note (kind, key, value, at) VALUES (?, ?, ?, ?)";
        let bindings = vec![
            note.kind.as_str().into(),
            note.key.as_str().into(),
            note.value.as_str().into(),
            note.at.as_unix().into(),
        ];
        self.execute(statement, bindings)
    }

    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM note WHERE kind = ? AND key = ?", vec![kind.as_str().into(), key.into()])
    }

    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let statement = "SELECT min(at) AS next FROM \
            (SELECT min(expires_at) AS at FROM session UNION ALL SELECT min(at) FROM note)";
        let rows: Vec<Next> = self.query(statement, Vec::new())?;
        Ok(rows.first().and_then(|row| row.next))
    }
}
