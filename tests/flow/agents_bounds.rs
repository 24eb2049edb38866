//! What bounds an agent: its person's own scopes, and limits of its own.

use postern::gateway::{Disposition, Gateway};
use serde_json::{Value, json};

use super::agents::{CLIENT, Granted, alice, call, granted, opens, with_agents};
use super::agents_exchange::exchanging;
use super::agents_server;
use super::agents_tokens::{redeeming, refreshing};
use super::assertion::{assertion, published, verified};
use super::renewal::{self, AHEAD, LIFE};
use crate::support::{Answered, Asked, Browser, World, gateway};

const WRITE: &str = "docs:write";
const DAY: i64 = 86_400;

/// A place that people and agents share, and that asks for a scope; and one for agents alone.
fn shared() -> Value {
    let mut variables = with_agents();
    let route = |authenticate: Value, require: Value| json!({ "upstream": "service:API", "authenticate": authenticate, "token": "assertion", "require": require });
    let both = json!(["session", "agent"]);
    variables["ROUTES"]["/docs/{*rest}"] = route(both.clone(), json!({ "scopes": [WRITE] }));
    variables["ROUTES"]["/drafts/{*rest}"] = route(both, json!({ "any_scope": [WRITE, "docs:admin"] }));
    variables["ROUTES"]["/tools/{*rest}"] = route(json!(["agent"]), json!({ "scopes": [WRITE] }));
    variables
}

/// Bob, to whom the provider now gives these scopes.
fn bob<'w>(world: &'w World, gateway: &'w Gateway, scopes: &'static str) -> Browser<'w> {
    world.wait(1);
    world.corp.bend_tokens(move |tokens| tokens["scope"] = scopes.into());
    Browser::new(world, gateway).signed_in_as("bob", "b-1")
}

#[test]
fn where_people_come_too_an_agent_has_no_scope_that_its_person_has_not() {
    //
    let (world, gateway) = (World::new(), gateway(&shared()));
    let without = bob(&world, &gateway, "openid profile");
    let grants: Vec<_> = ["/docs", "/drafts", "/tools"]
        .map(|path| granted(&without, path, |grant| grant.scopes = vec!["docs:read".into(), WRITE.into()]))
        .into();
    let agents = || grants.iter().zip(["/docs/x", "/drafts/x", "/tools/x"]);
    for (grant, path) in agents().take(2) {
        without.send(&Asked::script("GET", path)).assert_refused(403, "authz.insufficient_scope");
        call(&without, path, &grant.token).assert_refused(403, "authz.insufficient_scope");
    }
    // Where agents alone come, scopes are what people grant them.
    assert!(opens(&without, "/tools/x", &grants[2].token));
    let with = bob(&world, &gateway, "openid docs:write");
    for (grant, path) in agents() {
        if !path.starts_with("/tools") {
            assert!(matches!(with.send(&Asked::script("GET", path)).outcome, Disposition::Forward(_)), "{path}");
        }
        let answered = call(&with, path, &grant.token);
        let said = verified(&assertion(answered.forwarded()), &published(&world, &gateway)).unwrap();
        let expected = if path.starts_with("/tools") { "docs:read docs:write" } else { WRITE };
        assert_eq!(said["scope"], expected, "{path}");
    }
    // Nor does the person's scope do for an agent to which it was not granted.
    let narrow = granted(&with, "/docs", |grant| grant.scopes = vec!["docs:read".into()]);
    call(&with, "/docs/x", &narrow.token).assert_refused(403, "authz.insufficient_scope");
    bob(&world, &gateway, "openid");
    for (grant, path) in agents().take(2) {
        call(&with, path, &grant.token).assert_refused(403, "authz.insufficient_scope");
    }
}

#[test]
fn a_scope_that_a_refresh_takes_from_the_person_is_gone_for_the_agent() {
    //
    let (world, gateway) = (renewal::world(), gateway(&shared()));
    let person = bob(&world, &gateway, "openid docs:write");
    let claude = granted(&person, "/docs", |grant| grant.scopes = vec![WRITE.into()]);
    assert!(opens(&person, "/docs/x", &claude.token));
    world.corp.bend_tokens(|tokens| tokens["scope"] = "openid".into());
    world.wait(LIFE - AHEAD);
    person.send(&renewal::api()).forwarded();
    person.send(&Asked::script("GET", "/docs/x")).assert_refused(403, "authz.insufficient_scope");
    call(&person, "/docs/x", &claude.token).assert_refused(403, "authz.insufficient_scope");
}

#[test]
fn an_agent_whose_person_has_not_been_seen_for_too_long_waits_for_them() {
    //
    let mut variables = shared();
    variables["AGENTS"] = json!({ "owner_seen_within": "2d", "access": "1h" });
    let (world, forever) = (World::new(), gateway(&shared()));
    let gateway = gateway(&variables);
    let person = bob(&world, &gateway, "openid");
    let claude = granted(&person, "/tools", |grant| grant.scopes = vec![WRITE.into()]);
    let token = || claude.token_at(&gateway, world.now.get());
    world.wait(2 * DAY - 1);
    assert!(opens(&person, "/tools/x", &token()));
    world.wait(1);
    call(&person, "/tools/x", &token()).assert_refused(401, "agent.owner_not_seen");
    assert!(matches!(
        Browser::new(&world, &forever).send(&Asked::bearing("/tools/x", &token())).outcome,
        Disposition::Forward(_)
    ));
    // To use it is not to be seen; to sign in is.
    world.wait(60);
    call(&person, "/tools/x", &token()).assert_refused(401, "agent.owner_not_seen");
    bob(&world, &gateway, "openid");
    assert!(opens(&person, "/tools/x", &token()));
    // Whoever allows an agent is there.
    world.wait(2 * DAY - 60);
    let again = bob(&world, &gateway, "openid");
    world.wait(20 * 60);
    let new = granted(&again, "/tools", |grant| grant.scopes = vec![WRITE.into()]);
    world.wait(2 * DAY - 20 * 60);
    let opens_now = |grant: &Granted| opens(&person, "/tools/x", &grant.token_at(&gateway, world.now.get()));
    assert!(opens_now(&new) && !opens_now(&claude));
}

#[test]
fn no_tokens_are_handed_out_that_would_be_refused_until_the_person_is_seen() {
    //
    let table = json!({ "owner_seen_within": "1d", "access": "1h", "grant": "30d" });
    let (world, gateway) = (agents_server::world(), gateway(&agents_server::with_agents(table)));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "a-1");
    let machine = Browser::new(&world, &gateway);
    let text = |answered: &Answered, name: &str| answered.json()[name].as_str().unwrap().to_owned();
    let first = machine.send(&redeeming(&agents_server::code(&alice, &[]), &[]));
    world.wait(DAY - 1);
    let second = machine.send(&refreshing(&text(&first, "refresh_token")));
    let (access, refresh) = (text(&second, "access_token"), text(&second, "refresh_token"));
    let child = text(&machine.send(&exchanging(&access, agents_server::CLIENT, &[])), "access_token");
    assert!(opens(&alice, "/mcp", &child));
    // Neither the good one, nor the one whose answer was lost, nor an exchange.
    world.wait(1);
    for asked in [&refreshing(&refresh), &refreshing(&text(&first, "refresh_token"))] {
        let refused = machine.send(asked);
        let said = (refused.reply().status.as_u16(), &refused.json()["error"], &refused.event["reason"]);
        assert_eq!(said, (400, &json!("invalid_grant"), &json!("agent.owner_not_seen")));
        assert_eq!((&refused.event["event"], &refused.event["outcome"]), (&json!("agent.refresh"), &json!("deny")));
    }
    let refused = machine.send(&exchanging(&access, agents_server::CLIENT, &[]));
    let said = (&refused.json()["error"], &refused.event["reason"], &refused.event["detail"]);
    assert_eq!(said, (&json!("invalid_request"), &json!("exchange.token_refused"), &json!("agent.owner_not_seen")));
    // What was exchanged before is no younger than what it came from.
    call(&alice, "/mcp", &child).assert_refused(401, "agent.owner_not_seen");
    // Nothing was used up: the client may ask again and again, and has its tokens once the person is there.
    world.wait(3 * DAY);
    assert_eq!(machine.send(&refreshing(&refresh)).event["reason"], "agent.owner_not_seen");
    Browser::new(&world, &gateway).signed_in_as("alice", "a-2");
    let third = machine.send(&refreshing(&refresh));
    assert_eq!(third.event["reason"], "agent.token_refreshed");
    let access = text(&third, "access_token");
    assert!(opens(&alice, "/mcp", &access));
    assert_eq!(machine.send(&exchanging(&access, agents_server::CLIENT, &[])).reply().status.as_u16(), 200);
    // What is used twice ends the grant, whether or not the person is there.
    world.wait(2 * DAY);
    assert_eq!(machine.send(&refreshing(&refresh)).event["reason"], "agent.refresh_reused");
}

#[test]
fn an_agent_uses_up_nothing_of_its_person_s_nor_of_another_agent_s() {
    //
    let mut variables = with_agents();
    variables["ROUTES"]["/both/{*rest}"]["limits"] = json!({ "subject": { "rate": "1/1h", "burst": 2 } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let alice = alice(&world, &gateway);
    let one = granted(&alice, "/both", |_| ());
    let same = granted(&alice, "/both", |_| ());
    assert!(opens(&alice, "/both/x", &one.token) && opens(&alice, "/both/x", &same.token));
    for token in [&one.token, &same.token] {
        call(&alice, "/both/x", token).assert_refused(429, "limit.subject");
    }
    // By whom it acts further is the same budget: an exchange brings no other.
    let helper = granted(&alice, "/both", |grant| {
        let mut helper = grant.actors[0].clone();
        helper.subject = "https://helper.example/client.json".to_owned();
        grant.actors.insert(0, helper);
    });
    call(&alice, "/both/x", &helper.token).assert_refused(429, "limit.subject");
    let other = granted(&alice, "/both", |grant| {
        grant.actors[0].subject = "https://other.example/client.json".to_owned();
        assert_eq!(grant.client, CLIENT);
    });
    assert!(opens(&alice, "/both/x", &other.token));
    let own = || matches!(alice.send(&Asked::script("GET", "/both/x")).outcome, Disposition::Forward(_));
    assert!(own() && own() && !own());
}
