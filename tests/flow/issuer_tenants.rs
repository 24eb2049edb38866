//! An issuer that has one name for each of its tenants, as Microsoft Entra does.

use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, PARTNER, World, gateway, variables};

const ONE: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const TWO: &str = "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn name(tenant: &str) -> String {
    format!("{PARTNER}/{tenant}/v2.0")
}

fn entra(tenants: &Value) -> Value {
    let mut variables = variables();
    variables["PROVIDERS"] = json!({ "partner": {
        "preset": "entra-multitenant", "tenants": tenants, "issuer": name("{tenantid}"), "client_id": "app",
        "id_token_algs": ["ES256"],
    } });
    variables["SESSION"] = json!({ "claims": ["tid", "email", "oid"] });
    variables["ROUTES"]["/of/{tenant}/{*rest}"] =
        json!({ "upstream": "service:API", "require": { "tenant": "{tenant}" } });
    variables
}

/// Publishes what Entra does, and signs in somebody of this tenant.
fn prepare(world: &World, tenant: &'static str) {
    {
        let mut metadata = world.partner.metadata.borrow_mut();
        metadata["issuer"] = name("{tenantid}").into();
        metadata["authorization_response_iss_parameter_supported"] = false.into();
    }
    world.partner.bend_claims(move |claims| {
        claims["iss"] = name(tenant).into();
        claims["tid"] = tenant.into();
        claims["email"] = "alice@example.com".into();
    });
}

fn login(tenants: &Value, bend: impl Fn(&World)) -> (World, Answered) {
    let (world, gateway) = (World::new(), gateway(&entra(tenants)));
    prepare(&world, ONE);
    bend(&world);
    let answered = Browser::new(&world, &gateway).login_at(&world.partner, "provider=partner");
    (world, answered)
}

#[track_caller]
fn refused(tenants: &Value, bend: impl Fn(&World), reason: &str) {
    let (world, answered) = login(tenants, bend);
    answered.assert_refused(400, reason);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn people_of_listed_tenants_sign_in_and_belong_to_their_tenant() {
    //
    for tenants in [json!([ONE, TWO]), json!("any")] {
        let (world, gateway) = (World::new(), gateway(&entra(&tenants)));
        prepare(&world, ONE);
        let browser = Browser::new(&world, &gateway);
        let answered = browser.login_at(&world.partner, "provider=partner");
        assert_eq!(
            (&answered.event["reason"], &answered.event["issuer"]),
            (&json!("login.succeeded"), &json!(name(ONE)))
        );
        let own = browser.send(&Asked::script("GET", &format!("/of/{ONE}/x")));
        assert_eq!((&own.event["status"], &own.event["tenant"]), (&json!(200), &json!(ONE)));
        assert_eq!(browser.send(&Asked::script("GET", &format!("/of/{TWO}/x"))).event["status"], 403);
        let sent = world.sent.borrow();
        let metadata = sent.iter().find(|request| request.url.ends_with("openid-configuration")).unwrap();
        assert_eq!(metadata.url, format!("{}/.well-known/openid-configuration", name("organizations")));
    }
}

#[test]
fn nobody_else_does() {
    //
    let any = json!("any");
    let bent = |change: fn(&mut Value)| move |world: &World| world.partner.bend_claims(change);
    refused(&json!([TWO]), |_| (), "id_token.tid_refused");
    refused(&any, |world| prepare(world, PERSONAL), "id_token.tid_refused");
    refused(&any, |world| prepare(world, "organizations"), "id_token.tid_refused");
    refused(&any, bent(|claims| claims["iss"] = name(ONE).into()), "id_token.tid_malformed");
    refused(
        &any,
        bent(|claims| {
            claims["iss"] = name(ONE).into();
            claims["tid"] = json!([ONE]);
        }),
        "id_token.tid_malformed",
    );
    let other = |iss: fn() -> String| {
        move |world: &World| {
            world.partner.bend_claims(move |claims| {
                claims["iss"] = iss().into();
                claims["tid"] = ONE.into();
            });
        }
    };
    refused(&any, other(|| name(TWO)), "id_token.iss_mismatch");
    refused(&any, other(|| name("{tenantid}")), "id_token.iss_mismatch");
    refused(&any, other(|| PARTNER.to_owned()), "id_token.iss_mismatch");
    refused(&any, other(|| format!("https://login.microsoftonline.us/{ONE}/v2.0")), "id_token.iss_mismatch");
}

#[test]
fn a_key_of_one_tenant_signs_for_no_other() {
    //
    let of_key = |issuer: String| {
        move |world: &World| {
            world.partner.published.borrow_mut().iter_mut().for_each(|key| key["issuer"] = issuer.clone().into())
        }
    };
    assert_eq!(login(&json!("any"), of_key(name(ONE))).1.event["reason"], "login.succeeded");
    assert_eq!(login(&json!("any"), of_key(name("{tenantid}"))).1.event["reason"], "login.succeeded");
    refused(&json!("any"), of_key(name(TWO)), "id_token.key_issuer_mismatch");
}

#[test]
fn metadata_of_one_tenant_is_not_that_of_all() {
    //
    let one = |world: &World| world.partner.metadata.borrow_mut()["issuer"] = name(ONE).into();
    let (world, gateway) = (World::new(), gateway(&entra(&json!("any"))));
    prepare(&world, ONE);
    one(&world);
    Browser::new(&world, &gateway).go("/auth/login?provider=partner").assert_refused(503, "metadata.issuer_mismatch");
}

#[test]
fn what_a_tenant_publishes_is_refreshed_beside_what_all_do() {
    //
    let mut variables = entra(&json!("any"));
    variables["ISSUERS"] = json!({ "machines": { "issuer": name(ONE), "audience": "urn:api", "algs": ["ES256"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    world.refresh(&gateway);
    let sent = world.sent.borrow();
    for published in [name("organizations"), name(ONE)] {
        let url = format!("{published}/.well-known/openid-configuration");
        assert_eq!(sent.iter().filter(|request| request.url == url).count(), 1, "{url}");
    }
}

#[test]
fn the_same_name_and_address_in_two_tenants_are_two_people() {
    //
    let (world, gateway) = (World::new(), gateway(&entra(&json!("any"))));
    prepare(&world, ONE);
    let alice = Browser::new(&world, &gateway);
    assert_eq!(alice.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
    prepare(&world, TWO);
    let mallory = Browser::new(&world, &gateway);
    let answered = mallory.login_at(&world.partner, "provider=partner");
    assert_eq!((&answered.event["subject"], &answered.event["issuer"]), (&json!("alice"), &json!(name(TWO))));
    let own = |browser: &Browser<'_>| {
        browser.send(&Asked::script("GET", "/auth/sessions")).json()["sessions"].as_array().map(Vec::len)
    };
    assert_eq!((own(&alice), own(&mallory), world.sessions()), (Some(1), Some(1), 2));
    assert_eq!(mallory.send(&Asked::script("GET", &format!("/of/{ONE}/x"))).event["status"], 403);
}

#[test]
fn the_sessions_of_a_tenant_that_is_taken_out_are_over() {
    //
    let world = World::new();
    let (both, one) = (gateway(&entra(&json!([ONE, TWO]))), gateway(&entra(&json!([TWO]))));
    prepare(&world, ONE);
    let before = Browser::new(&world, &both);
    assert_eq!(before.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
    let cookie = before.cookie("__Host-postern").unwrap();
    let after = Browser::new(&world, &one);
    after.plant("__Host-postern", &cookie);
    assert!(before.is_in() && !after.is_in());
}

#[test]
fn a_renewal_tells_of_the_same_tenant_or_ends_the_session() {
    //
    for (tenant, reason) in
        [(ONE, "session.renewed"), (TWO, "id_token.iss_mismatch"), (PERSONAL, "id_token.tid_refused")]
    {
        let (world, configuration) = (World::new(), entra(&json!("any")));
        let gateway = gateway(&configuration);
        *world.object_gateway.borrow_mut() = Some(std::rc::Rc::new(crate::support::gateway(&configuration)));
        prepare(&world, ONE);
        let browser = Browser::new(&world, &gateway);
        assert_eq!(browser.login_at(&world.partner, "provider=partner").event["reason"], "login.succeeded");
        prepare(&world, tenant);
        world.wait(590);
        let answered = browser.send(&Asked::script("GET", "/api/a"));
        let renewed = crate::renewal::events(&world, "session.refresh");
        assert_eq!((renewed.len(), &renewed[0]["reason"]), (1, &json!(reason)), "{tenant}");
        assert_eq!(answered.event["status"] == 200, tenant == ONE);
        assert_eq!(browser.is_in(), tenant == ONE, "{tenant}");
    }
}
