//! `token = "assertion"`: what an upstream is told of who asks, and for how long.

use futures::executor::block_on;
use postern::gateway::Gateway;
use postern::jose::{Algorithm, KeySet, Portable, UnverifiedJwt};
use postern::upstream::ForwardPlan;
use serde_json::{Map, Value, json};

use super::sender::{Machine, asked, deployment};
use crate::support::{Asked, Browser, CANARY, CORP, Fault, ORIGIN, PARTNER, World, gateway, variables};

const KEYS: &str = "/.well-known/jwks.json";

/// The usual deployment, with three routes that make assertions.
pub fn asserting() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "machines": { "issuer": PARTNER, "audience": "urn:api", "algs": ["ES256"], "roles": ["roles"] },
    });
    let asserts =
        |upstream: &str| json!({ "upstream": upstream, "token": "assertion", "authenticate": ["session", "bearer"] });
    variables["ROUTES"]["/orders/{*rest}"] = asserts("service:ORDERS");
    variables["ROUTES"]["/stock/{*rest}"] = asserts("https://stock.example.com:8443");
    variables["ROUTES"]["/stale/{*rest}"] =
        json!({ "upstream": "service:ORDERS", "token": "assertion", "revocation": "1m" });
    variables
}

/// The key set that this deployment publishes.
pub fn published(world: &World, gateway: &Gateway) -> Vec<u8> {
    Browser::new(world, gateway).send(&Asked::new("GET", KEYS)).reply().body.clone().into_bytes()
}

/// The claims of an assertion, verified as an upstream would; `None` where no published key made it.
pub fn verified(token: &str, keys: &[u8]) -> Option<Map<String, Value>> {
    verified_as("postern-assertion+jwt", token, keys)
}

/// The same of something else that we sign.
pub fn verified_as(typ: &str, token: &str, keys: &[u8]) -> Option<Map<String, Value>> {
    let keys = KeySet::parse(keys).unwrap();
    let jwt = UnverifiedJwt::parse(token).unwrap();
    let jwt = block_on(jwt.verify(&keys, &[Algorithm::Es256], &Portable)).ok()?;
    assert_eq!(jwt.header().typ(), Some(typ));
    Some(jwt.claims().clone())
}

/// The assertion that goes along with a request.
pub fn assertion(plan: &ForwardPlan) -> String {
    assert_eq!(plan.headers.get_all("x-postern-assertion").iter().count(), 1);
    let value = &plan.headers["x-postern-assertion"];
    assert!(value.is_sensitive());
    value.to_str().unwrap().to_owned()
}

fn at(browser: &Browser<'_>, path: &str) -> String {
    assertion(browser.send(&Asked::script("GET", path)).forwarded())
}

fn claims(browser: &Browser<'_>, path: &str) -> Value {
    Value::Object(verified(&at(browser, path), &published(browser.world, browser.gateway)).unwrap())
}

/// Who comes by a token of `partner`'s with these claims changed.
fn claims_by_token(world: &World, gateway: &Gateway, changes: &Value) -> Value {
    let now = world.now.get();
    let mut members = json!({
        "iss": PARTNER, "aud": "urn:api", "sub": "alice", "client_id": "reporter", "jti": format!("jti-{CANARY}"),
        "iat": now, "exp": now + 300, "scope": "read write",
    });
    members.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let token = world.partner.key.borrow().sign(Some("at+jwt"), members.as_object().unwrap());
    let asked = Asked::new("GET", "/orders/1").with("authorization", &format!("Bearer {token}"));
    let answered = Browser::new(world, gateway).send(&asked);
    let plan = answered.forwarded();
    assert!(!plan.headers.contains_key("authorization"));
    Value::Object(verified(&assertion(plan), &published(world, gateway)).unwrap())
}

#[test]
fn an_upstream_is_told_who_asks_and_given_no_token() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    world.corp.bend_claims(|claims| {
        let more = json!({ "email": "a@example.com", "email_verified": true, "acr": "urn:mfa", "amr": ["pwd", "otp"], "ssn": CANARY });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    });
    let browser = Browser::new(&world, &gateway).signed_in();
    let answered = browser.send(&Asked::script("GET", "/orders/1"));
    let plan = answered.forwarded();
    assert!(plan.private && !plan.headers.contains_key("authorization") && !plan.headers.contains_key("cookie"));
    let mut told = claims(&browser, "/orders/1");
    let now = world.now.get();
    for name in ["sub", "jti", "sid"] {
        let value = told.as_object_mut().unwrap().remove(name).unwrap();
        assert!(value.as_str().unwrap().len() >= 16, "{name}: {value}");
    }
    let expected = json!({
        "iss": ORIGIN, "aud": "service:ORDERS", "iat": now, "exp": now + 60, "kind": "human", "provider": "corp",
        "sub_id": { "format": "iss_sub", "iss": CORP, "sub": "alice" }, "scope": "openid profile orders:read",
        "email": "a@example.com", "email_verified": true, "auth_time": 1_800_000_000, "acr": "urn:mfa", "amr": ["pwd", "otp"],
    });
    assert_eq!(told, expected);
    // no token of the provider's, and nothing that the session does not keep
    let (_, rest) = at(&browser, "/orders/1").split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(!rest.contains(CANARY) && !told.to_string().contains(CANARY));
}

#[test]
fn every_upstream_gets_one_of_its_own() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let (orders, stock) = (claims(&browser, "/orders/1"), claims(&browser, "/stock/1"));
    assert_eq!((&orders["aud"], &stock["aud"]), (&json!("service:ORDERS"), &json!("https://stock.example.com:8443")));
    assert_ne!(orders["jti"], stock["jti"]);
    assert_eq!((&orders["sub"], &orders["sid"]), (&stock["sub"], &stock["sid"]));
}

#[test]
fn the_session_is_named_as_in_the_list_of_sessions_and_by_nothing_secret() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let sid = claims(&browser, "/orders/1")["sid"].as_str().unwrap().to_owned();
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    assert_eq!(listed["sessions"][0]["id"], sid.as_str(), "{listed}");
    assert!(!browser.cookie("__Host-postern").unwrap().contains(&sid));
}

#[test]
fn an_address_that_nobody_verified_is_not_told() {
    //
    for verified in [json!(false), json!("True"), json!("false"), json!(null), json!(1)] {
        let (world, gateway) = (World::new(), gateway(&asserting()));
        let shown = verified.to_string();
        world.corp.bend_claims(move |claims| {
            claims["email"] = "a@example.com".into();
            claims["email_verified"] = verified.clone();
        });
        let told = claims(&Browser::new(&world, &gateway).signed_in(), "/orders/1");
        assert!(told.get("email").is_none() && told.get("email_verified").is_none(), "{shown}: {told}");
    }
}

#[test]
fn programs_get_one_too_and_are_not_taken_for_people() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let by = |changes: Value| claims_by_token(&world, &gateway, &changes);
    let alice = by(json!({ "roles": ["editor"] }));
    assert_eq!((&alice["kind"], &alice["client_id"]), (&json!("human"), &json!("reporter")));
    assert_eq!((&alice["scope"], &alice["roles"]), (&json!("read write"), &json!(["editor"])));
    assert!(["sid", "provider", "email", "act"].iter().all(|name| alice.get(*name).is_none()), "{alice}");
    let service = by(json!({ "client_id": "alice" }));
    assert_eq!((&service["kind"], &service["sub_id"]), (&json!("service"), &alice["sub_id"]));
    let other = claims(&Browser::new(&world, &gateway).signed_in(), "/orders/1");
    assert_eq!((&other["sub_id"]["sub"], &other["sub_id"]["iss"]), (&json!("alice"), &json!(CORP)));
    // one name, three identities
    assert!(alice["sub"] != service["sub"] && alice["sub"] != other["sub"] && service["sub"] != other["sub"]);
    assert_eq!(by(json!({ "scope": "read" }))["sub"], alice["sub"]);
}

#[test]
fn whom_a_bound_token_proves_is_told_where_the_token_itself_must_not_go() {
    //
    let mut variables = deployment(&json!({ "sender": "dpop" }));
    variables["ROUTES"]["/told"] = json!({
        "upstream": "service:API", "authenticate": ["bearer"], "token": "assertion", "require": { "issuers": ["corp"] },
    });
    let (world, gateway) = (World::new(), gateway(&variables));
    let machine = Machine::new(1);
    let token = machine.token(&world, CORP);
    let request = asked("/told", &token, &machine.proof(&world, "/told", &token, &json!({})));
    let answered = Browser::new(&world, &gateway).send(&request);
    let plan = answered.forwarded();
    assert!(!plan.headers.contains_key("authorization") && !plan.headers.contains_key("dpop"));
    let told = verified(&assertion(plan), &published(&world, &gateway)).unwrap();
    assert_eq!((&told["kind"], &told["sub_id"]["sub"]), (&json!("service"), &json!("reporter")));
}

#[test]
fn who_acts_for_somebody_is_named_with_an_issuer() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let act = json!({ "act": { "sub": "desk", "act": { "iss": CORP, "sub": "robot" } } });
    let told = claims_by_token(&world, &gateway, &act);
    assert_eq!(told["sub_id"]["sub"], "alice");
    assert_eq!(told["act"], json!({ "iss": PARTNER, "sub": "desk", "act": { "iss": CORP, "sub": "robot" } }));
}

#[test]
fn one_is_made_once_and_sent_while_half_a_minute_is_left() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let first = at(&browser, "/orders/1");
    world.wait(30);
    assert_eq!(at(&browser, "/orders/2"), first);
    assert_eq!(world.signatures_made.get(), 1);
    world.wait(1);
    let second = at(&browser, "/orders/1");
    assert!(second != first && at(&browser, "/orders/1") == second);
    assert_eq!(world.signatures_made.get(), 2);
}

#[test]
fn nobody_gets_what_was_made_for_another() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browsers: Vec<Browser<'_>> = ["alice", "bob", "alice"]
        .into_iter()
        .map(|sub| {
            world.corp.bend_claims(move |claims| claims["sub"] = sub.into());
            Browser::new(&world, &gateway).signed_in()
        })
        .collect();
    let mut sids = Vec::new();
    for _ in 0..3 {
        let told: Vec<Value> = browsers.iter().map(|browser| claims(browser, "/orders/1")).collect();
        let subjects: Vec<&Value> = told.iter().map(|claims| &claims["sub_id"]["sub"]).collect();
        assert_eq!(subjects, ["alice", "bob", "alice"]);
        sids.push([&told[0]["sid"], &told[1]["sid"], &told[2]["sid"]].map(Clone::clone));
    }
    // Two sessions of one person are two.
    assert!(sids[0] == sids[2] && sids[0][0] != sids[0][2]);
    assert_eq!(world.signatures_made.get(), 3);
}

#[test]
fn what_changes_about_somebody_is_told_at_once() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let first = claims_by_token(&world, &gateway, &json!({ "scope": "read" }));
    let second = claims_by_token(&world, &gateway, &json!({ "scope": "read write" }));
    assert_eq!((&first["scope"], &second["scope"]), (&json!("read"), &json!("read write")));
    let third = claims_by_token(&world, &gateway, &json!({ "scope": "read", "exp": world.now.get() + 40 }));
    assert_eq!(third["exp"], world.now.get() + 40);
}

#[test]
fn one_ends_with_what_proved_the_identity() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let now = world.now.get();
    let left =
        |exp: i64| claims_by_token(&world, &gateway, &json!({ "exp": now + exp }))["exp"].as_i64().unwrap() - now;
    assert_eq!([left(300), left(60), left(45), left(10)], [60, 60, 45, 10]);
    // Let in by the minute for clocks that are apart: an assertion that is over before it arrives would help nobody.
    assert_eq!([left(1), left(-30)], [10, 10]);
    let mut variables = asserting();
    variables["SESSION"] = json!({ "absolute": "1m" });
    let gateway = crate::support::gateway(&variables);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(40);
    assert_eq!(claims(&browser, "/orders/1")["exp"], now + 60);
}

#[test]
fn after_the_session_there_is_none_and_the_next_has_another_name() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let before = claims(&browser, "/stale/1");
    let copy = Browser::new(&world, &gateway);
    copy.plant("__Host-postern", &browser.cookie("__Host-postern").unwrap());
    browser.send(&Asked::script("POST", "/auth/logout"));
    copy.send(&Asked::script("GET", "/stale/1")).assert_refused(401, "session.gone");
    browser.login();
    let after = claims(&browser, "/stale/1");
    assert_eq!(before["sub"], after["sub"]);
    assert_ne!(before["sid"], after["sid"]);
}

#[test]
fn one_from_outside_goes_nowhere_and_opens_nothing() {
    //
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let own = at(&browser, "/orders/1");
    for path in ["/", "/app/a", "/api/a", "/orders/1"] {
        let answered = browser.send(&Asked::navigation(path).with("x-postern-assertion", "forged"));
        let headers = &answered.forwarded().headers;
        assert!(!format!("{headers:?}").contains("forged"), "{path}: {headers:?}");
        assert_eq!(headers.contains_key("x-postern-assertion"), path == "/orders/1");
    }
    for folded in ["x_postern_assertion", "x.postern.assertion", "x-postern~assertion"] {
        browser.send(&Asked::navigation("/orders/1").with(folded, "forged")).assert_refused(400, "request.bad_header");
    }
    let as_token = Asked::new("GET", "/orders/1").with("authorization", &format!("Bearer {own}"));
    let nobody = Browser::new(&world, &gateway);
    nobody.send(&as_token).assert_refused(401, "bearer.issuer_unknown");
    nobody.plant("__Host-postern", &own);
    nobody.send(&Asked::script("GET", "/orders/1")).assert_refused(401, "session.cookie_forged");
}

#[test]
fn where_nothing_can_be_signed_nothing_is_sent() {
    let (world, gateway) = (World::new(), gateway(&asserting()));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.fault.set(Fault::Signing);
    browser.send(&Asked::script("GET", "/orders/1")).assert_refused(500, "internal.assertion_unsigned");
    browser.send(&Asked::script("GET", "/app/a")).forwarded();
}
