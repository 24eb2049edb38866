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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use super::*;

    struct Counting(Cell<u8>);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0.set(self.0.get().wrapping_mul(5).wrapping_add(113));
                *byte = self.0.get();
            }
        }
    }

    fn generated(seed: u8) -> (RecoveryBook, Vec<String>) {
        let (book, codes) = RecoveryBook::generate(&Counting(Cell::new(seed)), Timestamp::from_unix(1_000_000));
        let codes = codes.expose().map(str::to_owned).collect();
        (book, codes)
    }

    fn uses(book: &RecoveryBook, typed: &str) -> Option<RecoveryBook> {
        book.without(&RecoveryCode::read(typed)?)
    }

    #[test]
    fn a_person_gets_ten_codes_of_80_bits_that_are_easy_to_copy() {
        //
        let (book, codes) = generated(1);
        assert_eq!((codes.len(), book.left()), (10, 10));
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 10);
        for code in &codes {
            let groups: Vec<&str> = code.split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4; 4], "{code}");
            assert!(groups.concat().bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        }
        // Every bit of chance is in the code.
        let spell = |bytes: [u8; CODE_BYTES]| spelled(&bytes).collect::<String>();
        assert_eq!(spell([0xff; 10]), "zzzzzzzzzzzzzzzz");
        let all: BTreeSet<String> = (0..80)
            .map(|bit| spell(std::array::from_fn(|byte| if byte == bit / 8 { 1 << (bit % 8) } else { 0 })))
            .collect();
        assert_eq!(all.len(), 80);
    }

    #[test]
    fn each_code_is_good_once() {
        //
        let (mut book, codes) = generated(1);
        for (used, code) in codes.iter().enumerate() {
            let left = uses(&book, code).unwrap();
            assert_eq!(left.left() as usize, 9 - used);
            assert_eq!(uses(&left, code), None);
            book = left;
        }
        assert_eq!(book.left(), 0);
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let (book, codes) = generated(1);
        let code = codes.first().unwrap();
        let plain = code.replace('-', "");
        let spaced = plain.chars().flat_map(|c| [c, ' ']).collect::<String>();
        for typed in [code.to_uppercase(), plain.clone(), spaced, format!("  {code} ")] {
            assert!(uses(&book, &typed).is_some(), "{typed}");
        }
        let misread = |code: &str| code.replace('0', "O").replace('1', "l");
        for code in &codes {
            assert!(uses(&book, &misread(code)).is_some(), "{code}");
        }
        let with_extra = format!("{plain}0");
        let long = format!("{}{plain}", " ".repeat(100_000));
        for typed in [
            "",
            "-",
            &plain[1..],
            &with_extra,
            &long,
            "uuuu-uuuu-uuuu-uuuu",
            "０000-0000-0000-0000",
            "0000-0000-0000-000\0",
        ] {
            assert!(RecoveryCode::read(typed).is_none(), "{typed:?}");
        }
        assert_eq!(uses(&book, "0000-0000-0000-0000"), None);
    }

    #[test]
    fn nothing_stored_tells_a_code_and_no_two_people_share_a_digest() {
        //
        let (book, codes) = generated(1);
        let stored = serde_json::to_string(&book).unwrap();
        assert!(codes.iter().all(|code| !stored.contains(code) && !stored.contains(&code.replace('-', ""))));
        let salted = |salt: &str| digest(salt, &Secret::new("0".repeat(16)));
        assert_ne!(salted("a"), salted("b"));
        let (shown, codes) = RecoveryBook::generate(&Counting(Cell::new(2)), Timestamp::EPOCH);
        assert!(!format!("{codes:?}{shown:?}").contains(codes.expose().next().unwrap()));
    }
}
