//! What scopes are called in words, where people allow them and where they look at what they allowed.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::agents::{CLIENT, alice, call, granted, opens, with_agents};
use super::agents_server::{authorize, code, deployment, sent};
use super::agents_tokens::redeeming;
use super::blocks::{block, lift, not_before, root};
use crate::support::{Browser, World, gateway};

/// What somebody who is signed in sees: the question, and then the list.
fn pages(world: &World, gateway: &Gateway) -> [String; 2] {
    let browser = Browser::new(world, gateway).signed_in();
    let scopes = [("scope", Some("docs:read docs:write"))];
    let asked = sent(&browser, &authorize(&scopes)).reply().body.clone();
    let redeemed = browser.send(&redeeming(&code(&browser, &scopes), &[]));
    assert_eq!(redeemed.reply().status.as_u16(), 200, "{}", redeemed.event);
    let listed = browser.go("/auth/sessions").reply().body.clone();
    [asked, listed]
}

#[test]
fn scopes_are_shown_in_the_words_that_the_deployment_gives_and_the_others_by_their_names() {
    //
    let (world, gateway) = deployment(json!({ "scopes": { "docs:read": "Read <all> your documents" } }));
    let [asked, listed] = pages(&world, &gateway);
    let words = "<bdi>Read &lt;all&gt; your documents</bdi> <small>(";
    assert!(asked.contains(&format!("<li>{words}<code>docs:read</code>)</small></li>")), "{asked}");
    assert!(asked.contains("<li><code>docs:write</code></li>"), "{asked}");
    assert!(listed.contains(&format!("<bdi>{words}docs:read)</small>, docs:write</bdi>")), "{listed}");
}

#[test]
fn without_words_scopes_are_shown_by_their_names_alone() {
    //
    for table in [json!({}), json!({ "scopes": {} }), json!({ "scopes": { "docs": "Read" } })] {
        let (world, gateway) = deployment(table);
        let [asked, listed] = pages(&world, &gateway);
        assert!(asked.contains("<li><code>docs:read</code></li><li><code>docs:write</code></li>"), "{asked}");
        assert!(listed.contains("<bdi>docs:read, docs:write</bdi>") && !listed.contains("<small>"), "{listed}");
    }
}

#[test]
fn a_block_of_a_client_ends_no_grant_and_a_moment_does() {
    //
    let (world, gateway) = (World::new(), gateway(&with_agents()));
    let (root, alice) = (root(&world, &gateway), alice(&world, &gateway));
    let claude = granted(&alice, "/mcp", |_| ());
    let client: Value = json!({ "agent": CLIENT });
    block(&root, &client);
    call(&alice, "/mcp", &claude.token).assert_refused(401, "block.client");
    lift(&root, &client);
    world.wait(10);
    assert!(opens(&alice, "/mcp", &claude.token));
    not_before(&root, &json!({ "everybody": true }));
    world.wait(10);
    assert!(!opens(&alice, "/mcp", &claude.token));
}
