//! Recovery codes: what a person keeps on paper for the day on which their factors are gone.
//!
//! A code is 80 random bits, in letters and digits that nobody mistakes for each other. Of a code nothing is stored but its
//! SHA-256 with a salt: so many bits need no slow hash.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ports::Random;
use crate::secret::{self, Secret, constant_time_eq};
use crate::time::Timestamp;

/// How many a person gets.
pub const RECOVERY_CODES: usize = 10;

/// Crockford's base32: without `i`, `l`, `o` and `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CODE_BYTES: usize = 10;
const CODE_CHARACTERS: usize = 16;
const GROUP: usize = 4;
const SALT_BYTES: usize = 16;
/// A longer text is no code, however many spaces are in it.
const MAX_TYPED_BYTES: usize = 64;

/// New recovery codes, to be shown once. They print redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryCodes(#[serde(with = "secret::stored")] Secret<String>);

impl RecoveryCodes {
    fn generate(random: &impl Random) -> Self {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| code(random)).collect();
        Self(Secret::new(codes.join(" ")))
    }

    /// The codes, each in groups: for the page that shows them, nothing else.
    pub fn expose(&self) -> impl Iterator<Item = &str> {
        self.0.expose().split(' ')
    }
}

/// What is stored of recovery codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct RecoveryBook {
    /// When they were made.
    #[serde(default)]
    pub(in crate::session) made_at: Timestamp,
    #[serde(default)]
    salt: String,
    /// Of those that were not used.
    #[serde(default)]
    digests: Vec<String>,
}

impl RecoveryBook {
    /// New codes, and what is stored of them.
    pub(in crate::session) fn generate(random: &impl Random, now: Timestamp) -> (Self, RecoveryCodes) {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let (salt, codes) = (Base64UrlUnpadded::encode_string(&salt), RecoveryCodes::generate(random));
        let digests = codes.expose().filter_map(normalized).map(|code| digest(&salt, &code)).collect();
        (Self { made_at: now, salt, digests }, codes)
    }

    /// How many are left.
    pub(in crate::session) fn left(&self) -> u32 {
        u32::try_from(self.digests.len()).unwrap_or(u32::MAX)
    }

    /// What is left once this code was used; `None` if it is none of those left. It takes as long whichever it is.
    pub(in crate::session) fn without(&self, code: &RecoveryCode) -> Option<Self> {
        let used = digest(&self.salt, &code.0);
        let is_used = |one: &String| constant_time_eq(one.as_bytes(), used.as_bytes());
        let digests: Vec<String> = self.digests.iter().filter(|one| !is_used(one)).cloned().collect();
        (digests.len() < self.digests.len()).then(|| Self { digests, ..self.clone() })
    }
}

/// A text that may be a recovery code, in one spelling.
#[derive(Debug)]
pub(in crate::session) struct RecoveryCode(Secret<String>);

impl RecoveryCode {
    /// Reads what a person typed: in small or capital letters, with or without hyphens and spaces.
    pub(in crate::session) fn read(typed: &str) -> Option<Self> {
        normalized(typed).map(Self)
    }
}

fn code(random: &impl Random) -> String {
    let mut bytes = [0; CODE_BYTES];
    random.fill(&mut bytes);
    let mut text = String::with_capacity(CODE_CHARACTERS + CODE_CHARACTERS / GROUP);
    for (at, character) in spelled(&bytes).enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.push(character);
    }
    text
}

/// Five bits a character.
fn spelled(bytes: &[u8]) -> impl Iterator<Item = char> {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    (0..bytes.len() * 8 / 5).filter_map(move |place| {
        let value = (0..5).fold(0_usize, |value, within| value << 1 | usize::from(bit(place * 5 + within)));
        ALPHABET.get(value).map(|letter| char::from(*letter))
    })
}

fn normalized(typed: &str) -> Option<Secret<String>> {
    if typed.len() > MAX_TYPED_BYTES {
        return None;
    }
    let meant = typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).map(|byte| match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    });
    let mut text = String::with_capacity(CODE_CHARACTERS);
    for byte in meant {
        if !ALPHABET.contains(&byte) {
            return None;
        }
        text.push(char::from(byte));
    }
    (text.len() == CODE_CHARACTERS).then(|| Secret::new(text))
}

fn digest(salt: &str, code: &Secret<String>) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update([0]).chain_update(code.expose()).finalize();
    Base64UrlUnpadded::encode_string(&digest)
}
