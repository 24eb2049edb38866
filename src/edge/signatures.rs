//! Signature verification by the runtime's WebCrypto.
//!
//! It has to give the verdict of [`crate::jose::Portable`] on everything; `tests/wasm.rs` compares them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use js_sys::{Object, Reflect, Uint8Array, global};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, SubtleCrypto};

use super::desk;
use super::js::{Exception, property};
use crate::jose::{Algorithm, Hash, KeyType, PublicKey};
use crate::ports::Signatures;

/// Enough for the keys of every provider of a deployment; a full cache is emptied.
const MAX_IMPORTED_KEYS: usize = 64;

thread_local! {
    // The same for every request of the isolate: the runtime's own object, what its algorithms are called, and handles
    // to public keys.
    static SUBTLE: OnceCell<SubtleCrypto> = const { OnceCell::new() };
    static PARAMETERS: RefCell<HashMap<Algorithm, Object>> = RefCell::default();
    static IMPORTED: RefCell<HashMap<(String, Algorithm), CryptoKey>> = RefCell::default();
}

/// `crypto.subtle`, with keys imported once per isolate.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebCrypto;

impl Signatures for WebCrypto {
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        // Not every runtime insists on all of that.
        key.may_have_made(signature)
            && key.key_type() == algorithm.key_type()
            && verify(key, algorithm, message, signature).await.unwrap_or(false)
    }
}

async fn verify(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<bool, Exception> {
    let subtle = subtle()?;
    let handle = imported(&subtle, key, algorithm).await?;
    let promise = subtle.verify_with_object_and_js_u8_array_and_js_u8_array(
        &parameters(algorithm)?,
        &handle,
        &Uint8Array::from(signature),
        &Uint8Array::from(message),
    )?;
    Ok(desk::wait(promise).await?.is_truthy())
}

/// Of the global scope, which is a worker's in production and Node's in tests.
pub(super) fn subtle() -> Result<SubtleCrypto, Exception> {
    if let Some(subtle) = SUBTLE.with(|subtle| subtle.get().cloned()) {
        return Ok(subtle);
    }
    let subtle: SubtleCrypto = property(&property(&global(), "crypto")?, "subtle")?.unchecked_into();
    Ok(SUBTLE.with(|slot| slot.get_or_init(|| subtle).clone()))
}

async fn imported(subtle: &SubtleCrypto, key: &PublicKey, algorithm: Algorithm) -> Result<CryptoKey, Exception> {
    let slot = (key.thumbprint().to_owned(), algorithm);
    if let Some(handle) = IMPORTED.with_borrow(|keys| keys.get(&slot).cloned()) {
        return Ok(handle);
    }
    let handle = import(subtle, key, algorithm).await?;
    IMPORTED.with_borrow_mut(|keys| {
        if keys.len() >= MAX_IMPORTED_KEYS {
            keys.clear();
        }
        keys.insert(slot, handle.clone());
    });
    Ok(handle)
}

async fn import(subtle: &SubtleCrypto, key: &PublicKey, algorithm: Algorithm) -> Result<CryptoKey, Exception> {
    let jwk = object(key.members())?;
    let usages = js_sys::Array::of1(&"verify".into());
    let promise = subtle.import_key_with_object("jwk", &jwk, &parameters(algorithm)?, false, &usages)?;
    Ok(desk::wait(promise).await?.unchecked_into())
}

pub(super) fn parameters(algorithm: Algorithm) -> Result<Object, Exception> {
    if let Some(known) = PARAMETERS.with_borrow(|parameters| parameters.get(&algorithm).cloned()) {
        return Ok(known);
    }
    let parameters = called(algorithm)?;
    PARAMETERS.with_borrow_mut(|known| known.insert(algorithm, parameters.clone()));
    Ok(parameters)
}

/// What WebCrypto calls the algorithm, for importing and for verifying: each takes what it knows of it.
fn called(algorithm: Algorithm) -> Result<Object, Exception> {
    let (hash, hash_bytes) = match algorithm.hash() {
        Hash::Sha256 => ("SHA-256", 32),
        Hash::Sha384 => ("SHA-384", 48),
        Hash::Sha512 => ("SHA-512", 64),
    };
    let name = match (algorithm.key_type(), algorithm) {
        (KeyType::Rsa, Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512) => "RSA-PSS",
        (KeyType::Rsa, _) => "RSASSA-PKCS1-v1_5",
        (KeyType::P256 | KeyType::P384, _) => "ECDSA",
        (KeyType::Ed25519, _) => "Ed25519",
    };
    let curve = if algorithm.key_type() == KeyType::P384 { "P-384" } else { "P-256" };
    let parameters = object(vec![("name", name), ("hash", hash), ("namedCurve", curve)])?;
    set(&parameters, "saltLength", &hash_bytes.into())?;
    Ok(parameters)
}

fn object<V: AsRef<str>>(members: Vec<(&'static str, V)>) -> Result<Object, Exception> {
    let object = Object::new();
    for (name, value) in members {
        set(&object, name, &JsValue::from_str(value.as_ref()))?;
    }
    Ok(object)
}

fn set(object: &Object, name: &str, value: &JsValue) -> Result<(), Exception> {
    Reflect::set(object, &JsValue::from_str(name), value)?;
    Ok(())
}
