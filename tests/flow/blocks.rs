//! Who is blocked is refused on the next request, by every isolate, until the block is lifted; and sessions and tokens from
//! before a moment count no more.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::authzen;
use super::bearer::{token, with_issuers};
use crate::support::{Answered, Asked, Browser, CORP, Fault, PARTNER, World, gateway};

/// A deployment with a block list, and an issuer whose tokens are people's and services'.
pub fn deployment() -> Value {
    let mut variables = with_issuers();
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    variables["ROUTES"]["/lenient"] =
        json!({ "upstream": "service:API", "authenticate": ["session", "bearer"], "revocation": "5s" });
    variables
}

pub fn root<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as("root", "root")
}

pub fn order(path: &str, body: &Value) -> Asked {
    Asked::script("POST", path).with("content-type", "application/json").with_body(Ok(&body.to_string()))
}

#[track_caller]
pub fn done(answered: &Answered) -> Value {
    assert_eq!(answered.event["reason"], "admin.done", "{}", answered.event);
    answered.json()
}

#[track_caller]
pub fn block(by: &Browser<'_>, body: &Value) -> Value {
    done(&by.send(&order("/auth/admin/blocks", body)))
}

#[track_caller]
pub fn lift(by: &Browser<'_>, body: &Value) -> Value {
    done(&by.send(&order("/auth/admin/blocks/lift", body)))
}

#[track_caller]
pub fn not_before(by: &Browser<'_>, body: &Value) -> Value {
    done(&by.send(&order("/auth/admin/not-before", body)))
}

pub fn api(world: &World, gateway: &Gateway, changes: &Value) -> Answered {
    let token = token(world, Some("at+jwt"), changes);
    Browser::new(world, gateway).send(&Asked::bearing("/v1/x", &token))
}

#[test]
fn a_blocked_subject_is_refused_on_the_next_request_in_the_other_isolate_until_the_block_is_lifted() {
    //
    let world = World::new();
    let [here, there] = [gateway(&deployment()), gateway(&deployment())];
    let root = root(&world, &here);
    for isolate in [&here, &there] {
        api(&world, isolate, &json!({})).forwarded();
    }
    let alice = json!({ "issuer": PARTNER, "subject": "alice" });
    let answer = block(&root, &json!({ "issuer": PARTNER, "subject": "alice", "reason": "left" }));
    assert_eq!(answer, json!({ "blocked": true, "ended": 0, "until": null }));
    for isolate in [&there, &here] {
        let refused = api(&world, isolate, &json!({}));
        refused.assert_refused(401, "block.subject");
        assert_eq!(refused.json()["type"], "urn:postern:problem:invalid-token");
        assert_eq!(refused.event["subject"], "alice");
        // Another one, and the same name with another issuer.
        api(&world, isolate, &json!({ "sub": "bob" })).forwarded();
    }
    assert_eq!(lift(&root, &alice), json!({ "lifted": true }));
    assert_eq!(lift(&root, &alice), json!({ "lifted": false }));
    for isolate in [&there, &here] {
        api(&world, isolate, &json!({})).forwarded();
    }
}

#[test]
fn a_blocked_person_has_no_session_any_more_and_cannot_begin_one_until_the_block_is_lifted() {
    //
    let world = World::new();
    let [here, there] = [gateway(&deployment()), gateway(&deployment())];
    let root = root(&world, &here);
    let alice = Browser::new(&world, &there).signed_in_as("alice", "alice");
    let late = Browser::new(&world, &there);
    let url = late.begin("");
    let answer = block(&root, &json!({ "provider": "corp", "subject": "alice", "reason": "stolen laptop" }));
    assert_eq!(answer["ended"], 1);
    alice.send(&Asked::script("GET", "/api/x")).assert_refused(401, "session.gone");
    // A login that was under way, and one that begins now.
    world.corp.bend_claims(|claims| claims["sub"] = "alice".into());
    let raced = late.come_back(&world.corp.authorize(&url));
    raced.assert_refused(403, "block.person");
    let again = Browser::new(&world, &here).login();
    again.assert_refused(403, "block.person");
    assert!(again.reply().body.contains("This account is blocked"), "{}", again.reply().body);
    assert!(!again.reply().body.contains("stolen"), "{}", again.reply().body);
    assert_eq!(world.sessions(), 1, "root's");
    lift(&root, &json!({ "provider": "corp", "subject": "alice" }));
    world.wait(1);
    assert_eq!(Browser::new(&world, &there).login().event["reason"], "login.succeeded");
}

#[test]
fn a_block_is_about_clients_actors_and_owners_too() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    block(&root, &json!({ "issuer": PARTNER, "client_id": "reporter" }));
    api(&world, &gateway, &json!({})).assert_refused(401, "block.client");
    api(&world, &gateway, &json!({ "client_id": "other" })).forwarded();
    block(&root, &json!({ "issuer": PARTNER, "subject": "assistant" }));
    let acting = |act: Value| api(&world, &gateway, &json!({ "client_id": "other", "act": act }));
    acting(json!({ "sub": "assistant" })).assert_refused(401, "block.actor");
    acting(json!({ "sub": "helper", "act": { "sub": "assistant", "iss": PARTNER } }))
        .assert_refused(401, "block.actor");
    acting(json!({ "sub": "assistant", "iss": "https://another.example" })).forwarded();
}

#[test]
fn a_block_ends_by_itself_where_it_says_until_when() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let until = world.now.get() + 60;
    block(&root, &json!({ "issuer": PARTNER, "subject": "alice", "until": until }));
    block(&root, &json!({ "provider": "corp", "subject": "alice", "until": until }));
    world.corp.bend_claims(|claims| claims["sub"] = "alice".into());
    world.wait(59);
    api(&world, &gateway, &json!({})).assert_refused(401, "block.subject");
    Browser::new(&world, &gateway).login().assert_refused(403, "block.person");
    world.wait(1);
    api(&world, &gateway, &json!({})).forwarded();
    assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "login.succeeded");
    let listed = done(&root.send(&Asked::script("GET", "/auth/admin/blocks")));
    assert_eq!(listed, json!({ "blocks": [], "next": null }));
}

#[test]
fn the_list_tells_who_is_blocked_why_until_when_and_by_whom() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let (now, until) = (world.now.get(), world.now.get() + 60);
    block(&root, &json!({ "provider": "corp", "subject": "alice", "reason": "left", "until": until }));
    block(&root, &json!({ "key": "0123456789abcdef" }));
    let listed = done(&root.send(&Asked::script("GET", "/auth/admin/blocks")));
    let blocks = listed["blocks"].as_array().unwrap();
    let by = "corp|root";
    let alice = json!({ "issuer": CORP, "subject": "alice", "reason": "left", "until": until, "by": by, "at": now });
    let key = json!({ "key": "0123456789abcdef", "reason": "", "until": null, "by": by, "at": now });
    assert!(blocks.len() == 2 && blocks.contains(&alice) && blocks.contains(&key), "{listed}");
    let event = root.send(&order("/auth/admin/blocks/lift", &json!({ "provider": "corp", "subject": "alice" }))).event;
    let told = ["action", "target", "before", "after"].map(|name| event[name].as_str().unwrap().to_owned());
    assert_eq!(told, ["blocks.lift", "corp|alice", &format!("blocked until {until}: left"), "not blocked"]);
}

#[test]
fn an_order_that_can_be_read_in_two_ways_or_names_nobody_changes_nothing() {
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let now = world.now.get();
    for body in [
        json!({}),
        json!({ "provider": "corp" }),
        json!({ "provider": "corp", "issuer": CORP, "subject": "alice" }),
        json!({ "provider": "corp", "subject": "alice", "client_id": "app" }),
        json!({ "provider": "corp", "subject": "alice", "key": "0123456789abcdef" }),
        json!({ "key": "0123456789abcdef", "provider": "corp" }),
        json!({ "key": "0123456789ABCDEF" }),
        json!({ "provider": "corp", "subject": "alice", "until": now }),
        json!({ "provider": "corp", "subject": "alice", "reason": "x".repeat(201) }),
        json!({ "provider": "corp", "subject": "alice", "reason": "a\nb" }),
        json!({ "provider": "corp", "subject": "alice", "more": 1 }),
    ] {
        root.send(&order("/auth/admin/blocks", &body)).assert_refused(400, "request.bad_input");
    }
    for body in [
        json!({}),
        json!({ "everybody": false }),
        json!({ "everybody": true, "provider": "corp" }),
        json!({ "everybody": true, "subject": "alice" }),
        json!({ "everybody": true, "at": now + 1 }),
        json!({ "everybody": true, "at": -1 }),
        json!({ "everybody": true, "tokens": 1 }),
    ] {
        root.send(&order("/auth/admin/not-before", &body)).assert_refused(400, "request.bad_input");
    }
    let own = root.send(&order("/auth/admin/blocks", &json!({ "provider": "corp", "subject": "root" })));
    assert_eq!((own.reply().status.as_u16(), &own.event["reason"]), (422, &json!("admin.unacceptable")));
    assert_eq!(done(&root.send(&Asked::script("GET", "/auth/admin/blocks")))["blocks"], json!([]));
    assert!(root.is_in());
}

#[test]
fn the_session_of_a_blocked_person_is_refused_though_its_object_was_not_reached() {
    // the list was written, and then the answer of the person's object stayed away.
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    world.fault.set(Fault::EndAnswers);
    let unanswered = root.send(&order("/auth/admin/blocks", &json!({ "provider": "corp", "subject": "alice" })));
    unanswered.assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    alice.send(&Asked::script("GET", "/api/x")).assert_refused(401, "session.gone");
}

#[test]
fn where_the_list_does_not_answer_nobody_is_let_in() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    api(&world, &gateway, &json!({})).forwarded();
    world.wait(6);
    world.fault.set(Fault::Blocks);
    api(&world, &gateway, &json!({})).assert_refused(503, "store.unavailable");
    root.send(&Asked::script("GET", "/api/x")).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    api(&world, &gateway, &json!({})).forwarded();
    root.send(&Asked::script("GET", "/api/x")).forwarded();
}

#[test]
fn other_proxies_and_services_that_ask_are_told_no() {
    //
    let mut variables = deployment();
    variables["AUTHZEN"] = json!({ "require": { "scopes": ["decide"], "issuers": ["machines"] } });
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = root(&world, &gateway);
    let tuple = json!({ "add": ["document:7#viewer@user:corp|alice"] });
    done(&root.send(&order("/auth/admin/relations", &tuple)));
    let ask = || {
        let question = json!({
            "subject": { "type": "user", "id": "corp|alice" }, "action": { "name": "viewer" },
            "resource": { "type": "document", "id": "7" },
        });
        authzen::ask(&world, &gateway, authzen::ONE, &question)
    };
    assert_eq!(ask().json()["decision"], true);
    block(&root, &json!({ "provider": "corp", "subject": "alice" }));
    let answered = ask();
    assert_eq!(answered.json()["decision"], false);
    assert_eq!(answered.event["evaluations"][0]["reason"], "block.subject");
    block(&root, &json!({ "issuer": PARTNER, "subject": "reporter" }));
    assert_eq!(ask().reply().status.as_u16(), 401);
}

#[test]
fn sessions_from_before_a_moment_count_no_more() {
    //
    let world = World::new();
    let [here, there] = [gateway(&deployment()), gateway(&deployment())];
    for body in [
        json!({ "everybody": true }),
        json!({ "provider": "corp" }),
        json!({ "issuer": CORP }),
        json!({ "provider": "corp", "subject": "alice" }),
    ] {
        let alice = Browser::new(&world, &there).signed_in_as("alice", "alice");
        alice.send(&Asked::script("GET", "/api/x")).forwarded();
        world.wait(1);
        let root = root(&world, &here);
        not_before(&root, &body);
        // A copy of the list may be five seconds old.
        world.wait(5);
        let refused = alice.send(&Asked::script("GET", "/api/x"));
        let expected = if body["subject"].is_null() { "session.began_before_not_before" } else { "session.gone" };
        refused.assert_refused(401, expected);
        assert!(root.is_in(), "it began in that second");
        assert!(Browser::new(&world, &there).signed_in_as("alice", "alice").is_in());
        world.wait(1);
    }
}

#[test]
fn tokens_from_before_a_moment_count_no_more_where_that_is_meant() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let now = world.now.get();
    let issued = |ago: i64| api(&world, &gateway, &json!({ "iat": now - ago, "exp": now + 900 }));
    not_before(&root, &json!({ "issuer": PARTNER, "at": now - 10 }));
    issued(20).forwarded();
    let answer = not_before(&root, &json!({ "issuer": PARTNER, "at": now - 10, "tokens": true }));
    assert_eq!((&answer["sessions"], &answer["tokens"]), (&json!(now - 10), &json!(now - 10)));
    issued(11).assert_refused(401, "block.token_issued_before_not_before");
    issued(10).forwarded();
    // It never moves back, and another subject's is another.
    let answer = not_before(&root, &json!({ "issuer": PARTNER, "at": now - 60, "tokens": true }));
    assert_eq!((&answer["sessions"], &answer["tokens"]), (&json!(now - 10), &json!(now - 10)));
    not_before(&root, &json!({ "issuer": PARTNER, "subject": "bob", "at": now - 5, "tokens": true }));
    issued(6).forwarded();
    let bob = api(&world, &gateway, &json!({ "sub": "bob", "iat": now - 6, "exp": now + 900 }));
    bob.assert_refused(401, "block.token_issued_before_not_before");
    let listed = done(&root.send(&Asked::script("GET", "/auth/admin/not-before")));
    let moments = listed["not_before"].as_array().unwrap();
    let of_bob = |moment: &&Value| moment["subject"] == "bob" && moment["by"] == "corp|root";
    assert!(moments.len() == 2 && moments.iter().filter(of_bob).count() == 1, "{listed}");
}

#[test]
fn the_moment_of_a_person_s_sessions_leaves_nothing_on_the_list() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let root = root(&world, &gateway);
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    world.wait(1);
    not_before(&root, &json!({ "provider": "corp", "subject": "alice" }));
    alice.send(&Asked::script("GET", "/api/x")).assert_refused(401, "session.gone");
    let moments = || done(&root.send(&Asked::script("GET", "/auth/admin/not-before")))["not_before"].clone();
    assert_eq!(moments(), json!([]));
    // One for tokens is kept, and forgotten when none of them can be good.
    not_before(&root, &json!({ "provider": "corp", "subject": "alice", "tokens": true }));
    assert_eq!(moments().as_array().unwrap().len(), 1);
}

#[test]
fn a_moment_that_is_cleared_refuses_nothing() {
    //
    let world = World::new();
    let [here, there] = [gateway(&deployment()), gateway(&deployment())];
    let alice = Browser::new(&world, &there).signed_in_as("alice", "alice");
    let now = world.now.get();
    world.wait(1);
    let root = root(&world, &here);
    let clear = |body: &Value| root.send(&order("/auth/admin/not-before/clear", body));
    let issued = || api(&world, &there, &json!({ "iat": now, "exp": now + 900 }));
    for (set, of) in [
        (json!({ "everybody": true, "tokens": true }), json!({ "everybody": true })),
        (json!({ "issuer": PARTNER, "tokens": true }), json!({ "issuer": PARTNER })),
        (
            json!({ "issuer": PARTNER, "subject": "alice", "tokens": true }),
            json!({ "issuer": PARTNER, "subject": "alice" }),
        ),
    ] {
        let moment = now + 1;
        not_before(&root, &set);
        issued().assert_refused(401, "block.token_issued_before_not_before");
        for other in [json!({ "provider": "corp", "subject": "bob" }), json!({ "issuer": "https://other.example" })] {
            assert_eq!(done(&clear(&other)), json!({ "cleared": false }));
        }
        issued().assert_refused(401, "block.token_issued_before_not_before");
        let cleared = clear(&of);
        assert_eq!(done(&cleared), json!({ "cleared": true }));
        let told = ["action", "before", "after"].map(|name| cleared.event[name].as_str().unwrap().to_owned());
        let before = format!("sessions since {moment}, tokens since {moment}");
        assert_eq!(told, ["not_before.clear", &before, "all sessions"]);
        issued().forwarded();
        assert_eq!(done(&clear(&of)), json!({ "cleared": false }));
    }
    world.wait(6);
    alice.send(&Asked::script("GET", "/api/x")).forwarded();
    let listed = done(&root.send(&Asked::script("GET", "/auth/admin/not-before")));
    assert_eq!(listed, json!({ "not_before": [] }));
    for body in [json!({}), json!({ "everybody": false }), json!({ "everybody": true, "tokens": true })] {
        clear(&body).assert_refused(400, "request.bad_input");
    }
}

#[test]
fn a_list_of_sessions_shows_none_from_before_a_moment() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let _alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    world.wait(1);
    let root = root(&world, &gateway);
    let of_alice = || {
        let asked = Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=alice");
        done(&root.send(&asked))["sessions"].as_array().unwrap().len()
    };
    assert_eq!(of_alice(), 1);
    not_before(&root, &json!({ "everybody": true }));
    world.wait(5);
    assert_eq!(of_alice(), 0);
}

#[test]
fn a_stream_of_a_session_ends_by_a_moment_of_everybody() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "alice");
    let lifetime = match alice.send(&Asked::script("GET", "/api/x")).outcome {
        postern::gateway::Disposition::Forward(plan) => plan.lifetime.clone(),
        _ => panic!("not forwarded"),
    };
    let postern::upstream::StreamLifetime::Session(lease) = lifetime else { panic!("{lifetime:?}") };
    let standing = lease.standing.unwrap();
    let stands = || futures::executor::block_on(gateway.still_stands(&world, &standing)).unwrap();
    assert!(stands());
    world.wait(1);
    let root = root(&world, &gateway);
    not_before(&root, &json!({ "everybody": true }));
    world.wait(5);
    assert!(!stands());
}
