use std::cell::RefCell;
use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::*;
use crate::session::SessionId;
use crate::session::record::Origin;
use crate::session::refresh::RefreshState;
use crate::session::table::{Note, NoteKind};
use crate::time::Seconds;

#[derive(Default)]
struct MemoryTable {
    rows: RefCell<BTreeMap<String, Row>>,
    notes: RefCell<BTreeMap<(String, String), Note>>,
}

impl SessionTable for MemoryTable {
    fn find(&self, digest: &SessionDigest) -> Result<Option<Row>, StoreError> {
        Ok(self.rows.borrow().get(digest.as_str()).cloned())
    }
    fn all(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows: Vec<Row> = self.rows.borrow().values().cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.created_at));
        Ok(rows)
    }
    fn put(&self, row: &Row) -> Result<(), StoreError> {
        self.rows.borrow_mut().insert(row.digest.as_str().to_owned(), row.clone());
        Ok(())
    }
    fn delete(&self, digest: &SessionDigest) -> Result<(), StoreError> {
        self.rows.borrow_mut().remove(digest.as_str());
        Ok(())
    }
    fn note(&self, kind: NoteKind, key: &str) -> Result<Option<Note>, StoreError> {
        Ok(self.notes.borrow().get(&(kind.as_str().to_owned(), key.to_owned())).cloned())
    }
    fn notes(&self, kind: NoteKind) -> Result<Vec<Note>, StoreError> {
        Ok(self.notes.borrow().values().filter(|note| note.kind == kind).cloned().collect())
    }
    fn put_note(&self, note: &Note) -> Result<(), StoreError> {
        self.notes.borrow_mut().insert((note.kind.as_str().to_owned(), note.key.clone()), note.clone());
        Ok(())
    }
    fn delete_note(&self, kind: NoteKind, key: &str) -> Result<(), StoreError> {
        self.notes.borrow_mut().remove(&(kind.as_str().to_owned(), key.to_owned()));
        Ok(())
    }
    fn next_event(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.rows.borrow().values().map(|row| row.expires_at).min();
        let notes = self.notes.borrow().values().map(|note| note.at).min();
        Ok(rows.into_iter().chain(notes).min().map(Timestamp::from_unix))
    }
}

struct Numbered(std::cell::Cell<u8>);

impl Random for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(self.0.get());
    }
}

struct World {
    table: MemoryTable,
    keys: KeyRing,
    random: Numbered,
}

const START: i64 = 1_000_000;

fn clocks() -> Clocks {
    Clocks::new(Seconds::minutes(30), Seconds::hours(8))
}

impl World {
    fn new() -> Self {
        let keys = KeyRing::parse(&format!("k:{}", Base64UrlUnpadded::encode_string(&[9; 32]))).unwrap();
        Self { table: MemoryTable::default(), keys, random: Numbered(std::cell::Cell::new(0)) }
    }

    fn run(&self, command: &Command, now: i64) -> Answer {
        let subject = Subject { table: &self.table, keys: &self.keys, random: &self.random };
        subject.handle(command, Timestamp::from_unix(now), false).unwrap().into_answer().unwrap()
    }

    fn begin(&self, now: i64, replaces: Option<SessionDigest>) -> SessionDigest {
        let digest = SessionId::generate(&self.random).digest();
        let begin = Begin {
            digest: digest.clone(),
            session: session(now),
            tokens: Tokens {
                access_token: "the-access-token".into(),
                refresh_token: Some("the-refresh-token".into()),
                id_token: "the-id-token".into(),
                nonce: None,
            },
            replaces,
            login_started_at: now,
            max_sessions: 3,
            clocks: clocks(),
        };
        assert!(matches!(self.run(&Command::Begin(Box::new(begin)), now), Answer::Begun));
        digest
    }

    fn check(&self, digest: &SessionDigest, now: i64, touch: bool) -> Option<Live> {
        let check = Check { digest: digest.clone(), touch, access_token: true, clocks: clocks() };
        match self.run(&Command::Check(check), now) {
            Answer::Live(live) => Some(*live),
            Answer::Gone => None,
            other => panic!("{other:?}"),
        }
    }
}

fn session(now: i64) -> Session {
    Session {
        issuer: "https://op.example".into(),
        subject: "alice".into(),
        provider: "op".into(),
        claims: serde_json::Map::new(),
        scopes: vec!["openid".into()],
        auth_time: None,
        acr: None,
        amr: vec![],
        sid: None,
        created_at: now,
        last_seen: now,
        access_token_expires_at: Some(now + 3600),
        access_token_issued_at: now,
        refresh: RefreshState::default(),
        ceiling: None,
        origin: Origin::default(),
    }
}

#[test]
fn a_session_lives_between_its_beginning_and_its_end() {
    let world = World::new();
    let digest = world.begin(START, None);
    assert_eq!(world.check(&digest, START + 1, true).unwrap().access_token.unwrap().expose(), "the-access-token");
    let Answer::Ended(ended) = world.run(&Command::End { digest: digest.clone() }, START + 2) else { panic!() };
    assert_eq!(ended.tokens.unwrap().id_token, "the-id-token");
    assert!(world.check(&digest, START + 3, true).is_none());
    assert!(matches!(world.run(&Command::End { digest }, START + 4), Answer::Gone));
}

#[test]
fn the_idle_clock_ends_what_nobody_uses_and_only_touching_moves_it() {
    //
    let world = World::new();
    let idle = i64::from(clocks().idle().get());
    let touched = world.begin(START, None);
    let watched = world.begin(START, None);
    for digest in [&touched, &watched] {
        assert!(world.check(digest, START + idle - 1, digest == &touched).is_some());
    }
    assert!(world.check(&touched, START + idle + 1, true).is_some());
    assert!(world.check(&watched, START + idle, true).is_none());
}

#[test]
fn the_absolute_clock_ends_what_is_in_constant_use() {
    //
    let world = World::new();
    let digest = world.begin(START, None);
    let end = START + i64::from(clocks().absolute().get());
    for now in (START..end).step_by(600) {
        assert!(world.check(&digest, now, true).is_some(), "at {now}");
    }
    assert!(world.check(&digest, end, true).is_none());
    assert!(world.check(&digest, START + 1, true).is_none(), "a clock that jumps back revives nothing");
}

#[test]
fn requests_in_quick_succession_are_not_each_a_write() {
    let world = World::new();
    let digest = world.begin(START, None);
    let before = world.table.find(&digest).unwrap();
    world.check(&digest, START + 29, true).unwrap();
    assert_eq!(world.table.find(&digest).unwrap(), before);
    world.check(&digest, START + 30, true).unwrap();
    assert_ne!(world.table.find(&digest).unwrap(), before);
}

#[test]
fn a_new_login_in_the_same_browser_kills_the_old_id() {
    //
    let world = World::new();
    let old = world.begin(START, None);
    let new = world.begin(START + 1, Some(old.clone()));
    assert!(world.check(&old, START + 2, true).is_none());
    assert!(world.check(&new, START + 2, true).is_some());
}

#[test]
fn a_subject_has_at_most_so_many_sessions_and_the_oldest_make_room() {
    //
    let world = World::new();
    let all: Vec<_> = (0..5).map(|n| world.begin(START + n, None)).collect();
    let alive: Vec<bool> = all.iter().map(|digest| world.check(digest, START + 10, true).is_some()).collect();
    assert_eq!(alive, [false, false, true, true, true]);
}

#[test]
fn an_expired_access_token_is_not_handed_out() {
    let world = World::new();
    let digest = world.begin(START, None);
    for now in (START..START + 3600).step_by(600) {
        assert!(world.check(&digest, now, true).unwrap().access_token.is_some());
    }
    let live = world.check(&digest, START + 3600, true).unwrap();
    assert!(live.access_token.is_none());
}

#[test]
fn storage_shows_no_token_and_no_session_secret() {
    //
    let world = World::new();
    world.begin(START, None);
    let dump = format!("{:?} {:?}", world.table.rows, world.table.notes);
    for secret in ["the-access-token", "the-refresh-token", "the-id-token"] {
        assert!(!dump.contains(secret), "{secret}");
        assert!(!dump.contains(&Base64UrlUnpadded::encode_string(secret.as_bytes())), "{secret}");
    }
}

#[test]
fn tokens_moved_to_another_session_do_not_open() {
    let world = World::new();
    let (one, two) = (world.begin(START, None), world.begin(START, None));
    let stolen = world.table.find(&one).unwrap().unwrap().tokens;
    let row = world.table.find(&two).unwrap().unwrap();
    world.table.put(&Row { tokens: stolen, ..row }).unwrap();
    assert!(world.check(&two, START + 1, true).unwrap().access_token.is_none());
}

#[test]
fn an_unreadable_record_is_an_error_not_a_session() {
    let world = World::new();
    let digest = world.begin(START, None);
    let row = world.table.find(&digest).unwrap().unwrap();
    world.table.put(&Row { record: "{".into(), ..row }).unwrap();
    let check = Check { digest, touch: true, access_token: false, clocks: clocks() };
    let subject = Subject { table: &world.table, keys: &world.keys, random: &world.random };
    let answer = subject.handle(&Command::Check(check), Timestamp::from_unix(START), false);
    assert_eq!(answer.unwrap_err(), StoreError::Malformed);
}

#[test]
fn the_sweep_deletes_what_is_over() {
    let world = World::new();
    world.begin(START, None);
    world.begin(START + 100, None);
    let idle = i64::from(clocks().idle().get());
    let subject = Subject { table: &world.table, keys: &world.keys, random: &world.random };
    subject.sweep(Timestamp::from_unix(START + idle)).unwrap();
    assert_eq!(world.table.rows.borrow().len(), 1);
    subject.sweep(Timestamp::from_unix(START + 100 + idle)).unwrap();
    assert_eq!(world.table.rows.borrow().len(), 0);
}

#[test]
fn records_of_the_first_release_load_for_ever() {
    let text = include_str!("../../../fixtures/session/record_v1.json");
    let session: Session = serde_json::from_str(text).unwrap();
    assert_eq!(session.subject, "248289761001");
    let command = include_str!("../../../fixtures/session/check_v1.json");
    let envelope: crate::session::message::Envelope<Command> = serde_json::from_str(command).unwrap();
    assert!(matches!(envelope.command, Command::Check(_)));
}
