use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

use super::*;
use crate::http::Peer;
use crate::keyring::KeyRing;
use crate::ports::Random;
use crate::session::{SessionId, SubjectKey};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const LIFE: Seconds = Seconds::minutes(10);

struct Fixed;

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn ring(id: &str, byte: u8) -> KeyRing {
    KeyRing::parse(&format!("{id}:{}", Base64UrlUnpadded::encode_string(&[byte; 32]))).unwrap()
}

fn binding() -> DeviceBinding {
    DeviceBinding {
        id: SessionId::generate(&Fixed).digest().as_str().to_owned(),
        jwk: "{}".to_owned(),
        registered_at: NOW,
        proved_at: NOW,
        generation: 3,
        place: None,
        grace_at: None,
    }
}

fn cookie(generation: u64, proved_at: Timestamp) -> String {
    let binding = binding();
    BoundCookie { binding: binding.id, proved_at, generation }.to_value(&ring("k1", 1)).expose().clone()
}

#[test]
fn a_bound_cookie_is_read_as_it_was_made_and_no_other_text_is() {
    // R-349
    let (keys, id) = (ring("k1", 1), binding().id);
    let value = cookie(3, NOW);
    let read = BoundCookie::read(&value, &keys).unwrap();
    assert_eq!((read.binding.as_str(), read.proved_at, read.generation), (id.as_str(), NOW, 3));
    for (index, _) in value.char_indices() {
        for other in ["A", "", ".", "0"] {
            let changed = format!("{}{other}{}", value.get(..index).unwrap(), value.get(index + 1..).unwrap());
            assert!(changed == value || BoundCookie::read(&changed, &keys).is_none(), "{changed}");
        }
    }
    for text in ["", ".", "1", "1.k1", "1.k1.a.b.c", "1.k1.a.1.1.AA", &"1.".repeat(500)] {
        assert_eq!(BoundCookie::read(text, &keys), None, "{text}");
    }
    assert_eq!(BoundCookie::read(&value, &ring("k1", 2)), None);
    assert_eq!(BoundCookie::read(&value, &ring("k2", 1)), None);
    // Neither is what is to be signed.
    let challenge = DeviceChallenge::Refresh(&binding()).issue(&keys, NOW);
    assert_eq!(BoundCookie::read(&challenge, &keys), None);
    assert_eq!(DeviceChallenge::Refresh(&binding()).check(&value, &keys, NOW), Err(ChallengeFault::Foreign));
}

#[test]
fn a_challenge_is_for_one_thing_and_for_a_minute() {
    // R-351
    let (keys, device) = (ring("k1", 1), binding());
    let digest = SessionId::of_bytes([1; 16]).digest();
    let other = SessionId::of_bytes([2; 16]).digest();
    let subject = SubjectKey::of("https://op.example", "alice");
    let (register, refresh) = (DeviceChallenge::Register(&subject, &digest), DeviceChallenge::Refresh(&device));
    let text = refresh.issue(&keys, NOW);
    assert_eq!(refresh.check(&text, &keys, NOW), Ok(()));
    assert_eq!(refresh.check(&text, &keys, NOW.plus(Seconds::new(59))), Ok(()));
    assert_eq!(refresh.check(&text, &keys, NOW.plus(Seconds::new(60))), Err(ChallengeFault::Old));
    assert_eq!(refresh.check(&text, &ring("k1", 2), NOW), Err(ChallengeFault::Foreign));
    assert_eq!(register.check(&text, &keys, NOW), Err(ChallengeFault::Foreign));
    let next = DeviceBinding { generation: 4, ..binding() };
    assert_eq!(DeviceChallenge::Refresh(&next).check(&text, &keys, NOW), Err(ChallengeFault::Old));
    let before = DeviceBinding { generation: 2, ..binding() };
    assert_eq!(DeviceChallenge::Refresh(&before).check(&text, &keys, NOW), Err(ChallengeFault::Foreign));
    let another = DeviceBinding { id: other.as_str().to_owned(), ..binding() };
    assert_eq!(DeviceChallenge::Refresh(&another).check(&text, &keys, NOW), Err(ChallengeFault::Foreign));
    let registration = register.issue(&keys, NOW);
    assert_eq!(register.check(&registration, &keys, NOW), Ok(()));
    assert_eq!(
        DeviceChallenge::Register(&subject, &other).check(&registration, &keys, NOW),
        Err(ChallengeFault::Foreign)
    );
    let about = |text: &str, now: Timestamp| DeviceChallenge::registration(text, &keys, now);
    assert_eq!(about(&registration, NOW), Ok((subject, digest.clone())));
    assert_eq!(about(&registration, NOW.plus(Seconds::new(60))), Err(ChallengeFault::Old));
    assert_eq!(about(&text, NOW), Err(ChallengeFault::Foreign));
    assert_eq!(about("", NOW), Err(ChallengeFault::Foreign));
    assert_eq!(DeviceChallenge::registration(&registration, &ring("k1", 2), NOW), Err(ChallengeFault::Foreign));
    assert_eq!(refresh.check(&registration, &keys, NOW), Err(ChallengeFault::Foreign));
    // It stands in a header as it is.
    assert!(registration.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)), "{registration}");
}

#[test]
fn what_a_request_shows_depends_on_its_cookie_and_the_time() {
    // R-349, R-350
    let later = |seconds: u32| NOW.plus(Seconds::new(seconds));
    let device = DeviceBinding { registered_at: NOW.minus(Seconds::hours(1)), ..binding() };
    let shows = |generation: u64, proved_at: Timestamp, now: Timestamp| {
        let value = cookie(generation, proved_at);
        device.shown(BoundCookie::read(&value, &ring("k1", 1)).as_ref(), (LIFE, now), None)
    };
    assert_eq!(shows(3, NOW, later(599)).unwrap().proved_at, Some(NOW));
    assert_eq!(shows(3, NOW, later(600)), Err(DeviceFault::Unusable));
    // Another isolate may know of an earlier generation than the browser has.
    assert!(shows(4, NOW, NOW).is_ok());
    assert!(shows(2, NOW, later(9)).is_ok());
    assert_eq!(shows(2, NOW, later(10)), Err(DeviceFault::Outdated));
    assert_eq!(shows(1, NOW, NOW), Err(DeviceFault::Outdated));
    assert_eq!(device.shown(None, (LIFE, NOW), None), Err(DeviceFault::Missing));
    let other = DeviceBinding { id: "other".to_owned(), ..device.clone() };
    let value = cookie(3, NOW);
    let taken = other.shown(BoundCookie::read(&value, &ring("k1", 1)).as_ref(), (LIFE, NOW), None);
    assert_eq!(taken, Err(DeviceFault::Unusable));
    // Without a proof it counts once, from where the key was proved, with no cookie, and until the next proof.
    let graced = DeviceBinding { grace_at: Some(NOW), proved_at: NOW, place: Some("PT 64500".to_owned()), ..device };
    let at = |device: &DeviceBinding, now, place| device.shown(None, (LIFE, now), place);
    assert_eq!(at(&graced, later(599), Some("PT 64500")).unwrap().proved_at, None);
    assert_eq!(at(&graced, later(600), Some("PT 64500")), Err(DeviceFault::Missing));
    assert_eq!(at(&graced, NOW, Some("PT 64501")), Err(DeviceFault::Missing));
    assert_eq!(at(&graced, NOW, None), Err(DeviceFault::Missing));
    assert_eq!(at(&DeviceBinding { place: None, ..graced.clone() }, NOW, None), Err(DeviceFault::Missing));
    assert_eq!(
        at(&DeviceBinding { proved_at: later(1), ..graced.clone() }, later(2), Some("PT 64500")),
        Err(DeviceFault::Missing)
    );
    let old = cookie(1, NOW);
    let with_old = graced.shown(BoundCookie::read(&old, &ring("k1", 1)).as_ref(), (LIFE, NOW), Some("PT 64500"));
    assert_eq!(with_old, Err(DeviceFault::Outdated));
}

#[test]
fn why_a_proof_was_skipped_is_read_for_our_session_alone() {
    let read = |value: &str| Skipped::read(value, "postern:a");
    assert_eq!(read(r#"quota_exceeded;session_identifier="postern:a""#), Some(Skipped::Quota));
    assert_eq!(read(r#"server_error; session_identifier="postern:a""#), Some(Skipped::Failed));
    assert_eq!(read(r#"unreachable;session_identifier="postern:a""#), Some(Skipped::Failed));
    let both = r#"server_error;session_identifier="postern:b", quota_exceeded;session_identifier="postern:a""#;
    assert_eq!(read(both), Some(Skipped::Quota));
    for other in [
        "",
        "quota_exceeded",
        "quota_exceeded;session_identifier=postern:a",
        r#"quota_exceeded;session_identifier="postern:b""#,
        r#"quota_exceeded;session="postern:a""#,
        r#"tired;session_identifier="postern:a""#,
        &format!(r#"{}quota_exceeded;session_identifier="postern:a""#, " ".repeat(1024)),
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn a_place_is_a_country_and_a_network_and_nothing_less() {
    let peer = |country: Option<&str>, network: Option<&str>| Peer {
        country: country.map(str::to_owned),
        network_number: network.map(str::to_owned),
        ..Peer::default()
    };
    assert_eq!(place_of(&peer(Some("PT"), Some("64500"))).as_deref(), Some("PT 64500"));
    assert!(place_of(&peer(None, Some("64500"))).is_none() && place_of(&peer(Some("PT"), None)).is_none());
}

#[test]
fn a_binding_of_the_release_that_knew_less_is_read() {
    let old = r#"{"jwk":"{}","registered_at":1,"proved_at":2,"generation":3}"#;
    let read: DeviceBinding = serde_json::from_str(old).unwrap();
    assert_eq!((read.generation, read.place, read.grace_at), (3, None, None));
}

proptest! {
    #[test]
    fn no_text_at_all_upsets_the_readers(text in ".{0,300}") {
        let keys = ring("k1", 1);
        prop_assert!(BoundCookie::read(&text, &keys).is_none());
        prop_assert!(DeviceChallenge::registration(&text, &keys, NOW).is_err());
        prop_assert!(DeviceChallenge::Refresh(&binding()).check(&text, &keys, NOW).is_err());
        let _some_or_none = Skipped::read(&text, "postern:a");
    }
}
