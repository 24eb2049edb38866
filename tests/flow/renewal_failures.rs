//! Renewals that do not come to a good end: what passes, what nobody heard, and what died on the way.

use postern::ports::FetchError;
use serde_json::{Value, json};

use crate::renewal::{AHEAD, LIFE, api, assert_forgets_all, events, out, refresh_token, relayed, world};
use crate::support::{Browser, CANARY, Endpoint, Rotation, answer, gateway, signer, variables};

/// What may pass: the provider, or the way to it.
fn transient() -> Vec<(Endpoint, Result<postern::ports::OutboundResponse, FetchError>)> {
    let refused = |status, error: &str| Ok(answer(status, &json!({ "error": error })));
    vec![
        (Endpoint::Token, Ok(answer(500, &Value::Null))),
        (Endpoint::Token, refused(503, "temporarily_unavailable")),
        (Endpoint::Token, refused(429, "slow_down")),
        (Endpoint::Token, refused(401, "invalid_client")),
        (Endpoint::Token, refused(400, "temporarily_unavailable")),
        (Endpoint::Token, Ok(answer(403, &Value::Null))),
        (Endpoint::Token, Ok(answer(404, &Value::Null))),
        (Endpoint::Token, Ok(answer(502, &Value::Null))),
        (Endpoint::Token, Ok(answer(521, &Value::Null))),
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
fn a_connection_that_broke_may_have_used_a_rotating_token_up_but_not_one_that_stays() {
    // nobody tells a connection that was refused from one that broke after the request was read.
    for lost in [Err(FetchError::Network), Ok(answer(504, &Value::Null)), Ok(answer(524, &Value::Null))] {
        for (rotation, refused) in [(Rotation::Once, 401), (Rotation::Same, 503), (Rotation::Silent, 503)] {
            let world = world();
            world.corp.rotation.set(rotation);
            let gateway = gateway(&variables());
            let browser = Browser::new(&world, &gateway).signed_in();
            world.wait(LIFE);
            assert_eq!(relayed(&browser.send(&api())), 2);
            world.corp.script(Endpoint::Token, lost.clone());
            world.wait(LIFE - AHEAD);
            assert_eq!(relayed(&browser.send(&api())), 2, "what is still good is used");
            world.wait(AHEAD);
            assert_eq!(browser.send(&api()).reply().status.as_u16(), refused, "{rotation:?} {lost:?}");
            browser.go("/app/a").forwarded();
            let asked = world.asked(Endpoint::Token);
            world.corp.recover();
            world.wait(LIFE);
            if rotation == Rotation::Once {
                browser.send(&api()).assert_refused(401, "session.access_token_expired");
                assert_eq!(world.asked(Endpoint::Token), asked);
            } else {
                assert_eq!(relayed(&browser.send(&api())), 3);
            }
        }
    }
}

#[test]
fn tokens_whose_keys_do_not_come_are_not_used_and_their_successor_is_tried_again() {
    //
    type Fault = fn() -> Result<postern::ports::OutboundResponse, FetchError>;
    let faults: [Fault; 3] =
        [|| Err(FetchError::Network), || Ok(answer(500, &Value::Null)), || Ok(answer(200, &json!("keys")))];
    for (rotation, used) in [(Rotation::Once, [1, 2]), (Rotation::Same, [1, 1]), (Rotation::Silent, [1, 1])] {
        for fault in faults {
            let world = world();
            world.corp.rotation.set(rotation);
            let gateway = gateway(&variables());
            let browser = Browser::new(&world, &gateway).signed_in();
            world.corp.rotate(9);
            world.corp.script(Endpoint::Keys, fault());
            world.wait(LIFE - AHEAD);
            assert_eq!(relayed(&browser.send(&api())), 1, "what is still good is used");
            assert_eq!(events(&world, "session.refresh")[0]["outcome"], "deny");
            world.wait(AHEAD);
            world.corp.script(Endpoint::Token, Ok(answer(503, &Value::Null)));
            browser.send(&api()).assert_refused(503, "session.renewal_paused");
            assert!(!world.dump().contains(CANARY));
            world.corp.recover();
            world.wait(LIFE);
            assert_eq!(relayed(&browser.send(&api())), 3, "{rotation:?}");
            assert_eq!(*world.corp.used.borrow(), used.map(refresh_token), "each once, in turn");
            browser.send(&out());
            assert_forgets_all(&world, "signed out");
        }
    }
}

#[test]
fn a_successor_that_could_not_be_checked_is_revoked_with_its_session() {
    //
    let world = world();
    let gateway = gateway(&variables());
    let browser = Browser::new(&world, &gateway).signed_in();
    world.corp.rotate(9);
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    world.wait(LIFE);
    browser.send(&api()).assert_refused(503, "session.renewal_paused");
    browser.send(&out());
    assert_forgets_all(&world, "signed out");
    // And when what comes of it is somebody else's, the session is over.
    let browser = browser.signed_in();
    world.corp.rotate(10);
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    world.wait(LIFE);
    browser.send(&api()).assert_refused(503, "session.renewal_paused");
    world.corp.recover();
    world.corp.bend_claims(|claims| claims["sub"] = "mallory".into());
    world.wait(LIFE);
    browser.send(&api()).assert_refused(401, "session.gone");
    assert_forgets_all(&world, "somebody else's");
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
fn a_provider_that_begins_to_rotate_is_never_shown_a_used_token_again() {
    //
    let world = world();
    let gateway = gateway(&variables());
    world.corp.rotation.set(Rotation::Silent);
    let browser = Browser::new(&world, &gateway).signed_in();
    world.wait(LIFE);
    assert_eq!(relayed(&browser.send(&api())), 2);
    // It rotates from now on, and signs with a key that is not published yet: the successor is all that is kept.
    world.corp.rotation.set(Rotation::Once);
    *world.corp.key.borrow_mut() = signer(9);
    world.wait(LIFE);
    browser.send(&api()).assert_refused(503, "session.renewal_paused");
    // The answer to the next attempt is lost: the successor may be used up.
    *world.corp.key.borrow_mut() = signer(1);
    world.corp.mute.set(true);
    world.wait(LIFE);
    browser.send(&api());
    world.corp.mute.set(false);
    for _ in 0..3 {
        world.wait(LIFE / 2);
        browser.send(&api()).assert_refused(401, "session.access_token_expired");
    }
    assert_eq!(*world.corp.used.borrow(), [1, 1, 2].map(refresh_token));
}
