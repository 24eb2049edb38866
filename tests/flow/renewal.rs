//! Access tokens that end before their session: renewed once, by the subject's object, and never for who has left.

use std::rc::Rc;

use futures::executor::block_on;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, Rotation, World, gateway, signer, signer_named, variables};

/// How long an access token of the scripted provider lives.
pub const LIFE: i64 = 600;
pub const AHEAD: i64 = 60;

/// A world whose objects renew.
pub fn world() -> World {
    let world = World::new();
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&variables())));
    world
}

pub fn api() -> Asked {
    Asked::script("GET", "/api/a")
}

pub fn out() -> Asked {
    Asked::script("POST", "/auth/logout")
}

/// The number of the access token that was relayed.
#[track_caller]
pub fn relayed(answered: &Answered) -> usize {
    let header = answered.forwarded().headers["authorization"].to_str().unwrap();
    header.strip_prefix(&format!("Bearer access-{CANARY}-")).unwrap().parse().unwrap()
}

pub fn refresh_token(number: usize) -> String {
    format!("refresh-{CANARY}-{number}")
}

/// The events of a kind that were logged so far.
pub fn events(world: &World, kind: &str) -> Vec<Value> {
    let lines = world.lines.borrow();
    assert!(!lines.iter().any(|line| line.contains(CANARY)), "a log line holds a secret");
    let events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event"] == kind).collect()
}

pub fn token_requests(world: &World) -> usize {
    world.corp.used.borrow().len()
}

#[test]
fn a_token_is_renewed_ahead_of_its_end_and_not_before() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE - AHEAD - 1);
    assert_eq!(relayed(&browser.send(&api())), 1);
    world.wait(1);
    assert_eq!(relayed(&browser.send(&api())), 2);
    assert_eq!(relayed(&browser.send(&api())), 2);
    assert_eq!(token_requests(&world), 1);
    let renewed = events(&world, "session.refresh");
    assert_eq!((renewed.len(), &renewed[0]["reason"]), (1, &json!("session.renewed")));
    assert_eq!((&renewed[0]["provider"], &renewed[0]["subject"]), (&json!("corp"), &json!("alice")));
}

#[test]
fn requests_that_relay_no_token_renew_none() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    browser.go("/app/a").forwarded();
    assert_eq!(browser.send(&Asked::script("GET", "/auth/me")).reply().status.as_u16(), 200);
    assert_eq!(token_requests(&world), 0);
    // On demand, however long after its end.
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 2);
}

#[test]
fn the_request_for_new_tokens_says_who_asks_and_no_more_than_it_must() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    browser.send(&api()).forwarded();
    let sent = world.sent.borrow();
    let request = sent.iter().rfind(|request| request.url.ends_with("/token")).unwrap();
    let form: Vec<(String, String)> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let value = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((value("grant_type"), value("refresh_token")), (Some("refresh_token"), Some(&*refresh_token(1))));
    // nothing is asked for beyond what was granted.
    assert!(value("scope").is_none() && value("code").is_none() && value("redirect_uri").is_none());
    assert!(request.headers.contains_key("authorization") || value("client_secret").is_some());
}

#[test]
fn many_requests_at_the_end_of_a_token_are_one_renewal() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    for round in 1..4 {
        world.wait(LIFE);
        let asked = api();
        let all = block_on(join_all((0..50).map(|_| browser.send_later(&asked))));
        assert!(all.iter().all(|answered| relayed(answered) == round + 1));
        assert_eq!(token_requests(&world), round);
    }
}

#[test]
fn the_successor_takes_the_place_of_a_refresh_token_that_rotates() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    for round in 2..6 {
        world.wait(LIFE);
        assert_eq!(relayed(&browser.send(&api())), round);
    }
    assert_eq!(*world.corp.used.borrow(), [1, 2, 3, 4].map(refresh_token), "each once, in turn");
}

#[test]
fn a_refresh_token_stays_where_the_provider_lets_it() {
    //
    for rotation in [Rotation::Same, Rotation::Silent] {
        let world = world();
        world.corp.rotation.set(rotation);
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        for round in 2..5 {
            world.wait(LIFE);
            assert_eq!(relayed(&browser.send(&api())), round, "{rotation:?}");
        }
        assert_eq!(*world.corp.used.borrow(), [1, 1, 1].map(refresh_token));
    }
}

#[test]
fn a_provider_may_change_its_mind_about_rotation() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    let turns = [Rotation::Silent, Rotation::Once, Rotation::Same, Rotation::Once, Rotation::Silent];
    for (round, rotation) in turns.into_iter().enumerate() {
        world.corp.rotation.set(rotation);
        world.wait(LIFE);
        assert_eq!(relayed(&browser.send(&api())), round + 2);
    }
    assert_eq!(*world.corp.used.borrow(), [1, 1, 2, 2, 3].map(refresh_token));
}

#[test]
fn a_refresh_token_that_is_no_good_ends_the_session() {
    // used by somebody else, or revoked.
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    let bystander = Browser::new(&world, &gateway).signed_in();
    world.corp.alive.borrow_mut().remove(&refresh_token(1));
    world.wait(LIFE);
    let gone = browser.send(&api());
    gone.assert_refused(401, "session.gone");
    browser.go("/app/a");
    assert!(browser.cookie("__Host-postern").is_none());
    let refused = events(&world, "session.refresh");
    assert_eq!((refused.len(), &refused[0]["outcome"]), (1, &json!("deny")));
    assert_eq!((&refused[0]["reason"], &refused[0]["subject"]), (&json!("token.invalid_grant"), &json!("alice")));
    // The same person's other session is another grant.
    bystander.go("/app/a").forwarded();
    assert_eq!((world.sessions(), token_requests(&world)), (1, 1));
    // The provider knows already.
    world.ring();
    assert!(world.corp.forgotten.borrow().is_empty());
}

#[test]
fn an_id_token_for_somebody_else_ends_the_session() {
    //
    type Bend = fn(&mut Value);
    let bends: [(&str, Bend); 15] = [
        ("id_token.sub_mismatch", |claims| claims["sub"] = "mallory".into()),
        ("id_token.iss_mismatch", |claims| claims["iss"] = "https://evil.example".into()),
        ("id_token.aud_mismatch", |claims| claims["aud"] = "another".into()),
        ("id_token.azp_mismatch", |claims| claims["azp"] = "another".into()),
        ("id_token.nonce_mismatch", |claims| claims["nonce"] = "another".into()),
        ("id_token.expired", |claims| claims["exp"] = json!(1_800_000_000)),
        ("id_token.iat_too_old", |claims| claims["iat"] = json!(1_799_999_999)),
        ("id_token.iat_in_future", |claims| claims["iat"] = json!(1_800_000_000 + LIFE + 61)),
        ("id_token.iat_malformed", |claims| claims["iat"] = Value::Null),
        ("id_token.not_yet_valid", |claims| claims["nbf"] = json!(1_800_000_000 + LIFE + 61)),
        // of another access token than the one that came along.
        ("id_token.at_hash_mismatch", |claims| claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("sub", |claims| claims["sub"] = Value::Null),
        ("sub", |claims| {
            claims.as_object_mut().unwrap().remove("sub");
        }),
        ("sub", |claims| claims["sub"] = "".into()),
        ("iss", |claims| claims["iss"] = Value::Null),
    ];
    for (reason, bend) in bends {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.bend_claims(bend);
        world.wait(LIFE);
        browser.send(&api()).assert_refused(401, "session.gone");
        let refused = events(&world, "session.refresh");
        assert_eq!(refused.len(), 1, "{reason}");
        let found = refused[0]["reason"].as_str().unwrap();
        assert!(found.starts_with("id_token.") && (found == reason || !reason.contains('.')), "{found} for {reason}");
        assert_eq!(refused[0]["outcome"], "deny");
        assert_eq!(world.sessions(), 0, "{reason}");
        assert_forgets_all(&world, reason);
    }
}

/// nothing that was issued for a session that is over is left alive.
#[track_caller]
pub fn assert_forgets_all(world: &World, why: &str) {
    world.corp.recover();
    world.ring();
    assert!(world.corp.alive.borrow().is_empty(), "{why}: {:?}", world.corp.alive.borrow());
}

#[test]
fn an_id_token_that_nobody_signed_ends_the_session() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    // By a key of that name that is not the provider's.
    *world.corp.key.borrow_mut() = signer_named(9, "key-1");
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.gone");
    assert_eq!(events(&world, "session.refresh")[0]["outcome"], "deny");
    assert_forgets_all(&world, "signature");
}

#[test]
fn a_key_that_nobody_publishes_is_waited_for_and_then_ends_the_session() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    *world.corp.key.borrow_mut() = signer(9);
    for failures in 0..5 {
        world.wait(LIFE);
        browser.send(&api()).assert_refused(503, "session.renewal_paused");
        assert_eq!(events(&world, "session.refresh").len(), failures + 1);
        browser.go("/app/a").forwarded();
    }
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.gone");
    assert_forgets_all(&world, "unknown key");
}

#[test]
fn an_id_token_may_repeat_what_it_said_and_may_be_left_out() {
    //
    type Bend = fn(&mut Value);
    let bends: [Bend; 7] = [
        // Providers that write the time of the refresh there: GitLab, Cognito, django-oauth-toolkit and others.
        |claims| claims["auth_time"] = json!(1_800_000_000 + LIFE),
        |claims| claims["auth_time"] = json!("soon"),
        |claims| claims["auth_time"] = Value::Null,
        |claims| {
            claims["aud"] = json!(["app", "other"]);
            claims["azp"] = "app".into();
        },
        |claims| claims["azp"] = "app".into(),
        |claims| claims["aud"] = json!(["app"]),
        |claims| {
            claims.as_object_mut().unwrap().remove("auth_time");
        },
    ];
    for bend in bends {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.bend_claims(bend);
        world.wait(LIFE);
        assert_eq!(relayed(&browser.send(&api())), 2);
    }
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.bend_tokens(|tokens| tokens["id_token"] = Value::Null);
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 2);
    // Signed by a key that was published since.
    world.corp.recover();
    world.corp.rotate(9);
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 3);
}

#[test]
fn a_refresh_makes_no_sign_in_younger() {
    //
    let world = world();
    let mut variables = variables();
    variables["ROUTES"]["/fresh"] = json!({ "upstream": "service:API", "require": { "max_age": "15m" } });
    let gateway = gateway(&variables);
    let browser = Browser::new(&world, &gateway).signed_in();
    let fresh = Asked::script("GET", "/fresh");
    browser.send(&fresh).forwarded();
    for moved in [1_800_000_000 + LIFE, 1_700_000_000] {
        world.corp.bend_claims(move |claims| claims["auth_time"] = json!(moved));
        world.wait(LIFE);
        browser.send(&api()).forwarded();
        let me = browser.send(&Asked::script("GET", "/auth/me?touch=false")).json();
        assert_eq!(me["session"]["authenticated_at"], 1_800_000_000);
    }
    browser.send(&fresh).assert_refused(401, "authz.authentication_too_old");
}

#[test]
fn a_token_that_is_over_when_it_comes_serves_those_who_waited_and_is_not_renewed_with_every_request() {
    //
    let world = world();
    let gateway = gateway(&variables());
    world.corp.bend_tokens(|tokens| tokens["expires_in"] = json!(0));
    let browser = Browser::new(&world, &gateway).signed_in();
    for second in 0..10 {
        for _ in 0..5 {
            relayed(&browser.send(&api()));
        }
        world.wait(1);
        assert_eq!(token_requests(&world), second / 2, "after {second} s");
    }
}

#[test]
fn fewer_scopes_hold_at_once_and_more_never() {
    //
    let world = world();
    let mut variables = variables();
    variables["ROUTES"]["/orders/{*rest}"] =
        json!({ "upstream": "service:API", "token": "relay", "require": { "scopes": ["orders:read"] } });
    let gateway = gateway(&variables);
    let browser = Browser::new(&world, &gateway).signed_in();
    let orders = Asked::script("GET", "/orders/a");
    browser.send(&orders).forwarded();
    world.corp.bend_tokens(|tokens| tokens["scope"] = "openid profile".into());
    world.wait(LIFE);
    let denied = browser.send(&orders);
    assert_eq!((denied.reply().status.as_u16(), &denied.event["reason"]), (403, &json!("authz.insufficient_scope")));
    browser.send(&api()).forwarded();
    // What is gone stays gone, and what never was granted does not come.
    world.corp.bend_tokens(|tokens| tokens["scope"] = "openid profile orders:read admin".into());
    world.wait(LIFE);
    assert_eq!(browser.send(&orders).reply().status.as_u16(), 403);
    assert_eq!(browser.send(&Asked::script("GET", "/admin/a")).reply().status.as_u16(), 403);
    let scopes = browser.send(&Asked::script("GET", "/auth/me")).json()["scopes"].clone();
    assert!(scopes.is_null() || scopes == json!(["openid", "profile"]), "{scopes}");
}

#[test]
fn renewing_keeps_no_session_alive_past_its_clocks() {
    //
    let mut variables = variables();
    variables["ROUTES"]["/poll"] = json!({ "upstream": "service:API", "token": "relay", "touch": false });
    let world = world();
    let gateway = gateway(&variables);
    let browser = Browser::new(&world, &gateway).signed_in();
    let poll = Asked::script("GET", "/poll");
    for round in 2..7 {
        world.wait(LIFE);
        assert_eq!(relayed(&browser.send(&poll)), round);
    }
    world.wait(LIFE);
    browser.send(&poll).assert_refused(401, "session.gone");
    assert_forgets_all(&world, "idle");
}

#[test]
fn storage_shows_no_token_at_any_stage() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    let check = |stage: &str| assert!(!world.dump().contains(CANARY), "{stage}: {}", world.dump());
    check("signed in");
    world.wait(LIFE);
    browser.send(&api()).forwarded();
    check("renewed");
    world.wait(LIFE);
    world.renewals_crash.set(true);
    browser.send(&api()).assert_refused(503, "session.store_unavailable");
    check("died in a renewal");
    let secret = browser.cookie("__Host-postern").unwrap();
    assert!(secret.split('.').filter(|part| part.len() > 20).all(|part| !world.dump().contains(part)));
    browser.send(&out());
    assert!(world.next_alarm().is_some());
    check("to be revoked");
}
