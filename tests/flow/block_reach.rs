//! How far a block reaches: what services and proxies ask, what would be decided, and two administrators at once.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::blocks::{block, deployment, done, lift, not_before, order, root};
use super::{authzen, verify};
use crate::bearer::token;
use crate::support::{Asked, Browser, CORP, ORIGIN, PARTNER, World, gateway};

/// A client to which people grant something.
const AGENT: &str = "https://claude.ai/client.json";

/// Has both go on in the order that the bits of `order` say: 0 the one, 1 the other.
fn interleaved<A, B>(order: u32, one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    let mut context = Context::from_waker(Waker::noop());
    for turn in 0..1_000 {
        let is_ones = order.rotate_right(turn % 16) & 1 == 0;
        if first.is_none() && (is_ones || second.is_some()) {
            if let Poll::Ready(answer) = one.as_mut().poll(&mut context) {
                first = Some(answer);
            }
        } else if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(&mut context)
        {
            second = Some(answer);
        }
        if first.is_some() && second.is_some() {
            break;
        }
    }
    (first.unwrap(), second.unwrap())
}

#[test]
fn a_block_and_its_lift_at_once_leave_the_list_and_the_person_s_object_the_same() {
    //
    let world = World::new();
    let [here, there] = [gateway(&deployment()), gateway(&deployment())];
    let (one, other) = (root(&world, &here), root(&world, &there));
    let alice = json!({ "provider": "corp", "subject": "alice" });
    let (block_her, lift_her) = (order("/auth/admin/blocks", &alice), order("/auth/admin/blocks/lift", &alice));
    world.corp.bend_claims(|claims| claims["sub"] = "alice".into());
    let (mut blocked, mut free) = (0, 0);
    for turns in 0..256_u32 {
        if turns % 2 == 0 {
            block(&one, &alice);
        }
        let (set, lifted) = interleaved(turns * 257, one.send_later(&block_her), other.send_later(&lift_her));
        for answered in [&set, &lifted] {
            assert_eq!(answered.event["reason"], "admin.done", "{turns}: {}", answered.event);
        }
        let listed = done(&one.send(&Asked::script("GET", "/auth/admin/blocks")))["blocks"].clone();
        world.wait(1);
        let reason = Browser::new(&world, &here).login().event["reason"].clone();
        if listed == json!([]) {
            assert_eq!(reason, "login.succeeded", "{turns}");
            free += 1;
        } else {
            assert_eq!(reason, "block.person", "{turns}");
            blocked += 1;
        }
        lift(&one, &alice);
    }
    assert!(blocked > 0 && free > 0, "{blocked} {free}");
}

/// Why each of these may view document 7, or may not.
fn reasons(world: &World, gateway: &Gateway, subjects: &[Value]) -> Vec<String> {
    let (action, resource) = (json!({ "name": "viewer" }), json!({ "type": "document", "id": "7" }));
    let each: Vec<Value> = subjects.iter().map(|subject| json!({ "subject": subject })).collect();
    let asked = json!({ "action": action, "resource": resource, "evaluations": each });
    let answered = authzen::ask(world, gateway, authzen::MANY, &asked);
    let reasons = answered.event["evaluations"].as_array().unwrap().iter();
    reasons.map(|one| one["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn services_that_ask_are_told_no_about_whoever_comes_by_what_is_blocked() {
    //
    let mut variables = deployment();
    variables["AUTHZEN"] = json!({ "require": { "scopes": ["decide"], "issuers": ["machines"] } });
    variables["RELATIONS"] = json!({ "client": {}, "document": { "viewer": "[client, service]" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let subjects = [
        json!({ "type": "client", "id": "machines|batch" }),
        json!({ "type": "service", "id": "machines|job", "properties": { "client": "batch" } }),
        json!({ "type": "service", "id": "self|key:0123456789abcdef" }),
        json!({ "type": "service", "id": "self|x", "properties": { "key_id": "0123456789abcdef" } }),
        json!({ "type": "service", "id": "self|y",
            "properties": { "owner": { "provider": "corp", "issuer": CORP, "subject": "alice" } } }),
        json!({ "type": "service", "id": "self|z", "properties": { "owner": { "provider": "corp", "subject": "alice" } } }),
        json!({ "type": "service", "id": "machines|w", "properties": { "actor": { "subject": "assistant" } } }),
        json!({ "type": "service", "id": "corp|v", "properties": { "actor": { "issuer": ORIGIN, "subject": AGENT } } }),
    ];
    let tuples = subjects.iter().map(|subject| {
        let text = |name: &str| subject[name].as_str().unwrap();
        format!("document:7#viewer@{}:{}", text("type"), text("id"))
    });
    done(&root.send(&order("/auth/admin/relations", &json!({ "add": tuples.collect::<Vec<_>>() }))));
    let answers = || reasons(&world, &gateway, &subjects);
    assert_eq!(answers(), ["relation.holds"; 8]);
    // Somebody else of the same name, or of another issuer.
    block(&root, &json!({ "issuer": "https://other.example", "client_id": "batch" }));
    block(&root, &json!({ "issuer": PARTNER, "subject": "alice" }));
    assert_eq!(answers(), ["relation.holds"; 8]);
    block(&root, &json!({ "issuer": PARTNER, "client_id": "batch" }));
    block(&root, &json!({ "key": "0123456789abcdef" }));
    block(&root, &json!({ "provider": "corp", "subject": "alice" }));
    block(&root, &json!({ "issuer": PARTNER, "subject": "assistant" }));
    block(&root, &json!({ "agent": AGENT }));
    let expected =
        ["client", "client", "key", "key", "owner", "owner", "actor", "client"].map(|of| format!("block.{of}"));
    assert_eq!(answers(), expected);
}

#[test]
fn services_that_ask_are_told_no_however_the_id_of_a_blocked_person_is_escaped() {
    //
    let mut variables = deployment();
    variables["AUTHZEN"] = json!({ "require": { "scopes": ["decide"], "issuers": ["machines"] } });
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user, service]" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let tuples = ["user:corp|alice", "user:corp|auth0|anne", "user:corp|a%23b", "service:self|key:0123456789abcdef"]
        .map(|subject| format!("document:7#viewer@{subject}"));
    done(&root.send(&order("/auth/admin/relations", &json!({ "add": tuples }))));
    let issuer = CORP.replace(':', "%3A").replace('/', "%2F");
    let subjects = [
        ("user", "corp|alice"),
        ("user", "corp|%61lice"),
        ("user", "%63orp|alice"),
        ("user", &format!("{issuer}|alice")),
        ("user", "corp|auth0|anne"),
        ("user", "corp|auth0%7Canne"),
        ("user", "corp|a%23b"),
        ("service", "self|key%3A0123456789abcdef"),
        ("service", "%73elf|key:0123456789abcdef"),
    ]
    .map(|(kind, id)| json!({ "type": kind, "id": id }));
    let answers = || reasons(&world, &gateway, &subjects);
    assert_eq!(answers(), ["relation.holds"; 9]);
    // Somebody else: whose name is what is escaped, as it stands.
    for subject in ["%61lice", "auth0", "a%23b", "a"] {
        block(&root, &json!({ "issuer": PARTNER, "subject": subject }));
    }
    assert_eq!(answers(), ["relation.holds"; 9]);
    for subject in ["alice", "auth0|anne", "a#b"] {
        block(&root, &json!({ "provider": "corp", "subject": subject }));
    }
    block(&root, &json!({ "key": "0123456789abcdef" }));
    let expected = [&["block.subject"; 7][..], &["block.key"; 2]].concat();
    assert_eq!(answers(), expected);
}

#[test]
fn a_proxy_that_asks_is_told_that_a_caller_is_blocked() {
    //
    let mut variables = deployment();
    variables["VERIFY"] = json!({});
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let token = token(&world, Some("at+jwt"), &json!({}));
    let passes = || {
        let asked = verify::forwarded(Asked::script("GET", "/auth/verify"), "GET", "/v1/x");
        let asked = asked.with("authorization", &format!("Bearer {token}"));
        let answered = Browser::new(&world, &gateway).send(&asked);
        (answered.reply().status.as_u16(), answered.event["reason"].clone())
    };
    assert_eq!(passes().0, 204);
    block(&root, &json!({ "issuer": PARTNER, "subject": "alice" }));
    assert_eq!(passes(), (401, json!("block.subject")));
    lift(&root, &json!({ "issuer": PARTNER, "subject": "alice" }));
    block(&root, &json!({ "issuer": PARTNER, "client_id": "reporter" }));
    assert_eq!(passes(), (401, json!("block.client")));
    lift(&root, &json!({ "issuer": PARTNER, "client_id": "reporter" }));
    assert_eq!(passes().0, 204);
}

#[test]
fn what_would_be_decided_takes_the_list_into_account_for_those_who_may_see_it() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let explained = |who: Value, request: &str| {
        let order = order("/auth/admin/explain", &json!({ "who": who, "request": request }));
        let told = done(&root.send(&order));
        (told["outcome"].as_str().unwrap().to_owned(), told["reason"].as_str().unwrap().to_owned())
    };
    let now = world.now.get();
    let alice = || json!({ "provider": "corp", "claims": { "sub": "alice" }, "signed_in": "1h" });
    let program = || {
        let claims = json!({ "sub": "alice", "client_id": "reporter", "scope": "read", "iat": now, "exp": now + 60 });
        json!({ "issuer": "machines", "claims": claims })
    };
    let met = ("allow".to_owned(), "authz.requirements_met".to_owned());
    let denied = |reason: &str| ("deny".to_owned(), reason.to_owned());
    assert_eq!((explained(alice(), "GET /api/x"), explained(program(), "GET /v1/x")), (met.clone(), met.clone()));
    block(&root, &json!({ "provider": "corp", "subject": "alice" }));
    block(&root, &json!({ "issuer": PARTNER, "client_id": "reporter" }));
    assert_eq!(explained(alice(), "GET /api/x"), denied("block.person"));
    assert_eq!(explained(program(), "GET /v1/x"), denied("block.client"));
    lift(&root, &json!({ "provider": "corp", "subject": "alice" }));
    lift(&root, &json!({ "issuer": PARTNER, "client_id": "reporter" }));
    world.wait(1);
    not_before(&root, &json!({ "issuer": PARTNER, "tokens": true }));
    not_before(&root, &json!({ "provider": "corp", "subject": "alice" }));
    // A session of hers would begin now.
    assert_eq!(explained(alice(), "GET /api/x"), met);
    assert_eq!(explained(program(), "GET /v1/x"), denied("block.token_issued_before_not_before"));
}
