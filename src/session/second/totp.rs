//! Codes from an app (TOTP, RFC 6238): SHA-1, 30 seconds, six digits, which is what every app can do.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::Sha1;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::keyring::{KeyPurpose, KeyRing};
use crate::ports::Random;
use crate::secret::Secret;
use crate::session::handle::SessionDigest;
use crate::time::{Seconds, Timestamp};

/// 160 bits (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;
const PERIOD: i64 = 30;
const DIGITS: usize = 6;
/// A longer text is no code, however many spaces are around it.
const MAX_TYPED_BYTES: usize = 32;
/// How long a secret that nobody has confirmed may be confirmed.
const PENDING_FOR: Seconds = Seconds::minutes(10);
/// What is sealed is 28 bytes, and what sealing adds.
const MAX_SEALED_BYTES: usize = 128;
/// RFC 3986 §2.3
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longer names make a QR code that no camera reads.
const MAX_LABEL_CHARACTERS: usize = 64;

/// The secret that an app and we share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpSecret(Secret<[u8; SECRET_BYTES]>);

/// Six digits, as typed.
#[derive(Debug)]
pub(in crate::session) struct TotpCode(Secret<String>);

impl TotpCode {
    /// Exactly six ASCII digits, spaces around them aside.
    pub(in crate::session) fn read(typed: &str) -> Option<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return None;
        }
        let digits = typed.trim_matches(' ');
        let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then(|| Self(Secret::new(digits.to_owned())))
    }
}

impl TotpSecret {
    /// A new one.
    #[must_use]
    pub fn generate(random: &impl Random) -> Self {
        let mut bytes = [0; SECRET_BYTES];
        random.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    pub(in crate::session) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Secret::new(bytes)))
    }

    pub(in crate::session) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// In base32 (RFC 4648 §6) without padding, as apps let it be typed.
    #[must_use]
    pub fn to_base32(&self) -> Secret<String> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::with_capacity(SECRET_BYTES * 8 / 5);
        for five in self.0.expose().chunks(5) {
            // Five bytes are eight characters.
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let letters = (0..8).rev().filter_map(|place| ALPHABET.get((bits >> (place * 5) & 31) as usize));
            text.extend(letters.map(|letter| char::from(*letter)));
        }
        Secret::new(text)
    }

    /// What the QR code says: the address by which apps take a secret in. Names are escaped, so that none adds a parameter
    ///
    #[must_use]
    pub fn to_uri(&self, issuer: &str, account: &str) -> Secret<String> {
        let escaped = |text: &str| {
            let short: String = text.chars().take(MAX_LABEL_CHARACTERS).collect();
            utf8_percent_encode(&short, ESCAPED).to_string()
        };
        let (issuer, account, secret) = (escaped(issuer), escaped(account), self.to_base32());
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}",
            secret.expose()
        ))
    }

    /// The time step of a code that is good now, or was, or will be, a step from now, and whose step is later than `last`
    /// (RFC 6238 §5.2). All three are compared, whichever it is.
    pub(in crate::session) fn accepted(&self, code: &TotpCode, last: u64, now: Timestamp) -> Option<u64> {
        let current = u64::try_from(now.as_unix() / PERIOD).unwrap_or(0);
        let mut step = 0;
        for candidate in current.saturating_sub(1)..=current.saturating_add(1) {
            let is_it = self.code(candidate).as_bytes().ct_eq(code.0.expose().as_bytes());
            step = u64::conditional_select(&step, &candidate, is_it);
        }
        (step > last).then_some(step)
    }

    /// The code of a time step (RFC 4226 §5.3).
    fn code(&self, step: u64) -> String {
        let tag = hmac_sha1(self.0.expose(), &step.to_be_bytes());
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
        let window = tag.iter().skip(offset).take(4).fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
        format!("{:06}", (window & 0x7fff_ffff) % 1_000_000)
    }
}

fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    // `KeyInit::new` takes exactly one block: HMAC pads a shorter key with zeros itself.
    let mut block = hmac::digest::Key::<Hmac<Sha1>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    <Hmac<Sha1> as hmac::digest::KeyInit>::new(&block).chain_update(message).finalize().into_bytes().into()
}

/// Sent to an object of ours, or sealed before it goes anywhere else.
impl Serialize for TotpSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64UrlUnpadded::encode_string(self.0.expose()))
    }
}

impl<'de> Deserialize<'de> for TotpSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = Base64UrlUnpadded::decode_vec(&text).ok().map(Secret::new);
        bytes.and_then(|bytes| Self::of_bytes(bytes.expose())).ok_or_else(|| serde::de::Error::custom("not a secret"))
    }
}

/// A secret that the page shows and nobody has confirmed yet. Nothing is stored of it: the form carries it, sealed for the
/// session that asked. Once a factor is added with it, that session has another id, and the text opens no more.
#[derive(Debug)]
pub struct PendingTotp {
    /// The secret.
    pub secret: TotpSecret,
    /// The same for the form.
    pub sealed: String,
}

impl PendingTotp {
    /// A new secret for this session; `None` only if sealing fails, which it does not.
    #[must_use]
    pub fn begin(keys: &KeyRing, random: &impl Random, session: &SessionDigest, now: Timestamp) -> Option<Self> {
        let secret = TotpSecret::generate(random);
        let plain = Secret::new([&now.as_unix().to_be_bytes(), secret.bytes()].concat());
        let sealed = keys.seal(KeyPurpose::SecondFactor, &context(session), plain.expose(), random).ok()?;
        Some(Self { secret, sealed })
    }

    /// The secret that a form brings back; `None` if it was made for another session, too long ago, or not by us.
    #[must_use]
    pub fn open(keys: &KeyRing, sealed: &str, session: &SessionDigest, now: Timestamp) -> Option<TotpSecret> {
        if sealed.len() > MAX_SEALED_BYTES {
            return None;
        }
        let plain = keys.open(KeyPurpose::SecondFactor, &context(session), sealed).ok()?;
        let (at, secret) = plain.expose().split_at_checked(size_of::<i64>())?;
        let at = Timestamp::from_unix(i64::from_be_bytes(at.try_into().ok()?));
        (now < at.plus(PENDING_FOR)).then(|| TotpSecret::of_bytes(secret))?
    }
}

fn context(session: &SessionDigest) -> Vec<u8> {
    format!("pending/{session}").into_bytes()
}
