//! A compact JWE (RFC 7516 §7.1) that holds a signed token → that token, in two steps.
//!
//! [`EncryptedJwt::parse`] only takes it apart: size, five parts, strict base64url, a strict header with algorithms of the table.
//! [`EncryptedJwt::open`] has it decrypted. Whoever has our public key can encrypt, so what comes out is to be believed no more
//! than any other text: its signature is checked like that of a token that came as it is.

#![expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::jose::algorithm::KeyType;
use crate::jose::decryption_key::DecryptionKey;
use crate::jose::jwk::{MAX_KID_BYTES, PublicKey};
use crate::jose::jws::{MAX_DELIVERED_BYTES, is_media_type};
use crate::json::{self, said};
use crate::secret::Secret;

/// The longest text read: a token of the longest that is read, in base64url once more, and what is around it.
pub const MAX_JWE_BYTES: usize = MAX_DELIVERED_BYTES / 3 * 4 + 8 * 1024;
const MAX_HEADER_BYTES: usize = 4 * 1024;
/// As long as an RSA key of 8192 bits.
pub(crate) const MAX_ENCRYPTED_KEY_BYTES: usize = 1024;
const MAX_PARTY_BYTES: usize = 512;
pub(crate) const IV_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;

/// How the key of the content is had (RFC 7518 §4). There is no value for RSA1_5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyManagement {
    /// RSAES OAEP using SHA-256 and MGF1 with SHA-256.
    RsaOaep256,
    /// The same with SHA-1 for both, which is safe for this use: what XML Encryption knows first. No JWE is taken with it.
    RsaOaepSha1,
    /// ECDH-ES on P-256: what is agreed on is the key.
    EcdhEs,
    /// ECDH-ES on P-256: what is agreed on wraps the key.
    EcdhEsA256Kw,
}

/// How the content is encrypted (RFC 7518 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncryption {
    /// AES GCM with a key of 128 bits.
    A128Gcm,
    /// AES GCM with a key of 256 bits.
    A256Gcm,
}

impl KeyManagement {
    /// Those of a JWE.
    const NAMES: [(&str, Self); 3] =
        [("RSA-OAEP-256", Self::RsaOaep256), ("ECDH-ES", Self::EcdhEs), ("ECDH-ES+A256KW", Self::EcdhEsA256Kw)];

    /// The algorithm of that registered name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }

    /// The kind of key it needs.
    #[must_use]
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::RsaOaep256 | Self::RsaOaepSha1 => KeyType::Rsa,
            Self::EcdhEs | Self::EcdhEsA256Kw => KeyType::P256,
        }
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::RsaOaepSha1 => "RSA-OAEP",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }
}

impl ContentEncryption {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "A128GCM" => Some(Self::A128Gcm),
            "A256GCM" => Some(Self::A256Gcm),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// How long its key is.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm => 32,
        }
    }
}

/// What a backend decrypts. Lengths fit the algorithms already.
#[derive(Debug)]
pub struct SealedContent {
    /// How the key is had.
    pub alg: KeyManagement,
    /// How the content is encrypted.
    pub enc: ContentEncryption,
    /// The encrypted key; empty where it is agreed on.
    pub encrypted_key: Vec<u8>,
    /// `epk`: the sender's half, where a key is agreed on.
    pub ephemeral: Option<PublicKey>,
    /// What the agreed key is derived with, beside what is agreed on (RFC 7518 §4.6.2): all after `Z`.
    pub other_info: Vec<u8>,
    /// The initialisation vector.
    pub iv: Vec<u8>,
    /// The content, and the tag after it.
    pub ciphertext: Vec<u8>,
    /// What is authenticated with it: the header as it came.
    pub aad: String,
}

/// Decrypts with keys of our own. Every backend gives the same for everything.
pub trait Decryption {
    /// The content. `None` for whatever reason it does not open: whoever sent it learns none (RFC 7516 §11.5).
    async fn decrypt(&self, key: &DecryptionKey, sealed: &SealedContent) -> Option<Secret<Vec<u8>>>;
}

/// Why an encrypted token is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JweError {
    /// Not five parts of base64url with a header, or longer than is read, or a part that does not fit its algorithm.
    Malformed,
    /// `alg` is none that is used here.
    AlgRefused,
    /// `enc` is none that is used here.
    EncRefused,
    /// `zip`: what is compressed is not read (RFC 8725 §3.6).
    Compressed,
    /// `crit`: it names what is not understood (RFC 7516 §4.1.13).
    Crit,
    /// `cty` does not say that a signed token is in it, or another encrypted one is.
    ContentRefused,
    /// None of our keys is of that name and kind.
    KeyUnknown,
    /// It does not open.
    Undecryptable,
    /// It is not encrypted, and has to be.
    NotEncrypted,
}

impl JweError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "jwe.malformed",
            Self::AlgRefused => "jwe.alg_refused",
            Self::EncRefused => "jwe.enc_refused",
            Self::Compressed => "jwe.compressed",
            Self::Crit => "jwe.crit_unknown",
            Self::ContentRefused => "jwe.content_refused",
            Self::KeyUnknown => "jwe.key_unknown",
            Self::Undecryptable => "jwe.undecryptable",
            Self::NotEncrypted => "jwe.not_encrypted",
        }
    }
}

/// An encrypted token, taken apart.
pub struct EncryptedJwt {
    kid: Option<String>,
    is_nested: bool,
    sealed: SealedContent,
}

impl fmt::Debug for EncryptedJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedJwt").field("alg", &self.sealed.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Whether a text has the form of a compact JWE: five parts (RFC 7516 §9).
#[must_use]
pub fn is_encrypted(text: &str) -> bool {
    text.split('.').count() == 5
}

impl EncryptedJwt {
    /// Takes it apart (RFC 7516 §5.2, steps 1 to 8).
    ///
    /// # Errors
    /// When it is none that could be opened here.
    pub fn parse(text: &str) -> Result<Self, JweError> {
        if text.len() > MAX_JWE_BYTES {
            return Err(JweError::Malformed);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [protected, encrypted_key, iv, ciphertext, tag] = parts.as_slice() else { return Err(JweError::Malformed) };
        let header = json::parse_object(&decoded(protected)?, MAX_HEADER_BYTES).map_err(|_| JweError::Malformed)?;
        if header.contains_key("crit") {
            return Err(JweError::Crit);
        }
        if header.contains_key("zip") {
            return Err(JweError::Compressed);
        }
        let alg = text_of(&header, "alg").and_then(KeyManagement::from_name).ok_or(JweError::AlgRefused)?;
        let enc = text_of(&header, "enc").and_then(ContentEncryption::from_name).ok_or(JweError::EncRefused)?;
        let kid = match said(&header, "kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(kid.clone()),
            Some(_) => return Err(JweError::Malformed),
        };
        let (mut ciphertext, tag, iv) = (decoded(ciphertext)?, decoded(tag)?, decoded(iv)?);
        if tag.len() != TAG_BYTES || iv.len() != IV_BYTES {
            return Err(JweError::Malformed);
        }
        ciphertext.extend(tag);
        let encrypted_key = decoded(encrypted_key)?;
        let fits = match alg {
            KeyManagement::RsaOaep256 | KeyManagement::RsaOaepSha1 => {
                (1..=MAX_ENCRYPTED_KEY_BYTES).contains(&encrypted_key.len())
            }
            KeyManagement::EcdhEs => encrypted_key.is_empty(),
            KeyManagement::EcdhEsA256Kw => encrypted_key.len() == enc.key_bytes() + 8,
        };
        if !fits {
            return Err(JweError::Malformed);
        }
        let (ephemeral, other_info) = agreement(&header, alg, enc)?;
        let is_nested = text_of(&header, "cty").is_some_and(|cty| is_media_type(cty, "JWT"));
        let aad = (*protected).to_owned();
        let sealed = SealedContent { alg, enc, encrypted_key, ephemeral, other_info, iv, ciphertext, aad };
        Ok(Self { kid, is_nested, sealed })
    }

    /// What is in it, by whichever of our keys it is for: the one that it names, else each of its kind.
    ///
    /// # Errors
    /// When there is none, or it does not open.
    pub async fn decrypt(
        &self,
        keys: &[DecryptionKey],
        backend: &impl Decryption,
    ) -> Result<Secret<Vec<u8>>, JweError> {
        let is_for = |key: &&DecryptionKey| {
            key.serves(self.sealed.alg) && self.kid.as_deref().is_none_or(|kid| kid == key.kid())
        };
        let mut fault = JweError::KeyUnknown;
        for key in keys.iter().filter(is_for) {
            fault = JweError::Undecryptable;
            if let Some(content) = backend.decrypt(key, &self.sealed).await {
                return Ok(content);
            }
        }
        Err(fault)
    }

    /// The signed token in it, not verified yet (RFC 7519 §7.2, step 8; R-383).
    ///
    /// # Errors
    /// When it does not open, or something else is in it.
    pub async fn open(&self, keys: &[DecryptionKey], backend: &impl Decryption) -> Result<Secret<String>, JweError> {
        if !self.is_nested {
            return Err(JweError::ContentRefused);
        }
        let content = self.decrypt(keys, backend).await?;
        let inner = std::str::from_utf8(content.expose()).map_err(|_| JweError::ContentRefused)?;
        if is_encrypted(inner) || inner.len() > MAX_DELIVERED_BYTES {
            return Err(JweError::ContentRefused);
        }
        Ok(Secret::new(inner.to_owned()))
    }
}

/// The sender's half, and what the agreed key is derived with (RFC 7518 §4.6.2).
fn agreement(
    header: &Map<String, Value>,
    alg: KeyManagement,
    enc: ContentEncryption,
) -> Result<(Option<PublicKey>, Vec<u8>), JweError> {
    let (name, bytes) = match alg {
        KeyManagement::RsaOaep256 | KeyManagement::RsaOaepSha1 => return Ok((None, Vec::new())),
        KeyManagement::EcdhEs => (enc.name(), enc.key_bytes()),
        KeyManagement::EcdhEsA256Kw => (alg.name(), 32),
    };
    let epk = said(header, "epk").and_then(Value::as_object).ok_or(JweError::Malformed)?;
    let members = ["kty", "crv", "x", "y"].into_iter();
    let epk = json::object(members.filter_map(|name| Some((name.to_owned(), epk.get(name)?.clone()))));
    let epk = PublicKey::from_jwk(&epk).filter(|key| key.key_type() == KeyType::P256).ok_or(JweError::Malformed)?;
    let mut info = Vec::new();
    for part in [name.as_bytes(), &party(header, "apu")?, &party(header, "apv")?] {
        info.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        info.extend(part);
    }
    info.extend((u32::try_from(bytes).unwrap_or(u32::MAX) * 8).to_be_bytes());
    Ok((Some(epk), info))
}

fn party(header: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JweError> {
    match said(header, name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.len() <= MAX_PARTY_BYTES => decoded(text),
        Some(_) => Err(JweError::Malformed),
    }
}

fn text_of<'a>(header: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    said(header, name).and_then(Value::as_str)
}

fn decoded(part: &str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError::Malformed)
}

#[cfg(test)]
mod tests;
