use super::*;
use crate::api_key::KeyHolder;
use crate::authn::testing::{certificate, key, owner};
use crate::config::testing::public_url;

#[test]
fn a_caller_has_the_same_name_for_ever_and_nobody_elses() {
    let name = unique_subject(PrincipalKind::Human, "https://login.example.com", "248289761001");
    // Upstreams keep it. Another value here makes strangers of all whom they know.
    assert_eq!(name, "fAI1kgf5NIXg9DdcmfSyvGFn8vtpgM2T6-j1k0ag2Hs");
    for (kind, issuer, subject) in [
        (PrincipalKind::Service, "https://login.example.com", "248289761001"),
        (PrincipalKind::Human, "https://login.example.com/", "248289761001"),
        (PrincipalKind::Human, "https://login.example.co", "m248289761001"),
        (PrincipalKind::Human, "https://login.example.com", "248289761001 "),
    ] {
        assert_ne!(unique_subject(kind, issuer, subject), name);
    }
}

fn actor(issuer: Option<&str>, subject: &str) -> Actor {
    Actor { issuer: issuer.map(str::to_owned), subject: subject.to_owned() }
}

#[test]
fn actors_stand_in_one_another_each_with_its_issuer() {
    // RFC 8693 §4.1
    let chain = [actor(Some("https://a.example"), "outer"), actor(None, "inner")];
    let act = serde_json::to_value(acting(&chain, "https://as.example", None)).unwrap();
    let expected =
        json!({ "iss": "https://a.example", "sub": "outer", "act": { "iss": "https://as.example", "sub": "inner" } });
    assert_eq!(act, expected);
    assert!(acting(&[], "https://as.example", None).is_none());
}

#[test]
fn what_was_said_of_a_subject_is_forgotten_and_nothing_else() {
    let ring = KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap();
    let assertions = Assertions::new(&Rc::new(ring));
    let now = Timestamp::from_unix(1_800_000_000);
    for (key, subject) in [(1, "alice"), (2, "alice"), (3, "bob")] {
        let subject = SubjectKey::of("https://as.example", subject);
        let entry = Entry { subject, assertion: Assertion("a.b.c".into()), issued_at: now, expires_at: now.plus(LIFE) };
        assertions.recent.borrow_mut().insert([key; 32], entry, 5);
    }
    let left = || [1, 2, 3].map(|key| assertions.recent(&[key; 32], now).is_some());
    assert_eq!(left(), [true, true, true]);
    assertions.forget(&SubjectKey::of("https://as.example", "alice"));
    assert_eq!(left(), [false, false, true]);
}

#[test]
fn what_ends_soon_or_was_made_in_the_future_is_not_sent_again() {
    let ring = KeyRing::parse(&format!("k1:{}", "E".repeat(43))).unwrap();
    let assertions = Assertions::new(&Rc::new(ring));
    let now = Timestamp::from_unix(1_800_000_000);
    let subject = SubjectKey::of("https://as.example", "alice");
    let entry = Entry { subject, assertion: Assertion("a.b.c".into()), issued_at: now, expires_at: now.plus(LIFE) };
    assertions.recent.borrow_mut().insert([1; 32], entry, 5);
    let sent = |at: Timestamp| assertions.recent(&[1; 32], at).is_some();
    assert!(sent(now) && sent(now.plus(Seconds::new(30))));
    assert!(!sent(now.plus(Seconds::new(31))) && !sent(now.minus(Seconds::new(1))));
}

#[test]
fn an_assertion_prints_redacted() {
    assert_eq!(format!("{:?}", Assertion("a.b.c".into())), "Assertion(…)");
}

#[test]
fn an_assertion_about_a_key_names_the_key_and_its_owner() {
    let about = |principal: &crate::authn::Principal| {
        let upstream = Upstream::Service("ORDERS".to_owned());
        let public_url = public_url();
        let who = Identity { principal, session: None };
        serde_json::to_value(About::new(&who, &upstream, &public_url)).unwrap()
    };
    let person = about(&key(KeyHolder::Person(owner("corp"))));
    let named = json!({ "format": "iss_sub", "iss": "https://login.example.com", "sub": "alice" });
    assert_eq!((&person["owner"], &person["key_id"]), (&named, &json!("0011223344556677")));
    assert_eq!((&person["kind"], &person["sub_id"]["sub"]), (&json!("service"), &json!("key:0011223344556677")));
    let service = about(&key(KeyHolder::Service("billing".to_owned())));
    assert_eq!((service.get("owner"), &service["sub_id"]["sub"]), (None, &json!("service:billing")));
    let other = about(&certificate("partner"));
    assert!(other.get("owner").is_none() && other.get("key_id").is_none());
}
