//! On what a grant rests, and on what it does not.

use super::*;

#[test]
fn of_the_person_s_own_sign_in_a_grant_has_nothing() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let mut row = world.table.find(&alice).unwrap().unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&row.record).unwrap();
    let device = serde_json::json!({ "jwk": "{}", "registered_at": START, "proved_at": START, "generation": 1 });
    for (name, value) in [
        ("auth_time", START.into()),
        ("acr", "gold".into()),
        ("amr", serde_json::json!(["otp"])),
        ("sid", "s-1".into()),
        ("second", serde_json::json!({ "at": START, "by": "totp" })),
        ("device", device),
    ] {
        record[name] = value;
    }
    row.record = record.to_string();
    world.table.put(&row).unwrap();
    assert!(world.check(&alice, START, false).unwrap().session.auth_time.is_some());
    let claude = world.granted(&alice, START);
    let child = world.exchange(&claude, narrower(START, "https://sub.example/"), START).unwrap();
    for digest in [&claude, &child] {
        let session = world.use_grant(digest, START).unwrap();
        assert_eq!((session.auth_time, session.acr, session.sid, session.amr), (None, None, None, vec![]));
        assert!(session.second.is_none() && session.device.is_none());
    }
}

#[test]
fn what_rests_on_a_grant_or_session_goes_with_it_at_once() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let tied = Grant { with_session: Some(alice.clone()), ..grant(START) };
    let (claude, tied) = (world.granted(&alice, START), world.granted_with(&alice, tied, START));
    let [of_claude, of_tied] =
        [&claude, &tied].map(|parent| world.exchange(parent, narrower(START, "https://sub.example/"), START).unwrap());
    let has = |digest: &SessionDigest| world.with(|subject| subject.has(digest).unwrap());
    world.run(&Command::EndListed { id: claude.public_id() }, START + 1);
    assert!(!has(&claude) && !has(&of_claude) && has(&tied) && has(&of_tied));
    world.run(&Command::End { digest: alice }, START + 2);
    assert!(!has(&tied) && !has(&of_tied));
}

#[test]
fn what_is_exchanged_counts_only_with_what_it_came_from() {
    // also where that went in another way than by an end.
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let child = world.exchange(&claude, narrower(START, "https://sub.example/"), START).unwrap();
    world.table.delete(&claude).unwrap();
    assert!(world.use_grant(&child, START + 1).is_none());
}

#[test]
fn a_grant_that_counts_no_more_is_over_for_good() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    world.terms.set(SessionTerms { lapse: Some(Lapse::TooOld), longest: None });
    assert!(world.use_grant(&claude, START + 1).is_none());
    world.terms.set(SessionTerms::default());
    assert!(world.use_grant(&claude, START + 2).is_none());
}

#[test]
fn a_tied_grant_follows_its_session_while_that_lives() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let tie =
        |by: &SessionDigest, at: i64| world.granted_with(by, Grant { with_session: Some(by.clone()), ..grant(at) }, at);
    let tied = tie(&alice, START);
    let move_to = |from: &SessionDigest, now: i64| {
        let to = SessionId::generate(&world.random).digest();
        let rotation = Rotation { from: from.clone(), to: to.clone(), clocks: timeouts() };
        world.with(|subject| subject.rotate(&rotation, Timestamp::from_unix(now), |_| ()).unwrap()).map(|_| to)
    };
    assert!(move_to(&tied, START + 1).is_none(), "a grant proves no factor");
    let moved = move_to(&alice, START + 1).unwrap();
    assert!(world.use_grant(&tied, START + 2).is_some());
    // A sign-in in the place of a session that was over takes nothing over.
    world.begin(START + 1 + 1800, Some(moved));
    assert!(world.use_grant(&tied, START + 1 + 1800).is_none());
}

#[test]
fn a_grant_goes_on_where_its_person_s_own_sign_in_would_have_ended() {
    // it has a clock of its own.
    let world = World::new();
    let alice = world.begin(START, None);
    let mut row = world.table.find(&alice).unwrap().unwrap();
    let until = Some(Timestamp::from_unix(START + 600));
    let session: Session = serde_json::from_str(&row.record).unwrap();
    row.record = serde_json::to_string(&Session { ceiling: until, until, ..session }).unwrap();
    world.table.put(&row).unwrap();
    let claude = world.granted(&alice, START);
    assert!(world.check(&alice, START + 600, false).is_none());
    assert!(world.use_grant(&claude, START + 600).is_some());
}

#[test]
fn not_each_sign_in_is_a_row_written() {
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let seen_at = |now: i64| world.use_grant(&claude, now).unwrap().grant.unwrap().seen_at.unwrap().as_unix();
    world.begin(START + 3599, None);
    assert_eq!(seen_at(START + 3599), START);
    world.begin(START + 3600, None);
    assert_eq!(seen_at(START + 3600), START + 3600);
}
