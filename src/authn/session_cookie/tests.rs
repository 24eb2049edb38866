use std::cell::Cell;

use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::config::testing::{ISSUER, config};
use crate::http::{HeaderValue, header};
use crate::ports::{Random, StoreError};
use crate::session::{Live, Session, SessionId, SubjectKey};

/// Answers the same to everything, and counts.
struct Scripted(Result<Reply, StoreError>, Cell<usize>);

impl Sessions for Scripted {
    async fn call(&self, _: &SubjectKey, command: &Command) -> Result<Reply, StoreError> {
        assert!(matches!(command, Command::Check(check) if check.touch && !check.access_token));
        self.1.set(self.1.get() + 1);
        self.0.clone()
    }
}

struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn session() -> Session {
    serde_json::from_value(json!({
        "issuer": ISSUER, "subject": "alice", "provider": "corp", "created_at": 1, "last_seen": 1,
    }))
    .unwrap()
}

fn authenticator<'a>(
    config: &'a Config,
    sessions: &'a Scripted,
    cache: &'a LiveCache,
    now: Timestamp,
) -> SessionAuthenticator<'a, Scripted> {
    static NOWHERE: std::sync::LazyLock<Peer> = std::sync::LazyLock::new(Peer::default);
    SessionAuthenticator { config, sessions, cache, now, peer: &NOWHERE, device: DeviceProofs::Wanted }
}

/// The verdict on these cookie lines when the object answers so, and how often it was asked.
fn verdict(lines: &[String], answer: Result<Reply, StoreError>) -> (Verdict, usize) {
    let headers = lines.iter().map(|line| (header::COOKIE, HeaderValue::try_from(line).unwrap())).collect();
    let sessions = Scripted(answer, Cell::new(0));
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let (config, cache) = (config(|_| ()), LiveCache::default());
    let authenticator = authenticator(&config, &sessions, &cache, Timestamp::from_unix(1));
    let verdict = block_on(authenticator.authenticate(&headers, wants));
    (verdict, sessions.1.get())
}

fn cookie() -> String {
    let subject = SubjectKey::of(ISSUER, "alice");
    let handle = SessionHandle { subject, id: SessionId::generate(&Fixed), began_at: Some(Timestamp::from_unix(1)) };
    format!("{}={}", cookie::SESSION, handle.to_cookie_value(&config(|_| ()).keys).expose())
}

fn live() -> Result<Reply, StoreError> {
    Ok(Reply::Live(Box::new(Live { session: session(), access_token: None, bound_token: None, provider_down: false })))
}

#[test]
fn a_live_session_is_its_person() {
    let (verdict, asked) = verdict(&[cookie()], live());
    let Verdict::Authenticated(authenticated) = verdict else { panic!("{verdict:?}") };
    let principal = authenticated.principal;
    assert_eq!((principal.issuer(), principal.subject(), principal.provider()), (ISSUER, "alice", Some("corp")));
    let session = principal.session().unwrap();
    assert_eq!((session.idle_expires_at.as_unix(), session.expires_at.as_unix(), asked), (3601, 28_801, 1));
}

#[test]
fn a_cookie_older_than_any_session_is_rejected_without_a_question() {
    //
    let config = config(|_| ());
    for (now, is_asked) in [(1 + 28_799, 1), (1 + 28_800, 0), (40 * 86_400, 0)] {
        let headers = [(header::COOKIE, HeaderValue::try_from(cookie()).unwrap())].into_iter().collect();
        let (sessions, cache) = (Scripted(Ok(Reply::Gone), Cell::new(0)), LiveCache::default());
        let wants = Wants { touch: true, access_token: false, staleness: None };
        let now = Timestamp::from_unix(now);
        let authenticator = authenticator(&config, &sessions, &cache, now);
        let verdict = block_on(authenticator.authenticate(&headers, wants));
        assert!(matches!(verdict, Verdict::Reject(Rejection::SessionGone)), "{verdict:?}");
        assert_eq!(sessions.1.get(), is_asked, "{now:?}");
    }
}

#[test]
fn what_is_no_good_cookie_is_rejected_without_a_question() {
    //
    for (lines, expected) in [
        (vec![cookie(), cookie()], Rejection::SessionCookieRepeated),
        (vec![format!("{}=", cookie::SESSION)], Rejection::SessionCookieForged),
        (vec![format!("{}x", cookie())], Rejection::SessionCookieForged),
        (vec![cookie().replace("=2.", "=1.")], Rejection::SessionCookieForged),
    ] {
        let (verdict, asked) = verdict(&lines, live());
        assert!(matches!(&verdict, Verdict::Reject(rejection) if *rejection == expected), "{verdict:?}");
        assert!(asked == 0 && expected.discards_cookie());
    }
    let (verdict, asked) = verdict(&["other=1".to_owned()], live());
    assert!(matches!(verdict, Verdict::Abstain) && asked == 0);
}

#[test]
fn only_a_live_session_is_somebody() {
    //
    let unavailable = StoreError::unavailable("x");
    for (answer, expected, discards) in [
        (Ok(Reply::Gone), Rejection::SessionGone, true),
        (Ok(Reply::Begun), Rejection::Store(StoreError::Malformed), false),
        (Err(StoreError::Malformed), Rejection::Store(StoreError::Malformed), false),
        (Err(unavailable.clone()), Rejection::Store(unavailable), false),
    ] {
        let (verdict, _) = verdict(&[cookie()], answer);
        assert!(matches!(&verdict, Verdict::Reject(rejection) if *rejection == expected), "{verdict:?}");
        assert_eq!(expected.discards_cookie(), discards);
    }
}
