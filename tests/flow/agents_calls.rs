//! Calls of agents that somebody has to allow, from the call to the upstream (R-329…R-334).

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::{Disposition, Gateway};
use serde_json::{Value, json};

use crate::agents_approvals::{granted, token, with_agents};
use crate::support::{Answered, Asked, Browser, CANARY, ORIGIN, World, gateway, two_providers};

const VERSION: &str = "2026-07-28";

fn deployment(more: &Value) -> Gateway {
    let mut mcp = json!({ "approve": ["tools/call:delete_*"] });
    mcp.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut variables = with_agents();
    variables["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "mcp": mcp });
    gateway(&variables)
}

/// A call of a tool, by a client that can show addresses or cannot.
fn call(tool: &str, arguments: &Value, shows: bool, more: &Value) -> String {
    let capabilities = if shows { json!({ "elicitation": { "url": {} } }) } else { json!({}) };
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
    let mut params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string()
}

fn posted(body: &str, tool: &str, token: &str) -> Asked {
    let asked = Asked::new("POST", "/mcp").with("content-type", "application/json").with_body(Ok(body));
    let asked = asked.with("accept", "application/json, text/event-stream").with("mcp-protocol-version", VERSION);
    let asked = asked.with("mcp-method", "tools/call").with("mcp-name", tool);
    asked.with("authorization", &format!("Bearer {token}"))
}

struct Agent<'w> {
    machine: Browser<'w>,
    token: String,
}

impl Agent<'_> {
    fn calls(&self, arguments: &Value) -> Answered {
        self.machine.send(&posted(&call("delete_doc", arguments, false, &json!({})), "delete_doc", &self.token))
    }
}

fn agent<'w>(world: &'w World, gateway: &'w Gateway) -> Agent<'w> {
    let token = token(gateway, &granted(world, "alice", |_| ()));
    Agent { machine: Browser::new(world, gateway), token }
}

fn page(answered: &Answered) -> String {
    let url = answered.json()["approval_url"].as_str().unwrap_or_else(|| panic!("{}", answered.event)).to_owned();
    url.strip_prefix(ORIGIN).unwrap().to_owned()
}

fn allow(browser: &Browser<'_>, page: &str) {
    let answered = browser.send(&Asked::form(page).with_body(Ok("decision=allow")));
    assert_eq!(answered.event["event"], "approval.given", "{}", answered.event);
}

fn part(jws: &str, place: usize) -> Value {
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(jws.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_call_waits_and_goes_on_once_it_is_allowed() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    let arguments = json!({ "id": 7, "why": CANARY });
    let asked = agent.calls(&arguments);
    asked.assert_refused(403, "approval.asked");
    assert_eq!(
        (&asked.json()["type"], &asked.event["mcp"]["name"]),
        (&json!("urn:postern:problem:approval-required"), &json!("delete_doc"))
    );
    assert!(asked.reply().headers.contains_key("retry-after"));
    agent.calls(&arguments).assert_refused(403, "approval.pending");
    allow(&alice, &page(&asked));
    let allowed = agent.calls(&arguments);
    let plan = allowed.forwarded();
    assert_eq!(plan.body.as_deref(), Some(call("delete_doc", &arguments, false, &json!({})).as_str()));
    let receipt = plan.headers["x-postern-receipt"].to_str().unwrap();
    assert_eq!(part(receipt, 0)["typ"], "postern-receipt+jwt");
    let said = part(receipt, 1);
    assert_eq!((&said["request"], &said["call"]["route"]), (&allowed.event["request_id"], &json!("/mcp")));
    assert_eq!(allowed.event["approval"], asked.event["approval"]);
    let keys = alice.send(&Asked::new("GET", "/.well-known/jwks.json")).json();
    assert_eq!(keys["keys"][0]["kid"], part(receipt, 0)["kid"]);
    agent.calls(&arguments).assert_refused(403, "approval.asked");
    agent.calls(&json!({ "id": 8 })).assert_refused(403, "approval.asked");
    assert!(!world.lines.borrow().join("").contains(CANARY));
    // A tool that is not named waits for nobody, and whoever brings a receipt along has none.
    let free = posted(&call("search", &json!({}), false, &json!({})), "search", &agent.token);
    let free = agent.machine.send(&free.with("x-postern-receipt", "forged"));
    assert!(free.forwarded().headers.get("x-postern-receipt").is_none());
}

#[test]
fn of_fifty_calls_at_once_one_goes_on() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    allow(&alice, &page(&agent.calls(&json!({ "id": 7 }))));
    let body = call("delete_doc", &json!({ "id": 7 }), false, &json!({}));
    let calls: Vec<Asked> = (0..50).map(|_| posted(&body, "delete_doc", &agent.token)).collect();
    let all = block_on(join_all(calls.iter().map(|call| agent.machine.send_later(call))));
    let went_on = all.iter().filter(|one| matches!(one.outcome, Disposition::Forward(_))).count();
    assert_eq!(went_on, 1);
}

#[test]
fn a_client_that_shows_addresses_is_told_where_and_tries_again() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    let send = |more: &Value| {
        let body = call("delete_doc", &json!({ "id": 7 }), true, more);
        agent.machine.send(&posted(&body, "delete_doc", &agent.token))
    };
    let waits = send(&json!({}));
    let told = waits.json();
    assert_eq!((waits.reply().status.as_u16(), &told["id"]), (200, &json!(7)));
    assert_eq!((&waits.event["reason"], &waits.event["outcome"]), (&json!("approval.asked"), &json!("deny")));
    let result = &told["result"];
    assert_eq!(result["resultType"], "input_required");
    let request = &result["inputRequests"]["approval"];
    assert_eq!((&request["method"], &request["params"]["mode"]), (&json!("elicitation/create"), &json!("url")));
    // `elicitationId` was for earlier revisions.
    assert!(request["params"].get("elicitationId").is_none(), "{request}");
    let again = json!({
        "requestState": result["requestState"], "inputResponses": { "approval": { "action": "accept" } },
    });
    assert_eq!(send(&again).event["reason"], "approval.pending");
    let url = request["params"]["url"].as_str().unwrap();
    allow(&alice, url.strip_prefix(ORIGIN).unwrap());
    let allowed = send(&again);
    let sent: Value = serde_json::from_str(allowed.forwarded().body.as_deref().unwrap()).unwrap();
    let params = sent["params"].as_object().unwrap();
    assert!(!params.contains_key("requestState") && !params.contains_key("inputResponses"), "{sent}");
    assert_eq!(params["arguments"], json!({ "id": 7 }));
}

#[test]
fn whoever_did_not_want_to_see_the_address_is_not_shown_it_again() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    let send = |more: &Value| {
        let body = call("delete_doc", &json!({ "id": 7 }), true, more);
        agent.machine.send(&posted(&body, "delete_doc", &agent.token))
    };
    let result = send(&json!({})).json()["result"].clone();
    let answering = |name: &str, action: &str| {
        let responses = json!({ name: { "action": action } });
        send(&json!({ "requestState": result["requestState"], "inputResponses": responses }))
    };
    for action in ["decline", "cancel"] {
        let told = answering("approval", action);
        told.assert_refused(403, "approval.pending");
        assert_eq!(told.json()["approval_url"], result["inputRequests"]["approval"]["params"]["url"]);
    }
    for (name, action) in [("approval", "accept"), ("approval", "else"), ("another", "decline")] {
        assert_eq!(answering(name, action).json()["result"]["resultType"], "input_required", "{name} {action}");
    }
    // That was no answer to the question itself.
    allow(&alice, &page(&answering("approval", "decline")));
    assert!(matches!(answering("approval", "decline").outcome, Disposition::Forward(_)));
}

#[test]
fn what_an_upstream_is_answered_is_allowed_with_the_call() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    allow(&alice, &page(&agent.calls(&json!({ "id": 7 }))));
    let answers = |word: &str, shows: bool| {
        let theirs = json!({ "requestState": "theirs", "inputResponses": { "x": { "content": { "sure": word } } } });
        let body = call("delete_doc", &json!({ "id": 7 }), shows, &theirs);
        (agent.machine.send(&posted(&body, "delete_doc", &agent.token)), body)
    };
    let (asked, _) = answers("no", false);
    asked.assert_refused(403, "approval.asked");
    let shown = alice.go(&page(&asked)).reply().body.clone();
    assert!(shown.contains("inputResponses") && shown.contains("&quot;sure&quot;: &quot;no&quot;"), "{shown}");
    allow(&alice, &page(&asked));
    // Another answer is another call. What a client tells the upstream it does not tell us: it is sent to a page, and
    // keeps its answer.
    answers("yes", true).0.assert_refused(403, "approval.asked");
    let (allowed, body) = answers("no", false);
    assert_eq!(allowed.forwarded().body.as_deref(), Some(body.as_str()));
    assert!(matches!(agent.calls(&json!({ "id": 7 })).outcome, Disposition::Forward(_)));
}

#[test]
fn many_questions_and_long_ones_are_not_asked() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let agent = agent(&world, &gateway);
    for id in 0..5 {
        agent.calls(&json!({ "id": id })).assert_refused(403, "approval.asked");
    }
    agent.calls(&json!({ "id": 5 })).assert_refused(429, "approval.too_many");
    agent.calls(&json!({ "long": "x".repeat(17_000) })).assert_refused(403, "approval.too_large");
}

#[test]
fn where_roles_approve_the_person_does_not() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({ "approvers": ["manager"] })));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let agent = agent(&world, &gateway);
    let page = page(&agent.calls(&json!({})));
    let own = alice.send(&Asked::form(&page).with_body(Ok("decision=allow")));
    own.assert_refused(403, "approval.not_an_approver");
    world.corp.bend_claims(|claims| {
        claims["sub"] = "bob".into();
        claims["roles"] = json!(["manager"]);
    });
    allow(&Browser::new(&world, &gateway).signed_in(), &page);
    let said = part(agent.calls(&json!({})).forwarded().headers["x-postern-receipt"].to_str().unwrap(), 1);
    assert_eq!((&said["approved_by"]["sub"], &said["sub_id"]["sub"]), (&json!("bob"), &json!("alice")));
}

#[test]
fn a_role_in_another_tenant_approves_nothing() {
    //
    let mut variables = with_agents();
    variables["PROVIDERS"]["corp"]["tenant"] = json!("org");
    let mcp = json!({ "approve": ["tools/call:delete_*"], "approvers": ["manager"] });
    variables["ROUTES"]["/mcp"] = json!({ "upstream": "service:MCP", "mcp": mcp });
    let (world, gateway) = (World::new(), gateway(&variables));
    let of = |subject: &'static str, org: Option<&'static str>| {
        world.corp.bend_claims(move |claims| {
            claims["sub"] = subject.into();
            claims["roles"] = json!(["manager"]);
            if let Some(org) = org {
                claims["org"] = org.into();
            }
        });
        Browser::new(&world, &gateway).signed_in()
    };
    let agent = agent(&world, &gateway);
    of("alice", Some("acme"));
    let page = page(&agent.calls(&json!({})));
    for stranger in [of("bob", Some("umbrella")), of("bob", None)] {
        stranger.send(&Asked::script("GET", &page)).assert_refused(403, "approval.not_an_approver");
        let refused = stranger.send(&Asked::form(&page).with_body(Ok("decision=allow")));
        refused.assert_refused(403, "approval.not_an_approver");
    }
    allow(&of("carol", Some("acme")), &page);
    assert!(matches!(agent.calls(&json!({})).outcome, Disposition::Forward(_)));
}

#[test]
fn whom_the_route_does_not_let_in_approves_nothing_there() {
    //
    let mut variables = two_providers();
    for provider in ["corp", "partner"] {
        variables["PROVIDERS"][provider]["roles"] = json!(["roles"]);
    }
    let mcp = json!({ "approve": ["tools/call:delete_*"], "approvers": ["manager"] });
    variables["ROUTES"]["/mcp"] =
        json!({ "upstream": "service:MCP", "mcp": mcp, "require": { "providers": ["corp"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let agent = agent(&world, &gateway);
    let page = page(&agent.calls(&json!({})));
    let bend = |claims: &mut Value| {
        claims["sub"] = "bob".into();
        claims["roles"] = json!(["manager"]);
    };
    world.partner.bend_claims(bend);
    world.corp.bend_claims(bend);
    let stranger = Browser::new(&world, &gateway);
    assert_eq!(stranger.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
    let refused = stranger.send(&Asked::form(&page).with_body(Ok("decision=allow")));
    refused.assert_refused(403, "approval.not_an_approver");
    allow(&Browser::new(&world, &gateway).signed_in(), &page);
}

#[test]
fn a_token_for_one_use_is_used_once() {
    //
    let (world, gateway) = (World::new(), deployment(&json!({})));
    let grant = granted(&world, "alice", |grant| {
        grant.uses_left = Some(1);
        grant.task = Some("Clean up".to_owned());
    });
    let token = token(&gateway, &grant);
    let body = call("search", &json!({}), false, &json!({}));
    let calls: Vec<Asked> = (0..50).map(|_| posted(&body, "search", &token)).collect();
    let machine = Browser::new(&world, &gateway);
    let all = block_on(join_all(calls.iter().map(|call| machine.send_later(call))));
    let went_on = all.iter().filter(|one| matches!(one.outcome, Disposition::Forward(_))).count();
    assert_eq!(went_on, 1);
    assert!(all.iter().filter(|one| one.event["reason"] == "agent.gone").count() == 49);
}

#[test]
fn a_call_that_is_refused_or_waits_costs_no_use() {
    //
    let (world, gateway) = (
        World::new(),
        deployment(&json!({ "scopes": { "tools/call:admin_*": "admin", "tools/call:delete_*": "docs:write" } })),
    );
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let grant = granted(&world, "alice", |grant| grant.uses_left = Some(1));
    let agent = Agent { machine: Browser::new(&world, &gateway), token: token(&gateway, &grant) };
    let arguments = json!({ "id": 7 });
    let refused = posted(&call("admin_all", &arguments, false, &json!({})), "admin_all", &agent.token);
    agent.machine.send(&refused).assert_refused(403, "authz.insufficient_scope");
    let asked = agent.calls(&arguments);
    asked.assert_refused(403, "approval.asked");
    allow(&alice, &page(&asked));
    agent.calls(&arguments).forwarded();
    agent.calls(&arguments).assert_refused(401, "agent.gone");
}

#[test]
fn a_client_of_an_earlier_revision_is_told_where_by_a_problem() {
    // what the result says is of this revision.
    let (world, gateway) = (World::new(), deployment(&json!({ "legacy": true })));
    let agent = agent(&world, &gateway);
    let body = call("delete_doc", &json!({ "id": 7 }), true, &json!({}));
    let asked = Asked::new("POST", "/mcp").with("content-type", "application/json").with_body(Ok(&body));
    let asked = asked.with("authorization", &format!("Bearer {}", agent.token));
    let waits = agent.machine.send(&asked.with("mcp-protocol-version", "2025-06-18"));
    waits.assert_refused(403, "approval.asked");
    assert!(page(&waits).starts_with("/auth/approvals/"));
}
