//! Tokens that name keys nobody knows: a real new key is found, made-up ones cost next to nothing.

use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::Gateway;
use postern::jose::Es256Signer;
use postern::ports::FetchError;
use postern::secret::Secret;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, Endpoint, World, answer, gateway, signer, variables};

const DAY: i64 = 24 * 3600;

/// A key that claims to be called `kid`.
fn key_called(kid: &str) -> Es256Signer {
    let secret = p256::SecretKey::from_slice(&[77; 32]).unwrap();
    let mut jwk: Value = serde_json::from_str(&secret.to_jwk_string()).unwrap();
    jwk["kid"] = kid.into();
    Es256Signer::from_jwk(&Secret::new(jwk.to_string())).unwrap()
}

/// A deployment that has seen a login, and so knows its provider's key.
fn world() -> (World, Gateway) {
    let (world, gateway) = (World::new(), gateway(&variables()));
    assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "login.succeeded");
    (world, gateway)
}

/// Anybody may send a logout token, signed by anybody.
fn logout(world: &World, key: Es256Signer) -> Asked {
    let honest = world.corp.key.replace(key);
    let token = world.corp.logout_token(Some("logout+jwt"), world.now.get(), &json!({ "sub": "bob" }));
    *world.corp.key.borrow_mut() = honest;
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp");
    asked.with("content-type", "application/x-www-form-urlencoded").with_body(Ok(&format!("logout_token={token}")))
}

fn send(world: &World, gateway: &Gateway, key: Es256Signer) -> Answered {
    Browser::new(world, gateway).send(&logout(world, key))
}

/// The same with a key that nobody has: a signature that is not looked at need not be made.
fn send_made_up(world: &World, gateway: &Gateway, kid: &str) -> Answered {
    let header = json!({ "alg": "ES256", "typ": "logout+jwt", "kid": kid }).to_string();
    let token = format!("{}.e30.{}", Base64UrlUnpadded::encode_string(header.as_bytes()), "A".repeat(86));
    let asked = Asked::new("POST", "/auth/backchannel-logout/corp");
    let asked = asked.with("content-type", "application/x-www-form-urlencoded");
    let answered = Browser::new(world, gateway).send(&asked.with_body(Ok(&format!("logout_token={token}"))));
    world.lines.borrow_mut().clear();
    answered
}

/// Whether the key of a token is unknown: the provider says so, or was asked too often.
fn is_unknown(answered: &Answered) -> bool {
    let status = answered.reply().status.as_u16();
    matches!((answered.event["reason"].as_str(), status), (Some("jwt.key_unknown"), 400) | (Some("keys.unasked"), 503))
}

/// Whether a token by this key is believed.
fn is_believed(world: &World, gateway: &Gateway, key: Es256Signer) -> bool {
    send(world, gateway, key).event["outcome"] == "allow"
}

fn fetched(world: &World) -> usize {
    world.asked(Endpoint::Keys)
}

#[test]
fn a_new_key_is_found_by_asking_once_more() {
    //
    let (world, gateway) = world();
    world.corp.rotate(3);
    for _ in 0..3 {
        assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "login.succeeded");
    }
    assert_eq!((world.asked(Endpoint::Metadata), fetched(&world)), (1, 2));
}

#[test]
fn everybody_who_comes_at_the_moment_of_a_rotation_is_let_in_after_one_fetch() {
    //
    let (world, gateway) = world();
    world.corp.rotate(3);
    let browsers: Vec<_> = (0..30).map(|_| Browser::new(&world, &gateway)).collect();
    let asked: Vec<_> = browsers.iter().map(|_| logout(&world, signer(3))).collect();
    let answers = block_on(join_all(browsers.iter().zip(&asked).map(|(browser, asked)| browser.send_later(asked))));
    assert!(answers.iter().all(|answered| answered.event["outcome"] == "allow"));
    assert_eq!(fetched(&world), 2);
}

#[test]
fn ten_thousand_unknown_keys_are_few_fetches_and_hide_no_rotation() {
    // a thousand a second for ten seconds; the provider changes its key after five
    let (world, gateway) = world();
    let before = (fetched(&world), world.cache_puts.get());
    let mut found_after = None;
    for second in 0..10 {
        if second == 5 {
            *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
        }
        for number in 0..1000 {
            let answered = send_made_up(&world, &gateway, &format!("random-{second}-{number}"));
            assert!(is_unknown(&answered), "{}", answered.event);
        }
        // What comes last in every second: the flood had every chance.
        if second >= 5 && found_after.is_none() && is_believed(&world, &gateway, signer(3)) {
            found_after = Some(second - 5);
        }
        world.wait(1);
    }
    assert!(found_after.is_some_and(|seconds| seconds <= 2), "{found_after:?}");
    assert_eq!(fetched(&world) - before.0, 5);
    assert_eq!(world.cache_puts.get() - before.1, 1, "the new keys, and nothing else, are worth sharing");
}

#[test]
fn a_flood_without_end_cannot_keep_a_new_key_out_for_long() {
    //
    let (world, gateway) = world();
    let flood = |seconds: i64| {
        for number in 0..seconds {
            for _ in 0..3 {
                send_made_up(&world, &gateway, &format!("random-{}-{number}", world.now.get()));
            }
            world.wait(1);
        }
    };
    flood(200);
    let before = fetched(&world);
    flood(100);
    assert!((9..=11).contains(&(fetched(&world) - before)), "{}", fetched(&world) - before);
    *world.corp.published.borrow_mut() = vec![signer(3).public_jwk()];
    let mut waited = 0;
    while !is_believed(&world, &gateway, signer(3)) {
        flood(1);
        waited += 1;
        assert!(waited <= 10, "not found in {waited} seconds");
    }
    assert!(!is_believed(&world, &gateway, signer(1)), "and the old one is gone");
}

#[test]
fn one_wrong_key_again_and_again_leaves_the_budget_to_others() {
    // an old token in some program's memory
    let (world, gateway) = world();
    let before = fetched(&world);
    for _ in 0..60 {
        assert!(is_unknown(&send_made_up(&world, &gateway, "stuck")));
        world.wait(1);
    }
    assert_eq!(fetched(&world) - before, 6);
    world.corp.rotate(3);
    assert!(is_believed(&world, &gateway, signer(3)));
}

#[test]
fn a_key_that_comes_later_than_its_first_token_is_found_soon() {
    // signed first, published then
    let (world, gateway) = world();
    assert!(!is_believed(&world, &gateway, signer(3)));
    world.corp.rotate(3);
    let mut waited = 0;
    while !is_believed(&world, &gateway, signer(3)) {
        world.wait(1);
        waited += 1;
    }
    assert_eq!(waited, 10);
}

#[test]
fn a_key_nobody_could_ask_for_is_no_verdict_on_the_token() {
    // known keys work on
    let (world, gateway) = world();
    world.corp.script(Endpoint::Keys, Err(FetchError::Network));
    let answered = send(&world, &gateway, signer(3));
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&"provider.unreachable".into(), 503));
    assert!(answered.reply().headers.contains_key("retry-after"));
    // Nor is the provider asked again at once.
    let before = fetched(&world);
    assert_eq!(send(&world, &gateway, signer(3)).reply().status.as_u16(), 503);
    assert_eq!(fetched(&world), before);
    assert!(is_believed(&world, &gateway, signer(1)));
    world.corp.rotate(3);
    world.corp.recover();
    world.wait(5);
    assert!(is_believed(&world, &gateway, signer(3)));
}

#[test]
fn a_provider_that_never_answers_keeps_nobody_waiting_for_long() {
    let (world, gateway) = world();
    world.silence.set(true);
    let answered = send(&world, &gateway, signer(3));
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&"provider.timeout".into(), 503));
    assert!(is_believed(&world, &gateway, signer(1)));
}

#[test]
fn no_more_than_so_many_requests_wait_for_one_fetch() {
    // what waits takes memory
    let (world, gateway) = world();
    let browsers: Vec<_> = (0..200).map(|_| Browser::new(&world, &gateway)).collect();
    let asked: Vec<_> = (0..200).map(|number| logout(&world, key_called(&format!("random-{number}")))).collect();
    let mut requests: Vec<_> =
        browsers.iter().zip(&asked).map(|(browser, asked)| Box::pin(browser.send_alone(asked))).collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // Nothing that was started runs: whoever is done now did not wait.
    let mut waiting = 0;
    for request in &mut requests {
        waiting += usize::from(request.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(waiting, 65, "who began it, and 64 more");
}

#[test]
fn what_a_token_calls_its_key_goes_nowhere() {
    //
    let (world, gateway) = world();
    let puts = world.cache_puts.get();
    for kid in ["../../etc/passwd", "https://evil.example/jwks", "a\u{0}b", &"k".repeat(512)] {
        assert_eq!(send(&world, &gateway, key_called(kid)).event["reason"], "jwt.key_unknown");
        world.wait(3);
    }
    assert_eq!(world.cache_puts.get(), puts);
    let said = format!("{:?}{:?}", world.sent.borrow(), world.lines.borrow());
    assert!(!said.contains("etc/passwd") && !said.contains("evil.example") && !said.contains("kkkk"));
}

#[test]
fn what_comes_from_the_provider_itself_waits_out_the_flood() {
    // a code is redeemed once and a refresh token used once; neither may be lost because others made up keys
    let (world, gateway) = world();
    let object_gateway = Rc::new(crate::support::gateway(&variables()));
    *world.object_gateway.borrow_mut() = Some(Rc::clone(&object_gateway));
    let browser = Browser::new(&world, &gateway).signed_in();
    let flood = |gateway: &Gateway| {
        for number in 0..100 {
            send_made_up(&world, gateway, &format!("random-{}-{number}", world.now.get()));
            world.wait(1);
        }
        send_made_up(&world, gateway, &format!("random-{}", world.now.get()));
    };
    flood(&gateway);
    world.corp.rotate(3);
    let started = world.now.get();
    assert_eq!(Browser::new(&world, &gateway).login().event["reason"], "login.succeeded");
    assert!((1..=10).contains(&(world.now.get() - started)), "{}", world.now.get() - started);

    flood(&object_gateway);
    world.wait(600 - 101);
    send_made_up(&world, &object_gateway, "random");
    *world.corp.published.borrow_mut() = vec![signer(4).public_jwk()];
    *world.corp.key.borrow_mut() = signer(4);
    assert_eq!(browser.send(&Asked::script("GET", "/api/orders")).event["outcome"], "allow");
}

#[test]
fn a_set_without_the_key_is_an_answer_even_when_it_is_another_set() {
    //
    let (world, gateway) = world();
    world.corp.rotate(3);
    let before = fetched(&world);
    assert!(!is_believed(&world, &gateway, signer(9)));
    assert!(!is_believed(&world, &gateway, signer(9)));
    world.wait(3);
    assert!(!is_believed(&world, &gateway, signer(9)));
    assert_eq!(fetched(&world) - before, 1);
    // An unreadable one is none.
    world.corp.script(Endpoint::Keys, Ok(answer(200, &json!([]))));
    assert_eq!(send(&world, &gateway, signer(8)).event["reason"], "keys.not_json");
    world.wait(DAY / 2);
    assert!(is_believed(&world, &gateway, signer(1)));
}
