//! Signature verification by the runtime's WebCrypto.
//!
//! It has to give the verdict of [`postern::jose::Portable`] on everything; `tests/wasm.rs` compares them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use js_sys::{Object, Reflect, global};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, SubtleCrypto};

use crate::js::glue;
use crate::js::{Exception, property};
use crate::pending_promise;
use postern::jose::{Algorithm, Hash, KeyType, PublicKey};
use postern::ports::Signatures;

/// Of each algorithm: enough for the keys of every provider of a deployment; a full cache is emptied.
const MAX_IMPORTED_KEYS: usize = 64;

thread_local! {
    // The same for every request of the isolate: the runtime's own object, what its algorithms are called, and handles
    // to public keys.
    static SUBTLE: OnceCell<SubtleCrypto> = const { OnceCell::new() };
    static PARAMETERS: RefCell<HashMap<Algorithm, Parameters>> = RefCell::default();
    static IMPORTED: RefCell<HashMap<Algorithm, HashMap<String, CryptoKey>>> = RefCell::default();
}

/// What WebCrypto calls an algorithm.
#[derive(Clone)]
pub struct Parameters {
    /// All that it has to know to import a key.
    pub import: Object,
    /// What it still has to be told beside the key: a name alone costs less than an object.
    pub sign: JsValue,
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
    let parameters = parameters(algorithm)?;
    let handle = imported(key, algorithm, &parameters.import).await?;
    let promise = glue::verified(&parameters.sign, &handle, signature, message);
    Ok(pending_promise::wait(promise).await?.is_truthy())
}

/// Of the global scope, which is a worker's in production and Node's in tests.
pub fn subtle() -> Result<SubtleCrypto, Exception> {
    if let Some(subtle) = SUBTLE.with(|subtle| subtle.get().cloned()) {
        return Ok(subtle);
    }
    let subtle: SubtleCrypto = property(&property(&global(), "crypto")?, "subtle")?.unchecked_into();
    Ok(SUBTLE.with(|slot| slot.get_or_init(|| subtle).clone()))
}

async fn imported(key: &PublicKey, algorithm: Algorithm, parameters: &Object) -> Result<CryptoKey, Exception> {
    let known = IMPORTED.with_borrow(|keys| keys.get(&algorithm)?.get(key.thumbprint()).cloned());
    if let Some(handle) = known {
        return Ok(handle);
    }
    let handle = import(key, parameters).await?;
    IMPORTED.with_borrow_mut(|keys| {
        let keys = keys.entry(algorithm).or_default();
        if keys.len() >= MAX_IMPORTED_KEYS {
            keys.clear();
        }
        keys.insert(key.thumbprint().to_owned(), handle.clone());
    });
    Ok(handle)
}

async fn import(key: &PublicKey, parameters: &Object) -> Result<CryptoKey, Exception> {
    let jwk = object(key.members())?;
    let usages = js_sys::Array::of1(&"verify".into());
    let promise = subtle()?.import_key_with_object("jwk", &jwk, parameters, false, &usages);
    Ok(pending_promise::wait(promise).await?.unchecked_into())
}

pub(super) fn parameters(algorithm: Algorithm) -> Result<Parameters, Exception> {
    if let Some(known) = PARAMETERS.with_borrow(|parameters| parameters.get(&algorithm).cloned()) {
        return Ok(known);
    }
    let parameters = called(algorithm)?;
    PARAMETERS.with_borrow_mut(|known| known.insert(algorithm, parameters.clone()));
    Ok(parameters)
}

fn called(algorithm: Algorithm) -> Result<Parameters, Exception> {
    let (hash, hash_bytes) = match algorithm.hash() {
        Hash::Sha256 => ("SHA-256", 32),
        Hash::Sha384 => ("SHA-384", 48),
        Hash::Sha512 => ("SHA-512", 64),
    };
    let pss = matches!(algorithm, Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512);
    let (import, sign): (Vec<(&str, &str)>, JsValue) = match algorithm.key_type() {
        KeyType::Rsa if pss => {
            let sign = object(vec![("name", "RSA-PSS")])?;
            set(&sign, "saltLength", &hash_bytes.into())?;
            (vec![("name", "RSA-PSS"), ("hash", hash)], sign.into())
        }
        KeyType::Rsa => (vec![("name", "RSASSA-PKCS1-v1_5"), ("hash", hash)], "RSASSA-PKCS1-v1_5".into()),
        KeyType::P256 | KeyType::P384 | KeyType::P521 => {
            let curve = match algorithm.key_type() {
                KeyType::P384 => "P-384",
                KeyType::P521 => "P-521",
                _ => "P-256",
            };
            let sign = object(vec![("name", "ECDSA"), ("hash", hash)])?;
            (vec![("name", "ECDSA"), ("namedCurve", curve)], sign.into())
        }
        KeyType::Ed25519 => (vec![("name", "Ed25519")], "Ed25519".into()),
    };
    Ok(Parameters { import: object(import)?, sign })
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
