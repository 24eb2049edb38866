//! An encrypted assertion, as the SAML Worker tells of it → the assertion (XML Encryption §5.2.4, §5.5.2).
//!
//! The SAML Worker has no keys, and this module knows no XML. Whoever has our certificate can encrypt, so what comes out is
//! to be believed no more than any other text: the SAML Worker is asked again, and takes it only if it is signed itself.

use base64ct::{Base64, Encoding};
use serde_json::{Map, Value};

use crate::jose::jwe::{IV_BYTES, MAX_ENCRYPTED_KEY_BYTES, TAG_BYTES};
use crate::jose::{ContentEncryption, Decryption, DecryptionKey, KeyManagement, SealedContent};
use crate::json::said;
use crate::secret::Secret;

/// The assertion, decrypted by whichever of our keys fits. `None` where it does not open, whatever the reason: the sender
/// is not told it.
pub async fn opened(
    told: &Map<String, Value>,
    keys: &[DecryptionKey],
    backend: &impl Decryption,
) -> Option<Secret<String>> {
    let sealed = sealed(told)?;
    for key in keys.iter().filter(|key| key.serves(sealed.alg)) {
        if let Some(content) = backend.decrypt(key, &sealed).await {
            return std::str::from_utf8(content.expose()).ok().map(|text| Secret::new(text.to_owned()));
        }
    }
    None
}

/// What the SAML Worker tells, with the lengths that fit its algorithms.
fn sealed(told: &Map<String, Value>) -> Option<SealedContent> {
    let bytes = |name: &str| Base64::decode_vec(said(told, name)?.as_str()?).ok();
    let alg = match said(told, "oaep_hash")?.as_str()? {
        "SHA-1" => KeyManagement::RsaOaepSha1,
        "SHA-256" => KeyManagement::RsaOaep256,
        _ => return None,
    };
    let enc = match said(told, "aes_bits")?.as_u64()? {
        128 => ContentEncryption::A128Gcm,
        256 => ContentEncryption::A256Gcm,
        _ => return None,
    };
    let (encrypted_key, iv, ciphertext) = (bytes("encrypted_key")?, bytes("iv")?, bytes("ciphertext")?);
    let fits = (1..=MAX_ENCRYPTED_KEY_BYTES).contains(&encrypted_key.len())
        && iv.len() == IV_BYTES
        && ciphertext.len() > TAG_BYTES;
    let (ephemeral, other_info, aad) = (None, Vec::new(), String::new());
    fits.then_some(SealedContent { alg, enc, encrypted_key, ephemeral, other_info, iv, ciphertext, aad })
}

#[cfg(test)]
mod tests;
