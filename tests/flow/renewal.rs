//! Access tokens that end before their session: renewed once, by the subject's object, and never for who has left.

use std::rc::Rc;

use futures::executor::block_on;
use futures::future::{join, join_all};
use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, Endpoint, Rotation, World, answer, gateway, signer, variables};

/// How long an access token of the scripted provider lives.
const LIFE: i64 = 600;
const AHEAD: i64 = 60;

/// A world whose objects renew.
fn world() -> World {
    let world = World::new();
    *world.object_gateway.borrow_mut() = Some(Rc::new(gateway(&variables())));
    world
}

fn api() -> Asked {
    Asked::script("GET", "/api/a")
}

fn out() -> Asked {
    Asked::script("POST", "/auth/logout")
}

/// The number of the access token that was relayed.
#[track_caller]
fn relayed(answered: &Answered) -> usize {
    let header = answered.forwarded().headers["authorization"].to_str().unwrap();
    header.strip_prefix(&format!("Bearer access-{CANARY}-")).unwrap().parse().unwrap()
}

fn refresh_token(number: usize) -> String {
    format!("refresh-{CANARY}-{number}")
}

/// The events of a kind that were logged so far.
fn events(world: &World, kind: &str) -> Vec<Value> {
    let lines = world.lines.borrow();
    assert!(!lines.iter().any(|line| line.contains(CANARY)), "a log line holds a secret");
    let events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event"] == kind).collect()
}

fn token_requests(world: &World) -> usize {
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
    let bends: [(&str, Bend); 9] = [
        ("id_token.sub_mismatch", |claims| claims["sub"] = "mallory".into()),
        ("id_token.iss_mismatch", |claims| claims["iss"] = "https://evil.example".into()),
        ("id_token.aud_mismatch", |claims| claims["aud"] = "another".into()),
        ("id_token.azp_mismatch", |claims| claims["azp"] = "another".into()),
        ("id_token.auth_time_moved", |claims| claims["auth_time"] = json!(1_800_000_001)),
        ("id_token.nonce_mismatch", |claims| claims["nonce"] = "another".into()),
        ("id_token.expired", |claims| claims["exp"] = json!(1_800_000_000)),
        ("sub", |claims| claims["sub"] = Value::Null),
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
fn assert_forgets_all(world: &World, why: &str) {
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
    *world.corp.key.borrow_mut() = signer(9);
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.gone");
    assert_eq!(events(&world, "session.refresh")[0]["outcome"], "deny");
    assert_forgets_all(&world, "signature");
}

#[test]
fn an_id_token_may_repeat_what_it_said_and_may_be_left_out() {
    //
    type Bend = fn(&mut Value);
    let bends: [Bend; 3] = [
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

/// What may pass: the provider, or the way to it.
fn transient() -> Vec<(Endpoint, Result<postern::ports::OutboundResponse, FetchError>)> {
    let refused = |status, error: &str| Ok(answer(status, &json!({ "error": error })));
    vec![
        (Endpoint::Token, Ok(answer(500, &Value::Null))),
        (Endpoint::Token, refused(503, "temporarily_unavailable")),
        (Endpoint::Token, refused(429, "slow_down")),
        (Endpoint::Token, refused(401, "invalid_client")),
        (Endpoint::Token, refused(400, "invalid_request")),
        (Endpoint::Token, Err(FetchError::Network)),
    ]
}

#[test]
fn a_failure_that_may_pass_keeps_the_session_and_the_token_that_is_still_good() {
    for (endpoint, scripted) in transient() {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.script(endpoint, scripted.clone());
        world.wait(LIFE - AHEAD);
        assert_eq!(relayed(&browser.send(&api())), 1, "{scripted:?}");
        // Past its end there is none, but the person is still signed in, and is not sent to sign in.
        world.wait(AHEAD);
        let paused = browser.send(&api());
        paused.assert_refused(503, "session.renewal_paused");
        assert!(paused.reply().headers.contains_key("retry-after"));
        browser.go("/api/a").assert_refused(503, "session.renewal_paused");
        browser.go("/app/a").forwarded();
        // And all is well as soon as the provider is.
        world.corp.recover();
        world.wait(LIFE);
        assert_eq!(relayed(&browser.send(&api())), 2, "{scripted:?}");
    }
}

#[test]
fn a_provider_that_fails_is_asked_more_and_more_rarely() {
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.script(Endpoint::Token, Ok(answer(503, &Value::Null)));
    world.wait(LIFE);
    let before = world.asked(Endpoint::Token);
    let mut asked_at = Vec::new();
    for second in 0..1000 {
        let asked = world.asked(Endpoint::Token);
        browser.send(&api()).assert_refused(503, "session.renewal_paused");
        if world.asked(Endpoint::Token) > asked {
            asked_at.push(second);
        }
        world.wait(1);
    }
    assert_eq!(asked_at, [0, 5, 15, 35, 75, 155, 315, 615, 915]);
    assert_eq!(world.asked(Endpoint::Token) - before, asked_at.len(), "one at a time");
    // A success ends it: the next end of a token is not waited for.
    world.corp.recover();
    world.wait(300);
    assert_eq!(relayed(&browser.send(&api())), 2);
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 3);
}

#[test]
fn an_answer_that_nobody_heard_is_not_asked_for_again_with_a_token_that_rotates() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.mute.set(true);
    world.wait(LIFE - AHEAD);
    assert_eq!(relayed(&browser.send(&api())), 1, "what is still good is used");
    world.corp.mute.set(false);
    world.wait(AHEAD);
    browser.send(&api()).assert_refused(401, "session.access_token_expired");
    assert_eq!(browser.go("/api/a").location(), "/auth/login?return_to=%2Fapi%2Fa&fragment=keep");
    assert_eq!(*world.corp.used.borrow(), [refresh_token(1)]);
    let browser = browser.signed_in();
    assert_eq!(world.sessions(), 1);
    browser.send(&api()).forwarded();
}

#[test]
fn an_answer_that_nobody_heard_is_asked_for_again_with_a_token_that_stays() {
    //
    let world = world();
    world.corp.rotation.set(Rotation::Same);
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 2);
    world.wait(LIFE);
    world.corp.mute.set(true);
    browser.send(&api()).assert_refused(503, "session.renewal_paused");
    world.corp.mute.set(false);
    world.wait(5);
    assert_eq!(relayed(&browser.send(&api())), 4);
}

#[test]
fn an_answer_that_makes_no_sense_uses_a_rotating_token_up() {
    // the provider says that it went well, and nobody knows with what.
    let oddities = [
        answer(200, &json!("tokens")),
        answer(200, &json!({ "token_type": "Bearer" })),
        answer(200, &json!({ "access_token": "x", "token_type": "dpop" })),
    ];
    for odd in oddities {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.script(Endpoint::Token, Ok(odd));
        world.wait(LIFE);
        browser.send(&api()).assert_refused(401, "session.access_token_expired");
        let asked = world.asked(Endpoint::Token);
        world.corp.recover();
        world.wait(LIFE);
        browser.send(&api()).assert_refused(401, "session.access_token_expired");
        assert_eq!(world.asked(Endpoint::Token), asked);
    }
}

#[test]
fn an_object_that_dies_in_the_middle_of_a_renewal_sends_no_rotating_token_again() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    world.renewals_crash.set(true);
    browser.send(&api()).assert_refused(503, "session.store_unavailable");
    browser.send(&api()).assert_refused(401, "session.access_token_expired");
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.access_token_expired");
    assert_eq!(*world.corp.used.borrow(), [refresh_token(1)]);
    browser.go("/app/a").forwarded();
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
fn a_logout_makes_the_provider_forget_the_refresh_token() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    browser.send(&api()).forwarded();
    browser.send(&out());
    assert_eq!(world.next_alarm(), Some(world.now.get()), "at once, but nobody waits for it");
    world.ring();
    assert_eq!(*world.corp.forgotten.borrow(), [refresh_token(2)]);
    let revoked = events(&world, "token.revoke");
    assert_eq!((revoked.len(), &revoked[0]["reason"]), (1, &json!("revocation.done")));
    world.wait(24 * 3600);
    world.ring();
    assert_eq!(world.corp.forgotten.borrow().len(), 1, "once is enough");
    assert_eq!(world.next_alarm(), None, "nothing is left to do");
}

#[test]
fn whatever_ends_a_session_makes_the_provider_forget() {
    //
    let world = world();
    let mut variables = variables();
    variables["SESSION"] = json!({ "max_per_subject": 2 });
    let gateway = gateway(&variables);
    // Replaced by a new login, made room for others, left alone.
    let first = Browser::new(&world, &gateway).signed_in().signed_in();
    world.wait(1);
    let others = [Browser::new(&world, &gateway).signed_in(), Browser::new(&world, &gateway).signed_in()];
    first.send(&api()).assert_refused(401, "session.gone");
    world.ring();
    assert_eq!(world.corp.forgotten.borrow().len(), 2);
    world.wait(8 * 3600);
    world.ring();
    assert!(world.corp.alive.borrow().is_empty());
    assert_eq!((world.corp.forgotten.borrow().len(), world.sessions()), (4, 0));
    drop(others);
}

#[test]
fn a_provider_that_is_down_is_told_later_and_given_up_after_a_day() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    let start = world.now.get();
    world.corp.script(Endpoint::Revocation, Ok(answer(503, &Value::Null)));
    browser.send(&out());
    let mut tried_at = Vec::new();
    while let Some(next) = world.next_alarm() {
        world.now.set(next.max(world.now.get()));
        let before = world.asked(Endpoint::Revocation);
        world.ring();
        if world.asked(Endpoint::Revocation) > before {
            tried_at.push(world.now.get() - start);
        }
    }
    assert_eq!(tried_at[..8], [0, 30, 90, 210, 450, 930, 1890, 3810]);
    let last = *tried_at.last().unwrap();
    assert!((24 * 3600..25 * 3600 + 1).contains(&last), "{last}");
    assert!(tried_at.windows(2).all(|pair| pair[1] - pair[0] <= 3600));
    assert!(world.corp.alive.borrow().contains(&refresh_token(1)), "it never heard of it");
}

#[test]
fn a_provider_that_comes_back_is_told() {
    //
    for fault in [Err(FetchError::Network), Err(FetchError::Timeout), Ok(answer(500, &Value::Null))] {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.script(Endpoint::Revocation, fault);
        browser.send(&out());
        world.ring();
        assert_eq!(events(&world, "token.revoke")[0]["outcome"], "deny");
        world.corp.recover();
        world.ring();
        assert!(world.corp.forgotten.borrow().is_empty(), "not before its time");
        world.wait(30);
        world.ring();
        assert_eq!(*world.corp.forgotten.borrow(), [refresh_token(1)]);
    }
}

#[test]
fn a_provider_that_offers_no_revocation_is_left_alone() {
    let world = world();
    world.corp.metadata.borrow_mut().as_object_mut().unwrap().remove("revocation_endpoint");
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    browser.send(&out());
    world.ring();
    assert_eq!(events(&world, "token.revoke")[0]["reason"], "revocation.not_offered");
    assert!(world.next_alarm().is_none_or(|next| next > world.now.get()));
}

#[test]
fn a_logout_during_a_renewal_stands_and_the_successor_is_revoked() {
    //
    for rotation in [Rotation::Once, Rotation::Same, Rotation::Silent] {
        let world = world();
        world.corp.rotation.set(rotation);
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        let copy = browser.cookie("__Host-postern").unwrap();
        world.wait(LIFE);
        let (asked, leave) = (api(), out());
        let (waiting, left) = block_on(join(browser.send_later(&asked), browser.send_later(&leave)));
        assert_eq!(left.event["reason"], "logout.session_ended");
        assert_eq!(token_requests(&world), 1, "the renewal was under way");
        waiting.assert_refused(401, "session.gone");
        browser.plant("__Host-postern", &copy);
        browser.send(&api()).assert_refused(401, "session.gone");
        assert_forgets_all(&world, &format!("{rotation:?}"));
    }
}

#[test]
fn a_logout_ends_the_session_even_while_its_renewal_fails() {
    //
    for scripted in [Ok(answer(500, &Value::Null)), Err(FetchError::Timeout), Err(FetchError::Network)] {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.script(Endpoint::Token, scripted);
        world.wait(LIFE);
        let (asked, leave) = (api(), out());
        let (waiting, _) = block_on(join(browser.send_later(&asked), browser.send_later(&leave)));
        waiting.assert_refused(401, "session.gone");
        assert_eq!(world.sessions(), 0);
        assert_forgets_all(&world, "failed renewal");
    }
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
