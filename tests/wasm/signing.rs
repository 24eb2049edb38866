//! Our own signatures: what WebCrypto makes is what both backends verify, as is what the portable one makes.

use postern::jose::{Algorithm, Es256Signer, Portable};
use postern::ports::{Signatures, Signing};
use postern::secret::Secret;
use postern_workers::webcrypto::sign::WebCryptoSigning;
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
