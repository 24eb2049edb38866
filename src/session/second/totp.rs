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
    /// Exactly six ASCII digits, spaces around them aside (R-222).
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
    /// (R-344).
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
    pub(in crate::session) fn code(&self, step: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 6238, Appendix B, for SHA-1.
    const RFC_SECRET: &[u8] = b"12345678901234567890";

    struct Same(u8);

    impl Random for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn secret() -> TotpSecret {
        TotpSecret::of_bytes(RFC_SECRET).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn accepted(typed: &str, last: u64, now: i64) -> Option<u64> {
        secret().accepted(&TotpCode::read(typed)?, last, at(now))
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // R-217: there they have eight digits, of which ours are the last six.
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = u64::try_from(seconds / PERIOD).unwrap();
            assert_eq!(secret().code(step), code[2..], "{seconds}");
            assert_eq!(accepted(&code[2..], 0, seconds), Some(step), "{seconds}");
        }
    }

    #[test]
    fn codes_are_those_of_rfc_4226() {
        // R-217
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (count, code) in (0..).zip(codes) {
            assert_eq!(secret().code(count), code, "{count}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_its_own() {
        // R-219
        let step = 41_152_263;
        let code = secret().code(step);
        let begins = i64::try_from(step).unwrap() * PERIOD;
        for (after, good) in [(-31, false), (-30, true), (0, true), (29, true), (30, true), (59, true), (60, false)] {
            assert_eq!(accepted(&code, 0, begins + after), good.then_some(step), "{after}");
        }
    }

    #[test]
    fn no_code_counts_twice_nor_an_earlier_one_after_it() {
        // R-218, R-341
        let (step, now) = (41_152_263, 41_152_263 * PERIOD);
        let code = |step| secret().code(step);
        assert_eq!(accepted(&code(step), step - 1, now), Some(step));
        for last in [step, step + 1, u64::MAX] {
            assert_eq!(accepted(&code(step), last, now), None, "{last}");
        }
        assert_eq!(accepted(&code(step - 1), step, now), None);
        assert_eq!(accepted(&code(step + 1), step, now), Some(step + 1));
    }

    #[test]
    fn a_code_is_six_ascii_digits() {
        // R-222
        for typed in ["005924", " 005924", "005924  "] {
            assert_eq!(accepted(typed, 0, 1_234_567_890), Some(41_152_263), "{typed}");
        }
        let long = format!("{}005924", " ".repeat(100_000));
        for typed in [
            "",
            "5924",
            "05924",
            "0005924",
            "00592",
            "-05924",
            "+05924",
            "5924.0",
            "1e5",
            "0x5924",
            "005 924",
            "005924\n",
            "\u{a0}005924",
            "００５９２４",
            "٠٠٥٩٢٤",
            "٠٠5",
            "005924\0",
            &long,
        ] {
            assert!(TotpCode::read(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn a_clock_before_all_time_accepts_nothing() {
        assert_eq!(accepted(&secret().code(0), 0, i64::MIN), None);
        assert_eq!(accepted(&secret().code(1), 0, -1), Some(1));
        assert_eq!(accepted("000000", 0, i64::MAX), None);
    }

    #[test]
    fn an_app_reads_the_secret_from_its_address() {
        // R-344: of base32 (RFC 4648 §10), and of names that would be parameters.
        let address = secret().to_uri("Acme & Co: \u{fc}", "a:b&secret=AAAA#?/%41\u{1f600}");
        assert_eq!(
            address.expose(),
            "otpauth://totp/Acme%20%26%20Co%3A%20%C3%BC:a%3Ab%26secret%3DAAAA%23%3F%2F%2541%F0%9F%98%80\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20Co%3A%20%C3%BC&algorithm=SHA1&digits=6&period=30"
        );
        let read = url::Url::parse(address.expose()).unwrap();
        let secrets: Vec<_> = read.query_pairs().filter(|(name, _)| name == "secret").collect();
        assert_eq!(secrets, [("secret".into(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into())]);
        let long = secret().to_uri(&"i".repeat(1000), &"a".repeat(1000));
        assert!(long.expose().len() < 300, "{}", long.expose());
    }

    #[test]
    fn a_secret_is_160_random_bits_and_prints_redacted() {
        // R-221
        assert_eq!(TotpSecret::generate(&Same(7)).bytes(), [7; 20]);
        let sent = serde_json::to_string(&secret()).unwrap();
        assert_eq!(serde_json::from_str::<TotpSecret>(&sent).unwrap(), secret());
        for other in [r#""""#, r#""AAAA""#, r#""MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=""#, "1", "[]"] {
            assert!(serde_json::from_str::<TotpSecret>(other).is_err(), "{other}");
        }
        let printed = format!("{:?} {:?}", secret(), TotpCode::read("123456"));
        assert!(!printed.contains("49") && !printed.contains("1234"), "{printed}");
    }

    #[test]
    fn a_form_brings_a_secret_back_to_its_session_alone_and_for_ten_minutes() {
        let ring = |id: u8| {
            let root = Base64UrlUnpadded::encode_string(&[id; 32]);
            KeyRing::parse(&format!("{}:{root}", char::from(id))).unwrap()
        };
        let (keys, now) = (ring(b'a'), at(1_000_000));
        let (one, other) = (SessionDigest::of_tag("one".into()), SessionDigest::of_tag("other".into()));
        let pending = PendingTotp::begin(&keys, &Same(9), &one, now).unwrap();
        let opened = |sealed: &str, session, now| PendingTotp::open(&keys, sealed, session, now);
        assert_eq!(opened(&pending.sealed, &one, now), Some(pending.secret.clone()));
        assert!(opened(&pending.sealed, &one, at(1_000_599)).is_some());
        assert_eq!(opened(&pending.sealed, &one, at(1_000_600)), None);
        assert_eq!(opened(&pending.sealed, &other, now), None);
        assert_eq!(PendingTotp::open(&ring(b'b'), &pending.sealed, &one, now), None);
        let cut = pending.sealed.get(..pending.sealed.len() - 1).unwrap();
        for text in ["", ".", "a.", cut, &"a".repeat(100_000)] {
            assert_eq!(opened(text, &one, now), None);
        }
        // What is sealed for a factor that is there is no form's.
        let factors = keys.seal(KeyPurpose::SecondFactor, b"totp/one", &[9; 28], &Same(9)).unwrap();
        assert_eq!(opened(&factors, &one, now), None);
        assert!(!pending.sealed.contains(pending.secret.to_base32().expose().as_str()));
    }
}
