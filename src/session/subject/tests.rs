use std::cell::RefCell;

use base64ct::{Base64UrlUnpadded, Encoding};

use self::memory_table::MemoryTable;
use super::*;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::session::SessionId;
use crate::session::record::Origin;
use crate::session::refresh::RefreshState;
use crate::session::table::{Note, NoteKind};
use crate::session::terms::{Lapse, SessionTerms};
use crate::time::Seconds;

struct Numbered(std::cell::Cell<u32>);

impl Random for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        for (byte, of_number) in bytes.iter_mut().zip(self.0.get().to_le_bytes().into_iter().cycle()) {
            *byte = of_number;
        }
    }
}

struct World {
    table: MemoryTable,
    keys: KeyRing,
    random: Numbered,
    reports: RefCell<Vec<String>>,
    /// What the configuration says of every session.
    terms: std::cell::Cell<SessionTerms>,
}

impl Terms for World {
    fn terms(&self, _: &Session, _: Timestamp) -> SessionTerms {
        self.terms.get()
    }
}

const START: i64 = 1_000_000;

fn timeouts() -> SessionTimeouts {
    SessionTimeouts::new(Seconds::minutes(30), Seconds::hours(8))
}

impl World {
    fn new() -> Self {
        let keys = KeyRing::parse(&format!("k:{}", Base64UrlUnpadded::encode_string(&[9; 32]))).unwrap();
        Self {
            table: MemoryTable::default(),
            keys,
            random: Numbered(std::cell::Cell::new(0)),
            reports: RefCell::default(),
            terms: std::cell::Cell::default(),
        }
    }

    fn run(&self, command: &Command, now: i64) -> Reply {
        self.with(|subject| subject.handle(command, Timestamp::from_unix(now), false).unwrap().into_answer().unwrap())
    }

    fn with<T>(&self, act: impl FnOnce(&SubjectSessions<'_, MemoryTable, Numbered>) -> T) -> T {
        let report = |code: &'static str, detail: &str| self.reports.borrow_mut().push(format!("{code} {detail}"));
        let (table, keys, random) = (&self.table, &self.keys, &self.random);
        act(&SubjectSessions { table, keys, random, terms: self, report: &report })
    }

    /// What is stored of this session becomes something that nobody can read.
    fn corrupt(&self, digest: &SessionDigest, record: &str) {
        let row = self.table.find(digest).unwrap().unwrap();
        self.table.put(&Row { record: record.to_owned(), ..row }).unwrap();
    }

    fn listed(&self, now: i64) -> Vec<String> {
        match self.run(&Command::List { clocks: timeouts() }, now) {
            Reply::Sessions(sessions) => sessions.into_iter().map(|session| session.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn begin(&self, now: i64, replaces: Option<SessionDigest>) -> SessionDigest {
        let (digest, answer) = self.try_begin(now, replaces);
        assert!(matches!(answer, Reply::Begun));
        digest
    }

    fn try_begin(&self, now: i64, replaces: Option<SessionDigest>) -> (SessionDigest, Reply) {
        self.begin_with(Some("the-refresh-token"), now, replaces)
    }

    fn begin_with(
        &self,
        refresh_token: Option<&str>,
        now: i64,
        replaces: Option<SessionDigest>,
    ) -> (SessionDigest, Reply) {
        let digest = SessionId::generate(&self.random).digest();
        let begin = Begin {
            digest: digest.clone(),
            session: session(now),
            tokens: Tokens {
                access_token: Secret::new("the-access-token".into()),
                refresh_token: refresh_token.map(|token| Secret::new(token.into())),
                id_token: Secret::new("the-id-token".into()),
                nonce: None,
                proof_key: None,
            },
            replaces,
            login_started_at: Timestamp::from_unix(now),
            max_sessions: 3,
            clocks: timeouts(),
        };
        let answer = self.run(&Command::Begin(Box::new(begin)), now);
        (digest, answer)
    }

    fn check(&self, digest: &SessionDigest, now: i64, touch: bool) -> Option<Live> {
        let check = Check { digest: digest.clone(), touch, access_token: true, shown: None, clocks: timeouts() };
        match self.run(&Command::Check(check), now) {
            Reply::Live(live) => Some(*live),
            Reply::Gone => None,
            other => panic!("{other:?}"),
        }
    }
}

fn session(now: i64) -> Session {
    let now = Timestamp::from_unix(now);
    Session {
        issuer: IssuerIdentifier::new("https://op.example"),
        subject: SubjectIdentifier::new("alice"),
        provider: "op".into(),
        claims: serde_json::Map::new(),
        scopes: vec!["openid".into()],
        roles: vec![],
        permissions: vec![],
        tenant: None,
        auth_time: None,
        acr: None,
        amr: vec![],
        sid: None,
        created_at: now,
        last_seen: now,
        access_token_expires_at: Some(now.plus(Seconds::hours(1))),
        access_token_issued_at: now,
        refresh: RefreshState::default(),
        ceiling: None,
        until: None,
        left_out: Vec::new(),
        second: None,
        device: None,
        listed_before: Vec::new(),
        grant: None,
        origin: Origin::default(),
    }
}

#[test]
fn a_session_lives_between_its_beginning_and_its_end() {
    let world = World::new();
    let digest = world.begin(START, None);
    assert_eq!(world.check(&digest, START + 1, true).unwrap().access_token.unwrap().expose(), "the-access-token");
    let Reply::Ended(ended) = world.run(&Command::End { digest: digest.clone() }, START + 2) else { panic!() };
    assert_eq!(ended.tokens.unwrap().id_token.expose(), "the-id-token");
    assert!(world.check(&digest, START + 3, true).is_none());
    assert!(matches!(world.run(&Command::End { digest }, START + 4), Reply::Gone));
}

#[test]
fn the_idle_clock_ends_what_nobody_uses_and_only_touching_moves_it() {
    // R-178, R-179, R-180
    let world = World::new();
    let idle = i64::from(timeouts().idle().get());
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
    // R-178
    let world = World::new();
    let digest = world.begin(START, None);
    let end = START + i64::from(timeouts().absolute().get());
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
    // R-177
    let world = World::new();
    let old = world.begin(START, None);
    let new = world.begin(START + 1, Some(old.clone()));
    assert!(world.check(&old, START + 2, true).is_none());
    assert!(world.check(&new, START + 2, true).is_some());
}

#[test]
fn a_subject_has_at_most_so_many_sessions_and_the_oldest_make_room() {
    // R-184
    let world = World::new();
    let all: Vec<_> = (0..5).map(|n| world.begin(START + n, None)).collect();
    let alive: Vec<bool> = all.iter().map(|digest| world.check(digest, START + 10, true).is_some()).collect();
    assert_eq!(alive, [false, false, true, true, true]);
}

#[test]
fn sessions_of_one_second_make_room_in_the_order_in_which_they_began() {
    // R-184
    let world = World::new();
    let all: Vec<_> = (0..8).map(|_| world.begin(START, None)).collect();
    let newest_first: Vec<String> = all.iter().rev().take(3).map(SessionDigest::public_id).collect();
    assert_eq!(world.listed(START), newest_first);
    // Nor does a request in between, or a clock that goes back, make a session older or younger.
    world.check(&all[5], START + 60, true).unwrap();
    let late = world.begin(START - 2, None);
    assert_eq!(world.listed(START + 60), [&late, &all[7], &all[6]].map(SessionDigest::public_id));
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
    // R-176, R-248
    let world = World::new();
    world.begin(START, None);
    let dump = format!("{:?} {:?}", world.table.rows, world.table.notes);
    for secret in ["the-access-token", "the-refresh-token", "the-id-token"] {
        assert!(!dump.contains(secret), "{secret}");
        assert!(!dump.contains(&Base64UrlUnpadded::encode_string(secret.as_bytes())), "{secret}");
    }
}

#[test]
fn tokens_are_sealed_as_by_the_first_release() {
    let world = World::new();
    let digest = world.begin(START, None);
    let row = world.table.find(&digest).unwrap().unwrap();
    let plain = world.keys.open(KeyPurpose::StoredTokens, digest.as_str().as_bytes(), &row.tokens).unwrap();
    let expected = concat!(
        r#"{"access_token":"the-access-token","refresh_token":"the-refresh-token","#,
        r#""id_token":"the-id-token","nonce":null,"provider":"op","issuer":"https://op.example"}"#
    );
    assert_eq!(std::str::from_utf8(plain.expose()).unwrap(), expected);
}

#[test]
fn tokens_that_name_no_issuer_are_sent_to_nobody() {
    let world = World::new();
    let digest = world.begin(START, None);
    let first =
        concat!(r#"{"access_token":"at","refresh_token":"rt-1","#, r#""id_token":"it","nonce":null,"provider":"op"}"#);
    let context = digest.as_str().as_bytes();
    let tokens = world.keys.seal(KeyPurpose::StoredTokens, context, first.as_bytes(), &world.random).unwrap();
    let row = world.table.find(&digest).unwrap().unwrap();
    world.table.put(&Row { tokens, record: "{".into(), ..row }).unwrap();
    assert!(world.check(&digest, START + 1, true).is_none());
    let due = world.with(|subject| subject.revocations_due(Timestamp::from_unix(START + 1))).unwrap();
    assert!(due.is_empty());
}

#[test]
fn a_note_that_names_no_issuer_is_dropped() {
    // R-082
    let note =
        |issuer: &str| format!(r#"{{"provider":"op","refresh_token":"rt","attempts":0,"since":{START}{issuer}}}"#);
    for (issuer, due) in [("", None), (r#","issuer":"https://op.example""#, Some("https://op.example"))] {
        let world = World::new();
        let plain = note(issuer);
        let value = world.keys.seal(KeyPurpose::StoredTokens, b"revoke/one", plain.as_bytes(), &world.random).unwrap();
        let at = Timestamp::from_unix(START);
        world.table.put_note(&Note { kind: NoteKind::Revoke, key: "one".into(), value, at }).unwrap();
        let found = world.with(|subject| subject.revocations_due(at)).unwrap();
        assert_eq!(found.first().map(|one| one.issuer.as_str()), due);
        assert_eq!(world.table.notes(NoteKind::Revoke).unwrap().len(), usize::from(due.is_some()));
    }
}

#[test]
fn what_the_configuration_says_of_a_session_holds_for_those_that_are_there() {
    // R-178, R-183
    let gone = SessionTerms { lapse: Some(Lapse::ProviderGone), longest: None };
    let at = Timestamp::from_unix;
    let world = World::new();
    let (session, other) = (world.begin(START, None), world.begin(START, None));
    // A provider's sessions became shorter: the alarm rings in time, whoever looks.
    world.terms.set(SessionTerms { lapse: None, longest: Some(Seconds::minutes(10)) });
    assert!(world.check(&session, START + 40, true).is_some());
    assert_eq!(world.table.find(&session).unwrap().unwrap().expires_at, at(START + 600));
    assert!(watchable(&world, &other, timeouts(), START + 40));
    assert_eq!(world.table.find(&other).unwrap().unwrap().expires_at, at(START + 600));
    assert!(world.check(&session, START + 599, true).is_some());
    assert!(!watchable(&world, &other, timeouts(), START + 600));
    assert!(world.listed(START + 600).is_empty());
    assert!(world.check(&session, START + 600, true).is_none());
    // Who cleans up waits for that second, too.
    let world = World::new();
    let session = world.begin(START, None);
    world.terms.set(SessionTerms { lapse: None, longest: Some(Seconds::minutes(10)) });
    for (now, is_there) in [(START + 599, true), (START + 600, false)] {
        world.with(|subject| subject.sweep(at(now))).unwrap();
        assert_eq!(world.table.find(&session).unwrap().is_some(), is_there, "{now}");
    }
    // A limit beyond the clocks changes nothing.
    let world = World::new();
    let session = world.begin(START, None);
    world.terms.set(SessionTerms { lapse: None, longest: Some(Seconds::hours(30)) });
    for now in (START..START + 28_800).step_by(600) {
        assert!(world.check(&session, now, true).is_some(), "{now}");
    }
    assert!(world.check(&session, START + 28_800, true).is_none());
    // Whose provider is gone is neither listed nor watched, and swept.
    let world = World::new();
    let session = world.begin(START, None);
    world.terms.set(gone);
    assert!(world.listed(START + 1).is_empty());
    assert!(!watchable(&world, &session, timeouts(), START + 1));
    world.with(|subject| subject.sweep(at(START + 1))).unwrap();
    assert!(world.table.find(&session).unwrap().is_none());
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
fn a_session_whose_record_cannot_be_read_is_over_and_the_others_are_not() {
    // R-176, R-186
    type Act = fn(&World, &SessionDigest);
    let acts: [(&str, Act); 7] = [
        ("check", |world, digest| assert!(world.check(digest, START + 1, true).is_none())),
        ("list", |world, _| assert_eq!(world.listed(START + 1).len(), 1)),
        ("begin", |world, _| drop(world.begin(START + 1, None))),
        ("replace", |world, digest| drop(world.begin(START + 1, Some(digest.clone())))),
        ("end", |world, digest| {
            assert!(matches!(world.run(&Command::End { digest: digest.clone() }, START + 1), Reply::Gone));
        }),
        ("end by sid", |world, _| {
            world.run(&Command::EndSid { sid: "another".into(), unproven: false }, START + 1);
        }),
        ("sweep", |world, _| {
            world.with(|subject| subject.sweep(Timestamp::from_unix(START + 1))).unwrap();
        }),
    ];
    for record in ["{", "", "[]", r#"{"provider":"op"}"#, r#"{"provider":7,"subject":[]}"#] {
        for (name, act) in acts {
            let world = World::new();
            let bystander = world.begin(START, None);
            let digest = world.begin(START, None);
            world.corrupt(&digest, record);
            act(&world, &digest);
            assert!(world.table.find(&digest).unwrap().is_none(), "{name} on {record}");
            assert!(world.check(&bystander, START + 2, true).is_some(), "{name} on {record}");
            let reported: Vec<_> = world.reports.take();
            assert_eq!(reported, [format!("session_record_unreadable {}", digest.public_id())], "{name} on {record}");
            // What it held is taken back all the same (R-082).
            let due = world.with(|subject| subject.revocations_due(Timestamp::from_unix(START + 10_000))).unwrap();
            let mine: Vec<_> = due.iter().filter(|one| one.key == digest.as_str()).collect();
            assert_eq!(mine.len(), 1, "{name} on {record}");
            assert_eq!((mine[0].provider.as_str(), mine[0].token.expose().as_str()), ("op", "the-refresh-token"));
        }
    }
}

#[test]
fn a_session_of_which_nothing_can_be_read_is_over_too() {
    let world = World::new();
    let digest = world.begin(START, None);
    let row = world.table.find(&digest).unwrap().unwrap();
    world.table.put(&Row { record: "{".into(), tokens: "k.".into(), ..row }).unwrap();
    assert!(world.check(&digest, START + 1, true).is_none());
    assert!(world.listed(START + 1).is_empty());
    assert!(world.with(|subject| subject.revocations_due(Timestamp::from_unix(START + 1))).unwrap().is_empty());
}

#[test]
fn a_note_of_a_logout_that_cannot_be_read_lets_no_earlier_login_in() {
    // R-084
    for (kind, key) in [(NoteKind::Cutoff, String::new()), (NoteKind::Ended, "old".to_owned())] {
        let world = World::new();
        let replaces: SessionDigest = serde_json::from_value("old".into()).unwrap();
        let note = Note { kind, key, value: "soon".into(), at: Timestamp::from_unix(START + 900) };
        world.table.put_note(&note).unwrap();
        let answer = world.try_begin(START, Some(replaces)).1;
        assert!(matches!(answer, Reply::Overtaken), "{answer:?}");
    }
}

#[test]
fn the_sweep_deletes_what_is_over() {
    let world = World::new();
    world.begin(START, None);
    world.begin(START + 100, None);
    let idle = i64::from(timeouts().idle().get());
    let sweep = |at| world.with(|subject| subject.sweep(Timestamp::from_unix(at))).unwrap();
    sweep(START + idle);
    assert_eq!(world.table.rows.borrow().len(), 1);
    sweep(START + 100 + idle);
    assert_eq!(world.table.rows.borrow().len(), 0);
}

#[test]
fn records_of_the_first_release_load_for_ever() {
    let text = include_str!("../../../fixtures/session/record_v1.json");
    let session: Session = serde_json::from_str(text).unwrap();
    assert_eq!(&*session.subject, "248289761001");
    let command = include_str!("../../../fixtures/session/check_v1.json");
    let envelope: crate::session::message::Envelope<Command> = serde_json::from_str(command).unwrap();
    assert!(matches!(envelope.command, Command::Check(_)));
}

fn watchable(world: &World, digest: &SessionDigest, clocks: SessionTimeouts, now: i64) -> bool {
    world.with(|subject| subject.may_be_watched(digest, clocks, Timestamp::from_unix(now)).unwrap())
}

mod approvals;
mod by_client;
mod device;
mod grants;
mod memory_table;
mod replacing;
mod second;
mod watching;
