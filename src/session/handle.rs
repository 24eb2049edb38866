//! What the browser holds: an opaque, authenticated pointer to a session.
//!
//! `2.KEY.BODY.MAC`: the version, the id of the key, base64url of the subject's key (32 bytes), the session id (16 bytes)
//! and the second in which the session began (8 bytes), and the MAC over all before it. No claim, no token, no e-mail
//! . A handle that was not made here dies on the MAC, before any storage is asked; so does one that is older than any
//! session gets. Version 1 has no such second: it is read as long as there is a key that made it, and made anew as 2.
//! The release before does not read 2: whoever goes back to it has those sign in again who signed in since.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::keyring::{KeyPurpose, KeyRing};
use crate::ports::Random;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

const VERSION: &str = "2";
/// Of the release before.
const WITHOUT_BEGINNING: &str = "1";
const SUBJECT_BYTES: usize = 32;
const ID_BYTES: usize = 16;
const MAX_HANDLE_BYTES: usize = 200;

/// Names the object of one subject: SHA-256 over issuer, NUL, subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubjectKey([u8; SUBJECT_BYTES]);

/// The secret part of a handle: 128 random bits, new at every login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(Secret<[u8; ID_BYTES]>);

/// What storage knows a session by; the id cannot be computed from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SessionDigest(String);

/// A pointer to one session of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHandle {
    /// Whose object to ask.
    pub subject: SubjectKey,
    /// Which session there.
    pub id: SessionId,
    /// When it began; `None` in a handle of the release before.
    pub began_at: Option<Timestamp>,
}

impl SubjectKey {
    /// The key of the subject that `issuer` calls `subject`.
    #[must_use]
    pub fn of(issuer: &str, subject: &str) -> Self {
        // An issuer is a URL and so holds no NUL: no two pairs share an input.
        Self(Sha256::new().chain_update(issuer).chain_update([0]).chain_update(subject).finalize().into())
    }

    /// Reads the name of an object; `None` when it is none.
    #[must_use]
    pub fn from_object_name(name: &str) -> Option<Self> {
        Base64UrlUnpadded::decode_vec(name).ok()?.try_into().ok().map(Self)
    }

    /// The key with these bytes.
    pub(super) const fn of_bytes(bytes: [u8; SUBJECT_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; SUBJECT_BYTES] {
        &self.0
    }

    /// The name of the subject's object.
    #[must_use]
    pub fn object_name(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }
}

impl SessionId {
    /// A new one.
    #[must_use]
    pub fn generate(random: &impl Random) -> Self {
        let mut bytes = [0; ID_BYTES];
        random.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// The id with these bytes: at least as hard to guess as one that was made by chance.
    #[must_use]
    pub const fn of_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(Secret::new(bytes))
    }

    pub(super) const fn bytes(&self) -> &[u8; ID_BYTES] {
        self.0.expose()
    }

    /// What to look it up by.
    #[must_use]
    pub fn digest(&self) -> SessionDigest {
        SessionDigest(Base64UrlUnpadded::encode_string(&Sha256::digest(self.0.expose())))
    }
}

impl SessionDigest {
    /// The digest as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest that a line to the object is marked with.
    #[must_use]
    pub const fn of_tag(tag: String) -> Self {
        Self(tag)
    }

    /// A name for the session that may be seen: enough to tell one from another.
    #[must_use]
    pub fn public_id(&self) -> String {
        self.0.chars().take(16).collect()
    }
}

impl fmt::Display for SessionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SessionHandle {
    /// The value of the cookie.
    #[must_use]
    pub fn to_cookie_value(&self, keys: &KeyRing) -> Secret<String> {
        let mut body = self.subject.0.to_vec();
        body.extend(self.id.0.expose());
        body.extend(self.began_at.iter().flat_map(|at| at.as_unix().to_be_bytes()));
        let version = if self.began_at.is_some() { VERSION } else { WITHOUT_BEGINNING };
        let signed = format!("{version}.{}.{}", keys.newest_id().as_str(), Base64UrlUnpadded::encode_string(&body));
        let mac = keys.mac(KeyPurpose::SessionHandle, signed.as_bytes());
        Secret::new(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac)))
    }

    /// Whether the session is over by its age alone, where none gets older than `absolute`: its object need not be asked.
    #[must_use]
    pub fn is_over(&self, absolute: Seconds, now: Timestamp) -> bool {
        self.began_at.is_some_and(|began_at| began_at.plus(absolute) <= now)
    }

    /// Whether a cookie's value, known to be good, was made with an older key than the newest: it is to be made anew.
    #[must_use]
    pub fn has_old_key(value: &str, keys: &KeyRing) -> bool {
        value.split('.').nth(1) != Some(keys.newest_id().as_str())
    }

    /// Reads a cookie's value; `None` for whatever was not made by [`SessionHandle::to_cookie_value`]
    /// with a key still in the ring.
    #[must_use]
    pub fn from_cookie_value(value: &str, keys: &KeyRing) -> Option<Self> {
        if value.len() > MAX_HANDLE_BYTES {
            return None;
        }
        let (signed, mac) = value.rsplit_once('.')?;
        let mut parts = signed.split('.');
        let (version, key, body, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let mac = Base64UrlUnpadded::decode_vec(mac).ok()?;
        if !keys.mac_is_valid(KeyPurpose::SessionHandle, key, signed.as_bytes(), &mac) {
            return None;
        }
        let body = Base64UrlUnpadded::decode_vec(body).ok()?;
        let (subject, rest) = body.split_at_checked(SUBJECT_BYTES)?;
        let (id, beginning) = rest.split_at_checked(ID_BYTES)?;
        let began_at = match (version, beginning) {
            (VERSION, beginning) => Some(Timestamp::from_unix(i64::from_be_bytes(beginning.try_into().ok()?))),
            (WITHOUT_BEGINNING, []) => None,
            _ => return None,
        };
        let (subject, id) = (subject.try_into().ok()?, id.try_into().ok()?);
        Some(Self { subject: SubjectKey(subject), id: SessionId(Secret::new(id)), began_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::parse(&format!("{id}:{}", Base64UrlUnpadded::encode_string(&[byte; 32]))).unwrap()
    }

    const BEGAN_AT: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn handle() -> SessionHandle {
        let subject = SubjectKey::of("https://op.example", "alice");
        SessionHandle { subject, id: SessionId::generate(&Fixed), began_at: Some(BEGAN_AT) }
    }

    /// What the release before made of it.
    fn old_handle() -> SessionHandle {
        SessionHandle { began_at: None, ..handle() }
    }

    #[test]
    fn a_handle_survives_the_cookie_and_stays_under_200_bytes() {
        //
        let ring = ring("k1", 1);
        let value = handle().to_cookie_value(&ring);
        assert!(value.expose().len() < 200);
        assert_eq!(SessionHandle::from_cookie_value(value.expose(), &ring), Some(handle()));
    }

    #[test]
    fn any_changed_character_and_any_foreign_key_makes_it_nobodys() {
        let ring = ring("k1", 1);
        let value = handle().to_cookie_value(&ring);
        for value in [&value, &old_handle().to_cookie_value(&ring)] {
            for index in 0..value.expose().len() {
                let mut bytes = value.expose().clone().into_bytes();
                bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
                let forged = String::from_utf8(bytes).unwrap();
                assert_eq!(SessionHandle::from_cookie_value(&forged, &ring), None, "at {index}");
            }
        }
        assert_eq!(SessionHandle::from_cookie_value(value.expose(), &super::tests::ring("k1", 2)), None);
        assert_eq!(SessionHandle::from_cookie_value(value.expose(), &super::tests::ring("k2", 1)), None);
        for text in ["", "1", "1.k1", "1.k1.", "1.k1..", "2.k1.AA.AA", "1.k1.AA.AA.AA"] {
            assert_eq!(SessionHandle::from_cookie_value(text, &ring), None, "{text}");
        }
        assert_eq!(SessionHandle::from_cookie_value(&"1.".repeat(10_000), &ring), None);
    }

    #[test]
    fn a_shorter_or_longer_mac_makes_it_nobodys() {
        //
        let ring = ring("k1", 1);
        for handle in [handle(), old_handle()] {
            let value = handle.to_cookie_value(&ring);
            let (signed, mac) = value.expose().rsplit_once('.').unwrap();
            let mac = Base64UrlUnpadded::decode_vec(mac).unwrap();
            let with = |mac: &[u8]| {
                let value = format!("{signed}.{}", Base64UrlUnpadded::encode_string(mac));
                SessionHandle::from_cookie_value(&value, &ring)
            };
            assert_eq!(with(&mac), Some(handle));
            for cut in 0..mac.len() {
                assert_eq!((with(&mac[..cut]), with(&mac[cut + 1..])), (None, None), "{cut}");
            }
            let longer = [&mac[..], &[0]].concat();
            assert_eq!((with(&longer), with(&[&mac[..], &mac[..]].concat())), (None, None));
        }
    }

    #[test]
    fn a_handle_of_the_release_before_stays_good() {
        //
        let ring = ring("k1", 1);
        let old = concat!(
            "1.k1.mWSQHIk50BB1r5GAneeUNuXFM-IuXrah2W4qXZK5aBYHBwcHBwcHBwcHBwcHBwcH",
            ".1uvXqknr3PO0CgmKDIRBG7bl2XHwhoCX-9pyH1sGmLU"
        );
        assert_eq!(SessionHandle::from_cookie_value(old, &ring), Some(old_handle()));
        assert_eq!(old_handle().to_cookie_value(&ring).expose(), old);
        assert!(!old_handle().is_over(Seconds::new(0), BEGAN_AT), "nobody knows when it began");
    }

    #[test]
    fn neither_version_is_read_as_the_other() {
        let ring = ring("k1", 1);
        let signed = |version: &str, body: &[u8]| {
            let signed = format!("{version}.k1.{}", Base64UrlUnpadded::encode_string(body));
            let mac = ring.mac(KeyPurpose::SessionHandle, signed.as_bytes());
            format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac))
        };
        for (version, length, is_read) in [
            ("1", 47, false),
            ("1", 48, true),
            ("1", 49, false),
            ("1", 56, false),
            ("2", 48, false),
            ("2", 55, false),
            ("2", 56, true),
            ("2", 57, false),
            ("3", 56, false),
            ("", 48, false),
        ] {
            let value = signed(version, &vec![7; length]);
            assert_eq!(SessionHandle::from_cookie_value(&value, &ring).is_some(), is_read, "{version} {length}");
        }
    }

    #[test]
    fn a_session_is_over_by_its_age_alone_at_the_absolute_end_and_not_before() {
        //
        let absolute = Seconds::hours(8);
        for (after, is_over) in [(-60, false), (0, false), (28_799, false), (28_800, true), (40 * 86_400, true)] {
            let now = Timestamp::from_unix(BEGAN_AT.as_unix() + after);
            assert_eq!(handle().is_over(absolute, now), is_over, "{after}");
        }
        for odd in [i64::MIN, i64::MAX] {
            let odd = SessionHandle { began_at: Some(Timestamp::from_unix(odd)), ..handle() };
            assert_eq!(odd.is_over(absolute, BEGAN_AT), odd.began_at < Some(BEGAN_AT));
        }
    }

    #[test]
    fn the_same_subject_at_two_issuers_is_two_subjects() {
        //
        assert_ne!(SubjectKey::of("https://a.example", "x"), SubjectKey::of("https://b.example", "x"));
        assert_ne!(SubjectKey::of("https://a.example", "bx"), SubjectKey::of("https://a.exampleb", "x"));
    }

    #[test]
    fn an_object_is_found_again_by_its_name() {
        let key = SubjectKey::of("https://a.example", "x");
        assert_eq!(SubjectKey::from_object_name(&key.object_name()), Some(key));
        for name in ["", "A", "x", &"A".repeat(42), &"A".repeat(44), &format!("{}=", key.object_name())] {
            assert_eq!(SubjectKey::from_object_name(name), None, "{name}");
        }
    }

    #[test]
    fn storage_never_sees_the_id() {
        let id = SessionId::generate(&Fixed);
        assert!(!id.digest().as_str().contains(&Base64UrlUnpadded::encode_string(&[7; 16])));
    }
}
