//! A token is taken apart without a panic, and verifies only if the owner of the key signed those very bytes.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures::executor::block_on;
use postern::jose::jws::MAX_TOKEN_BYTES;
use postern::jose::{Algorithm, Header, JwtError, Portable, UnverifiedJwt};
use serde_json::Value;

use crate::fixed::{SIGNED, lines};

/// A token as it is; or header, payload and signature in three lines, which spares the fuzzer the base64url.
pub fn check(data: &[u8]) {
    match lines(data).as_slice() {
        [header, payload, signature] => {
            let parts = [header, payload, signature].map(|part| Base64UrlUnpadded::encode_string(part));
            verify(&parts.join("."));
        }
        _ => {
            if let Ok(token) = std::str::from_utf8(data) {
                verify(token);
            }
        }
    }
}

fn verify(token: &str) {
    let Ok(jwt) = UnverifiedJwt::parse(token) else { return };
    header_is_that_of_the_token(jwt.header(), token);
    let verdict = block_on(jwt.verify(&SIGNED.keys, &Algorithm::ALL, &Portable));
    // Claims are read only where the signature was found good.
    if matches!(verdict, Ok(_) | Err(JwtError::ClaimsJson(_))) {
        let (input, _) = token.rsplit_once('.').unwrap();
        assert!(SIGNED.inputs.contains(input), "a forgery: {token}");
    }
}

fn header_is_that_of_the_token(header: &Header, token: &str) {
    assert!(token.len() <= MAX_TOKEN_BYTES && token.split('.').count() == 3);
    let bytes = Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap()).unwrap();
    let members: Value = serde_json::from_slice(&bytes).unwrap();
    let name = members["alg"].as_str().unwrap();
    assert!(!name.eq_ignore_ascii_case("none") && !name.starts_with("HS"), "{name}");
    assert_eq!(Algorithm::from_name(name), Some(header.algorithm()));
    assert_eq!(said(&members, "kid"), header.kid());
    assert_eq!(said(&members, "typ"), header.typ());
    for refused in ["crit", "b64", "zip"] {
        assert_eq!(members.get(refused), None);
    }
}

/// A text, if there is one: a member that says nothing is not there.
fn said<'a>(members: &'a Value, name: &str) -> Option<&'a str> {
    let says_nothing = |value: &&Value| value.is_null() || **value == "" || value.as_array().is_some_and(Vec::is_empty);
    members.get(name).filter(|value| !says_nothing(value)).map(|value| value.as_str().unwrap())
}
