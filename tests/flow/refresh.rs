//! Documents that age are renewed beside the requests, and by a timer; removed keys go in time all the same.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use postern::gateway::Gateway;
use postern::http::header;
use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::support::{
    Answered, Asked, Browser, CORP, Endpoint, PARTNER, World, answer, gateway, signer, two_providers, variables,
};

const LIFE: i64 = 600;
const HOUR: i64 = 3600;

fn login(world: &World, gateway: &Gateway) -> Answered {
    Browser::new(world, gateway).login()
}

#[track_caller]
fn assert_succeeds(world: &World, gateway: &Gateway) {
    assert_eq!(login(world, gateway).event["reason"], "login.succeeded");
}

fn fetches(world: &World) -> (usize, usize) {
    (world.asked(Endpoint::Metadata), world.asked(Endpoint::Keys))
}

/// A logout token by the provider's old key, sent without running what the request starts.
fn tell(world: &World, gateway: &Gateway, key: u8) -> Poll<String> {
    let honest = world.corp.key.replace(signer(key));
    let token = world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "bob" }));
    *world.corp.key.borrow_mut() = honest;
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp");
    let asked = asked.with("content-type", "application/x-www-form-urlencoded");
    let asked = asked.with_body(Ok(&format!("logout_token={token}")));
    let browser = Browser::new(world, gateway);
    let mut request = Box::pin(browser.send_alone(&asked));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..20 {
        if let Poll::Ready(answered) = request.as_mut().poll(&mut context) {
            return Poll::Ready(answered.event["reason"].as_str().unwrap().to_owned());
        }
    }
    Poll::Pending
}

#[test]
fn who_meets_ageing_keys_is_answered_at_once_and_they_are_renewed_beside() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    world.wait(LIFE / 2);
    assert_eq!(tell(&world, &gateway, 1), Poll::Ready("logout.no_session".to_owned()));
    assert_eq!((world.tasks_waiting(), world.asked(Endpoint::Keys)), (1, 1));
    // One is enough, however many come meanwhile.
    tell(&world, &gateway, 1).is_ready();
    assert_eq!(world.tasks_waiting(), 1);
    world.run_tasks(&gateway);
    assert_eq!((world.tasks_waiting(), world.asked(Endpoint::Keys)), (0, 2));
    world.wait(LIFE / 2 - 1);
    assert!(tell(&world, &gateway, 1).is_ready());
    assert_eq!(world.tasks_waiting(), 0);
}

#[test]
fn nobody_is_believed_by_keys_at_the_end_of_their_life_before_the_provider_was_asked() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    world.wait(LIFE - 1);
    assert_eq!(tell(&world, &gateway, 1), Poll::Ready("logout.no_session".to_owned()));
    world.wait(1);
    assert_eq!(tell(&world, &gateway, 1), Poll::Pending);
    world.run_tasks(&gateway);
    assert_eq!(login(&world, &gateway).event["reason"], "jwt.key_unknown");
}

#[test]
fn nobody_waits_for_a_provider_that_did_not_answer_when_it_was_last_asked() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    world.corp.script(Endpoint::Keys, Err(FetchError::Timeout));
    world.wait(LIFE);
    assert_succeeds(&world, &gateway);
    for _ in 0..10 {
        world.wait(6);
        assert_eq!(tell(&world, &gateway, 1), Poll::Ready("logout.no_session".to_owned()));
        world.run_tasks(&gateway);
    }
    assert_eq!(world.asked(Endpoint::Keys), 12, "it is asked all the same");
    world.corp.recover();
    world.wait(6);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    tell(&world, &gateway, 1).is_ready();
    world.run_tasks(&gateway);
    assert_eq!(login(&world, &gateway).event["reason"], "jwt.key_unknown");
}

#[test]
fn the_timer_fetches_what_every_provider_publishes_before_anybody_asks() {
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    world.refresh(&gateway);
    assert_eq!(fetches(&world), (2, 2));
    let urls: Vec<String> = world.sent.borrow().iter().map(|request| request.url.clone()).collect();
    for issuer in [CORP, PARTNER] {
        assert!(urls.contains(&format!("{issuer}/.well-known/openid-configuration")), "{urls:?}");
        assert!(urls.contains(&format!("{issuer}/jwks")), "{urls:?}");
    }
    // Every isolate finds them in the shared cache.
    for _ in 0..3 {
        assert_succeeds(&world, &crate::support::gateway(&two_providers()));
    }
    assert_eq!(fetches(&world), (2, 2));
}

#[test]
fn with_the_timer_no_login_ever_waits_for_documents() {
    // the timer goes off every five minutes, in an isolate of its own
    let (world, gateway) = (World::new(), gateway(&variables()));
    world.refresh(&crate::support::gateway(&variables()));
    assert_succeeds(&world, &gateway);
    for minute in 1..=120 {
        world.wait(60);
        if minute % 5 == 0 {
            world.refresh(&crate::support::gateway(&variables()));
        }
        let before = fetches(&world);
        assert_succeeds(&world, &gateway);
        assert_eq!(fetches(&world), before, "minute {minute}");
    }
    // Keys live ten minutes, metadata an hour.
    assert_eq!(fetches(&world), (1 + 120 / 25, 1 + 120 / 5));
}

#[test]
fn the_timer_leaves_alone_what_will_be_young_when_it_comes_again() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let mut keys = answer(200, &json!({ "keys": *world.corp.published.borrow() }));
    keys.headers.insert(header::CACHE_CONTROL, "max-age=3600".parse().unwrap());
    world.corp.script(Endpoint::Keys, Ok(keys));
    for minutes in (0..60).step_by(5) {
        world.refresh(&gateway);
        let expected = 1 + minutes / 25;
        assert_eq!(fetches(&world), (expected, expected), "after {minutes} minutes");
        world.wait(300);
    }
}

#[test]
fn the_timer_takes_a_provider_that_is_down_as_it_is_and_says_so() {
    //
    let (world, gateway) = (World::new(), gateway(&two_providers()));
    assert_succeeds(&world, &gateway);
    world.corp.go_down();
    world.wait(HOUR);
    world.take_events();
    world.refresh(&gateway);
    let events: Vec<Value> =
        world.take_events().into_iter().filter(|event| event["event"] == "document.fetch").collect();
    let said: Vec<_> = events.iter().map(|event| (event["document"].as_str().unwrap(), &event["reason"])).collect();
    let keys = format!("{CORP}/jwks");
    assert_eq!(said, [(CORP, &json!("provider.unreachable")), (&*keys, &json!("provider.unreachable"))]);
    assert!(events.iter().all(|event| event["method"] == "-" && event["outcome"] == "deny"));
    // The other provider's documents came.
    assert_eq!(
        Browser::new(&world, &gateway).login_at(&world.partner, "provider=partner").event["reason"],
        "login.succeeded"
    );
    world.corp.recover();
    world.wait(6);
    assert_succeeds(&world, &gateway);
}

#[test]
fn a_change_of_keys_is_an_event() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    world.corp.rotate(3);
    assert_succeeds(&world, &gateway);
    let events = world.take_events();
    let changes: Vec<_> = events.iter().filter(|event| event["event"] == "document.fetch").collect();
    assert_eq!(changes.len(), 1, "the first documents are no change");
    assert_eq!(
        (&changes[0]["reason"], &changes[0]["document"]),
        (&json!("document.changed"), &json!(format!("{CORP}/jwks")))
    );
}

#[test]
fn an_old_copy_in_the_shared_cache_replaces_no_younger_one() {
    //
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_succeeds(&world, &gateway);
    let old = world.cache.borrow().clone();
    world.wait(LIFE);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    *world.corp.key.borrow_mut() = signer(3);
    assert_succeeds(&world, &gateway);
    *world.cache.borrow_mut() = old;
    world.wait(LIFE / 2);
    assert_succeeds(&world, &gateway);
    assert_eq!(tell(&world, &gateway, 1), Poll::Pending, "an unknown key, to be looked for");
}
