//! API keys and the block list, and keys that administer.

use postern::api_key::KeyHolder;
use serde_json::{Value, json};

use super::api_keys::{alice, call, made, with_keys};
use super::blocks::{block, root};
use crate::support::{Asked, Browser, World, gateway};

fn deployment() -> Value {
    let mut variables = with_keys();
    let service = json!({ "key": "offboarding", "bearer": true, "actions": ["not_before.read"] });
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true, "services": { "offboarding": service } });
    variables
}

#[test]
fn a_blocked_key_and_one_whose_owner_is_blocked_are_refused() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let (id, leaked) = made(&world, &gateway, &alice(), &["orders:read"]);
    let (_, other) = made(&world, &gateway, &alice(), &["orders:read"]);
    block(&root, &json!({ "key": id.to_string() }));
    call(&world, &gateway, "/k/1", &leaked).assert_refused(401, "block.key");
    call(&world, &gateway, "/k/1", &other).forwarded();
    block(&root, &json!({ "provider": "corp", "subject": "alice" }));
    call(&world, &gateway, "/k/1", &other).assert_refused(401, "block.owner");
}

#[test]
fn a_service_administers_with_its_key_and_a_person_s_key_never_does() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let ask = |holder: &KeyHolder| {
        let (_, key) = made(&world, &gateway, holder, &["orders:read"]);
        Browser::new(&world, &gateway).send(&Asked::bearing("/auth/admin/not-before", &key))
    };
    let good = ask(&KeyHolder::Service("offboarding".to_owned()));
    assert_eq!(good.event["reason"], "admin.done", "{}", good.event);
    ask(&KeyHolder::Service("other".to_owned())).assert_refused(403, "admin.not_an_administrator");
    ask(&alice()).assert_refused(403, "admin.not_an_administrator");
}
