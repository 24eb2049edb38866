//! Token exchange: an agent gets a token that may do less (R-323…R-326).

use futures::executor::block_on;
use futures::future::join_all;
use postern::agent::handle::GrantHandle;
use postern::gateway::Gateway;
use postern::ids::actor::Actor;
use serde_json::{Value, json};

use crate::agents_approvals::{granted, tell, token, with_agents};
use crate::support::{Answered, Asked, Browser, ORIGIN, World, gateway};
use postern::session::Command;

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

fn deployment() -> Gateway {
    let mut variables = with_agents();
    variables["AGENTS"] = json!({ "register": true });
    gateway(&variables)
}

/// A client that registered itself.
fn registered(world: &World, gateway: &Gateway, name: &str) -> String {
    let document = json!({ "client_name": name, "redirect_uris": ["http://127.0.0.1/cb"] });
    let asked = Asked::new("POST", "/auth/agents/register").with("content-type", "application/json");
    let answered = Browser::new(world, gateway).send(&asked.with_body(Ok(&document.to_string())));
    answered.json()["client_id"].as_str().unwrap_or_else(|| panic!("{}", answered.event)).to_owned()
}

fn owned(world: &World, client: &str) -> GrantHandle {
    granted(world, "alice", |grant| {
        client.clone_into(&mut grant.client);
        grant.actors = vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: client.to_owned() }];
    })
}

fn exchanging(token: &str, client: &str, changes: &[(&str, Option<&str>)]) -> Asked {
    let mut all = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", ACCESS),
        ("client_id", client),
    ];
    for (name, value) in changes {
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (*name, value)));
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    let asked = Asked::new("POST", "/auth/agents/token").with("content-type", "application/x-www-form-urlencoded");
    asked.with_body(Ok(&body))
}

fn assert_error(answered: &Answered, error: &str, reason: &str) {
    let said = (&answered.json()["error"], &answered.event["reason"], &answered.event["event"]);
    assert_eq!(said, (&json!(error), &json!(reason), &json!("agent.exchange")), "{}", answered.event);
}

fn calls(world: &World, gateway: &Gateway, token: &str) -> Answered {
    let asked = Asked::new("POST", "/mcp").with("authorization", &format!("Bearer {token}"));
    Browser::new(world, gateway).send(&asked)
}

#[test]
fn a_token_becomes_one_that_may_do_less() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let grant = owned(&world, &client);
    let text = token(&gateway, &grant);
    let machine = Browser::new(&world, &gateway);
    world.wait(60);
    let answered = machine.send(&exchanging(&text, &client, &[("scope", Some("docs:read"))]));
    let told = answered.json();
    assert_eq!((&told["scope"], &told["issued_token_type"]), (&json!("docs:read"), &json!(ACCESS)));
    // No longer than the token that it is for.
    assert_eq!((&told["expires_in"], told.get("refresh_token")), (&json!(540), None));
    assert_eq!(answered.event["reason"], "agent.token_exchanged");
    let narrowed = told["access_token"].as_str().unwrap().to_owned();
    let used = calls(&world, &gateway, &narrowed);
    assert_eq!((&used.event["outcome"], &used.event["actors"]), (&json!("allow"), &json!([client, client])));
    // It ends with the grant that it came from.
    let command = Command::EndGrant { digest: grant.id.digest(), client: client.clone() };
    tell(&world, "alice", &command);
    calls(&world, &gateway, &narrowed).assert_refused(401, "agent.gone");
}

#[test]
fn nothing_that_is_more_is_given() {
    //
    let (world, gateway) = (World::new(), deployment());
    let (client, other) = (registered(&world, &gateway, "Agent"), registered(&world, &gateway, "Other"));
    let text = token(&gateway, &owned(&world, &client));
    let machine = Browser::new(&world, &gateway);
    let forged = text.replace("_at_", "_rt_");
    for (name, value, error, reason) in [
        ("scope", Some("docs:read admin"), "invalid_scope", "exchange.too_much"),
        ("resource", Some("https://app.example.com/other"), "invalid_target", "exchange.other_resource"),
        ("audience", Some("https://app.example.com"), "invalid_target", "exchange.other_resource"),
        ("subject_token_type", None, "invalid_request", "exchange.malformed"),
        ("subject_token", Some("x"), "invalid_request", "exchange.token_refused"),
        ("subject_token", Some(forged.as_str()), "invalid_request", "exchange.token_refused"),
        ("actor_token", Some("x"), "invalid_request", "exchange.malformed"),
        (
            "requested_token_type",
            Some("urn:ietf:params:oauth:token-type:refresh_token"),
            "invalid_request",
            "exchange.malformed",
        ),
        ("client_id", Some(other.as_str()), "unauthorized_client", "exchange.not_for_client"),
        ("uses", Some("1"), "invalid_request", "exchange.malformed"),
    ] {
        assert_error(&machine.send(&exchanging(&text, &client, &[(name, value)])), error, reason);
    }
    world.wait(600);
    assert_error(&machine.send(&exchanging(&text, &client, &[])), "invalid_request", "exchange.token_refused");
}

#[test]
fn four_act_for_one_another_at_most() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let mut text = token(&gateway, &owned(&world, &client));
    let machine = Browser::new(&world, &gateway);
    for _ in 0..3 {
        let answered = machine.send(&exchanging(&text, &client, &[]));
        text = answered.json()["access_token"].as_str().unwrap().to_owned();
    }
    assert_error(&machine.send(&exchanging(&text, &client, &[])), "invalid_request", "exchange.too_many_actors");
    let used = calls(&world, &gateway, &text);
    assert_eq!(used.event["actors"].as_array().unwrap().len(), 4, "{}", used.event);
}

#[test]
fn a_task_has_so_many_uses_and_no_more() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let text = token(&gateway, &owned(&world, &client));
    let machine = Browser::new(&world, &gateway);
    let task = [("task", Some("Book a room")), ("uses", Some("1")), ("expires", Some("120"))];
    let answered = machine.send(&exchanging(&text, &client, &task));
    assert_eq!((&answered.json()["expires_in"], &answered.event["task"]), (&json!(120), &json!("Book a room")));
    let for_task = answered.json()["access_token"].as_str().unwrap().to_owned();
    assert_error(&machine.send(&exchanging(&for_task, &client, &[])), "invalid_request", "exchange.of_task");
    let asked: Vec<Asked> =
        (0..50).map(|_| Asked::new("POST", "/mcp").with("authorization", &format!("Bearer {for_task}"))).collect();
    let all = block_on(join_all(asked.iter().map(|asked| machine.send_later(asked))));
    let outcomes: Vec<&Value> = all.iter().map(|one| &one.event["outcome"]).collect();
    assert_eq!(outcomes.iter().filter(|outcome| ***outcome == "allow").count(), 1);
}
