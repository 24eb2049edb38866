//! Sessions that are bound to a device, in the person's object.

use proptest::prelude::*;

use super::*;
use crate::session::device::{Bind, DeviceBinding, DeviceCommand, DeviceReply, FurtherProof, Grace};

fn ask(world: &World, command: DeviceCommand, now: i64) -> DeviceReply {
    match world.run(&Command::Device(Box::new(command)), now) {
        Reply::Device(reply) => *reply,
        other => panic!("{other:?}"),
    }
}

fn bind(world: &World, digest: &SessionDigest, key: &str, now: i64) -> DeviceReply {
    let bind = Bind { digest: digest.clone(), jwk: key.to_owned(), place: Some("PT 1".to_owned()), clocks: timeouts() };
    ask(world, DeviceCommand::Bind(bind), now)
}

fn prove(world: &World, digest: &SessionDigest, generation: u64, now: i64) -> DeviceReply {
    let (digest, place) = (digest.clone(), Some("PT 1".to_owned()));
    ask(world, DeviceCommand::Prove(FurtherProof { digest, generation, place, clocks: timeouts() }), now)
}

fn grace(world: &World, digest: &SessionDigest, place: Option<&str>, now: i64) -> DeviceReply {
    let (digest, place, life) = (digest.clone(), place.map(str::to_owned), Seconds::minutes(10));
    ask(world, DeviceCommand::Grace(Grace { digest, place, life, clocks: timeouts() }), now)
}

fn binding(reply: DeviceReply) -> DeviceBinding {
    match reply {
        DeviceReply::Bound(device) | DeviceReply::Graced(device) => *device,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_bound_once_and_soon_after_it_began() {
    //
    let world = World::new();
    let digest = world.begin(START, None);
    let bound = binding(bind(&world, &digest, "one", START + 60));
    assert_eq!((bound.generation, bound.jwk.as_str(), bound.id.as_str()), (1, "one", digest.as_str()));
    assert_eq!(bind(&world, &digest, "two", START + 60), DeviceReply::AlreadyBound);
    let live = world.check(&digest, START + 61, true).unwrap();
    assert_eq!(live.session.device.as_deref(), Some(&bound));
    // Its tokens are what they were.
    assert_eq!(live.access_token.unwrap().expose(), "the-access-token");
    let late = world.begin(START, None);
    assert_eq!(bind(&world, &late, "one", START + 61), DeviceReply::TooLate);
    let over = world.begin(START + 60, None);
    world.run(&Command::End { digest: over.clone() }, START + 61);
    assert_eq!(bind(&world, &over, "one", START + 61), DeviceReply::Gone);
    assert_eq!(prove(&world, &late, 0, START + 61), DeviceReply::Gone);
    assert_eq!(grace(&world, &late, Some("PT 1"), START + 61), DeviceReply::Gone);
}

#[test]
fn a_proof_is_of_one_generation() {
    //
    let world = World::new();
    let digest = world.begin(START, None);
    bind(&world, &digest, "one", START);
    let proven = binding(prove(&world, &digest, 1, START + 300));
    assert_eq!((proven.generation, proven.proved_at.as_unix()), (2, START + 300));
    for generation in [0, 1, 3, u64::MAX] {
        let reply = prove(&world, &digest, generation, START + 301);
        assert_eq!(reply, DeviceReply::Outdated(Box::new(proven.clone())), "{generation}");
    }
    // It is nobody's presence: the idle clock goes on.
    assert!(world.check(&digest, START + 1800, false).is_none());
    assert_eq!(prove(&world, &digest, 2, START + 1800), DeviceReply::Gone);
}

#[test]
fn a_grace_is_given_once_and_never_elsewhere() {
    let world = World::new();
    let digest = world.begin(START, None);
    bind(&world, &digest, "one", START);
    assert_eq!(grace(&world, &digest, None, START + 60), DeviceReply::Spent);
    let graced = binding(grace(&world, &digest, Some("PT 1"), START + 60));
    assert_eq!(graced.grace_at.unwrap().as_unix(), START + 60);
    assert_eq!(binding(grace(&world, &digest, Some("PT 1"), START + 659)), graced);
    assert_eq!(grace(&world, &digest, Some("PT 1"), START + 660), DeviceReply::Spent);
    prove(&world, &digest, 1, START + 661);
    assert_eq!(grace(&world, &digest, Some("PT 1"), START + 662), DeviceReply::Spent);
    assert!(world.check(&digest, START + 663, true).is_some());
    assert_eq!(grace(&world, &digest, Some("PT 2"), START + 664), DeviceReply::Mismatch);
    assert!(world.check(&digest, START + 665, true).is_none());
}

#[test]
fn a_browser_that_has_signed_nothing_for_long_is_given_no_grace() {
    // days later, from the network of the last proof.
    let world = World::new();
    let digest = world.begin(START, None);
    bind(&world, &digest, "one", START);
    for later in [1201, 1799] {
        assert_eq!(grace(&world, &digest, Some("PT 1"), START + later), DeviceReply::Spent, "{later}");
    }
    assert!(world.check(&digest, START + 1799, true).unwrap().session.device.unwrap().grace_at.is_none());
    // It has not been used up by that; and it is the last proof that counts.
    prove(&world, &digest, 1, START + 1800);
    assert_eq!(binding(grace(&world, &digest, Some("PT 1"), START + 3000)).grace_at.unwrap().as_unix(), START + 3000);
    // From elsewhere the session ends however old the proof is.
    let other = world.begin(START, None);
    bind(&world, &other, "one", START);
    assert_eq!(grace(&world, &other, Some("PT 2"), START + 1201), DeviceReply::Mismatch);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Bind(u8),
    Prove(u64),
    Grace(u8),
    Check,
    Wait(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        any::<u8>().prop_map(Act::Bind),
        (0..6_u64).prop_map(Act::Prove),
        (0..3_u8).prop_map(Act::Grace),
        Just(Act::Check),
        any::<u8>().prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 0..40)
}

proptest! {
    #[test]
    fn whatever_comes_the_key_stays_and_generations_only_grow(acts in acts()) {
        //
        let world = World::new();
        let digest = world.begin(START, None);
        let (mut now, mut known): (i64, Option<DeviceBinding>) = (START, None);
        for act in acts {
            let before = known.as_ref().map_or(0, |device| device.generation);
            let proves = match act {
                Act::Wait(seconds) => { now += i64::from(seconds); None }
                Act::Bind(key) => { bind(&world, &digest, &key.to_string(), now); None }
                Act::Grace(place) => { grace(&world, &digest, Some(&format!("PT {place}")), now); None }
                Act::Check => { world.check(&digest, now, true); None }
                Act::Prove(generation) => { prove(&world, &digest, generation, now); Some(generation) }
            };
            let Some(live) = world.check(&digest, now, false) else { break };
            let device = live.session.device.as_deref().cloned();
            if let (Some(old), Some(new)) = (&known, &device) {
                prop_assert_eq!(&old.jwk, &new.jwk);
                prop_assert_eq!(old.registered_at, new.registered_at);
                let grows = proves == Some(old.generation);
                prop_assert_eq!(new.generation, before + u64::from(grows));
                prop_assert!(old.grace_at.is_none() || old.grace_at == new.grace_at);
            }
            prop_assert!(known.is_none() || device.is_some());
            if known.is_none() && device.is_some() {
                prop_assert!(now <= START + 60);
            }
            known = device;
        }
    }
}
