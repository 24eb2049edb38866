//! The decision log: messages and statements of the object that keeps decisions, for those who ask why.
//!
//! What is kept is the line that the log had, under the id that the caller was told. Ids are spread over 256 objects by
//! their first byte, which is random.

use serde::{Deserialize, Serialize};

use crate::json;
use crate::ports::StoreError;
use crate::time::{Seconds, Timestamp};

const VERSION: u8 = 1;
const ID_HEX_DIGITS: usize = 20;
/// The longest event that is kept whole; of a longer one, what it says without its lists.
pub const MAX_EVENT_BYTES: usize = 128 * 1024;
/// No decision is kept for longer; bounds what a caller can make an object keep.
pub const LONGEST: Seconds = Seconds::hours(31 * 24);
/// A little longer, for the object goes by its own clock.
const LONGEST_BY_ANOTHER_CLOCK: Seconds = Seconds::hours(31 * 24 + 1);
/// An object is not woken more often than this to clean up.
const SWEEP_INTERVAL: Seconds = Seconds::minutes(5);

/// Where decisions are kept: never on the way of a request.
#[expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]
pub trait DecisionLog {
    /// Begins to keep the event of this request until then, beside whatever is going on. Failures are the
    /// implementation's to log.
    fn keep(&self, decision: LoggedDecision);
    /// The event of the request of this id; `None` when it is not kept, or not any more.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn kept(&self, id: &str) -> Result<Option<String>, StoreError>;
}

/// The statements of the object; each is atomic.
pub mod statement {
    /// The table.
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS decisions \
        (id TEXT PRIMARY KEY, event TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID";
    /// A row if there is a table; none if nothing is stored.
    pub const IS_MADE: &str = "SELECT name FROM pragma_table_info('decisions') LIMIT 1";
    /// By which the sweep finds what has expired, without reading the rest.
    pub const INDEX: &str = "CREATE INDEX IF NOT EXISTS decisions_until ON decisions (until)";
    /// Binds id, event, until. What was decided once stays as it is.
    pub const KEEP: &str = "INSERT INTO decisions (id, event, until) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";
    /// Binds id, now.
    pub const FIND: &str = "SELECT event FROM decisions WHERE id = ? AND until > ?";
    /// Binds now. Forgets what has expired.
    pub const SWEEP: &str = "DELETE FROM decisions WHERE until <= ?";
    /// When the next one expires.
    pub const NEXT: &str = "SELECT min(until) AS next FROM decisions";
}

/// Whether this can be the id of a request.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == ID_HEX_DIGITS && text.bytes().all(digit)
}

/// The name of the object that is responsible for the id.
#[must_use]
pub fn shard(id: &str) -> String {
    format!("decisions-{}", id.get(..2).unwrap_or_default())
}

/// How long after `now` to clean up, when the next decision expires at `next`.
#[must_use]
pub fn sweep_after(now: Timestamp, next: Timestamp) -> Seconds {
    next.since(now).max(SWEEP_INTERVAL).min(LONGEST)
}

/// A decision on its way to the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedDecision {
    v: u8,
    /// The id of its request.
    pub id: String,
    /// The event, as one line of JSON.
    pub event: String,
    until: Timestamp,
}

/// What an object is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// To keep this.
    Keep(LoggedDecision),
    /// For the decision of this id.
    Find(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Find {
    v: u8,
    find: String,
}

/// The object's answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindReply {
    v: u8,
    event: Option<String>,
}

impl LoggedDecision {
    /// The event of the request `id`, to be kept until then.
    #[must_use]
    pub fn new(id: &str, event: String, until: Timestamp) -> Self {
        Self { v: VERSION, id: id.to_owned(), event, until }
    }

    /// Until when it is kept.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_good(&self, now: Timestamp) -> bool {
        let lasts = self.until() > now && self.until() <= now.plus(LONGEST_BY_ANOTHER_CLOCK);
        self.v == VERSION && is_id(&self.id) && self.event.len() <= MAX_EVENT_BYTES && lasts
    }
}

impl Message {
    /// Reads a message; `None` when it is none, or asks for more than there is to ask.
    #[must_use]
    pub fn parse(json: &str, now: Timestamp) -> Option<Self> {
        if let Ok(Find { v, find }) = json::exactly_from_text(json) {
            return (v == VERSION && is_id(&find)).then_some(Self::Find(find));
        }
        json::exactly_from_text(json).ok().filter(|decision: &LoggedDecision| decision.is_good(now)).map(Self::Keep)
    }

    /// The question for a decision.
    #[must_use]
    pub fn find(id: &str) -> String {
        serde_json::json!({ "v": VERSION, "find": id }).to_string()
    }
}

impl FindReply {
    /// The answer: the event, where there is one.
    #[must_use]
    pub const fn answer(event: Option<String>) -> Self {
        Self { v: VERSION, event }
    }

    /// Reads an answer; `None` when it is none.
    #[must_use]
    pub fn parse(json: &str) -> Option<Option<String>> {
        json::exactly_from_text(json).ok().filter(|found: &Self| found.v == VERSION).map(|found| found.event)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::testing::each_with_one_more;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const ID: &str = "99b3b75e830b70503346";

    #[test]
    fn messages_and_answers_arrive_as_they_were_sent() {
        let decision = LoggedDecision::new(ID, r#"{"a":"\"é"}"#.to_owned(), NOW.plus(Seconds::hours(24)));
        let answers = [None, Some("{}".to_owned())].map(|event| FindReply::answer(event).to_json());
        for text in [decision.to_json(), Message::find(ID)] {
            assert!(each_with_one_more(&text).iter().all(|other| Message::parse(other, NOW).is_none()), "{text}");
        }
        for text in answers {
            assert!(each_with_one_more(&text).iter().all(|other| FindReply::parse(other).is_none()), "{text}");
        }
        assert_eq!(Message::parse(&decision.to_json(), NOW), Some(Message::Keep(decision)));
        assert_eq!(Message::parse(&Message::find(ID), NOW), Some(Message::Find(ID.to_owned())));
        for event in [None, Some("{}".to_owned())] {
            assert_eq!(FindReply::parse(&FindReply::answer(event.clone()).to_json()), Some(event));
        }
        let json = format!(r#"{{"v":1,"id":"{ID}","event":"{{}}","until":1800086400}}"#);
        let Some(Message::Keep(decision)) = Message::parse(&json, NOW) else { panic!("{json}") };
        assert_eq!(decision.to_json(), json);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let decision = |id: &str, event: usize, until: i64| {
            LoggedDecision::new(id, "x".repeat(event), Timestamp::from_unix(until)).to_json()
        };
        let soon = NOW.as_unix() + 1;
        let good = decision(ID, MAX_EVENT_BYTES, soon);
        assert!(Message::parse(&good, NOW).is_some());
        for json in [
            String::new(),
            "{}".to_owned(),
            good.replace("\"v\":1", "\"v\":2"),
            decision(ID, MAX_EVENT_BYTES + 1, soon),
            decision(&ID.to_uppercase(), 1, soon),
            decision("", 1, soon),
            decision(ID, 1, NOW.as_unix()),
            decision(ID, 1, NOW.plus(LONGEST_BY_ANOTHER_CLOCK).as_unix() + 1),
            Message::find("x"),
            Message::find(ID).replace("\"v\":1", "\"v\":2"),
        ] {
            assert_eq!(Message::parse(&json, NOW), None, "{json}");
        }
        for json in ["", "{}", r#"{"v":2,"event":null}"#, r#"{"v":1,"event":1}"#] {
            assert_eq!(FindReply::parse(json), None, "{json}");
        }
    }

    #[test]
    fn the_first_byte_names_the_object() {
        assert_eq!(shard(ID), "decisions-99");
    }
}
