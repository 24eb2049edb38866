//! `/auth/keys`: people make keys for their programs, rotate them and end them; `/auth/admin/keys`: others do it for them.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, Fault, World, gateway, variables};

/// A deployment in which developers have keys.
pub fn with_keys() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"]["corp"]["roles"] = json!(["roles"]);
    variables["KEYS"] = json!({
        "prefix": "acme", "max_life": "180d",
        "self_service": { "roles": ["developer"], "scopes": ["orders:read", "orders:write"], "per_person": 2 },
    });
    variables["ROUTES"]["/orders"] =
        json!({ "upstream": "service:API", "authenticate": ["key"], "require": { "scopes": ["orders:read"] } });
    variables["ADMIN"] = json!({ "principals": ["corp|root"] });
    variables
}

/// Somebody with these roles, who has just signed in.
pub fn developer<'w>(world: &'w World, gateway: &'w Gateway, subject: &'static str, roles: Value) -> Browser<'w> {
    let now = world.now.get();
    world.corp.bend_claims(move |claims| {
        claims["sub"] = subject.into();
        claims["roles"] = roles.clone();
        claims["auth_time"] = now.into();
    });
    Browser::new(world, gateway).signed_in()
}

fn alice<'w>(world: &'w World, gateway: &'w Gateway) -> Browser<'w> {
    developer(world, gateway, "alice", json!(["developer"]))
}

fn new_key(body: &Value) -> Asked {
    Asked::script("POST", "/auth/keys").with("content-type", "application/json").with_body(Ok(&body.to_string()))
}

fn orders_key() -> Asked {
    new_key(&json!({ "name": "build", "scopes": ["orders:read"], "expires_in_days": 30 }))
}

/// Makes a key: its text and its id.
pub fn made(browser: &Browser<'_>) -> (String, String) {
    let answered = browser.send(&orders_key());
    assert_eq!(answered.reply().status.as_u16(), 201, "{}", answered.event);
    let text = |name: &str| answered.json()[name].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

/// Whether a program gets in with this key.
pub fn opens(world: &World, gateway: &Gateway, key: &str) -> bool {
    let answered = Browser::new(world, gateway).send(&Asked::bearing("/orders", key));
    answered.event["outcome"] == "allow"
}

fn list(browser: &Browser<'_>) -> Vec<Value> {
    browser.send(&Asked::script("GET", "/auth/keys")).json()["keys"].as_array().unwrap().clone()
}

fn said(answered: &Answered) -> (&Value, &Value) {
    (&answered.event["event"], &answered.event["reason"])
}

#[test]
fn a_key_is_made_shown_once_and_used() {
    // R-261
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = alice(&world, &gateway);
    let answered = browser.send(&orders_key());
    let key = answered.json()["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("acme_") && key.len() < 80, "{key}");
    assert_eq!(answered.reply().headers["cache-control"], "private, no-store");
    assert_eq!(said(&answered), (&json!("key.made"), &json!("key.done")));
    assert_eq!(answered.event["key_id"], answered.json()["id"]);
    assert_eq!(answered.json()["expires_at"], json!(world.now.get() + 30 * 24 * 3600));
    assert!(opens(&world, &gateway, &key));
    let page = browser.go("/auth/keys");
    assert!(page.reply().body.contains("build") && !page.reply().body.contains(&key));
    let listed = list(&browser);
    assert_eq!((listed.len(), &listed[0]["name"], listed[0].get("key")), (1, &json!("build"), None));
    // Nothing that is stored or written down is the key.
    let secret = key.get(5..48).unwrap();
    assert!(!world.dump().contains(secret) && !world.lines.borrow().iter().any(|line| line.contains(secret)));
}

#[test]
fn people_make_one_by_a_form_and_see_it_on_that_page_alone() {
    // R-261
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = alice(&world, &gateway);
    let form = browser.go("/auth/keys");
    assert!(form.reply().body.contains(r#"value="orders:write""#), "{}", form.reply().body);
    assert_eq!(form.reply().headers["referrer-policy"], "same-origin");
    let body = "name=Build+server&scope=orders%3Aread&scope=orders%3Awrite&expires_in_days=7";
    let answered = browser.send(&Asked::form("/auth/keys").with_body(Ok(body)));
    let page = &answered.reply().body;
    let (_, rest) = page.split_once("<output").unwrap();
    let key = rest.split_once('>').unwrap().1.split_once('<').unwrap().0;
    assert!(opens(&world, &gateway, key), "{key}");
    assert_eq!(answered.reply().headers["cache-control"], "private, no-store");
    assert_eq!(list(&browser)[0]["scopes"], json!(["orders:read", "orders:write"]));
    // The page of sessions leads there.
    assert!(browser.go("/auth/sessions").reply().body.contains(r#"href="/auth/keys""#));
}

#[test]
fn nobody_makes_a_key_without_a_session_a_recent_sign_in_and_a_page_of_ours() {
    // R-270
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = alice(&world, &gateway);
    let (key, id) = made(&browser);
    let nobody = Browser::new(&world, &gateway);
    nobody.send(&orders_key()).assert_refused(401, "authn.no_credential");
    nobody
        .send(&orders_key().with("authorization", &format!("Bearer {key}")))
        .assert_refused(401, "authn.no_credential");
    let foreign = Asked::new("POST", "/auth/keys").with("sec-fetch-site", "cross-site");
    browser.send(&foreign).assert_refused(403, "csrf.fetch_site");
    for path in [format!("/auth/keys/{id}/rotate"), format!("/auth/keys/{id}/delete")] {
        browser
            .send(&Asked::new("POST", &path).with("sec-fetch-site", "same-site"))
            .assert_refused(403, "csrf.fetch_site");
        nobody.send(&Asked::form(&path)).assert_refused(401, "authn.no_credential");
    }
    assert_eq!(nobody.go("/auth/keys").location(), "/auth/login?return_to=%2Fauth%2Fkeys&fragment=keep");
    // A quarter of an hour and the leeway later.
    world.wait(15 * 60 + 61);
    for asked in [orders_key(), Asked::script("POST", &format!("/auth/keys/{id}/rotate"))] {
        let answered = browser.send(&asked);
        answered.assert_refused(401, "authz.authentication_too_old");
        assert_eq!(answered.json()["max_age"], 900);
    }
    browser
        .send(&Asked::script("DELETE", &format!("/auth/keys/{id}")))
        .assert_refused(401, "authz.authentication_too_old");
    let link = "/auth/login?provider=corp&max_age=900&return_to=%2Fauth%2Fkeys";
    let page = browser.go("/auth/keys");
    assert!(page.reply().body.contains(&link.replace('&', "&amp;")), "{}", page.reply().body);
    assert!(!page.reply().body.contains("<form"));
    let by_form = browser.send(&Asked::form("/auth/keys").with_body(Ok("name=x&scope=orders%3Aread")));
    assert_eq!((by_form.reply().status.as_u16(), by_form.location().as_str()), (303, link));
    assert!(opens(&world, &gateway, &key) && list(&browser).len() == 1);
}

#[test]
fn a_key_is_for_what_its_owner_may_give_and_no_more() {
    // R-264
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let other = developer(&world, &gateway, "carol", json!(["support"]));
    other.send(&orders_key()).assert_refused(403, "key_request.not_allowed");
    assert!(other.go("/auth/keys").reply().body.contains("Your roles do not allow"));
    let browser = alice(&world, &gateway);
    for scopes in [json!(["admin"]), json!(["orders:read", "admin"]), json!(["orders"])] {
        let asked = new_key(&json!({ "name": "x", "scopes": scopes }));
        browser.send(&asked).assert_refused(403, "key_request.scope_not_granted");
    }
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\nb" }),
        json!({ "name": "x".repeat(121) }),
        json!({ "name": "x", "expires_in_days": 0 }),
        json!({ "name": "x", "expires_in_days": 181 }),
        json!({ "name": "x", "expires_in_days": 1.5 }),
        json!({ "name": "x", "scopes": "orders:read" }),
        json!({ "name": "x", "scopes": [] }),
        json!({ "name": "x" }),
        json!({ "name": "x", "subject": "bob" }),
        json!({ "name": "x", "expiresInDays": 1 }),
    ] {
        browser.send(&new_key(&body)).assert_refused(400, "request.bad_input");
    }
    assert!(list(&browser).is_empty());
}

#[test]
fn each_person_has_their_number_of_keys() {
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = alice(&world, &gateway);
    let (_, id) = made(&browser);
    made(&browser);
    browser.send(&orders_key()).assert_refused(409, "key_request.too_many");
    let page = browser.go("/auth/keys").reply().body.clone();
    assert!(page.contains("as many keys as you may") && !page.contains(r#"action="/auth/keys""#), "{page}");
    let by_form = browser.send(&Asked::form("/auth/keys").with_body(Ok("name=x&scope=orders%3Aread")));
    assert_eq!((by_form.location().as_str(), by_form.reply().status.as_u16()), ("/auth/keys", 303));
    browser.send(&Asked::script("DELETE", &format!("/auth/keys/{id}")));
    made(&browser);
}

#[test]
fn a_key_is_rotated_and_deleted_by_its_owner_alone() {
    // R-266
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let bob = developer(&world, &gateway, "bob", json!(["developer"]));
    let browser = alice(&world, &gateway);
    let (first, id) = made(&browser);
    for asked in [
        Asked::script("POST", &format!("/auth/keys/{id}/rotate")),
        Asked::script("DELETE", &format!("/auth/keys/{id}")),
        Asked::script("DELETE", "/auth/keys/0011223344556677"),
    ] {
        bob.send(&asked).assert_refused(404, "key_request.no_such_key");
    }
    for path in ["x", "00112233445566FF", "0011223344556677/x", "0011223344556677/rotate/x"] {
        bob.send(&Asked::script("DELETE", &format!("/auth/keys/{path}"))).assert_refused(404, "route.none");
    }
    let answered = browser.send(&Asked::form(&format!("/auth/keys/{id}/rotate")));
    assert_eq!(said(&answered), (&json!("key.rotated"), &json!("key.done")));
    let body = answered.reply().body.clone();
    assert!(body.contains("The key before works until"), "{body}");
    assert!(opens(&world, &gateway, &first), "during the overlap");
    let second = browser.send(&Asked::script("POST", &format!("/auth/keys/{id}/rotate")));
    let second = second.json()["key"].as_str().unwrap().to_owned();
    assert!(opens(&world, &gateway, &second));
    let deleted = browser.send(&Asked::form(&format!("/auth/keys/{id}/delete")));
    assert_eq!(
        (deleted.location().as_str(), said(&deleted)),
        ("/auth/keys", (&json!("key.revoked"), &json!("key.done")))
    );
    assert!(!opens(&world, &gateway, &first) && !opens(&world, &gateway, &second));
    assert_eq!(list(&browser)[0]["ended"]["why"], "owner");
    let again = browser.send(&Asked::form(&format!("/auth/keys/{id}/delete")));
    assert_eq!((again.location().as_str(), &again.event["reason"]), ("/auth/keys", &json!("key_request.no_such_key")));
}

#[test]
fn the_secret_before_a_rotation_can_be_ended_at_once() {
    // R-266, R-270
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let bob = developer(&world, &gateway, "bob", json!(["developer"]));
    let browser = alice(&world, &gateway);
    let (first, id) = made(&browser);
    let path = format!("/auth/keys/{id}/end-old");
    let end = Asked::script("POST", &path);
    browser.send(&end).assert_refused(404, "key_request.no_such_key");
    let rotated = browser.send(&Asked::script("POST", &format!("/auth/keys/{id}/rotate")));
    let second = rotated.json()["key"].as_str().unwrap().to_owned();
    assert!(browser.go("/auth/keys").reply().body.contains(&format!(r#"action="{path}""#)));
    bob.send(&end).assert_refused(404, "key_request.no_such_key");
    browser.send(&Asked::script("DELETE", &path)).assert_refused(405, "route.method_not_allowed");
    let foreign = Asked::new("POST", &path).with("sec-fetch-site", "cross-site");
    browser.send(&foreign).assert_refused(403, "csrf.fetch_site");
    assert!(opens(&world, &gateway, &first));
    let ended = browser.send(&end);
    assert_eq!(said(&ended), (&json!("key.old_secret_ended"), &json!("key.done")));
    assert_eq!((&ended.json()["id"], ended.json().get("old_until"), ended.json().get("key")), (&json!(id), None, None));
    assert!(!opens(&world, &gateway, &first) && opens(&world, &gateway, &second));
    assert!(!browser.go("/auth/keys").reply().body.contains("end-old"));
    // By a form.
    browser.send(&Asked::form(&format!("/auth/keys/{id}/rotate")));
    let by_form = browser.send(&Asked::form(&path));
    assert_eq!((by_form.location().as_str(), &by_form.event["reason"]), ("/auth/keys", &json!("key.done")));
    assert!(!opens(&world, &gateway, &second));
    world.wait(15 * 60 + 61);
    browser.send(&end).assert_refused(401, "authz.authentication_too_old");
}

#[test]
fn a_visitor_signs_in_on_the_way_to_the_keys() {
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = Browser::new(&world, &gateway);
    let login = browser.go("/auth/keys").location();
    assert_eq!(login, "/auth/login?return_to=%2Fauth%2Fkeys&fragment=keep");
    // A page that takes along what is behind `#`, and goes on to the same login.
    let kept = browser.go(&login).reply().body.clone();
    assert!(kept.contains("return_to=%2Fauth%2Fkeys"), "{kept}");
    let begun = browser.begin("provider=corp&return_to=%2Fauth%2Fkeys");
    let answered = browser.come_back(&world.corp.authorize(&begun));
    assert_eq!(answered.event["reason"], "login.succeeded", "{}", answered.event);
    assert!(answered.reply().body.contains(r#"/auth/keys""#), "{}", answered.reply().body);
    assert!(browser.go("/auth/keys").reply().body.contains("Your roles do not allow"));
}

#[test]
fn a_key_waits_for_an_owner_who_has_not_signed_in_for_long() {
    // R-264
    let mut variables = with_keys();
    variables["KEYS"]["self_service"]["owner_seen_within"] = json!("30d");
    let (world, gateway) = (World::new(), gateway(&variables));
    let hers = json!({ "name": "x", "scopes": ["orders:read"], "expires_in_days": 90 });
    let key = alice(&world, &gateway).send(&new_key(&hers)).json()["key"].as_str().unwrap().to_owned();
    let of_service = json!({ "service": "billing", "name": "x", "scopes": ["orders:read"], "expires_in_days": 90 });
    let root = developer(&world, &gateway, "root", json!([]));
    let of_service = root.send(&order("/auth/admin/keys", &of_service)).json()["key"].clone();
    let use_it = || Browser::new(&world, &gateway).send(&Asked::bearing("/orders", &key));
    world.wait(30 * 24 * 3600 - 1);
    use_it().forwarded();
    world.wait(1);
    use_it().assert_refused(401, "key.owner_not_seen");
    assert!(opens(&world, &gateway, of_service.as_str().unwrap()), "nobody signs in for a service");
    assert!(opens(&world, &crate::support::gateway(&with_keys()), &key), "without the rule");
    alice(&world, &gateway);
    use_it().forwarded();
}

#[test]
fn without_the_table_there_is_no_page_and_while_the_store_is_down_no_key() {
    let (world, without) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &without).signed_in();
    for (method, path) in [("GET", "/auth/keys"), ("POST", "/auth/keys"), ("POST", "/auth/keys/leaked")] {
        browser.send(&Asked::script(method, path)).assert_refused(404, "route.none");
    }
    assert!(!browser.go("/auth/sessions").reply().body.contains("/auth/keys"));
    let gateway = gateway(&with_keys());
    let browser = alice(&world, &gateway);
    world.fault.set(Fault::Keys);
    browser.send(&orders_key()).assert_refused(503, "store.unavailable");
    browser.send(&Asked::script("GET", "/auth/keys")).assert_refused(503, "store.unavailable");
}

fn order(path: &str, body: &Value) -> Asked {
    Asked::script("POST", path).with("content-type", "application/json").with_body(Ok(&body.to_string()))
}

#[test]
fn administrators_see_and_revoke_keys_and_make_those_of_services() {
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = alice(&world, &gateway);
    let (first, id) = made(&browser);
    let (second, _) = made(&browser);
    let root = developer(&world, &gateway, "root", json!([]));
    let listed = root.send(&Asked::script("GET", "/auth/admin/keys?provider=corp&subject=alice")).json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    assert_eq!(listed["keys"][0]["holder"]["subject"], "alice");
    assert!(!listed.to_string().contains(first.get(5..40).unwrap()));
    let one = order("/auth/admin/keys/revoke", &json!({ "key": id }));
    assert_eq!(root.send(&one).json(), json!({ "revoked": [id] }));
    assert!(!opens(&world, &gateway, &first) && opens(&world, &gateway, &second));
    root.send(&one).assert_refused(404, "key_request.no_such_key");
    // Offboarding.
    let all = root.send(&order("/auth/admin/keys/revoke", &json!({ "provider": "corp", "subject": "alice" })));
    assert_eq!((all.json()["revoked"].as_array().unwrap().len(), &all.event["ended"]), (1, &json!(1)));
    assert!(!opens(&world, &gateway, &second));
    assert_eq!(list(&browser)[0]["ended"]["why"], "administrator");
    // A service without an owner.
    let new = json!({ "service": "billing", "name": "nightly", "scopes": ["orders:read"] });
    let answered = root.send(&order("/auth/admin/keys", &new));
    assert_eq!(answered.reply().status.as_u16(), 201, "{}", answered.event);
    let key = answered.json()["key"].as_str().unwrap().to_owned();
    assert!(opens(&world, &gateway, &key));
    assert!(!answered.event.to_string().contains(key.get(5..40).unwrap()));
    let of_service = root.send(&Asked::script("GET", "/auth/admin/keys?service=billing")).json();
    assert_eq!(of_service["keys"][0]["holder"], json!({ "service": "billing" }));
    root.send(&order("/auth/admin/keys/revoke", &json!({ "service": "billing" })));
    assert!(!opens(&world, &gateway, &key));
    for (path, body) in [
        ("/auth/admin/keys/rotate", json!({ "service": "billing" })),
        ("/auth/admin/keys/rotate", json!({ "key": id })),
        ("/auth/admin/keys/rotate", json!({ "service": "billing", "key": 1 })),
        ("/auth/admin/keys/revoke", json!({ "service": "billing", "old_secret": true })),
        ("/auth/admin/keys/revoke", json!({ "key": id, "old_secret": "yes" })),
        ("/auth/admin/keys", json!({ "name": "x", "scopes": [] })),
        ("/auth/admin/keys", json!({ "service": "a b", "name": "x", "scopes": [] })),
        ("/auth/admin/keys", json!({ "service": "a", "name": "x", "scopes": ["a b"] })),
        ("/auth/admin/keys", json!({ "service": "a", "name": "x", "scopes": [], "expires_in_days": 1000 })),
        ("/auth/admin/keys/revoke", json!({})),
        ("/auth/admin/keys/revoke", json!({ "key": "x" })),
        ("/auth/admin/keys/revoke", json!({ "service": "a", "subject": "b", "provider": "corp" })),
    ] {
        root.send(&order(path, &body)).assert_refused(400, "request.bad_input");
    }
    // R-270
    world.wait(15 * 60 + 61);
    root.send(&order("/auth/admin/keys", &new)).assert_refused(401, "authz.authentication_too_old");
    let rotate = order("/auth/admin/keys/rotate", &json!({ "service": "billing", "key": id }));
    root.send(&rotate).assert_refused(401, "authz.authentication_too_old");
}

#[test]
fn administrators_rotate_keys_of_services_and_nobody_else_s() {
    // R-270
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let (of_alice, hers) = made(&alice(&world, &gateway));
    let root = developer(&world, &gateway, "root", json!([]));
    let new = json!({ "service": "billing", "name": "nightly", "scopes": ["orders:read"] });
    let made = root.send(&order("/auth/admin/keys", &new)).json();
    let (first, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let rotate = |service: &str, id: &str| {
        root.send(&order("/auth/admin/keys/rotate", &json!({ "service": service, "key": id })))
    };
    for (service, id) in [("billing", hers.as_str()), ("alice", &hers), ("other", id), ("billing", "0011223344556677")]
    {
        rotate(service, id).assert_refused(404, "key_request.no_such_key");
    }
    assert!(opens(&world, &gateway, &of_alice));
    let rotated = rotate("billing", id);
    let told = ["action", "target", "key_id"].map(|name| rotated.event[name].as_str().unwrap().to_owned());
    assert_eq!(told, ["keys.rotate", "service:billing", id]);
    let second = rotated.json()["key"].as_str().unwrap().to_owned();
    assert!(!rotated.event.to_string().contains(second.get(5..40).unwrap()));
    assert!(opens(&world, &gateway, first) && opens(&world, &gateway, &second));
    let end = order("/auth/admin/keys/revoke", &json!({ "key": id, "old_secret": true }));
    let ended = root.send(&end);
    assert_eq!(ended.json(), json!({ "revoked": [id] }));
    assert!(ended.event["before"].as_str().unwrap().starts_with("old secret of key"), "{}", ended.event);
    assert!(!opens(&world, &gateway, first) && opens(&world, &gateway, &second));
    root.send(&end).assert_refused(404, "key_request.no_such_key");
}
