//! What the block list costs: how often its object is asked.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::blocks::{block, deployment, root};
use crate::support::{Asked, Browser, PARTNER, World, gateway};

fn calls(world: &World, work: impl FnOnce()) -> usize {
    let before = world.block_calls.get();
    work();
    world.block_calls.get() - before
}

fn bearing(world: &World, gateway: &Gateway, path: &str, changes: &Value) {
    let token = token(world, Some("at+jwt"), changes);
    let _whatever = Browser::new(world, gateway).send(&Asked::bearing(path, &token));
}

#[test]
fn a_request_by_token_asks_once_and_one_that_nobody_proves_never() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    for _ in 0..3 {
        assert_eq!(calls(&world, || bearing(&world, &gateway, "/v1/x", &json!({}))), 1);
    }
    world.wait(60);
    let strangers = || {
        bearing(&world, &gateway, "/v1/x", &json!({ "aud": "another" }));
        bearing(&world, &gateway, "/v1/x", &json!({ "exp": 1 }));
        drop(Browser::new(&world, &gateway).send(&Asked::bearing("/v1/x", "nonsense")));
        drop(Browser::new(&world, &gateway).go("/app/x"));
        drop(Browser::new(&world, &gateway).go("/"));
    };
    assert_eq!(calls(&world, strangers), 0);
}

#[test]
fn a_route_may_rely_on_a_copy_for_as_long_as_it_says() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let lenient = || bearing(&world, &gateway, "/lenient", &json!({}));
    world.wait(60);
    assert_eq!(calls(&world, || (0..5).for_each(|_| lenient())), 1);
    // The copy in another isolate may be as old as that, and no older.
    let other = crate::support::gateway(&deployment());
    block(&super::blocks::root(&world, &other), &json!({ "issuer": PARTNER, "subject": "alice" }));
    let ask =
        || Browser::new(&world, &gateway).send(&Asked::bearing("/lenient", &token(&world, Some("at+jwt"), &json!({}))));
    ask().forwarded();
    world.wait(5);
    ask().assert_refused(401, "block.subject");
    drop(root);
}

#[test]
fn sessions_ask_once_in_five_seconds() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    world.wait(60);
    let request = || drop(root.send(&Asked::script("GET", "/api/x")));
    assert_eq!(calls(&world, || (0..5).for_each(|_| request())), 1);
    world.wait(4);
    assert_eq!(calls(&world, request), 0);
    world.wait(1);
    assert_eq!(calls(&world, request), 1);
}

#[test]
fn without_a_list_nothing_is_asked() {
    //
    let mut variables = with_issuers();
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let all = || {
        bearing(&world, &gateway, "/v1/x", &json!({}));
        drop(root.send(&Asked::script("GET", "/api/x")));
        root.send(&Asked::script("GET", "/auth/admin/blocks")).assert_refused(404, "route.none");
    };
    assert_eq!(calls(&world, all), 0);
}
