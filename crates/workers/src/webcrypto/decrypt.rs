//! Decryption by the runtime's WebCrypto, with keys of our own that others encrypt for.
//!
//! It has to give what [`postern::jose::Portable`] gives for everything.

use js_sys::{JSON, Object, Uint8Array};
use serde_json::{Value, json};

use crate::js::Exception;
use crate::js::glue;
use crate::pending_promise;
use postern::jose::{DecryptionKey, SealedContent};
use postern::ports::Decryption;
use postern::secret::Secret;

/// `crypto.subtle`. Keys are imported for each use: there is one at a sign-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebCryptoDecryption;

impl Decryption for WebCryptoDecryption {
    async fn decrypt(&self, key: &DecryptionKey, sealed: &SealedContent) -> Option<Secret<Vec<u8>>> {
        decrypt(key, sealed).await.ok().map(Secret::new)
    }
}

async fn decrypt(key: &DecryptionKey, sealed: &SealedContent) -> Result<Vec<u8>, Exception> {
    let ephemeral = sealed.ephemeral.as_ref().map(|key| {
        let members = key.members().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        Value::Object(postern::json::object(members))
    });
    let how = json!({
        "alg": sealed.alg.name(), "bits": sealed.enc.key_bytes() * 8, "epk": ephemeral, "aad": sealed.aad,
    });
    let jwk: Object = wasm_bindgen::JsCast::unchecked_into(JSON::parse(key.jwk().expose())?);
    let parts = [&sealed.encrypted_key, &sealed.other_info, &sealed.iv, &sealed.ciphertext];
    let parts: js_sys::Array = parts.into_iter().map(|part| Uint8Array::from(part.as_slice())).collect();
    let promise = glue::decrypted(&how.to_string(), &jwk, &parts);
    Ok(Uint8Array::new(&pending_promise::wait(promise).await?).to_vec())
}
