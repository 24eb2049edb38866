//! The messages and statements of the object that keeps buckets.

use serde::{Deserialize, Serialize};

use super::{Allowance, Bucket, BucketKey, Drawn};
use crate::json;
use crate::time::{Seconds, Timestamp};

const VERSION: u8 = 1;
const KEY_HEX_DIGITS: usize = 64;
/// An object is not woken more often than this to clean up.
const SWEEP_INTERVAL: Seconds = Seconds::minutes(5);

/// The statements of the object; each is atomic, and nothing comes between reading and writing a bucket.
pub mod statement {
    /// The table.
    /// It has no index by which the sweep would find the full ones: each request that is counted would write it too, and to
    /// read the table every few minutes costs less.
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS bucket (key TEXT PRIMARY KEY, debt INTEGER NOT NULL, \
        at INTEGER NOT NULL, full_at INTEGER NOT NULL) WITHOUT ROWID";
    /// A row if there is a table; none if nothing is stored.
    pub const IS_MADE: &str = "SELECT name FROM pragma_table_info('bucket') LIMIT 1";
    /// Binds key.
    pub const READ: &str = "SELECT debt, at FROM bucket WHERE key = ?";
    /// Binds key, debt, at, `full_at`.
    pub const WRITE: &str = "INSERT OR REPLACE INTO bucket (key, debt, at, full_at) VALUES (?, ?, ?, ?)";
    /// Binds now. Forgets the full ones.
    pub const SWEEP: &str = "DELETE FROM bucket WHERE full_at <= ?";
    /// When the next one is full.
    pub const NEXT: &str = "SELECT min(full_at) AS next FROM bucket";
}

/// How long after `now` to clean up, when the next bucket is full at `next`.
#[must_use]
pub fn sweep_after(now: Timestamp, next: Timestamp) -> Seconds {
    next.since(now).max(SWEEP_INTERVAL)
}

/// One request, asked of a bucket.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    v: u8,
    key: String,
    requests: u32,
    period: Seconds,
    burst: u32,
}

/// A bucket as its table has it.
#[derive(Debug, Deserialize)]
pub struct BucketRow {
    debt: u64,
    at: Timestamp,
}

impl Draw {
    /// Asks this bucket.
    #[must_use]
    pub fn new(key: &BucketKey, allowance: &Allowance) -> Self {
        let (requests, period, burst) = (allowance.requests(), allowance.period(), allowance.burst());
        Self { v: VERSION, key: key.to_hex(), requests, period, burst }
    }

    /// Reads it out of a message: the key of the bucket, and what it allows. `None` when it is something else.
    #[must_use]
    pub fn parse(json: &str) -> Option<(String, Allowance)> {
        let draw: Self = json::exactly_from_text(json).ok()?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_key = draw.key.len() == KEY_HEX_DIGITS && draw.key.bytes().all(digit);
        let allowance = Allowance::new(draw.requests, draw.period, draw.burst)?;
        (draw.v == VERSION && is_key).then_some((draw.key, allowance))
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Self { v, key, requests, period, burst } = self;
        serde_json::json!({ "v": v, "key": key, "requests": requests, "period": period, "burst": burst }).to_string()
    }
}

impl From<BucketRow> for Bucket {
    fn from(BucketRow { debt, at }: BucketRow) -> Self {
        Self::kept(debt, at)
    }
}

/// The object's answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    v: u8,
    admitted: bool,
    remaining: u32,
    next: Seconds,
}

/// The answer as a message.
#[must_use]
pub fn answer(drawn: &Drawn) -> String {
    let Drawn { admitted, remaining, next } = drawn;
    serde_json::json!({ "v": VERSION, "admitted": admitted, "remaining": remaining, "next": next }).to_string()
}

/// Reads an answer; `None` when it is none.
#[must_use]
pub fn read_answer(json: &str) -> Option<Drawn> {
    let Answer { v, admitted, remaining, next } = json::exactly_from_text(json).ok()?;
    (v == VERSION).then_some(Drawn { admitted, remaining, next })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::testing::each_with_one_more;
    use crate::limit::{LimitKind, Whose};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_question_arrives_as_it_was_sent() {
        let allowance = Allowance::new(100, Seconds::minutes(1), 20).unwrap();
        let key = BucketKey::of(LimitKind::Route, "/a", &allowance, Whose::Everyone);
        let json = Draw::new(&key, &allowance).to_json();
        let wanted = json!({ "burst": 20, "key": key.to_hex(), "period": 60, "requests": 100, "v": 1 });
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), wanted);
        assert_eq!(Draw::parse(&json), Some((key.to_hex(), allowance)));
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let message = |v: u8, key: &str, requests: u64, more: &str| {
            format!(r#"{{"v":{v},"key":"{key}","requests":{requests},"period":60,"burst":1{more}}}"#)
        };
        let key = "ab".repeat(32);
        assert!(Draw::parse(&message(1, &key, 1, "")).is_some());
        for json in [
            String::new(),
            "{}".to_owned(),
            message(2, &key, 1, ""),
            message(1, &key.to_uppercase(), 1, ""),
            message(1, "ab", 1, ""),
            message(1, &key, 0, ""),
            message(1, &key, u64::MAX, ""),
            message(1, &key, 1, r#","burst":2"#),
            message(1, &key, 1, r#","more":2"#),
        ] {
            assert_eq!(Draw::parse(&json), None, "{json}");
        }
    }

    #[test]
    fn an_answer_arrives_as_it_was_sent() {
        let drawn = Drawn { admitted: true, remaining: 19, next: Seconds::new(1) };
        let wanted = json!({ "admitted": true, "next": 1, "remaining": 19, "v": 1 });
        assert_eq!(serde_json::from_str::<Value>(&answer(&drawn)).unwrap(), wanted);
        assert!(each_with_one_more(&answer(&drawn)).iter().all(|other| read_answer(other).is_none()));
        assert_eq!(read_answer(&answer(&drawn)), Some(drawn));
        for json in ["", "{}", r#"{"v":2,"admitted":true,"remaining":1,"next":1}"#, r#"{"v":1,"admitted":true}"#] {
            assert_eq!(read_answer(json), None, "{json}");
        }
    }

    #[test]
    fn cleaning_up_is_not_too_often() {
        assert_eq!(sweep_after(NOW, NOW), SWEEP_INTERVAL);
        assert_eq!(sweep_after(NOW, NOW.plus(Seconds::hours(1))), Seconds::hours(1));
    }
}
