//! Whose is the provider's session of this name? A logout token may name a `sid` and no `sub`
//! (Back-Channel Logout §2.4), and a front-channel logout never names one.
//!
//! Entries are spread over 256 objects by the first byte of their key. Key and value are hashes: a dump
//! names nobody. An entry is written before its session begins; a logout that finds none is noted,
//! and the login that comes after it is too late.
//!
//! In the same way it says which people granted something to a client ([`SidKey::of_agent`]). All people of one client are in
//! one object: a row takes some 300 bytes with its index, so a million people take 300 MB of the 10 GB that an object may have. It
//! is written at a consent, and not at a request, and read page by page.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::handle::SubjectKey;
use crate::json;
use crate::oidc::email::MailAddress;
use crate::oidc::transaction;
use crate::ports::StoreError;
use crate::time::{Seconds, Timestamp};

/// How long an entry is kept: as long as any session can be configured to live, because a clock that is
/// lengthened later holds for sessions that are already there.
pub const KEPT: Seconds = Seconds::hours(30 * 24);

/// How much longer than grants an entry is kept that finds them: within that time, grants that begin do not renew it.
pub const SPARE: Seconds = Seconds::hours(24);

const VERSION: u8 = 1;
/// A little longer: other clocks. Bounds what a caller can make an object keep.
const LONGEST: Seconds = Seconds::hours(31 * 24);
/// The same for entries by which grants are found: the longest grant, [`SPARE`], and a little.
const LONGEST_OF_GRANTS: Seconds = Seconds::hours(92 * 24);
/// Longer than any login can take: how long a logout that found no session is remembered.
const REMEMBERED: Seconds = Seconds::new(transaction::LIFETIME.get() + 300);
/// An object is not woken more often than this to clean up.
const SWEEP_INTERVAL: Seconds = Seconds::minutes(5);
/// The most subjects of a page.
const MAX_PAGE: u32 = 100;

/// The statements of the object. A row without subject notes a logout that found none.
pub mod statement {
    /// The table.
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS sid (\
        key TEXT NOT NULL, subject TEXT NOT NULL, ended_at INTEGER NOT NULL, until INTEGER NOT NULL, \
        PRIMARY KEY (key, subject)) WITHOUT ROWID";
    /// A row if there is a table; none if nothing is stored.
    pub const IS_MADE: &str = "SELECT name FROM pragma_table_info('sid') LIMIT 1";
    /// By which the sweep finds what has expired, without reading the rest.
    pub const INDEX: &str = "CREATE INDEX IF NOT EXISTS sid_until ON sid (until)";
    /// Binds key, when the login began, now. One row when a logout came since.
    pub const OVERTAKEN: &str = "SELECT 1 AS found FROM sid \
        WHERE key = ? AND subject = '' AND ended_at >= ? AND until > ?";
    /// Binds key, subject, until.
    pub const PUT: &str = "INSERT INTO sid (key, subject, ended_at, until) VALUES (?, ?, 0, ?) \
        ON CONFLICT (key, subject) DO UPDATE SET until = max(until, excluded.until)";
    /// Binds key, subject, a time. One row when there is an entry that is kept until then.
    pub const IS_KEPT: &str = "SELECT 1 AS found FROM sid WHERE key = ? AND subject = ? AND until >= ?";
    /// Binds key, the subject before the first one, now, how many. The subjects in order.
    pub const PAGE: &str =
        "SELECT subject FROM sid WHERE key = ? AND subject > ? AND until > ? ORDER BY subject LIMIT ?";
    /// Binds key, now. The subjects.
    pub const FIND: &str = "SELECT subject FROM sid WHERE key = ? AND subject <> '' AND until > ?";
    /// Binds key, now, until. Notes a logout.
    pub const NOTE: &str = "INSERT INTO sid (key, subject, ended_at, until) VALUES (?, '', ?, ?) \
        ON CONFLICT (key, subject) DO UPDATE SET ended_at = excluded.ended_at, until = excluded.until";
    /// Binds now. Forgets what has expired.
    pub const SWEEP: &str = "DELETE FROM sid WHERE until <= ?";
    /// When the next one expires.
    pub const NEXT: &str = "SELECT min(until) AS next FROM sid";
}

/// Where the entries are: strongly consistent.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait SidIndex {
    /// Enters a session that is about to begin. False when a logout came since its login began.
    ///
    /// # Errors
    /// When the store does not answer: the caller refuses; so for all below.
    async fn enter_sid(&self, key: &SidKey, entry: &SidEntry) -> Result<bool, StoreError>;
    /// The subjects that have, or had, a session of this name; most often one.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn find_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError>;
    /// The same for a logout that is proven: one that comes before its session begins is remembered.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn end_sid(&self, key: &SidKey) -> Result<Vec<SubjectKey>, StoreError>;
    /// The subjects of a page, in the order of their names.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn page_sid(&self, key: &SidKey, page: &SidPage) -> Result<Vec<SubjectKey>, StoreError>;
}

/// A provider's name for its own session, an address of somebody's there, or a client, as an index key: SHA-256 over issuer, NUL,
/// `sid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SidKey([u8; 32]);

/// A session about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidEntry {
    /// Whose.
    pub subject: SubjectKey,
    /// When the login began.
    pub login_started_at: Timestamp,
    /// When the session, or what is granted, is certainly over.
    pub until: Timestamp,
    /// Of an entry by which grants are found: one that is kept until then is left as it is, so that not each grant is worth a row
    /// written.
    pub suffices: Option<Timestamp>,
}

impl SidEntry {
    /// Somebody's session, or what they granted, by a name that their provider has for them: kept as long as any session lives,
    /// and as long as any grant of theirs, the last of which ends at `grants_end_at`.
    #[must_use]
    pub fn of_person(
        subject: SubjectKey,
        login_started_at: Timestamp,
        now: Timestamp,
        grants_end_at: Option<Timestamp>,
    ) -> Self {
        let sessions_end_at = now.plus(KEPT);
        let entry = Self { subject, login_started_at, until: sessions_end_at, suffices: None };
        match grants_end_at.filter(|end| *end > sessions_end_at) {
            None => entry,
            Some(end) => {
                let until = end.plus(SPARE).min(now.plus(LONGEST_OF_GRANTS));
                Self { until, suffices: Some(end.min(until)), ..entry }
            }
        }
    }
}

/// Some of the subjects of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidPage {
    /// The last one of the page before; `None`: it is the first page.
    pub after: Option<SubjectKey>,
    /// How many at most.
    pub limit: u32,
    /// Whether all that the key names is to end: then what was asked for by now does not begin any more.
    pub ends: bool,
}

impl SidKey {
    /// The key of the session that `issuer` calls `sid`.
    #[must_use]
    pub fn of(issuer: &str, sid: &str) -> Self {
        // An issuer is a URL and so holds no NUL: no two pairs share an input.
        Self(Sha256::new().chain_update(issuer).chain_update([0]).chain_update(sid).finalize().into())
    }

    /// The key of an e-mail address at `issuer`, for providers that may end what a person has by it.
    #[must_use]
    pub fn of_email(issuer: &str, email: &MailAddress) -> Self {
        // No issuer begins so: it is a URL.
        let digest = Sha256::new().chain_update(b"email\0").chain_update(issuer).chain_update([0]);
        Self(digest.chain_update(email.as_str()).finalize().into())
    }

    /// The key of a client, for the people who granted it something.
    #[must_use]
    pub fn of_agent(client: &str) -> Self {
        // No issuer begins so: it is a URL.
        Self(Sha256::new().chain_update(b"agent\0").chain_update(client).finalize().into())
    }

    /// The name of the object that is responsible for it.
    #[must_use]
    pub fn shard(&self) -> String {
        let [first, ..] = self.0;
        format!("sid-{first:02x}")
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the object is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SidRequest {
    /// [`SidIndex::enter_sid`].
    Put {
        /// Its key, in hexadecimal.
        key: String,
        /// The name of the subject's object.
        subject: String,
        /// [`SidEntry::login_started_at`].
        login_started_at: Timestamp,
        /// [`SidEntry::until`].
        until: Timestamp,
        /// [`SidEntry::suffices`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suffices: Option<Timestamp>,
    },
    /// [`SidIndex::find_sid`].
    Find {
        /// Its key, in hexadecimal.
        key: String,
    },
    /// [`SidIndex::end_sid`].
    End {
        /// Its key, in hexadecimal.
        key: String,
    },
    /// [`SidIndex::page_sid`].
    Page {
        /// Its key, in hexadecimal.
        key: String,
        /// The name of the last subject's object of the page before; empty: it is the first page.
        after: String,
        /// [`SidPage::limit`].
        limit: u32,
        /// [`SidPage::ends`].
        ends: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    v: u8,
    body: T,
}

/// What the object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SidReply {
    /// The entry is there.
    Entered,
    /// A logout came first.
    Overtaken,
    /// The names of the subjects' objects.
    Subjects(Vec<String>),
}

impl SidRequest {
    /// A request to enter a session.
    #[must_use]
    pub fn put(key: &SidKey, entry: &SidEntry) -> Self {
        Self::Put {
            key: key.hex(),
            subject: entry.subject.object_name(),
            login_started_at: entry.login_started_at,
            until: entry.until,
            suffices: entry.suffices,
        }
    }

    /// A request for the subjects.
    #[must_use]
    pub fn find(key: &SidKey) -> Self {
        Self::Find { key: key.hex() }
    }

    /// The same for a proven logout.
    #[must_use]
    pub fn end(key: &SidKey) -> Self {
        Self::End { key: key.hex() }
    }

    /// A request for a page of the subjects.
    #[must_use]
    pub fn page(key: &SidKey, page: &SidPage) -> Self {
        let after = page.after.map(|subject| subject.object_name()).unwrap_or_default();
        Self::Page { key: key.hex(), after, limit: page.limit, ends: page.ends }
    }

    /// Reads a request out of a message; `None` when it is none that this release understands, or
    /// asks to keep something for ever.
    #[must_use]
    pub fn parse(json: &str, now: Timestamp) -> Option<Self> {
        let envelope: Envelope<Self> = json::exactly_from_text(json).ok()?;
        let (Self::Put { key, .. } | Self::Find { key } | Self::End { key } | Self::Page { key, .. }) = &envelope.body;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let mut good = envelope.v == VERSION && key.len() == 64 && key.bytes().all(digit);
        let is_subject = |name: &str| SubjectKey::from_object_name(name).is_some();
        match &envelope.body {
            Self::Put { subject, until, suffices, .. } => {
                let longest = if suffices.is_some() { LONGEST_OF_GRANTS } else { LONGEST };
                good &= is_subject(subject) && *until > now && *until <= now.plus(longest);
            }
            Self::Page { after, limit, .. } => {
                good &= (after.is_empty() || is_subject(after)) && (1..=MAX_PAGE).contains(limit);
            }
            Self::Find { .. } | Self::End { .. } => {}
        }
        good.then_some(envelope.body)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl SidReply {
    /// Reads an answer; `None` when it is none.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        let envelope: Envelope<Self> = json::exactly_from_text(json).ok()?;
        (envelope.v == VERSION).then_some(envelope.body)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    /// Whether the entry is there.
    ///
    /// # Errors
    /// When this answers another question.
    pub fn entered(&self) -> Result<bool, StoreError> {
        match self {
            Self::Entered => Ok(true),
            Self::Overtaken => Ok(false),
            Self::Subjects(_) => Err(StoreError::Malformed),
        }
    }

    /// The subjects.
    ///
    /// # Errors
    /// When this answers another question, or holds what is no subject.
    pub fn subjects(&self) -> Result<Vec<SubjectKey>, StoreError> {
        let Self::Subjects(names) = self else { return Err(StoreError::Malformed) };
        names.iter().map(|name| SubjectKey::from_object_name(name).ok_or(StoreError::Malformed)).collect()
    }
}

/// Until when a logout is remembered that found no session.
#[must_use]
pub const fn remembered_until(now: Timestamp) -> Timestamp {
    now.plus(REMEMBERED)
}

/// Until when it is remembered that all that was granted to a client ended: a grant that was not in the index then, because an
/// earlier release began it, ends at its next refresh.
#[must_use]
pub const fn agent_remembered_until(now: Timestamp) -> Timestamp {
    now.plus(LONGEST_OF_GRANTS)
}

/// How long after `now` to clean up, when the next entry expires at `next`. Entries of agents are kept for longer than others: so
/// that none of those stays much longer than it should, it is never longer than they are kept.
#[must_use]
pub fn sweep_after(now: Timestamp, next: Timestamp) -> Seconds {
    next.since(now).max(SWEEP_INTERVAL).min(LONGEST)
}

fn to_json<T: Serialize>(body: &T) -> String {
    // Strings and numbers only: there is nothing in it that JSON could not hold.
    serde_json::to_string(&Envelope { v: VERSION, body }).unwrap_or_default()
}

#[cfg(test)]
mod tests;
