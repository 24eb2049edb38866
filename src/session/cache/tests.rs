use serde_json::json;

use super::*;
use crate::ports::Random;
use crate::session::message::Live;
use crate::session::record::SessionTimeouts;
use crate::session::{Session, SessionId};

const START: i64 = 1_000_000;
const FIVE: Seconds = Seconds::new(5);

struct Numbered(Cell<u16>);

impl Random for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        let number = self.0.get().to_be_bytes();
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = number[index % 2];
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

fn live(token: Option<&str>) -> Live {
    let session: Session = serde_json::from_value(json!({
        "issuer": "https://op.example", "subject": "alice", "provider": "corp", "created_at": START, "last_seen": START,
        "access_token_expires_at": START + 300, "access_token_issued_at": START, "refresh": { "possible": true },
    }))
    .unwrap();
    let mut message = json!({ "session": session });
    message["access_token"] = json!(token);
    serde_json::from_value(message).unwrap()
}

fn handle(random: &Numbered, subject: &str) -> SessionHandle {
    let subject = SubjectKey::of("https://op.example", subject);
    SessionHandle { subject, id: SessionId::generate(random), began_at: None }
}

fn check(handle: &SessionHandle) -> Check {
    let clocks = SessionTimeouts::new(Seconds::minutes(10), Seconds::hours(1));
    Check { digest: handle.id.digest(), touch: false, access_token: false, shown: None, clocks }
}

fn filled() -> (LiveCache, SessionHandle) {
    let cache = LiveCache::default();
    let handle = handle(&Numbered(Cell::new(0)), "alice");
    cache.put(cache.ticket(), &handle, &live(Some("token")), at(0));
    (cache, handle)
}

#[test]
fn an_answer_counts_for_the_staleness_and_not_a_second_longer() {
    let (cache, handle) = filled();
    for (seconds, known) in [(0, true), (4, true), (5, false), (6, false), (-1, false)] {
        assert_eq!(cache.get(&check(&handle), FIVE, at(seconds)).is_some(), known, "{seconds}");
    }
}

#[test]
fn an_answer_is_never_given_for_another_session() {
    let (cache, known) = filled();
    let random = Numbered(Cell::new(1));
    assert!(cache.get(&check(&handle(&random, "alice")), FIVE, at(0)).is_none());
    assert!(cache.get(&check(&known), FIVE, at(0)).is_some());
}

#[test]
fn clocks_are_checked_against_now_and_the_clocks_in_force() {
    //
    let (cache, handle) = filled();
    let shortened = Check { clocks: SessionTimeouts::new(Seconds::new(3), Seconds::hours(1)), ..check(&handle) };
    assert!(cache.get(&shortened, FIVE, at(2)).is_some());
    assert!(cache.get(&shortened, FIVE, at(3)).is_none());
    let ended = Check { clocks: SessionTimeouts::new(Seconds::new(3), Seconds::new(2)), ..check(&handle) };
    assert!(cache.get(&ended, FIVE, at(2)).is_none());
}

#[test]
fn a_request_that_is_to_move_the_idle_clock_goes_to_the_object() {
    // with an idle time of ten minutes, the clock moves every ten seconds
    let (cache, handle) = filled();
    let minute = Seconds::minutes(1);
    let touching = Check { touch: true, ..check(&handle) };
    assert!(cache.get(&touching, minute, at(9)).is_some());
    assert!(cache.get(&touching, minute, at(10)).is_none());
    assert!(cache.get(&check(&handle), minute, at(10)).is_some());
}

#[test]
fn an_access_token_is_handed_out_while_it_is_not_due_and_only_when_asked_for() {
    let cache = LiveCache::default();
    let handle = handle(&Numbered(Cell::new(0)), "alice");
    let wanting = Check { access_token: true, ..check(&handle) };
    cache.put(cache.ticket(), &handle, &live(None), at(0));
    assert!(cache.get(&wanting, FIVE, at(1)).is_none());
    cache.put(cache.ticket(), &handle, &live(Some("token")), at(239));
    let token = |check: &Check, now| cache.get(check, FIVE, at(now)).map(|live| live.access_token.is_some());
    assert_eq!(token(&wanting, 239), Some(true));
    assert_eq!(token(&check(&handle), 239), Some(false));
    assert_eq!(token(&wanting, 241), None, "it is due 60 s before its end");
}

#[test]
fn what_is_forgotten_stays_forgotten_though_an_answer_was_under_way() {
    //
    let (cache, alice) = filled();
    let random = Numbered(Cell::new(7));
    let bob = handle(&random, "bob");
    cache.put(cache.ticket(), &bob, &live(None), at(0));
    let ticket = cache.ticket();
    cache.forget(&alice.subject);
    cache.put(ticket, &alice, &live(None), at(1));
    assert!(cache.get(&check(&alice), FIVE, at(1)).is_none());
    assert!(cache.get(&check(&bob), FIVE, at(1)).is_some());
}

#[test]
fn the_memory_is_bounded_and_the_oldest_answer_makes_room() {
    let cache = LiveCache::default();
    let random = Numbered(Cell::new(0));
    let handles: Vec<SessionHandle> = (0..MAX_ENTRIES + 1).map(|_| handle(&random, "alice")).collect();
    for (time, handle) in (0_i64..).zip(&handles) {
        cache.put(cache.ticket(), handle, &live(None), at(time));
    }
    assert_eq!(cache.entries.borrow().len(), MAX_ENTRIES);
    let long = Seconds::hours(1);
    let clocks = SessionTimeouts::new(Seconds::hours(2), Seconds::hours(2));
    let known = |handle: &SessionHandle| cache.get(&Check { clocks, ..check(handle) }, long, at(1001)).is_some();
    assert!(!known(&handles[0]) && known(&handles[1]) && known(&handles[MAX_ENTRIES]));
}
