//! Passkeys through the whole of the gateway: what a browser is asked, and what becomes of its answer.

use postern::gateway::Gateway;
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, BACKUP_ELIGIBLE, VERIFIED, encode};
use crate::support::{Answered, Asked, Browser, ORIGIN, World, gateway, variables};

const SESSION: &str = "__Host-postern";
const BEGIN: &str = "/auth/second/passkey/begin";
const FINISH: &str = "/auth/second/passkey/finish";
const VERIFY_BEGIN: &str = "/auth/second/verify/passkey/begin";
const VERIFY: &str = "/auth/second/verify/passkey";

fn with_second(table: Value) -> Gateway {
    let mut variables = variables();
    variables["SECOND"] = table;
    gateway(&variables)
}

fn authenticator(secret: u8) -> Authenticator {
    Authenticator { rp_id: "app.example.com".to_owned(), origin: ORIGIN.to_owned(), ..Authenticator::new(secret) }
}

fn status(answered: &Answered) -> u16 {
    answered.reply().status.as_u16()
}

/// What the browser is asked.
fn asked(browser: &Browser<'_>, path: &str) -> Value {
    let answered = browser.send(&Asked::script("POST", path));
    assert_eq!((status(&answered), &answered.event["reason"]), (200, &json!("passkey.asked")), "{}", answered.event);
    answered.json()
}

fn challenge(options: &Value) -> &str {
    options["challenge"].as_str().unwrap()
}

/// The page's form with the answer of the browser.
fn sent(browser: &Browser<'_>, path: &str, credential: &Value) -> Answered {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("credential", &credential.to_string());
    if path == FINISH {
        form.append_pair("name", "Phone");
    } else {
        form.append_pair("return_to", "/app/here");
    }
    browser.send(&Asked::form(path).with_body(Ok(&form.finish())))
}

fn enrol(browser: &Browser<'_>, authenticator: &Authenticator) -> Answered {
    sent(browser, FINISH, &authenticator.create(challenge(&asked(browser, BEGIN))))
}

fn prove(browser: &Browser<'_>, authenticator: &Authenticator) -> Answered {
    sent(browser, VERIFY, &authenticator.get(challenge(&asked(browser, VERIFY_BEGIN))))
}

fn factors(browser: &Browser<'_>) -> Vec<Value> {
    browser.send(&Asked::script("GET", "/auth/second")).json()["factors"].as_array().unwrap().clone()
}

// R-209, R-338
#[test]
fn a_passkey_is_added_and_proven_and_the_session_goes_on_under_a_new_id_each_time() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let browser = Browser::new(&world, &gateway).signed_in();
    let own = Authenticator { flags: VERIFIED | BACKUP_ELIGIBLE, ..authenticator(7) };
    let before = browser.cookie(SESSION).unwrap();
    let answered = enrol(&browser, &own);
    assert_eq!((status(&answered), &answered.event["event"]), (200, &json!("factor.enrolled")), "{}", answered.event);
    let after = browser.cookie(SESSION).unwrap();
    assert_ne!(before, after);
    let listed = factors(&browser);
    assert_eq!((listed.len(), &listed[0]["name"], &listed[0]["synced"]), (1, &json!("Phone"), &json!(true)));
    assert_eq!(listed[0]["credential"], encode(&own.credential_id));
    world.wait(60);
    let answered = prove(&browser, &own);
    assert_eq!((status(&answered), answered.location().as_str()), (303, "/app/here"), "{}", answered.event);
    assert_eq!(answered.event["event"], "factor.used");
    assert_ne!(browser.cookie(SESSION).unwrap(), after);
    for old in [before, after] {
        let thief = Browser::new(&world, &gateway);
        thief.plant(SESSION, &old);
        assert!(!thief.is_in());
    }
    assert!(browser.is_in());
}

// R-206, R-208, R-212
#[test]
fn browsers_are_asked_as_it_will_be_checked() {
    let (world, gateway) = (World::new(), with_second(json!({ "rp_id": "example.com" })));
    let alice = Browser::new(&world, &gateway).signed_in();
    let own = Authenticator { rp_id: "example.com".to_owned(), ..authenticator(7) };
    let first = asked(&alice, BEGIN);
    assert_eq!(first["rp"], json!({ "id": "example.com", "name": "app.example.com" }));
    assert_eq!(first["excludeCredentials"], json!([]));
    assert_eq!(status(&sent(&alice, FINISH, &own.create(challenge(&first)))), 200);
    let second = asked(&alice, BEGIN);
    let known =
        json!([{ "type": "public-key", "id": encode(&own.credential_id), "transports": ["internal", "hybrid"] }]);
    assert_eq!((&second["excludeCredentials"], &second["user"]), (&known, &first["user"]));
    assert_ne!(second["challenge"], first["challenge"]);
    let proof = asked(&alice, VERIFY_BEGIN);
    assert_eq!((&proof["allowCredentials"], &proof["userVerification"]), (&known, &json!("required")));
    // Another person has another handle, and neither says anything of who they are.
    let bob = Browser::new(&world, &gateway).signed_in_as("bob", "sid-of-bob");
    let handle = asked(&bob, BEGIN)["user"]["id"].clone();
    assert_ne!(handle, first["user"]["id"]);
    assert_eq!(handle.as_str().unwrap().len(), 43);
}

// R-202
#[test]
fn a_challenge_is_good_once_for_one_session_and_purpose_and_for_minutes() {
    let (world, gateway) = (World::new(), with_second(json!({ "enrol_within": "1h" })));
    let (browser, own) = (Browser::new(&world, &gateway).signed_in(), authenticator(7));
    let other = Browser::new(&world, &gateway).signed_in();
    // Of another session of the same person.
    let of_other = asked(&other, BEGIN);
    sent(&browser, FINISH, &own.create(challenge(&of_other))).assert_refused(403, "passkey.challenge");
    // Too old.
    let old = asked(&browser, BEGIN);
    world.wait(301);
    sent(&browser, FINISH, &own.create(challenge(&old))).assert_refused(403, "passkey.challenge");
    // Of nobody.
    sent(&browser, FINISH, &own.create(&encode(&[7; 32]))).assert_refused(403, "passkey.challenge");
    // Once more: what one answer used up, no other one has.
    let once = asked(&browser, BEGIN);
    let bent = Authenticator { flags: 0x01, ..own.clone() };
    sent(&browser, FINISH, &bent.create(challenge(&once))).assert_refused(403, "passkey.user_unverified");
    sent(&browser, FINISH, &own.create(challenge(&once))).assert_refused(403, "passkey.challenge");
    assert_eq!(status(&enrol(&browser, &own)), 200);
    // For the other purpose.
    let to_enrol = asked(&browser, BEGIN);
    sent(&browser, VERIFY, &own.get(challenge(&to_enrol))).assert_refused(403, "passkey.challenge");
    let to_prove = own.get(challenge(&asked(&browser, VERIFY_BEGIN)));
    assert_eq!(status(&sent(&browser, VERIFY, &to_prove)), 303);
    sent(&browser, VERIFY, &to_prove).assert_refused(403, "passkey.challenge");
}

// R-203, R-204, R-205, R-206, R-207, R-209
#[test]
fn what_is_bent_proves_nothing_and_the_log_says_why() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let (browser, own) = (Browser::new(&world, &gateway).signed_in(), authenticator(7));
    enrol(&browser, &own);
    let session = browser.cookie(SESSION).unwrap();
    type Bend = fn(&mut Authenticator);
    let cases: [(&str, Bend); 8] = [
        ("passkey.origin", |one| one.origin = "https://app.example.com.evil.test".to_owned()),
        ("passkey.origin", |one| one.origin = "http://app.example.com".to_owned()),
        ("passkey.cross_origin", |one| one.client_data_also = json!({ "crossOrigin": true })),
        ("passkey.rp_id", |one| one.rp_id = "example.com".to_owned()),
        ("passkey.user_unverified", |one| one.flags = 0x01),
        ("passkey.backup_eligibility", |one| one.flags = VERIFIED | BACKUP_ELIGIBLE),
        ("passkey.signature", |one| one.key = authenticator(8).key),
        ("passkey.user_handle", |one| one.user_handle = Some("b3RoZXI".to_owned())),
    ];
    for (reason, bend) in cases {
        let mut bent = own.clone();
        bend(&mut bent);
        let answered = prove(&browser, &bent);
        answered.assert_refused(403, reason);
        assert_eq!(answered.event["event"], "factor.failed");
    }
    assert_eq!(browser.cookie(SESSION).unwrap(), session, "nothing was proven");
    assert_eq!(status(&prove(&browser, &own)), 303);
}

// R-208
#[test]
fn a_passkey_proves_the_person_whose_it_is_and_nobody_else() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let (alice, alices) = (Browser::new(&world, &gateway).signed_in(), authenticator(7));
    enrol(&alice, &alices);
    let (bob, bobs) = (Browser::new(&world, &gateway).signed_in_as("bob", "sid-of-bob"), authenticator(8));
    bob.send(&Asked::script("POST", VERIFY_BEGIN)).assert_refused(404, "second.not_there");
    enrol(&bob, &bobs);
    prove(&bob, &alices).assert_refused(403, "passkey.unknown_credential");
    let disguised = Authenticator { credential_id: bobs.credential_id.clone(), ..alices };
    prove(&bob, &disguised).assert_refused(403, "passkey.signature");
    assert_eq!(status(&prove(&bob, &bobs)), 303);
}

// R-210
#[test]
fn a_copy_that_signed_less_often_is_refused() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let browser = Browser::new(&world, &gateway).signed_in();
    let mut own = Authenticator { sign_count: 1, ..authenticator(7) };
    enrol(&browser, &own);
    own.sign_count = 5;
    assert_eq!(status(&prove(&browser, &own)), 303);
    for behind in [5, 4, 0] {
        let copy = Authenticator { sign_count: behind, ..own.clone() };
        let answered = prove(&browser, &copy);
        answered.assert_refused(403, "passkey.sign_count");
        assert_eq!(answered.event["event"], "factor.cloned");
    }
    own.sign_count = 6;
    assert_eq!(status(&prove(&browser, &own)), 303);
}

// R-212
#[test]
fn a_credential_is_added_once() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let (browser, own) = (Browser::new(&world, &gateway).signed_in(), authenticator(7));
    enrol(&browser, &own);
    enrol(&browser, &own).assert_refused(409, "second.already_there");
    assert_eq!(factors(&browser).len(), 1);
    let second = Authenticator { credential_id: vec![9; 32], ..authenticator(9) };
    assert_eq!(status(&enrol(&browser, &second)), 303);
    assert_eq!(factors(&browser).len(), 2);
}

// R-339
#[test]
fn the_browser_is_told_which_passkeys_are_still_accepted() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let browser = Browser::new(&world, &gateway).signed_in();
    let handle = asked(&browser, BEGIN)["user"]["id"].as_str().unwrap().to_owned();
    let told =
        |ids: &str| format!(r#"data-rp-id="app.example.com" data-user-handle="{handle}" data-credentials="{ids}""#);
    let page = || browser.go("/auth/second").reply().body.clone();
    assert!(page().contains(&told("")), "{}", page());
    let (one, other) = (authenticator(7), authenticator(9));
    enrol(&browser, &one);
    enrol(&browser, &other);
    let ids = [encode(&one.credential_id), encode(&other.credential_id)];
    assert!(page().contains(&told(&ids.join(" "))), "{}", page());
    let first = factors(&browser)[0]["id"].as_str().unwrap().to_owned();
    let removed = browser.send(&Asked::form(&format!("/auth/second/{first}/remove")));
    assert_eq!(status(&removed), 303, "{}", removed.event);
    assert!(page().contains(&told(&ids[1])), "{}", page());
    assert!(page().contains("signalAllAcceptedCredentials"));
}

#[test]
fn where_no_passkeys_are_offered_none_is_added() {
    let (world, gateway) = (World::new(), with_second(json!({ "factors": ["totp"] })));
    let browser = Browser::new(&world, &gateway).signed_in();
    for path in [BEGIN, FINISH] {
        browser.send(&Asked::script("POST", path)).assert_refused(404, "second.not_offered");
    }
    let without = crate::support::gateway(&variables());
    let browser = Browser::new(&world, &without).signed_in();
    browser.send(&Asked::script("POST", BEGIN)).assert_refused(404, "route.none");
}

// R-214
#[test]
fn an_answer_that_is_none_or_too_long_is_refused_before_anything_is_asked() {
    let (world, gateway) = (World::new(), with_second(json!({})));
    let (browser, own) = (Browser::new(&world, &gateway).signed_in(), authenticator(7));
    let long = json!({ "id": "x".repeat(32 * 1024) });
    sent(&browser, FINISH, &long).assert_refused(400, "request.bad_input");
    sent(&browser, FINISH, &json!("text")).assert_refused(400, "request.bad_input");
    browser.send(&Asked::form(FINISH)).assert_refused(400, "request.bad_input");
    let mut half = own.create(challenge(&asked(&browser, BEGIN)));
    half["response"].as_object_mut().unwrap().remove("attestationObject");
    let answered = sent(&browser, FINISH, &half);
    answered.assert_refused(403, "passkey.response");
    assert_eq!(answered.event["detail"], "attestationObject");
}

#[test]
fn pages_of_others_and_strangers_begin_nothing() {
    // R-166
    let (world, gateway) = (World::new(), with_second(json!({})));
    let browser = Browser::new(&world, &gateway).signed_in();
    let from_elsewhere = Asked::new("POST", BEGIN).with("sec-fetch-site", "cross-site").with("sec-fetch-mode", "cors");
    browser.send(&from_elsewhere).assert_refused(403, "csrf.fetch_site");
    let nobody = Browser::new(&world, &gateway);
    for path in [BEGIN, FINISH, VERIFY_BEGIN, VERIFY] {
        nobody.send(&Asked::script("POST", path)).assert_refused(401, "authn.no_credential");
        nobody.send(&Asked::script("GET", path)).assert_refused(405, "route.method_not_allowed");
    }
}
