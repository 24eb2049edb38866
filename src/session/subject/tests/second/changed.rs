//! Who loses a factor gets on, and nobody changes one unseen.

use super::*;
use crate::session::second::changes::{ChangeKind, FactorChange};

impl World {
    fn told(&self, now: i64) -> FactorList {
        match self.second(SecondCommand::Read { session: None }, now) {
            SecondReply::Factors(list) => list,
            other => panic!("{other:?}"),
        }
    }
}

fn kinds(changes: &[FactorChange]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.what).collect()
}

#[test]
fn after_a_recovery_code_the_oldest_app_makes_room_for_a_new_one() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (first, enrolled) = person.enrols_app(1, START);
    let codes = codes(&enrolled);
    person.enrols_app(2, START);
    person.enrols_app(3, START);
    let new = || NewFactor::Totp {
        secret: TotpSecret::of_bytes(&[9; 20]).unwrap(),
        code: typed(&code_at(&TotpSecret::of_bytes(&[9; 20]).unwrap(), START + 60)),
    };
    let now = START + 60;
    assert_eq!(person.enrol(new(), now), refused(SecondRefusal::TooMany), "without one nothing goes");
    person.proves(recovery(&codes[0]), now);
    // A wrong code of the new app takes nothing away.
    let wrong = NewFactor::Totp { secret: TotpSecret::of_bytes(&[9; 20]).unwrap(), code: typed("000000") };
    assert_eq!(person.enrol(wrong, now), SecondReply::Wrong { locked_until: None });
    assert_eq!(world.factors(now).factors.len(), 3);
    let added = person.enrols(new(), now);
    assert_eq!(added.replaced.map(|gone| gone.id), Some(enrolled.factor.id.clone()));
    let list = world.told(now);
    assert_eq!(list.factors.len(), 3);
    assert!(list.factors.iter().all(|factor| factor.id != enrolled.factor.id));
    let last_two = kinds(&list.changes).split_off(list.changes.len() - 2);
    assert_eq!(last_two, [ChangeKind::Removed, ChangeKind::Added], "the person is told");
    // The first is nobody's any more, and the recovery code made room once.
    let old = totp(&code_at(&first, now + 60));
    assert!(matches!(person.prove(old, now + 60), SecondReply::Wrong { .. }));
    let more = NewFactor::Totp {
        secret: TotpSecret::of_bytes(&[8; 20]).unwrap(),
        code: typed(&code_at(&TotpSecret::of_bytes(&[8; 20]).unwrap(), now)),
    };
    assert_eq!(person.enrol(more, now), refused(SecondRefusal::TooMany));
}

#[test]
fn after_a_recovery_code_ten_factors_are_no_wall_either() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let (_, enrolled) = person.enrols_app(1, START);
    for key in 0..9 {
        person.enrols_passkey(&format!("key-{key}"), START);
    }
    person.proves(recovery(&codes(&enrolled)[0]), START);
    let gone = person.enrols(NewFactor::Passkey(passkey("new")), START).replaced.unwrap();
    assert_eq!(gone.passkey.map(|passkey| passkey.id).as_deref(), Some("key-0"), "the oldest of its kind");
    let list = world.factors(START);
    assert_eq!((list.factors.len(), list.has(FactorKind::Totp)), (10, true));
}

#[test]
fn with_few_factors_a_recovery_code_takes_none_away() {
    let world = World::new();
    let mut person = world.person(START);
    let (_, enrolled) = person.enrols_app(1, START);
    person.proves(recovery(&codes(&enrolled)[0]), START);
    let added = person.enrols(NewFactor::Passkey(passkey("new")), START);
    assert_eq!((added.replaced, world.factors(START).factors.len()), (None, 2));
}

#[test]
fn many_changes_hide_no_earlier_one_and_are_counted() {
    //
    let world = World::new();
    let mut victim = world.person(START);
    let (secret, enrolled) = victim.enrols_app(1, START);
    let mut thief = world.person(START);
    let now = START + 60;
    thief.proves(totp(&code_at(&secret, now)), now);
    thief.enrols_passkey("mine", now);
    assert!(matches!(thief.remove(&enrolled.factor.id, now), SecondReply::Removed(_)));
    for at in 0..30 {
        let id = thief.enrols_passkey(&format!("key-{at}"), now);
        thief.proves(assertion("mine", 8 + at), now);
        assert!(matches!(thief.remove(&id, now), SecondReply::Removed(_)));
    }
    let list = world.told(now);
    let is_it = |change: &&FactorChange| change.what == ChangeKind::Removed && change.kind == Some(FactorKind::Totp);
    assert_eq!(list.changes.iter().filter(is_it).count(), 1, "{:?}", list.changes);
    assert_eq!(usize::try_from(list.changes_left_out).unwrap() + list.changes.len(), 63);
    // A month later nothing is told any more, though nothing was changed since.
    let list = world.told(now + 30 * 24 * 3600);
    assert_eq!((list.changes, list.changes_left_out), (Vec::new(), 0));
}

#[test]
fn a_session_that_moved_since_it_was_listed_is_ended_all_the_same() {
    //
    let world = World::new();
    let mut person = world.person(START);
    let other = world.person(START);
    let listed = person.digest.public_id();
    let (secret, _) = person.enrols_app(1, START);
    for step in 1..=6 {
        person.proves(totp(&code_at(&secret, START + 60 * step)), START + 60 * step);
    }
    let now = START + 600;
    let end = |id: &str| world.run(&Command::EndListed { id: id.to_owned() }, now);
    assert!(matches!(end("AAAAAAAAAAAAAAAA"), Reply::EndedMany { count: 0 }));
    assert!(matches!(end(&listed), Reply::EndedMany { count: 1 }));
    assert!(world.check(&person.digest, now, true).is_none());
    assert!(world.check(&other.digest, now, true).is_some());
    assert!(matches!(end(&listed), Reply::EndedMany { count: 0 }));
}

#[test]
fn a_user_handle_goes_with_the_challenge_that_it_was_offered_with() {
    //
    let world = World::new();
    let person = world.person(START);
    let challenge = |challenge: &str, user_handle: &str| CeremonyChallenge {
        session: person.digest.clone(),
        purpose: ChallengePurpose::Enrol,
        challenge: challenge.repeat(22),
        user_handle: user_handle.to_owned(),
    };
    for (text, handle) in [("a", "first"), ("b", "second"), ("c", "")] {
        assert_eq!(world.second(SecondCommand::KeepChallenge(challenge(text, handle)), START), SecondReply::Kept);
    }
    for (text, handle) in [("b", "second"), ("c", ""), ("a", "first")] {
        let taken = world.second(SecondCommand::TakeChallenge(challenge(text, "another")), START);
        assert_eq!(taken, SecondReply::Taken { passkeys: Vec::new(), user_handle: handle.to_owned() });
    }
}
