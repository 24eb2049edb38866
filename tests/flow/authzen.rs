//! Services ask what somebody may do: who may ask, what they hear, and what is noted of it.

use postern::gateway::Gateway;
use postern::http::header;
use postern::ports::BodyError;
use postern::relation::MemoryTuples;
use postern::store::decision_log::MAX_EVENT_BYTES;
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use super::relations::write;
use crate::support::{Answered, Asked, Browser, Fault, World, gateway, variables};

pub const ONE: &str = "/access/v1/evaluation";
pub const MANY: &str = "/access/v1/evaluations";
const METADATA: &str = "/.well-known/authzen-configuration";

/// A deployment that takes questions of services with the scope `decide`.
pub fn asking() -> Value {
    let mut variables = with_issuers();
    variables["AUTHZEN"] = json!({ "require": { "scopes": ["decide"], "issuers": ["machines"] } });
    variables
}

/// A token of a service's own, with these claims changed.
pub fn service(world: &World, changes: &Value) -> String {
    let mut claims = json!({ "sub": "reporter", "scope": "decide" });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    token(world, Some("at+jwt"), &claims)
}

pub fn posted(path: &str, token: &str, body: &str) -> Asked {
    let asked = Asked::new("POST", path).with("authorization", &format!("Bearer {token}"));
    asked.with("content-type", "application/json").with_body(Ok(body))
}

pub fn ask(world: &World, gateway: &Gateway, path: &str, body: &Value) -> Answered {
    let token = service(world, &json!({}));
    Browser::new(world, gateway).send(&posted(path, &token, &body.to_string()))
}

fn question() -> Value {
    json!({
        "subject": { "type": "user", "id": "alice" }, "action": { "name": "read" },
        "resource": { "type": "record", "id": "record-1" },
    })
}

/// Refused in words, with the id by which the log knows more, and nothing of what the log knows.
#[track_caller]
fn refused(answered: &Answered, status: u16, reason: &str) {
    let reply = answered.reply();
    assert_eq!((reply.status.as_u16(), &answered.event["reason"]), (status, &json!(reason)), "{}", answered.event);
    assert_eq!(reply.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(reply.headers[header::CACHE_CONTROL], "private, no-store");
    assert!(reply.body.contains(answered.event["request_id"].as_str().unwrap()), "{}", reply.body);
    assert!(!reply.body.contains(reason) && answered.event.get("evaluations").is_none(), "{}", reply.body);
}

#[test]
fn a_service_asks_and_hears_a_decision_and_an_id_and_no_more() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let answered = ask(&world, &gateway, ONE, &question());
    // Nobody has published anything: no.
    let id = &answered.event["request_id"];
    assert_eq!(answered.json(), json!({ "decision": false, "context": { "id": id } }));
    let reply = answered.reply();
    assert_eq!(
        (reply.status.as_u16(), &reply.headers[header::CONTENT_TYPE]),
        (200, &"application/json".parse().unwrap())
    );
    assert_eq!(reply.headers[header::CACHE_CONTROL], "private, no-store");
    let event = &answered.event;
    assert_eq!(
        (&event["event"], &event["outcome"], &event["reason"]),
        (&json!("evaluation"), &json!("allow"), &json!("evaluation.answered"))
    );
    assert_eq!(
        (&event["subject"], &event["kind"], &event["route"]),
        (&json!("reporter"), &json!("service"), &json!("AUTHZEN"))
    );
    let evaluated = &event["evaluations"][0];
    assert_eq!((&evaluated["subject"], &evaluated["resource"]), (&json!("user alice"), &json!("record record-1")));
    assert_eq!((&evaluated["action"], &evaluated["decision"]), (&json!("read"), &json!(false)));
    assert_eq!(evaluated["reason"], "policy.none_loaded");
}

#[test]
fn without_the_table_there_is_nothing() {
    let (world, gateway) = (World::new(), gateway(&with_issuers()));
    for path in [ONE, MANY, METADATA] {
        assert_eq!(ask(&world, &gateway, path, &question()).reply().status, 404, "{path}");
    }
    assert_eq!(Browser::new(&world, &gateway).send(&Asked::new("GET", METADATA)).reply().status, 404);
}

#[test]
fn who_shows_no_token_is_told_where_to_get_one() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let anonymous = Asked::new("POST", ONE).with("content-type", "application/json").with_body(Ok("{}"));
    let answered = Browser::new(&world, &gateway).send(&anonymous);
    refused(&answered, 401, "authn.no_token");
    let challenge = answered.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains("oauth-protected-resource/access/v1\""),
        "{challenge}"
    );
    let metadata =
        Browser::new(&world, &gateway).send(&Asked::new("GET", "/.well-known/oauth-protected-resource/access/v1"));
    assert_eq!(metadata.json()["scopes_supported"], json!(["decide"]));
}

#[test]
fn a_session_a_person_an_agent_and_a_service_without_the_scope_may_not_ask() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let signed_in = Browser::new(&world, &gateway).signed_in();
    let by_cookie = Asked::script("POST", ONE).with("content-type", "application/json").with_body(Ok("{}"));
    refused(&signed_in.send(&by_cookie), 401, "authn.no_token");
    let ask = |changes: Value| {
        let token = service(&world, &changes);
        Browser::new(&world, &gateway).send(&posted(ONE, &token, &question().to_string()))
    };
    refused(&ask(json!({ "sub": "alice" })), 403, "authz.kind_not_accepted");
    let scope = ask(json!({ "scope": "read" }));
    refused(&scope, 403, "authz.insufficient_scope");
    let challenge = scope.reply().headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"decide\""), "{challenge}");
    let late = service(&world, &json!({}));
    world.wait(3600);
    let expired = Browser::new(&world, &gateway).send(&posted(ONE, &late, &question().to_string()));
    assert_eq!(expired.reply().status, 401);
}

#[test]
fn an_agent_asks_where_agents_may() {
    let mut variables = asking();
    variables["ISSUERS"]["machines"]["kind"] = json!("agent");
    let world = World::new();
    refused(&ask(&world, &gateway(&variables), ONE, &question()), 403, "authz.kind_not_accepted");
    variables["AUTHZEN"]["require"]["kinds"] = json!(["agent"]);
    assert_eq!(ask(&world, &gateway(&variables), ONE, &question()).reply().status, 200);
}

#[test]
fn the_metadata_says_what_can_be_asked_and_no_more() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let answered = Browser::new(&world, &gateway).send(&Asked::new("GET", METADATA));
    assert_eq!(
        answered.json(),
        json!({
            "policy_decision_point": "https://app.example.com",
            "access_evaluation_endpoint": "https://app.example.com/access/v1/evaluation",
            "access_evaluations_endpoint": "https://app.example.com/access/v1/evaluations",
        })
    );
    assert_eq!(answered.reply().headers[header::CACHE_CONTROL], "public, max-age=3600");
    answered_405(&world, &gateway, "POST", METADATA);
    answered_405(&world, &gateway, "GET", ONE);
    answered_405(&world, &gateway, "OPTIONS", MANY);
}

#[track_caller]
fn answered_405(world: &World, gateway: &Gateway, method: &str, path: &str) {
    assert_eq!(Browser::new(world, gateway).send(&Asked::new(method, path)).reply().status, 405, "{method} {path}");
}

#[test]
fn a_service_s_own_id_of_the_request_comes_back_whatever_the_answer() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let token = service(&world, &json!({}));
    for (id, body, status) in [("bfe9eb29", question().to_string(), 200), ("ab87-4ca3", "{".to_owned(), 400)] {
        let asked = posted(ONE, &token, &body).with("x-request-id", id);
        let answered = Browser::new(&world, &gateway).send(&asked);
        assert_eq!(
            (answered.reply().status.as_u16(), &answered.reply().headers["x-request-id"]),
            (status, &id.parse().unwrap())
        );
        assert_eq!(answered.event["client_request_id"], id);
        assert_ne!(answered.event["request_id"], id);
    }
    let anonymous = Asked::new("POST", ONE).with("x-request-id", "anonymous-1");
    assert_eq!(Browser::new(&world, &gateway).send(&anonymous).reply().headers["x-request-id"], "anonymous-1");
}

#[test]
fn what_is_no_question_is_told_so_and_what_is_wrong_with_it() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    for (path, pointer, value, told) in [
        (ONE, "subject", json!(null), "`subject`"),
        (ONE, "action", json!({}), "`action.name`"),
        (ONE, "resource", json!({ "type": "record" }), "`resource.id`"),
        (ONE, "subject", json!("alice"), "`subject`"),
        (MANY, "evaluations", json!({}), "`evaluations`"),
        (MANY, "evaluations", json!(vec![json!({}); 101]), "100"),
        (MANY, "options", json!({ "evaluations_semantic": "some" }), "evaluations_semantic"),
        (MANY, "subject", json!([]), "`subject`"),
        (ONE, "context", json!({ "x": "x".repeat(128 * 1024) }), "too large"),
    ] {
        let mut body = question();
        body[pointer] = value;
        let answered = ask(&world, &gateway, path, &body);
        refused(&answered, 400, "evaluation.malformed");
        assert!(answered.reply().body.contains(told), "{}", answered.reply().body);
    }
    let token = service(&world, &json!({}));
    for body in ["", "[]", "{", "{\"subject\":{},\"subject\":{}}"] {
        refused(&Browser::new(&world, &gateway).send(&posted(ONE, &token, body)), 400, "evaluation.malformed");
    }
    let unreadable = posted(ONE, &token, "").with_body(Err(BodyError::Unreadable));
    refused(&Browser::new(&world, &gateway).send(&unreadable), 400, "evaluation.malformed");
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let asked =
            Asked::new("POST", ONE).with("authorization", &format!("Bearer {token}")).with("content-type", kind);
        let asked = asked.with_body(Ok(&question().to_string()));
        refused(&Browser::new(&world, &gateway).send(&asked), 400, "evaluation.malformed");
    }
}

#[test]
fn limits_count_as_on_routes() {
    let mut variables = asking();
    variables["AUTHZEN"]["limits"] = json!({ "subject": { "rate": "1/1m" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    assert_eq!(ask(&world, &gateway, ONE, &question()).reply().status, 200);
    let answered = ask(&world, &gateway, ONE, &question());
    refused(&answered, 429, "limit.subject");
    assert!(answered.reply().headers.contains_key(header::RETRY_AFTER));
}

#[test]
fn what_is_asked_about_is_cut_short_in_the_log() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let mut body = question();
    body["subject"]["id"] = json!("\u{2028}é".repeat(200));
    body["evaluations"] = json!(vec![json!({}); 100]);
    ask(&world, &gateway, MANY, &body);
    let line = world.lines.borrow().last().unwrap().clone();
    assert!(line.len() < 60_000 && !line.contains('\u{2028}'), "{}", line.len());
}

#[test]
fn people_have_no_such_door() {
    // A deployment without issuers of tokens cannot have one.
    let mut variables = variables();
    variables["AUTHZEN"] = json!({});
    let problems =
        postern::config::Config::parse(variables.as_object().unwrap(), &|_| Some("x".to_owned())).unwrap_err();
    assert!(problems.iter().any(|problem| problem.to_string().starts_with("AUTHZEN: ")), "{problems:?}");
}

/// A deployment whose relations know documents.
fn with_documents() -> Value {
    let mut variables = asking();
    variables["RELATIONS"] = json!({
        "group": { "member": "[user, group#member]" },
        "document": { "owner": "[user]", "viewer": "[user, group#member] or owner" },
    });
    variables
}

fn may(subject: &str, action: &str, document: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": subject }, "action": { "name": action },
        "resource": { "type": "document", "id": document },
    })
}

#[test]
fn what_the_relations_know_they_answer() {
    //
    let (world, gateway) = (World::new(), gateway(&with_documents()));
    write(&world, &["document:7#viewer@group:eng#member", "group:eng#member@user:corp|alice"]);
    write(&world, &["document:7#owner@user:corp|bob"]);
    for (subject, action, document, decision, reason) in [
        ("corp|alice", "viewer", "7", true, "relation.holds"),
        ("corp|bob", "viewer", "7", true, "relation.holds"),
        ("corp|bob", "owner", "7", true, "relation.holds"),
        ("corp|alice", "owner", "7", false, "relation.missing"),
        ("corp|alice", "viewer", "8", false, "relation.missing"),
        ("machines|alice", "viewer", "7", false, "relation.missing"),
        // Nobody without an issuer, no group in somebody's name, nobody who is everybody.
        ("alice", "viewer", "7", false, "relation.unreadable"),
        ("corp|alice#member", "viewer", "7", false, "relation.unreadable"),
        ("*", "viewer", "7", false, "relation.unreadable"),
        ("corp|alice", "viewer", "7#viewer", false, "relation.unreadable"),
    ] {
        let answered = ask(&world, &gateway, ONE, &may(subject, action, document));
        let noted = &answered.event["evaluations"][0];
        let said = (answered.json()["decision"].as_bool(), noted["reason"].as_str());
        assert_eq!(said, (Some(decision), Some(reason)), "{subject} {action} {document}");
    }
    // A type of another name, however it is spelt, is none of theirs.
    let mut other = may("alice", "viewer", "7");
    other["subject"] = json!({ "type": "user:corp|x", "id": "alice" });
    let answered = ask(&world, &gateway, ONE, &other);
    assert_eq!(answered.event["evaluations"][0]["reason"], "relation.unreadable");
    for (action, kind) in [("viewers", "document"), ("viewer", "folder"), ("viewer", "document:7#x")] {
        let mut unknown = may("corp|alice", action, "7");
        unknown["resource"]["type"] = json!(kind);
        let answered = ask(&world, &gateway, ONE, &unknown);
        let reason = answered.event["evaluations"][0]["reason"].as_str().unwrap().to_owned();
        assert!(answered.json()["decision"] == false && reason.starts_with("policy."), "{reason}");
    }
}

#[test]
fn all_questions_of_a_request_share_one_budget() {
    //
    let (world, gateway) = (World::new(), gateway(&with_documents()));
    // Each document leads to forty groups of its own, and to one that all have in common.
    let own = |at: usize| (0..40).map(move |group| format!("document:{at}#viewer@group:g{at}-{group}#member"));
    let tuples: Vec<String> = (0..100)
        .flat_map(|at| own(at).chain([format!("document:{at}#viewer@group:all#member")]))
        .chain(["group:all#member@user:corp|alice".to_owned()])
        .collect();
    write(&world, &tuples.iter().map(String::as_str).collect::<Vec<_>>());
    let some = |whom: &str, count: usize| {
        let all: Vec<Value> = (0..count).map(|at| may(whom, "viewer", &at.to_string())).collect();
        let (answered, cost) = world.cost_of(|| ask(&world, &gateway, MANY, &json!({ "evaluations": all })));
        let evaluations = answered.event["evaluations"].as_array().unwrap().clone();
        let reasons: Vec<String> = evaluations.iter().map(|one| one["reason"].as_str().unwrap().to_owned()).collect();
        (reasons, cost.requests)
    };
    let (reasons, requests) = some("corp|bob", 100);
    assert!(requests <= 500, "{requests}");
    assert_eq!(
        (reasons.first().unwrap().as_str(), reasons.last().unwrap().as_str()),
        ("relation.missing", "relation.too_much")
    );
    let answered = reasons.iter().filter(|reason| *reason == "relation.missing").count();
    assert!((10..15).contains(&answered), "{answered}");
    // Each request has a budget of its own, and what is certain without more reads is answered.
    assert!(some("corp|bob", 10).0.iter().all(|reason| reason == "relation.missing"));
    assert!(some("corp|alice", 10).0.iter().all(|reason| reason == "relation.holds"));
}

#[test]
fn a_relation_that_is_taken_back_is_denied_to_services_at_once_and_a_store_that_fails_answers_nothing() {
    //
    let (world, gateway) = (World::new(), gateway(&with_documents()));
    write(&world, &["document:7#viewer@user:corp|alice"]);
    let all = json!({ "evaluations": [may("corp|alice", "viewer", "7"), may("corp|alice", "owner", "7")] });
    let answered = ask(&world, &gateway, MANY, &all);
    let decisions = answered.json()["evaluations"].clone();
    assert_eq!((&decisions[0]["decision"], &decisions[1]["decision"]), (&json!(true), &json!(false)));
    // What one question has read, the others know.
    assert_eq!(answered.event["relation_rounds"], 1, "{}", answered.event);
    *world.tuples.borrow_mut() = MemoryTuples::default();
    assert_eq!(ask(&world, &gateway, ONE, &may("corp|alice", "viewer", "7")).json()["decision"], false);
    world.fault.set(Fault::Tuples);
    refused(&ask(&world, &gateway, MANY, &all), 503, "store.unavailable");
}

#[test]
fn an_event_that_is_too_long_to_be_kept_is_kept_in_short() {
    // the log has it whole.
    let mut variables = asking();
    variables["DECISIONS"] = json!({ "keep": "1h", "of": "all" });
    let (world, gateway) = (World::new(), gateway(&variables));
    // What takes six bytes a character in the log.
    let odd = "\u{1}".repeat(100);
    let entity = json!({ "type": "record", "id": odd });
    let all = json!({
        "subject": entity, "action": { "name": odd }, "resource": entity, "evaluations": vec![json!({}); 100],
    });
    let event = ask(&world, &gateway, MANY, &all).event;
    assert_eq!(event["evaluations"].as_array().unwrap().len(), 100);
    assert!(event.to_string().len() > MAX_EVENT_BYTES);
    let decisions = world.decisions.borrow();
    let kept = &decisions[event["request_id"].as_str().unwrap()].event;
    let told: Value = serde_json::from_str(kept).unwrap();
    assert_eq!((&told["shortened"], told.get("evaluations")), (&json!(true), None));
    assert!(kept.len() <= MAX_EVENT_BYTES);
}
