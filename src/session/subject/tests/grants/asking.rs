//! Clients that ask for tokens of a grant, and get none.

use super::*;

#[test]
fn a_grant_without_a_key_is_bound_to_the_first_that_is_proven() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let with = |jkt: &str, generation| RefreshGrant { jkt: Some(jkt.into()), ..refresh(&claude, generation) };
    assert_eq!(
        world.refresh(&with("key-1", 1), START + 1).unwrap().session.grant.unwrap().jkt.as_deref(),
        Some("key-1")
    );
    assert_eq!(world.refresh(&with("key-2", 2), START + 2).unwrap_err(), Some(GrantRefusal::OtherKey));
    assert_eq!(world.refresh(&refresh(&claude, 2), START + 2).unwrap_err(), Some(GrantRefusal::OtherKey));
}

#[test]
fn a_refresh_waits_for_a_person_who_was_not_seen_and_uses_nothing_up() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let lately = |generation| RefreshGrant { seen_within: Some(Seconds::hours(24)), ..refresh(&claude, generation) };
    assert!(world.refresh(&lately(1), START + 86_399).is_ok());
    for generation in [2, 1, 2] {
        assert_eq!(world.refresh(&lately(generation), START + 86_400).unwrap_err(), Some(GrantRefusal::OwnerNotSeen));
    }
    world.begin(START + 90_000, None);
    assert_eq!(world.refresh(&lately(2), START + 90_001).unwrap().session.grant.unwrap().generation, 3);
    // What was used before ends the grant all the same.
    assert_eq!(world.refresh(&lately(2), START + 900_000).unwrap_err(), Some(GrantRefusal::RefreshReused));
}

#[test]
fn nothing_is_exchanged_for_what_may_not_be_used() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let (code, _) = world.consent(Some(&alice), grant(START), START);
    assert_eq!(world.exchange(&code, narrower(START, "https://sub.example/"), START).unwrap_err(), None);
    let spent = world.granted_with(&alice, Grant { uses_left: Some(1), ..grant(START) }, START);
    assert!(world.use_and_spend(&spent, true, START).is_some());
    assert_eq!(world.exchange(&spent, narrower(START, "https://sub.example/"), START).unwrap_err(), None);
    // Nor does anything take the place of what is there.
    let claude = world.granted(&alice, START);
    let taken = Exchange {
        parent: claude.clone(),
        digest: alice.clone(),
        grant: narrower(START, "https://sub.example/"),
        asked_at: None,
        clocks: timeouts(),
    };
    let taken = handed_out(world.run(&Command::Exchange(Box::new(taken)), START));
    assert_eq!(taken.unwrap_err(), Some(GrantRefusal::Repeated));
    assert!(world.check(&alice, START, false).is_some());
}
