//! The replay guard, for what may be used only once: messages and statements of the object that remembers it.
//!
//! A key is a hash (32 bytes); it can be claimed by one caller until it expires, and again
//! afterwards. Keys are spread over 256 objects by their first byte.

use serde::{Deserialize, Serialize};

use crate::json;
use crate::ports::Claimed;
use crate::time::{Seconds, Timestamp};

const VERSION: u8 = 1;
const KEY_HEX_DIGITS: usize = 64;
/// Nothing used once lives longer than this; bounds what a caller can make an object keep.
const LONGEST: Seconds = Seconds::hours(31 * 24);
/// An object is not woken more often than this to clean up.
const SWEEP_INTERVAL: Seconds = Seconds::minutes(5);

/// The statements of the object; each is atomic.
pub mod statement {
    /// The table.
    pub const CREATE: &str =
        "CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID";
    /// A row if there is a table; none if nothing is stored.
    pub const IS_MADE: &str = "SELECT name FROM pragma_table_info('once') LIMIT 1";
    /// By which the sweep finds what has expired, without reading the rest.
    pub const INDEX: &str = "CREATE INDEX IF NOT EXISTS once_until ON once (until)";
    /// Binds key, until, now. Returns one row when the claim is the first, else none.
    pub const CLAIM: &str = "INSERT INTO once (key, until) VALUES (?, ?) \
        ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE once.until <= ? RETURNING until";
    /// Binds key, now. A row where it is claimed.
    pub const LOOK: &str = "SELECT until FROM once WHERE key = ? AND until > ?";
    /// Binds key. Forgets a claim.
    pub const RELEASE: &str = "DELETE FROM once WHERE key = ?";
    /// Binds now. Forgets what has expired.
    pub const SWEEP: &str = "DELETE FROM once WHERE until <= ?";
    /// When the next one expires.
    pub const NEXT: &str = "SELECT min(until) AS next FROM once";
}

/// The name of the object that is responsible for `key`.
#[must_use]
pub fn shard(key: &[u8; 32]) -> String {
    let [first, ..] = key;
    format!("once-{first:02x}")
}

/// How long after `now` to clean up, when the next key expires at `next`.
#[must_use]
pub fn sweep_after(now: Timestamp, next: Timestamp) -> Seconds {
    next.since(now).max(SWEEP_INTERVAL).min(LONGEST)
}

/// A claim on a key, on its way to the object.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayClaim {
    v: u8,
    key: String,
    until: Timestamp,
    /// For whom: another name, under which the object remembers who was the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

/// The end of a claim, on its way to the object.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRelease {
    v: u8,
    release: String,
}

/// The question whether a key is claimed, on its way to the object.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayLook {
    v: u8,
    look: String,
}

/// What is wrong with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayClaimError {
    /// Not the JSON object expected.
    Malformed,
    /// A version this release does not know.
    Version,
    /// The key is not 32 bytes in lower-case hexadecimal.
    Key,
    /// The end lies in the past or too far ahead.
    Until,
}

impl std::fmt::Display for ReplayClaimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "expected an object with `v`, `key` and `until`",
            Self::Version => "unknown version",
            Self::Key => "`key`: expected 64 hexadecimal digits",
            Self::Until => "`until`: expected a time within the next 31 days",
        })
    }
}

impl std::error::Error for ReplayClaimError {}

impl ReplayClaim {
    /// A claim on `key` until `until`.
    #[must_use]
    pub fn new(key: &[u8; 32], until: Timestamp) -> Self {
        Self { v: VERSION, key: hex(key), until, owner: None }
    }

    /// The same for one owner, who may claim it again.
    #[must_use]
    pub fn of_owner(key: &[u8; 32], owner: &[u8; 32], until: Timestamp) -> Self {
        Self { owner: Some(hex(owner)), ..Self::new(key, until) }
    }

    /// Reads a claim out of a message.
    ///
    /// # Errors
    /// When it is not a claim this release understands, or lasts too long.
    pub fn parse(json: &str, now: Timestamp) -> Result<Self, ReplayClaimError> {
        let claim: Self = json::exactly_from_text(json).map_err(|_| ReplayClaimError::Malformed)?;
        if claim.v != VERSION {
            return Err(ReplayClaimError::Version);
        }
        if !is_key(&claim.key) || claim.owner.as_deref().is_some_and(|owner| !is_key(owner)) {
            return Err(ReplayClaimError::Key);
        }
        if claim.until() <= now || claim.until() > now.plus(LONGEST) {
            return Err(ReplayClaimError::Until);
        }
        Ok(claim)
    }

    /// The key in hexadecimal.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// When it may be claimed again.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Its owner in hexadecimal, if it has one.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { v, key, until, owner } = self;
        let message = match owner {
            None => serde_json::json!({ "v": v, "key": key, "until": until }),
            Some(owner) => serde_json::json!({ "v": v, "key": key, "until": until, "owner": owner }),
        };
        message.to_string()
    }
}

impl ReplayRelease {
    /// The end of the claim on `key`.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { v: VERSION, release: hex(key) }
    }

    /// Reads it out of a message; `None` when it is something else.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        json::exactly_from_text(json).ok().filter(|release: &Self| release.v == VERSION && is_key(&release.release))
    }

    /// The key in hexadecimal.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.release
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "v": self.v, "release": self.release }).to_string()
    }
}

impl ReplayLook {
    /// The question about `key`.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { v: VERSION, look: hex(key) }
    }

    /// Reads it out of a message; `None` when it is something else.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        json::exactly_from_text(json).ok().filter(|look: &Self| look.v == VERSION && is_key(&look.look))
    }

    /// The key in hexadecimal.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.look
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "v": self.v, "look": self.look }).to_string()
    }
}

fn hex(key: &[u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_key(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == KEY_HEX_DIGITS && text.bytes().all(digit)
}

/// The object's answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayReply {
    v: u8,
    first: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    again: bool,
}

impl ReplayReply {
    /// The answer to a claim, or to the question whether one would be the first.
    #[must_use]
    pub const fn answer(first: bool) -> Self {
        Self { v: VERSION, first, again: false }
    }

    /// The answer to the claim of an owner.
    #[must_use]
    pub const fn for_owner(claimed: Claimed) -> Self {
        let (first, again) = (matches!(claimed, Claimed::First), matches!(claimed, Claimed::Again));
        Self { v: VERSION, first, again }
    }

    /// Reads an answer; `None` when it is none.
    #[must_use]
    pub fn parse(json: &str) -> Option<Self> {
        json::exactly_from_text(json).ok().filter(|answer: &Self| answer.v == VERSION)
    }

    /// Whether the caller is the first.
    #[must_use]
    pub const fn first(&self) -> bool {
        self.first
    }

    /// What an owner has of its claim.
    #[must_use]
    pub const fn claimed(&self) -> Claimed {
        match (self.first, self.again) {
            (true, _) => Claimed::First,
            (false, true) => Claimed::Again,
            (false, false) => Claimed::ByAnother,
        }
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { v, first, again } = self;
        let message = if *again {
            serde_json::json!({ "v": v, "first": first, "again": again })
        } else {
            serde_json::json!({ "v": v, "first": first })
        };
        message.to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::json::testing::each_with_one_more;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_claim_arrives_as_it_was_sent() {
        let claim = ReplayClaim::new(&[0xab; 32], NOW.plus(Seconds::minutes(10)));
        assert_eq!(ReplayClaim::parse(&claim.to_json(), NOW), Ok(claim));
        let json = format!(r#"{{"key":"{}","until":1800000600,"v":1}}"#, "ab".repeat(32));
        let again = ReplayClaim::parse(&json, NOW).unwrap().to_json();
        assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), serde_json::from_str::<Value>(&json).unwrap());
    }

    #[test]
    fn the_claim_of_an_owner_arrives_as_it_was_sent() {
        // R-322
        let until = NOW.plus(Seconds::minutes(10));
        let claim = ReplayClaim::of_owner(&[0xab; 32], &[0xcd; 32], until);
        assert_eq!(claim.owner(), Some("cd".repeat(32).as_str()));
        let json = claim.to_json();
        assert_eq!(ReplayClaim::parse(&json, NOW), Ok(claim));
        let odd = json.replace(&"cd".repeat(32), "cd");
        assert_eq!(ReplayClaim::parse(&odd, NOW), Err(ReplayClaimError::Key));
        assert_eq!(ReplayClaim::new(&[0xab; 32], until).owner(), None);
        for claimed in [Claimed::First, Claimed::Again, Claimed::ByAnother] {
            let json = ReplayReply::for_owner(claimed).to_json();
            assert_eq!(ReplayReply::parse(&json).map(|answer| answer.claimed()), Some(claimed));
        }
    }

    #[test]
    fn a_release_arrives_as_it_was_sent_and_is_never_taken_for_a_claim() {
        let release = ReplayRelease::new(&[0xab; 32]);
        assert_eq!(ReplayRelease::parse(&release.to_json()).as_ref(), Some(&release));
        assert_eq!(ReplayClaim::parse(&release.to_json(), NOW), Err(ReplayClaimError::Malformed));
        let claim = ReplayClaim::new(&[0xab; 32], NOW.plus(Seconds::minutes(10)));
        assert_eq!(ReplayRelease::parse(&claim.to_json()), None);
        for json in ["", "{}", r#"{"v":1,"release":"ab"}"#, &release.to_json().replace("\"v\":1", "\"v\":2")] {
            assert_eq!(ReplayRelease::parse(json), None, "{json}");
        }
    }

    #[test]
    fn a_question_arrives_as_it_was_sent_and_is_never_taken_for_a_claim_or_its_end() {
        let look = ReplayLook::new(&[0xab; 32]);
        assert_eq!(ReplayLook::parse(&look.to_json()).as_ref(), Some(&look));
        assert_eq!(look.key(), "ab".repeat(32));
        assert_eq!(ReplayClaim::parse(&look.to_json(), NOW), Err(ReplayClaimError::Malformed));
        assert_eq!(ReplayRelease::parse(&look.to_json()), None);
        let claim = ReplayClaim::new(&[0xab; 32], NOW.plus(Seconds::minutes(10)));
        let release = ReplayRelease::new(&[0xab; 32]).to_json();
        let odd = look.to_json().replace("\"v\":1", "\"v\":2");
        for json in ["", "{}", r#"{"v":1,"look":"ab"}"#, &odd, &release, &claim.to_json()] {
            assert_eq!(ReplayLook::parse(json), None, "{json}");
        }
    }

    #[test]
    fn an_answer_arrives_as_it_was_sent() {
        for first in [true, false] {
            let json = ReplayReply::answer(first).to_json();
            assert_eq!(ReplayReply::parse(&json).map(|answer| answer.first()), Some(first));
            assert!(each_with_one_more(&json).iter().all(|other| ReplayReply::parse(other).is_none()), "{json}");
        }
    }

    #[test]
    fn what_says_more_is_no_message() {
        let key = [7; 32];
        let claim = ReplayClaim::of_owner(&key, &key, NOW.plus(Seconds::new(1))).to_json();
        assert!(each_with_one_more(&claim).iter().all(|other| ReplayClaim::parse(other, NOW).is_err()));
        let release = ReplayRelease::new(&key).to_json();
        assert!(each_with_one_more(&release).iter().all(|other| ReplayRelease::parse(other).is_none()));
        let look = ReplayLook::new(&key).to_json();
        assert!(each_with_one_more(&look).iter().all(|other| ReplayLook::parse(other).is_none()));
    }

    #[test]
    fn what_is_not_a_claim_is_refused() {
        let key = "ab".repeat(32);
        let with = |v: &str, key: &str, until: i64| format!(r#"{{"v":{v},"key":"{key}","until":{until}}}"#);
        let soon = NOW.as_unix() + 1;
        let cases = [
            (String::new(), ReplayClaimError::Malformed),
            ("[]".into(), ReplayClaimError::Malformed),
            (format!(r#"{{"v":1,"key":"{key}"}}"#), ReplayClaimError::Malformed),
            (format!(r#"{{"v":1,"key":"{key}","until":{soon},"until":{soon}}}"#), ReplayClaimError::Malformed),
            (format!(r#"{{"v":1,"key":"{key}","until":{soon},"more":1}}"#), ReplayClaimError::Malformed),
            (with("1.0", &key, soon), ReplayClaimError::Malformed),
            (with("2", &key, soon), ReplayClaimError::Version),
            (with("1", &key.to_uppercase(), soon), ReplayClaimError::Key),
            (with("1", key.get(1..).unwrap(), soon), ReplayClaimError::Key),
            (with("1", "", soon), ReplayClaimError::Key),
            (with("1", &"é".repeat(32), soon), ReplayClaimError::Key),
            (with("1", &key, NOW.as_unix()), ReplayClaimError::Until),
            (with("1", &key, i64::MIN), ReplayClaimError::Until),
            (with("1", &key, i64::MAX), ReplayClaimError::Until),
            (with("1", &key, NOW.plus(LONGEST).as_unix() + 1), ReplayClaimError::Until),
        ];
        for (json, expected) in cases {
            assert_eq!(ReplayClaim::parse(&json, NOW), Err(expected), "{json}");
        }
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        for json in ["", "{}", "true", r#"{"v":2,"first":true}"#, r#"{"v":1,"first":1}"#, r#"{"v":1}"#] {
            assert_eq!(ReplayReply::parse(json), None, "{json}");
        }
    }

    #[test]
    fn the_first_byte_names_the_object() {
        let mut key = [0; 32];
        assert_eq!(shard(&key), "once-00");
        key[0] = 0xfe;
        assert_eq!(shard(&key), "once-fe");
    }

    #[test]
    fn cleaning_up_is_neither_too_often_nor_never() {
        assert_eq!(sweep_after(NOW, NOW), SWEEP_INTERVAL);
        assert_eq!(sweep_after(NOW, NOW.plus(Seconds::hours(1))), Seconds::hours(1));
        assert_eq!(sweep_after(NOW, Timestamp::from_unix(i64::MAX)), LONGEST);
    }
}
