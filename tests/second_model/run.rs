//! Does to the objects what happens, and compares.

mod proofs;

use std::cell::Cell;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use postern::keyring::KeyRing;
use postern::ports::Random;
use postern::secret::Secret;
use postern::session::refresh::RefreshState;
use postern::session::second::{Enrol, NewFactor, Passkey, SecondCommand, SecondReply, TotpSecret};
use postern::session::subject::Rotation;
use postern::session::table::{NoteKind, SessionTable};
use postern::session::{
    Begin, CachedTable, Check, Command, Origin, Reply, Session, SessionDigest, SessionId, SessionTerms,
    SessionTimeouts, SubjectSessions, Terms, Tokens,
};
use postern::time::{Seconds, Timestamp};

use crate::model::{Expected, KnownCode, KnownFactor, KnownSession, Op, What, Wrong, code};
use crate::stores::MemoryTable;

/// Longer than any run: clocks are for the model of sessions.
pub(crate) const DAYS: Seconds = Seconds::new(30 * 86_400);
const WITHIN: i64 = 600;
const RECOVERED_FOR: i64 = 900;
const MAX_FACTORS: usize = 10;
const MAX_APPS: usize = 3;

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

/// The objects of two people, and what is known about them.
pub struct Run {
    pub(crate) tables: [CachedTable<MemoryTable>; 2],
    ring: Vec<String>,
    keys: KeyRing,
    random: Counting,
    pub(crate) now: i64,
    pub(crate) sessions: Vec<KnownSession>,
    pub(crate) factors: Vec<KnownFactor>,
    pub(crate) codes: Vec<KnownCode>,
    pub(crate) wrong_app: [Wrong; 2],
    pub(crate) wrong_recovery: [Wrong; 2],
}

impl Terms for Run {
    fn terms(&self, _: &Session, _: Timestamp) -> SessionTerms {
        SessionTerms { lapse: None, longest: None }
    }
}

fn clocks() -> SessionTimeouts {
    SessionTimeouts::new(DAYS, DAYS)
}

fn key(number: usize) -> String {
    format!("k{number}:{}", Base64UrlUnpadded::encode_string(&[u8::try_from(number).unwrap() + 1; 32]))
}

fn typed(code: &str) -> Secret<String> {
    Secret::new(code.to_owned())
}

impl Run {
    pub fn new() -> Self {
        let ring = vec![key(0)];
        Self {
            tables: std::array::from_fn(|_| CachedTable::new(MemoryTable::default())),
            keys: KeyRing::parse(&ring.join(",")).unwrap(),
            ring,
            random: Counting(Cell::new(0)),
            now: 1_800_000_000,
            sessions: Vec::new(),
            factors: Vec::new(),
            codes: Vec::new(),
            wrong_app: [Wrong::default(); 2],
            wrong_recovery: [Wrong::default(); 2],
        }
    }

    /// One thing happens; afterwards all that must always hold is looked at.
    pub fn step(&mut self, op: &Op) {
        match *op {
            Op::SignIn { who, known_for } => self.sign_in(who, known_for),
            Op::Enrol { session, app, astray } => self.enrol(session, app, astray),
            Op::ProveApp { session, factor, step, astray } => self.prove_app(session, factor, step, astray),
            Op::Guess { session } => self.guess(session),
            Op::ProveKey { session, factor, count, astray } => self.prove_key(session, factor, count, astray),
            Op::Recover { session, code, astray } => self.recover(session, code, astray),
            Op::Remove { session, factor } => self.remove(session, factor),
            Op::NewCodes { session } => self.new_codes(session),
            Op::Reset { who } => self.reset(who),
            Op::End { session } => self.end(session),
            Op::EndAll { who } => self.end_all(who),
            Op::Sweep => (0..2).for_each(|who| self.subject(who).sweep(self.time()).unwrap()),
            Op::Wait { seconds } => self.now += seconds,
            Op::NewKey => self.new_key(),
        }
        self.assert_always();
    }

    /// At the end an administrator takes all away, everybody signs out, and nothing is left.
    pub fn everything_goes(&mut self) {
        for who in 0..2 {
            self.reset(who);
            self.end_all(who);
        }
        self.now += i64::from(DAYS.get());
        self.assert_always();
        for who in 0..2 {
            self.subject(who).sweep(self.time()).unwrap();
            // What is left for providers to revoke is of sessions, not of factors.
            for kind in [NoteKind::Ended, NoteKind::Cutoff] {
                assert_eq!(self.tables[who].notes(kind).unwrap(), [], "storage cleans itself");
            }
        }
    }

    fn subject(&self, who: usize) -> SubjectSessions<'_, CachedTable<MemoryTable>, Counting> {
        let (table, keys, random) = (&self.tables[who], &self.keys, &self.random);
        SubjectSessions { table, keys, random, terms: self, report: &|_, _| {} }
    }

    const fn time(&self) -> Timestamp {
        Timestamp::from_unix(self.now)
    }

    fn run(&self, who: usize, command: &Command) -> Reply {
        self.subject(who).handle(command, self.time(), false).unwrap().into_answer().unwrap()
    }

    pub(crate) fn second(&self, who: usize, command: SecondCommand) -> SecondReply {
        match self.run(who, &Command::Second(Box::new(command))) {
            Reply::Second(reply) => *reply,
            other => panic!("{other:?}"),
        }
    }

    fn session(&self, back: usize) -> Option<usize> {
        pick(self.sessions.len(), back)
    }

    fn rotation(&self, session: usize) -> Rotation {
        let to = SessionId::generate(&self.random).digest();
        Rotation { from: self.sessions[session].digest.clone(), to, clocks: clocks() }
    }

    /// Whether the object of `who` knows this session.
    fn lives_at(&self, who: usize, session: usize) -> bool {
        let known = &self.sessions[session];
        known.who == who && !known.ended
    }

    fn moved(&mut self, session: usize, rotation: Rotation, by: Option<usize>) {
        let now = self.now;
        let known = &mut self.sessions[session];
        known.before.push(rotation.from);
        (known.digest, known.proof) = (rotation.to, Some((now, by)));
    }

    pub(crate) fn of(&self, who: usize) -> Vec<usize> {
        (0..self.factors.len()).filter(|at| self.factors[*at].who == who && !self.factors[*at].gone).collect()
    }

    fn apps_of(&self, who: usize) -> usize {
        self.of(who).into_iter().filter(|at| matches!(self.factors[*at].what, What::App { .. })).count()
    }

    /// The oldest factor of a kind, else the oldest of all.
    fn oldest(&self, who: usize, app: bool) -> Option<usize> {
        let there = self.of(who);
        let is_alike = |at: &usize| matches!(self.factors[*at].what, What::App { .. }) == app;
        there.iter().copied().find(is_alike).or_else(|| there.first().copied())
    }

    fn has_signed_in(&self, session: usize) -> bool {
        let known = &self.sessions[session];
        self.now <= known.signed_in.min(known.began) + WITHIN
    }

    /// Whether a factor was proven in this session a moment ago, and which.
    fn has_proven(&self, session: usize) -> Option<usize> {
        let (at, by) = self.sessions[session].proof?;
        by.filter(|_| self.now <= at + WITHIN)
    }

    fn may_enrol(&self, who: usize, session: usize) -> bool {
        if self.of(who).is_empty() {
            return self.has_signed_in(session);
        }
        match self.sessions[session].proof {
            Some((at, None)) => self.now <= at + RECOVERED_FOR,
            Some((at, Some(_))) => self.now <= at + WITHIN,
            None => false,
        }
    }

    fn sign_in(&mut self, who: usize, known_for: i64) {
        let digest = SessionId::generate(&self.random).digest();
        let signed_in = self.now - known_for;
        let begin = Begin {
            digest: digest.clone(),
            session: self.record(signed_in),
            tokens: Tokens {
                access_token: Secret::new("access".to_owned()),
                refresh_token: None,
                id_token: Secret::new("id".to_owned()),
                nonce: None,
                proof_key: None,
            },
            replaces: None,
            // The clock does not stand still between a sign-out and the next sign-in.
            login_started_at: Timestamp::from_unix(self.now + 1),
            max_sessions: 1000,
            clocks: clocks(),
        };
        assert!(matches!(self.run(who, &Command::Begin(Box::new(begin))), Reply::Begun));
        let (began, before) = (self.now, Vec::new());
        self.sessions.push(KnownSession { who, digest, before, began, signed_in, proof: None, ended: false });
    }

    fn record(&self, signed_in: i64) -> Session {
        let now = self.time();
        let text = serde_json::json!({
            "issuer": "https://op.example", "subject": "somebody", "provider": "op",
            "auth_time": signed_in, "created_at": now, "last_seen": now, "access_token_expires_at": self.now + 60,
        });
        let session: Session = serde_json::from_value(text).unwrap();
        assert_eq!(session.issuer, IssuerIdentifier::new("https://op.example"));
        assert_eq!(session.subject, SubjectIdentifier::new("somebody"));
        Session { origin: Origin::default(), refresh: RefreshState::default(), ..session }
    }

    fn enrol(&mut self, back: usize, app: bool, astray: bool) {
        let Some(session) = self.session(back) else { return };
        let who = self.sessions[session].who ^ usize::from(astray);
        let full = self.of(who).len() >= MAX_FACTORS || (app && self.apps_of(who) >= MAX_APPS);
        // After a recovery code the oldest makes room.
        let has_recovered = matches!(self.sessions[session].proof, Some((_, None)));
        let gives_way = if full && has_recovered { self.oldest(who, app) } else { None };
        let expected = if !self.lives_at(who, session) {
            Expected::Gone
        } else if self.may_enrol(who, session) && (!full || gives_way.is_some()) {
            Expected::Done
        } else {
            Expected::Refused
        };
        let (secret, step) = (TotpSecret::generate(&self.random), self.now / 30);
        let credential = SessionId::generate(&self.random).digest().as_str().to_owned();
        let (factor, what) = if app {
            let code = typed(&code(&secret, step));
            (NewFactor::Totp { secret: secret.clone(), code }, What::App { secret, last_step: step })
        } else {
            let passkey = Passkey { id: credential.clone(), jwk: "{}".to_owned(), ..Passkey::default() };
            (NewFactor::Passkey(passkey), What::Key { credential, count: 0 })
        };
        let (rotation, enrol_within) = (self.rotation(session), Seconds::new(600));
        let enrol = Enrol { rotation: rotation.clone(), factor, name: String::new(), enrol_within };
        let was_first = self.of(who).is_empty();
        let reply = self.second(who, SecondCommand::Enrol(Box::new(enrol)));
        assert_eq!(kind(&reply), expected, "{reply:?}");
        let SecondReply::Enrolled(enrolled) = reply else { return };
        let replaced = enrolled.replaced.as_ref().map(|factor| &factor.id);
        assert_eq!(replaced, gives_way.map(|at| &self.factors[at].id));
        if gives_way.is_some() {
            self.forget(who, |gone| Some(gone) == gives_way);
        }
        self.factors.push(KnownFactor { who, id: enrolled.factor.id, what, gone: false });
        assert_eq!(enrolled.recovery.is_some(), was_first, "recovery codes come with the first (R-342)");
        for text in enrolled.recovery.iter().flat_map(|codes| codes.expose()) {
            self.codes.push(KnownCode { who, text: text.to_owned(), gone: false });
        }
        self.moved(session, rotation, Some(self.factors.len() - 1));
    }

    fn remove(&mut self, back: usize, factor: usize) {
        let (Some(session), Some(at)) = (self.session(back), pick(self.factors.len(), factor)) else { return };
        let (who, known) = (self.sessions[session].who, self.factors[at].clone());
        let there = self.of(who);
        let is_last = there.len() == 1;
        let may = match self.has_proven(session) {
            None => false,
            Some(_) if is_last => self.has_signed_in(session),
            Some(by) => by != at,
        };
        let expected = if !self.lives_at(who, session) {
            Expected::Gone
        } else if there.contains(&at) && may {
            Expected::Done
        } else {
            Expected::Refused
        };
        let asking = self.sessions[session].digest.clone();
        let command = SecondCommand::Remove { session: asking, id: known.id, within: Seconds::new(600) };
        let reply = self.second(who, command);
        assert_eq!(kind(&reply), expected, "{reply:?}");
        if expected == Expected::Done {
            self.forget(who, |gone| is_last || gone == at);
        }
    }

    /// These factors are gone, and what they proved.
    fn forget(&mut self, who: usize, is_meant: impl Fn(usize) -> bool) {
        for at in self.of(who).into_iter().filter(|at| is_meant(*at)) {
            self.factors[at].gone = true;
        }
        let nothing_left = self.of(who).is_empty();
        for known in self.sessions.iter_mut().filter(|known| known.who == who) {
            known.proof = known.proof.filter(|(_, by)| !nothing_left && !by.is_some_and(&is_meant));
        }
        if self.apps_of(who) == 0 {
            self.wrong_app[who] = Wrong::default();
        }
        if nothing_left {
            self.codes.iter_mut().filter(|code| code.who == who).for_each(|code| code.gone = true);
            self.wrong_recovery[who] = Wrong::default();
        }
    }

    fn new_codes(&mut self, back: usize) {
        let Some(session) = self.session(back) else { return };
        let who = self.sessions[session].who;
        let expected = if !self.lives_at(who, session) {
            Expected::Gone
        } else if self.has_proven(session).is_some() {
            Expected::Done
        } else {
            Expected::Refused
        };
        let asking = self.sessions[session].digest.clone();
        let command = SecondCommand::NewRecoveryCodes { session: asking, within: Seconds::new(600) };
        let reply = self.second(who, command);
        assert_eq!(kind(&reply), expected, "{reply:?}");
        let SecondReply::Codes(codes) = reply else { return };
        self.codes.iter_mut().filter(|code| code.who == who).for_each(|code| code.gone = true);
        self.codes.extend(codes.expose().map(|text| KnownCode { who, text: text.to_owned(), gone: false }));
        self.wrong_recovery[who] = Wrong::default();
    }

    fn reset(&mut self, who: usize) {
        let there = self.of(who).len();
        let SecondReply::Reset(before) = self.second(who, SecondCommand::Reset) else { panic!("not reset") };
        assert_eq!(before.factors.len(), there);
        self.forget(who, |_| true);
    }

    /// By one of the ids that the session has, or had a moment ago.
    fn end(&mut self, back: usize) {
        let Some(session) = self.session(back) else { return };
        let known = &self.sessions[session];
        let digest = known.digest.clone();
        self.run(known.who, &Command::End { digest });
        self.sessions[session].ended = true;
    }

    fn end_all(&mut self, who: usize) {
        self.run(who, &Command::EndAll { before: None });
        self.sessions.iter_mut().filter(|known| known.who == who).for_each(|known| known.ended = true);
    }

    fn new_key(&mut self) {
        if self.ring.len() < 8 {
            self.ring.insert(0, key(self.ring.len()));
            self.keys = KeyRing::parse(&self.ring.join(",")).unwrap();
        }
    }

    pub(crate) fn live(&self, who: usize, digest: &SessionDigest) -> Option<Session> {
        let check = Check { digest: digest.clone(), touch: false, access_token: false, shown: None, clocks: clocks() };
        match self.run(who, &Command::Check(check)) {
            Reply::Live(live) => Some(live.session),
            Reply::Gone => None,
            other => panic!("{other:?}"),
        }
    }
}

/// The one so many places back from the last.
fn pick(count: usize, back: usize) -> Option<usize> {
    (count > 0).then(|| count - 1 - back % count)
}

fn kind(reply: &SecondReply) -> Expected {
    match reply {
        SecondReply::Gone => Expected::Gone,
        SecondReply::Wrong { .. } => Expected::Wrong,
        SecondReply::Locked { .. } => Expected::Locked,
        SecondReply::Refused(_) => Expected::Refused,
        _ => Expected::Done,
    }
}
