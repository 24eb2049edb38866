//! Who watches a session, and until when.

use super::*;

#[test]
fn a_session_can_be_watched_while_it_lives_and_not_a_moment_longer() {
    //
    let world = World::new();
    let (idle, digest) = (i64::from(timeouts().idle().get()), world.begin(START, None));
    assert!(watchable(&world, &digest, timeouts(), START + idle - 1));
    assert!(!watchable(&world, &digest, timeouts(), START + idle));
    for lapse in [Lapse::TooOld, Lapse::ProviderGone] {
        world.terms.set(SessionTerms { lapse: Some(lapse), longest: None });
        assert!(!watchable(&world, &digest, timeouts(), START));
    }
    world.terms.set(SessionTerms::default());
    assert!(watchable(&world, &digest, timeouts(), START));
    world.run(&Command::End { digest: digest.clone() }, START + 1);
    assert!(!watchable(&world, &digest, timeouts(), START + 1));
    assert!(!world.with(|subject| subject.has(&digest).unwrap()));
}

#[test]
fn watching_a_session_is_no_use_of_it_and_brings_its_alarm_forward_to_clocks_that_were_shortened() {
    //
    let world = World::new();
    let digest = world.begin(START, None);
    let expires_at = |world: &World| world.table.find(&digest).unwrap().unwrap().expires_at.as_unix() - START;
    assert!(watchable(&world, &digest, timeouts(), START + 100));
    assert_eq!(expires_at(&world), i64::from(timeouts().idle().get()));
    let shorter = SessionTimeouts::new(Seconds::minutes(5), Seconds::hours(1));
    assert!(watchable(&world, &digest, shorter, START + 100));
    assert_eq!(expires_at(&world), 300);
    assert_eq!(world.table.next_event().unwrap().unwrap().as_unix(), START + 300);
}
