//! Management and policies: who may manage by them, and how they are managed.

use postern::gateway::{Gateway, MANAGEMENT};
use postern::policy::{Bundle, Pointer, pointer_key};
use serde_json::{Value, json};

use super::management::{managed, request};
use super::policies::publish;
use crate::support::{Answered, Asked, Browser, Fault, World, gateway};

/// Management where people have roles, and one route asks the policies.
pub fn with_roles() -> Gateway {
    let mut variables = managed();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["ROUTES"]["/orders/{id}"] = json!({ "upstream": "service:API", "policy": true });
    gateway(&variables)
}

pub fn root<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as("root", "root")
}

/// Somebody of the role `support`.
pub fn support<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    world.corp.bend_claims(|claims| {
        claims["sub"] = "helper".into();
        claims["roles"] = json!(["support"]);
    });
    Browser::new(world, gateway).signed_in()
}

pub fn post(who: &Browser<'_>, path: &str, order: &Value) -> Answered {
    let asked = Asked::script("POST", path).with("content-type", "application/json");
    who.send(&asked.with_body(Ok(&order.to_string())))
}

pub fn bring(who: &Browser<'_>, text: &str, role: &str) -> Answered {
    post(who, "/auth/admin/policies", &json!({ "files": { "a.cedar": text }, "as": role }))
}

pub fn pointer(world: &World) -> Pointer {
    Pointer::from_text(&world.policies.borrow()[pointer_key()]).unwrap()
}

pub const READ: &str = r#"@id("read") permit(principal, action in Action::"read", resource);"#;
pub const NOBODY: &str = r#"@id("nobody") forbid(principal, action, resource);"#;
pub const SUPPORT: &str =
    r#"@id("support") permit(principal in Role::"support", action == Action::"sessions.list", resource);"#;

#[test]
fn a_lower_role_may_do_what_the_policies_grant_it_and_nothing_else() {
    let (world, gateway) = (World::new(), with_roles());
    publish(&world, 1, SUPPORT, None);
    let root = root(&world, &gateway);
    let support = support(&world, &gateway);
    for endpoint in MANAGEMENT {
        let answered = support.send(&request(endpoint));
        if endpoint.action == "sessions.list" {
            assert_ne!(answered.reply().status.as_u16(), 403);
            assert_eq!(answered.event["policies"], json!(["support"]));
        } else {
            answered.assert_refused(403, "admin.not_an_administrator");
        }
        let event = root.send(&request(endpoint)).event;
        assert_eq!(event["policies"], json!(["administrators"]), "{event}");
    }
}

#[test]
fn who_permits_everything_on_routes_does_not_hand_out_management() {
    let (world, gateway) = (World::new(), with_roles());
    publish(&world, 1, "permit(principal, action, resource);", None);
    let support = support(&world, &gateway);
    support.send(&Asked::script("GET", "/orders/7")).forwarded();
    for endpoint in MANAGEMENT {
        support.send(&request(endpoint)).assert_refused(403, "admin.not_an_administrator");
    }
}

#[test]
fn no_published_policy_shuts_out_whom_the_configuration_names() {
    let (world, gateway) = (World::new(), with_roles());
    let forbid = r#"forbid(principal, action in Action::"administer", resource);"#;
    publish(&world, 1, &format!("{SUPPORT}{forbid}{NOBODY}"), None);
    support(&world, &gateway)
        .send(&Asked::script("GET", "/auth/admin/sessions"))
        .assert_refused(403, "admin.not_an_administrator");
    let root = root(&world, &gateway);
    assert_eq!(root.send(&Asked::script("GET", "/auth/admin")).reply().status.as_u16(), 200);
}

#[test]
fn without_published_policies_only_those_of_the_configuration_manage() {
    // R-193
    let (world, gateway) = (World::new(), with_roles());
    let (root, support) = (root(&world, &gateway), support(&world, &gateway));
    for fault in [Fault::None, Fault::Policies] {
        world.fault.set(fault);
        support.send(&Asked::script("GET", "/auth/admin")).assert_refused(403, "admin.not_an_administrator");
        assert_eq!(root.send(&Asked::script("GET", "/auth/admin")).reply().status.as_u16(), 200, "{fault:?}");
        world.wait(10);
    }
}

#[test]
fn what_is_published_decides_and_going_back_does_too() {
    // R-198
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    let order = || alice.send(&Asked::script("GET", "/orders/7"));
    // The request that finds it is time has the store looked at, and does not wait for it.
    let later = || {
        world.wait(20);
        order();
        order()
    };
    assert_eq!(order().reply().status, 403);
    let first = bring(&root, READ, "live");
    let event = &first.event;
    let live = first.json()["pointer"]["live"].as_str().unwrap().to_owned();
    assert_eq!((&event["before"], &event["subject"]), (&json!("nothing"), &json!("root")));
    assert!(event["after"].as_str().unwrap().starts_with(&format!("{live} live, serial ")), "{event}");
    later().forwarded();
    let second = bring(&root, NOBODY, "live").json();
    assert_eq!(later().reply().status, 403);
    assert!(second["pointer"]["serial"].as_u64() > first.json()["pointer"]["serial"].as_u64());
    let back =
        post(&root, "/auth/admin/policies/pointer", &json!({ "live": live, "expect": second["pointer"]["serial"] }));
    assert_eq!(back.reply().status.as_u16(), 200, "{}", back.event);
    later().forwarded();
    let listed = root.send(&Asked::script("GET", "/auth/admin/policies")).json();
    assert_eq!(listed["versions"].as_array().unwrap().len(), 2);
    assert_eq!(listed["pointer"], back.json()["pointer"]);
    assert_eq!((&listed["here"]["pointer"], &listed["here"]["age"]), (&listed["pointer"], &json!(0)));
    let read = root.send(&Asked::script("GET", &format!("/auth/admin/policies/{live}"))).json();
    assert_eq!(read["files"], json!({ "a.cedar": READ }));
}

#[test]
fn a_version_is_tried_beside_the_live_one_and_promoted() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    assert_eq!(bring(&root, NOBODY, "shadow").reply().status.as_u16(), 422, "nothing is live yet");
    bring(&root, READ, "live");
    let tried = bring(&root, NOBODY, "shadow").json()["pointer"].clone();
    // The isolate has looked when there was nothing, and tries again no sooner.
    world.wait(3);
    assert_eq!(pointer(&world).shadow.unwrap().as_str(), tried["shadow"]);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    let answered = alice.send(&Asked::script("GET", "/orders/7"));
    answered.forwarded();
    assert!(answered.event["policy_trial"].as_str().unwrap().starts_with("policy.forbidden nobody"));
    // What is promoted is on trial no longer.
    post(&root, "/auth/admin/policies/pointer", &json!({ "live": tried["shadow"] }));
    assert_eq!((pointer(&world).live.as_str(), pointer(&world).shadow), (tried["shadow"].as_str().unwrap(), None));
    post(&root, "/auth/admin/policies/pointer", &json!({ "live": tried["live"], "shadow": tried["shadow"] }));
    let ended = post(&root, "/auth/admin/policies/pointer", &json!({ "shadow": null })).json();
    assert_eq!((&ended["pointer"]["live"], ended["pointer"].get("shadow")), (&tried["live"], None));
}

#[test]
fn what_does_not_hold_up_is_told_with_its_place_and_nothing_is_written() {
    // R-196
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let managing =
        r#"permit(principal, action == Action::"sessions.list", resource) when { resource.path like "/a" };"#;
    for (text, place) in [
        ("permit(principal, action, resource);\npermit(", "a.cedar:2:"),
        ("permit(principal, action, resource) when { principal.nose == 1 };", "a.cedar:1:"),
        (r#"permit(principal, action == Action::"sessions.lst", resource);"#, "a.cedar:1:"),
        (managing, "a.cedar:1:"),
    ] {
        let answered = bring(&root, text, "live");
        assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (422, &json!("admin.unacceptable")));
        let problem = answered.json()["problems"][0].as_str().unwrap().to_owned();
        assert!(problem.starts_with(place), "{problem}");
    }
    assert!(world.policies.borrow().is_empty());
    for order in [
        json!({}),
        json!({ "files": { "a.cedar": READ } }),
        json!({ "files": { "a.cedar": 1 }, "as": "live" }),
        json!({ "files": { "a.cedar": READ }, "as": "dead" }),
        json!({ "files": { "a.cedar": READ }, "as": "live", "expect": "7" }),
    ] {
        post(&root, "/auth/admin/policies", &order).assert_refused(400, "request.bad_input");
    }
    let unknown = "0".repeat(64);
    post(&root, "/auth/admin/policies/pointer", &json!({ "live": unknown }))
        .assert_refused(404, "admin.no_such_version");
    post(&root, "/auth/admin/policies/pointer", &json!({})).assert_refused(400, "request.bad_input");
    root.send(&Asked::script("GET", "/auth/admin/policies/x")).assert_refused(404, "admin.no_such_version");
}

#[test]
fn who_has_not_seen_the_last_change_changes_nothing() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let publish = |text: &str, expect: u64| {
        let order = json!({ "files": { "a.cedar": text }, "as": "live", "expect": expect });
        post(&root, "/auth/admin/policies", &order)
    };
    assert_eq!(publish(READ, 0).reply().status.as_u16(), 200);
    let seen = pointer(&world).serial;
    publish(NOBODY, 0).assert_refused(409, "admin.outdated");
    assert_eq!(publish(NOBODY, seen).reply().status.as_u16(), 200);
    publish(READ, seen).assert_refused(409, "admin.outdated");
}

/// An isolate that knows of a newer pointer than the store shows: another location's copy is older for a while.
fn stale<'w>(world: &'w World, root: &Browser<'w>, newer: u64) -> String {
    let old = bring(root, READ, "live").json()["pointer"]["live"].as_str().unwrap().to_owned();
    let copy = world.policies.borrow()[pointer_key()].clone();
    publish(world, newer, NOBODY, Some(SUPPORT));
    world.wait(3);
    root.send(&Asked::script("GET", "/orders/7"));
    world.policies.borrow_mut().insert(pointer_key().to_owned(), copy);
    old
}

#[test]
fn nothing_is_kept_of_a_pointer_that_is_older_than_what_is_known() {
    // R-198
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let old = stale(&world, &root, 9_000_000_000);
    let shown = pointer(&world);
    let point = |order: &Value| post(&root, "/auth/admin/policies/pointer", order);
    let refused = [
        bring(&root, SUPPORT, "shadow"),
        point(&json!({ "shadow": null })),
        point(&json!({ "shadow": old })),
        point(&json!({ "live": old })),
    ];
    for answered in refused {
        answered.assert_refused(503, "admin.stale_copy");
        assert_eq!(pointer(&world), shown, "nothing is written");
    }
    // The serial that is shown is not the one that counts.
    point(&json!({ "live": old, "shadow": null, "expect": shown.serial })).assert_refused(409, "admin.outdated");
    // What keeps nothing is carried out, and counts.
    let before = |event: &Value| event["before"].as_str().unwrap().to_owned();
    let answered = point(&json!({ "live": old, "shadow": null, "expect": 9_000_000_000_u64 }));
    assert_eq!((pointer(&world).serial, pointer(&world).shadow), (9_000_000_001, None));
    assert!(before(&answered.event).ends_with("serial 9000000000"), "{}", answered.event);
}

#[test]
fn a_pointer_that_an_order_was_refused_by_is_known_from_then_on() {
    // R-198
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    bring(&root, READ, "live");
    let copy = world.policies.borrow()[pointer_key()].clone();
    publish(&world, 9_000_000_000, NOBODY, Some(SUPPORT));
    let order = json!({ "shadow": null, "expect": 7 });
    post(&root, "/auth/admin/policies/pointer", &order).assert_refused(409, "admin.outdated");
    world.policies.borrow_mut().insert(pointer_key().to_owned(), copy);
    bring(&root, SUPPORT, "shadow").assert_refused(503, "admin.stale_copy");
}

#[test]
fn what_is_published_whole_counts_even_where_the_store_shows_an_old_pointer() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    stale(&world, &root, 9_000_000_000);
    assert_eq!(bring(&root, READ, "live").reply().status.as_u16(), 200);
    assert_eq!(pointer(&world).serial, 9_000_000_001);
}

#[test]
fn a_pointer_that_this_isolate_wrote_is_known_before_anybody_reads_it() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    bring(&root, READ, "live");
    let copy = world.policies.borrow()[pointer_key()].clone();
    bring(&root, NOBODY, "live");
    world.policies.borrow_mut().insert(pointer_key().to_owned(), copy);
    bring(&root, SUPPORT, "shadow").assert_refused(503, "admin.stale_copy");
}

#[test]
fn the_list_says_what_does_not_decide_here_and_why() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    let idle = || {
        let listed = root.send(&Asked::script("GET", "/auth/admin/policies")).json();
        let idle = &listed["not_in_force"];
        idle.as_object().map(|idle| {
            assert!(idle["because"].as_str().unwrap().ends_with('.'), "{idle:?}");
            (idle["what"].as_str().unwrap().to_owned(), idle["reason"].as_str().unwrap().to_owned())
        })
    };
    let found = |what: &str, why: &str| Some((what.to_owned(), why.to_owned()));
    assert_eq!(idle(), found("live", "policy.none_published"));
    bring(&root, READ, "live");
    assert_eq!(idle(), found("live", "policy.not_loaded_yet"));
    let look = || {
        world.wait(20);
        root.send(&Asked::script("GET", "/orders/7"));
    };
    look();
    assert_eq!(idle(), None);
    // What nobody has confirmed for too long decides nothing.
    world.wait(61);
    assert_eq!(idle(), found("live", "policy.not_loaded_yet"));
    look();
    assert_eq!(idle(), None);
    // By hand, with a serial of another kind.
    let before = pointer(&world);
    publish(&world, 8, NOBODY, None);
    assert_eq!(idle(), found("live", "policy.pointer_outdated"));
    look();
    assert_eq!(idle(), found("live", "policy.pointer_outdated"));
    // A trial of what is not there.
    let absent = Bundle::new([("b.cedar".to_owned(), NOBODY.to_owned())].into()).unwrap().version();
    let next = Pointer::after(Some(&before), before.live.clone(), Some(absent));
    world.policies.borrow_mut().insert(pointer_key().to_owned(), next.to_text());
    look();
    assert_eq!(idle(), found("shadow", "policy.version_missing"));
}

const PUBLISHER: &str = r#"@id("publisher") permit(principal in Role::"support", action in
    [Action::"policies.publish", Action::"policies.point", Action::"policies.read"], resource);"#;

#[test]
fn who_may_publish_hands_out_no_management_by_that() {
    let (world, gateway) = (World::new(), with_roles());
    let (root, support) = (root(&world, &gateway), support(&world, &gateway));
    let published = |text: &str, more: &str| format!("{PUBLISHER}{text}{more}");
    assert_eq!(bring(&root, PUBLISHER, "live").reply().status.as_u16(), 200);
    world.wait(20);
    root.send(&Asked::script("GET", "/orders/7"));
    let more = r#"permit(principal in Role::"support", action in Action::"administer", resource);"#;
    let forbids = r#"forbid(principal, action == Action::"policies.publish", resource);"#;
    let moved = PUBLISHER.replace("\"support\"", "\"everyone\"");
    for role in ["live", "shadow"] {
        for text in [published(READ, more), published("", forbids), READ.to_owned(), format!("{READ}{moved}")] {
            let before = pointer(&world);
            let answered = bring(&support, &text, role);
            let reason = (answered.reply().status.as_u16(), &answered.event["reason"]);
            assert_eq!(reason, (422, &json!("admin.unacceptable")), "{role} {text}");
            assert_eq!(pointer(&world), before);
        }
    }
    // What it says of requests is theirs to change.
    let answered = bring(&support, &published(READ, ""), "live");
    assert_eq!(answered.reply().status.as_u16(), 200, "{}", answered.event);
    let old = answered.json()["pointer"]["live"].as_str().unwrap().to_owned();
    // Nor may they put in force what somebody else has only tried, or what was in force once.
    let tried = bring(&root, &published(READ, more), "shadow").json()["pointer"]["shadow"].clone();
    for order in [json!({ "live": tried }), json!({ "live": old, "shadow": tried })] {
        let answered = post(&support, "/auth/admin/policies/pointer", &order);
        assert_eq!(answered.reply().status.as_u16(), 422, "{}", answered.event);
    }
    assert_eq!(post(&root, "/auth/admin/policies/pointer", &json!({ "live": tried })).reply().status.as_u16(), 200);
    let answered = post(&support, "/auth/admin/policies/pointer", &json!({ "live": old }));
    assert_eq!(answered.reply().status.as_u16(), 422, "{}", answered.event);
}

#[test]
fn a_store_that_does_not_write_is_no_success() {
    let (world, gateway) = (World::new(), with_roles());
    let root = root(&world, &gateway);
    world.fault.set(Fault::Policies);
    assert_eq!(bring(&root, READ, "live").reply().status.as_u16(), 503);
    world.fault.set(Fault::None);
    assert!(world.policies.borrow().is_empty());
}
