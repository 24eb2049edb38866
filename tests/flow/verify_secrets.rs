//! What `/auth/verify` hands on of keys and tokens that were made here, and what made-up keys cost there.

use serde_json::{Value, json};

use super::agents::{alice as person, granted, with_agents};
use super::api_keys::{alice, made, unknown, with_keys};
use super::verify::forwarded;
use crate::support::{Answered, Asked, Browser, VERIFY_SECRET, World, gateway, gateway_with_keys, key};

fn asked(variables: &Value) -> Value {
    let mut variables = variables.clone();
    variables["VERIFY"] = json!({});
    variables
}

/// What the proxy asks about a request to `path` that shows this.
fn showing(path: &str, shown: &str) -> Asked {
    forwarded(Asked::new("GET", "/auth/verify").with("authorization", shown), "GET", path)
}

/// What it asks about a request to a route for keys, from a caller there.
fn asked_at(address: &str) -> Asked {
    let asked = Asked::new("GET", "/auth/verify").with("x-postern-secret", VERIFY_SECRET).with("x-real-ip", address);
    let asked = asked.with("x-forwarded-proto", "https").with("x-forwarded-host", "app.example.com");
    asked.with("x-forwarded-method", "GET").with("x-forwarded-uri", "/any/1")
}

fn handed_on(answered: &Answered) -> Option<&str> {
    let reply = answered.reply();
    assert_eq!(reply.status.as_u16(), 204, "{}", answered.event);
    reply.headers.get("authorization").map(|value| value.to_str().unwrap())
}

#[test]
fn the_upstream_behind_a_proxy_gets_no_key_at_a_public_route_or_any_other() {
    //
    let (world, gateway) = (World::new(), gateway(&asked(&with_keys())));
    let (_, key) = made(&world, &gateway, &alice(), &["orders:read"]);
    let ask = |path: &str, shown: &str| Browser::new(&world, &gateway).send(&showing(path, shown));
    for shown in [format!("Bearer {key}"), key.clone(), format!("Basic {key}"), key.replace('_', "%5F")] {
        assert_eq!(handed_on(&ask("/open/1", &shown)), None, "{shown}");
    }
    let let_in = ask("/k/1", &format!("Bearer {key}"));
    assert_eq!(handed_on(&let_in), None);
    assert!(let_in.reply().headers.contains_key("x-postern-key"));
    // What is no key of ours is the caller's own affair.
    let foreign = key.replace("acme_", "other_");
    for shown in ["Basic YTpi".to_owned(), format!("Bearer {foreign}"), format!("Bearer {}", key.to_uppercase())] {
        assert_eq!(handed_on(&ask("/open/1", &shown)), Some(shown.as_str()));
    }
}

#[test]
fn the_upstream_behind_a_proxy_gets_no_token_of_an_agent_s() {
    //
    let (world, gateway) = (World::new(), gateway(&asked(&with_agents())));
    let browser = person(&world, &gateway);
    let token = granted(&browser, "/mcp", |_| ()).token;
    let ask = |path: &str| Browser::new(&world, &gateway).send(&showing(path, &format!("Bearer {token}")));
    assert_eq!(handed_on(&ask("/open/1")), None);
    assert_eq!(handed_on(&ask("/mcp")), None);
}

#[test]
fn forged_keys_that_a_proxy_asks_about_are_counted_by_the_address_that_it_tells() {
    //
    let (world, gateway) = (World::new(), gateway(&asked(&with_keys())));
    let stranger = gateway_with_keys(&with_keys(), &key("zz", "D"));
    let before = world.key_calls.get();
    let reason = |address: &str| {
        let text = unknown(&world, &stranger);
        let asked = asked_at(address).with("authorization", &format!("Bearer {text}"));
        Browser::new(&world, &gateway).send(&asked).event["reason"].as_str().unwrap().to_owned()
    };
    let reasons: Vec<String> = (0..300).map(|_| reason("203.0.113.1")).collect();
    assert_eq!(reasons.iter().filter(|reason| *reason == "limit.keys").count(), 240);
    assert_eq!(world.key_calls.get() - before, 60);
    assert_eq!(reason("203.0.113.2"), "key.unknown");
    // Without an address all share one bucket.
    assert_eq!((0..70).filter(|_| reason("unknown") == "limit.keys").count(), 10);
}

#[test]
fn behind_a_proxy_made_up_reports_of_leaks_are_bounded_too() {
    //
    let (world, gateway) = (World::new(), gateway(&asked(&with_keys())));
    let stranger = gateway_with_keys(&with_keys(), &key("zz", "D"));
    let before = world.key_calls.get();
    for _ in 0..200 {
        let text = unknown(&world, &stranger);
        Browser::new(&world, &gateway).send(&Asked::new("POST", "/auth/keys/leaked").with_body(Ok(&text)));
    }
    assert_eq!(world.key_calls.get() - before, 60);
}
