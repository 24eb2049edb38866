//! What services hear where policies are published: the interoperability scenarios of `AuthZEN`, its certification's rules,
//! and several questions at once.

use std::collections::BTreeMap;
use std::path::Path;

use postern::policy::{Bundle, Pointer, pointer_key, version_key};
use serde_json::{Value, json};

use super::authzen::{MANY, ONE, ask, asking};
use crate::support::{World, gateway};

fn publish(world: &World, serial: u64, files: &[(&str, String)]) {
    let files: BTreeMap<String, String> = files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    let bundle = Bundle::new(files).unwrap();
    let pointer = Pointer::after(None, bundle.version(), None).at_least(serial);
    world.policies.borrow_mut().insert(version_key(&bundle.version()), bundle.to_text());
    world.policies.borrow_mut().insert(pointer_key().to_owned(), pointer.to_text());
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn interop(file: &str) -> Value {
    serde_json::from_str(&read(&format!("fixtures/authzen/{file}"))).unwrap()
}

/// Asks every question of a scenario, and returns how many there were.
#[track_caller]
fn answers_as_expected(world: &World, scenario: &Value) -> (usize, usize) {
    let gateway = gateway(&asking());
    let all = |name: &str| scenario[name].as_array().cloned().unwrap_or_default();
    for case in all("evaluation") {
        let answered = ask(world, &gateway, ONE, &case["request"]);
        assert_eq!(answered.json()["decision"], case["expected"], "{case} {}", answered.event);
    }
    for case in all("evaluations") {
        let answered = ask(world, &gateway, MANY, &case["request"]);
        let mut decisions = answered.json()["evaluations"].as_array().cloned().unwrap();
        decisions.iter_mut().for_each(|one| drop(one.as_object_mut().unwrap().remove("context")));
        assert_eq!(Value::from(decisions), case["expected"], "{case}");
    }
    (all("evaluation").len(), all("evaluations").len())
}

#[test]
fn the_todo_application_gets_the_answers_that_all_decision_points_give() {
    // R-200
    let world = World::new();
    let file = |name: &str| read(&format!("examples/policies/todo/{name}"));
    publish(&world, 1, &[("todo.cedar", file("todo.cedar")), ("todo.cedarschema", file("todo.cedarschema"))]);
    assert_eq!(answers_as_expected(&world, &interop("todo.json")), (40, 3));
}

#[test]
fn so_does_the_api_gateway_in_front_of_it() {
    // R-200
    let world = World::new();
    let file = |name: &str| read(&format!("fixtures/authzen/{name}"));
    publish(&world, 1, &[("a.cedar", file("gateway.cedar")), ("a.cedarschema", file("gateway.cedarschema"))]);
    assert_eq!(answers_as_expected(&world, &interop("gateway.json")), (25, 0));
}

/// The rules of the certification's fixture (OpenID, "AuthZEN Authorization API 1.0 certification", §4.4).
fn certification(world: &World) {
    let schema = r#"
        entity user = { role?: String, department?: String };
        entity record = { status?: String, owner?: String };
        action "record:read", "record:write", "record:delete" appliesTo {
            principal: user, resource: record,
            context: { time?: String, ip?: String, source?: String, action?: { soft?: Bool, method?: String } },
        };
    "#;
    let policies = r#"
        @id("read") permit(principal, action == Action::"record:read", resource == record::"record-1");
        @id("alice-writes") permit(principal == user::"alice", action == Action::"record:write", resource)
            unless { resource has status && resource.status == "archived" };
        @id("admins-write") permit(principal, action == Action::"record:write", resource)
            when { principal has role && principal.role == "admin" };
        @id("soft") permit(principal == user::"alice", action == Action::"record:delete", resource)
            when { context has action && context.action has soft && context.action.soft };
    "#;
    publish(world, 1, &[("a.cedarschema", schema.to_owned()), ("a.cedar", policies.to_owned())]);
}

fn asked(subject: &str, action: &str, resource: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": subject }, "action": { "name": action },
        "resource": { "type": "record", "id": resource },
    })
}

fn with(mut body: Value, pointer: &str, properties: Value) -> Value {
    body[pointer]["properties"] = properties;
    body
}

#[test]
fn the_rules_of_the_certification_hold() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    certification(&world);
    let archived = |body: Value| with(body, "resource", json!({ "status": "archived" }));
    let mut in_context = asked("alice", "read", "record-1");
    in_context["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
    let mut unknown = asked("alice", "read", "record-1");
    unknown["futureField"] = json!({ "nested": true });
    let more = with(asked("alice", "read", "record-1"), "subject", json!({ "department": "Sales", "role": "manager" }));
    let more = with(
        with(more, "action", json!({ "method": "GET" })),
        "resource",
        json!({ "status": "active", "owner": "bob" }),
    );
    for (body, expected) in [
        (asked("alice", "read", "record-1"), true),
        (asked("alice", "write", "record-1"), true),
        (asked("bob", "read", "record-1"), true),
        (asked("bob", "write", "record-1"), false),
        (archived(asked("alice", "write", "record-2")), false),
        (with(archived(asked("bob", "write", "record-2")), "subject", json!({ "role": "admin" })), true),
        (with(asked("alice", "delete", "record-1"), "action", json!({ "soft": true })), true),
        (with(asked("alice", "delete", "record-1"), "action", json!({ "soft": false })), false),
        (in_context, true),
        (unknown, true),
        (more, true),
    ] {
        for path in [ONE, MANY, ONE] {
            let answered = ask(&world, &gateway, path, &body);
            assert_eq!(answered.json()["decision"], expected, "{body} {}", answered.event);
        }
    }
}

#[test]
fn several_questions_are_answered_in_order_and_one_that_is_none_with_no() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    certification(&world);
    let body = json!({
        "subject": { "type": "user", "id": "bob" }, "resource": { "type": "record", "id": "record-1" },
        "evaluations": [
            { "action": { "name": "read" } }, { "action": { "name": "write" } }, {},
            { "action": { "name": "write" }, "subject": { "type": "user", "id": "alice" } },
            { "action": { "name": "rule" } },
        ],
    });
    let answered = ask(&world, &gateway, MANY, &body);
    let id = answered.event["request_id"].as_str().unwrap();
    let decisions = [true, false, false, true, false].into_iter().enumerate();
    let expected: Vec<Value> = decisions
        .map(|(at, decision)| json!({ "decision": decision, "context": { "id": format!("{id}.{}", at + 1) } }))
        .collect();
    assert_eq!(answered.json(), json!({ "evaluations": expected }));
    let noted = answered.event["evaluations"].as_array().unwrap();
    let reasons: Vec<&str> = noted.iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "policy.permitted",
            "policy.nothing_permits",
            "evaluation.malformed",
            "policy.permitted",
            "policy.unfit_action"
        ]
    );
    assert_eq!((&noted[0]["policies"], &noted[3]["policies"]), (&json!(["read"]), &json!(["alice-writes"])));
    assert!(noted[2]["detail"].as_str().unwrap().contains("`action`"));
    assert_eq!(answered.event["policy_version"].as_str().unwrap().len(), 64);
}

#[test]
fn the_semantics_end_with_the_first_no_or_the_first_yes() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    certification(&world);
    let item = |action: &str| json!({ "action": { "name": action } });
    for (semantic, items, expected) in [
        ("execute_all", vec![item("read"), item("write"), item("read")], vec![true, false, true]),
        ("deny_on_first_deny", vec![item("read"), item("write"), item("read")], vec![true, false]),
        ("deny_on_first_deny", vec![item("read"), json!({}), item("read")], vec![true, false]),
        ("deny_on_first_deny", vec![item("read"), item("read")], vec![true, true]),
        ("permit_on_first_permit", vec![item("write"), item("read"), item("read")], vec![false, true]),
        ("permit_on_first_permit", vec![item("write"), item("write")], vec![false, false]),
    ] {
        let body = json!({
            "subject": { "type": "user", "id": "bob" }, "resource": { "type": "record", "id": "record-1" },
            "options": { "evaluations_semantic": semantic }, "evaluations": items,
        });
        let answered = ask(&world, &gateway, MANY, &body);
        let found = answered.json()["evaluations"].as_array().cloned().unwrap();
        let found: Vec<bool> = found.iter().map(|one| one["decision"].as_bool().unwrap()).collect();
        assert_eq!(found, expected, "{body}");
        assert_eq!(answered.event["evaluations"].as_array().unwrap().len(), expected.len());
    }
}

#[test]
fn what_does_not_fit_the_schema_is_a_no_and_its_properties_are_not_in_the_log() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    certification(&world);
    let body = with(asked("alice", "read", "record-1"), "subject", json!({ "salary": "much-too-much" }));
    let answered = ask(&world, &gateway, ONE, &body);
    assert_eq!((&answered.json()["decision"], answered.reply().status.as_u16()), (&json!(false), 200));
    assert_eq!(answered.event["evaluations"][0]["reason"], "policy.unfit_subject");
    assert!(!answered.event.to_string().contains("much-too-much"));
}

#[test]
fn a_version_on_trial_is_noted_for_each_question() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    certification(&world);
    let live = Pointer::from_text(&world.policies.borrow()[pointer_key()]).unwrap().live;
    publish(&world, 2, &[("a.cedar", "permit(principal, action, resource);".to_owned())]);
    let shadow = Pointer::from_text(&world.policies.borrow()[pointer_key()]).unwrap().live;
    let pointer = Pointer::after(None, live, Some(shadow)).at_least(3);
    world.policies.borrow_mut().insert(pointer_key().to_owned(), pointer.to_text());
    let answered = ask(&world, &gateway, ONE, &asked("alice", "read", "record-1"));
    assert_eq!(answered.json()["decision"], true);
    let noted = answered.event["evaluations"][0]["policy_trial"].as_str().unwrap().to_owned();
    assert!(noted.starts_with("policy.unfit_subject "), "{noted}");
}
