//! People who owe a second factor hand nothing on to agents before they have proved one.

use serde_json::{Value, json};

use super::agents_approvals as approvals;
use super::agents_server as server;
use crate::support::{Answered, Asked, Browser, World, gateway};

/// Administrators prove a second factor.
fn deployment() -> Value {
    let mut variables = server::with_agents(json!({}));
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["SECOND"] = json!({ "required_for": { "roles": ["admin"] } });
    variables
}

fn admin<'w>(world: &'w World, gateway: &'w postern::gateway::Gateway) -> Browser<'w> {
    world.corp.bend_claims(|claims| {
        claims["sub"] = "alice".into();
        claims["roles"] = json!(["admin"]);
    });
    Browser::new(world, gateway).signed_in()
}

#[track_caller]
fn assert_wants_second(answered: &Answered) {
    assert_eq!(answered.event["reason"], "authz.second_missing", "{}", answered.event);
    assert_ne!(answered.event["outcome"], "allow");
}

#[test]
fn nobody_who_owes_a_second_factor_is_asked_or_answers() {
    //
    let (world, gateway) = (server::world(), gateway(&deployment()));
    let browser = admin(&world, &gateway);
    let path = server::authorize(&[]);
    assert_wants_second(&browser.go(&path));
    let proof = json!("totp");
    world.has_proven("alice", Some((&proof, 0)));
    let page = browser.go(&path);
    assert_eq!(page.event["reason"], "agent.consent_asked");
    let question = server::question(&page);
    world.has_proven("alice", None);
    let form = server::form(&question, "allow", "30");
    assert_wants_second(&browser.send(&form));
    world.has_proven("alice", Some((&proof, 0)));
    assert_eq!(browser.send(&form).event["reason"], "agent.consent_given");
}

#[test]
fn nobody_who_owes_a_second_factor_allows_a_call() {
    //
    let (world, gateway) = (server::world(), gateway(&deployment()));
    let browser = admin(&world, &gateway);
    let grant = approvals::granted(&world, "alice", |_| ());
    let page = approvals::asked(&world, &gateway, &grant, ("{}", None));
    let allow = Asked::form(&page).with_body(Ok("decision=allow"));
    assert_wants_second(&browser.send(&allow));
    world.has_proven("alice", Some((&json!("totp"), 0)));
    assert_eq!(browser.send(&allow).event["event"], "approval.given");
}
