//! `token = "service:ID"`: tokens of our own for upstreams, through their whole life; and our public keys.

use std::rc::Rc;

use futures::executor::block_on;
use postern::gateway::{Disposition, Gateway};
use postern::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern::upstream::ForwardPlan;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, Endpoint, Fault, PARTNER, World, answer, gateway, variables};

fn calling(more: &Value) -> Value {
    let mut variables = variables();
    let mut entry = json!({ "issuer": PARTNER, "client_id": "postern", "scopes": ["invoices:read", "invoices:list"] });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    variables["SERVICES"] = json!({ "billing": entry });
    variables["ROUTES"]["/billing/{*rest}"] =
        json!({ "upstream": "https://billing.example", "token": "service:billing" });
    variables
}

/// A world in which the partner gives tokens, and the gateway that asks there.
fn world(more: &Value) -> (World, Rc<Gateway>) {
    let (world, gateway) = (World::new(), Rc::new(gateway(&calling(more))));
    *world.object_gateway.borrow_mut() = Some(Rc::clone(&gateway));
    gives(&world, "one", &json!({ "expires_in": 600 }));
    (world, gateway)
}

fn gives(world: &World, name: &str, more: &Value) {
    let mut body = json!({ "access_token": token(name), "token_type": "Bearer" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.partner.script(Endpoint::Token, Ok(answer(200, &body)));
}

fn token(name: &str) -> String {
    format!("{name}-{CANARY}")
}

fn ask(browser: &Browser<'_>, path: &str) -> Answered {
    browser.send(&Asked::script("GET", path))
}

fn sent(plan: &ForwardPlan) -> String {
    assert!(plan.headers["authorization"].is_sensitive());
    plan.headers["authorization"].to_str().unwrap().to_owned()
}

/// What of the token requests was sent.
fn requests(world: &World) -> Vec<(HeaderMap, String)> {
    let sent = world.sent.borrow();
    let to_partner = sent.iter().filter(|request| request.url == format!("{PARTNER}/token"));
    to_partner.map(|request| (request.headers.clone(), request.body.clone())).collect()
}

#[test]
fn the_upstream_gets_a_token_of_our_own_and_nothing_of_the_caller() {
    // R-147, R-272, R-275
    let params =
        json!({ "audience": "https://billing.example", "resource": "urn:b", "token_params": { "organization": "o" } });
    let (world, gateway) = world(&params);
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.plant("app", "1");
    world.take_events();
    let answered = ask(&browser, "/billing/1");
    let plan = answered.forwarded();
    assert_eq!(sent(plan), format!("Bearer {}", token("one")));
    assert!(!plan.headers.contains_key("cookie"));
    assert_eq!(answered.event["service"], "billing");
    let form = "grant_type=client_credentials&audience=https%3A%2F%2Fbilling.example&resource=urn%3Ab\
        &scope=invoices%3Aread+invoices%3Alist&organization=o";
    let [(headers, body)] = &requests(&world)[..] else { panic!("asked more than once") };
    assert!(headers.contains_key("authorization") && body == form, "{body}");
    // Another route's upstream has nothing of it, and the app's cookie.
    let other = ask(&browser, "/api/1");
    assert!(!format!("{:?}", other.forwarded().headers).contains(&token("one")));
    assert_eq!(other.forwarded().headers["cookie"], "app=1");
}

#[test]
fn the_log_tells_of_the_entry_and_never_the_token() {
    // R-272, R-248
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.take_events();
    let _forwarded = ask(&browser, "/billing/1");
    world.partner.script(Endpoint::Token, Ok(answer(401, &json!({ "error": "invalid_client" }))));
    world.wait(600);
    ask(&browser, "/billing/1").assert_refused(503, "service_token.unavailable");
    let lines = world.lines.borrow().join("\n");
    assert!(!lines.contains(CANARY), "{lines}");
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().find(|event| event["event"] == name).unwrap().clone();
    let (fetched, failed) = (of("service_token.fetched"), of("service_token.failed"));
    assert_eq!((&fetched["service"], &fetched["outcome"]), (&json!("billing"), &json!("allow")));
    assert_eq!((&failed["service"], &failed["reason"]), (&json!("billing"), &json!("token.invalid_client")));
}

#[test]
fn an_isolate_keeps_a_copy_for_thirty_seconds() {
    // R-272
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let cost = |seconds| {
        world.wait(seconds);
        let ((), cost) = world.cost_of(|| drop(ask(&browser, "/billing/1")));
        cost.requests
    };
    let first = cost(0);
    assert_eq!([cost(0), cost(29), cost(1), cost(1)], [first - 1, first - 1, first, first - 1]);
    assert_eq!(requests(&world).len(), 1);
}

#[test]
fn while_the_issuer_is_down_the_token_counts_until_its_end() {
    // R-276
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let _forwarded = ask(&browser, "/billing/1");
    world.partner.go_down();
    world.wait(599);
    assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("one")));
    world.wait(1);
    let refused = ask(&browser, "/billing/1");
    refused.assert_refused(503, "service_token.unavailable");
    assert!(refused.reply().headers.contains_key(header::RETRY_AFTER));
    let asked = requests(&world).len();
    ask(&browser, "/billing/1").assert_refused(503, "service_token.unavailable");
    assert_eq!(requests(&world).len(), asked, "it is asked again after a pause only");
    ask(&browser, "/api/1").forwarded();
    world.partner.recover();
    gives(&world, "two", &json!({}));
    world.wait(60);
    assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("two")));
}

#[test]
fn a_token_is_renewed_before_its_end_by_what_the_server_says_of_its_life() {
    // R-273, R-055
    let later = |says: Value, seconds| {
        let (world, gateway) = world(&json!({}));
        gives(&world, "one", &says);
        let browser = Browser::new(&world, &gateway).signed_in();
        let _forwarded = ask(&browser, "/billing/1");
        gives(&world, "two", &says);
        world.wait(seconds);
        // The object renews beside the first request that finds it due, or before it answers.
        let _first = ask(&browser, "/billing/1");
        requests(&world).len()
    };
    for (says, last) in [
        (json!({ "expires_in": 600 }), 540),
        (json!({ "expires_in": "600" }), 540),
        (json!({}), 240),
        (json!({ "expires_in": 80 }), 40),
        (json!({ "expires_in": -5 }), 3540),
        (json!({ "expires_in": "soon" }), 3540),
        (json!({ "expires_in": 600.9 }), 540),
        (json!({ "expires_in": 0 }), 1),
    ] {
        assert_eq!((later(says.clone(), last - 1), later(says.clone(), last)), (1, 2), "{says}");
    }
}

#[test]
fn a_token_that_the_upstream_does_not_take_is_dropped_and_what_has_no_body_is_sent_again() {
    // R-274
    let challenged =
        HeaderMap::from_iter([(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#))]);
    for (method, repeated) in [("GET", true), ("HEAD", true), ("POST", false), ("DELETE", false)] {
        let (world, gateway) = world(&json!({}));
        let browser = Browser::new(&world, &gateway).signed_in();
        let renew = |plan: &mut ForwardPlan, status: StatusCode, headers: &HeaderMap| {
            let renewing = gateway.renew_refused_token(&world, plan, (status, headers));
            block_on(world.beside(&gateway, renewing))
        };
        let ask = || match browser.send(&Asked::script(method, "/billing/1")).outcome {
            Disposition::Forward(plan) => plan,
            Disposition::Respond(reply) => panic!("{reply:?}"),
        };
        let mut plan = ask();
        gives(&world, "two", &json!({ "expires_in": 600 }));
        // Another answer says nothing of the token.
        assert!(!renew(&mut plan, StatusCode::UNAUTHORIZED, &HeaderMap::new()));
        assert!(!renew(&mut plan, StatusCode::FORBIDDEN, &challenged));
        assert_eq!(requests(&world).len(), 1);
        assert_eq!(renew(&mut plan, StatusCode::UNAUTHORIZED, &challenged), repeated, "{method}");
        assert_eq!(sent(&plan), format!("Bearer {}", token(if repeated { "two" } else { "one" })), "{method}");
        assert_eq!(sent(&ask()), format!("Bearer {}", token("two")), "{method}");
        assert_eq!(requests(&world).len(), 2);
        // Who still has the first one drops nothing.
        let mut late = ask();
        gives(&world, "three", &json!({ "expires_in": 600 }));
        assert!(!renew(&mut late, StatusCode::UNAUTHORIZED, &challenged), "one was dropped just now");
        assert_eq!(requests(&world).len(), 2, "an upstream that takes none has us ask for no more");
    }
}

#[test]
fn whoever_keeps_the_tokens_may_fail() {
    // R-276
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    world.fault.set(Fault::ServiceTokens);
    ask(&browser, "/billing/1").assert_refused(503, "store.unavailable");
    ask(&browser, "/api/1").forwarded();
}

#[test]
fn while_the_object_works_by_another_configuration_the_isolate_gets_the_token_by_itself() {
    // R-272, R-276
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    *world.object_gateway.borrow_mut() = Some(Rc::new(crate::support::gateway(&calling(&json!({ "scopes": ["x"] })))));
    for seconds in [0, 31, 400] {
        world.wait(seconds);
        assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("one")));
        let asked = requests(&world);
        assert_eq!(asked.len(), 1, "kept for as long as a token is");
        assert!(asked[0].1.contains("invoices%3Aread"), "by the isolate's own configuration: {}", asked[0].1);
    }
    assert!(world.keepers.borrow().is_empty(), "the object has nothing to do with it");
    gives(&world, "two", &json!({ "expires_in": 600 }));
    world.wait(110);
    assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("two")));
    world.partner.go_down();
    world.wait(600);
    let before = requests(&world).len();
    for _ in 0..3 {
        ask(&browser, "/billing/1").assert_refused(503, "service_token.unavailable");
    }
    assert!(requests(&world).len() <= before + 1, "it is asked again after a pause only");
    // Once the object works by the same, it keeps the token.
    world.partner.recover();
    gives(&world, "three", &json!({ "expires_in": 600 }));
    *world.object_gateway.borrow_mut() = Some(Rc::clone(&gateway));
    assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("three")));
    assert_eq!(world.keepers.borrow().len(), 1);
}

#[test]
fn a_refused_token_is_not_kept_by_the_isolate() {
    // R-274
    let challenged =
        HeaderMap::from_iter([(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#))]);
    let (world, gateway) = world(&json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let refuse = || {
        let Disposition::Forward(mut plan) = browser.send(&Asked::script("GET", "/billing/1")).outcome else {
            panic!("refused")
        };
        let renewing = gateway.renew_refused_token(&world, &mut plan, (StatusCode::UNAUTHORIZED, &challenged));
        block_on(world.beside(&gateway, renewing))
    };
    gives(&world, "one", &json!({ "expires_in": 600 }));
    let _forwarded = ask(&browser, "/billing/1");
    gives(&world, "two", &json!({ "expires_in": 600 }));
    assert!(refuse(), "the first is dropped");
    assert!(!refuse(), "one was dropped just now");
    let calls = || world.cost_of(|| drop(ask(&browser, "/billing/1"))).1.requests;
    let (first, next) = (calls(), calls());
    assert!(first > next, "the refused one is asked for again, and not of a copy");
    // Without a copy of it, it is dropped as soon as it may be.
    world.wait(10);
    gives(&world, "three", &json!({ "expires_in": 600 }));
    assert!(refuse());
    assert_eq!(sent(ask(&browser, "/billing/1").forwarded()), format!("Bearer {}", token("three")));
}

#[test]
fn who_is_only_asked_about_gets_no_token() {
    // R-275
    let mut variables = calling(&json!({}));
    variables["VERIFY"] = json!({});
    let (world, gateway) = (World::new(), Rc::new(gateway(&variables)));
    *world.object_gateway.borrow_mut() = Some(Rc::clone(&gateway));
    gives(&world, "one", &json!({}));
    let browser = Browser::new(&world, &gateway).signed_in();
    let asked = Asked::script("GET", "/auth/verify")
        .with("x-postern-secret", crate::support::VERIFY_SECRET)
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", "app.example.com")
        .with("x-forwarded-method", "GET")
        .with("x-forwarded-uri", "/billing/1")
        .with("x-real-ip", "203.0.113.9");
    let answered = browser.send(&asked);
    assert_eq!(answered.reply().status, StatusCode::NO_CONTENT);
    assert!(!format!("{:?}", answered.reply().headers).contains(CANARY), "{:?}", answered.reply());
    assert!(requests(&world).is_empty());
}

#[test]
fn the_server_finds_our_public_keys_and_nothing_else() {
    // R-280
    let (world, gateway) = world(&json!({ "client_auth": "private_key_jwt" }));
    let browser = Browser::new(&world, &gateway);
    let answered = browser.send(&Asked::new("GET", "/auth/clients/billing/jwks.json"));
    let keys = answered.json()["keys"].as_array().unwrap().clone();
    assert_eq!((keys.len(), &keys[0]["alg"], &keys[0]["use"]), (1, &json!("ES256"), &json!("sig")));
    assert!(keys[0].get("d").is_none() && keys[0]["kid"].is_string());
    assert_eq!(answered.reply().headers["access-control-allow-origin"], "*");
    for nothing in ["corp/jwks.json", "other/jwks.json", "billing", "billing/", "billing/jwks.json/x"] {
        browser.send(&Asked::new("GET", &format!("/auth/clients/{nothing}"))).assert_refused(404, "route.none");
    }
    browser
        .send(&Asked::new("POST", "/auth/clients/billing/jwks.json"))
        .assert_refused(405, "route.method_not_allowed");
    // What signs is what is published, for the issuer.
    let browser = browser.signed_in();
    let _forwarded = ask(&browser, "/billing/1");
    let body = requests(&world).pop().unwrap().1;
    let assertion = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "client_assertion");
    let set = json!({ "keys": keys }).to_string();
    let keys = postern::jose::KeySet::parse(set.as_bytes()).unwrap();
    let assertion = assertion.unwrap().1.into_owned();
    let jwt = postern::jose::UnverifiedJwt::parse(&assertion).unwrap();
    let verified = block_on(jwt.verify(&keys, &[postern::jose::Algorithm::Es256], &postern::jose::Portable)).unwrap();
    assert_eq!(verified.claims()["aud"], PARTNER);
}
