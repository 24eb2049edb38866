//! A gateway without an engine for policies: what is decided there, and by whom.

use postern::config::{Build, Config};
use postern::gateway::MANAGEMENT;
use serde_json::{Value, json};

use super::authzen::{ONE, ask, asking};
use super::management::{managed, request};
use super::relations::write;
use crate::support::{Asked, Browser, World, gateway_without_policies, key, variables};

#[test]
fn no_route_may_ask_policies() {
    //
    let mut variables = variables();
    variables["ROUTES"]["/judged"] = json!({ "upstream": "service:API", "policy": true });
    let secret = |_: &str| Some(key("k1", "C"));
    let problems = Config::parse_for(Build::PLAIN, variables.as_object().unwrap(), &secret).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let why = "there are no policies here: they are in the KV namespace `POSTERN_POLICIES`, which is not bound";
    assert_eq!(told, [format!("ROUTES.\"/judged\".policy: {why}")]);
}

#[test]
fn there_is_no_endpoint_about_policies() {
    let (world, gateway) = (World::new(), gateway_without_policies(&managed()));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "root");
    let listed = root.send(&Asked::script("GET", "/auth/admin")).json();
    let listed: Vec<&Value> = listed["endpoints"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    let (absent, present): (Vec<_>, Vec<_>) = MANAGEMENT.iter().partition(|endpoint| endpoint.is_about_policies());
    assert_eq!(absent.len(), 4);
    assert_eq!(listed, present.iter().map(|endpoint| endpoint.action).collect::<Vec<_>>());
    for endpoint in absent {
        root.send(&request(endpoint)).assert_refused(404, "route.none");
    }
}

#[test]
fn administrators_are_those_whom_the_configuration_names_and_no_policy_is_named() {
    let (world, gateway) = (World::new(), gateway_without_policies(&managed()));
    let root = Browser::new(&world, &gateway).signed_in_as("root", "root");
    let event = root.send(&Asked::script("GET", "/auth/admin/sessions?provider=corp&subject=alice")).event;
    assert_eq!(event["reason"], "admin.done");
    assert!(event.get("policy_version").is_none() && event.get("policies").is_none(), "{event}");
    // The store of policies is not looked at, whatever is in it.
    assert_eq!(world.policy_reads.get(), 0);
}

#[test]
fn services_hear_what_relations_say_and_otherwise_no() {
    let mut variables = asking();
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    let (world, gateway) = (World::new(), gateway_without_policies(&variables));
    write(&world, &["document:plan#viewer@user:machines|alice"]);
    let about = |kind: &str, name: &str| {
        json!({
            "subject": { "type": "user", "id": "machines|alice" }, "action": { "name": name },
            "resource": { "type": kind, "id": "plan" },
        })
    };
    let reason = |question: &Value| {
        let answered = ask(&world, &gateway, ONE, question);
        let told = answered.event["evaluations"][0]["reason"].as_str().unwrap().to_owned();
        (answered.json()["decision"].as_bool().unwrap(), told)
    };
    assert_eq!(reason(&about("document", "viewer")), (true, "relation.holds".to_owned()));
    assert_eq!(reason(&about("document", "read")), (false, "policy.none_bound".to_owned()));
    assert_eq!(reason(&about("record", "viewer")), (false, "policy.none_bound".to_owned()));
    assert_eq!(world.policy_reads.get(), 0);
}
