//! Grants to agents.

mod asking;
mod resting;

use super::*;
use crate::ids::actor::Actor;
use crate::session::grant::{Grant, GrantRefusal, MAX_EXCHANGED, PendingCode};
use crate::session::message::{BeginGrant, CheckGrant, Exchange, Granted, RedeemCode, RefreshGrant};

pub(super) const CLIENT: &str = "https://claude.ai/client.json";
const RESOURCE: &str = "https://app.example/mcp";
const CALLBACK: &str = "http://127.0.0.1:1/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(super) fn actor(client: &str) -> Actor {
    Actor { issuer: Some("https://app.example".into()), subject: client.into() }
}

pub(super) fn grant(now: i64) -> Grant {
    let at = |after: i64| Timestamp::from_unix(now + after);
    Grant {
        client: CLIENT.into(),
        client_name: "Claude".into(),
        redirect_uri: CALLBACK.into(),
        resource: RESOURCE.into(),
        scopes: vec!["read".into(), "write".into()],
        expires_at: at(30 * 86_400),
        code: Some(PendingCode { challenge: CHALLENGE.into(), redirect_uri: CALLBACK.into(), expires_at: at(600) }),
        generation: 0,
        rotated_at: at(0),
        jkt: None,
        with_session: None,
        parent: None,
        actors: vec![actor(CLIENT)],
        task: None,
        uses_left: None,
        indexed: false,
        seen_at: None,
    }
}

pub(super) fn redeem(digest: &SessionDigest) -> RedeemCode {
    RedeemCode {
        digest: digest.clone(),
        client: CLIENT.into(),
        redirect_uri: CALLBACK.into(),
        challenge: CHALLENGE.into(),
        resource: Some(RESOURCE.into()),
        jkt: None,
        clocks: timeouts(),
    }
}

pub(super) fn refresh(digest: &SessionDigest, generation: u64) -> RefreshGrant {
    RefreshGrant {
        digest: digest.clone(),
        client: CLIENT.into(),
        generation,
        resource: None,
        scopes: None,
        jkt: None,
        seen_within: None,
        clocks: timeouts(),
    }
}

impl World {
    pub(super) fn consent(&self, by: Option<&SessionDigest>, grant: Grant, now: i64) -> (SessionDigest, Reply) {
        let digest = SessionId::generate(&self.random).digest();
        let answer = self.consent_with(&digest, by, grant, now);
        (digest, answer)
    }

    fn consent_with(&self, digest: &SessionDigest, by: Option<&SessionDigest>, grant: Grant, now: i64) -> Reply {
        let session = Session { grant: Some(Box::new(grant)), ..session(now) };
        let begin = BeginGrant {
            digest: digest.clone(),
            session,
            begun_by: by.cloned(),
            asked_at: Timestamp::from_unix(now),
            max_grants: 3,
            clocks: timeouts(),
        };
        self.run(&Command::BeginGrant(Box::new(begin)), now)
    }

    /// A grant that is in use.
    pub(super) fn granted(&self, by: &SessionDigest, now: i64) -> SessionDigest {
        self.granted_with(by, grant(now), now)
    }

    fn granted_with(&self, by: &SessionDigest, grant: Grant, now: i64) -> SessionDigest {
        let (digest, answer) = self.consent(Some(by), grant, now);
        assert!(matches!(answer, Reply::Begun), "{answer:?}");
        assert_eq!(self.redeem(&redeem(&digest), now).unwrap().session.grant.unwrap().generation, 1);
        digest
    }

    pub(super) fn redeem(&self, redeem: &RedeemCode, now: i64) -> Result<Granted, Option<GrantRefusal>> {
        handed_out(self.run(&Command::RedeemCode(Box::new(redeem.clone())), now))
    }

    pub(super) fn refresh(&self, refresh: &RefreshGrant, now: i64) -> Result<Granted, Option<GrantRefusal>> {
        handed_out(self.run(&Command::RefreshGrant(Box::new(refresh.clone())), now))
    }

    pub(super) fn exchange(
        &self,
        parent: &SessionDigest,
        grant: Grant,
        now: i64,
    ) -> Result<SessionDigest, Option<GrantRefusal>> {
        let digest = SessionId::generate(&self.random).digest();
        let exchange =
            Exchange { parent: parent.clone(), digest: digest.clone(), grant, asked_at: None, clocks: timeouts() };
        handed_out(self.run(&Command::Exchange(Box::new(exchange)), now)).map(|_| digest)
    }

    pub(super) fn use_grant(&self, digest: &SessionDigest, now: i64) -> Option<Session> {
        self.use_and_spend(digest, false, now)
    }

    fn use_and_spend(&self, digest: &SessionDigest, spend: bool, now: i64) -> Option<Session> {
        let check = CheckGrant { digest: digest.clone(), spend, clocks: timeouts() };
        match self.run(&Command::CheckGrant(check), now) {
            Reply::LiveGrant(session) => Some(*session),
            Reply::Gone => None,
            other => panic!("{other:?}"),
        }
    }
}

/// What came, or why nothing did; `None`: there is no such grant.
fn handed_out(reply: Reply) -> Result<Granted, Option<GrantRefusal>> {
    match reply {
        Reply::Granted(granted) => Ok(*granted),
        Reply::Refused(refusal) => Err(Some(refusal)),
        Reply::Gone => Err(None),
        other => panic!("{other:?}"),
    }
}

pub(super) fn narrower(now: i64, client: &str) -> Grant {
    let actors = vec![actor(client), actor(CLIENT)];
    Grant { client: client.into(), scopes: vec!["read".into()], code: None, actors, ..grant(now) }
}

#[test]
fn a_grant_is_of_a_live_session_and_no_session_itself() {
    let world = World::new();
    let alice = world.begin(START, None);
    let (nobody, answer) = world.consent(Some(&SessionId::generate(&world.random).digest()), grant(START), START);
    assert!(matches!(answer, Reply::Gone) && world.use_grant(&nobody, START).is_none());
    let claude = world.granted(&alice, START);
    assert!(world.check(&claude, START, true).is_none(), "a grant is no session");
    assert!(world.use_grant(&alice, START).is_none(), "a session is no grant");
    let (_, answer) = world.consent(Some(&claude), grant(START), START);
    assert!(matches!(answer, Reply::Gone), "an agent consents to nothing (R-313)");
    let session = world.use_grant(&claude, START + 1).unwrap();
    //
    assert_eq!((session.auth_time, session.acr, session.sid, session.amr), (None, None, None, vec![]));
    assert_eq!(session.scopes, ["openid"], "those of the person, to which the agent's are held (R-310)");
    assert!(world.check(&alice, START + 1, true).is_some());
}

#[test]
fn a_code_is_redeemed_once_within_a_minute_by_whom_it_is_for() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let (digest, _) = world.consent(Some(&alice), grant(START), START);
    assert!(world.use_grant(&digest, START).is_none(), "before the code is redeemed");
    let good = redeem(&digest);
    for (wrong, refusal) in [
        (RedeemCode { client: "https://evil.example/".into(), ..good.clone() }, GrantRefusal::OtherClient),
        (RedeemCode { redirect_uri: "http://127.0.0.1:2/cb".into(), ..good.clone() }, GrantRefusal::OtherRedirectUri),
        (RedeemCode { challenge: CHALLENGE.to_lowercase(), ..good.clone() }, GrantRefusal::OtherVerifier),
        (RedeemCode { resource: Some("https://app.example/".into()), ..good.clone() }, GrantRefusal::OtherResource),
    ] {
        assert_eq!(world.redeem(&wrong, START).unwrap_err(), Some(refusal));
    }
    assert!(world.redeem(&good, START + 59).is_ok());
    assert!(world.use_grant(&digest, START + 59).is_some());
    assert_eq!(world.redeem(&good, START + 61).unwrap_err(), Some(GrantRefusal::CodeReused));
    assert!(world.use_grant(&digest, START + 61).is_none(), "a second use ends the grant");
    assert_eq!(world.reports.borrow().len(), 1);
    let (late, _) = world.consent(Some(&alice), grant(START), START);
    assert_eq!(world.redeem(&redeem(&late), START + 60).unwrap_err(), None);
}

#[test]
fn who_consents_with_one_form_twice_gets_one_grant() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let digest = SessionId::generate(&world.random).digest();
    let consent = |at| world.consent_with(&digest, Some(&alice), grant(START), at);
    assert!(matches!(consent(START), Reply::Begun));
    assert!(matches!(consent(START), Reply::Refused(GrantRefusal::Repeated)));
    // Also once the code is over, or the grant was ended.
    world.with(|subject| subject.sweep(Timestamp::from_unix(START + 100)).unwrap());
    assert!(matches!(consent(START + 100), Reply::Refused(GrantRefusal::Repeated)));
}

#[test]
fn a_refresh_token_is_used_once_and_a_lost_answer_is_given_again() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let generation = |granted: Granted| (granted.session.grant.unwrap().generation, granted.repeated);
    assert_eq!(generation(world.refresh(&refresh(&claude, 1), START + 100).unwrap()), (2, false));
    assert_eq!(generation(world.refresh(&refresh(&claude, 1), START + 109).unwrap()), (2, true));
    assert_eq!(generation(world.refresh(&refresh(&claude, 2), START + 109).unwrap()), (3, false));
    for (wrong, refusal) in [
        (RefreshGrant { client: "https://evil.example/".into(), ..refresh(&claude, 3) }, GrantRefusal::OtherClient),
        (
            RefreshGrant { resource: Some("https://app.example/".into()), ..refresh(&claude, 3) },
            GrantRefusal::OtherResource,
        ),
        (RefreshGrant { scopes: Some(vec!["admin".into()]), ..refresh(&claude, 3) }, GrantRefusal::TooMuch),
    ] {
        assert_eq!(world.refresh(&wrong, START + 110).unwrap_err(), Some(refusal));
    }
    assert_eq!(world.refresh(&refresh(&claude, 4), START + 110).unwrap_err(), None, "never issued");
    assert_eq!(world.refresh(&refresh(&claude, 0), START + 110).unwrap_err(), None, "none was issued");
    let narrower = RefreshGrant { scopes: Some(vec!["read".into()]), ..refresh(&claude, 3) };
    let granted = world.refresh(&narrower, START + 110).unwrap().session.grant.unwrap();
    assert_eq!(granted.scopes, ["read", "write"], "the refresh token's scopes stay as they are (RFC 6749 §6)");
    assert_eq!(world.refresh(&refresh(&claude, 3), START + 120).unwrap_err(), Some(GrantRefusal::RefreshReused));
    assert!(world.use_grant(&claude, START + 120).is_none());
    assert_eq!(world.reports.borrow().len(), 1);
}

#[test]
fn what_is_bound_to_a_key_stays_bound_to_it() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let (digest, _) = world.consent(Some(&alice), grant(START), START);
    world.redeem(&RedeemCode { jkt: Some("key-1".into()), ..redeem(&digest) }, START).unwrap();
    for jkt in [None, Some("key-2".to_owned())] {
        let other = RefreshGrant { jkt, ..refresh(&digest, 1) };
        assert_eq!(world.refresh(&other, START).unwrap_err(), Some(GrantRefusal::OtherKey));
    }
    let granted = world.refresh(&RefreshGrant { jkt: Some("key-1".into()), ..refresh(&digest, 1) }, START).unwrap();
    assert_eq!(granted.session.grant.unwrap().jkt.as_deref(), Some("key-1"));
}

#[test]
fn whatever_ends_the_person_s_sessions_ends_what_they_granted() {
    //
    type End = fn(&World, &SessionDigest);
    let ends: [(&str, End); 5] = [
        ("EndAll", |world, _| drop(world.run(&Command::EndAll { before: None }, START + 5))),
        ("EndAll since", |world, _| {
            drop(world.run(&Command::EndAll { before: Some(Timestamp::from_unix(START)) }, START + 5));
        }),
        ("Block", |world, _| drop(world.run(&Command::Block { until: None }, START + 5))),
        ("EndOthers", |world, alice| drop(world.run(&Command::EndOthers { keep: alice.clone() }, START + 5))),
        ("provider gone", |world, _| world.terms.set(SessionTerms { lapse: Some(Lapse::ProviderGone), longest: None })),
    ];
    for (name, end) in ends {
        let world = World::new();
        let alice = world.begin(START, None);
        let claude = world.granted(&alice, START);
        let child = world.exchange(&claude, narrower(START, "https://sub.example/"), START).unwrap();
        assert!(world.use_grant(&claude, START + 4).is_some() && world.use_grant(&child, START + 4).is_some());
        end(&world, &alice);
        assert!(world.use_grant(&claude, START + 6).is_none(), "{name}");
        assert!(world.use_grant(&child, START + 6).is_none(), "{name}");
        assert_eq!(world.refresh(&refresh(&claude, 1), START + 6).unwrap_err(), None, "{name}");
    }
}

#[test]
fn a_grant_outlives_the_session_it_was_given_in_unless_it_is_tied_to_it() {
    let world = World::new();
    let alice = world.begin(START, None);
    let (free, tied) = (world.granted(&alice, START), |by: &SessionDigest| {
        let grant = Grant { with_session: Some(by.clone()), ..grant(START) };
        world.granted_with(by, grant, START)
    });
    let tied = tied(&alice);
    // A new sign-in in the same browser goes on with it.
    let again = world.begin(START + 10, Some(alice));
    assert!(world.use_grant(&tied, START + 11).is_some());
    world.run(&Command::End { digest: again }, START + 12);
    assert!(world.use_grant(&tied, START + 13).is_none() && world.use_grant(&free, START + 13).is_some());
    assert!(!world.with(|subject| subject.has(&tied).unwrap()), "who watches it is told at once (R-299)");
    // A session that nobody used any more takes it along, too.
    let idle = world.begin(START + 20, None);
    let tied = world.granted_with(&idle, Grant { with_session: Some(idle.clone()), ..grant(START + 20) }, START + 20);
    assert!(world.use_grant(&tied, START + 20 + 1799).is_some());
    assert!(world.use_grant(&tied, START + 20 + 1800).is_none());
    assert!(world.use_grant(&free, START + 29 * 86_400).is_some());
    assert!(world.use_grant(&free, START + 30 * 86_400).is_none());
}

#[test]
fn what_the_person_is_now_counts_for_what_they_granted() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    assert!(world.use_grant(&claude, START).unwrap().roles.is_empty());
    let digest = SessionId::generate(&world.random).digest();
    let begin = Begin {
        digest,
        session: Session {
            scopes: vec!["write".into()],
            roles: vec!["staff".into()],
            tenant: Some("acme".into()),
            ..session(START + 10)
        },
        tokens: Tokens {
            access_token: Secret::new(String::new()),
            refresh_token: None,
            id_token: Secret::new(String::new()),
            nonce: None,
            proof_key: None,
        },
        replaces: None,
        login_started_at: Timestamp::from_unix(START + 10),
        max_sessions: 1,
        clocks: timeouts(),
    };
    assert!(matches!(world.run(&Command::Begin(Box::new(begin)), START + 10), Reply::Begun));
    // It made room by ending the other session, and never the grant.
    assert!(world.check(&alice, START + 10, false).is_none());
    let session = world.use_grant(&claude, START + 11).unwrap();
    assert_eq!((session.roles, session.tenant.as_deref()), (vec!["staff".to_owned()], Some("acme")));
    assert_eq!(session.scopes, ["write"], "the person's own");
    assert_eq!(session.grant.unwrap().scopes, ["read", "write"], "and what they granted");
    let child = world.exchange(&claude, narrower(START, "https://sub.example/"), START + 11).unwrap();
    assert_eq!(world.use_grant(&child, START + 11).unwrap().scopes, ["write"]);
}

#[test]
fn one_grant_too_many_ends_the_one_that_was_used_the_longest_time_ago() {
    let world = World::new();
    let alice = world.begin(START, None);
    let [one, two, three] = [0, 1, 2].map(|after| world.granted(&alice, START + after));
    assert!(world.use_grant(&one, START + 100).is_some());
    let four = world.granted(&alice, START + 101);
    let alive = [&one, &two, &three, &four].map(|digest| world.use_grant(digest, START + 102).is_some());
    assert_eq!(alive, [true, false, true, true]);
}

#[test]
fn an_exchanged_token_can_do_less_and_ends_with_what_it_came_from() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let good = narrower(START, "https://sub.example/");
    let child = world.exchange(&claude, good.clone(), START).unwrap();
    assert_eq!(world.use_grant(&child, START).unwrap().grant.unwrap().actors.len(), 2);
    for wrong in [
        Grant { scopes: vec!["admin".into()], ..good.clone() },
        Grant { resource: "https://app.example/other".into(), ..good.clone() },
        Grant { actors: vec![actor("https://sub.example/")], ..good.clone() },
        Grant { actors: vec![], ..good.clone() },
        Grant { actors: vec![actor("https://sub.example/"), actor("https://forged.example/")], ..good.clone() },
    ] {
        assert_eq!(world.exchange(&claude, wrong, START).unwrap_err(), Some(GrantRefusal::TooMuch));
    }
    let longer = Grant { expires_at: Timestamp::from_unix(START + 400 * 86_400), ..good.clone() };
    let longer = world.exchange(&claude, longer, START).unwrap();
    let rest = world.use_grant(&longer, START).unwrap().grant.unwrap().expires_at;
    assert_eq!(rest, grant(START).expires_at);
    // Four may act one for another, and no more.
    let (mut parent, mut actors) = (child, good.actors.clone());
    for deeper in ["https://c.example/", "https://d.example/"] {
        actors.insert(0, actor(deeper));
        parent = world.exchange(&parent, Grant { actors: actors.clone(), ..good.clone() }, START).unwrap();
    }
    actors.insert(0, actor("https://e.example/"));
    let fifth = world.exchange(&parent, Grant { actors, ..good.clone() }, START);
    assert_eq!(fifth.unwrap_err(), Some(GrantRefusal::TooMuch));
    let ended = world.run(&Command::EndGrant { digest: claude, client: CLIENT.into() }, START);
    assert!(matches!(ended, Reply::EndedMany { count: 1 }), "{ended:?}");
    assert!(world.use_grant(&parent, START).is_none() && world.use_grant(&longer, START).is_none());
    assert_eq!(world.table.all().unwrap().len(), 1, "only the session is left");
}

#[test]
fn no_more_than_twenty_tokens_are_exchanged_for_one_grant_at_a_time() {
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let short = Grant { expires_at: Timestamp::from_unix(START + 60), ..narrower(START, "https://sub.example/") };
    for _ in 0..MAX_EXCHANGED {
        world.exchange(&claude, short.clone(), START).unwrap();
    }
    assert_eq!(world.exchange(&claude, short.clone(), START).unwrap_err(), Some(GrantRefusal::TooMany));
    // However far down in the family: what was exchanged for it, and what for that, are counted together.
    let other = world.granted(&alice, START);
    let child = world.exchange(&other, short.clone(), START).unwrap();
    let grandchild = Grant { actors: [&[actor("https://c.example/")], &*short.actors].concat(), ..short.clone() };
    for _ in 1..MAX_EXCHANGED {
        world.exchange(&child, grandchild.clone(), START).unwrap();
    }
    for (parent, one) in [(&other, &short), (&child, &grandchild)] {
        assert_eq!(world.exchange(parent, one.clone(), START).unwrap_err(), Some(GrantRefusal::TooMany));
    }
    assert!(world.exchange(&claude, narrower(START, "https://sub.example/"), START + 60).is_ok());
}

#[test]
fn uses_that_are_counted_are_spent_one_by_one_and_never_multiplied() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let task = Grant { uses_left: Some(2), task: Some("look".into()), ..narrower(START, "https://sub.example/") };
    let task = world.exchange(&claude, task, START).unwrap();
    assert!(world.use_and_spend(&task, false, START).is_some(), "looking costs nothing");
    let more = world.exchange(
        &task,
        Grant { actors: vec![actor("a"), actor("https://sub.example/"), actor(CLIENT)], ..narrower(START, "a") },
        START,
    );
    assert_eq!(more.unwrap_err(), Some(GrantRefusal::TooMuch));
    let spent: Vec<bool> = (0..4).map(|_| world.use_and_spend(&task, true, START).is_some()).collect();
    assert_eq!(spent, [true, true, false, false]);
}

#[test]
fn a_client_ends_its_own_grants_alone() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let end = |digest: &SessionDigest, client: &str| {
        world.run(&Command::EndGrant { digest: digest.clone(), client: client.into() }, START)
    };
    assert!(matches!(end(&claude, "https://evil.example/"), Reply::Gone));
    assert!(matches!(end(&alice, CLIENT), Reply::Gone), "a session is none");
    assert!(world.use_grant(&claude, START).is_some());
    assert!(matches!(end(&claude, CLIENT), Reply::EndedMany { count: 1 }));
    assert!(world.use_grant(&claude, START).is_none() && world.check(&alice, START, false).is_some());
}

#[test]
fn a_person_sees_what_they_granted_and_ends_it() {
    let world = World::new();
    let alice = world.begin(START, None);
    world.consent(Some(&alice), grant(START), START);
    let claude = world.granted(&alice, START + 1);
    world.exchange(&claude, narrower(START, "https://sub.example/"), START + 1).unwrap();
    let Reply::Sessions(listed) = world.run(&Command::List { clocks: timeouts() }, START + 2) else { panic!() };
    let ids: Vec<&str> = listed.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, [claude.public_id(), alice.public_id()]);
    let shown = listed[0].grant.as_ref().unwrap();
    assert_eq!((shown.client_name.as_str(), shown.scopes.len(), listed[1].grant.is_some()), ("Claude", 2, false));
    world.run(&Command::EndListed { id: claude.public_id() }, START + 3);
    assert!(world.use_grant(&claude, START + 3).is_none() && world.check(&alice, START + 3, false).is_some());
}

#[test]
fn a_logout_between_the_question_and_the_consent_wins() {
    //
    let world = World::new();
    world.run(&Command::EndAll { before: None }, START);
    let (digest, answer) = world.consent(None, grant(START), START);
    assert!(matches!(answer, Reply::Gone) && world.use_grant(&digest, START).is_none());
    let (_, answer) = world.consent(None, grant(START), START + 1);
    assert!(matches!(answer, Reply::Begun));
    world.run(&Command::Block { until: None }, START + 2);
    let (_, answer) = world.consent(None, grant(START), START + 3);
    assert!(matches!(answer, Reply::Blocked));
}

#[test]
fn a_grant_may_be_watched_while_it_lives() {
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let may = |at| world.with(|subject| subject.may_be_watched(&claude, timeouts(), Timestamp::from_unix(at)).unwrap());
    assert!(may(START + 1));
    world.run(&Command::EndAll { before: None }, START + 2);
    assert!(!may(START + 3));
}
