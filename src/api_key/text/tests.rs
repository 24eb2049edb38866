use std::cell::Cell;

use super::*;
use crate::api_key::{KeyHolder, KeyOwner};
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};

/// Other bytes each time, the same in each run.
struct Counting(Cell<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + 1);
        let stream = Sha256::digest(self.0.get().to_be_bytes());
        bytes.iter_mut().zip(stream).for_each(|(byte, value)| *byte = value);
    }
}

/// a0, a1, a2 and so on.
struct Rising;

impl Random for Rising {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(0xa0..).for_each(|(byte, value)| *byte = value);
    }
}

fn random() -> Counting {
    Counting(Cell::new(0))
}

fn ring(ids: &[&str]) -> KeyRing {
    let entry = |id: &&str| format!("{id}:{}", Base64UrlUnpadded::encode_string(&Sha256::digest(id)));
    KeyRing::parse(&ids.iter().map(entry).collect::<Vec<_>>().join(" ")).unwrap()
}

fn holder() -> HolderKey {
    HolderKey::of(&KeyHolder::Person(KeyOwner {
        provider: "corp".to_owned(),
        issuer: IssuerIdentifier::new("https://op.example"),
        subject: SubjectIdentifier::new("alice"),
    }))
}

fn key(ring: &KeyRing, random: &Counting) -> ApiKeyText {
    ApiKeyText::generate(ApiKeyId::generate(&holder(), random), ring, random)
}

fn prefix(text: &str) -> KeyPrefix {
    KeyPrefix::parse(text).unwrap()
}

/// `PREFIX_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}`, read by hand.
fn matches(prefix: &KeyPrefix, text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    let [first, body, crc] = parts[..] else { return false };
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    first == prefix.as_str() && digits(body, 43) && digits(crc, 6)
}

#[test]
fn a_hundred_thousand_keys_are_read_back_match_the_pattern_and_are_short() {
    //
    let (ring, random, acme) = (ring(&["a"]), random(), prefix("acme"));
    assert_eq!(acme.pattern(), "acme_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}");
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100_000 {
        let key = key(&ring, &random);
        let text = key.expose(&acme);
        assert!(text.expose().len() < 80 && matches(&acme, text.expose()));
        let read = ApiKeyText::parse(text.expose(), &acme).unwrap();
        assert_eq!((read.id(), read.digest()), (key.id(), key.digest()));
        assert!(seen.insert(key.id()));
    }
    let longest = key(&ring, &random).expose(&prefix("abcdefghij12"));
    assert_eq!(longest.expose().len(), MAX_KEY_BYTES);
}

#[test]
fn a_million_words_are_no_keys() {
    //
    let acme = prefix("acme");
    let random = random();
    for _ in 0..1_000_000 {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        // As long as a key, and of the same signs; the right prefix stands in front of every other one.
        let word = base62::encode(&bytes, BODY_DIGITS);
        let word = if bytes[0] & 1 == 0 { format!("acme_{word}") } else { word };
        assert!(!matches(&acme, &word) && ApiKeyText::parse(&word, &acme).is_none());
    }
}

#[test]
fn each_changed_sign_is_noticed_before_anybody_is_asked() {
    //
    let (ring, random, acme) = (ring(&["a"]), random(), prefix("acme"));
    let text = key(&ring, &random).expose(&acme).expose().clone();
    for at in 0..text.len() {
        for sign in ['0', 'Z', 'q', '_', '-', ' '] {
            let mut changed: Vec<char> = text.chars().collect();
            if changed[at] != sign {
                changed[at] = sign;
                let changed: String = changed.into_iter().collect();
                assert!(ApiKeyText::parse(&changed, &acme).is_none(), "{changed}");
            }
        }
    }
    for bad in [
        "",
        "acme",
        "acme__",
        text.get(1..).unwrap(),
        text.get(..text.len() - 1).unwrap(),
        &format!("{text}0"),
        &text.to_uppercase(),
    ] {
        assert!(ApiKeyText::parse(bad, &acme).is_none(), "{bad}");
    }
    assert!(ApiKeyText::parse(&text, &prefix("acm")).is_none() && ApiKeyText::parse(&text, &prefix("other")).is_none());
}

#[test]
fn the_checksum_is_the_one_that_everybody_computes() {
    // the check value of the CRC catalogue.
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_mark_says_who_made_a_key_for_as_long_as_the_ring_knows() {
    //
    let (random, acme) = (random(), prefix("acme"));
    let made = key(&ring(&["a"]), &random);
    for (ids, expected) in [
        (&["a"][..], KeyMark::Ours),
        (&["b", "a"], KeyMark::Ours),
        (&["b"], KeyMark::Unknown),
        (&["b", "c", "d"], KeyMark::Unknown),
    ] {
        assert_eq!(made.mark(&ring(ids)), expected, "{ids:?}");
    }
    // Another root key under the same id is another one.
    let renewed = KeyRing::parse(&format!("a:{}", Base64UrlUnpadded::encode_string(&[9; 32]))).unwrap();
    assert_eq!(made.mark(&renewed), KeyMark::Unknown);
    // Another secret under the same id, with check digits that are right: what a stranger can make.
    let forged = ApiKeyText { secret: Secret::new([7; SECRET_BYTES]), ..made.clone() };
    let text = forged.expose(&acme);
    let read = ApiKeyText::parse(text.expose(), &acme).unwrap();
    assert_eq!(read.mark(&ring(&["a"])), KeyMark::Forged);
    let other_id = ApiKeyText { id: ApiKeyId([1; ID_BYTES]), ..made };
    assert_eq!(other_id.mark(&ring(&["a"])), KeyMark::Forged);
}

#[test]
fn a_key_that_was_made_once_is_read_for_ever() {
    // computed by another program (HKDF, HMAC and CRC-32 of Python). Whatever changes this text ends every key
    // that people have.
    const TEXT: &str = "acme_0Gj7PHcTWon52tlskjaVnvdkYcPLDCCG8b79fZgv2rS_1vzkl7";
    let ring = KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
    let read = ApiKeyText::parse(TEXT, &prefix("acme")).unwrap();
    assert_eq!((read.id().to_string().as_str(), read.mark(&ring)), ("0123456789abcdef", KeyMark::Ours));
    let digest = serde_json::to_value(read.digest()).unwrap();
    assert_eq!(digest, "ZAqueP05sma0BTlnyAU5muUnP-gW8B1zyKULaC5pY8o");
    // And it is what is made of the same id and secret.
    let made = ApiKeyText::generate(read.id(), &ring, &Rising);
    assert_eq!(made.expose(&prefix("acme")).expose(), TEXT);
}

#[test]
fn nothing_prints_a_secret() {
    //
    let (ring, random, acme) = (ring(&["a"]), random(), prefix("acme"));
    let key = key(&ring, &random);
    let text = key.expose(&acme);
    let printed = format!("{key:?} {text:?} {:?}", ApiKeyText::parse(text.expose(), &acme));
    let body = text.expose().split('_').nth(1).unwrap().to_owned();
    assert!(!printed.contains(&body) && !printed.contains(&format!("{:?}", key.secret.expose())), "{printed}");
}

#[test]
fn an_id_is_its_holders_and_reads_back() {
    let id = ApiKeyId::generate(&holder(), &random());
    assert_eq!((id.shard(), ApiKeyId::parse(&id.to_string())), (holder().shard(), Some(id)));
    for bad in ["", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdef0", "+123456789abcdef", "g123456789abcdef"]
    {
        assert_eq!(ApiKeyId::parse(bad), None, "{bad}");
    }
    assert_eq!(ApiKeyId::parse("0123456789abcdef").unwrap().to_string(), "0123456789abcdef");
}

#[test]
fn a_prefix_is_short_and_plain() {
    for good in ["ab", "acme", "abcdefghij12", "42"] {
        assert_eq!(KeyPrefix::parse(good).as_ref().map(KeyPrefix::as_str), Some(good));
    }
    for bad in ["", "a", "abcdefghij123", "Acme", "a_b", "a-b", "é1"] {
        assert_eq!(KeyPrefix::parse(bad), None, "{bad}");
    }
}

#[test]
fn the_start_of_a_key_is_that_of_its_id_alone() {
    let (ring, random) = (ring(&["a"]), random());
    let acme = prefix("acme");
    for _ in 0..1000 {
        let id = ApiKeyId::generate(&holder(), &random);
        let start = id.start(&acme);
        assert!((9..=11).contains(&start.len()), "{start}");
        for _ in 0..3 {
            let text = ApiKeyText::generate(id, &ring, &random).expose(&acme);
            assert!(text.expose().starts_with(&start), "{start}");
        }
    }
}
