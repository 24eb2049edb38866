//! The statements of the object; each is atomic.

/// The tables.
pub const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, \
        moment INTEGER, tokens INTEGER, until INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
];
/// The number of the version; no row before the first change.
pub const VERSION: &str = "SELECT number FROM version WHERE id = 1";
/// The next version.
pub const NEXT_VERSION: &str = "INSERT INTO version (id, number) VALUES (1, 1) \
    ON CONFLICT (id) DO UPDATE SET number = version.number + 1";
/// Binds key, kind, value, moment, tokens, until.
pub const PUT: &str =
    "INSERT OR REPLACE INTO entry (key, kind, value, moment, tokens, until) VALUES (?, ?, ?, ?, ?, ?)";
/// Binds key.
pub const DELETE: &str = "DELETE FROM entry WHERE key = ?";
/// Binds now. Forgets what has expired.
pub const SWEEP: &str = "DELETE FROM entry WHERE until IS NOT NULL AND until <= ?";
/// Binds key.
pub const FIND: &str = "SELECT key, kind, value, moment, tokens, until FROM entry WHERE key = ?";
/// Binds kind, key, how many. The rows of a kind behind that key.
pub const LIST: &str = "SELECT key, kind, value, moment, tokens, until FROM entry \
    WHERE kind = ? AND key > ? ORDER BY key LIMIT ?";
/// How many rows there are, as `count`. Binds now: what has expired does not count.
pub const COUNT: &str = "SELECT count(*) AS count FROM entry WHERE until IS NULL OR until > ?";
