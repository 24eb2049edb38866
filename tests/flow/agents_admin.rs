//! `/auth/admin/agents`: what people granted, seen and ended by those who administer; and a client that is shut out everywhere.

use serde_json::{Value, json};

use crate::agents_approvals::{CLIENT, granted, token, with_agents};
use crate::agents_server;
use crate::agents_tokens::redeeming;
use crate::support::{Answered, Asked, Browser, World, gateway};

fn administered() -> Value {
    let mut variables = with_agents();
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    variables
}

fn post(browser: &Browser<'_>, path: &str, order: &Value) -> Answered {
    let asked = Asked::script("POST", path).with("content-type", "application/json");
    browser.send(&asked.with("origin", crate::support::ORIGIN).with_body(Ok(&order.to_string())))
}

fn calls(browser: &Browser<'_>, token: &str) -> Answered {
    browser.send(&Asked::new("POST", "/mcp").with("authorization", &format!("Bearer {token}")))
}

#[test]
fn administrators_see_and_end_grants_of_others() {
    //
    let (world, gateway) = (World::new(), gateway(&administered()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s2");
    let (one, other) = (granted(&world, "alice", |_| ()), granted(&world, "alice", |grant| grant.client.push('x')));
    let list = || {
        let answered = root.send(&Asked::script("GET", "/auth/admin/agents?provider=corp&subject=alice"));
        assert_eq!(answered.event["action"], "agents.list");
        answered.json()["grants"].as_array().unwrap().clone()
    };
    assert_eq!(list().len(), 2);
    assert!(
        list().iter().any(|grant| grant["client"] == CLIENT && grant["scopes"] == json!(["docs:read", "docs:write"]))
    );
    let agent = Browser::new(&world, &gateway);
    let (one, other) = (token(&gateway, &one), token(&gateway, &other));
    assert_eq!(calls(&agent, &one).event["outcome"], "allow");
    let order = json!({ "provider": "corp", "subject": "alice", "client": CLIENT });
    let ended = post(&root, "/auth/admin/agents/revoke", &order);
    assert_eq!((&ended.json()["ended"], &ended.event["action"]), (&json!(1), &json!("agents.revoke")));
    calls(&agent, &one).assert_refused(401, "agent.gone");
    assert_eq!(calls(&agent, &other).event["outcome"], "allow");
    let id = list()[0]["id"].clone();
    let order = json!({ "provider": "corp", "subject": "alice", "grant": id });
    assert_eq!(post(&root, "/auth/admin/agents/revoke", &order).json()["ended"], 1);
    calls(&agent, &other).assert_refused(401, "agent.gone");
    assert!(alice.is_in());
    for bad in [
        json!({ "provider": "corp", "subject": "alice", "grant": "x" }),
        json!({ "provider": "corp", "subject": "alice", "grant": id, "client": CLIENT }),
        json!({ "provider": "corp", "subject": "alice", "client": "" }),
        json!({ "provider": "corp" }),
    ] {
        post(&root, "/auth/admin/agents/revoke", &bad).assert_refused(400, "request.bad_input");
    }
    let order = json!({ "provider": "corp", "subject": "alice" });
    post(&alice, "/auth/admin/agents/revoke", &order).assert_refused(403, "admin.not_an_administrator");
}

#[test]
fn a_client_is_shut_out_everywhere_until_that_is_lifted() {
    //
    let (world, gateway) = (World::new(), gateway(&administered()));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s2");
    let grants = [granted(&world, "alice", |_| ()), granted(&world, "bob", |_| ())];
    let tokens = grants.map(|grant| token(&gateway, &grant));
    let agent = Browser::new(&world, &gateway);
    let blocked = post(&root, "/auth/admin/blocks", &json!({ "agent": CLIENT, "reason": "leaks" }));
    assert_eq!(blocked.json()["blocked"], true, "{}", blocked.event);
    for token in &tokens {
        assert_eq!(calls(&agent, token).reply().status.as_u16(), 401);
    }
    for bad in
        [json!({ "agent": "" }), json!({ "agent": CLIENT, "subject": "x", "provider": "corp" }), json!({ "agent": 1 })]
    {
        post(&root, "/auth/admin/blocks", &bad).assert_refused(400, "request.bad_input");
    }
    assert_eq!(post(&root, "/auth/admin/blocks/lift", &json!({ "agent": CLIENT })).json()["lifted"], true);
    for token in &tokens {
        assert_eq!(calls(&agent, token).event["outcome"], "allow");
    }
}

#[test]
fn a_client_that_is_shut_out_asks_nobody_and_gets_no_token() {
    //
    let mut variables = agents_server::with_agents(json!({}));
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    let (world, gateway) = (agents_server::world(), gateway(&variables));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "s2");
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let code = agents_server::code(&alice, &[]);
    let asks = || agents_server::sent(&alice, &agents_server::authorize(&[]));
    let question = agents_server::question(&asks());
    let client = json!({ "agent": agents_server::CLIENT });
    assert_eq!(post(&root, "/auth/admin/blocks", &client).json()["blocked"], true);
    let machine = Browser::new(&world, &gateway);
    let refused = machine.send(&redeeming(&code, &[]));
    assert_eq!((refused.reply().status.as_u16(), &refused.json()["error"]), (401, &json!("invalid_client")));
    for refused in [asks(), alice.send(&agents_server::form(&question, "allow", "30"))] {
        refused.assert_refused(400, "agent.client_not_admitted");
        assert_eq!(refused.event["detail"], "block.client");
    }
    assert_eq!(post(&root, "/auth/admin/blocks/lift", &client).json()["lifted"], true);
    assert_eq!(machine.send(&redeeming(&code, &[])).reply().status.as_u16(), 200);
    assert_eq!(asks().event["reason"], "agent.consent_asked");
}
