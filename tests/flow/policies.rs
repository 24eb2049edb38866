//! Routes that ask the policies: who gets through, by which version, and what is noted of it.

use postern::policy::{Bundle, Pointer, Version, pointer_key, version_key};
use serde_json::{Value, json};

use crate::support::{Asked, Browser, World, gateway, variables};

fn asking() -> Value {
    let mut variables = variables();
    variables["ROUTES"]["/orders/{id}"] = json!({ "upstream": "service:API", "policy": true });
    variables["ROUTES"]["/strict/{id}"] =
        json!({ "upstream": "service:API", "policy": true, "require": { "scopes": ["admin"] } });
    variables
}

pub fn publish(world: &World, serial: u64, text: &str, shadow: Option<&str>) -> Version {
    let [live, shadow] = [Some(text), shadow].map(|text| {
        text.map(|text| {
            let bundle = Bundle::new([("a.cedar".to_owned(), text.to_owned())].into()).unwrap();
            world.policies.borrow_mut().insert(version_key(&bundle.version()), bundle.to_text());
            bundle.version()
        })
    });
    let pointer = Pointer { serial, live: live.clone().unwrap(), shadow };
    world.policies.borrow_mut().insert(pointer_key().to_owned(), pointer.to_text());
    live.unwrap()
}

fn event(world: &World) -> Value {
    world.take_events().pop().unwrap()
}

const READ: &str = r#"@id("read") permit(principal is Human, action in Action::"read", resource in Route::"/orders/{id}")
    when { resource.hasTag("id") && resource.getTag("id") == "7" };"#;

#[test]
fn what_the_policies_permit_goes_on_and_what_they_do_not_is_refused_and_noted() {
    // R-193
    let (world, gateway) = (World::new(), gateway(&asking()));
    let version = publish(&world, 1, READ, None);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.take_events();
    browser.send(&Asked::script("GET", "/orders/7")).forwarded();
    let allowed = event(&world);
    assert_eq!((&allowed["policies"], &allowed["policy_version"]), (&json!(["read"]), &json!(version.as_str())));
    for (method, path) in [("GET", "/orders/8"), ("PUT", "/orders/7")] {
        assert_eq!(browser.send(&Asked::script(method, path)).reply().status, 403, "{method} {path}");
        let denied = event(&world);
        assert_eq!((&denied["reason"], &denied["outcome"]), (&json!("policy.nothing_permits"), &json!("deny")));
        assert_eq!(denied["policy_version"], version.as_str());
    }
}

#[test]
fn policies_only_take_away() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    publish(&world, 1, "permit(principal, action, resource);", None);
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(browser.send(&Asked::script("GET", "/strict/7")).reply().status, 403);
    let nobody = Browser::new(&world, &gateway);
    assert_eq!(nobody.send(&Asked::script("GET", "/orders/7")).reply().status, 401);
}

#[test]
fn without_policies_nobody_passes() {
    // R-193
    let (world, gateway) = (World::new(), gateway(&asking()));
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(browser.send(&Asked::script("GET", "/orders/7")).reply().status, 403);
    let denied = event(&world);
    assert_eq!(
        (&denied["reason"], &denied["policy_pull"]),
        (&json!("policy.none_loaded"), &json!("policy.none_published"))
    );
    // Other routes have nothing to do with it.
    browser.send(&Asked::script("GET", "/api/a")).forwarded();
}

#[test]
fn a_new_version_counts_within_the_time_told_and_one_on_trial_is_only_noted() {
    // R-198
    let (world, gateway) = (World::new(), gateway(&asking()));
    publish(&world, 1, READ, None);
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/orders/7")).forwarded();
    publish(&world, 2, "@id(\"no\") forbid(principal, action, resource);", None);
    world.wait(20);
    assert_eq!(browser.send(&Asked::script("GET", "/orders/7")).reply().status, 403);
    assert_eq!(event(&world)["policies"], json!(["no"]));
    publish(&world, 3, READ, Some("@id(\"no\") forbid(principal, action, resource);"));
    world.wait(20);
    browser.send(&Asked::script("GET", "/orders/7")).forwarded();
    let noted = event(&world);
    assert!(noted["policy_trial"].as_str().unwrap().starts_with("policy.forbidden no "), "{noted}");
}

#[test]
fn a_policy_that_wants_another_sign_in_has_it_asked_for() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    let wants = "@max_age(\"60\") forbid(principal, action, resource) \
        unless { context.authentication has age && context.authentication.age <= 60 };";
    publish(&world, 1, &format!("{READ}{wants}"), None);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(300);
    let answered = browser.send(&Asked::script("GET", "/orders/7"));
    assert_eq!(answered.reply().status, 401);
    assert!(event(&world)["reason"].as_str().unwrap().starts_with("authz."));
}
