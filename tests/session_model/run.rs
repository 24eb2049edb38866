//! Does to the object what happens, and compares.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::keyring::KeyRing;
use postern::oidc::login_values::Nonce;
use postern::ports::Random;
use postern::secret::Secret;
use postern::session::refresh::RefreshState;
use postern::session::table::SessionTable;
use postern::session::{
    Begin, CachedTable, Check, Command, Origin, RefreshJob, RefreshOutcome, Reply, Session, SessionDigest, SessionId,
    SessionTerms, SessionTimeouts, Step, SubjectSessions, Terms, Tokens,
};
use postern::time::{Seconds, Timestamp};

use crate::model::{Known, Logouts, Op, Outcome};
use crate::stores::MemoryTable;

const IDLE: i64 = 1800;
const ABSOLUTE: i64 = 8 * 3600;
/// How much too early the idle clock may end a session.
const GRANULARITY: i64 = 30;
const MAX_SESSIONS: u32 = 3;
const MAX_KEYS: usize = 4;
/// Stands in every token.
const CANARY: &str = "canary";

/// No value twice.
struct Counting(Cell<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(0xa5);
        for (byte, count) in bytes.iter_mut().zip(self.0.get().to_le_bytes()) {
            *byte = count;
        }
    }
}

/// The object, the provider, and what is known about both.
pub struct Run {
    table: CachedTable<MemoryTable>,
    ring: Vec<String>,
    keys: KeyRing,
    random: Counting,
    now: i64,
    rotating: bool,
    /// Refresh tokens that the provider let be used again, as far as we heard: nobody can know when it no longer will.
    reusable: BTreeSet<String>,
    issued: u32,
    sessions: Vec<Known>,
    flights: Vec<RefreshJob>,
    logouts: Logouts,
    /// Refresh tokens that may have been used up, and so must never leave again.
    spent: BTreeSet<String>,
    /// Refresh tokens that came to us and are good.
    alive: BTreeSet<String>,
    /// When the access tokens end.
    access: BTreeMap<String, i64>,
}

fn clocks() -> SessionTimeouts {
    SessionTimeouts::new(Seconds::new(IDLE as u32), Seconds::new(ABSOLUTE as u32))
}

/// The provider's own limit is beyond the clocks, so it changes nothing.
impl Terms for Run {
    fn terms(&self, _: &Session, _: Timestamp) -> SessionTerms {
        SessionTerms { lapse: None, longest: Some(Seconds::new(ABSOLUTE as u32 + 1)) }
    }
}

impl Run {
    pub fn new(rotating: bool) -> Self {
        let ring = vec![key(0)];
        Self {
            table: CachedTable::new(MemoryTable::default()),
            keys: KeyRing::parse(&ring.join(",")).unwrap(),
            ring,
            random: Counting(Cell::new(0)),
            now: 1_800_000_000,
            rotating,
            reusable: BTreeSet::new(),
            issued: 0,
            sessions: Vec::new(),
            flights: Vec::new(),
            logouts: Logouts::default(),
            spent: BTreeSet::new(),
            alive: BTreeSet::new(),
            access: BTreeMap::new(),
        }
    }

    /// One thing happens; afterwards all that must always hold is looked at.
    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Login { begun_ago, replaces, sid } => self.login(self.now - begun_ago, *replaces, *sid),
            Op::Check { session, touch, token } => self.check(*session, *touch, *token),
            Op::Finish { flight, outcome } => self.finish(*flight, *outcome),
            Op::Crash => self.crash(),
            Op::End { session } => self.end(*session),
            Op::EndOthers { session } => self.end_others(*session),
            Op::EndListed { session } => self.end_listed(*session),
            Op::EndSid { sid } => self.end_sid(*sid),
            Op::EndAll { ago } => self.end_all(*ago),
            Op::Sweep => self.subject().sweep(self.time()).unwrap(),
            Op::Wait { seconds } => self.now += seconds,
            Op::NewKey => self.new_key(),
            Op::Rotate => self.rotating = !self.rotating,
        }
        self.assert_always();
    }

    /// At the end everybody signs out, and no refresh token that is good is left unknown to revocation.
    pub fn everybody_leaves(&mut self) {
        while !self.flights.is_empty() {
            self.finish(0, Outcome::Renewed { life: 600 });
        }
        self.end_all(None);
        self.now += ABSOLUTE;
        self.assert_always();
        assert_eq!(self.table.all().unwrap().len(), 0);
        let due = self.subject().revocations_due(self.time()).unwrap();
        for revocation in due {
            self.alive.remove(revocation.token.expose());
            self.subject().revocation_tried(revocation, true, self.time()).unwrap();
        }
        assert!(self.alive.is_empty(), "never revoked: {:?}", self.alive);
        self.subject().sweep(self.time()).unwrap();
        assert_eq!(self.table.next_event().unwrap(), None, "storage cleans itself");
    }

    fn subject(&self) -> SubjectSessions<'_, CachedTable<MemoryTable>, Counting> {
        let (table, keys, random) = (&self.table, &self.keys, &self.random);
        SubjectSessions { table, keys, random, terms: self, report: &|_, _| {} }
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_unix(self.now)
    }

    fn run(&self, command: &Command) -> Reply {
        self.subject().handle(command, self.time(), false).unwrap().into_answer().unwrap()
    }

    fn pick(&self, back: usize) -> Option<usize> {
        let count = self.sessions.len();
        (count > 0).then(|| count - 1 - back % count)
    }

    fn is_stored(&self, digest: &SessionDigest) -> bool {
        self.table.find(digest).unwrap().is_some()
    }

    fn token(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{CANARY}-{}", self.issued)
    }

    fn access_token(&mut self, life: i64) -> String {
        let token = self.token("access");
        self.access.insert(token.clone(), self.now + life);
        token
    }

    fn refresh_token(&mut self) -> String {
        let token = self.token("refresh");
        self.alive.insert(token.clone());
        token
    }

    fn login(&mut self, begun_at: i64, replaces: Option<usize>, sid: Option<u8>) {
        let replaced = replaces.and_then(|back| self.pick(back));
        let replaces = replaced.map(|index| self.sessions[index].digest.clone());
        let overtaken = self.logouts.overtake(begun_at, replaces.as_ref(), sid);
        let digest = SessionId::generate(&self.random).digest();
        let before: Vec<bool> = self.sessions.iter().map(|known| self.is_stored(&known.digest)).collect();
        let access_token = self.access_token(600);
        let refresh_token = self.refresh_token();
        let begin = Begin {
            digest: digest.clone(),
            session: self.record(sid),
            tokens: Tokens {
                access_token: Secret::new(access_token),
                refresh_token: Some(Secret::new(refresh_token.clone())),
                id_token: Secret::new(self.token("id")),
                nonce: Some(Nonce::new(self.token("nonce"))),
                proof_key: None,
            },
            replaces,
            login_started_at: Timestamp::from_unix(begun_at),
            max_sessions: MAX_SESSIONS,
            clocks: clocks(),
        };
        match self.run(&Command::Begin(Box::new(begin))) {
            Reply::Begun => assert!(!overtaken, "a login lives that a logout overtook (R-084)"),
            Reply::Overtaken => {
                assert!(overtaken, "a login was refused though no logout came");
                assert!(!self.is_stored(&digest));
                // Whoever was answered so revokes them; they never came here.
                self.alive.remove(&refresh_token);
                return;
            }
            other => panic!("{other:?}"),
        }
        if let Some(index) = replaced {
            self.sessions[index].ended = true;
        }
        self.account_for_room(&before);
        self.sessions.push(Known { digest, sid, created_at: self.now, touched_at: self.now, ended: false });
    }

    /// Sessions may go to make room, but only the oldest, and only if there is none.
    fn account_for_room(&mut self, before: &[bool]) {
        let idle_for = |known: &Known| self.now - known.touched_at;
        let mut gone = Vec::new();
        for (index, known) in self.sessions.iter().enumerate().filter(|(index, _)| before[*index]) {
            let over = idle_for(known) >= IDLE - GRANULARITY || self.now - known.created_at >= ABSOLUTE;
            if !self.is_stored(&known.digest) && !known.ended && !over {
                gone.push(index);
            }
        }
        // In the order in which they began, also within a second, and when the clock goes back.
        let oldest_kept = self.sessions.iter().position(|known| self.is_stored(&known.digest)).unwrap_or(usize::MAX);
        for index in gone {
            assert_eq!(self.table.all().unwrap().len(), MAX_SESSIONS as usize, "a session went though there was room");
            assert!(index < oldest_kept, "a younger session made room (R-184)");
            self.sessions[index].ended = true;
        }
    }

    fn record(&self, sid: Option<u8>) -> Session {
        Session {
            issuer: IssuerIdentifier::new("https://op.example"),
            subject: SubjectIdentifier::new("alice"),
            provider: "op".to_owned(),
            claims: serde_json::Map::new(),
            scopes: vec!["openid".to_owned()],
            roles: Vec::new(),
            permissions: Vec::new(),
            tenant: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            sid: sid.map(|sid| format!("sid-{sid}")),
            created_at: self.time(),
            last_seen: self.time(),
            access_token_expires_at: Some(Timestamp::from_unix(self.now + 600)),
            access_token_issued_at: self.time(),
            refresh: RefreshState { possible: true, ..RefreshState::default() },
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

    fn check(&mut self, back: usize, touch: bool, token: bool) {
        let Some(index) = self.pick(back) else { return };
        let digest = self.sessions[index].digest.clone();
        let in_flight = self.flights.iter().any(|job| job.digest == digest);
        let check = Check { digest, touch, access_token: token, shown: None, clocks: clocks() };
        let step = self.subject().handle(&Command::Check(check.clone()), self.time(), !in_flight).unwrap();
        let answer = match step {
            Step::Answer(answer) => answer,
            Step::Refresh(job) => {
                assert!(!in_flight && token, "a second renewal of one session (R-065)");
                let leaving = job.refresh_token.expose();
                assert!(!self.spent.contains(leaving), "{leaving} leaves a second time (R-068)");
                self.flights.push(*job);
                self.run(&Command::Check(check))
            }
        };
        self.account_for_check(index, touch, &answer);
        self.check_again(index, touch, token);
    }

    /// The object answers the same question from memory; it is what it would answer anew.
    fn check_again(&self, index: usize, touch: bool, token: bool) {
        let check = Check {
            digest: self.sessions[index].digest.clone(),
            touch,
            access_token: token,
            shown: None,
            clocks: clocks(),
        };
        let question = serde_json::to_string(&check).unwrap();
        let anew = || {
            let step = self.subject().handle(&Command::Check(check.clone()), self.time(), false).unwrap();
            let answer = step.into_answer().unwrap();
            let has_token = matches!(&answer, Reply::Live(live) if live.access_token.is_some());
            (serde_json::to_string(&answer).unwrap(), !has_token)
        };
        for _ in 0..2 {
            let known = self.table.answer(&question, self.time(), || Some(anew()));
            assert_eq!(known, Some(anew().0), "an answer that is older than the last write");
        }
    }

    fn account_for_check(&mut self, index: usize, touch: bool, answer: &Reply) {
        let known = &mut self.sessions[index];
        let idle_for = self.now - known.touched_at;
        let age = self.now - known.created_at;
        match answer {
            Reply::Live(live) => {
                assert!(!known.ended, "an ended session lives");
                assert!(idle_for < IDLE && age < ABSOLUTE, "a clock was extended (R-178)");
                if touch {
                    known.touched_at = known.touched_at.max(self.now);
                }
                if let Some(token) = &live.access_token {
                    assert!(self.now < self.access[token.expose()], "an access token past its end");
                }
            }
            Reply::Gone => {
                let over = idle_for >= IDLE - GRANULARITY || age >= ABSOLUTE;
                assert!(known.ended || over, "a session was lost");
                known.ended = true;
            }
            other => panic!("{other:?}"),
        }
    }

    fn finish(&mut self, back: usize, outcome: Outcome) {
        if self.flights.is_empty() {
            return;
        }
        let job = self.flights.remove(back % self.flights.len());
        let outcome = self.answer(&job, outcome);
        self.subject().finish_refresh(&job, &outcome, self.time()).unwrap();
        if matches!(outcome, RefreshOutcome::Refused | RefreshOutcome::Mistrusted { .. }) {
            self.mark_ended(|known| known.digest == job.digest);
        }
    }

    /// What the provider does with the refresh token, and what we hear of it.
    fn answer(&mut self, job: &RefreshJob, outcome: Outcome) -> RefreshOutcome {
        let presented = job.refresh_token.expose().clone();
        if !matches!(outcome, Outcome::Failed) {
            self.use_up(&presented);
        }
        match outcome {
            Outcome::Renewed { life } => RefreshOutcome::Refreshed {
                access_token: Secret::new(self.access_token(life)),
                expires_at: Timestamp::from_unix(self.now + life),
                refresh_token: self.successor(&presented),
                id_token: Some(Secret::new(self.token("id"))),
                scopes: None,
            },
            Outcome::Refused => {
                self.alive.remove(&presented);
                RefreshOutcome::Refused
            }
            Outcome::Mistrusted => RefreshOutcome::Mistrusted { successor: self.successor(&presented) },
            Outcome::Unverified => RefreshOutcome::Unverified { successor: self.successor(&presented) },
            Outcome::Failed => RefreshOutcome::Failed,
            Outcome::Unknown => RefreshOutcome::Unknown,
        }
    }

    fn successor(&mut self, presented: &str) -> Option<Secret<String>> {
        if self.rotating {
            self.alive.remove(presented);
            return Some(Secret::new(self.refresh_token()));
        }
        self.reusable.insert(presented.to_owned());
        // Some providers repeat it, some say nothing of it.
        self.issued.is_multiple_of(2).then(|| Secret::new(presented.to_owned()))
    }

    fn crash(&mut self) {
        for job in std::mem::take(&mut self.flights) {
            self.use_up(job.refresh_token.expose());
        }
    }

    /// The provider has seen a refresh token. If it rotates now, a second use is taken for theft.
    fn use_up(&mut self, presented: &str) {
        if self.rotating && !self.reusable.contains(presented) {
            self.spent.insert(presented.to_owned());
        }
    }

    fn mark_ended(&mut self, is_meant: impl Fn(&Known) -> bool) {
        for known in self.sessions.iter_mut().filter(|known| is_meant(known)) {
            known.ended = true;
        }
    }

    fn end(&mut self, back: usize) {
        let Some(index) = self.pick(back) else { return };
        let digest = self.sessions[index].digest.clone();
        let answer = self.run(&Command::End { digest: digest.clone() });
        assert!(matches!(answer, Reply::Gone | Reply::Ended(_)), "{answer:?}");
        self.logouts.sessions.push((digest.as_str().to_owned(), self.now));
        self.mark_ended(|known| known.digest == digest);
    }

    fn end_others(&mut self, back: usize) {
        let Some(index) = self.pick(back) else { return };
        let keep = self.sessions[index].digest.clone();
        self.remember_stored(|known| known.digest != keep);
        self.run(&Command::EndOthers { keep: keep.clone() });
        self.mark_ended(|known| known.digest != keep);
    }

    fn end_listed(&mut self, back: usize) {
        let Some(index) = self.pick(back) else { return };
        let digest = self.sessions[index].digest.clone();
        self.remember_stored(|known| known.digest == digest);
        self.run(&Command::EndListed { id: digest.public_id() });
        self.mark_ended(|known| known.digest == digest);
    }

    fn end_sid(&mut self, sid: u8) {
        self.remember_stored(|known| known.sid == Some(sid));
        self.run(&Command::EndSid { sid: format!("sid-{sid}"), unproven: false });
        self.logouts.sids.push((sid, self.now));
        self.mark_ended(|known| known.sid == Some(sid));
    }

    fn end_all(&mut self, ago: Option<i64>) {
        let before = self.now - ago.unwrap_or(0);
        let is_meant = |known: &Known| ago.is_none() || known.created_at <= before;
        self.remember_stored(is_meant);
        self.run(&Command::EndAll { before: ago.map(|_| Timestamp::from_unix(before)) });
        self.logouts.all = Some(self.logouts.all.unwrap_or(i64::MIN).max(before));
        self.mark_ended(is_meant);
    }

    /// Sessions that are there and are about to end by such a command: logins in their place come too late.
    fn remember_stored(&mut self, is_meant: impl Fn(&Known) -> bool) {
        let stored = self.sessions.iter().filter(|known| is_meant(known) && self.is_stored(&known.digest));
        let ended: Vec<_> = stored.map(|known| (known.digest.as_str().to_owned(), self.now)).collect();
        self.logouts.sessions.extend(ended);
    }

    fn new_key(&mut self) {
        if self.ring.len() < MAX_KEYS {
            self.ring.insert(0, key(self.ring.len()));
            self.keys = KeyRing::parse(&self.ring.join(",")).unwrap();
        }
    }

    fn assert_always(&self) {
        assert!(self.table.all().unwrap().len() <= MAX_SESSIONS as usize, "too many sessions (R-184)");
        for known in self.sessions.iter().filter(|known| known.ended) {
            let check = Check {
                digest: known.digest.clone(),
                touch: false,
                access_token: false,
                shown: None,
                clocks: clocks(),
            };
            let answer = self.run(&Command::Check(check));
            assert!(matches!(answer, Reply::Gone), "what ended came back: {answer:?}");
        }
        assert!(!format!("{:?}", self.table).contains(CANARY), "a token in plain sight (R-176)");
    }
}

/// An entry of the key ring.
fn key(number: usize) -> String {
    let letter = ["E", "I", "M", "Q"][number];
    format!("k{number}:{}A", letter.repeat(42))
}
