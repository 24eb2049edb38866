//! Whatever is typed as a code, or is found where second factors are stored: a code is good only if it is that of the app, or
//! on the person's paper, and nothing that cannot be read opens anything.
//!
//! The input is any text. It is a code of each kind, what is stored of factors, and what a form brings back.

use std::cell::Cell;

use postern::config::Config;
use postern::ports::Random;
use postern::secret::Secret;
use postern::session::second::{
    Enrol, NewFactor, PendingTotp, Presented, Prove, SecondCommand, SecondReply, TotpSecret,
};
use postern::session::subject::Rotation;
use postern::session::table::{Note, NoteKind, Row, SessionTable};
use postern::session::{Command, Reply, Session, SessionDigest, SessionTerms, SessionTimeouts, SubjectSessions, Terms};
use postern::time::{Seconds, Timestamp};
use serde_json::{Value, json};

use crate::fixed;
use crate::support::stores::MemoryTable;

/// Of RFC 6238, Appendix B, and of the steps before and after it.
const SECRET: &str = "\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA\"";
const NOW: Timestamp = Timestamp::from_unix(1_111_111_111);
const GOOD: [&str; 3] = ["081804", "050471", "266759"];
/// When the app was added, and its code then.
const EARLIER: (Timestamp, &str) = (Timestamp::from_unix(59), "287082");
const YEARS: Seconds = Seconds::new(2_000_000_000);

struct Counting(Cell<u8>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0.set(self.0.get().wrapping_mul(5).wrapping_add(113));
            *byte = self.0.get();
        }
    }
}

struct Always;

impl Terms for Always {
    fn terms(&self, _: &Session, _: Timestamp) -> SessionTerms {
        SessionTerms::default()
    }
}

thread_local! {
    static CONFIG: Config = fixed::config();
}

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    CONFIG.with(|config| {
        Object::new(config).code_of_app(text);
        Object::new(config).recovery_code(text);
        Object::new(config).book(text);
        Object::new(config).challenges(text);
        assert_eq!(PendingTotp::open(&config.keys, text, &digest("one"), NOW), None, "nobody else can seal");
    });
}

/// A person with an app and recovery codes, in one session.
struct Object<'a> {
    config: &'a Config,
    table: MemoryTable,
    random: Counting,
    codes: Vec<String>,
}

fn digest(name: &str) -> SessionDigest {
    SessionDigest::of_tag(name.to_owned())
}

fn rotation(from: &str, to: &str) -> Rotation {
    Rotation { from: digest(from), to: digest(to), clocks: SessionTimeouts::new(YEARS, YEARS) }
}

fn asserted() -> Presented {
    Presented::Passkey { credential: "a".to_owned(), sign_count: 1, backup_eligible: false, backed_up: false }
}

impl<'a> Object<'a> {
    fn new(config: &'a Config) -> Self {
        let mut object =
            Self { config, table: MemoryTable::default(), random: Counting(Cell::new(1)), codes: Vec::new() };
        let record = json!({
            "issuer": "https://op.example", "subject": "alice", "provider": "op", "created_at": EARLIER.0,
            "last_seen": EARLIER.0,
        });
        let row = Row {
            digest: digest("none"),
            record: record.to_string(),
            tokens: String::new(),
            created_at: EARLIER.0,
            sequence: 0,
            expires_at: NOW.plus(YEARS),
        };
        object.table.put(&row).unwrap();
        let factor = NewFactor::Totp {
            secret: serde_json::from_str::<TotpSecret>(SECRET).unwrap(),
            code: Secret::new(EARLIER.1.to_owned()),
        };
        let enrol =
            Enrol { rotation: rotation("none", "one"), factor, name: String::new(), enrol_within: Seconds::new(1) };
        let Ok(SecondReply::Enrolled(enrolled)) = object.run(SecondCommand::Enrol(Box::new(enrol)), EARLIER.0) else {
            panic!("no factor")
        };
        object.codes = enrolled.recovery.unwrap().expose().map(|code| code.replace('-', "")).collect();
        object
    }

    /// What the object says; `Err` where it says nothing.
    fn run(&self, command: SecondCommand, now: Timestamp) -> Result<SecondReply, ()> {
        let (table, keys, random) = (&self.table, &self.config.keys, &self.random);
        let subject = SubjectSessions { table, keys, random, terms: &Always, report: &|_, _| {} };
        let step = subject.handle(&Command::Second(Box::new(command)), now, false).map_err(|_| ())?;
        match step.into_answer() {
            Some(Reply::Second(reply)) => Ok(*reply),
            other => panic!("{other:?}"),
        }
    }

    fn proves(&self, presented: Presented) -> bool {
        let command = SecondCommand::Prove(Box::new(Prove { rotation: rotation("one", "two"), presented }));
        matches!(self.run(command, NOW), Ok(SecondReply::Proven(_)))
    }

    fn put(&self, key: &str, value: &str) {
        let note = Note { kind: NoteKind::Ended, key: key.to_owned(), value: value.to_owned(), at: NOW.plus(YEARS) };
        self.table.put_note(&note).unwrap();
    }

    fn code_of_app(&self, text: &str) {
        let is_good = text.len() <= 32 && GOOD.contains(&text.trim_matches(' '));
        assert_eq!(self.proves(Presented::Totp { code: Secret::new(text.to_owned()) }), is_good);
    }

    fn recovery_code(&self, text: &str) {
        let meant: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .map(|c| match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            })
            .collect();
        let is_good = text.len() <= 64 && self.codes.contains(&meant);
        assert_eq!(self.proves(Presented::Recovery { code: Secret::new(text.to_owned()) }), is_good);
    }

    /// A passkey proves only where it is stored, and where anything is stored, nothing is added without a proof.
    fn book(&self, text: &str) {
        self.put("second", text);
        let has_passkey = serde_json::from_str::<Value>(text).ok().is_some_and(|stored| {
            let factors = stored["factors"].as_array().cloned().unwrap_or_default();
            factors.iter().any(|factor| factor["passkey"]["id"] == "a")
        });
        let read = self.run(SecondCommand::Read { session: None }, NOW);
        if let Ok(SecondReply::Factors(list)) = &read {
            assert!(list.factors.iter().all(|factor| factor.passkey.is_none() || factor.id.len() <= text.len()));
        }
        let proven = self.proves(asserted());
        assert!(!proven || (has_passkey && read.is_ok()));
        assert!(proven || !self.proves(Presented::Totp { code: Secret::new("000000".to_owned()) }));
        assert!(matches!(self.run(SecondCommand::Reset, NOW), Ok(SecondReply::Reset(_))));
        let Ok(SecondReply::Factors(list)) = self.run(SecondCommand::Read { session: None }, NOW) else {
            panic!("not reset")
        };
        assert!(list.factors.is_empty() && list.recovery_left == 0);
    }

    /// What cannot be read holds no challenge, and keeps none from being made.
    fn challenges(&self, text: &str) {
        self.put("second/challenges", text);
        let challenge = || {
            serde_json::from_value(json!({
                "session": "one", "purpose": "prove", "challenge": "z".repeat(43),
            }))
        };
        let taken = self.run(SecondCommand::TakeChallenge(challenge().unwrap()), NOW);
        assert!(matches!(taken, Ok(SecondReply::Gone)) || text.contains("zzzz") || text.contains('\\'));
        assert_eq!(self.run(SecondCommand::KeepChallenge(challenge().unwrap()), NOW), Ok(SecondReply::Kept));
        let take = || self.run(SecondCommand::TakeChallenge(challenge().unwrap()), NOW);
        assert!(matches!(take(), Ok(SecondReply::Taken { .. })));
        assert_eq!(take(), Ok(SecondReply::Gone));
    }
}
