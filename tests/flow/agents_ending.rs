//! Whatever ends what a person granted to an agent ends it for the next request.

use postern::session::SessionDigest;
use serde_json::{Value, json};

use super::agents::{CLIENT, Granted, alice, granted, opens, with_agents};
use super::agents_server;
use super::agents_tokens::{redeeming, refreshing};
use super::blocks::{block, not_before, root};
use crate::support::{Asked, Browser, ORIGIN, World, gateway};

/// Ends a grant of the first one's; the second one administers.
type End = fn(&Browser<'_>, &Browser<'_>, &Granted);

/// Whatever ends a grant, and what is said of it then.
const ENDS: [(&str, End, &str); 7] = [
    ("the person, on the page", end_on_page, "agent.gone"),
    ("the person, everything else", end_others, "agent.gone"),
    ("an administrator, one", revoke_one, "agent.gone"),
    ("an administrator, all", revoke_all, "agent.gone"),
    ("the provider, by sub", log_out_by_sub, "agent.gone"),
    ("a block of the person", block_person, "agent.gone"),
    ("a block of the client", block_client, "block.client"),
];

fn end_on_page(alice: &Browser<'_>, _: &Browser<'_>, claude: &Granted) {
    let path = format!("/auth/sessions/{}/end", claude.id.digest().public_id());
    assert_eq!(alice.send(&Asked::form(&path)).location(), "/auth/sessions");
}

fn end_others(alice: &Browser<'_>, _: &Browser<'_>, _: &Granted) {
    assert_eq!(alice.send(&Asked::script("DELETE", "/auth/sessions")).json(), json!({ "ended": 1 }));
}

fn revoke_one(_: &Browser<'_>, root: &Browser<'_>, claude: &Granted) {
    let id = claude.id.digest().public_id();
    let order = json!({ "provider": "corp", "subject": "alice", "session": id });
    assert_eq!(revoke(root, &order), json!({ "ended": 1 }));
}

fn revoke_all(_: &Browser<'_>, root: &Browser<'_>, _: &Granted) {
    assert_eq!(revoke(root, &json!({ "provider": "corp", "subject": "alice" })), json!({ "ended": 2 }));
}

fn log_out_by_sub(alice: &Browser<'_>, _: &Browser<'_>, _: &Granted) {
    log_out(alice, &json!({ "sub": "alice" }));
}

/// The provider tells that it signed somebody out.
fn log_out(browser: &Browser<'_>, claims: &Value) {
    let token = browser.world.corp.logout_token(Some("logout+jwt"), browser.world.now.get(), claims);
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp");
    let asked = asked.with("content-type", "application/x-www-form-urlencoded");
    let body = format!("logout_token={token}");
    let told = Browser::new(browser.world, browser.gateway).send(&asked.with_body(Ok(&body)));
    assert_eq!(told.reply().status.as_u16(), 200);
}

fn block_person(_: &Browser<'_>, root: &Browser<'_>, _: &Granted) {
    block(root, &json!({ "provider": "corp", "subject": "alice" }));
}

fn block_client(_: &Browser<'_>, root: &Browser<'_>, _: &Granted) {
    block(root, &json!({ "issuer": ORIGIN, "client_id": CLIENT }));
}

#[test]
fn whatever_ends_a_grant_ends_it_for_the_next_request() {
    //
    for (name, end, reason) in ENDS {
        let world = World::new();
        let [gateway, elsewhere] = [gateway(&with_agents()), gateway(&with_agents())];
        let (root, alice) = (root(&world, &gateway), alice(&world, &gateway));
        let claude = granted(&alice, "/mcp", |_| ());
        assert!(opens(&alice, "/mcp", &claude.token));
        end(&alice, &root, &claude);
        for isolate in [&gateway, &elsewhere] {
            let answered = Browser::new(&world, isolate).send(&Asked::bearing("/mcp", &claude.token));
            assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!(reason), 401), "{name}");
        }
    }
}

fn revoke(by: &Browser<'_>, body: &Value) -> Value {
    let asked = Asked::script("POST", "/auth/admin/revoke").with("content-type", "application/json");
    by.send(&asked.with_body(Ok(&body.to_string()))).json()
}

#[test]
fn a_logout_of_one_session_leaves_a_grant_unless_it_is_tied_to_it() {
    //
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let alice = alice(&world, &gateway);
    let free = granted(&alice, "/mcp", |_| ());
    let tied = granted(&alice, "/mcp", |grant| grant.with_session = Some(SessionDigest::of_tag("this".to_owned())));
    log_out(&alice, &json!({ "sid": "a-1" }));
    assert!(opens(&alice, "/mcp", &free.token) && !opens(&alice, "/mcp", &tied.token));
}

#[test]
fn a_moment_is_remembered_for_as_long_as_a_grant_may_live() {
    //
    let mut variables = agents_server::with_agents(json!({ "grant": "90d" }));
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    let (world, gateway) = (agents_server::world(), gateway(&variables));
    let (root, alice) = (root(&world, &gateway), alice(&world, &gateway));
    let page = agents_server::sent(&alice, &agents_server::authorize(&[]));
    let answered = alice.send(&agents_server::form(&agents_server::question(&page), "allow", "90"));
    let code = agents_server::told_of(&answered, "code").unwrap();
    let machine = Browser::new(&world, &gateway);
    let tokens = machine.send(&redeeming(&code, &[])).json();
    let refresh = || machine.send(&refreshing(tokens["refresh_token"].as_str().unwrap()));
    world.wait(10);
    not_before(&root, &json!({ "everybody": true }));
    world.wait(89 * 86_400);
    let refused = refresh();
    assert_eq!(
        (&refused.json()["error"], &refused.event["reason"]),
        (&json!("invalid_grant"), &json!("agent.grant_gone"))
    );
    assert_eq!(refused.event["detail"], "session.began_before_not_before");
    // It is over for good.
    let over = refresh();
    assert_eq!((&over.event["reason"], over.event.get("detail")), (&json!("agent.grant_gone"), None));
}

#[test]
fn a_provider_s_longest_session_is_no_bound_of_a_grant() {
    // it has a clock of its own.
    let mut variables = with_agents();
    variables["PROVIDERS"]["corp"]["session_max"] = json!("1h");
    let (world, gateway) = (World::new(), gateway(&variables));
    let alice = alice(&world, &gateway);
    let claude = granted(&alice, "/mcp", |_| ());
    world.wait(3600);
    assert!(!alice.is_in());
    assert!(opens(&alice, "/mcp", &claude.token_at(&gateway, world.now.get())));
}
