use futures::executor::block_on;

use super::*;
use crate::jose::{JwtError, KeySet, Portable, UnverifiedJwt};

// The key of RFC 6979 §A.2.5.
const D: &str = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
const X: &str = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
const Y: &str = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";

fn base64url(hex: &str) -> String {
    let octet = |at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
    encode(&bytes)
}

fn jwk() -> Map<String, Value> {
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(X), "y": base64url(Y), "d": base64url(D)});
    jwk.as_object().unwrap().clone()
}

fn load(changes: Value) -> Result<Es256Signer, SignerError> {
    let mut jwk = jwk();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.remove(name)
        } else {
            jwk.insert(name.clone(), value.clone())
        };
    }
    Es256Signer::from_jwk(&Secret::new(Value::Object(jwk).to_string()))
}

fn claims() -> Map<String, Value> {
    json!({"iss": "app", "sub": "app", "aud": "https://op.example"}).as_object().unwrap().clone()
}

//
#[test]
fn what_it_signs_verifies_under_the_public_jwk() {
    let signer = load(json!({"kid": "own"})).unwrap();
    let token = signer.sign(Some("client-authentication+jwt"), &claims());
    let keys = KeySet::parse(json!({"keys": [signer.public_jwk()]}).to_string().as_bytes()).unwrap();
    let verify =
        |token: &str| block_on(UnverifiedJwt::parse(token).unwrap().verify(&keys, &[Algorithm::Es256], &Portable));
    let jwt = verify(&token).unwrap();
    assert_eq!((jwt.header().kid(), jwt.header().typ()), (Some("own"), Some("client-authentication+jwt")));
    assert_eq!(jwt.claims(), &claims());
    let (input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{input}.{}", encode(&[1; 64]))).unwrap_err(), JwtError::BadSignature);
}

// RFC 6979 §A.2.5, message "sample" with SHA-256: r and s.
#[test]
fn signatures_are_those_of_rfc_6979() {
    let signature: Signature = load(json!({})).unwrap().key.sign(b"sample");
    let expected = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
                    F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
    assert_eq!(encode(&signature.to_bytes()), base64url(expected));
}

#[test]
fn the_same_claims_get_the_same_token() {
    let signer = load(json!({})).unwrap();
    assert_eq!(signer.sign(None, &claims()), signer.sign(None, &claims()));
}

#[test]
fn a_key_without_kid_is_named_by_its_thumbprint() {
    let signer = load(json!({})).unwrap();
    assert_eq!(signer.kid(), signer.public.thumbprint());
    assert_eq!(signer.public_jwk()["kid"], signer.kid());
}

#[test]
fn the_private_part_shows_nowhere() {
    let signer = load(json!({})).unwrap();
    let public = signer.public_jwk();
    assert_eq!(public.get("d"), None);
    for text in [public.to_string(), format!("{signer:?}")] {
        assert!(!text.contains(&base64url(D)), "{text}");
    }
}

#[test]
fn what_is_no_private_p256_jwk_for_signing_is_refused() {
    for (change, expected) in [
        (json!({"d": null}), SignerError::NotP256),
        (json!({"d": ""}), SignerError::NotP256),
        (json!({"d": base64url(&"0".repeat(64))}), SignerError::NotP256),
        (json!({"d": base64url(&"F".repeat(64))}), SignerError::NotP256),
        (json!({"d": base64url(X)}), SignerError::NotP256),
        (json!({"y": base64url(X)}), SignerError::NotP256),
        (json!({"x": null}), SignerError::NotP256),
        (json!({"crv": "P-384"}), SignerError::NotP256),
        (json!({"kty": "RSA"}), SignerError::NotP256),
        (json!({"use": "enc"}), SignerError::NotForSigning),
        (json!({"alg": "ES384"}), SignerError::NotForSigning),
        (json!({"key_ops": ["verify"]}), SignerError::NotForSigning),
        (json!({"kid": 5}), SignerError::NotForSigning),
    ] {
        assert_eq!(load(change.clone()).unwrap_err(), expected, "{change}");
    }
    assert!(load(json!({"use": "sig", "alg": "ES256", "key_ops": ["sign"], "ext": true})).is_ok());
    for text in ["", "[]", "-----BEGIN PRIVATE KEY-----"] {
        assert!(matches!(Es256Signer::from_jwk(&Secret::new(text.into())), Err(SignerError::Json(_))), "{text}");
    }
}

#[test]
fn a_key_in_pkcs_8_is_taken_as_its_file_has_it() {
    //
    let pem = include_str!("../../../fixtures/jwk/p256_private.p8");
    let read = |text: &str| Es256Signer::from_pkcs8(&Secret::new(text.to_owned()));
    let signer = read(pem).unwrap();
    assert_eq!(read(&format!("\n {pem} \n")).unwrap().kid(), signer.kid());
    assert_eq!(read(&pem.replace('\n', "\r\n")).unwrap().kid(), signer.kid());
    let named = signer.named("F6G7H8I9J0");
    assert!(Es256Signer::from_jwk(&named.private_jwk()).is_ok_and(|again| again.kid() == "F6G7H8I9J0"));
    // The same bytes under the names of other kinds, cut short, on one line, or none at all.
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    for bad in [
        pem.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        pem.replace("PRIVATE KEY", "PUBLIC KEY"),
        pem.replace("MIGH", "MIGG"),
        // The public half of another key.
        pem.replace("DMfkZ", "DMfkY"),
        body,
        pem.lines().take(2).collect(),
        String::new(),
        "{}".to_owned(),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
}
