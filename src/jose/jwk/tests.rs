use serde_json::json;

use super::*;
use crate::jose::{Portable, Signatures, testing};

const RSA: &str = include_str!("../../../fixtures/jws/rs256.json");
const EC: &str = include_str!("../../../fixtures/jws/es256.json");
const P384: &str = include_str!("../../../fixtures/jws/es384.json");

fn from_fixture(text: &str) -> Map<String, Value> {
    let fixture: Value = serde_json::from_str(text).unwrap();
    let mut jwk = fixture["input"]["jwks"]["keys"][0].as_object().unwrap().clone();
    for name in ["kid", "alg", "use"] {
        jwk.remove(name);
    }
    jwk
}

fn with(jwk: &Map<String, Value>, changes: Value) -> Map<String, Value> {
    let mut changed = jwk.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            changed.remove(name)
        } else {
            changed.insert(name.clone(), value.clone())
        };
    }
    changed
}

fn rsa() -> Map<String, Value> {
    from_fixture(RSA)
}

fn ec() -> Map<String, Value> {
    from_fixture(EC)
}

fn p384() -> Map<String, Value> {
    from_fixture(P384)
}

fn ed() -> Map<String, Value> {
    with(testing::jwk().as_object().unwrap(), json!({"kid": null}))
}

fn set(keys: &[Map<String, Value>]) -> KeySet {
    testing::key_set(&keys.iter().cloned().map(Value::Object).collect::<Vec<_>>())
}

fn kids<'a>(keys: &[&'a PublicKey]) -> Vec<&'a str> {
    keys.iter().map(|key| key.kid().unwrap()).collect()
}

// RFC 7638 §3.1
#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!((key.kid(), key.key_type(), key.signature_bytes()), (Some("2011-04-29"), KeyType::Rsa, 256));
}

// R-091, R-092, RFC 8017 §5.2.2, RFC 8032 §5.1.7
#[test]
fn what_cannot_be_a_signature_is_told_before_any_backend_is_asked() {
    let key = |jwk: Map<String, Value>| PublicKey::from_jwk(&jwk).unwrap();
    for (key, bytes) in [(key(rsa()), 256), (key(ec()), 64), (key(p384()), 96), (key(ed()), 64)] {
        assert!(key.may_have_made(&vec![3; bytes]), "{key:?}");
        for wrong in [0, bytes - 1, bytes + 1, 2 * bytes] {
            assert!(!key.may_have_made(&vec![3; wrong]), "{key:?}, {wrong} bytes");
        }
    }
    let rsa = key(rsa());
    let Material::Rsa { n, .. } = rsa.material() else { panic!("{rsa:?}") };
    let below = [&n[..255], &[n[255] - 1]].concat();
    assert!(rsa.may_have_made(&below) && !rsa.may_have_made(n) && !rsa.may_have_made(&[0xff; 256]));
    // Of order 1, 2 and 4, by name; and all eight.
    let one = [&[1][..], &[0; 31]].concat();
    let minus_one = [&[0xec][..], &[0xff; 30], &[0x7f]].concat();
    for r in [one, minus_one, vec![0; 32]].into_iter().chain(SMALL_ORDER.map(|point| point.to_vec())) {
        assert!(!key(ed()).may_have_made(&[r.as_slice(), &[1; 32]].concat()), "{r:?}");
    }
}

// RFC 8037 §A.3
#[test]
fn the_thumbprint_of_an_ed25519_key_is_that_of_the_rfc() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_members_alone_make_the_same_key_again() {
    for jwk in [rsa(), ec(), p384(), ed()] {
        let key = PublicKey::from_jwk(&jwk).unwrap();
        let again: Map<String, Value> =
            key.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        assert_eq!(again, jwk);
        assert_eq!(PublicKey::from_jwk(&again).unwrap(), key);
    }
}

#[test]
fn one_key_has_one_form_however_its_modulus_is_padded() {
    let plain = PublicKey::from_jwk(&rsa()).unwrap();
    let mut n = Base64UrlUnpadded::decode_vec(rsa()["n"].as_str().unwrap()).unwrap();
    n.insert(0, 0);
    let padded = with(&rsa(), json!({"n": Base64UrlUnpadded::encode_string(&n)}));
    assert_eq!(PublicKey::from_jwk(&padded).unwrap(), plain);
}

// R-014: also where one key suits several algorithms.
#[test]
fn a_key_that_is_published_for_another_algorithm_vouches_no_more() {
    let stamp = |algorithm| KeyStamp {
        algorithm,
        kid: None,
        thumbprint: PublicKey::from_jwk(&rsa()).unwrap().thumbprint().to_owned(),
        issuer: None,
    };
    let published = |algorithm: Value| set(&[with(&rsa(), json!({ "alg": algorithm }))]);
    for (algorithm, holds) in
        [(json!("RS256"), [true, false]), (json!("PS256"), [false, true]), (json!(""), [true, true])]
    {
        let set = published(algorithm.clone());
        assert_eq!([Algorithm::Rs256, Algorithm::Ps256].map(|used| set.holds(&stamp(used))), holds, "{algorithm}");
        assert!(!set.holds(&stamp(Algorithm::Es256)));
    }
}

#[test]
fn a_key_that_is_published_for_another_issuer_vouches_no_more() {
    // R-014, R-386
    let of = |issuer: &str| with(&rsa(), json!({ "issuer": issuer }));
    let stamp = |jwk: &Map<String, Value>| KeyStamp {
        algorithm: Algorithm::Rs256,
        kid: None,
        thumbprint: PublicKey::from_jwk(jwk).unwrap().thumbprint().to_owned(),
        issuer: PublicKey::from_jwk(jwk).unwrap().issuer().map(str::to_owned),
    };
    let (one, other) = (of("https://login.example/one"), of("https://login.example/other"));
    for (published, used, holds) in
        [(&one, &one, true), (&other, &one, false), (&rsa(), &one, false), (&one, &rsa(), false)]
    {
        assert_eq!(set(std::slice::from_ref(published)).holds(&stamp(used)), holds, "{published:?} {used:?}");
    }
}

// R-094
#[test]
fn a_coordinate_may_have_the_octet_of_its_sign_and_no_other_length() {
    let bytes =
        |jwk: &Map<String, Value>, name: &str| Base64UrlUnpadded::decode_vec(jwk[name].as_str().unwrap()).unwrap();
    for (jwk, name) in [(ec(), "x"), (ec(), "y"), (p384(), "x"), (p384(), "y")] {
        let plain = PublicKey::from_jwk(&jwk).unwrap();
        let written = |octets: &[u8]| with(&jwk, json!({ name: Base64UrlUnpadded::encode_string(octets) }));
        let own = bytes(&jwk, name);
        assert_eq!(PublicKey::from_jwk(&written(&[&[0], &own[..]].concat())).unwrap(), plain, "{name}");
        for other in
            [[&[0, 0], &own[..]].concat(), [&[1], &own[..]].concat(), [&own[..], &[0]].concat(), own[1..].to_vec()]
        {
            assert_eq!(PublicKey::from_jwk(&written(&other)), None, "{name} of {} octets", other.len());
        }
    }
    let signed = [&[0], &bytes(&ed(), "x")[..]].concat();
    assert_eq!(PublicKey::from_jwk(&with(&ed(), json!({ "x": Base64UrlUnpadded::encode_string(&signed) }))), None);
}

// R-007, R-010, R-092, R-094
#[test]
fn a_set_yields_its_usable_keys_and_nothing_else() {
    let fixture: Value =
        serde_json::from_str(include_str!("../../../fixtures/jwk/junk_beside_good_keys.json")).unwrap();
    let set = KeySet::parse(fixture["input"].to_string().as_bytes()).unwrap();
    let kids: Vec<_> = set.keys().iter().map(|key| key.kid()).collect();
    assert_eq!(kids, [Some("good-p384"), Some("good-rsa"), Some("good-ec"), Some("good-ed")]);
}

// R-010, RFC 7517 §4.3: an array of strings, each at most once.
#[test]
fn operations_that_are_no_list_of_names_make_a_key_unusable() {
    for operations in [
        json!(["verify", "verify"]),
        json!(["verify", "sign", "sign"]),
        json!(["verify", 1]),
        json!({}),
        json!("verify"),
    ] {
        assert_eq!(PublicKey::from_jwk(&with(&rsa(), json!({"key_ops": operations}))), None, "{operations}");
    }
}

// R-010, R-090, R-092, R-094, R-144: each change alone makes a good key unusable.
#[test]
fn one_bad_member_makes_a_key_unusable() {
    let modulus = |bytes: &[u8]| json!({"n": Base64UrlUnpadded::encode_string(bytes)});
    let mut even = [0xff; 256];
    even[255] = 0xfe;
    let cases = [
        (rsa(), json!({"kty": null})),
        (rsa(), json!({"kty": "rsa"})),
        (rsa(), json!({"kty": "EC"})),
        (rsa(), json!({"kty": 1})),
        (rsa(), json!({"n": null})),
        (rsa(), json!({"n": ""})),
        (rsa(), json!({"n": "AAAA"})),
        (rsa(), json!({"n": 65537})),
        (rsa(), modulus(&[0xff; 255])),
        (rsa(), modulus(&[&[0x7f], &[0xff; 255][..]].concat())),
        (rsa(), modulus(&[0xff; 1025])),
        (rsa(), modulus(&even)),
        (rsa(), json!({"e": "AQ"})),
        (rsa(), json!({"e": "Ag"})),
        (rsa(), json!({"e": "AA"})),
        (rsa(), json!({"e": ""})),
        (rsa(), json!({"e": "AQAAAAE"})),
        (rsa(), json!({"e": "AQAB="})),
        (rsa(), json!({"e": "AQAC"})),
        (rsa(), json!({"d": "AQAB"})),
        (rsa(), json!({"p": "AQAB"})),
        (ec(), json!({"crv": "P-384"})),
        (ec(), json!({"crv": null})),
        (ec(), json!({"kty": "RSA"})),
        (ec(), json!({"x": ec()["y"], "y": ec()["x"]})),
        (ec(), json!({"y": null})),
        (ec(), json!({"d": ec()["x"]})),
        (p384(), json!({"crv": "P-256"})),
        (p384(), json!({"crv": "P-521"})),
        (p384(), json!({"x": ec()["x"]})),
        (p384(), json!({"y": ec()["y"]})),
        (p384(), json!({"y": format!("AAAA{}", p384()["y"].as_str().unwrap())})),
        (p384(), json!({"alg": "ES256"})),
        (p384(), json!({"d": p384()["x"]})),
        (ed(), json!({"crv": "Ed448"})),
        (ed(), json!({"crv": "X25519"})),
        (ed(), json!({"x": "AAAA"})),
        (ed(), json!({"x": Base64UrlUnpadded::encode_string(&[0; 32])})),
        (ed(), json!({"kty": "EC"})),
        (rsa(), json!({"use": "enc"})),
        (rsa(), json!({"use": ["sig"]})),
        (rsa(), json!({"key_ops": ["sign"]})),
        (rsa(), json!({"oth": [{}]})),
        (rsa(), json!({"d": 7})),
        (rsa(), json!({"alg": "RS256 "})),
        (rsa(), json!({"alg": "HS256"})),
        (rsa(), json!({"alg": "none"})),
        (ec(), json!({"alg": "RS256"})),
        (ec(), json!({"alg": "ES521"})),
        (rsa(), json!({"kid": 1})),
        (rsa(), json!({"kid": "k".repeat(MAX_KID_BYTES + 1)})),
    ];
    for (jwk, change) in cases {
        assert!(PublicKey::from_jwk(&jwk).is_some());
        assert_eq!(PublicKey::from_jwk(&with(&jwk, change.clone())), None, "{change}");
    }
}

#[test]
fn members_that_allow_it_leave_a_key_usable() {
    for (jwk, change) in [
        (rsa(), json!({"use": "sig", "key_ops": ["verify", "x"], "alg": "PS512", "x5c": [1], "x5u": "http://x"})),
        (rsa(), json!({"key_ops": ["sign", "verify"]})),
        (rsa(), json!({"e": "Aw"})),
        // What .NET and others write where there is nothing.
        (rsa(), json!({"use": "", "key_ops": [], "oth": [], "x5c": [], "d": "", "kid": []})),
        (ed(), json!({"alg": "EdDSA"})),
        (ed(), json!({"alg": "Ed25519"})),
        (ec(), json!({"kid": ""})),
        (p384(), json!({"alg": "ES384"})),
    ] {
        assert!(PublicKey::from_jwk(&with(&jwk, change.clone())).is_some(), "{change}");
    }
}

// R-094: the backend says so, when it takes the key up.
#[test]
fn a_p384_key_off_its_curve_verifies_nothing() {
    let fixture: Value = serde_json::from_str(P384).unwrap();
    let (input, signature) = fixture["input"]["token"].as_str().unwrap().rsplit_once('.').unwrap();
    let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
    let verdict = |jwk: &Map<String, Value>| {
        let key = PublicKey::from_jwk(jwk).unwrap();
        futures::executor::block_on(Portable.verify(&key, Algorithm::Es384, input.as_bytes(), &signature))
    };
    assert!(verdict(&p384()));
    let zeros = "A".repeat(64);
    for change in [
        json!({"x": p384()["y"], "y": p384()["x"]}),
        json!({"y": p384()["x"]}),
        json!({"x": zeros, "y": zeros}),
        json!({"x": "_".repeat(64)}),
    ] {
        assert!(!verdict(&with(&p384(), change.clone())), "{change}");
    }
}

// R-094, R-285
#[test]
fn a_p521_key_off_its_curve_verifies_nothing() {
    let fixture: Value = serde_json::from_str(include_str!("../../../fixtures/jws/es512.json")).unwrap();
    let jwk = fixture["input"]["jwks"]["keys"][0].as_object().unwrap();
    let (input, signature) = fixture["input"]["token"].as_str().unwrap().rsplit_once('.').unwrap();
    let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
    let verdict = |jwk: &Map<String, Value>, signature: &[u8]| {
        let key = PublicKey::from_jwk(jwk).unwrap();
        futures::executor::block_on(Portable.verify(&key, Algorithm::Es512, input.as_bytes(), signature))
    };
    assert!(verdict(jwk, &signature));
    for bad in [vec![0; 132], vec![0xff; 132], signature.iter().rev().copied().collect(), signature[1..].to_vec()] {
        assert!(!verdict(jwk, &bad));
    }
    let zeros = "A".repeat(88);
    for change in [
        json!({"x": jwk["y"], "y": jwk["x"]}),
        json!({"y": jwk["x"]}),
        json!({"x": zeros, "y": zeros}),
        json!({"x": "_".repeat(88)}),
    ] {
        assert!(!verdict(&with(jwk, change.clone()), &signature), "{change}");
    }
    // Shorter is another number, perhaps.
    assert!(PublicKey::from_jwk(&with(jwk, json!({"x": "A".repeat(87)}))).is_none());
}

// R-286
#[test]
fn of_a_bundle_only_named_keys_for_jwt_svids_are_kept() {
    let hint = |value: Value| {
        let bundle = json!({ "keys": [], "spiffe_refresh_hint": value });
        KeySet::parse_bundle(bundle.to_string().as_bytes()).unwrap().refresh_hint()
    };
    assert_eq!((hint(json!(300)), hint(json!(u64::MAX))), (Some(300), Some(u32::MAX)));
    assert_eq!([hint(json!("300")), hint(json!(-1)), hint(json!(1.5)), hint(json!(null))], [None; 4]);
    for (change, kept) in [
        (json!({"use": "jwt-svid", "kid": "a"}), true),
        (json!({"use": "x509-svid", "kid": "a"}), false),
        (json!({"use": "sig", "kid": "a"}), false),
        (json!({"use": "", "kid": "a"}), false),
        (json!({"use": "jwt-svid", "kid": null}), false),
        (json!({"use": "jwt-svid", "kid": "a", "d": "x"}), false),
    ] {
        let jwk = with(&rsa(), change.clone());
        let keys = KeySet::parse_bundle(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        assert_eq!(keys.keys().len(), usize::from(kept), "{change}");
        // And no key of a bundle for SVIDs is one of a provider.
        let as_set = KeySet::parse(json!({ "keys": [with(&rsa(), change.clone())] }).to_string().as_bytes()).unwrap();
        assert!(!kept || as_set.keys().is_empty(), "{change}");
    }
    assert_eq!(KeySet::parse_bundle(b"{}").unwrap_err(), KeySetError::NoKeys);
}

// R-008, R-010, R-011
#[test]
fn a_kid_chooses_among_the_keys_that_suit() {
    let keys = set(&[
        with(&ec(), json!({"kid": "a"})),
        with(&rsa(), json!({"kid": "a", "alg": "PS256"})),
        with(&rsa(), json!({"kid": "a"})),
        with(&ed(), json!({"kid": "b"})),
    ]);
    assert_eq!(keys.candidates(Algorithm::Rs256, Some("a")).unwrap(), [&keys.keys()[2]]);
    assert_eq!(keys.candidates(Algorithm::Ps256, Some("a")).unwrap(), [&keys.keys()[1], &keys.keys()[2]]);
    assert_eq!(keys.candidates(Algorithm::Es256, Some("a")).unwrap(), [&keys.keys()[0]]);
    assert_eq!(keys.candidates(Algorithm::Es256, Some("b")), Err(KeyChoiceError::Unsuitable));
    assert_eq!(keys.candidates(Algorithm::EdDsa, Some("a")), Err(KeyChoiceError::Unsuitable));
    for unknown in ["c", "", "A", "a ", "../../etc/passwd"] {
        assert_eq!(keys.candidates(Algorithm::EdDsa, Some(unknown)), Err(KeyChoiceError::Unknown), "{unknown}");
    }
}

// R-012
#[test]
fn without_a_kid_there_must_be_one_suitable_key() {
    let keys = set(&[with(&ec(), json!({"kid": "a"})), rsa(), with(&rsa(), json!({"alg": "RS512"}))]);
    assert_eq!(kids(&keys.candidates(Algorithm::Es256, None).unwrap()), ["a"]);
    assert_eq!(keys.candidates(Algorithm::Rs256, None).unwrap(), [&keys.keys()[1]]);
    assert_eq!(keys.candidates(Algorithm::Rs512, None), Err(KeyChoiceError::Ambiguous));
    assert_eq!(keys.candidates(Algorithm::EdDsa, None), Err(KeyChoiceError::Unknown));
    assert_eq!(KeySet::default().candidates(Algorithm::EdDsa, None), Err(KeyChoiceError::Unknown));
}

#[test]
fn keys_of_one_kid_are_tried_up_to_a_bound() {
    let many = vec![with(&ed(), json!({"kid": "a"})); 50];
    assert_eq!(set(&many).candidates(Algorithm::EdDsa, Some("a")).unwrap().len(), MAX_CANDIDATES);
}

#[test]
fn a_document_that_is_no_key_set_is_refused() {
    let too_many = json!({"keys": vec![json!({}); MAX_KEYS + 1]}).to_string();
    let too_large = format!("{{\"keys\":[]}}{}", " ".repeat(MAX_SET_BYTES));
    let cases: &[(&str, KeySetError)] = &[
        ("{}", KeySetError::NoKeys),
        (r#"{"keys":{}}"#, KeySetError::NoKeys),
        (r#"{"keys":null}"#, KeySetError::NoKeys),
        ("[]", KeySetError::Json(JsonError::NotAnObject)),
        ("<html>", KeySetError::Json(JsonError::Syntax)),
        (r#"{"keys":[],"keys":[]}"#, KeySetError::Json(JsonError::DuplicateMember)),
        (r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#, KeySetError::Json(JsonError::DuplicateMember)),
        (&too_many, KeySetError::TooManyKeys),
        (&too_large, KeySetError::Json(JsonError::TooLarge)),
    ];
    for (text, expected) in cases {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), *expected);
    }
    let most = json!({"keys": vec![json!({}); MAX_KEYS]}).to_string();
    assert!(KeySet::parse(most.as_bytes()).unwrap().keys().is_empty());
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,100}", member in "[a-z_]{1,7}", value in "\\PC{0,60}") {
            let _ = KeySet::parse(text.as_bytes());
            for jwk in [rsa(), ec(), ed()] {
                let _ = PublicKey::from_jwk(&with(&jwk, json!({member.clone(): value})));
            }
        }

        #[test]
        fn no_coordinates_make_it_panic(x in proptest::collection::vec(any::<u8>(), 0..40)) {
            let x = Base64UrlUnpadded::encode_string(&x);
            let _ = PublicKey::from_jwk(&with(&ed(), json!({"x": x})));
            let _ = PublicKey::from_jwk(&with(&ec(), json!({"x": x, "y": x})));
            let _ = PublicKey::from_jwk(&with(&p384(), json!({"x": x, "y": x})));
            let _ = PublicKey::from_jwk(&with(&rsa(), json!({"n": x, "e": x})));
        }
    }
}
