//! To which tenant somebody belongs is said by whoever vouches for them; the request only names which one it is about.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use super::assertion::{assertion, published, verified};
use super::bearer::token;
use crate::support::{Asked, Browser, CORP, Endpoint, PARTNER, World, gateway, variables};

const API: &str = "https://api.example.com";

fn deployment() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "machines": { "issuer": PARTNER, "audience": API, "algs": ["ES256"] },
        "other": { "issuer": CORP, "audience": API, "algs": ["ES256"], "tenant": "/org/name" },
    });
    let route = |tenant: &str| {
        json!({
            "upstream": "service:API", "authenticate": ["session", "bearer"], "require": { "tenant": tenant },
            "token": "assertion", "headers": { "X-Tenant": "tenant" },
        })
    };
    variables["ROUTES"]["/orgs/{org}/{*rest}"] = route("{org}");
    variables["ROUTES"]["/acme/{*rest}"] = route("acme");
    variables
}

fn signed_in_at<'w>(world: &'w World, gateway: &'w Gateway, org: Value) -> Browser<'w> {
    world.corp.bend_claims(move |claims| claims["org_id"] = org.clone());
    Browser::new(world, gateway).signed_in()
}

#[test]
fn who_belongs_to_a_tenant_reaches_its_things_and_nobody_elses() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = signed_in_at(&world, &gateway, json!("acme"));
    for path in ["/orgs/acme/orders", "/orgs/%61cme/orders", "/orgs/acme/", "/acme/x"] {
        let answered = browser.send(&Asked::script("GET", path));
        let plan = answered.forwarded();
        assert_eq!((&plan.headers["x-tenant"], &answered.event["tenant"]), (&"acme".parse().unwrap(), &json!("acme")));
        let told = verified(&assertion(plan), &published(&world, &gateway)).unwrap();
        assert_eq!(told["tenant"], "acme", "{path}");
    }
    for path in [
        "/orgs/%61cme%20/orders",
        "/orgs/evil/orders",
        "/orgs/Acme/orders",
        "/orgs/acme2/x",
        "/orgs/acme%20/x",
        "/orgs/acme%C2%A0/x",
    ] {
        browser.send(&Asked::script("GET", path)).assert_refused(403, "authz.tenant_not_accepted");
    }
}

#[test]
fn nothing_that_a_request_says_makes_a_tenant() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = signed_in_at(&world, &gateway, json!("acme"));
    let claiming = |path: &str| {
        let asked =
            Asked::script("GET", path).with("x-tenant", "evil").with("x-tenant-id", "evil").with("x-org-id", "evil");
        asked.with("x-postern-tenant", "evil").with("x-forwarded-tenant", "evil")
    };
    let refused = browser.send(&claiming("/orgs/evil/orders?tenant=evil&org_id=evil"));
    refused.assert_refused(403, "authz.tenant_not_accepted");
    let answered = browser.send(&claiming("/orgs/acme/orders?tenant=evil"));
    let plan = answered.forwarded();
    assert_eq!(plan.headers.get_all("x-tenant").iter().collect::<Vec<_>>(), ["acme"]);
    assert!(!plan.headers.contains_key("x-postern-tenant"));
    // Who belongs to none is of no tenant, whatever it is called.
    for nothing in [json!(null), json!(""), json!(7.5), json!([7]), json!(["acme"]), json!({ "acme": true })] {
        let browser = signed_in_at(&world, &gateway, nothing.clone());
        for path in ["/orgs/acme/x", "/orgs/7/x", "/orgs/null/x", "/acme/x"] {
            browser.send(&Asked::script("GET", path)).assert_refused(403, "authz.tenant_not_accepted");
        }
    }
}

#[test]
fn a_tenant_that_goes_by_a_whole_number_is_one() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = signed_in_at(&world, &gateway, json!(7));
    let answered = browser.send(&Asked::script("GET", "/orgs/7/x"));
    assert_eq!(answered.forwarded().headers["x-tenant"], "7");
    for path in ["/orgs/70/x", "/orgs/07/x", "/orgs/7.0/x", "/acme/x"] {
        browser.send(&Asked::script("GET", path)).assert_refused(403, "authz.tenant_not_accepted");
    }
    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!((&me["tenant"], &me["roles"]), (&json!("7"), &json!([])));
}

#[test]
fn a_token_says_it_where_its_issuer_puts_it() {
    //
    let (world, gateway) = (World::new(), gateway(&deployment()));
    let browser = Browser::new(&world, &gateway);
    let call = |claims: Value, path: &str| browser.send(&Asked::bearing(path, &token(&world, Some("at+jwt"), &claims)));
    call(json!({ "org_id": "acme" }), "/orgs/acme/x").forwarded();
    call(json!({ "org_id": "acme" }), "/orgs/evil/x").assert_refused(403, "authz.tenant_not_accepted");
    call(json!({ "org": { "name": "acme" } }), "/orgs/acme/x").assert_refused(403, "authz.tenant_not_accepted");
    call(json!({ "tenant": "acme", "org": "acme" }), "/orgs/acme/x").assert_refused(403, "authz.tenant_not_accepted");
    // Another issuer names it elsewhere, and what stands in the usual place says nothing then.
    let of_other = |more: Value| {
        let now = world.now.get();
        let mut claims = json!({
            "iss": CORP, "aud": API, "sub": "alice", "client_id": "reporter", "jti": "j", "iat": now, "exp": now + 300,
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = world.corp.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap());
        browser.send(&Asked::bearing("/orgs/acme/x", &token))
    };
    of_other(json!({ "org": { "name": "acme" }, "org_id": "evil" })).forwarded();
    of_other(json!({ "org_id": "acme" })).assert_refused(403, "authz.tenant_not_accepted");
}

#[test]
fn a_tenant_that_the_id_token_lacks_is_asked_for_where_it_is_named() {
    let mut variables = deployment();
    variables["PROVIDERS"]["corp"]["userinfo"] = json!(true);
    variables["PROVIDERS"]["corp"]["tenant"] = json!("/org/id");
    variables["SESSION"] = json!({ "claims": ["name"] });
    let (world, gateway) = (World::new(), gateway(&variables));
    *world.corp.user.borrow_mut() = json!({ "sub": "alice", "org": { "id": "acme" } });
    let browser = Browser::new(&world, &gateway).signed_in();
    assert_eq!(world.asked(Endpoint::UserInfo), 1);
    browser.send(&Asked::script("GET", "/orgs/acme/x")).forwarded();
    browser.send(&Asked::script("GET", "/orgs/evil/x")).assert_refused(403, "authz.tenant_not_accepted");
}
