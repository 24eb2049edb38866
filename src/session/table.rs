//! Where a subject's sessions are stored, as far as the rules need to know.

use super::handle::SessionDigest;
use crate::ports::StoreError;
use crate::time::Timestamp;

/// One stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub digest: SessionDigest,
    /// The record, as JSON.
    pub record: String,
    /// The tokens, sealed.
    pub tokens: String,
    /// When it began.
    pub created_at: Timestamp,
    /// The order in which a subject's sessions began, and in which they make room. It is taken from the clock
    /// where that has moved on since the last, and counts on where it has not.
    pub sequence: i64,
    /// When it certainly is over, for the cleaning alarm.
    pub expires_at: Timestamp,
}

/// What of a row never changes: its key, and its place in the order.
pub type Place<'a> = (&'a SessionDigest, i64);

impl Row {
    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Place<'_> {
        (&self.digest, self.sequence)
    }
}

/// What is remembered beside the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A session (or a provider's `sid`) that ended a moment ago: what is still under way for it comes too late.
    Ended,
    /// Logins begun by then are void.
    Cutoff,
    /// A refresh token that the provider is still to be told to forget (RFC 7009).
    Revoke,
}

impl NoteKind {
    /// The kind as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Cutoff => "cutoff",
            Self::Revoke => "revoke",
        }
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Of what kind.
    pub kind: NoteKind,
    /// About what.
    pub key: String,
    /// What more; sealed where it is secret.
    pub value: String,
    /// `Ended`, `Cutoff`: when it may be forgotten. `Revoke`: when to try (again).
    pub at: Timestamp,
}

/// The statements of the object.
pub mod statement {
    /// The tables.
    pub const CREATE: [&str; 2] = [
        "CREATE TABLE IF NOT EXISTS session (digest TEXT PRIMARY KEY, record TEXT NOT NULL, \
            tokens TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, sequence INTEGER) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS note (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, \
            at INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
    ];
    /// A row if there are tables, of this release or an earlier one; none if nothing is stored.
    pub const ARE_MADE: &str = "SELECT name FROM pragma_table_info('session') LIMIT 1";
    /// Whether a table has the column that those of the release before lack: a row if it has.
    pub const HAS_SEQUENCE: &str = "SELECT name FROM pragma_table_info('session') WHERE name = 'sequence'";
    /// Adds it. The release before goes on reading and writing such a table; what it writes has no place in the order.
    pub const ADD_SEQUENCE: &str = "ALTER TABLE session ADD COLUMN sequence INTEGER";
    /// Binds digest. The row of a session; without a place in the order it began when it began.
    pub const FIND: &str = "SELECT digest, record, tokens, created_at, expires_at, \
        coalesce(sequence, created_at) AS sequence FROM session WHERE digest = ?";
    /// All rows, newest first.
    pub const ALL: &str = "SELECT digest, record, tokens, created_at, expires_at, \
        coalesce(sequence, created_at) AS sequence FROM session ORDER BY coalesce(sequence, created_at) DESC";
    /// Binds digest, record, tokens, `created_at`, `expires_at`, sequence.
    pub const PUT: &str = "INSERT OR REPLACE INTO session (digest, record, tokens, created_at, expires_at, sequence) \
        VALUES (?, ?, ?, ?, ?, ?)";
    /// Binds digest.
    pub const DELETE: &str = "DELETE FROM session WHERE digest = ?";
    /// Binds kind, key.
    pub const NOTE: &str = "SELECT key, value, at FROM note WHERE kind = ? AND key = ?";
    /// Binds kind.
    pub const NOTES: &str = "SELECT key, value, at FROM note WHERE kind = ?";
    /// Binds kind, key, value, at.
    pub const PUT_NOTE: &str = "INSERT OR REPLACE INTO note (kind, key, value, at) VALUES (?, ?, ?, ?)";
    /// Binds kind, key.
    pub const DELETE_NOTE: &str = "DELETE FROM note WHERE kind = ? AND key = ?";
    /// The earliest time at which a row or a note wants attention, as `next`.
    pub const NEXT: &str = "SELECT min(at) AS next FROM \
        (SELECT min(expires_at) AS at FROM session UNION ALL SELECT min(at) FROM note)";
}

/// One object has one table, and calls run one after the other: no call is interrupted between two
/// of its own reads and writes. Every method fails when the storage does.
pub trait SessionTable {
    /// The row of a session.
    ///
    /// # Errors
    /// When the storage fails; so for all below.
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError>;
    /// All rows, newest first.
    ///
    /// # Errors
    /// When the storage fails.
    fn all(&self) -> Result<Vec<Row>, StoreError>;
    /// Stores a row, in place of one with the same key.
    ///
    /// # Errors
    /// When the storage fails.
    fn put(&self, row: &Row) -> Result<(), StoreError>;
    /// Deletes a row if it is there.
    ///
    /// # Errors
    /// When the storage fails.
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError>;
    /// The note of a kind about `key`.
    ///
    /// # Errors
    /// When the storage fails.
    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError>;
    /// All notes of a kind.
    ///
    /// # Errors
    /// When the storage fails.
    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError>;
    /// Stores a note, in place of one of the same kind about the same.
    ///
    /// # Errors
    /// When the storage fails.
    fn put_note(&self, note: &Note) -> Result<(), StoreError>;
    /// Deletes a note if it is there.
    ///
    /// # Errors
    /// When the storage fails.
    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError>;
    /// The earliest time at which a row or a note wants attention.
    ///
    /// # Errors
    /// When the storage fails.
    fn next_event(&self) -> Result<Option<Timestamp>, StoreError>;
}
