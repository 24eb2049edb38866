//! Grants to agents against a model of them: what ended stays ended, nothing grows, nothing outlives what it rests on, and of
//! each code, refresh token and use there is one winner.

#[path = "grants_ending.rs"]
mod ending;
#[path = "grants_exchange.rs"]
mod exchange;

use std::cell::Cell;

use postern::ids::actor::Actor;
use postern::keyring::KeyRing;
use postern::ports::Random;
use postern::secret::Secret;
use postern::session::grant::{CODE_LIFE, Grant, PendingCode, ROTATION_GRACE};
use postern::session::table::SessionTable;
use postern::session::{
    Begin, BeginGrant, CachedTable, CheckGrant, Command, GrantRefusal, RedeemCode, RefreshGrant, Reply, Session,
    SessionDigest, SessionId, SessionTerms, SessionTimeouts, SubjectSessions, Terms, Tokens,
};
use postern::time::{Seconds, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::stores::MemoryTable;

const IDLE: i64 = 1800;
const MAX_SESSIONS: u32 = 3;
const MAX_GRANTS: u32 = 4;
const SCOPES: [&str; 3] = ["a", "b", "c"];
const CLIENT: &str = "https://client.example/";

/// One thing that happens. Sessions and grants are counted from the latest, modulo how many there are.
#[derive(Clone, Debug)]
enum Op {
    Login {
        replaces: Option<usize>,
    },
    Consent {
        session: usize,
        tied: bool,
        life: i64,
        /// How long ago it was asked for.
        asked_ago: i64,
    },
    Redeem {
        grant: usize,
        right: bool,
    },
    Refresh {
        grant: usize,
        back: u64,
    },
    Exchange {
        grant: usize,
        scopes: u8,
        life: i64,
        uses: Option<u32>,
    },
    /// Many exchanges at once, each for one of the latest grants.
    ExchangeMany {
        grant: usize,
    },
    Use {
        grant: usize,
        spend: bool,
    },
    EndGrant {
        grant: usize,
        own: bool,
    },
    EndListed {
        grant: usize,
    },
    /// All grants to a client, or to another one that has none.
    EndClient {
        own: bool,
    },
    EndSession {
        session: usize,
    },
    EndOthers {
        session: usize,
    },
    EndAll {
        ago: Option<i64>,
    },
    Sweep,
    Wait {
        seconds: i64,
    },
}

fn which() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0_usize), 3 => 1..3_usize, 1 => 3..8_usize]
}

fn op() -> impl Strategy<Value = Op> {
    let life = || prop_oneof![1 => 1..600_i64, 2 => 600..40_000_i64];
    prop_oneof![
        3 => proptest::option::weighted(0.4, which()).prop_map(|replaces| Op::Login { replaces }),
        5 => (which(), any::<bool>(), life(), 0..20_i64)
            .prop_map(|(session, tied, life, asked_ago)| Op::Consent { session, tied, life, asked_ago }),
        6 => (which(), proptest::bool::weighted(0.8)).prop_map(|(grant, right)| Op::Redeem { grant, right }),
        6 => (which(), 0..3_u64).prop_map(|(grant, back)| Op::Refresh { grant, back }),
        5 => (which(), 0..8_u8, life(), proptest::option::weighted(0.4, 1..4_u32))
            .prop_map(|(grant, scopes, life, uses)| Op::Exchange { grant, scopes, life, uses }),
        10 => (which(), any::<bool>()).prop_map(|(grant, spend)| Op::Use { grant, spend }),
        1 => (which(), any::<bool>()).prop_map(|(grant, own)| Op::EndGrant { grant, own }),
        1 => which().prop_map(|grant| Op::EndListed { grant }),
        1 => any::<bool>().prop_map(|own| Op::EndClient { own }),
        1 => which().prop_map(|session| Op::EndSession { session }),
        1 => which().prop_map(|session| Op::EndOthers { session }),
        1 => proptest::option::of(0..900_i64).prop_map(|ago| Op::EndAll { ago }),
        1 => Just(Op::Sweep),
        8 => (0..15_i64).prop_map(|seconds| Op::Wait { seconds }),
        2 => (15..2000_i64).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

/// The same, and large families, which take their time.
fn op_or_many() -> impl Strategy<Value = Op> {
    prop_oneof![12 => op(), 1 => which().prop_map(|grant| Op::ExchangeMany { grant })]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn no_family_of_tokens_grows_past_its_limit(ops in vec(op_or_many(), 20..60)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
            run.assert_always();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn whatever_happens_to_grants_in_whatever_order(ops in vec(op(), 1..100)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
            run.assert_always();
        }
        run.everybody_leaves();
    }
}

struct Counting(Cell<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        bytes.fill(0x5a);
        for (byte, count) in bytes.iter_mut().zip(self.0.get().to_le_bytes()) {
            *byte = count;
        }
    }
}

struct KnownSession {
    digest: SessionDigest,
    created_at: i64,
    ended: bool,
}

struct KnownGrant {
    digest: SessionDigest,
    created_at: i64,
    ends_at: i64,
    /// The session that it ends with.
    tied: Option<usize>,
    parent: Option<usize>,
    scopes: Vec<String>,
    actors: usize,
    /// Until when its code is good, if that was not redeemed.
    code_until: Option<i64>,
    generation: u64,
    rotated_at: i64,
    uses_left: Option<u32>,
    ended: bool,
}

struct Run {
    table: CachedTable<MemoryTable>,
    keys: KeyRing,
    random: Counting,
    now: i64,
    sessions: Vec<KnownSession>,
    grants: Vec<KnownGrant>,
    cutoff: Option<i64>,
    /// When all grants to the client were last ended.
    client_ended: Option<i64>,
}

impl Terms for Run {
    fn terms(&self, _: &Session, _: Timestamp) -> SessionTerms {
        SessionTerms { lapse: None, longest: None }
    }
}

fn clocks() -> SessionTimeouts {
    SessionTimeouts::new(Seconds::new(IDLE as u32), Seconds::hours(8))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

impl Run {
    fn new() -> Self {
        Self {
            table: CachedTable::new(MemoryTable::default()),
            keys: KeyRing::parse(&format!("k:{}A", "E".repeat(42))).unwrap(),
            random: Counting(Cell::new(0)),
            now: 1_800_000_000,
            sessions: Vec::new(),
            grants: Vec::new(),
            cutoff: None,
            client_ended: None,
        }
    }

    fn run(&self, command: &Command) -> Reply {
        self.subject().handle(command, at(self.now), false).unwrap().into_answer().unwrap()
    }

    fn subject(&self) -> SubjectSessions<'_, CachedTable<MemoryTable>, Counting> {
        let (table, keys, random) = (&self.table, &self.keys, &self.random);
        SubjectSessions { table, keys, random, terms: self, report: &|_, _| {} }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Login { replaces } => self.login(*replaces),
            Op::Consent { session, tied, life, asked_ago } => self.consent(*session, (*tied, *life), *asked_ago),
            Op::Redeem { grant, right } => self.redeem(*grant, *right),
            Op::Refresh { grant, back } => self.refresh(*grant, *back),
            Op::Exchange { grant, scopes, life, uses } => self.exchange(*grant, *scopes, *life, *uses),
            Op::ExchangeMany { grant } => (0..24).for_each(|round| self.exchange(grant + round % 3, 1, 900, None)),
            Op::Use { grant, spend } => self.use_grant(*grant, *spend),
            Op::EndGrant { grant, own } => self.end_grant(*grant, *own),
            Op::EndListed { grant } => self.end_listed(*grant),
            Op::EndClient { own } => self.end_client(*own),
            Op::EndSession { session } => self.end_session(*session),
            Op::EndOthers { session } => self.end_others(*session),
            Op::EndAll { ago } => self.end_all(*ago),
            Op::Sweep => self.subject().sweep(at(self.now)).unwrap(),
            Op::Wait { seconds } => self.now += seconds,
        }
    }

    fn pick(count: usize, back: usize) -> Option<usize> {
        (count > 0).then(|| count - 1 - back % count)
    }

    fn session(&self, back: usize) -> Option<usize> {
        Self::pick(self.sessions.len(), back)
    }

    fn grant(&self, back: usize) -> Option<usize> {
        Self::pick(self.grants.len(), back)
    }

    fn session_lives(&self, index: usize) -> bool {
        let session = &self.sessions[index];
        !session.ended && self.now < session.created_at + IDLE
    }

    /// Whether a grant is there by the model: redeemed or not.
    fn lives(&self, index: usize) -> bool {
        let grant = &self.grants[index];
        !grant.ended
            && self.now < grant.code_until.unwrap_or(i64::MAX).min(grant.ends_at)
            && grant.tied.is_none_or(|session| self.session_lives(session))
            && grant.parent.is_none_or(|parent| self.lives(parent))
    }

    /// What is over by its clocks, or by those of what it rests on, is over for good.
    fn bury(&mut self) {
        for index in 0..self.grants.len() {
            self.grants[index].ended |= !self.lives(index);
        }
        for index in 0..self.sessions.len() {
            self.sessions[index].ended |= !self.session_lives(index);
        }
    }

    fn record(&self, grant: Option<Grant>) -> Session {
        let record = json!({
            "issuer": "https://op.example", "subject": "alice", "provider": "op",
            "created_at": self.now, "last_seen": self.now,
        });
        Session { grant: grant.map(Box::new), ..serde_json::from_value(record).unwrap() }
    }

    fn login(&mut self, replaces: Option<usize>) {
        let replaced = replaces.and_then(|back| self.session(back));
        let replaced_lived = replaced.is_some_and(|index| self.session_lives(index));
        self.bury();
        let digest = SessionId::generate(&self.random).digest();
        let nothing = || Secret::new(String::new());
        let tokens =
            Tokens { access_token: nothing(), refresh_token: None, id_token: nothing(), nonce: None, proof_key: None };
        let begin = Begin {
            digest: digest.clone(),
            session: self.record(None),
            tokens,
            replaces: replaced.map(|index| self.sessions[index].digest.clone()),
            login_started_at: at(self.now),
            max_sessions: MAX_SESSIONS,
            clocks: clocks(),
        };
        match self.run(&Command::Begin(Box::new(begin))) {
            Reply::Begun => {}
            Reply::Overtaken => return,
            other => panic!("{other:?}"),
        }
        let new = self.sessions.len();
        if let Some(index) = replaced {
            if replaced_lived {
                self.grants
                    .iter_mut()
                    .filter(|grant| grant.tied == Some(index))
                    .for_each(|grant| grant.tied = Some(new));
            }
            self.sessions[index].ended = true;
        }
        let alive: Vec<usize> = (0..new).filter(|index| self.session_lives(*index)).collect();
        let surplus = alive.len().saturating_sub(MAX_SESSIONS as usize - 1);
        alive.iter().take(surplus).for_each(|index| self.sessions[*index].ended = true);
        self.sessions.push(KnownSession { digest, created_at: self.now, ended: false });
    }

    fn consent(&mut self, back: usize, (tied, life): (bool, i64), asked_ago: i64) {
        let Some(session) = self.session(back) else { return };
        let asked_at = self.now - asked_ago;
        let is_after = |ended: Option<i64>| ended.is_none_or(|ended| asked_at > ended);
        let may = self.session_lives(session) && is_after(self.cutoff) && is_after(self.client_ended);
        let digest = SessionId::generate(&self.random).digest();
        let by = self.sessions[session].digest.clone();
        let code = PendingCode { challenge: "right".into(), redirect_uri: "cb".into(), expires_at: at(i64::MAX) };
        let grant = Grant {
            client: CLIENT.into(),
            client_name: "Client".into(),
            redirect_uri: "cb".into(),
            resource: "https://app.example/mcp".into(),
            scopes: SCOPES.map(str::to_owned).to_vec(),
            expires_at: at(self.now + life),
            code: Some(code),
            generation: 7,
            rotated_at: at(0),
            jkt: None,
            with_session: tied.then(|| by.clone()),
            parent: None,
            actors: vec![Actor { issuer: None, subject: CLIENT.into() }],
            task: None,
            uses_left: None,
            indexed: false,
            seen_at: None,
        };
        let begin = BeginGrant {
            digest: digest.clone(),
            session: self.record(Some(grant)),
            begun_by: Some(by),
            asked_at: at(asked_at),
            max_grants: MAX_GRANTS,
            clocks: clocks(),
        };
        self.bury();
        match self.run(&Command::BeginGrant(Box::new(begin))) {
            Reply::Begun => assert!(may, "a grant without a session"),
            Reply::Gone => return assert!(!may, "no grant, though there is a session"),
            other => panic!("{other:?}"),
        }
        self.account_for_room();
        self.grants.push(KnownGrant {
            digest,
            created_at: self.now,
            ends_at: self.now + life,
            tied: tied.then_some(session),
            parent: None,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            actors: 1,
            code_until: Some(self.now + i64::from(CODE_LIFE.get())),
            generation: 0,
            rotated_at: self.now,
            uses_left: None,
            ended: false,
        });
    }

    /// One grant may have gone to make room, with what was exchanged for it, and only if there was none.
    fn account_for_room(&mut self) {
        let given = |grant: &KnownGrant| !grant.ended && grant.parent.is_none();
        let before = self.grants.iter().filter(|grant| given(grant)).count();
        let is_stored = |grant: &KnownGrant| self.table.find(&grant.digest).unwrap().is_some();
        let gone: Vec<usize> = (0..self.grants.len())
            .filter(|index| given(&self.grants[*index]) && !is_stored(&self.grants[*index]))
            .collect();
        assert_eq!(gone.len(), (before + 1).saturating_sub(MAX_GRANTS as usize), "of {before}");
        gone.into_iter().for_each(|index| self.grants[index].ended = true);
        self.bury();
    }

    fn redeem(&mut self, back: usize, right: bool) {
        let Some(index) = self.grant(back) else { return };
        let (lives, pending) = (self.lives(index), self.grants[index].code_until.is_some());
        let redeem = RedeemCode {
            digest: self.grants[index].digest.clone(),
            client: CLIENT.into(),
            redirect_uri: "cb".into(),
            challenge: if right { "right".into() } else { "wrong".into() },
            resource: None,
            jkt: None,
            clocks: clocks(),
        };
        let reply = self.run(&Command::RedeemCode(Box::new(redeem)));
        match reply {
            Reply::Granted(granted) => {
                assert!(lives && pending && right, "a code was redeemed a second time (R-307)");
                let known = &mut self.grants[index];
                (known.code_until, known.generation, known.rotated_at) = (None, 1, self.now);
                assert_eq!(granted.session.grant.unwrap().generation, 1);
            }
            Reply::Refused(GrantRefusal::CodeReused) => {
                assert!(lives && !pending);
                self.grants[index].ended = true;
            }
            Reply::Refused(GrantRefusal::OtherVerifier) => assert!(lives && pending && !right),
            Reply::Gone => assert!(!lives),
            other => panic!("{other:?}"),
        }
        self.bury();
    }

    fn refresh(&mut self, back: usize, older: u64) {
        let Some(index) = self.grant(back) else { return };
        let known = &self.grants[index];
        let Some(generation) = known.generation.checked_sub(older) else { return };
        let refresh = RefreshGrant {
            digest: known.digest.clone(),
            client: CLIENT.into(),
            generation,
            resource: None,
            scopes: None,
            jkt: None,
            seen_within: None,
            clocks: clocks(),
        };
        let is_good = self.lives(index) && known.code_until.is_none() && generation > 0;
        let in_grace = older == 1 && self.now < known.rotated_at + i64::from(ROTATION_GRACE.get());
        match self.run(&Command::RefreshGrant(Box::new(refresh))) {
            Reply::Granted(granted) => {
                assert!(is_good && (older == 0 || in_grace), "a refresh token was used a second time (R-309)");
                assert_eq!(granted.repeated, older == 1);
                let known = &mut self.grants[index];
                if older == 0 {
                    (known.generation, known.rotated_at) = (known.generation + 1, self.now);
                }
                assert_eq!(granted.session.grant.unwrap().generation, known.generation);
            }
            Reply::Refused(GrantRefusal::RefreshReused) => {
                assert!(is_good && older > 0 && !in_grace);
                self.grants[index].ended = true;
            }
            Reply::Gone => assert!(!is_good),
            other => panic!("{other:?}"),
        }
        self.bury();
    }
}
