//! Signed access tokens seen before: believed without a signature for as long as it would verify, and no longer.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use futures::future::join_all;
use postern::gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CANARY, CORP, Endpoint, PARTNER, World, gateway, signer, variables};

const API: &str = "https://api.example.com";

fn signed() -> Value {
    let mut variables = variables();
    variables["ISSUERS"] = json!({
        "partner": { "issuer": PARTNER, "audience": API, "algs": ["ES256"] },
        "corp": { "issuer": CORP, "audience": API, "algs": ["ES256"] },
    });
    variables["ROUTES"]["/v1/{*rest}"] = json!({ "upstream": "service:API", "authenticate": ["bearer"] });
    variables["ROUTES"]["/corp"] =
        json!({ "upstream": "service:API", "authenticate": ["bearer"], "require": { "issuers": ["corp"] } });
    variables
}

fn token(world: &World, changes: &Value) -> String {
    let now = world.now.get();
    let mut claims = json!({
        "iss": PARTNER, "aud": API, "sub": "alice", "client_id": "app", "jti": format!("jti-{CANARY}"),
        "iat": now, "exp": now + 36_000,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    world.partner.key.borrow().sign(Some("at+jwt"), claims.as_object().unwrap())
}

fn call(world: &World, gateway: &Gateway, token: &str) -> Answered {
    Browser::new(world, gateway).send(&Asked::bearing("/v1/a", token))
}

/// One that is let in, and whether it was remembered.
#[track_caller]
fn is_remembered(world: &World, gateway: &Gateway, token: &str) -> bool {
    let before = world.verifications.get();
    let answered = call(world, gateway, token);
    answered.forwarded();
    let remembered = answered.event["remembered"] == true;
    assert_eq!(world.verifications.get() == before, remembered, "{}", answered.event);
    remembered
}

#[test]
fn a_signature_is_verified_once_and_everything_else_of_the_answer_is_the_same() {
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({ "act": { "sub": "bot" } }));
    let mut first = call(&world, &gateway, &token).event;
    assert!(is_remembered(&world, &gateway, &token));
    let mut second = call(&world, &gateway, &token).event;
    assert_eq!((world.verifications.get(), second["remembered"].take()), (1, json!(true)));
    for event in [&mut first, &mut second] {
        event.as_object_mut().unwrap().retain(|name, _| !["request_id", "remembered"].contains(&name.as_str()));
    }
    assert_eq!(first, second);
}

#[test]
fn no_other_token_is_let_in_by_one_that_is_known() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({}));
    call(&world, &gateway, &token).forwarded();
    let parts: Vec<&str> = token.split('.').collect();
    let stranger = signer(9).sign(Some("at+jwt"), json!({ "iss": PARTNER }).as_object().unwrap());
    let foreign = stranger.rsplit('.').next().unwrap();
    for other in [
        format!("{}.{}.{foreign}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}A"),
        format!("{token}="),
        token.strip_suffix(|_: char| true).unwrap().to_owned(),
    ] {
        let answered = call(&world, &gateway, &other);
        assert_eq!(answered.reply().status, 401, "{}", answered.event);
        assert_eq!(answered.event["subject"], Value::Null);
    }
    assert!(is_remembered(&world, &gateway, &token));
}

#[test]
fn a_known_token_ends_when_it_says_and_is_not_taken_before_it_begins() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({ "exp": world.now.get() + 100 }));
    call(&world, &gateway, &token).forwarded();
    world.wait(159);
    assert!(is_remembered(&world, &gateway, &token));
    world.wait(1);
    call(&world, &gateway, &token).assert_refused(401, "access_token.expired");
    world.wait(-160);
    assert!(!is_remembered(&world, &gateway, &token), "it was forgotten");
    world.wait(-61);
    call(&world, &gateway, &token).assert_refused(401, "access_token.iat_in_future");
}

#[test]
fn a_known_token_ends_with_the_key_that_signed_it() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({}));
    call(&world, &gateway, &token).forwarded();
    world.partner.rotate(7);
    world.partner.published.borrow_mut().remove(0);
    assert!(is_remembered(&world, &gateway, &token), "nobody knows yet");
    // By then the key set is fetched again, and the key is not in it.
    world.wait(600);
    let answered = call(&world, &gateway, &token);
    answered.assert_refused(401, "jwt.key_unknown");
    call(&world, &gateway, &token).assert_refused(401, "jwt.key_unknown");
}

#[test]
fn a_known_token_does_not_outlive_the_key_set_of_an_issuer_that_is_down() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({ "exp": world.now.get() + 1_000_000 }));
    call(&world, &gateway, &token).forwarded();
    world.partner.go_down();
    world.wait(23 * 3600);
    call(&world, &gateway, &token).forwarded();
    world.wait(3600);
    call(&world, &gateway, &token).assert_refused(503, "provider.unreachable");
}

#[test]
fn another_key_under_the_old_name_ends_a_known_token() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({}));
    call(&world, &gateway, &token).forwarded();
    let kid = world.partner.published.borrow()[0]["kid"].clone();
    let mut other = signer(8).public_jwk();
    other["kid"] = kid;
    *world.partner.published.borrow_mut() = vec![other];
    world.wait(600);
    call(&world, &gateway, &token).assert_refused(401, "jwt.bad_signature");
}

#[test]
fn what_a_route_asks_for_and_what_a_token_is_bound_to_is_asked_each_time() {
    //
    let (world, gateway) = (World::new(), gateway(&signed()));
    let (plain, bound) = (token(&world, &json!({})), token(&world, &json!({ "cnf": { "unknown": "x" } })));
    call(&world, &gateway, &plain).forwarded();
    Browser::new(&world, &gateway)
        .send(&Asked::bearing("/corp", &plain))
        .assert_refused(403, "authz.issuer_not_accepted");
    let first = call(&world, &gateway, &bound).event["reason"].clone();
    for _ in 0..3 {
        let verifications = world.verifications.get();
        let answered = call(&world, &gateway, &bound);
        assert_eq!((answered.reply().status.as_u16(), &answered.event["reason"]), (401, &first));
        assert_eq!(world.verifications.get(), verifications, "what it says is known");
    }
}

#[test]
fn made_up_tokens_displace_nothing() {
    let (world, gateway) = (World::new(), gateway(&signed()));
    let token = token(&world, &json!({}));
    call(&world, &gateway, &token).forwarded();
    let encode = |value: Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let header = encode(json!({ "alg": "ES256", "kid": "key-9", "typ": "at+jwt" }));
    for number in 0..5000 {
        let fake = format!("{header}.{}.{}", encode(json!({ "iss": PARTNER, "n": number })), "A".repeat(86));
        assert_eq!(call(&world, &gateway, &fake).reply().status, 401);
        world.lines.borrow_mut().clear();
    }
    assert!(is_remembered(&world, &gateway, &token));
    assert!(world.asked(Endpoint::Keys) <= 3);
}

/// Each of the tokens, sent by everybody at the same time and again, answers for its own person.
#[track_caller]
pub fn assert_each_answers_for_its_owner(browser: &Browser<'_>, tokens: &[String], people: &[String]) {
    for _ in 0..3 {
        let requests: Vec<Asked> =
            tokens.iter().chain(tokens.iter().rev()).map(|token| Asked::bearing("/v1/a", token)).collect();
        let answers = block_on(join_all(requests.iter().map(|asked| browser.send_later(asked))));
        for (answered, sub) in answers.iter().zip(people.iter().chain(people.iter().rev())) {
            assert_eq!(answered.event["subject"], sub.as_str());
        }
    }
}

#[test]
fn everybodys_token_answers_for_its_owner_alone_also_at_the_same_time() {
    let (world, gateway) = (World::new(), gateway(&signed()));
    let people: Vec<String> = (0..30).map(|number| format!("person-{number}")).collect();
    let tokens: Vec<String> = people.iter().map(|sub| token(&world, &json!({ "sub": sub }))).collect();
    assert_each_answers_for_its_owner(&Browser::new(&world, &gateway), &tokens, &people);
    assert!(world.verifications.get() <= 60);
}
