//! Routes that ask the policies: who gets through, by which version, and what is noted of it.

use std::task::{Context, Waker};

use futures::executor::block_on;
use futures::future::join_all;
use postern::policy::{Bundle, Pointer, Version, pointer_key, version_key};
use serde_json::{Value, json};

use crate::support::{Asked, Browser, Fault, World, gateway, variables};

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
    let pointer = Pointer::after(None, live.clone().unwrap(), shadow).at_least(serial);
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
    // Whoever finds that it is time is not kept waiting for it.
    browser.send(&Asked::script("GET", "/orders/7")).forwarded();
    let pulled = event(&world);
    assert_eq!((&pulled["event"], &pulled["reason"]), (&json!("policy.pull"), &json!("policy.loaded")));
    assert_eq!(browser.send(&Asked::script("GET", "/orders/7")).reply().status, 403);
    assert_eq!(event(&world)["policies"], json!(["no"]));
    publish(&world, 3, READ, Some("@id(\"no\") forbid(principal, action, resource);"));
    world.wait(20);
    browser.send(&Asked::script("GET", "/orders/7")).reply();
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

#[test]
fn one_look_at_the_store_serves_all_who_have_nothing_to_go_on_with() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    publish(&world, 1, READ, None);
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = Asked::script("GET", "/orders/7");
    let all = (0..20).map(|_| browser.send_alone(&asked));
    for answered in block_on(world.beside(&gateway, join_all(all))) {
        answered.forwarded();
    }
    assert_eq!(world.policy_reads.get(), 2, "the pointer and the version");
}

#[test]
fn the_first_request_has_the_store_looked_at_whatever_it_is_for() {
    for path in ["/auth/health", "/nowhere", "/auth/admin", "/"] {
        let (world, gateway) = (World::new(), gateway(&asking()));
        publish(&world, 1, READ, None);
        let nobody = Browser::new(&world, &gateway);
        nobody.go(path);
        nobody.go(path);
        assert_eq!(world.policy_reads.get(), 2, "{path}: the pointer and the version, once");
    }
    // Once it has been looked at, it is those who ask the policies who have it looked at again.
    let (world, gateway) = (World::new(), gateway(&asking()));
    let nobody = Browser::new(&world, &gateway);
    nobody.go("/auth/health");
    world.wait(600);
    nobody.go("/auth/health");
    assert_eq!(world.policy_reads.get(), 1, "nothing is published");
}

#[test]
fn where_no_route_asks_the_policies_nobody_looks_for_any() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    Browser::new(&world, &gateway).go("/auth/health");
    assert_eq!(world.policy_reads.get(), 0);
}

#[test]
fn a_look_that_a_request_began_ends_even_when_its_client_goes_away() {
    let (world, gateway) = (World::new(), gateway(&asking()));
    publish(&world, 1, READ, None);
    let browser = Browser::new(&world, &gateway).signed_in();
    // What its first request brought is too old by now.
    world.wait(60);
    publish(&world, 2, &READ.replace("read\")", "again\")"), None);
    let asked = Asked::script("GET", "/orders/7");
    {
        let mut given_up = Box::pin(browser.send_alone(&asked));
        let mut context = Context::from_waker(Waker::noop());
        while world.tasks_waiting() == 0 {
            assert!(given_up.as_mut().poll(&mut context).is_pending());
        }
    }
    world.run_tasks(&gateway);
    assert_eq!(event(&world)["reason"], "policy.loaded");
    let reads = world.policy_reads.get();
    browser.send(&asked).forwarded();
    assert_eq!(world.policy_reads.get(), reads);
}

#[test]
fn a_store_that_fails_or_never_answers_ends_in_a_no_and_keeps_nobody_who_has_policies() {
    // R-198
    let (world, gateway) = (World::new(), gateway(&asking()));
    publish(&world, 1, READ, None);
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = Asked::script("GET", "/orders/7");
    browser.send(&asked).forwarded();
    world.fault.set(Fault::Policies);
    for _ in 0..2 {
        world.wait(20);
        browser.send(&asked).forwarded();
    }
    world.wait(20);
    browser.send(&asked).assert_refused(403, "policy.none_loaded");
    world.fault.set(Fault::None);
    world.silence.set(true);
    world.wait(20);
    let since = world.now.get();
    browser.send(&asked).assert_refused(403, "policy.none_loaded");
    assert!(world.now.get() - since < 10);
    // Whoever ran it is gone; nobody ended it.
    world.silence.set(false);
    world.wait(10);
    browser.send(&asked).forwarded();
}

#[test]
fn the_tenant_of_a_resource_is_the_one_that_its_route_binds() {
    // R-199
    let mut variables = asking();
    let tenant = |require: Value| json!({ "upstream": "service:API", "policy": true, "require": require });
    variables["ROUTES"]["/of/{org}"] = tenant(json!({ "tenant": "{org}" }));
    variables["ROUTES"]["/of-nobody/{org}"] = tenant(json!({}));
    let (world, gateway) = (World::new(), gateway(&variables));
    let own = "permit(principal, action, resource) \
        when { resource has tenant && principal has tenant && resource.tenant == principal.tenant };";
    publish(&world, 1, own, None);
    world.corp.bend_claims(|claims| claims["org_id"] = json!("acme"));
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&Asked::script("GET", "/of/acme")).forwarded();
    browser.send(&Asked::script("GET", "/of/evil")).assert_refused(403, "authz.tenant_not_accepted");
    browser.send(&Asked::script("GET", "/of-nobody/acme")).assert_refused(403, "policy.nothing_permits");
}
