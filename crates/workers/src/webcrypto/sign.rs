//! Our own signatures by the runtime's WebCrypto: a sixth of what they cost in wasm.

use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::{Array, JSON, Object, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{CryptoKey, SubtleCrypto};

use crate::js::Exception;
use crate::log;
use crate::pending_promise;
use crate::webcrypto::verify::{parameters, subtle};
use postern::jose::{Algorithm, Es256Signer, PrivateJwk};
use postern::ports::Signing;
use postern::secret::Secret;

/// Enough for every entry of a key ring, and the keys that are registered with others; a full cache is emptied.
const MAX_IMPORTED_KEYS: usize = 16;

thread_local! {
    // Handles to keys of the deployment, by thumbprint, and those of JWKs by algorithm too: the same for every request of the isolate.
    static IMPORTED: RefCell<HashMap<String, CryptoKey>> = RefCell::default();
}

/// `crypto.subtle`, with keys imported once per isolate, never to be exported again.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebCryptoSigning;

impl Signing for WebCryptoSigning {
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>> {
        let signed = sign(key.public().thumbprint(), Algorithm::Es256, || key.private_jwk(), message).await;
        signed.map_err(|error| log::failure("signing_failed", None, &error.to_string())).ok()
    }

    async fn sign_by_jwk(&self, key: &PrivateJwk, message: &[u8]) -> Option<Vec<u8>> {
        let algorithm = key.algorithm();
        // A key is imported for one algorithm.
        let slot = format!("{}/{}", algorithm.name(), key.thumbprint());
        let signed = sign(&slot, algorithm, || key.jwk().clone(), message).await;
        signed.map_err(|error| log::failure("signing_failed", None, &error.to_string())).ok()
    }
}

async fn sign(
    slot: &str,
    algorithm: Algorithm,
    jwk: impl FnOnce() -> Secret<String>,
    message: &[u8],
) -> Result<Vec<u8>, Exception> {
    let (subtle, parameters) = (subtle()?, parameters(algorithm)?);
    let handle = imported(&subtle, slot, jwk, &parameters.import).await?;
    let promise =
        subtle.sign_with_object_and_js_u8_array(parameters.sign.unchecked_ref(), &handle, &Uint8Array::from(message));
    // ECDSA as JOSE wants it: r and s side by side, not DER (Web Cryptography API §23.4.1).
    Ok(Uint8Array::new(&pending_promise::wait(promise).await?).to_vec())
}

async fn imported(
    subtle: &SubtleCrypto,
    slot: &str,
    jwk: impl FnOnce() -> Secret<String>,
    parameters: &Object,
) -> Result<CryptoKey, Exception> {
    if let Some(handle) = IMPORTED.with_borrow(|keys| keys.get(slot).cloned()) {
        return Ok(handle);
    }
    let jwk: Object = JSON::parse(jwk().expose())?.unchecked_into();
    let promise = subtle.import_key_with_object("jwk", &jwk, parameters, false, &Array::of1(&"sign".into()));
    let handle: CryptoKey = pending_promise::wait(promise).await?.unchecked_into();
    IMPORTED.with_borrow_mut(|keys| {
        if keys.len() >= MAX_IMPORTED_KEYS {
            keys.clear();
        }
        keys.insert(slot.to_owned(), handle.clone());
    });
    Ok(handle)
}
