//! Second factors: adding them, taking them away, and who may.

mod changed;
mod proving;
mod stored;

use super::*;
use crate::session::grant::Grant;
use crate::session::second::{
    CeremonyChallenge, ChallengePurpose, Enrol, Enrolled, FactorKind, FactorList, NewFactor, Passkey, Presented, Prove,
    Proven, SecondCommand, SecondMethod, SecondProof, SecondRefusal, SecondReply, TotpSecret,
};
use crate::session::subject::Rotation;

const WITHIN: Seconds = Seconds::minutes(10);
const TEN_MINUTES: i64 = 600;

/// A session with its id as it changes, and what its person has.
struct Person<'a> {
    world: &'a World,
    digest: SessionDigest,
}

fn passkey(id: &str) -> Passkey {
    Passkey { id: id.into(), jwk: "{}".into(), sign_count: 7, backup_eligible: true, ..Passkey::default() }
}

/// The code of an app at this time.
fn code_at(secret: &TotpSecret, now: i64) -> String {
    secret.code(u64::try_from(now).unwrap() / 30)
}

fn typed(code: &str) -> Secret<String> {
    Secret::new(code.to_owned())
}

impl World {
    fn second(&self, command: SecondCommand, now: i64) -> SecondReply {
        match self.run(&Command::Second(Box::new(command)), now) {
            Reply::Second(reply) => *reply,
            other => panic!("{other:?}"),
        }
    }

    fn person(&self, now: i64) -> Person<'_> {
        self.person_with(session(now), now)
    }

    fn person_with(&self, session: Session, now: i64) -> Person<'_> {
        let digest = SessionId::generate(&self.random).digest();
        let tokens = Tokens {
            access_token: Secret::new("the-access-token".into()),
            refresh_token: Some(Secret::new("the-refresh-token".into())),
            id_token: Secret::new("the-id-token".into()),
            nonce: None,
        };
        let (login_started_at, clocks) = (Timestamp::from_unix(now), timeouts());
        let begin = Begin {
            digest: digest.clone(),
            session,
            tokens,
            replaces: None,
            login_started_at,
            max_sessions: 60,
            clocks,
        };
        assert!(matches!(self.run(&Command::Begin(Box::new(begin)), now), Reply::Begun));
        Person { world: self, digest }
    }

    /// What there is, without what was changed.
    fn factors(&self, now: i64) -> FactorList {
        match self.second(SecondCommand::Read { session: None }, now) {
            SecondReply::Factors(list) => FactorList { changes: Vec::new(), ..list },
            other => panic!("{other:?}"),
        }
    }
}

impl Person<'_> {
    fn rotation(&self) -> Rotation {
        let to = SessionId::generate(&self.world.random).digest();
        Rotation { from: self.digest.clone(), to, clocks: timeouts() }
    }

    /// What comes of it; where the session moved, it is known by its new id from then on.
    fn moving(&mut self, now: i64, command: impl FnOnce(Rotation) -> SecondCommand) -> SecondReply {
        let rotation = self.rotation();
        let reply = self.world.second(command(rotation.clone()), now);
        if matches!(reply, SecondReply::Enrolled(_) | SecondReply::Proven(_)) {
            self.digest = rotation.to;
        }
        reply
    }

    fn enrol(&mut self, factor: NewFactor, now: i64) -> SecondReply {
        self.moving(now, |rotation| {
            SecondCommand::Enrol(Box::new(Enrol { rotation, factor, name: " My phone\n".into(), enrol_within: WITHIN }))
        })
    }

    fn enrols(&mut self, factor: NewFactor, now: i64) -> Enrolled {
        match self.enrol(factor, now) {
            SecondReply::Enrolled(enrolled) => *enrolled,
            other => panic!("{other:?}"),
        }
    }

    fn enrols_app(&mut self, seed: u8, now: i64) -> (TotpSecret, Enrolled) {
        let secret = TotpSecret::of_bytes(&[seed; 20]).unwrap();
        let code = typed(&code_at(&secret, now));
        let enrolled = self.enrols(NewFactor::Totp { secret: secret.clone(), code }, now);
        (secret, enrolled)
    }

    fn enrols_passkey(&mut self, id: &str, now: i64) -> String {
        self.enrols(NewFactor::Passkey(passkey(id)), now).factor.id
    }

    fn prove(&mut self, presented: Presented, now: i64) -> SecondReply {
        self.moving(now, |rotation| SecondCommand::Prove(Box::new(Prove { rotation, presented })))
    }

    fn proves(&mut self, presented: Presented, now: i64) -> Proven {
        match self.prove(presented, now) {
            SecondReply::Proven(proven) => *proven,
            other => panic!("{other:?}"),
        }
    }

    fn remove(&self, id: &str, now: i64) -> SecondReply {
        let (session, id) = (self.digest.clone(), id.to_owned());
        self.world.second(SecondCommand::Remove { session, id, within: WITHIN }, now)
    }

    fn new_codes(&self, now: i64) -> SecondReply {
        self.world.second(SecondCommand::NewRecoveryCodes { session: self.digest.clone(), within: WITHIN }, now)
    }

    fn session(&self, now: i64) -> Session {
        self.world.check(&self.digest, now, false).unwrap().session
    }
}

fn totp(code: &str) -> Presented {
    Presented::Totp { code: typed(code) }
}

fn recovery(code: &str) -> Presented {
    Presented::Recovery { code: typed(code) }
}

fn assertion(id: &str, sign_count: u32) -> Presented {
    Presented::Passkey { credential: id.into(), sign_count, backup_eligible: true, backed_up: false }
}

fn codes(enrolled: &Enrolled) -> Vec<String> {
    enrolled.recovery.as_ref().unwrap().expose().map(str::to_owned).collect()
}

fn refused(refusal: SecondRefusal) -> SecondReply {
    SecondReply::Refused(refusal)
}

#[test]
fn the_first_factor_is_added_soon_after_a_sign_in_alone() {
    //
    let world = World::new();
    let mut late = world.person(START);
    let after = START + TEN_MINUTES + 1;
    assert_eq!(late.enrol(NewFactor::Passkey(passkey("a")), after), refused(SecondRefusal::SignInNeeded));
    // The provider knew them from before: they proved nothing to it.
    let long_ago = Session { auth_time: Some(Timestamp::from_unix(START - 1)), ..session(START) };
    let mut known = world.person_with(long_ago, START);
    let at_its_end = START + TEN_MINUTES;
    assert_eq!(known.enrol(NewFactor::Passkey(passkey("a")), at_its_end), refused(SecondRefusal::SignInNeeded));
    // Nor does it help what a provider says of the future.
    let ahead = Session { auth_time: Some(Timestamp::from_unix(after)), ..session(START) };
    let mut ahead = world.person_with(ahead, START);
    assert_eq!(ahead.enrol(NewFactor::Passkey(passkey("a")), after), refused(SecondRefusal::SignInNeeded));
    assert_eq!(world.factors(after), FactorList::default());
    assert!(late.session(after).second.is_none());

    let enrolled = late.enrols(NewFactor::Passkey(passkey("a")), at_its_end);
    assert_eq!((enrolled.factor.name.as_str(), enrolled.factor.kind), ("My phone", FactorKind::Passkey));
    assert_eq!(codes(&enrolled).len(), 10);
    let proof = late.session(at_its_end).second.unwrap();
    assert_eq!((proof.by, proof.factor), (SecondMethod::Passkey { synced: true }, Some(enrolled.factor.id)));
}

#[test]
fn each_later_factor_needs_a_proof_by_one_that_is_there() {
    //
    let world = World::new();
    let mut owner = world.person(START);
    owner.enrols_passkey("a", START);
    // A thief signs in at the provider, however freshly: the factor is what keeps them out.
    let mut thief = world.person(START + 5);
    assert_eq!(thief.enrol(NewFactor::Passkey(passkey("t")), START + 6), refused(SecondRefusal::ProofNeeded));
    assert_eq!(thief.remove(&world.factors(START).factors[0].id, START + 6), refused(SecondRefusal::ProofNeeded));
    assert_eq!(thief.new_codes(START + 6), refused(SecondRefusal::ProofNeeded));
    // The owner's proof ages.
    let late = START + TEN_MINUTES + 1;
    assert_eq!(owner.enrol(NewFactor::Passkey(passkey("b")), late), refused(SecondRefusal::ProofNeeded));
    owner.proves(assertion("a", 8), late);
    let (_, second) = owner.enrols_app(3, late + TEN_MINUTES);
    assert_eq!(second.recovery, None);
    let kinds: Vec<_> = world.factors(late).factors.iter().map(|factor| factor.kind).collect();
    assert_eq!(kinds, [FactorKind::Passkey, FactorKind::Totp]);
}

#[test]
fn an_app_is_added_with_a_code_that_shows_that_it_has_the_secret() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let secret = TotpSecret::of_bytes(&[3; 20]).unwrap();
    for wrong in ["000000", "", "٠٠٥٩٢٤", &code_at(&secret, START - 300)] {
        let answer = person.enrol(NewFactor::Totp { secret: secret.clone(), code: typed(wrong) }, START);
        assert_eq!(answer, SecondReply::Wrong { locked_until: None }, "{wrong}");
    }
    assert_eq!(world.factors(START), FactorList::default());
    let (secret, _) = person.enrols_app(3, START);
    // The code that added it is used.
    assert!(matches!(person.prove(totp(&code_at(&secret, START)), START), SecondReply::Wrong { .. }));
    assert!(matches!(person.prove(totp(&code_at(&secret, START + 30)), START), SecondReply::Proven(_)));
}

#[test]
fn a_session_goes_on_under_another_id_and_its_old_one_is_nobodys() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let before = person.digest.clone();
    person.enrols_passkey("a", START + 1);
    assert!(world.check(&before, START + 2, true).is_none());
    let live = world.check(&person.digest, START + 2, true).unwrap();
    assert_eq!(live.session.created_at, Timestamp::from_unix(START));
    assert_eq!(live.access_token.unwrap().expose(), "the-access-token");
    // What was sent under the old id changes nothing.
    let mut old = Person { world: &world, digest: before };
    assert_eq!(old.prove(assertion("a", 8), START + 2), SecondReply::Gone);
    assert_eq!(old.enrol(NewFactor::Passkey(passkey("b")), START + 2), SecondReply::Gone);
    assert_eq!(world.factors(START).factors[0].passkey.as_ref().unwrap().sign_count, 7);
}

#[test]
fn who_signs_out_under_the_old_id_is_signed_out() {
    let world = World::new();
    let mut person = world.person(START);
    let before = person.digest.clone();
    person.enrols_passkey("a", START);
    person.proves(assertion("a", 8), START + 1);
    // The answer with the new id is still under way.
    assert!(matches!(world.run(&Command::End { digest: before.clone() }, START + 2), Reply::Ended(_)));
    assert!(world.check(&person.digest, START + 2, true).is_none());
    // Later on, the old id is nobody's in this too.
    let mut person = world.person(START);
    let before = person.digest.clone();
    person.proves(assertion("a", 9), START + 3);
    assert!(matches!(world.run(&Command::End { digest: before }, START + 63), Reply::Gone));
    assert!(world.check(&person.digest, START + 63, true).is_some());
}

#[test]
fn a_factor_is_taken_away_by_another_and_the_last_one_with_a_sign_in() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let first = person.enrols_passkey("a", START);
    let second = person.enrols_passkey("b", START);
    // Proven by the second, which may not take itself away.
    assert_eq!(person.remove(&second, START + 1), refused(SecondRefusal::OtherProofNeeded));
    assert_eq!(person.remove("0123456789abcdef", START + 1), refused(SecondRefusal::NotThere));
    assert_eq!(person.remove(&first, START + TEN_MINUTES + 1), refused(SecondRefusal::ProofNeeded));
    assert!(matches!(person.remove(&first, START + 1), SecondReply::Removed(gone) if gone.id == first));
    assert_eq!(person.prove(assertion("a", 9), START + 1), refused(SecondRefusal::NotThere));
    // The last: its proof is there, but the sign-in was long ago.
    let later = START + TEN_MINUTES + 1;
    person.proves(assertion("b", 8), later);
    assert_eq!(person.remove(&second, later), refused(SecondRefusal::SignInNeeded));
    let mut fresh = world.person(later);
    assert_eq!(fresh.remove(&second, later), refused(SecondRefusal::ProofNeeded));
    fresh.proves(assertion("b", 9), later);
    assert!(matches!(fresh.remove(&second, later), SecondReply::Removed(_)));
    assert_eq!(world.factors(later), FactorList::default());
}

#[test]
fn what_a_factor_proved_is_over_when_it_is_taken_away() {
    //
    let world = World::new();
    let mut thief = world.person(START);
    let lost = thief.enrols_passkey("lost", START);
    let mut owner = world.person(START);
    owner.proves(assertion("lost", 8), START);
    owner.enrols_passkey("new", START);
    assert!(thief.session(START + 1).second.is_some());
    assert!(matches!(owner.remove(&lost, START + 1), SecondReply::Removed(_)));
    assert_eq!(thief.session(START + 1).second, None);
    assert!(owner.session(START + 1).second.is_some());
}

#[test]
fn so_many_factors_and_no_more() {
    let world = World::new();
    let mut person = world.person(START);
    for app in 0..3 {
        person.enrols_app(app + 1, START);
    }
    let secret = TotpSecret::of_bytes(&[9; 20]).unwrap();
    let code = typed(&code_at(&secret, START));
    assert_eq!(person.enrol(NewFactor::Totp { secret, code }, START), refused(SecondRefusal::TooMany));
    for key in 0..7 {
        person.enrols_passkey(&format!("key-{key}"), START);
    }
    assert_eq!(person.enrol(NewFactor::Passkey(passkey("more")), START), refused(SecondRefusal::TooMany));
    assert_eq!(world.factors(START).factors.len(), 10);
}

#[test]
fn a_passkey_that_cannot_be_is_not_added() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let long = "a".repeat(5000);
    let flood = vec!["usb".to_owned(); 9];
    for (odd, refusal) in [
        (Passkey { id: String::new(), ..passkey("") }, SecondRefusal::Malformed),
        (Passkey { jwk: String::new(), ..passkey("a") }, SecondRefusal::Malformed),
        (passkey(&long), SecondRefusal::Malformed),
        (Passkey { transports: flood, ..passkey("a") }, SecondRefusal::Malformed),
        (Passkey { backup_eligible: false, backed_up: true, ..passkey("a") }, SecondRefusal::BackupChanged),
    ] {
        assert_eq!(person.enrol(NewFactor::Passkey(odd), START), refused(refusal));
    }
    person.enrols_passkey("a", START);
    assert_eq!(person.enrol(NewFactor::Passkey(passkey("a")), START), refused(SecondRefusal::AlreadyThere));
}

#[test]
fn a_name_is_what_can_be_seen_of_it() {
    let world = World::new();
    let mut person = world.person(START);
    let id = person.enrols_passkey("a", START);
    let long = "\u{e9}".repeat(500);
    for (name, kept) in [("Work \u{202e}key\u{0}", "Work key"), ("  ", ""), (long.as_str(), long.get(..128).unwrap())] {
        let (session, id, name) = (person.digest.clone(), id.clone(), name.to_owned());
        assert_eq!(world.second(SecondCommand::Rename { session, id, name }, START), SecondReply::Renamed);
        assert_eq!(world.factors(START).factors[0].name, kept);
    }
    let (session, name) = (person.digest.clone(), String::new());
    let answer = world.second(SecondCommand::Rename { session, id: "none".into(), name }, START);
    assert_eq!(answer, refused(SecondRefusal::NotThere));
}

#[test]
fn a_grant_to_an_agent_has_no_factors() {
    let world = World::new();
    let mut person = world.person(START);
    let id = person.enrols_passkey("a", START);
    let grant: Grant = serde_json::from_value(serde_json::json!({
        "client": "https://agent.example/client.json", "client_name": "Agent", "resource": "https://app.example/mcp",
        "scopes": [], "expires_at": START + 86_400, "actors": [],
    }))
    .unwrap();
    let record = Session { grant: Some(Box::new(grant)), ..session(START) };
    let row = world.table.find(&person.digest).unwrap().unwrap();
    world.table.put(&Row { record: serde_json::to_string(&record).unwrap(), ..row }).unwrap();
    let session = person.digest.clone();
    assert_eq!(person.enrol(NewFactor::Passkey(passkey("b")), START), SecondReply::Gone);
    assert_eq!(person.prove(assertion("a", 8), START), SecondReply::Gone);
    assert_eq!(person.remove(&id, START), SecondReply::Gone);
    assert_eq!(person.new_codes(START), SecondReply::Gone);
    assert_eq!(world.second(SecondCommand::Read { session: Some(session.clone()) }, START), SecondReply::Gone);
    assert_eq!(world.second(SecondCommand::Rename { session, id, name: "x".into() }, START), SecondReply::Gone);
}
