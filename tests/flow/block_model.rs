//! The block list and the sign-ins of people against a model of them: whatever happens in whatever order, over two isolates
//! with copies of their own, the blocked stay out until they are let in, and nobody else does.

use postern::gateway::{Disposition, Gateway};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{self, Asked, Browser, PARTNER, World};

const API: &str = "https://api.example.com";
const SUBJECTS: [&str; 3] = ["alice", "bob", "carol"];

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A request by a token of the subject, to an isolate; on a route that relies on a copy, or not.
    Token { who: usize, isolate: usize, lenient: bool },
    /// A request by the subject's session, if there is one.
    Session { who: usize, isolate: usize },
    /// The subject signs in.
    SignIn { who: usize, isolate: usize },
    /// An administrator blocks the subject at both issuers, for so long, or until that is lifted.
    Block { who: usize, isolate: usize, seconds: Option<i64> },
    /// An administrator lifts that.
    Lift { who: usize, isolate: usize },
    /// An administrator ends all sessions from before now.
    Everybody { isolate: usize },
    /// Time passes.
    Wait { seconds: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    let (who, isolate) = (0..SUBJECTS.len(), 0..2_usize);
    prop_oneof![
        6 => (who.clone(), isolate.clone(), any::<bool>())
            .prop_map(|(who, isolate, lenient)| Op::Token { who, isolate, lenient }),
        6 => (who.clone(), isolate.clone()).prop_map(|(who, isolate)| Op::Session { who, isolate }),
        3 => (who.clone(), isolate.clone()).prop_map(|(who, isolate)| Op::SignIn { who, isolate }),
        3 => (who.clone(), isolate.clone(), proptest::option::of(1..20_i64))
            .prop_map(|(who, isolate, seconds)| Op::Block { who, isolate, seconds }),
        2 => (who, isolate.clone()).prop_map(|(who, isolate)| Op::Lift { who, isolate }),
        1 => isolate.prop_map(|isolate| Op::Everybody { isolate }),
        5 => (1..9_i64).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

/// What is so of one subject.
#[derive(Clone, Copy, Default)]
struct Subject {
    /// Until when they are blocked; the end of time where nothing says so.
    blocked_until: Option<i64>,
    /// When that changed last, and a lenient route may not know yet.
    changed_at: i64,
    /// When their session began, if it has not ended.
    began_at: Option<i64>,
}

impl Subject {
    fn is_blocked(&self, now: i64) -> bool {
        self.blocked_until.is_some_and(|until| now < until)
    }
}

struct Run<'w> {
    world: &'w World,
    gateways: &'w [Gateway; 2],
    root: [Browser<'w>; 2],
    browsers: [Browser<'w>; 3],
    subjects: [Subject; 3],
    /// The moment of all sessions, and when it was set.
    everybody: (i64, i64),
}

fn variables() -> Value {
    let mut variables = support::variables();
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    variables["ISSUERS"] = json!({ "machines": { "issuer": PARTNER, "audience": API, "algs": ["ES256"] } });
    variables["ROUTES"]["/v1"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    variables["ROUTES"]["/lenient"] =
        json!({ "upstream": "service:API", "authenticate": ["bearer"], "revocation": "5s" });
    variables["SESSION"] = json!({ "idle": "8h", "absolute": "8h" });
    variables
}

impl<'w> Run<'w> {
    fn new(world: &'w World, gateways: &'w [Gateway; 2]) -> Self {
        let root = gateways.each_ref().map(|gateway| Browser::new(world, gateway).signed_in_as("root", "root"));
        let browsers = [0, 1, 2].map(|_| Browser::new(world, &gateways[0]));
        let long_ago = i64::MIN / 2;
        let subjects = [Subject { changed_at: long_ago, ..Subject::default() }; 3];
        Self { world, gateways, root, browsers, subjects, everybody: (long_ago, long_ago) }
    }

    fn now(&self) -> i64 {
        self.world.now.get()
    }

    fn order(&self, isolate: usize, path: &str, body: &Value) {
        let asked = Asked::script("POST", path).with("content-type", "application/json");
        let answered = self.root[isolate].send(&asked.with_body(Ok(&body.to_string())));
        assert_eq!(answered.event["reason"], "admin.done", "{}", answered.event);
    }

    /// Both names of a subject.
    fn targets(who: usize) -> [Value; 2] {
        [
            json!({ "provider": "corp", "subject": SUBJECTS[who] }),
            json!({ "issuer": PARTNER, "subject": SUBJECTS[who] }),
        ]
    }

    fn step(&mut self, op: Op) {
        let now = self.now();
        match op {
            Op::Wait { seconds } => self.world.wait(seconds),
            Op::Block { who, isolate, seconds } => {
                for mut body in Self::targets(who) {
                    if let Some(seconds) = seconds {
                        body["until"] = json!(now + seconds);
                    }
                    self.order(isolate, "/auth/admin/blocks", &body);
                }
                let until = seconds.map_or(i64::MAX, |seconds| now + seconds);
                self.subjects[who] = Subject { blocked_until: Some(until), changed_at: now, began_at: None };
            }
            Op::Lift { who, isolate } => {
                for body in Self::targets(who) {
                    self.order(isolate, "/auth/admin/blocks/lift", &body);
                }
                let subject = &mut self.subjects[who];
                (subject.blocked_until, subject.changed_at) = (None, now);
            }
            Op::Everybody { isolate } => {
                self.order(isolate, "/auth/admin/not-before", &json!({ "everybody": true }));
                self.everybody = (now, now);
                self.root =
                    self.gateways.each_ref().map(|it| Browser::new(self.world, it).signed_in_as("root", "root"));
            }
            Op::Token { who, isolate, lenient } => self.token(who, isolate, lenient),
            Op::Session { who, isolate } => self.session(who, isolate),
            Op::SignIn { who, isolate } => self.sign_in(who, isolate),
        }
    }

    fn token(&self, who: usize, isolate: usize, lenient: bool) {
        let now = self.now();
        let claims = json!({
            "iss": PARTNER, "aud": API, "sub": SUBJECTS[who], "client_id": "app", "jti": "j", "iat": now,
            "exp": now + 300, "scope": "read",
        });
        let token = self.world.partner.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap());
        let path = if lenient { "/lenient" } else { "/v1" };
        let answered = Browser::new(self.world, &self.gateways[isolate]).send(&Asked::bearing(path, &token));
        let passed = matches!(answered.outcome, Disposition::Forward(_));
        let subject = &self.subjects[who];
        // A copy of five seconds ago may not know of a change since; without one, every change counts.
        if !lenient || now - subject.changed_at >= 5 {
            assert_eq!(passed, !subject.is_blocked(now), "{} at {now}: {}", SUBJECTS[who], answered.event);
        }
    }

    fn session(&mut self, who: usize, isolate: usize) {
        let now = self.now();
        let asked = Asked::script("GET", "/api/x");
        let cookie = self.browsers[who].cookie("__Host-postern");
        let browser = Browser::new(self.world, &self.gateways[isolate]);
        if let Some(cookie) = &cookie {
            browser.plant("__Host-postern", cookie);
        }
        let answered = browser.send(&asked);
        let passed = matches!(answered.outcome, Disposition::Forward(_));
        let Some(began_at) = self.subjects[who].began_at else {
            return assert!(!passed, "{} at {now}: {}", SUBJECTS[who], answered.event);
        };
        let (moment, set_at) = self.everybody;
        let is_void = began_at < moment;
        if !is_void || now - set_at >= 5 {
            assert_eq!(passed, !is_void, "{} at {now}: {}", SUBJECTS[who], answered.event);
        }
        if !passed {
            self.subjects[who].began_at = None;
        }
    }

    fn sign_in(&mut self, who: usize, isolate: usize) {
        let now = self.now();
        let browser = Browser::new(self.world, &self.gateways[isolate]);
        self.world.corp.bend_claims(move |claims| claims["sub"] = SUBJECTS[who].into());
        let answered = browser.login();
        let succeeded = answered.event["reason"] == "login.succeeded";
        let subject = &mut self.subjects[who];
        if subject.is_blocked(now) {
            assert_eq!(answered.event["reason"], "block.person", "{}", answered.event);
        } else if !succeeded {
            // A login that began in the second in which all sessions were ended is ended with them.
            assert_eq!((&answered.event["reason"], subject.changed_at), (&json!("login.overtaken_by_logout"), now));
        }
        if succeeded {
            subject.began_at = Some(now);
            self.browsers[who] = browser;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    //
    #[test]
    fn whoever_is_blocked_stays_out_until_that_is_lifted(ops in vec(op(), 1..60)) {
        let world = World::new();
        let gateways = [support::gateway(&variables()), support::gateway(&variables())];
        let mut run = Run::new(&world, &gateways);
        for op in ops {
            run.step(op);
        }
    }
}
