use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::jose::{KeySet, Portable, UnverifiedJwt};

/// A key made for this file.
fn rsa_jwk() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/jwk/rsa_private.json")).unwrap()
}

/// A key made for this file.
fn ed25519_jwk() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/jwk/ed25519_private.json")).unwrap()
}

fn p256_jwk() -> Value {
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    serde_json::from_str(&key.to_jwk_string()).unwrap()
}

fn with(mut jwk: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn load(jwk: &Value, algorithm: Algorithm) -> Result<AssertionKey, SignerError> {
    AssertionKey::from_jwk(&Secret::new(jwk.to_string()), algorithm)
}

/// The header of an assertion by this key, which verifies by its public half under that algorithm alone.
fn header(jwk: &Value, algorithm: Algorithm) -> Value {
    let claims = json!({ "iss": "app", "aud": "https://op.example" });
    let key = load(jwk, algorithm).unwrap();
    let token = block_on(key.sign(DEFAULT_TYP, claims.as_object().unwrap(), &Portable)).unwrap();
    let mut public = jwk.clone();
    public.as_object_mut().unwrap().retain(|name, _| ["kty", "n", "e", "crv", "x", "y"].contains(&name.as_str()));
    let keys = KeySet::parse(json!({ "keys": [public] }).to_string().as_bytes()).unwrap();
    let unnamed = |allowed: Algorithm| {
        // The set's key has no name, so that the header's `kid` would not find it.
        let jwt = UnverifiedJwt::parse(token.expose()).unwrap();
        block_on(jwt.verify_by(&keys.keys()[0], &[allowed], &Portable))
    };
    let verified = unnamed(algorithm).unwrap();
    assert_eq!(verified.claims(), claims.as_object().unwrap());
    for other in AssertionKey::ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
        assert!(unnamed(other).is_err());
    }
    let encoded = token.expose().split('.').next().unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(encoded).unwrap()).unwrap()
}

fn each() -> [(Value, Algorithm); 4] {
    [
        (p256_jwk(), Algorithm::Es256),
        (rsa_jwk(), Algorithm::Rs256),
        (rsa_jwk(), Algorithm::Ps256),
        (ed25519_jwk(), Algorithm::EdDsa),
    ]
}

//
#[test]
fn each_algorithm_signs_with_its_own_kind_of_key() {
    for (jwk, algorithm) in each() {
        let named = header(&with(jwk.clone(), &json!({ "kid": "own" })), algorithm);
        assert_eq!(named, json!({ "alg": algorithm.name(), "typ": "JWT", "kid": "own" }));
        let thumbprint = header(&jwk, algorithm)["kid"].as_str().unwrap().len();
        assert_eq!(thumbprint, 43);
        for other in AssertionKey::ALGORITHMS {
            assert_eq!(load(&jwk, other).is_ok(), other.key_type() == algorithm.key_type());
        }
        for other in [Algorithm::Es384, Algorithm::Rs512] {
            assert!(load(&jwk, other).is_err());
        }
    }
}

//
#[test]
fn the_public_half_is_that_alone_and_says_what_it_is_for() {
    for (jwk, algorithm) in each() {
        let key = load(&with(jwk.clone(), &json!({ "kid": "own" })), algorithm).unwrap();
        let public = key.public_jwk();
        assert_eq!(
            (&public["kid"], &public["use"], &public["alg"]),
            (&json!("own"), &json!("sig"), &json!(algorithm.name()))
        );
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(public.get(private).is_none(), "{private}");
        }
        let set = KeySet::parse(json!({ "keys": [public] }).to_string().as_bytes()).unwrap();
        assert_eq!(set.keys()[0].kid(), Some("own"));
    }
}

//
#[test]
fn a_key_in_pem_is_the_same_as_in_its_jwk() {
    let rsa = Secret::new(include_str!("../../../fixtures/jwk/rsa_private.p8").to_owned());
    let p256 = Secret::new(include_str!("../../../fixtures/jwk/p256_private.p8").to_owned());
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let jwk = AssertionKey::jwk_of(&rsa, algorithm).unwrap();
        let (own, same) = (AssertionKey::from_jwk(&jwk, algorithm).unwrap(), load(&rsa_jwk(), algorithm).unwrap());
        assert_eq!(own.public_jwk(), same.public_jwk());
    }
    assert!(AssertionKey::jwk_of(&p256, Algorithm::Es256).is_ok());
    assert!(AssertionKey::jwk_of(&Secret::new(ed25519_jwk().to_string()), Algorithm::EdDsa).is_ok());
    for (text, algorithm) in [(&rsa, Algorithm::Es256), (&p256, Algorithm::Rs256), (&p256, Algorithm::EdDsa)] {
        assert!(AssertionKey::jwk_of(text, algorithm).is_err());
    }
}

#[test]
fn a_new_key_is_one() {
    let fill = |bytes: &mut [u8]| bytes.fill(9);
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let jwk = AssertionKey::generate(algorithm, fill).unwrap();
        let key = AssertionKey::from_jwk(&jwk, algorithm).unwrap();
        assert!(block_on(key.sign(DEFAULT_TYP, &Map::new(), &Portable)).is_some());
    }
    assert!(AssertionKey::generate(Algorithm::Rs256, fill).is_none());
}

#[test]
fn halves_of_ed25519_that_do_not_belong_together_sign_nothing() {
    let jwk = with(ed25519_jwk(), &json!({ "d": encode(&[7; 32]) }));
    let key = load(&jwk, Algorithm::EdDsa).unwrap();
    assert!(block_on(key.sign(DEFAULT_TYP, &Map::new(), &Portable)).is_none());
    for bad in [json!({ "d": null }), json!({ "x": "AA" }), json!({ "crv": "Ed448" })] {
        assert_eq!(load(&with(ed25519_jwk(), &bad), Algorithm::EdDsa).err(), Some(SignerError::NotEd25519), "{bad}");
    }
}

// RFC 7515 §4.1.8: what Entra ID knows a key by.
#[test]
fn a_certificate_is_named_by_its_hash() {
    let hash = encode(&Hash::Sha256.digest(b"certificate"));
    let chain = json!([Base64::encode_string(b"certificate"), "AA=="]);
    for named in [json!({ "x5t#S256": hash }), json!({ "x5c": chain }), json!({ "x5t#S256": hash, "x5c": ["AA=="] })] {
        let made = header(&with(rsa_jwk(), &named), Algorithm::Ps256);
        assert_eq!(made, json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": hash }), "{named}");
    }
    let both = with(rsa_jwk(), &json!({ "x5t#S256": hash, "kid": "own" }));
    assert_eq!(header(&both, Algorithm::Rs256)["kid"], "own");
    for bad in
        [json!({ "x5t#S256": "short" }), json!({ "x5t#S256": 7 }), json!({ "x5c": ["-"] }), json!({ "x5c": "AA==" })]
    {
        assert_eq!(load(&with(rsa_jwk(), &bad), Algorithm::Rs256).err(), Some(SignerError::NotForSigning), "{bad}");
    }
}

#[test]
fn a_key_of_our_own_is_no_shorter_than_those_of_others() {
    //
    for (bytes, is_taken) in [(128, false), (255, false), (256, true)] {
        let modulus = [&[0x80][..], &vec![0; bytes - 2], &[1]].concat();
        let jwk = with(rsa_jwk(), &json!({ "n": Base64UrlUnpadded::encode_string(&modulus) }));
        assert_eq!(load(&jwk, Algorithm::Rs256).is_ok(), is_taken, "{bytes}");
    }
}

#[test]
fn a_key_that_is_not_whole_or_not_for_this_is_refused() {
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        for bad in [Value::Null, json!(""), json!("+/"), json!(7)] {
            let jwk = with(rsa_jwk(), &json!({ name: bad }));
            assert_eq!(load(&jwk, Algorithm::Rs256).err(), Some(SignerError::NotRsa), "{name} {bad}");
        }
    }
    for bad in [
        json!({ "alg": "RS512" }),
        json!({ "alg": "PS256" }),
        json!({ "use": "enc" }),
        json!({ "key_ops": ["verify"] }),
    ] {
        assert_eq!(load(&with(rsa_jwk(), &bad), Algorithm::Rs256).err(), Some(SignerError::NotForSigning), "{bad}");
    }
    for good in
        [json!({ "alg": "RS256", "use": "sig", "key_ops": ["sign"] }), json!({ "use": null, "key_ops": [], "kid": "" })]
    {
        assert!(load(&with(rsa_jwk(), &good), Algorithm::Rs256).is_ok(), "{good}");
    }
    assert!(load(&with(rsa_jwk(), &json!({ "oth": [{}] })), Algorithm::Rs256).is_err());
}

#[test]
fn numbers_that_do_not_belong_together_sign_nothing() {
    let jwk = with(rsa_jwk(), &json!({ "d": rsa_jwk()["p"] }));
    let key = load(&jwk, Algorithm::Rs256).unwrap();
    assert!(block_on(key.sign(DEFAULT_TYP, &Map::new(), &Portable)).is_none());
}

#[test]
fn a_printed_key_shows_nothing_of_itself() {
    let text = format!("{:?}", load(&rsa_jwk(), Algorithm::Rs256).unwrap());
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(!text.contains(rsa_jwk()[name].as_str().unwrap()), "{text}");
    }
}
