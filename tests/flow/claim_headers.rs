//! `headers` of a route: facts about who asks, under names that nobody outside can use.

use postern::gateway::Gateway;
use postern::http::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, PARTNER, World, gateway, variables};

/// The usual deployment, and a route that tells all there is to tell.
fn telling() -> Gateway {
    let mut variables = variables();
    variables["ISSUERS"] =
        json!({ "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"], "roles": ["roles"] } });
    variables["SESSION"] = json!({ "claims": ["name", "email", "email_verified", "phone_number", "groups"] });
    variables["ROUTES"]["/told/{*rest}"] = json!({
        "upstream": "service:API", "authenticate": ["session", "bearer"],
        "headers": {
            "Remote-User": "subject", "X-Who-Issuer": "issuer", "X-Who-Kind": "kind", "X-Who-Provider": "provider",
            "X-Who-Client": "client_id", "X-Who-Scopes": "scopes", "X-Who-Roles": "roles", "X-Auth-Email": "email",
            "X-Who-Time": "auth_time", "X-Who-Acr": "acr", "X-Who-Amr": "amr", "X-Who-Session": "session",
            "X-Who-Name": "claims.name", "Employee-Groups": "claims.groups", "X-Who-Phone": "claims.phone_number",
        },
    });
    gateway(&variables)
}

fn signed_in_as<'w>(world: &'w World, gateway: &'w Gateway, more: Value) -> Browser<'w> {
    world.corp.bend_claims(move |claims| claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone()));
    Browser::new(world, gateway).signed_in()
}

fn told(browser: &Browser<'_>) -> Answered {
    browser.send(&Asked::script("GET", "/told/a"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    assert!(headers.get_all(name).iter().count() < 2, "{name}");
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn an_upstream_is_told_what_the_route_says() {
    //
    let (world, gateway) = (World::new(), telling());
    let facts = json!({
        "email": "a@example.com", "email_verified": true, "acr": "urn:mfa", "amr": ["pwd", "otp"], "groups": ["staff", "it"],
        "phone_number": "+351 1", "phone_number_verified": false, "name": "Liddell, Alice",
    });
    let browser = signed_in_as(&world, &gateway, facts);
    let answered = told(&browser);
    let headers = &answered.forwarded().headers;
    for (name, value) in [
        ("remote-user", Some("alice")),
        ("x-who-issuer", Some(CORP)),
        ("x-who-kind", Some("human")),
        ("x-who-provider", Some("corp")),
        ("x-who-client", None),
        ("x-who-scopes", Some("openid,profile,orders:read")),
        ("x-who-roles", None),
        ("x-auth-email", Some("a@example.com")),
        ("x-who-time", Some("1800000000")),
        ("x-who-acr", Some("urn:mfa")),
        ("x-who-amr", Some("pwd,otp")),
        ("x-who-name", Some("Liddell, Alice")),
        ("employee-groups", Some("staff,it")),
        ("x-who-phone", None),
        ("x-postern-assertion", None),
        ("authorization", None),
    ] {
        assert_eq!(header(headers, name), value, "{name}");
    }
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    assert_eq!(header(headers, "x-who-session"), listed["sessions"][0]["id"].as_str());
    assert!(answered.event.get("withheld").is_none());
    assert!(!format!("{headers:?}").contains(CANARY));
}

#[test]
fn a_program_is_told_of_as_what_it_is() {
    let (world, gateway) = (World::new(), telling());
    let now = world.now.get();
    let claims = json!({
        "iss": PARTNER, "aud": "urn:api", "sub": "robot", "client_id": "robot", "jti": "j", "iat": now, "exp": now + 300,
        "scope": "read write", "roles": ["editor", "auditor"], "email": "a@example.com", "email_verified": true,
    });
    let token = world.partner.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap());
    let asked = Asked::new("GET", "/told/a").with("authorization", &format!("Bearer {token}"));
    let answered = Browser::new(&world, &gateway).send(&asked);
    let headers = &answered.forwarded().headers;
    for (name, value) in [
        ("remote-user", Some("robot")),
        ("x-who-kind", Some("service")),
        ("x-who-client", Some("robot")),
        ("x-who-scopes", Some("read,write")),
        ("x-who-roles", Some("editor,auditor")),
        ("x-auth-email", None),
        ("x-who-session", None),
        ("x-who-provider", None),
    ] {
        assert_eq!(header(headers, name), value, "{name}");
    }
}

#[test]
fn nobody_outside_sets_one_at_any_route() {
    // R-124; field row 4
    let (world, gateway) = (World::new(), telling());
    let browser = signed_in_as(&world, &gateway, json!({}));
    for path in ["/", "/app/a", "/api/a", "/told/a"] {
        let mut asked = Asked::navigation(path);
        for name in ["employee-groups", "x-who-roles", "remote-user", "x-auth-email"] {
            asked = asked.with(name, "forged");
        }
        // Not even by making it a header of the connection, so that ours would be taken for it.
        let answered = browser.send(&asked.with("connection", "remote-user, x-who-kind"));
        let headers = &answered.forwarded().headers;
        assert!(!format!("{headers:?}").contains("forged"), "{path}: {headers:?}");
        assert_eq!(header(headers, "remote-user"), (path == "/told/a").then_some("alice"), "{path}");
    }
    for folded in ["employee_groups", "employee.groups", "employee~groups", "x-who.roles", "remote!user"] {
        browser.send(&Asked::navigation("/told/a").with(folded, "forged")).assert_refused(400, "request.bad_header");
    }
    // Where no route uses such a name, it is a header like any other.
    let usual = crate::support::gateway(&variables());
    let answered = Browser::new(&world, &usual).send(&Asked::navigation("/").with("employee-groups", "mine"));
    assert_eq!(header(&answered.forwarded().headers, "employee-groups"), Some("mine"));
}

#[test]
fn what_cannot_stand_in_a_header_is_withheld_and_the_log_says_so() {
    let (world, gateway) = (World::new(), telling());
    let facts = json!({ "name": "Jos\u{e9}\r\nX-Who-Roles: admin", "groups": ["staff", "it,admin"], "amr": ["a\nb"] });
    let answered = told(&signed_in_as(&world, &gateway, facts));
    let headers = &answered.forwarded().headers;
    for name in ["x-who-name", "employee-groups", "x-who-amr", "x-who-roles"] {
        assert_eq!(header(headers, name), None, "{name}");
    }
    assert_eq!(header(headers, "remote-user"), Some("alice"));
    let mut withheld: Vec<&str> =
        answered.event["withheld"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    withheld.sort_unstable();
    assert_eq!(withheld, ["employee-groups", "x-who-amr", "x-who-name"]);
    assert!(!answered.event.to_string().contains("Jos"), "{}", answered.event);
}

#[test]
fn an_address_that_nobody_verified_is_in_no_header() {
    //
    let (world, gateway) = (World::new(), telling());
    let browser = signed_in_as(&world, &gateway, json!({ "email": "ceo@example.com", "phone_number": "+351 2" }));
    let answered = told(&browser);
    assert_eq!(header(&answered.forwarded().headers, "x-auth-email"), None);
    assert_eq!(header(&answered.forwarded().headers, "x-who-phone"), None);
}
