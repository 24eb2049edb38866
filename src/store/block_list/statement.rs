//! The statements of the object; each is atomic.

/// The tables.
pub const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, \
        moment INTEGER, tokens INTEGER, until INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
];
/// The number of the version; no row before the first change.
pub const VERSION: &str = "SELECT number FROM version WHERE id = 1";
/// The next version. The first one is a random number times [`CHANGES_OF_EPOCH`](super::CHANGES_OF_EPOCH), below 2^53.
pub const NEXT_VERSION: &str = "INSERT INTO version (id, number) VALUES (1, (abs(random() % 4000000000) + 1) * 1000000) \
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
/// Binds kind, how many. The rows of a kind without their entries.
pub const COPIED: &str = "SELECT key, kind, '' AS value, moment, tokens, until FROM entry \
    WHERE kind = ? ORDER BY key LIMIT ?";
/// How many rows of a kind there are, as `count`. Binds kind, now: what has expired does not count.
pub const COUNT: &str = "SELECT count(*) AS count FROM entry WHERE kind = ? AND (until IS NULL OR until > ?)";
