use std::collections::BTreeSet;

use super::*;

/// The operating system's.
struct Os;

impl Random for Os {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn ring(id: &str) -> KeyRing {
    KeyRing::parse(&format!("{id}:{}", Base64UrlUnpadded::encode_string(&[7; 32]))).unwrap()
}

fn begin() -> Transaction {
    let intent = Intent {
        provider: &ProviderId::parse("corp").unwrap(),
        return_to: "/a".to_owned(),
        acr_values: vec!["gold".to_owned()],
        max_age: Some(Seconds::minutes(5)),
        silent: false,
        previous_session: Some(Secret::new("1.k1.x.y".to_owned())),
    };
    Transaction::begin(intent, NOW, &Os)
}

#[test]
fn the_challenge_is_that_of_rfc_7636_appendix_b() {
    // R-018
    let mut transaction = begin();
    transaction.code_verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
    assert_eq!(transaction.code_challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[test]
fn no_two_of_ten_thousand_logins_share_anything() {
    // R-018, R-020
    let mut seen = BTreeSet::new();
    for _ in 0..10_000 {
        let transaction = begin();
        let Transaction { state, nonce, code_verifier, .. } = transaction;
        for text in [state.expose(), nonce.expose(), code_verifier.expose()].map(str::to_owned) {
            assert_eq!(text.len(), 43);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{text}");
            assert!(seen.insert(text));
        }
    }
}

#[test]
fn a_transaction_is_sealed_as_by_the_first_release() {
    for text in [
        r#"{"v":1,"s":"st","n":"no","c":"ve","p":"corp","r":"/a","t":1800000000,"a":["gold"],"m":300,"q":"1.k1.x.y"}"#,
        r#"{"v":1,"s":"st","n":"no","c":"ve","p":"corp","r":"/a","t":1800000000}"#,
    ] {
        let transaction: Transaction = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&transaction).unwrap(), text);
    }
}

#[test]
fn a_transaction_survives_its_cookie_and_shows_nothing() {
    // R-036
    let transaction = begin();
    let (name, sealed) = transaction.seal(&ring("k1"), &Os).unwrap();
    assert_eq!(name, cookie_name(transaction.state.expose()));
    let printed = format!("{transaction:?}");
    assert!(!printed.contains("1.k1"), "{printed}");
    for part in [transaction.state.expose(), transaction.nonce.expose(), transaction.code_verifier.expose()] {
        assert!(!sealed.expose().contains(part) && !name.contains(part) && !printed.contains(part));
    }
    let opened = Transaction::open(&name, sealed.expose(), &ring("k1"), NOW).unwrap();
    assert_eq!(serde_json::to_value(&opened).unwrap(), serde_json::to_value(&transaction).unwrap());
    assert!(
        opened.has_state(transaction.state.expose())
            && !opened.has_state("")
            && !opened.has_state(transaction.nonce.expose())
    );
}

#[test]
fn a_cookie_opens_only_whole_under_its_name_with_our_key_and_in_time() {
    // R-020, R-022, R-036
    let (name, sealed) = begin().seal(&ring("k1"), &Os).unwrap();
    let sealed = sealed.expose();
    let open = |name: &str, value: &str, ring: &KeyRing, now| Transaction::open(name, value, ring, now).is_some();
    assert!(open(&name, sealed, &ring("k1"), NOW.plus(Seconds::new(599))));
    assert!(!open(&name, sealed, &ring("k1"), NOW.plus(LIFETIME)));
    assert!(!open(&name, sealed, &ring("k2"), NOW));
    assert!(!open(&cookie_name("other"), sealed, &ring("k1"), NOW));
    assert!(!open(&name, &sealed.replacen("k1.", "k1.A", 1), &ring("k1"), NOW));
    assert!(!open(&name, "", &ring("k1"), NOW));
    assert!(!open(&name, &"A".repeat(MAX_SEALED_BYTES + 1), &ring("k1"), NOW));
}

#[test]
fn another_version_is_not_guessed_at() {
    let mut transaction = begin();
    transaction.version = 2;
    let (name, sealed) = transaction.seal(&ring("k1"), &Os).unwrap();
    assert!(Transaction::open(&name, sealed.expose(), &ring("k1"), NOW).is_none());
}

#[test]
fn what_does_not_fit_into_a_cookie_is_not_sealed() {
    let mut transaction = begin();
    transaction.return_to = "/".repeat(4000);
    assert_eq!(transaction.seal(&ring("k1"), &Os), Err(SealError));
}

#[test]
fn what_is_remembered_names_one_login_and_does_not_tell_its_state() {
    // R-022
    let (one, other) = (begin(), begin());
    assert_eq!(one.once_key(), one.clone().once_key());
    assert_ne!(one.once_key(), other.once_key());
    assert_ne!(one.once_key().as_slice(), Sha256::digest(one.state.expose()).as_slice());
}
