//! What the person granted to one client, seen and ended across people.

use super::grants::{CLIENT, grant, narrower, redeem, refresh};
use super::*;
use crate::session::grant::Grant;
use crate::session::message::{BeginGrant, Exchange, GrantsTo};

const OTHER: &str = "https://other.example/";
const HELPER: &str = "https://sub.example/";

impl World {
    fn grants_to(&self, client: &str, now: i64) -> GrantsTo {
        self.grants_told(&Command::ListGrantsTo { client: client.to_owned(), clocks: timeouts() }, now)
    }

    fn end_grants_to(&self, client: &str, now: i64) -> GrantsTo {
        self.grants_told(&Command::EndGrantsTo { client: client.to_owned() }, now)
    }

    fn grants_told(&self, command: &Command, now: i64) -> GrantsTo {
        match self.run(command, now) {
            Reply::GrantsTo(found) => *found,
            other => panic!("{other:?}"),
        }
    }

    /// A consent that was asked for at `asked`, and given at `now`.
    fn consent_asked(&self, client: &str, asked: i64, now: i64) -> Reply {
        let begin = BeginGrant {
            digest: SessionId::generate(&self.random).digest(),
            session: Session { grant: Some(Box::new(Grant { client: client.into(), ..grant(now) })), ..session(now) },
            begun_by: None,
            asked_at: Timestamp::from_unix(asked),
            max_grants: 9,
            clocks: timeouts(),
        };
        self.run(&Command::BeginGrant(Box::new(begin)), now)
    }

    fn exchange_asked(&self, parent: &SessionDigest, asked: Option<i64>, now: i64) -> Reply {
        let exchange = Exchange {
            parent: parent.clone(),
            digest: SessionId::generate(&self.random).digest(),
            grant: narrower(now, HELPER),
            asked_at: asked.map(Timestamp::from_unix),
            clocks: timeouts(),
        };
        self.run(&Command::Exchange(Box::new(exchange)), now)
    }
}

fn ids(found: &GrantsTo) -> Vec<String> {
    found.grants.iter().map(|listed| listed.id.clone()).collect()
}

#[test]
fn what_a_client_has_is_found_with_whose_it_is_and_what_it_came_from() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    assert_eq!(world.grants_to(CLIENT, START), GrantsTo { person: None, grants: Vec::new(), ended: 0 });
    // A code that is not redeemed is no grant yet.
    world.consent(Some(&alice), grant(START), START);
    assert_eq!(ids(&world.grants_to(CLIENT, START)), [""; 0]);
    let claude = world.granted(&alice, START + 1);
    let helper = world.exchange(&claude, narrower(START, HELPER), START + 2).unwrap();
    let found = world.grants_to(CLIENT, START + 3);
    let person = found.person.clone().unwrap();
    assert_eq!((person.issuer, person.subject), (session(START).issuer, session(START).subject));
    assert_eq!((ids(&found), &found.grants[0].grant.as_ref().unwrap().parent), (vec![claude.public_id()], &None));
    let found = world.grants_to(HELPER, START + 3);
    let parent = found.grants[0].grant.as_ref().unwrap().parent.clone();
    assert_eq!((ids(&found), parent), (vec![helper.public_id()], Some(claude.public_id())));
    // What its parent does no more, it does no more.
    world.run(&Command::EndListed { id: claude.public_id() }, START + 4);
    assert!(world.grants_to(HELPER, START + 4).grants.is_empty());
}

#[test]
fn all_that_a_client_has_ends_and_nothing_else() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    let (other, _) = world.consent(Some(&alice), Grant { client: OTHER.into(), code: None, ..grant(START) }, START);
    assert!(world.use_grant(&other, START).is_some());
    let (pending, _) = world.consent(Some(&alice), grant(START), START);
    let helper = world.exchange(&claude, narrower(START, HELPER), START).unwrap();
    let ended = world.end_grants_to(CLIENT, START + 1);
    assert_eq!((ended.ended, ended.person.is_some(), ended.grants.len()), (2, true, 0));
    assert!(world.use_grant(&claude, START + 1).is_none() && world.use_grant(&helper, START + 1).is_none());
    assert_eq!(world.redeem(&redeem(&pending), START + 1).unwrap_err(), None);
    assert_eq!(world.refresh(&refresh(&claude, 1), START + 1).unwrap_err(), None);
    assert!(world.use_grant(&other, START + 1).is_some() && world.check(&alice, START + 1, false).is_some());
    let again = world.end_grants_to(CLIENT, START + 2);
    assert_eq!((again.ended, again.person), (0, None));
}

#[test]
fn what_was_asked_for_before_the_end_does_not_begin_after_it() {
    //
    let world = World::new();
    let alice = world.begin(START, None);
    let claude = world.granted(&alice, START);
    world.end_grants_to(HELPER, START + 5);
    for (asked, begins) in [(START, false), (START + 5, false), (START + 6, true)] {
        let answer = world.consent_asked(HELPER, asked, START + 7);
        assert_eq!(matches!(answer, Reply::Begun), begins, "{asked}: {answer:?}");
        let answer = world.exchange_asked(&claude, Some(asked), START + 7);
        assert_eq!(matches!(answer, Reply::Granted(_)), begins, "{asked}: {answer:?}");
    }
    // Other clients are asked for all the time, and the release before does not say when.
    assert!(matches!(world.consent_asked(CLIENT, START, START + 7), Reply::Begun));
    assert!(matches!(world.exchange_asked(&claude, None, START + 7), Reply::Granted(_)));
}
