//! What a session has from the one whose place it takes.

use super::*;

/// Begins a session by a sign-in that brings no refresh token, in the place of `old`, whose record was changed first. Whether
/// the new session has a refresh token, and how many there are to be revoked.
fn inherited(bend: impl FnOnce(&mut Session), terms: SessionTerms, after: i64) -> (bool, usize) {
    let world = World::new();
    let old = world.begin(START, None);
    let row = world.table.find(&old).unwrap().unwrap();
    let mut record = Session { refresh: RefreshState::succeeded(false), ..session(START) };
    bend(&mut record);
    world.table.put(&Row { record: serde_json::to_string(&record).unwrap(), ..row }).unwrap();
    world.terms.set(terms);
    let new = world.begin_with(None, START + after, Some(old)).0;
    world.terms.set(SessionTerms::default());
    let tokens = world.with(|subject| subject.open(&world.table.find(&new).unwrap().unwrap())).unwrap();
    let due = world.with(|subject| subject.revocations_due(Timestamp::from_unix(START + after))).unwrap();
    (tokens.refresh_token.is_some(), due.len())
}

#[test]
fn a_sign_in_without_a_refresh_token_keeps_only_one_that_a_session_that_counts_may_use() {
    //
    let (kept, revoked) = ((true, 0), (false, 1));
    let none = SessionTerms::default();
    assert_eq!(inherited(|_| (), none, 60), kept);
    // It is at the provider just now, or was when the object died: it may be used up.
    let under_way = |session: &mut Session| session.refresh = session.refresh.begun(Timestamp::from_unix(START + 30));
    assert_eq!(inherited(under_way, none, 60), revoked);
    let idle = i64::from(timeouts().idle().get());
    assert_eq!((inherited(|_| (), none, idle - 1), inherited(|_| (), none, idle)), (kept, revoked));
    for lapse in [Lapse::TooOld, Lapse::ProviderGone] {
        assert_eq!(inherited(|_| (), SessionTerms { lapse: Some(lapse), longest: None }, 60), revoked, "{lapse:?}");
    }
    let shorter = SessionTerms { lapse: None, longest: Some(Seconds::new(60)) };
    assert_eq!((inherited(|_| (), shorter, 59), inherited(|_| (), shorter, 60)), (kept, revoked));
}
