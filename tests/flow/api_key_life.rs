//! API keys in the course of time: rotated, expired, used, and weaker when their owner is.

use std::rc::Rc;

use futures::executor::block_on;
use postern::api_key::{ApiKeyText, HolderKey, KeyCommand, KeyHolder, KeyReply, RotateKey};
use postern::time::Seconds;
use serde_json::{Value, json};

use super::api_keys::{alice, call, made, reads, tell, with_keys};
use crate::renewal::{LIFE, api};
use crate::support::{Asked, Browser, Fault, World, gateway};

#[test]
fn after_a_rotation_both_secrets_are_good_for_a_while_and_the_old_one_is_told_of() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, old) = made(&world, &gateway, &alice(), &["orders:read"]);
    let text = ApiKeyText::generate(id, &gateway.config().keys, &world);
    let new = text.expose(&gateway.config().api_keys.as_ref().unwrap().prefix).expose().clone();
    let (overlap, max_life) = (Seconds::hours(24), Seconds::hours(365 * 24));
    let rotate = RotateKey { id, of: HolderKey::of(&alice()), digest: text.digest(), overlap, max_life };
    let KeyReply::Rotated(listed) = tell(&world, &KeyCommand::Rotate(rotate)) else { panic!("not rotated") };
    assert_eq!(listed.old_until.unwrap().as_unix(), world.now.get() + 86_400);
    world.take_events();
    let superseded = || {
        let events = world.take_events();
        let told = |event: &&Value| event["event"] == "key.superseded" && event["key_id"] == id.to_string();
        events.iter().filter(told).count()
    };
    assert!(reads(&world, &gateway, &old));
    assert_eq!(superseded(), 0);
    assert!(reads(&world, &gateway, &new) && reads(&world, &gateway, &old));
    assert_eq!(superseded(), 1);
    world.wait(86_400);
    assert!(reads(&world, &gateway, &new));
    call(&world, &gateway, "/k/1", &old).assert_refused(401, "key.old_secret");
}

#[test]
fn an_expired_key_is_refused_and_the_caller_is_not_told_why() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    world.wait(90 * 86_400 - 1);
    assert!(reads(&world, &gateway, &key));
    world.wait(1);
    call(&world, &gateway, "/k/1", &key).assert_refused(401, "key.expired");
}

#[test]
fn the_use_of_a_key_is_noted_beside_the_request_and_rarely() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let writes = || world.keys.borrow().values().map(|table| table.writes.get()).sum::<usize>();
    let before = writes();
    for _ in 0..50 {
        assert!(reads(&world, &gateway, &key));
    }
    call(&world, &gateway, "/any/1", &key).forwarded();
    assert_eq!(writes() - before, 1);
    let KeyReply::Keys { keys } = tell(&world, &KeyCommand::List { of: HolderKey::of(&alice()) }) else { panic!() };
    let usage = keys[0].last_use.clone().unwrap();
    assert_eq!((usage.route.as_str(), usage.day.as_unix() % 86_400), ("/k/{*rest}", 0));
    world.wait(60);
    // Another isolate knows what was noted.
    let other = crate::support::gateway(&with_keys());
    assert!(reads(&world, &other, &key));
    assert_eq!(writes() - before, 1, "nothing new");
    call(&world, &other, "/any/1", &key).forwarded();
    call(&world, &gateway, "/any/1", &key).forwarded();
    assert_eq!(writes() - before, 2);
}

#[test]
fn a_request_does_not_wait_for_its_note_and_passes_without_it() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (id, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let answered = block_on(Browser::new(&world, &gateway).send_alone(&Asked::bearing("/k/1", &key)));
    answered.forwarded();
    assert_eq!(world.tasks_waiting(), 1);
    world.fault.set(Fault::Keys);
    world.run_tasks(&gateway);
    let failed = world.take_events().into_iter().find(|event| event["event"] == "key.use").unwrap();
    assert_eq!((&failed["reason"], &failed["key_id"]), (&json!("store.unavailable"), &json!(id.to_string())));
}

#[test]
fn a_use_that_door_2_refuses_is_not_noted() {
    //
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let writes = || world.keys.borrow().values().map(|table| table.writes.get()).sum::<usize>();
    let before = writes();
    call(&world, &gateway, "/w/1", &key).assert_refused(403, "authz.insufficient_scope");
    assert_eq!(writes() - before, 0);
    assert!(reads(&world, &gateway, &key));
    assert_eq!(writes() - before, 1);
}

#[test]
fn a_refresh_that_says_fewer_roles_weakens_a_key_and_counts_only_when_its_keys_were_told() {
    //
    let world = World::new();
    let gateway = gateway(&with_keys());
    *world.object_gateway.borrow_mut() = Some(Rc::new(crate::support::gateway(&with_keys())));
    world.corp.bend_claims(|claims| claims["roles"] = json!(["developer"]));
    let browser = Browser::new(&world, &gateway).signed_in();
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    assert!(reads(&world, &gateway, &key));
    // Many providers say nothing of roles then.
    world.corp.bend_claims(|_| {});
    world.wait(LIFE);
    browser.send(&api()).forwarded();
    assert!(reads(&world, &gateway, &key));
    world.corp.bend_claims(|claims| claims["roles"] = json!(["guest"]));
    world.wait(LIFE);
    world.fault.set(Fault::Keys);
    browser.send(&api()).assert_refused(503, "session.renewal_paused");
    world.fault.set(Fault::None);
    world.wait(LIFE);
    browser.send(&api()).forwarded();
    call(&world, &gateway, "/any/1", &key).assert_refused(403, "key.powerless");
}

#[test]
fn a_limit_by_subject_counts_each_key_of_a_person_and_all_keys_of_a_service_together() {
    let mut variables = with_keys();
    variables["ROUTES"]["/any/{*rest}"]["limits"] = json!({ "subject": { "rate": "2/1h" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let passing = |key: &str| {
        let asked = |_: &usize| call(&world, &gateway, "/any/1", key).event["reason"] != "limit.subject";
        (0..4).filter(asked).count()
    };
    let of = |holder: &KeyHolder| made(&world, &gateway, holder, &["orders:read"]).1;
    assert_eq!((passing(&of(&alice())), passing(&of(&alice()))), (2, 2));
    let (billing, reports) = (KeyHolder::Service("billing".to_owned()), KeyHolder::Service("reports".to_owned()));
    assert_eq!((passing(&of(&billing)), passing(&of(&billing)), passing(&of(&reports))), (2, 0, 2));
}
