//! `token = "txn"`: upstreams are told by a transaction token for whom a request is.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use crate::agents_approvals::{CLIENT, granted, token, with_agents};
use crate::support::{Answered, Asked, Browser, ORIGIN, World, gateway};

pub fn deployment() -> Value {
    let mut variables = with_agents();
    variables["ROUTES"]["/mcp"]["token"] = "txn".into();
    variables["ROUTES"]["/txn/{*rest}"] = json!({ "upstream": "service:API", "token": "txn" });
    variables["ROUTES"]["/open/{*rest}"] = json!({ "upstream": "service:API", "public": true });
    variables
}

pub fn part(answered: &Answered, place: usize) -> Value {
    let jwt = answered.forwarded().headers["txn-token"].to_str().unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(jwt.split('.').nth(place).unwrap()).unwrap()).unwrap()
}

#[test]
fn each_request_is_a_transaction_of_its_own() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    let answered = alice.go("/txn/orders");
    assert_eq!(part(&answered, 0)["typ"], "txntoken+jwt");
    let said = part(&answered, 1);
    let now = world.now.get();
    assert_eq!(
        (&said["txn"], &said["aud"]),
        (&answered.event["request_id"], &json!(ORIGIN.split_once("//").unwrap().1))
    );
    assert_eq!((&said["iat"], &said["exp"]), (&json!(now), &json!(now + 60)));
    assert_eq!(said["tctx"]["sub_id"]["sub"], "alice");
    assert_eq!(said["rctx"], json!({ "req_ip": "192.0.2.1", "authn": "session" }));
    assert!(answered.forwarded().headers.get("x-postern-assertion").is_none());
    assert_ne!(part(&alice.go("/txn/orders"), 1)["txn"], said["txn"]);
    // The keys that verify it are published.
    let keys = alice.send(&Asked::new("GET", "/.well-known/jwks.json")).json();
    assert_eq!(keys["keys"][0]["kid"], part(&answered, 0)["kid"]);
}

#[test]
fn an_agent_and_the_person_have_one_name_and_the_agent_is_told() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let grant = granted(&world, "alice", |_| ());
    let bearer = format!("Bearer {}", token(&gateway, &grant));
    let by_agent = Browser::new(&world, &gateway).send(&Asked::new("POST", "/mcp").with("authorization", &bearer));
    let said = part(&by_agent, 1);
    assert_eq!((&said["tctx"]["act"]["sub"], &said["tctx"]["kind"]), (&json!(CLIENT), &json!("agent")));
    assert_eq!(said["scope"], "docs:read docs:write");
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    assert_eq!(part(&alice.go("/txn/x"), 1)["sub"], said["sub"]);
}

#[test]
fn one_from_outside_ends_here() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let alice = Browser::new(&world, &gateway).signed_in_as("alice", "s1");
    for path in ["/open/x", "/app/x", "/api/x"] {
        for name in ["txn-token", "Txn-Token"] {
            let asked = Asked::navigation(path).with(name.to_ascii_lowercase().leak(), "forged");
            assert!(alice.send(&asked).forwarded().headers.get("txn-token").is_none(), "{path}");
        }
    }
    let answered = alice.send(&Asked::navigation("/txn/x").with("txn-token", "forged"));
    assert_eq!(answered.forwarded().headers.get_all("txn-token").iter().count(), 1);
    assert_ne!(answered.forwarded().headers["txn-token"], "forged");
}
