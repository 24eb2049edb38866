//! Whatever a provider serves as its keys, those kept are public, strong, and verify nothing they did not sign.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use postern::jose::jwk::{MAX_KEYS, MAX_KID_BYTES, MAX_SET_BYTES};
use postern::jose::{Algorithm, KeySet, KeyType, Portable, PublicKey, Signatures};
use rsa::BigUint;
use serde_json::{Map, Value};

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const TRIED: usize = 2;
/// One of each kind: what else differs between algorithms is the hash.
const ALGORITHMS: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];

pub fn check(data: &[u8]) {
    let Ok(set) = KeySet::parse(data) else { return };
    let document: Value = serde_json::from_slice(data).unwrap();
    let entries = document["keys"].as_array().unwrap();
    assert!(data.len() <= MAX_SET_BYTES && entries.len() <= MAX_KEYS);
    let usable: Vec<_> = entries.iter().filter_map(Value::as_object).filter(|jwk| is_in(&set, jwk)).collect();
    assert_eq!(usable.len(), set.keys().len());
    for (key, jwk) in set.keys().iter().zip(usable) {
        key_is_public_and_for_verifying(key, jwk);
        key_is_strong(key);
    }
    // Larger keys are slow, and no different.
    set.keys().iter().filter(|key| key.signature_bytes() <= 512).take(1).for_each(verifies_nothing);
    choices_suit(&set);
}

/// Whether this entry alone makes a key of the set.
fn is_in(set: &KeySet, jwk: &Map<String, Value>) -> bool {
    PublicKey::from_jwk(jwk).is_some_and(|key| set.keys().contains(&key))
}

fn key_is_public_and_for_verifying(key: &PublicKey, jwk: &Map<String, Value>) {
    let said = |name: &str| jwk.get(name).filter(|value| !matches!(value.to_string().as_str(), "null" | "\"\"" | "[]"));
    assert!(PRIVATE.iter().all(|name| said(name).is_none()), "a private key is kept");
    assert!(said("use").is_none_or(|value| value == "sig"));
    let verifies = |value: &Value| value.as_array().unwrap().contains(&"verify".into());
    assert!(said("key_ops").is_none_or(verifies));
    assert_eq!(said("kid").map(|kid| kid.as_str().unwrap()), key.kid());
    assert!(key.kid().is_none_or(|kid| kid.len() <= MAX_KID_BYTES));
    if let Some(name) = said("alg") {
        let only = Algorithm::from_name(name.as_str().unwrap()).unwrap();
        assert!(Algorithm::ALL.iter().all(|algorithm| key.suits(*algorithm) == (*algorithm == only)));
    }
}

fn member(key: &PublicKey, name: &str) -> BigUint {
    let text = key.members().into_iter().find(|(known, _)| *known == name).unwrap().1;
    BigUint::from_bytes_be(&Base64UrlUnpadded::decode_vec(&text).unwrap())
}

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).unwrap()
}

fn key_is_strong(key: &PublicKey) {
    let one = BigUint::from(1_u8);
    let is_odd = |number: &BigUint| number % 2_u8 == one;
    match key.key_type() {
        KeyType::Rsa => {
            let (n, e) = (member(key, "n"), member(key, "e"));
            assert!((2048..=8192).contains(&n.bits()) && is_odd(&n), "a weak modulus");
            assert!(is_odd(&e) && e > one && e.bits() <= 32, "a weak exponent");
        }
        KeyType::P256 => assert!(is_on(&P256, &member(key, "x"), &member(key, "y")), "not on the curve"),
        // Left to whoever verifies: P-384's arithmetic is not in the Worker. Off the curve, nothing may verify.
        KeyType::P384 if is_on(&P384, &member(key, "x"), &member(key, "y")) => {}
        KeyType::P384 => verifies_nothing(key),
        KeyType::P521 if is_on(&P521, &member(key, "x"), &member(key, "y")) => {}
        KeyType::P521 => verifies_nothing(key),
        KeyType::Ed25519 => {
            let text = key.members().into_iter().find(|(name, _)| *name == "x").unwrap().1;
            let mut bytes = Base64UrlUnpadded::decode_vec(&text).unwrap();
            *bytes.last_mut().unwrap() &= 0x7f;
            bytes.reverse();
            assert!(!SMALL_ORDER.iter().any(|hex| number(hex) == BigUint::from_bytes_be(&bytes)), "of small order");
        }
    }
}

/// The prime of a curve and its `b`.
struct Curve(&'static str, &'static str);

/// SEC 2 §2.4.2.
const P256: Curve = Curve(
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
);
/// SEC 2 §2.5.1.
const P384: Curve = Curve(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
);

/// SEC 2 §2.6.1.
const P521: Curve = Curve(
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
);

/// y² = x³ - 3x + b.
fn is_on(curve: &Curve, x: &BigUint, y: &BigUint) -> bool {
    let (p, b) = (number(curve.0), number(curve.1));
    if *x >= p || *y >= p {
        return false;
    }
    let minus_three_x = (&p - x) * 3_u8;
    (y * y) % &p == (x * x * x + minus_three_x + b) % &p
}

/// The y-coordinates of Ed25519's points of order 1, 2, 4 and 8, in every encoding.
const SMALL_ORDER: [&str; 7] = [
    "0",
    "1",
    "05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
    "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7",
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffee",
];

fn verifies_nothing(key: &PublicKey) {
    let length = key.signature_bytes();
    let mut one = vec![0; length];
    one[length - 1] = 1;
    for signature in [vec![], vec![0; length], one, vec![0xff; length]] {
        for algorithm in ALGORITHMS {
            let accepted = block_on(Portable.verify(key, algorithm, b"message", &signature));
            assert!(!accepted, "{algorithm:?} accepts what nobody signed");
        }
    }
}

fn choices_suit(set: &KeySet) {
    let names = set.keys().iter().map(PublicKey::kid).take(TRIED).chain([None, Some("unknown")]);
    for kid in names {
        for algorithm in Algorithm::ALL {
            let Ok(keys) = set.candidates(algorithm, kid) else { continue };
            assert!(!keys.is_empty() && keys.len() <= 4);
            assert!(keys.iter().all(|key| key.suits(algorithm) && (kid.is_none() || key.kid() == kid)));
        }
    }
}
