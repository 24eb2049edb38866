//! Refresh tokens of sessions that are over: the provider is told to forget them, again and again if it must be.

use futures::executor::block_on;
use futures::future::join;
use postern::http::header;
use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::renewal::{LIFE, api, assert_forgets_all, events, out, refresh_token, token_requests, world};
use crate::support::{Browser, Endpoint, Rotation, answer, gateway, variables};

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
fn the_request_says_what_the_token_is_and_who_asks_and_a_refusal_is_not_repeated() {
    //
    for (status, reason) in [(200, "revocation.done"), (400, "revocation.refused"), (401, "revocation.refused")] {
        let world = world();
        let gateway = gateway(&variables());
        let browser = Browser::new(&world, &gateway).signed_in();
        world.corp.script(Endpoint::Revocation, Ok(answer(status, &Value::Null)));
        browser.send(&out());
        world.ring();
        let told = events(&world, "token.revoke");
        assert_eq!((told.len(), &told[0]["reason"]), (1, &json!(reason)), "{status}");
        let request = world.sent.borrow().iter().find(|sent| sent.url.ends_with("/revoke")).cloned().unwrap();
        assert!(request.body.contains("token_type_hint=refresh_token"), "{}", request.body);
        assert!(request.headers[header::AUTHORIZATION].to_str().unwrap().starts_with("Basic "));
        world.wait(24 * 3600);
        world.ring();
        assert_eq!(world.asked(Endpoint::Revocation), 1, "{status}");
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
