//! Answers of users' objects, as they were read: the same text is not read twice.
//!
//! An object is asked with nearly every request of a session, and answers the same for as long as nothing happens. Reading that
//! text takes a good part of the time of such a request.

use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::message::{Live, Reply};
use super::{Session, SubjectKey};
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::json;

/// What an isolate remembers.
const BOUNDS: Bounds = Bounds { entries: 1000, weight: 1024 * 1024 };

/// What is remembered of answers. None of it counts by itself: each answer is asked for, and compared byte for byte.
#[derive(Debug)]
pub struct KnownAnswers(RefCell<BoundedCache<u64, Known>>);

#[derive(Debug)]
struct Known {
    text: String,
    says: Alive,
}

/// What is answered nearly every time.
#[derive(Clone, Debug)]
enum Alive {
    Session(Box<Live>),
    Grant(Box<Session>),
}

impl Default for KnownAnswers {
    fn default() -> Self {
        Self(RefCell::new(BoundedCache::new(BOUNDS)))
    }
}

impl KnownAnswers {
    /// What this object's answer to a message says. `None`: it is no answer.
    pub fn read(&self, subject: &SubjectKey, message: &str, text: &str) -> Option<Reply> {
        // Two questions may share a place: their answers differ, or say the same.
        let place = BuildHasherDefault::<DefaultHasher>::new().hash_one((subject, message));
        if let Some(known) = self.0.borrow_mut().get(&place).filter(|known| known.text == text) {
            return Some(known.says.clone().into());
        }
        let reply = json::from_text(text).ok()?;
        if let Some(says) = Alive::of(&reply) {
            self.0.borrow_mut().insert(place, Known { text: text.to_owned(), says }, text.len());
        }
        Some(reply)
    }
}

impl Alive {
    /// What may be kept: no token stays in memory for longer than the request that asked for it.
    fn of(reply: &Reply) -> Option<Self> {
        match reply {
            Reply::Live(live) if live.access_token.is_none() && live.bound_token.is_none() => {
                Some(Self::Session(live.clone()))
            }
            Reply::LiveGrant(grant) => Some(Self::Grant(grant.clone())),
            _ => None,
        }
    }
}

impl From<Alive> for Reply {
    fn from(alive: Alive) -> Self {
        match alive {
            Alive::Session(live) => Self::Live(live),
            Alive::Grant(grant) => Self::LiveGrant(grant),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn session() -> Value {
        json!({
            "issuer": "https://id.example.com", "subject": "alice", "provider": "main", "created_at": 1, "last_seen": 2,
        })
    }

    fn live(bend: impl FnOnce(&mut Value)) -> String {
        let mut reply = json!({ "live": { "session": session() } });
        bend(&mut reply["live"]);
        reply.to_string()
    }

    fn subject(name: &str) -> SubjectKey {
        SubjectKey::of("https://id.example.com", name)
    }

    fn said(reply: Option<Reply>) -> Value {
        serde_json::to_value(reply).unwrap()
    }

    fn kept(answers: &KnownAnswers) -> usize {
        answers.0.borrow().len()
    }

    #[test]
    fn each_answer_says_what_its_text_says() {
        let answers = KnownAnswers::default();
        let grant = json!({ "live_grant": session() }).to_string();
        let down = live(|live| live["provider_down"] = true.into());
        let texts = [live(|_| ()), down, "\"gone\"".to_owned(), grant, live(|_| ())];
        for _ in 0..3 {
            for text in &texts {
                for (name, message) in [("alice", "check a"), ("alice", "check b"), ("bob", "check a")] {
                    let expected: Reply = json::from_text(text).unwrap();
                    assert_eq!(said(answers.read(&subject(name), message, text)), said(Some(expected)), "{text}");
                }
            }
        }
        assert_eq!(kept(&answers), 3);
    }

    #[test]
    fn what_is_no_answer_is_none_and_not_kept() {
        let answers = KnownAnswers::default();
        for text in ["", "{", "\"gone", "{\"live\":{}}", "{\"live\":{},\"live\":{}}"] {
            for _ in 0..2 {
                assert!(answers.read(&subject("alice"), "check", text).is_none(), "{text}");
            }
        }
        assert_eq!(kept(&answers), 0);
    }

    #[test]
    fn no_token_is_kept() {
        let answers = KnownAnswers::default();
        let with_token = live(|live| live["access_token"] = "canary".into());
        let reply = answers.read(&subject("alice"), "check", &with_token);
        assert!(matches!(reply, Some(Reply::Live(live)) if live.access_token.is_some()), "{with_token}");
        assert_eq!(kept(&answers), 0);
        assert!(answers.read(&subject("alice"), "check", &live(|_| ())).is_some());
        assert_eq!(kept(&answers), 1);
    }

    #[test]
    fn only_so_many_are_kept() {
        let answers = KnownAnswers::default();
        for place in 0..3 * BOUNDS.entries {
            assert!(answers.read(&subject(&place.to_string()), "check", &live(|_| ())).is_some());
        }
        assert!(kept(&answers) <= BOUNDS.entries);
    }
}
