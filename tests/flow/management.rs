//! Who may use the endpoints of management: asked of every row of the table, so that a new endpoint is asked of too.

use postern::gateway::{Endpoint, Gateway, MANAGEMENT};
use serde_json::{Value, json};

use super::bearer::{token, with_issuers};
use crate::support::{Asked, Browser, World, gateway, gateway_without_policies, two_providers};

/// A deployment with management, in which `partner` is known for tokens of agents.
pub fn managed() -> Value {
    let mut variables = with_issuers();
    variables["PROVIDERS"]["partner"] = two_providers()["PROVIDERS"]["partner"].clone();
    variables["ISSUERS"]["machines"]["kind"] = json!("agent");
    variables["ADMIN"] = json!({ "principals": ["corp|root"], "blocks": true });
    variables["KEYS"] = json!({});
    variables
}

/// A request for this endpoint that is well-formed as far as every endpoint asks.
pub fn request(endpoint: &Endpoint) -> Asked {
    let path = endpoint.path.replace("{id}", "0123456789abcdef0123").replace("{version}", &"0".repeat(64));
    Asked::script(endpoint.method.as_str(), &path).with("content-type", "application/json").with_body(Ok("{}"))
}

fn signed_in<'w>(world: &'w World, gateway: &'w Gateway, subject: &'static str) -> Browser<'w> {
    Browser::new(world, gateway).signed_in_as(subject, subject)
}

#[test]
fn every_endpoint_is_shut_to_all_but_administrators() {
    //
    are_shut_to_all_but_administrators(&gateway(&managed()), MANAGEMENT.iter());
    // Without an engine those about policies are not there.
    let those = MANAGEMENT.iter().filter(|endpoint| !endpoint.is_about_policies());
    are_shut_to_all_but_administrators(&gateway_without_policies(&managed()), those);
}

fn are_shut_to_all_but_administrators(gateway: &Gateway, endpoints: impl Iterator<Item = &'static Endpoint>) {
    let world = World::new();
    let root = signed_in(&world, gateway, "root");
    world.corp.bend_claims(|claims| claims["roles"] = json!(["support"]));
    let [alice, lower] = ["alice", "lower"].map(|subject| signed_in(&world, gateway, subject));
    // The same name at another provider is another person.
    world.partner.bend_claims(|claims| claims["sub"] = "root".into());
    let namesake = Browser::new(&world, gateway);
    assert_eq!(namesake.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
    let agent = token(&world, Some("at+jwt"), &json!({ "sub": "root", "act": { "sub": "assistant" } }));
    let bearing = |asked: Asked| asked.with("authorization", &format!("Bearer {agent}"));
    for endpoint in endpoints {
        let asked = || request(endpoint);
        Browser::new(&world, gateway).send(&asked()).assert_refused(401, "authn.no_credential");
        alice.send(&asked()).assert_refused(403, "admin.not_an_administrator");
        namesake.send(&asked()).assert_refused(403, "admin.not_an_administrator");
        lower.send(&asked()).assert_refused(403, "admin.not_an_administrator");
        Browser::new(&world, gateway).send(&bearing(asked())).assert_refused(401, "authn.no_credential");
        alice.send(&bearing(asked())).assert_refused(403, "admin.not_an_administrator");
        let answered = root.send(&asked());
        let status = answered.reply().status.as_u16();
        assert!(![401, 403, 405, 500].contains(&status), "{} {status}: {}", endpoint.action, answered.event);
        let said = (&answered.event["event"], &answered.event["action"]);
        assert_eq!(said, (&json!("admin"), &json!(endpoint.action)));
    }
}

#[test]
fn every_endpoint_that_changes_something_is_for_our_own_pages_only() {
    //
    let (world, gateway) = (World::new(), gateway(&managed()));
    let root = signed_in(&world, &gateway, "root");
    for endpoint in MANAGEMENT.iter().filter(|endpoint| endpoint.method != "GET") {
        let bare = || Asked::new(endpoint.method.as_str(), endpoint.path).with("content-type", "application/json");
        root.send(&bare()).assert_refused(403, "csrf.no_evidence");
        root.send(&bare().with("sec-fetch-site", "cross-site")).assert_refused(403, "csrf.fetch_site");
        root.send(&bare().with("origin", "https://evil.example")).assert_refused(403, "csrf.origin");
    }
}

#[test]
fn without_the_table_no_endpoint_is_there() {
    let mut variables = managed();
    variables.as_object_mut().unwrap().remove("ADMIN");
    let (world, gateway) = (World::new(), gateway(&variables));
    let root = signed_in(&world, &gateway, "root");
    for endpoint in MANAGEMENT {
        root.send(&request(endpoint)).assert_refused(404, "route.none");
    }
}

#[test]
fn the_index_lists_every_endpoint_with_its_action() {
    let (world, gateway) = (World::new(), gateway(&managed()));
    let root = signed_in(&world, &gateway, "root");
    let listed = root.send(&Asked::script("GET", "/auth/admin")).json();
    let rows = listed["endpoints"].as_array().unwrap();
    assert_eq!(rows.len(), MANAGEMENT.len());
    for (row, endpoint) in rows.iter().zip(MANAGEMENT) {
        assert_eq!((&row["path"], &row["action"]), (&json!(endpoint.path), &json!(endpoint.action)));
        assert!(row["does"].as_str().unwrap().ends_with('.'), "{row}");
    }
}

#[test]
fn a_change_is_told_with_what_was_and_what_is() {
    //
    let (world, gateway) = (World::new(), gateway(&managed()));
    let (root, alice) = (signed_in(&world, &gateway, "root"), signed_in(&world, &gateway, "alice"));
    let order = json!({ "provider": "corp", "subject": "alice" }).to_string();
    let asked = Asked::script("POST", "/auth/admin/revoke").with("content-type", "application/json");
    let event = root.send(&asked.with_body(Ok(&order))).event;
    assert!(!alice.is_in());
    let told = ["subject", "action", "target", "before", "after"].map(|name| event[name].as_str().unwrap());
    let expected = ["root", "sessions.revoke", "corp|alice", "all sessions: 1 alive", "all sessions: none alive"];
    assert_eq!(told, expected);
}
