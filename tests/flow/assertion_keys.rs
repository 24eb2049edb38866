//! `/.well-known/jwks.json`: the keys by which upstreams verify assertions, through a rotation of the ring.

use postern::gateway::Gateway;
use postern::http::{Method, header};
use serde_json::{Value, json};

use super::assertion::{asserting, assertion, published, verified};
use crate::support::{Answered, Asked, Browser, World, gateway, gateway_with_keys, key, variables};

const KEYS: &str = "/.well-known/jwks.json";

fn ring(ids: &[(&str, &str)]) -> Gateway {
    let entries: Vec<String> = ids.iter().map(|(id, letter)| key(id, letter)).collect();
    gateway_with_keys(&asserting(), &entries.join(" "))
}

fn ask(world: &World, gateway: &Gateway, asked: &Asked) -> Answered {
    Browser::new(world, gateway).send(asked)
}

fn kids(world: &World, gateway: &Gateway) -> Vec<String> {
    let set: Value = serde_json::from_slice(&published(world, gateway)).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// An assertion of this isolate's, for whoever signs in now.
fn made(world: &World, gateway: &Gateway) -> String {
    let browser = Browser::new(world, gateway).signed_in();
    assertion(browser.send(&Asked::script("GET", "/orders/1")).forwarded())
}

#[test]
fn the_keys_are_public_and_nothing_else_is() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let answered = ask(&world, &gateway, &Asked::new("GET", KEYS));
    let reply = answered.reply();
    assert_eq!((reply.status.as_u16(), &answered.event["event"]), (200, &json!("own")));
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=300"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reply.headers[name], value);
    }
    assert!(!reply.headers.contains_key("set-cookie") && !reply.headers.contains_key("vary"));
    let set = answered.json();
    let key = set["keys"][0].as_object().unwrap();
    assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("EC"), Some("P-256")));
    assert_eq!((key["alg"].as_str(), key["use"].as_str()), (Some("ES256"), Some("sig")));
    let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
}

#[test]
fn who_has_the_keys_is_not_sent_them_again() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let first = ask(&world, &gateway, &Asked::new("GET", KEYS));
    let tag = first.reply().headers[header::ETAG].to_str().unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = ask(&world, &gateway, &Asked::new("GET", KEYS).with("if-none-match", &known));
        assert_eq!((again.reply().status.as_u16(), again.reply().body.as_str()), (304, ""), "{known}");
        assert_eq!(again.reply().headers[header::ETAG], tag.as_str());
        assert_eq!(again.reply().headers[header::CACHE_CONTROL], "public, max-age=300");
    }
    let other = ask(&world, &gateway, &Asked::new("GET", KEYS).with("if-none-match", "\"other\""));
    assert_eq!(other.reply().status.as_u16(), 200);
    let rotated = ask(&world, &ring(&[("k2", "B"), ("k1", "C")]), &Asked::new("GET", KEYS).with("if-none-match", &tag));
    assert_eq!(rotated.reply().status.as_u16(), 200);
}

#[test]
fn the_keys_are_read_and_nothing_else_is_done_with_them() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    assert_eq!(ask(&world, &gateway, &Asked::new("HEAD", KEYS)).reply().status.as_u16(), 200);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        let answered = ask(&world, &gateway, &Asked::new(method.as_str(), KEYS));
        answered.assert_refused(405, "route.method_not_allowed");
        assert_eq!(answered.reply().headers[header::ALLOW], "GET, HEAD");
    }
}

#[test]
fn no_route_stands_before_them_and_without_assertions_they_are_not_ours() {
    let world = World::new();
    let with_catch_all = |mut variables: Value| {
        variables["ROUTES"]["/{*rest}"] = json!({ "upstream": "assets", "public": true });
        gateway(&variables)
    };
    let asserting = with_catch_all(asserting());
    assert!(ask(&world, &asserting, &Asked::new("GET", KEYS)).json()["keys"].is_array());
    ask(&world, &asserting, &Asked::new("GET", "/.well-known/jwks.json.bak")).forwarded();
    let plan = ask(&world, &with_catch_all(variables()), &Asked::new("GET", KEYS));
    assert_eq!(plan.forwarded().path_and_query, KEYS);
}

#[test]
fn a_rotation_refuses_no_assertion() {
    let world = World::new();
    // As it was; the new key told to everybody; the new key in use; the old one gone.
    let (old, told, new, gone) = (
        ring(&[("k1", "C")]),
        ring(&[("k1", "C"), ("k2", "B")]),
        ring(&[("k2", "B"), ("k1", "C")]),
        ring(&[("k2", "B")]),
    );
    let (by_old, by_told, by_new) = (made(&world, &old), made(&world, &told), made(&world, &new));
    let [a] = kids(&world, &old).try_into().unwrap();
    let [b] = kids(&world, &gone).try_into().unwrap();
    assert_eq!(kids(&world, &told), [a.clone(), b.clone()]);
    assert_eq!(kids(&world, &new), [b, a]);
    let counts = |token: &str, gateway: &Gateway| verified(token, &published(&world, gateway)).is_some();
    // Whoever still has the set of before, or has the next one already.
    assert!([&old, &told, &new].iter().all(|set| counts(&by_old, set) && counts(&by_told, set)));
    assert!([&told, &new, &gone].iter().all(|set| counts(&by_new, set)));
    assert!(!counts(&by_new, &old) && !counts(&by_old, &gone));
}

#[test]
fn another_deployments_keys_are_others() {
    let world = World::new();
    let (ours, theirs) = (ring(&[("k1", "C")]), ring(&[("k1", "E")]));
    assert_ne!(kids(&world, &ours), kids(&world, &theirs));
    assert!(verified(&made(&world, &ours), &published(&world, &theirs)).is_none());
}
