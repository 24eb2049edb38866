//! Whoever finds a key ends it: `/auth/keys/leaked`, and GitHub's reports at `/auth/keys/leaked/github`.

use base64ct::{Base64, Encoding};
use futures::executor::block_on;
use postern::jose::{Portable, Signing};
use postern::ports::BodyError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::own_keys::{developer, made, opens, with_keys};
use crate::support::{Answered, Asked, Browser, Fault, World, gateway, signer};

const GITHUB: &str = "/auth/keys/leaked/github";

fn with_github() -> Value {
    let mut variables = with_keys();
    variables["KEYS"]["github"] = json!(true);
    variables
}

/// What GitHub would send, signed by the key of this number under this name.
fn report(number: u8, name: &str, body: &str) -> Asked {
    let raw = block_on(Portable.sign(&signer(number), body.as_bytes())).unwrap();
    let signature = Base64::encode_string(&der(&raw));
    Asked::new("POST", GITHUB)
        .with("content-type", "application/json")
        .with("github-public-key-identifier", name)
        .with("github-public-key-signature", &signature)
        .with_body(Ok(body))
}

/// `r` and `s` as DER writes them.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let bytes: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if bytes.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
        let value = [sign, &bytes].concat();
        [&[0x02, u8::try_from(value.len()).unwrap()][..], &value].concat()
    };
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
}

fn found(keys: &[&str]) -> String {
    let one =
        |key: &&str| json!({ "token": key, "type": "acme_key", "url": "https://github.com/x", "source": "content" });
    Value::Array(keys.iter().map(one).collect()).to_string()
}

fn labels(answered: &Answered) -> Vec<Value> {
    answered.json().as_array().unwrap().iter().map(|one| one["label"].clone()).collect()
}

/// Another text of the right form, as anybody can make it up.
fn forged(key: &str) -> String {
    // Another body, with the check digits that belong to it.
    let body: String = key.get(5..48).unwrap().chars().map(|c| if c == '1' { '2' } else { '1' }).collect();
    with_check_digits(&format!("acme_{body}"))
}

/// A text before its check digits, and those.
pub fn with_check_digits(before: &str) -> String {
    let crc = !before.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    });
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc;
    let mut written = [b'0'; 6];
    for place in written.iter_mut().rev() {
        *place = digits[usize::try_from(rest % 62).unwrap()];
        rest /= 62;
    }
    format!("{before}_{}", String::from_utf8(written.to_vec()).unwrap())
}

#[test]
fn github_ends_what_it_found_and_learns_what_was_real_and_not_whose() {
    // R-267
    let (world, gateway) = (World::new(), gateway(&with_github()));
    world.github.borrow_mut().insert("k7".to_owned(), signer(7));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    let (leaked, id) = made(&browser);
    let (kept, _) = made(&browser);
    let hub = Browser::new(&world, &gateway);
    let unknown = forged(&leaked);
    let body = found(&[&leaked, "acme_nothing", &leaked, &unknown]);
    let answered = hub.send(&report(7, "k7", &body));
    assert_eq!(answered.reply().status.as_u16(), 200, "{}", answered.event);
    assert_eq!(labels(&answered), ["true_positive", "false_positive", "true_positive", "false_positive"]);
    let hash: String = Sha256::digest(&leaked).iter().map(|byte| format!("{byte:02x}")).collect();
    let first = json!({ "token_hash": hash, "token_type": "acme_key", "label": "true_positive" });
    assert_eq!(answered.json()[0], first);
    assert!(!answered.reply().body.contains("alice"));
    assert_eq!(answered.event["ended"], 1);
    assert!(!opens(&world, &gateway, &leaked) && opens(&world, &gateway, &kept));
    // The owner is told: by the page, and by the event.
    assert!(browser.go("/auth/keys").reply().body.contains("Reported as leaked"));
    let told =
        |line: &&String| line.contains(r#""event":"key.leaked""#) && line.contains(&id) && line.contains("corp|alice");
    assert_eq!(world.lines.borrow().iter().filter(told).count(), 1);
    assert!(!world.lines.borrow().iter().any(|line| line.contains(leaked.get(5..40).unwrap())));
    // The same once more ends nothing, and was as real as before.
    let again = hub.send(&report(7, "k7", &found(&[&leaked])));
    assert_eq!((labels(&again), &again.event["ended"]), (vec![json!("true_positive")], &json!(0)));
    assert!(opens(&world, &gateway, &kept));
}

#[test]
fn what_anybody_makes_up_keeps_no_leaked_key_alive_and_neither_does_an_object_that_is_down() {
    // R-267
    let (world, gateway) = (World::new(), gateway(&with_github()));
    world.github.borrow_mut().insert("k7".to_owned(), signer(7));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    let ((first, _), (second, _)) = (made(&browser), made(&browser));
    let padding: Vec<String> =
        (10..500).map(|n| with_check_digits(&format!("acme_0{n}{}", first.get(9..48).unwrap()))).collect();
    let mut keys: Vec<&str> = padding.iter().map(String::as_str).collect();
    keys.push(&first);
    let hub = Browser::new(&world, &gateway);
    world.fault.set(Fault::Keys);
    let calls = world.key_calls.get();
    hub.send(&report(7, "k7", &found(&keys))).assert_refused(503, "store.unavailable");
    assert!(world.key_calls.get() - calls > 1, "it went on after the first failure");
    world.fault.set(Fault::None);
    assert!(opens(&world, &gateway, &first));
    let calls = world.key_calls.get();
    let answered = hub.send(&report(7, "k7", &found(&keys)));
    assert_eq!(labels(&answered).iter().filter(|label| *label == "true_positive").count(), 1);
    assert_eq!(world.key_calls.get() - calls, 201);
    assert!(!opens(&world, &gateway, &first) && opens(&world, &gateway, &second));
}

#[test]
fn a_leaked_old_secret_ends_alone() {
    // R-266, R-268
    let (world, gateway) = (World::new(), gateway(&with_github()));
    world.github.borrow_mut().insert("k7".to_owned(), signer(7));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    for by_github in [false, true] {
        let (old, id) = made(&browser);
        let rotated = browser.send(&Asked::script("POST", &format!("/auth/keys/{id}/rotate")));
        let new = rotated.json()["key"].as_str().unwrap().to_owned();
        assert!(opens(&world, &gateway, &old) && opens(&world, &gateway, &new));
        let answered = Browser::new(&world, &gateway).send(&if by_github {
            report(7, "k7", &found(&[&old]))
        } else {
            Asked::new("POST", "/auth/keys/leaked").with_body(Ok(&old))
        });
        if by_github {
            assert_eq!((labels(&answered), &answered.event["ended"]), (vec![json!("true_positive")], &json!(1)));
        } else {
            assert_eq!(
                (&answered.event["reason"], answered.reply().status.as_u16()),
                (&json!("leak_report.old_secret_ended"), 202)
            );
        }
        assert!(!opens(&world, &gateway, &old) && opens(&world, &gateway, &new));
        let told = |line: &&String| line.contains("leak_report.old_secret_ended") && line.contains(&id);
        assert_eq!(world.lines.borrow().iter().filter(told).count(), 1);
        // The one in use ends the key.
        Browser::new(&world, &gateway).send(&Asked::new("POST", "/auth/keys/leaked").with_body(Ok(&new)));
        assert!(!opens(&world, &gateway, &new));
    }
}

#[test]
fn what_github_did_not_sign_ends_nothing() {
    // R-267
    let (world, gateway) = (World::new(), gateway(&with_github()));
    world.github.borrow_mut().insert("k7".to_owned(), signer(7));
    world.github.borrow_mut().insert("k8".to_owned(), signer(8));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    let (key, _) = made(&browser);
    let hub = Browser::new(&world, &gateway);
    let body = found(&[&key]);
    let calls = world.key_calls.get();
    for (asked, reason) in [
        (report(7, "k7", &body).with_body(Ok(&format!("{body} "))), "leak_report.bad_signature"),
        (report(7, "k8", &body), "leak_report.bad_signature"),
        (report(7, "k9", &body), "leak_report.bad_signature"),
        (report(9, "k7", &body), "leak_report.bad_signature"),
        (report(7, "k7", &body).with("github-public-key-identifier", "k7"), "leak_report.unsigned"),
        (report(7, "k7", &body).with("github-public-key-signature", "MEQ="), "leak_report.unsigned"),
        (Asked::new("POST", GITHUB).with_body(Ok(&body)), "leak_report.unsigned"),
        (report(7, "", &body), "leak_report.unsigned"),
        (report(7, "k7", &body).with_body(Err(BodyError::TooLarge)), "leak_report.unreadable"),
        (report(7, "k7", "{}"), "leak_report.malformed"),
        (report(7, "k7", &found(&vec![key.as_str(); 1001])), "leak_report.too_many"),
    ] {
        hub.send(&asked).assert_refused(400, reason);
    }
    assert_eq!(world.key_calls.get(), calls, "no object was asked");
    assert!(opens(&world, &gateway, &key));
    hub.send(&Asked::new("GET", GITHUB)).assert_refused(405, "route.method_not_allowed");
    // Only where the configuration says so.
    let without = crate::support::gateway(&with_keys());
    Browser::new(&world, &without).send(&report(7, "k7", &body)).assert_refused(404, "route.none");
}

#[test]
fn github_s_keys_are_fetched_once_and_again_for_a_new_one() {
    // R-267
    let (world, gateway) = (World::new(), gateway(&with_github()));
    world.github.borrow_mut().insert("k7".to_owned(), signer(7));
    let hub = Browser::new(&world, &gateway);
    let asked = || world.sent.borrow().iter().filter(|request| request.url == crate::support::GITHUB_KEYS).count();
    for _ in 0..5 {
        assert_eq!(hub.send(&report(7, "k7", "[]")).json(), json!([]));
    }
    assert_eq!(asked(), 1);
    world.github.borrow_mut().insert("k8".to_owned(), signer(8));
    world.wait(60);
    assert_eq!(hub.send(&report(8, "k8", "[]")).json(), json!([]));
    assert_eq!(asked(), 2);
    // Names that are made up cost a few questions, not one each.
    for n in 0..50 {
        hub.send(&report(8, &format!("x{n}"), "[]")).assert_refused(400, "leak_report.bad_signature");
    }
    assert!(asked() <= 8, "{}", asked());
    // In half a day nothing more is asked.
    world.wait(11 * 3600);
    let before = asked();
    assert_eq!(hub.send(&report(7, "k7", "[]")).json(), json!([]));
    assert_eq!(asked(), before);
}

#[test]
fn whoever_holds_a_key_ends_it_and_the_answer_is_the_same_for_all() {
    // R-268
    let (world, gateway) = (World::new(), gateway(&with_keys()));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    let leaked = |media_type: &'static str, body: &str| {
        let asked = Asked::new("POST", "/auth/keys/leaked").with("content-type", media_type).with_body(Ok(body));
        let answered = Browser::new(&world, &gateway).send(&asked);
        let reply = answered.reply();
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (202, ""), "{}", answered.event);
        assert_eq!(answered.event["event"], "key.leaked");
        answered.event["reason"].as_str().unwrap().to_owned()
    };
    let form = "application/x-www-form-urlencoded";
    for media_type in ["text/plain", "application/json", form] {
        let (key, id) = made(&browser);
        let body = match media_type {
            "text/plain" => key.clone(),
            "application/json" => json!({ "key": key }).to_string(),
            _ => format!("key={key}"),
        };
        assert!(opens(&world, &gateway, &key));
        assert_eq!(leaked(media_type, &body), "leak_report.key_ended");
        assert!(!opens(&world, &gateway, &key), "{media_type}");
        assert_eq!(leaked(media_type, &body), "leak_report.key_ended_before");
        assert!(world.lines.borrow().iter().any(|line| line.contains(&id) && line.contains("corp|alice")));
    }
    let (key, _) = made(&browser);
    let calls = world.key_calls.get();
    for body in ["", "acme_x", "{}", key.get(..key.len() - 1).unwrap(), &key.to_uppercase()] {
        assert_eq!(leaked("text/plain", body), "leak_report.no_key", "{body}");
    }
    assert_eq!(world.key_calls.get(), calls, "no object was asked");
    // One that names a root key that nobody knows here may be a real one: its object is asked.
    assert_eq!(leaked("text/plain", &forged(&key)), "leak_report.no_key");
    assert_eq!(world.key_calls.get(), calls + 1);
    let long = Asked::new("POST", "/auth/keys/leaked").with_body(Ok(&"x".repeat(4097))).at_address("192.0.2.9");
    assert_eq!(Browser::new(&world, &gateway).send(&long).reply().status.as_u16(), 202);
    assert!(opens(&world, &gateway, &key));
}

#[test]
fn reports_are_counted_and_while_the_store_is_down_to_be_sent_again() {
    // R-268
    let mut variables = with_github();
    variables["LIMITS"]["keys"] = json!({ "rate": "3/1m" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = developer(&world, &gateway, "alice", json!(["developer"]));
    let (key, _) = made(&browser);
    let leaked = || Asked::new("POST", "/auth/keys/leaked").with_body(Ok(&key));
    world.fault.set(Fault::Keys);
    Browser::new(&world, &gateway).send(&leaked()).assert_refused(503, "store.unavailable");
    world.fault.set(Fault::None);
    let nothing = || Asked::new("POST", "/auth/keys/leaked").with_body(Ok("x"));
    for _ in 0..2 {
        assert_eq!(Browser::new(&world, &gateway).send(&nothing()).reply().status.as_u16(), 202);
    }
    Browser::new(&world, &gateway).send(&nothing()).assert_refused(429, "limit.keys");
    assert_eq!(Browser::new(&world, &gateway).send(&leaked().at_address("192.0.2.77")).reply().status.as_u16(), 202);
    assert!(!opens(&world, &gateway, &key));
}
