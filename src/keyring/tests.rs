//! What the keys of the ring do, and what they never do.

use super::*;

pub(super) struct Counting;

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for (value, byte) in (1_u8..).zip(bytes) {
            *byte = value;
        }
    }
}

pub(super) fn ring(ids: &[&str]) -> KeyRing {
    let entries: Vec<String> =
        ids.iter().map(|id| format!("{id}:{}", Base64UrlUnpadded::encode_string(&[id.as_bytes()[0]; 32]))).collect();
    KeyRing::parse(&entries.join(" ")).unwrap()
}

#[test]
fn hmac_matches_rfc_4231_when_keyed_through_the_padded_block() {
    // The derived key is unknown to the RFC; what is checked is that padding by hand equals HMAC's own.
    let ring = ring(&["a"]);
    let key = ring.newest.derive(KeyPurpose::SessionHandle);
    let expected = <Hmac<Sha256> as Mac>::new_from_slice(key.expose()).unwrap().chain_update(b"m").finalize();
    assert_eq!(ring.mac(KeyPurpose::SessionHandle, b"m"), <[u8; 32]>::from(expected.into_bytes()));
    assert_ne!(key.expose(), &[0; 32]);
}

#[test]
fn a_sealed_text_opens_only_for_its_purpose_context_and_ring() {
    let one = ring(&["a"]);
    let sealed = one.seal(KeyPurpose::LoginTransaction, b"tx", b"plain", &Counting).unwrap();
    assert!(sealed.starts_with("a."));
    let opens = |ring: &KeyRing, purpose, context: &[u8], text: &str| ring.open(purpose, context, text).is_ok();
    assert!(opens(&one, KeyPurpose::LoginTransaction, b"tx", &sealed));
    assert!(!opens(&one, KeyPurpose::StoredTokens, b"tx", &sealed));
    assert!(!opens(&one, KeyPurpose::LoginTransaction, b"other", &sealed));
    assert!(!opens(&ring(&["b"]), KeyPurpose::LoginTransaction, b"tx", &sealed));
    assert!(!opens(&one, KeyPurpose::LoginTransaction, b"tx", &sealed.replace("a.", "b.")));
    for text in ["", ".", "a.", "a.AA", "a", "a.=", sealed.get(..sealed.len() - 1).unwrap()] {
        assert!(!opens(&one, KeyPurpose::LoginTransaction, b"tx", text), "{text}");
    }
}

#[test]
fn two_purposes_never_share_a_key() {
    // Whoever adds a purpose has to name it here too.
    let place = |purpose| match purpose {
        KeyPurpose::LoginTransaction => 0,
        KeyPurpose::SessionHandle => 1,
        KeyPurpose::StoredTokens => 2,
        KeyPurpose::SharedDocument => 3,
        KeyPurpose::DpopNonce => 4,
        KeyPurpose::Assertion => 5,
        KeyPurpose::ApiKey => 6,
        KeyPurpose::ServiceToken => 7,
        KeyPurpose::ServiceSecret => 8,
        KeyPurpose::AgentHandle => 9,
        KeyPurpose::AgentConsent => 10,
        KeyPurpose::AgentClient => 11,
        KeyPurpose::SecondFactor => 12,
        KeyPurpose::BoundCookie => 13,
        KeyPurpose::DeviceChallenge => 14,
    };
    let all = [
        KeyPurpose::LoginTransaction,
        KeyPurpose::SessionHandle,
        KeyPurpose::StoredTokens,
        KeyPurpose::SharedDocument,
        KeyPurpose::DpopNonce,
        KeyPurpose::Assertion,
        KeyPurpose::ApiKey,
        KeyPurpose::ServiceToken,
        KeyPurpose::ServiceSecret,
        KeyPurpose::AgentHandle,
        KeyPurpose::AgentConsent,
        KeyPurpose::AgentClient,
        KeyPurpose::SecondFactor,
        KeyPurpose::BoundCookie,
        KeyPurpose::DeviceChallenge,
    ];
    let ring = ring(&["a"]);
    for (at, purpose) in all.into_iter().enumerate() {
        assert_eq!(place(purpose), at);
        let key = ring.newest.derive(purpose);
        let others = all.into_iter().filter(|other| *other != purpose);
        assert!(others.clone().all(|other| other.label() != purpose.label()));
        assert!(others.clone().all(|other| ring.newest.derive(other).expose() != key.expose()), "{purpose:?}");
        // A site's label is none of a purpose.
        assert!(!purpose.label().starts_with(b"postern/v1/site/"), "{purpose:?}");
    }
}

#[test]
fn a_mac_is_whole_or_nobodys() {
    //
    let ring = ring(&["a"]);
    let mac = ring.mac(KeyPurpose::SessionHandle, b"m");
    let is_good = |mac: &[u8]| ring.mac_is_valid(KeyPurpose::SessionHandle, "a", b"m", mac);
    assert!(is_good(&mac));
    for cut in 0..mac.len() {
        assert!(!is_good(&mac[..cut]) && !is_good(&mac[cut + 1..]), "{cut}");
    }
    assert!(!is_good(&[&mac[..], &[0]].concat()) && !is_good(&[&[0], &mac[..]].concat()));
    assert!(!is_good(&[&mac[..], &mac[..]].concat()));
}

#[test]
fn rotation_logs_nobody_out() {
    let before = ring(&["a"]);
    let after = ring(&["b", "a"]);
    let sealed = before.seal(KeyPurpose::StoredTokens, b"", b"token", &Counting).unwrap();
    let tag = before.mac(KeyPurpose::SessionHandle, b"handle");
    assert_eq!(after.open(KeyPurpose::StoredTokens, b"", &sealed).unwrap().expose(), b"token");
    assert!(after.mac_is_valid(KeyPurpose::SessionHandle, "a", b"handle", &tag));
    assert!(!after.mac_is_valid(KeyPurpose::SessionHandle, "b", b"handle", &tag));
    assert_eq!(after.newest_id().as_str(), "b");
}

#[test]
fn a_new_entry_is_a_ring() {
    assert!(KeyRing::parse(KeyRing::new_entry(&Counting).expose()).is_ok());
}

#[test]
fn what_is_not_a_ring_is_refused_without_repeating_it() {
    let good = format!("a:{}", Base64UrlUnpadded::encode_string(&[7; 32]));
    let doubled = format!("{good},{good}");
    let short = format!("a:{}", Base64UrlUnpadded::encode_string(&[7; 31]));
    let cases: &[(&str, KeyRingError)] = &[
        ("", KeyRingError::Empty),
        (" , ", KeyRingError::Empty),
        ("secret", KeyRingError::Malformed(1)),
        (&short, KeyRingError::Malformed(1)),
        (&good.replace("a:", "A:"), KeyRingError::Malformed(1)),
        (&good.replace("a:", "ninechars:"), KeyRingError::Malformed(1)),
        (&good.replace("a:", ":"), KeyRingError::Malformed(1)),
        (&doubled, KeyRingError::Duplicate("a".into())),
        (&format!("{good} b:{}", "A".repeat(43)), KeyRingError::Guessable(2)),
    ];
    for (text, expected) in cases {
        let error = KeyRing::parse(text).unwrap_err();
        assert_eq!(&error, expected, "{text}");
        assert!(!error.to_string().contains("BwcH"), "{error}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    assert!(!format!("{:?}", ring(&["a"])).contains("97"));
}
