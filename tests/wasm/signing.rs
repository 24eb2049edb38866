//! Our own signatures: what WebCrypto makes is what both backends verify, as is what the portable one makes.

use postern::jose::{Algorithm, AssertionKey, Es256Signer, KeySet, Portable, UnverifiedJwt};
use postern::ports::{Signatures, Signing};
use postern::secret::Secret;
use postern_workers::webcrypto::sign::WebCryptoSigning;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::both::Both;

const MESSAGE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FwcC5leGFtcGxlIn0";

fn key(number: u8) -> Es256Signer {
    Es256Signer::from_scalar(&Secret::new([number; 32])).unwrap()
}

#[wasm_bindgen_test]
async fn each_backend_signs_with_the_very_key_it_was_given() {
    let both = Both::default();
    // More keys than are kept imported, each twice.
    for number in (1..=12).chain(1..=12) {
        let (own, other) = (key(number), key(number + 1));
        let made = [WebCryptoSigning.sign(&own, MESSAGE).await, Portable.sign(&own, MESSAGE).await];
        for signature in made.map(Option::unwrap) {
            assert_eq!(signature.len(), 64);
            assert!(both.verify(own.public(), Algorithm::Es256, MESSAGE, &signature).await);
            assert!(!both.verify(other.public(), Algorithm::Es256, MESSAGE, &signature).await);
            assert!(!both.verify(own.public(), Algorithm::Es256, b"another message", &signature).await);
        }
    }
}

#[wasm_bindgen_test]
async fn rsa_keys_sign_assertions_for_the_algorithm_that_is_configured() {
    //
    let (both, jwk) = (Both::default(), include_str!("../../fixtures/jwk/rsa_private.json"));
    let private: Value = serde_json::from_str(jwk).unwrap();
    let claims = json!({ "iss": "app", "aud": "https://op.example" });
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Rs256] {
        let key = AssertionKey::from_jwk(&Secret::new(jwk.to_owned()), algorithm).unwrap();
        for token in [
            key.sign("JWT", claims.as_object().unwrap(), &WebCryptoSigning).await,
            key.sign("JWT", claims.as_object().unwrap(), &Portable).await,
        ] {
            let token = token.unwrap();
            let token = UnverifiedJwt::parse(token.expose()).unwrap();
            let public = json!({ "kty": "RSA", "n": private["n"], "e": private["e"], "kid": token.header().kid() });
            let keys = KeySet::parse(json!({ "keys": [public] }).to_string().as_bytes()).unwrap();
            assert_eq!(token.verify(&keys, &[algorithm], &both).await.unwrap().claims(), claims.as_object().unwrap());
        }
    }
}
