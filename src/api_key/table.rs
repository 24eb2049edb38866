//! Where keys are stored, as far as the rules need to know.

use super::holder::HolderKey;
use super::text::ApiKeyId;
use crate::ports::StoreError;
use crate::time::Timestamp;

/// One stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub holder: HolderKey,
    /// The record, as JSON.
    pub record: String,
    /// When something is next to be done about it.
    pub due_at: Timestamp,
}

/// The statements of the object.
pub mod statement {
    /// The tables, and what finds their rows.
    pub const CREATE: [&str; 4] = [
        "CREATE TABLE IF NOT EXISTS api_key (id TEXT PRIMARY KEY, holder TEXT NOT NULL, record TEXT NOT NULL, \
            due_at INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS api_key_holder ON api_key (holder)",
        "CREATE INDEX IF NOT EXISTS api_key_due ON api_key (due_at)",
        "CREATE TABLE IF NOT EXISTS standing (holder TEXT PRIMARY KEY, standing TEXT NOT NULL) WITHOUT ROWID",
    ];
    /// A row if there are tables; none if nothing is stored.
    pub const ARE_MADE: &str = "SELECT name FROM pragma_table_info('standing') LIMIT 1";
    /// Binds id.
    pub const FIND: &str = "SELECT id, holder, record, due_at FROM api_key WHERE id = ?";
    /// Binds holder.
    pub const OF_HOLDER: &str = "SELECT id, holder, record, due_at FROM api_key WHERE holder = ? ORDER BY id";
    /// Binds now, how many. The keys about which something is to be done.
    pub const DUE: &str = "SELECT id, holder, record, due_at FROM api_key WHERE due_at <= ? ORDER BY due_at LIMIT ?";
    /// Binds id, holder, record, `due_at`.
    pub const PUT: &str = "INSERT OR REPLACE INTO api_key (id, holder, record, due_at) VALUES (?, ?, ?, ?)";
    /// Binds id.
    pub const DELETE: &str = "DELETE FROM api_key WHERE id = ?";
    /// Binds holder.
    pub const STANDING: &str = "SELECT standing FROM standing WHERE holder = ?";
    /// Binds holder, standing.
    pub const PUT_STANDING: &str = "INSERT OR REPLACE INTO standing (holder, standing) VALUES (?, ?)";
    /// Binds nothing. Forgets what was said of those who have no key any more.
    pub const SWEEP_STANDINGS: &str = "DELETE FROM standing WHERE holder NOT IN (SELECT holder FROM api_key)";
    /// When something is next to be done, as `next`.
    pub const NEXT: &str = "SELECT min(due_at) AS next FROM api_key";
}

/// One object has one table, and calls run one after the other: no call is interrupted between two of its own reads and
/// writes. A read makes no table.
pub trait KeyTable {
    /// The row of a key.
    ///
    /// # Errors
    /// When the storage fails; so for all below.
    fn find(&self, id: ApiKeyId) -> Result<Option<KeyRow>, StoreError>;
    /// All rows of a holder.
    ///
    /// # Errors
    /// When the storage fails.
    fn of_holder(&self, holder: &HolderKey) -> Result<Vec<KeyRow>, StoreError>;
    /// So many rows about which something is to be done, the first to come first.
    ///
    /// # Errors
    /// When the storage fails.
    fn due(&self, now: Timestamp, most: usize) -> Result<Vec<KeyRow>, StoreError>;
    /// Stores a row, in place of one with the same id.
    ///
    /// # Errors
    /// When the storage fails.
    fn put(&self, row: &KeyRow) -> Result<(), StoreError>;
    /// Deletes a row if it is there.
    ///
    /// # Errors
    /// When the storage fails.
    fn delete(&self, id: ApiKeyId) -> Result<(), StoreError>;
    /// What was last said of a holder, as JSON.
    ///
    /// # Errors
    /// When the storage fails.
    fn standing(&self, holder: &HolderKey) -> Result<Option<String>, StoreError>;
    /// Stores what was said of a holder.
    ///
    /// # Errors
    /// When the storage fails.
    fn put_standing(&self, holder: &HolderKey, standing: &str) -> Result<(), StoreError>;
    /// Forgets what was said of those who have no key any more.
    ///
    /// # Errors
    /// When the storage fails.
    fn sweep_standings(&self) -> Result<(), StoreError>;
    /// When something is next to be done.
    ///
    /// # Errors
    /// When the storage fails.
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;
}
