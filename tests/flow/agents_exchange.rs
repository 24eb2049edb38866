//! Token exchange: an agent gets a token that may do less (R-323…R-326).

use futures::executor::block_on;
use futures::future::join_all;
use postern::agent::handle::{GrantHandle, HandleKind};
use postern::gateway::Gateway;
use postern::ids::actor::Actor;
use serde_json::{Value, json};

use super::sender::Machine;
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

pub fn exchanging(token: &str, client: &str, changes: &[(&str, Option<&str>)]) -> Asked {
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
    // The same address with a slash at its end, as clients write it that take addresses apart.
    let resource = format!("{ORIGIN}/mcp/");
    let by_address = machine.send(&exchanging(&text, &client, &[("resource", Some(&resource))]));
    assert_eq!(by_address.event["reason"], "agent.token_exchanged", "{}", by_address.event);
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

#[test]
fn what_is_made_for_one_place_is_good_at_no_other() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let grant = owned(&world, &client);
    let machine = Browser::new(&world, &gateway);
    let ends_at = u64::try_from(world.now.get() + 600).unwrap();
    let of = |kind, number| token(&gateway, &GrantHandle { kind, number, ..grant.clone() });
    let (access, approval) = (of(HandleKind::Access, ends_at), of(HandleKind::Approval, ends_at));
    let (code, refresh) = (of(HandleKind::Code, ends_at), of(HandleKind::Refresh, ends_at));
    let post = |path: &str, fields: &[(&str, &str)]| {
        let fields = [fields, &[("client_id", client.as_str())]].concat();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let asked = Asked::new("POST", path).with("content-type", "application/x-www-form-urlencoded");
        machine.send(&asked.with_body(Ok(&body)))
    };
    for other in [&code, &refresh, &approval] {
        calls(&world, &gateway, other).assert_refused(401, "agent.forged");
        assert_error(&machine.send(&exchanging(other, &client, &[])), "invalid_request", "exchange.token_refused");
    }
    let verifier = "v".repeat(43);
    for other in [&access, &refresh, &approval] {
        let fields = [("redirect_uri", "http://127.0.0.1/cb"), ("code_verifier", verifier.as_str())];
        let fields = [&[("grant_type", "authorization_code"), ("code", other.as_str())], &fields[..]].concat();
        assert_eq!(post("/auth/agents/token", &fields).event["reason"], "agent.grant_forged");
    }
    for other in [&access, &code, &approval] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", other.as_str())];
        assert_eq!(post("/auth/agents/token", &fields).event["reason"], "agent.grant_forged");
    }
    for other in [&code, &approval] {
        let answered = post("/auth/agents/revoke", &[("token", other)]);
        assert_eq!(
            (&answered.event["reason"], answered.reply().status.as_u16()),
            (&json!("agent.nothing_revoked"), 200)
        );
    }
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    for other in [&access, &code, &refresh] {
        let page = alice.send(&Asked::script("GET", &format!("/auth/approvals/{other}")));
        page.assert_refused(404, "route.none");
    }
    assert_eq!(calls(&world, &gateway, &access).event["outcome"], "allow");
}

#[test]
fn what_is_bound_to_a_key_is_exchanged_by_that_key_alone() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let (own, thief) = (Machine::new(11), Machine::new(12));
    let grant = granted(&world, "alice", |grant| {
        client.clone_into(&mut grant.client);
        grant.actors = vec![Actor { issuer: Some(ORIGIN.to_owned()), subject: client.clone() }];
        grant.jkt = Some(own.jkt());
    });
    let text = token(&gateway, &grant);
    let machine = Browser::new(&world, &gateway);
    let proof = |key: &Machine, jti: &str| {
        key.proof(&world, "/auth/agents/token", "", &json!({ "htm": "POST", "ath": null, "jti": jti }))
    };
    assert_error(&machine.send(&exchanging(&text, &client, &[])), "invalid_request", "exchange.token_refused");
    let stolen = exchanging(&text, &client, &[]).with("dpop", &proof(&thief, "1"));
    assert_error(&machine.send(&stolen), "invalid_request", "exchange.token_refused");
    let answered = machine.send(&exchanging(&text, &client, &[]).with("dpop", &proof(&own, "2")));
    assert_eq!(answered.json()["token_type"], "DPoP", "{}", answered.event);
    let narrowed = answered.json()["access_token"].as_str().unwrap().to_owned();
    calls(&world, &gateway, &narrowed).assert_refused(401, "sender.bound_token_as_bearer");
}

#[test]
fn a_grant_is_exchanged_only_so_often() {
    //
    let (world, gateway) = (World::new(), deployment());
    let client = registered(&world, &gateway, "Agent");
    let text = token(&gateway, &owned(&world, &client));
    let machine = Browser::new(&world, &gateway);
    let short = [("task", Some("Look")), ("expires", Some("1"))];
    let reasons: Vec<Value> = (0..70)
        .map(|_| {
            world.wait(1);
            machine.send(&exchanging(&text, &client, &short)).event["reason"].clone()
        })
        .collect();
    assert_eq!((&reasons[59], &reasons[69]), (&json!("agent.token_exchanged"), &json!("limit.agent_tokens")));
}
