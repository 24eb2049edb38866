//! The text of a key: `PREFIX_BODY_CRC`.
//!
//! The body is 32 bytes in 43 digits of base62: the id (8 bytes), the secret (16 random bytes), the tag of the root key that
//! marks it (3 bytes) and the mark (the first 5 bytes of a MAC over id and secret). The CRC-32 of all before it stands in 6
//! digits, so that a scanner, or a typing mistake, needs no question to us. The mark saves a question about a text that was
//! not made here. It proves nothing by itself: whether a key is good is for its object to say, by the digest of id and secret.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::base62;
use super::holder::HolderKey;
use crate::keyring::{KeyPurpose, KeyRing, KeyTag, TAG_BYTES};
use crate::ports::Random;
use crate::secret::{Secret, constant_time_eq};

const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 16;
const MARK_BYTES: usize = 5;
const BODY_BYTES: usize = ID_BYTES + SECRET_BYTES + TAG_BYTES + MARK_BYTES;
/// 62⁴³ > 2²⁵⁶.
const BODY_DIGITS: usize = 43;
/// How many check digits there are: 62⁶ > 2³².
pub(crate) const CRC_DIGITS: usize = 6;
/// So many digits of a key's start are shown.
const START_DIGITS: usize = 6;
const PREFIX_BYTES: std::ops::RangeInclusive<usize> = 2..=12;
/// The longest text of a key.
pub const MAX_KEY_BYTES: usize = 12 + 1 + BODY_DIGITS + 1 + CRC_DIGITS;

/// What the keys of a site begin with: `[a-z0-9]{2,12}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix(String);

/// The public name of a key: it stands in URLs, logs and lists, and no key can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId([u8; ID_BYTES]);

/// What storage knows a key's secret by: SHA-256 of id and secret. The secret cannot be computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

/// A text with the right form and check digits. Prints without its secret.
#[derive(Clone, Debug)]
pub struct ApiKeyText {
    id: ApiKeyId,
    secret: Secret<[u8; SECRET_BYTES]>,
    tag: KeyTag,
    mark: [u8; MARK_BYTES],
}

/// What the mark of a text says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMark {
    /// It was made here.
    Ours,
    /// It was not: the root key that it names is in the ring, and did not make it.
    Forged,
    /// The root key that it names is no longer in the ring: only the key's object knows.
    Unknown,
}

impl KeyPrefix {
    /// What a prefix is, for messages.
    pub const EXPECTED: &str = "2 to 12 characters of `a-z0-9`";

    /// Reads a prefix; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = PREFIX_BYTES.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        valid.then(|| Self(text.to_owned()))
    }

    /// The prefix as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The regular expression that matches every key with this prefix, for secret scanners.
    #[must_use]
    pub fn pattern(&self) -> String {
        format!("{}_[0-9A-Za-z]{{{BODY_DIGITS}}}_[0-9A-Za-z]{{{CRC_DIGITS}}}", self.0)
    }

    /// How long the text of a key with this prefix is.
    pub(super) const fn key_bytes(&self) -> usize {
        self.0.len() + 1 + BODY_DIGITS + 1 + CRC_DIGITS
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("pstn".to_owned())
    }
}

impl ApiKeyId {
    /// A new one of this holder's.
    #[must_use]
    pub fn generate(holder: &HolderKey, random: &impl Random) -> Self {
        let mut bytes = [0; ID_BYTES];
        random.fill(&mut bytes);
        bytes[0] = holder.shard();
        Self(bytes)
    }

    /// Reads 16 digits of lower-case hexadecimal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 2 * ID_BYTES || !text.bytes().all(digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }

    /// The number of the object that keeps it.
    #[must_use]
    pub const fn shard(&self) -> u8 {
        self.0[0]
    }

    /// What the text of a key of this id begins with: people tell their keys by it, and it holds nothing of a secret.
    #[must_use]
    pub fn start(&self, prefix: &KeyPrefix) -> String {
        let with = |rest: u8| {
            let mut body = [rest; BODY_BYTES];
            body.iter_mut().zip(self.0).for_each(|(byte, of_id)| *byte = of_id);
            base62::encode(&body, BODY_DIGITS)
        };
        let (least, most) = (with(0), with(u8::MAX));
        let shared = least.chars().zip(most.chars()).take_while(|(one, other)| one == other).take(START_DIGITS);
        format!("{}_{}", prefix.as_str(), shared.map(|(digit, _)| digit).collect::<String>())
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl Serialize for ApiKeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApiKeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected the id of a key"))
    }
}

impl KeyDigest {
    /// Whether it is the same, in constant time.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Serialize for KeyDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for KeyDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Base64UrlUnpadded::decode_vec(&String::deserialize(deserializer)?).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("expected a digest"))
    }
}

impl ApiKeyText {
    /// A key with a new secret, marked by the newest root key.
    #[must_use]
    pub fn generate(id: ApiKeyId, keys: &KeyRing, random: &impl Random) -> Self {
        let mut secret = [0; SECRET_BYTES];
        random.fill(&mut secret);
        let mut text =
            Self { id, secret: Secret::new(secret), tag: keys.newest_tag(KeyPurpose::ApiKey), mark: [0; MARK_BYTES] };
        let mac = keys.mac(KeyPurpose::ApiKey, &text.marked());
        text.mark.iter_mut().zip(mac).for_each(|(byte, of_mac)| *byte = of_mac);
        text
    }

    /// Reads the text of a key with this prefix; `None` where its form or its check digits are not those of one.
    #[must_use]
    pub fn parse(text: &str, prefix: &KeyPrefix) -> Option<Self> {
        if text.len() != prefix.key_bytes() {
            return None;
        }
        let (before, crc) = text.rsplit_once('_')?;
        let body = before.strip_prefix(prefix.as_str())?.strip_prefix('_')?;
        if crc.len() != CRC_DIGITS || body.len() != BODY_DIGITS {
            return None;
        }
        if u32::from_be_bytes(base62::decode(crc)?) != crc32(before.as_bytes()) {
            return None;
        }
        let body = Secret::new(base62::decode::<BODY_BYTES>(body)?);
        let (id, rest) = body.expose().split_first_chunk::<ID_BYTES>()?;
        let (secret, rest) = rest.split_first_chunk::<SECRET_BYTES>()?;
        let (tag, mark) = rest.split_first_chunk::<TAG_BYTES>()?;
        Some(Self {
            id: ApiKeyId(*id),
            secret: Secret::new(*secret),
            tag: KeyTag::new(*tag),
            mark: mark.try_into().ok()?,
        })
    }

    /// The text itself: for its holder, once.
    #[must_use]
    pub fn expose(&self, prefix: &KeyPrefix) -> Secret<String> {
        let mut body = self.marked();
        body.extend(self.tag.bytes());
        body.extend(self.mark);
        let text = format!("{}_{}", prefix.as_str(), base62::encode(&body, BODY_DIGITS));
        zeroize::Zeroize::zeroize(&mut body);
        let crc = check_digits(text.as_bytes());
        Secret::new(format!("{text}_{crc}"))
    }

    /// Its public name.
    #[must_use]
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What its object knows it by.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::new().chain_update(self.id.0).chain_update(self.secret.expose()).finalize().into())
    }

    /// What its mark says of it.
    #[must_use]
    pub fn mark(&self, keys: &KeyRing) -> KeyMark {
        match keys.mark_is_valid(KeyPurpose::ApiKey, self.tag, &self.marked(), &self.mark) {
            Some(true) => KeyMark::Ours,
            Some(false) => KeyMark::Forged,
            None => KeyMark::Unknown,
        }
    }

    fn marked(&self) -> Vec<u8> {
        let mut marked = Vec::with_capacity(BODY_BYTES);
        marked.extend(self.id.0);
        marked.extend(self.secret.expose());
        marked
    }
}

/// The check digits of a text.
pub(crate) fn check_digits(text: &[u8]) -> String {
    base62::encode(&crc32(text).to_be_bytes(), CRC_DIGITS)
}

/// CRC-32 as in ISO 3309: a checksum against mistakes, no cryptography. Texts are short, so no table is worth its bytes.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;
