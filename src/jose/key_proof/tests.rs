use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::jose::testing::{encode, jwk, sign};
use crate::jose::{Portable, PublicKey};

const CLAIMS: &str = r#"{"jti":"1"}"#;

fn header(jwk: Value) -> String {
    json!({"alg": "EdDSA", "typ": "x+jwt", "jwk": jwk}).to_string()
}

fn verify(text: &str, allowed: &[Algorithm]) -> Result<VerifiedKeyProof, KeyProofError> {
    block_on(UnverifiedKeyProof::parse(text)?.verify(allowed, &Portable))
}

fn error_of(text: &str) -> KeyProofError {
    verify(text, &Algorithm::ALL).unwrap_err()
}

/// The tests' key, with a change.
fn jwk_with(name: &str, value: Value) -> Value {
    let mut jwk = jwk();
    jwk[name] = value;
    jwk
}

#[test]
fn a_proof_is_held_against_the_key_it_brings() {
    let text = sign(&header(jwk()), CLAIMS);
    let proof = UnverifiedKeyProof::parse(&text).unwrap();
    let own = PublicKey::from_jwk(jwk().as_object().unwrap()).unwrap();
    assert_eq!((proof.typ(), proof.thumbprint()), (Some("x+jwt"), own.thumbprint()));
    assert_eq!(verify(&text, &[Algorithm::EdDsa]).unwrap().claims()["jti"], "1");
    // Whatever else the key is called, it is the same.
    for (name, value) in [("kid", json!("other")), ("use", json!("sig")), ("alg", json!("Ed25519"))] {
        let text = sign(&header(jwk_with(name, value)), CLAIMS);
        assert_eq!(UnverifiedKeyProof::parse(&text).unwrap().thumbprint(), own.thumbprint());
        assert!(verify(&text, &[Algorithm::EdDsa]).is_ok());
    }
}

// R-126: the `kid` of a header chooses nothing here.
#[test]
fn a_key_swapped_for_another_verifies_nothing() {
    let other = jwk_with("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into());
    for header in [
        json!({"alg": "EdDSA", "jwk": other}),
        json!({"alg": "EdDSA", "kid": "k1", "jwk": other}),
        json!({"alg": "EdDSA", "kid": "k1", "jwk": other, "x5c": ["MIIB"], "jku": "https://attacker.example/jwks"}),
    ] {
        let text = sign(&header.to_string(), CLAIMS);
        assert_eq!(error_of(&text), KeyProofError::Jwt(JwtError::BadSignature), "{header}");
    }
}

// R-126, RFC 9449 §4.3 (7)
#[test]
fn a_private_key_proves_nothing_any_more() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let text = sign(&header(jwk_with(name, "AAAA".into())), CLAIMS);
        assert_eq!(error_of(&text), KeyProofError::KeyPrivate, "{name}");
    }
}

// R-090, R-092, R-094, R-126
#[test]
fn what_is_no_public_key_of_use_here_is_refused() {
    for jwk in [
        json!({}),
        json!({"kty": "oct"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        jwk_with("kty", "EC".into()),
        jwk_with("crv", "P-256".into()),
        jwk_with("crv", "X25519".into()),
        jwk_with("x", "AAAA".into()),
        jwk_with("x", encode(&[0; 32]).into()),
        jwk_with("use", "enc".into()),
        jwk_with("key_ops", json!(["sign"])),
        jwk_with("alg", "ES256".into()),
        jwk_with("kid", 1.into()),
    ] {
        assert_eq!(error_of(&sign(&header(jwk.clone()), CLAIMS)), KeyProofError::KeyUnusable, "{jwk}");
    }
    for jwk in [json!(null), json!([]), json!("https://attacker.example/key"), json!([jwk()])] {
        assert_eq!(error_of(&sign(&header(jwk.clone()), CLAIMS)), KeyProofError::KeyMissing, "{jwk}");
    }
    assert_eq!(error_of(&sign(r#"{"alg":"EdDSA","kid":"k1"}"#, CLAIMS)), KeyProofError::KeyMissing);
}

// R-088, R-089, R-126
#[test]
fn the_algorithm_is_allowed_and_that_of_the_key() {
    let text = sign(&header(jwk()), CLAIMS);
    let others: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::EdDsa).collect();
    assert_eq!(verify(&text, &others).unwrap_err(), KeyProofError::Jwt(JwtError::AlgorithmNotAllowed));
    for algorithm in others {
        let header = json!({"alg": algorithm.name(), "jwk": jwk()}).to_string();
        assert_eq!(error_of(&sign(&header, CLAIMS)), KeyProofError::Jwt(JwtError::KeyUnsuitable), "{algorithm:?}");
    }
    for name in ["none", "HS256", "nonE", "", "ES256K"] {
        let header = json!({"alg": name, "jwk": jwk()}).to_string();
        assert_eq!(error_of(&sign(&header, CLAIMS)), KeyProofError::Jwt(JwtError::AlgorithmUnsupported), "{name}");
    }
}

// R-095 to R-099: the rules for every token hold here too.
#[test]
fn a_proof_is_a_token_like_any_other_in_everything_else() {
    let jwk = jwk();
    for (text, expected) in [
        (sign(&format!(r#"{{"alg":"EdDSA","jwk":{jwk},"jwk":{jwk}}}"#), CLAIMS), "jwt.header_json"),
        (sign(&json!({"alg": "EdDSA", "jwk": jwk, "crit": ["jwk"]}).to_string(), CLAIMS), "jwt.crit"),
        (sign(&header(jwk.clone()), r#"{"jti":"1","jti":"2"}"#), "jwt.claims_json"),
        (format!("{}=", sign(&header(jwk.clone()), CLAIMS)), "jwt.encoding"),
        ("a.b".to_owned(), "jwt.malformed"),
    ] {
        let KeyProofError::Jwt(error) = error_of(&text) else { panic!("{text}") };
        assert_eq!(error.code(), expected);
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}", header in "\\PC{0,80}") {
            let _ = UnverifiedKeyProof::parse(&text);
            let _ = UnverifiedKeyProof::parse(&format!("{}.e30.AAAA", encode(header.as_bytes())));
        }

        #[test]
        fn any_byte_changed_makes_a_proof_invalid(at in 0_usize..1000, to in 0_u8..128) {
            let mut bytes = sign(&header(jwk()), CLAIMS).into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            prop_assert!(verify(&String::from_utf8(bytes).unwrap(), &Algorithm::ALL).is_err());
        }
    }
}
