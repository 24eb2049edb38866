//! Messages and statements of the objects that keep tokens of our own.

use serde::{Deserialize, Serialize};

use super::token::{ServiceToken, ServiceTokenDigest};
use crate::json;
use crate::keyring::{KeyPurpose, KeyRing, SealError};
use crate::ports::Random;
use crate::time::{Seconds, Timestamp};

const VERSION: u8 = 1;
/// What a stored token is sealed with, beside its terms: the format.
const CONTEXT: &str = "service-token/1/";
/// An object is not woken more often than this to clean up.
const SWEEP_INTERVAL: Seconds = Seconds::minutes(5);
/// The longest that is looked ahead.
const LONGEST: Seconds = Seconds::hours(31 * 24);

/// The statements of an object; each is atomic.
pub mod statement {
    /// The table: a token by its terms, sealed.
    pub const CREATE: &str = "CREATE TABLE IF NOT EXISTS service_token \
        (terms TEXT PRIMARY KEY, sealed TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID";
    /// A row if there is a table; none if nothing is stored.
    pub const IS_MADE: &str = "SELECT name FROM pragma_table_info('service_token') LIMIT 1";
    /// Binds terms and now. The token, if there is one.
    pub const READ: &str = "SELECT sealed FROM service_token WHERE terms = ? AND until > ?";
    /// Binds terms, sealed and until. In place of what was there.
    pub const WRITE: &str = "INSERT INTO service_token (terms, sealed, until) VALUES (?, ?, ?) \
        ON CONFLICT (terms) DO UPDATE SET sealed = excluded.sealed, until = excluded.until";
    /// Binds terms. Forgets a token.
    pub const DROP: &str = "DELETE FROM service_token WHERE terms = ?";
    /// Binds now. Forgets what has expired.
    pub const SWEEP: &str = "DELETE FROM service_token WHERE until <= ?";
    /// When the next one expires.
    pub const NEXT: &str = "SELECT min(until) AS next FROM service_token";
}

/// How long after `now` to clean up, when the next token expires at `next`.
#[must_use]
pub fn sweep_after(now: Timestamp, next: Timestamp) -> Seconds {
    next.since(now).max(SWEEP_INTERVAL).min(LONGEST)
}

/// Asks the object of an entry for its token.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTokenRequest {
    v: u8,
    /// The id of the entry.
    pub service: String,
    /// Its [`terms`](crate::config::ServiceClient::terms), by the configuration of whoever asks.
    pub terms: String,
    /// The token that an upstream did not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ServiceTokenDigest>,
}

impl ServiceTokenRequest {
    /// The request.
    #[must_use]
    pub fn new(service: &str, terms: String, refused: Option<ServiceTokenDigest>) -> Self {
        Self { v: VERSION, service: service.to_owned(), terms, refused }
    }

    /// Reads it out of a message.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        json::exactly_from_text(message).ok().filter(|request: &Self| request.v == VERSION)
    }

    /// The message.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An answer as it is sent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentReply<T> {
    v: u8,
    reply: T,
}

/// What the object answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTokenReply {
    /// The token.
    Token(ServiceToken),
    /// There is none.
    Unavailable,
    /// The object works by another configuration.
    OtherConfiguration,
}

impl ServiceTokenReply {
    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        json::exactly_from_text(text).ok().filter(|sent: &SentReply<Self>| sent.v == VERSION).map(|sent| sent.reply)
    }

    /// The answer.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&SentReply { v: VERSION, reply: self }).unwrap_or_default()
    }
}

/// A token as it is stored: sealed, for these terms alone.
///
/// # Errors
/// When the cipher fails.
pub fn seal(token: &ServiceToken, terms: &str, keys: &KeyRing, random: &impl Random) -> Result<String, SealError> {
    let plain = serde_json::to_vec(token).map_err(|_| SealError)?;
    keys.seal(KeyPurpose::ServiceToken, format!("{CONTEXT}{terms}").as_bytes(), &plain, random)
}

/// The stored token of these terms; `None` when no key of the ring opens it.
#[must_use]
pub fn open(sealed: &str, terms: &str, keys: &KeyRing) -> Option<ServiceToken> {
    let plain = keys.open(KeyPurpose::ServiceToken, format!("{CONTEXT}{terms}").as_bytes(), sealed).ok()?;
    json::from_text(std::str::from_utf8(plain.expose()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::testing::each_with_one_more;
    use crate::secret::Secret;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (value, byte) in (1_u8..).zip(bytes) {
                *byte = value;
            }
        }
    }

    fn token() -> ServiceToken {
        let at = Timestamp::from_unix;
        ServiceToken { token: Secret::new("canary".to_owned()), issued_at: at(1), expires_at: at(2) }
    }

    fn ring(letter: &str) -> KeyRing {
        KeyRing::parse(&format!("k{letter}:{}A", letter.to_uppercase().repeat(42))).unwrap()
    }

    #[test]
    fn what_is_stored_opens_for_its_terms_and_its_ring_alone() {
        // R-272
        let sealed = seal(&token(), "terms", &ring("c"), &Counting).unwrap();
        assert!(!sealed.contains("canary"));
        assert_eq!(open(&sealed, "terms", &ring("c")), Some(token()));
        assert_eq!(open(&sealed, "other", &ring("c")), None);
        assert_eq!(open(&sealed, "terms", &ring("b")), None);
        assert_eq!(open("", "terms", &ring("c")), None);
    }

    #[test]
    fn messages_carry_their_version_and_are_read_as_they_were_written() {
        let request = ServiceTokenRequest::new("billing", "ab".to_owned(), Some(token().digest()));
        assert_eq!(ServiceTokenRequest::parse(&request.to_json()), Some(request));
        for bad in ["", "{}", r#"{"v":2,"service":"a","terms":"b"}"#, r#"{"v":1,"service":"a","terms":"b","x":1}"#] {
            assert_eq!(ServiceTokenRequest::parse(bad), None, "{bad}");
        }
        for reply in
            [ServiceTokenReply::Token(token()), ServiceTokenReply::Unavailable, ServiceTokenReply::OtherConfiguration]
        {
            for other in each_with_one_more(&reply.to_json()) {
                assert_eq!(ServiceTokenReply::parse(&other), None, "{other}");
            }
            assert_eq!(ServiceTokenReply::parse(&reply.to_json()), Some(reply));
        }
        assert!(ServiceTokenReply::parse(r#"{"v":1,"reply":"unavailable"}"#).is_some());
        for bad in [r#""unavailable""#, r#"{"v":2,"reply":"unavailable"}"#, r#"{"reply":"unavailable"}"#] {
            assert_eq!(ServiceTokenReply::parse(bad), None, "{bad}");
        }
    }
}
