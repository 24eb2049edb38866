//! Keys that name the issuer whose tokens they sign, as those of Microsoft Entra do.

use serde_json::{Value, json};

use crate::support::{Asked, Browser, CORP, PARTNER, World, gateway, variables};

const ONE: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const TWO: &str = "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const API: &str = "https://api.example.com";

fn name(tenant: &str) -> String {
    format!("{PARTNER}/{tenant}/v2.0")
}

/// Another name of the same tenant, at another origin.
fn elsewhere(tenant: &str) -> String {
    format!("https://sts.example/{tenant}/")
}

/// The values of `issuer` that a key may have that signs for the tenant `ONE`.
fn good() -> [Value; 6] {
    let other = "https://keys.example/a".to_owned();
    [name(ONE), name("{tenantid}"), elsewhere(ONE), elsewhere("{tenantid}"), other, "a name".to_owned()]
        .map(Value::from)
}

/// Those that it may not have.
fn bad() -> [Value; 7] {
    let longer = format!("{PARTNER}/{{tenantid}}/v1.0");
    [name(TWO), name(PERSONAL), elsewhere(TWO), elsewhere(PERSONAL), PARTNER.to_owned(), longer, name("organizations")]
        .map(Value::from)
}

fn world(of_key: &Value) -> World {
    let world = World::new();
    for issuer in [&world.corp, &world.partner] {
        issuer.published.borrow_mut().iter_mut().for_each(|key| key["issuer"] = of_key.clone());
    }
    world.partner.metadata.borrow_mut()["issuer"] = name(ONE).into();
    world.partner.metadata.borrow_mut()["authorization_response_iss_parameter_supported"] = false.into();
    world.partner.bend_claims(|claims| claims["iss"] = name(ONE).into());
    world
}

/// What comes of a login at an issuer that is one tenant.
fn login(of_key: &Value) -> Value {
    let mut variables = variables();
    variables["PROVIDERS"] = json!({ "partner": {
        "preset": "entra", "issuer": name(ONE), "client_id": "app", "id_token_algs": ["ES256"],
    } });
    let (world, gateway) = (world(of_key), gateway(&variables));
    let reason = Browser::new(&world, &gateway).login_at(&world.partner, "provider=partner").event["reason"].clone();
    assert_eq!(world.sessions() > 0, reason == "login.succeeded");
    reason
}

#[test]
fn a_key_of_one_tenant_signs_no_id_token_of_another() {
    //
    for of_key in good() {
        assert_eq!(login(&of_key), "login.succeeded", "{of_key}");
    }
    for of_key in bad() {
        assert_eq!(login(&of_key), "id_token.key_issuer_mismatch", "{of_key}");
    }
}

/// What comes of an access token of this tenant.
fn call(issuer: &str, of_key: &Value) -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({ "machines": {
        "issuer": issuer, "audience": API, "algs": ["ES256"], "tokens": "legacy", "jwks_uri": format!("{PARTNER}/jwks"),
    } });
    variables["ROUTES"]["/v1/{*rest}"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    let (world, gateway) = (world(of_key), gateway(&variables));
    let now = world.now.get();
    let claims =
        json!({ "iss": issuer, "aud": API, "sub": "alice", "azp": "spa", "tid": ONE, "iat": now, "exp": now + 300 });
    let token = world.partner.key.borrow().sign(None, claims.as_object().unwrap());
    Browser::new(&world, &gateway).send(&Asked::bearing("/v1/a", &token)).event["reason"].clone()
}

#[test]
fn a_key_of_one_tenant_signs_no_access_token_of_another() {
    //
    let taken = call(&name(ONE), &Value::Null);
    for of_key in good() {
        assert_eq!(call(&name(ONE), &of_key), taken, "{of_key}");
    }
    for of_key in bad() {
        assert_eq!(call(&name(ONE), &of_key), "access_token.key_issuer_mismatch", "{of_key}");
    }
    // Version 1.0 of Entra's access tokens has another issuer, and the same keys.
    for (of_key, reason) in [
        (name("{tenantid}"), taken.clone()),
        (name(ONE), taken),
        (name(PERSONAL), "access_token.key_issuer_mismatch".into()),
    ] {
        assert_eq!(call(&elsewhere(ONE), &of_key.clone().into()), reason, "{of_key}");
    }
}

#[test]
fn a_key_of_another_issuer_signs_no_logout_token() {
    //
    let post = |of_key: &str| {
        let (world, gateway) = (world(&of_key.into()), gateway(&variables()));
        let token = world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "alice" }));
        let asked = Asked::new("POST", "/auth/backchannel-logout/corp")
            .with("content-type", "application/x-www-form-urlencoded")
            .with_body(Ok(&format!("logout_token={token}")));
        Browser::new(&world, &gateway).send(&asked).event["reason"].clone()
    };
    assert_eq!(post(CORP), "logout.no_session");
    assert_eq!(post(&format!("{CORP}/other")), "logout_token.key_issuer_mismatch");
}
