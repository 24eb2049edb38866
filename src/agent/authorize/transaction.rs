//! A question to a person, as the form of the consent page takes it along: what is asked, sealed for the session that it is
//! asked in (R-305). Nothing is stored until the person answers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::json;
use crate::keyring::{KeyPurpose, KeyRing, SealError};
use crate::ports::Random;
use crate::time::{Seconds, Timestamp};

/// How long a person may take.
pub const LIFETIME: Seconds = Seconds::minutes(10);

/// The longest sealed text that is read.
pub const MAX_SEALED_BYTES: usize = 16 * 1024;

/// One question under way. Two tabs of one browser are two questions, and neither knows of the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentTransaction {
    #[serde(rename = "v")]
    version: u8,
    /// Tells it from every other: random.
    #[serde(rename = "i")]
    id: [u8; 16],
    /// When it was asked.
    #[serde(rename = "t")]
    pub asked_at: Timestamp,
    /// The client's id.
    #[serde(rename = "c")]
    pub client: String,
    /// What the client calls itself, as the page showed it.
    #[serde(rename = "n")]
    pub client_name: String,
    /// Where it is answered.
    #[serde(rename = "u")]
    pub redirect_uri: String,
    /// What it gets back.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The resource.
    #[serde(rename = "r")]
    pub resource: String,
    /// What it wants to do there.
    #[serde(rename = "o")]
    pub scopes: Vec<String>,
    /// `code_challenge`
    #[serde(rename = "p")]
    pub challenge: String,
}

/// What a person is asked.
#[derive(Clone, Debug)]
pub struct ConsentQuestion<'a> {
    /// The client's id.
    pub client: &'a str,
    /// What it calls itself.
    pub client_name: &'a str,
    /// Where it is answered.
    pub redirect_uri: &'a str,
    /// What it gets back.
    pub state: Option<&'a str>,
    /// The resource.
    pub resource: &'a str,
    /// What it wants to do there.
    pub scopes: &'a [String],
    /// `code_challenge`
    pub challenge: &'a str,
}

impl ConsentTransaction {
    /// A question of now.
    #[must_use]
    pub fn begin(question: &ConsentQuestion<'_>, now: Timestamp, random: &impl Random) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        Self {
            version: 1,
            id,
            asked_at: now,
            client: question.client.to_owned(),
            client_name: question.client_name.to_owned(),
            redirect_uri: question.redirect_uri.to_owned(),
            state: question.state.map(str::to_owned),
            resource: question.resource.to_owned(),
            scopes: question.scopes.to_vec(),
            challenge: question.challenge.to_owned(),
        }
    }

    /// Seals it for this session alone.
    ///
    /// # Errors
    /// When it cannot be written, or is longer than what is read again.
    pub fn seal(&self, session: &str, keys: &KeyRing, random: &impl Random) -> Result<String, SealError> {
        let plain = serde_json::to_vec(self).map_err(|_| SealError)?;
        let sealed = keys.seal(KeyPurpose::AgentConsent, session.as_bytes(), &plain, random)?;
        if sealed.len() > MAX_SEALED_BYTES { Err(SealError) } else { Ok(sealed) }
    }

    /// Opens what was sealed for this session. `None` where it was not, or too long ago.
    #[must_use]
    pub fn open(sealed: &str, session: &str, keys: &KeyRing, now: Timestamp) -> Option<Self> {
        if sealed.len() > MAX_SEALED_BYTES {
            return None;
        }
        let plain = keys.open(KeyPurpose::AgentConsent, session.as_bytes(), sealed).ok()?;
        let transaction: Self = json::from_bytes(plain.expose()).ok()?;
        (transaction.version == 1 && now < transaction.expires_at()).then_some(transaction)
    }

    /// When it is too late.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.asked_at.plus(LIFETIME)
    }

    /// What is remembered of it once it was answered, so that it is answered once.
    #[must_use]
    pub fn once_key(&self) -> [u8; 32] {
        Sha256::new().chain_update(b"postern/agent-consent/").chain_update(self.id).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    struct Counting(Cell<u8>);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            self.0.set(self.0.get() + 1);
            bytes.fill(self.0.get());
        }
    }

    fn ring(id: &str) -> KeyRing {
        KeyRing::parse(&format!("{id}:{}A", id.repeat(42))).unwrap()
    }

    fn question<'a>(scopes: &'a [String]) -> ConsentQuestion<'a> {
        ConsentQuestion {
            client: "https://client.example/c",
            client_name: "Client",
            redirect_uri: "https://client.example/cb",
            state: Some("s"),
            resource: "https://app.example.com/mcp",
            scopes,
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        }
    }

    // R-305
    #[test]
    fn a_question_opens_in_the_session_that_it_was_asked_in_alone() {
        let (keys, random) = (ring("a"), Counting(Cell::new(0)));
        let scopes = ["docs:read".to_owned()];
        let asked = ConsentTransaction::begin(&question(&scopes), NOW, &random);
        let sealed = asked.seal("one", &keys, &random).unwrap();
        assert_eq!(ConsentTransaction::open(&sealed, "one", &keys, NOW), Some(asked));
        for (session, ring) in [("two", &keys), ("", &keys), ("one", &ring("b"))] {
            assert_eq!(ConsentTransaction::open(&sealed, session, ring, NOW), None, "{session}");
        }
        assert_eq!(ConsentTransaction::open("", "one", &keys, NOW), None);
        assert_eq!(ConsentTransaction::open(&"a.".repeat(MAX_SEALED_BYTES), "one", &keys, NOW), None);
    }

    // R-305
    #[test]
    fn a_question_is_over_after_ten_minutes() {
        let (keys, random) = (ring("a"), Counting(Cell::new(0)));
        let asked = ConsentTransaction::begin(&question(&[]), NOW, &random);
        let sealed = asked.seal("one", &keys, &random).unwrap();
        for (seconds, opens) in [(0, true), (599, true), (600, false)] {
            let then = NOW.plus(Seconds::new(seconds));
            assert_eq!(ConsentTransaction::open(&sealed, "one", &keys, then).is_some(), opens, "{seconds}");
        }
    }

    // R-305
    #[test]
    fn two_questions_are_told_apart_though_they_ask_the_same() {
        let random = Counting(Cell::new(0));
        let [one, other] = [(); 2].map(|()| ConsentTransaction::begin(&question(&[]), NOW, &random));
        assert_ne!(one.once_key(), other.once_key());
        assert_eq!(one.once_key(), one.clone().once_key());
    }
}
