//! Assertions that the provider encrypted for us: opened by Postern, and checked by the real SAML verifier
//! like any other (R-363).

use postern::gateway::Gateway;
use postern_saml_messages::{MakeRequest, Question};
use serde_json::{Value, json};

use super::saml::{ACS, begun, form, saml_variables};
use crate::support::saml_idp::{Encryption, OAEP, assertion, certificate, own_certificate, response};
use crate::support::{Answered, Asked, Browser, World, gateway};

const SPARE: &str = include_str!("../../crates/saml/tests/keys/spare.key");

fn variables(encrypted: Option<&str>) -> Value {
    let mut variables = saml_variables();
    if let Some(encrypted) = encrypted {
        variables["PROVIDERS"]["idp"]["saml"]["encrypted"] = encrypted.into();
    }
    variables
}

fn world() -> World {
    let world = World::new();
    world.saml_worker.metadata.borrow_mut().certificates[0].der = certificate();
    world
}

/// A login with what `answer` makes of the request, and how often the SAML Worker was asked about it.
fn login(world: &World, gateway: &Gateway, answer: impl FnOnce(&MakeRequest) -> String) -> (Answered, usize) {
    let browser = Browser::new(world, gateway);
    let (request, state) = begun(&browser.begin(""));
    let before = world.saml_worker.asked.borrow().len();
    let fields = [("SAMLResponse", answer(&request)), ("RelayState", state)];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answered = browser.send(&Asked::form_from_elsewhere(ACS, &form(&fields)));
    assert_eq!(browser.is_in(), answered.event["reason"] == "login.succeeded", "{}", answered.event);
    let asked = world.saml_worker.asked.borrow();
    let count = asked.iter().skip(before).filter(|one| matches!(one, Question::Verify(_))).count();
    (answered, count)
}

fn encrypted(how: &Encryption, request: &MakeRequest) -> String {
    response(request, &how.around(&assertion(request, true), |_, _| ()), false)
}

#[test]
fn people_sign_in_by_assertions_that_are_encrypted_for_either_key() {
    // R-363
    for (is_sha1, aes_bits) in [(false, 128), (false, 256), (true, 128), (true, 256)] {
        for other in [false, true] {
            let (world, gateway) = (world(), gateway(&variables(Some("required"))));
            let mut how = Encryption::new(is_sha1, aes_bits);
            if other {
                how.key = SPARE.to_owned();
            }
            let (answered, asked) = login(&world, &gateway, |request| encrypted(&how, request));
            assert_eq!(answered.event["reason"], "login.succeeded", "{how:?}: {}", answered.event);
            assert_eq!((asked, &answered.event["subject"]), (2, &json!("persistent!alice")));
        }
    }
}

#[test]
fn what_was_opened_is_held_against_the_login_like_any_other() {
    // R-228: an assertion that was for another login, in a response for this one
    let (world, gateway) = (world(), gateway(&variables(Some("accepted"))));
    let how = Encryption::new(false, 256);
    let mut kept = String::new();
    let first = |request: &MakeRequest| {
        kept = how.around(&assertion(request, true), |_, _| ());
        response(request, &kept, false)
    };
    assert_eq!(login(&world, &gateway, first).0.event["reason"], "login.succeeded");
    let (answered, asked) = login(&world, &gateway, |request| response(request, &kept, false));
    answered.assert_refused(400, "saml.response_refused");
    assert_eq!(asked, 2, "{}", answered.event);
}

#[test]
fn assertions_that_are_not_encrypted_are_taken_unless_they_have_to_be() {
    let plain = |request: &MakeRequest| response(request, &assertion(request, true), false);
    for (how, reason) in
        [(None, "login.succeeded"), (Some("accepted"), "login.succeeded"), (Some("required"), "saml.not_encrypted")]
    {
        let (world, gateway) = (world(), gateway(&variables(how)));
        assert_eq!(login(&world, &gateway, plain).0.event["reason"], reason, "{how:?}");
    }
}

#[test]
fn without_a_key_an_encrypted_assertion_signs_nobody_in() {
    let (world, gateway) = (world(), gateway(&variables(None)));
    let (answered, asked) = login(&world, &gateway, |request| encrypted(&Encryption::new(true, 256), request));
    answered.assert_refused(400, "saml.undecryptable");
    assert_eq!((asked, &answered.event["detail"]), (1, &json!("no key is configured")));
}

/// The reason, how the detail begins, and the response.
type Bad<'a> = (&'a str, &'a str, &'a dyn Fn(&MakeRequest) -> String);

#[test]
fn what_does_not_open_and_what_is_badly_signed_are_answered_alike() {
    // R-363, R-232
    let good = Encryption::new(false, 256);
    let stranger = Encryption { key: include_str!("../../crates/saml/tests/keys/idp.key").to_owned(), ..good.clone() };
    let around = |request: &MakeRequest, bend: fn(&mut Vec<u8>, &mut Vec<u8>)| {
        response(request, &good.around(&assertion(request, true), bend), false)
    };
    let bad: [Bad; 8] = [
        ("saml.undecryptable", "no key of ours opens it", &|request| encrypted(&stranger, request)),
        ("saml.undecryptable", "no key of ours opens it", &|request| {
            around(request, |_, content| content.truncate(content.len() - 1))
        }),
        ("saml.undecryptable", "no key of ours opens it", &|request| around(request, |_, content| content[20] ^= 1)),
        ("saml.undecryptable", "no key of ours opens it", &|request| around(request, |key, _| key[9] ^= 1)),
        ("saml.undecryptable", "no key of ours opens it", &|request| around(request, |key, _| key.truncate(16))),
        ("saml.response_refused", "signature.missing", &|request| {
            // Signed around alone: what was encrypted in it may be somebody else's.
            response(request, &good.around(&assertion(request, false), |_, _| ()), true)
        }),
        ("saml.response_refused", "signature.bad", &|request| {
            let forged = assertion(request, true).replace("alice", "mallory");
            response(request, &good.around(&forged, |_, _| ()), false)
        }),
        ("saml.response_refused", "gate.", &|request| response(request, &good.around("<a/>", |_, _| ()), false)),
    ];
    let mut page = None;
    for (reason, detail, answer) in bad {
        let (world, gateway) = (world(), gateway(&variables(Some("accepted"))));
        let (answered, asked) = login(&world, &gateway, answer);
        answered.assert_refused(400, reason);
        let found = answered.event["detail"].as_str().unwrap();
        assert!(found.starts_with(detail), "{found}, not {detail}");
        assert_eq!(asked, 2, "{detail}: the SAML Worker is asked in any case");
        let reply = answered.reply();
        let shown = (reply.status, reply.body.clone());
        assert_eq!(*page.get_or_insert_with(|| shown.clone()), shown, "{detail}");
    }
}

#[test]
fn what_is_encrypted_by_weak_algorithms_is_not_decrypted() {
    // R-232, R-363
    let good = Encryption::new(false, 256);
    let with = |method: &str| Encryption { method: method.to_owned(), ..good.clone() };
    let content = |uri: &str| Encryption { content: uri.to_owned(), ..good.clone() };
    for how in [
        content("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        content("http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        with(r#"<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-1_5"></xenc:EncryptionMethod>"#),
        with(&OAEP.replace("mgf1sha256", "mgf1sha1")),
    ] {
        let (world, gateway) = (world(), gateway(&variables(Some("required"))));
        let (answered, asked) = login(&world, &gateway, |request| encrypted(&how, request));
        answered.assert_refused(400, "saml.response_refused");
        assert!(answered.event["detail"].as_str().unwrap().starts_with("encryption.algorithm"), "{}", answered.event);
        assert_eq!(asked, 1);
    }
}

#[test]
fn the_certificate_of_our_key_is_in_our_metadata() {
    let (world, with, without) = (world(), gateway(&variables(Some("accepted"))), gateway(&variables(None)));
    let metadata = |gateway: &Gateway| Browser::new(&world, gateway).go("/auth/saml/metadata/idp").reply().body.clone();
    let published = metadata(&with);
    // That of the first key; the other is PEM, and has none.
    assert_eq!(published.matches("use=\"encryption\"").count(), 1, "{published}");
    assert!(published.contains(&own_certificate()));
    assert!(!metadata(&without).contains("use=\"encryption\""));
}
