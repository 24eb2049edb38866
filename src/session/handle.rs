//! What the browser holds: an opaque, authenticated pointer to a session.
//!
//! `1.KEY.BODY.MAC`: the version, the id of the key, base64url of the subject's key (32 bytes) and
//! the session id (16 bytes), and the MAC over all before it. No claim, no token, no e-mail.
//! A handle that was not made here dies on the MAC, before any storage is asked.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::keyring::{KeyPurpose, KeyRing};
use crate::ports::Random;
use crate::secret::Secret;

const VERSION: &str = "1";
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
        let signed = format!("{VERSION}.{}.{}", keys.newest_id().as_str(), Base64UrlUnpadded::encode_string(&body));
        let mac = keys.mac(KeyPurpose::SessionHandle, signed.as_bytes());
        Secret::new(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac)))
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
        let (VERSION, key, body, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let mac = Base64UrlUnpadded::decode_vec(mac).ok()?;
        if !keys.mac_is_valid(KeyPurpose::SessionHandle, key, signed.as_bytes(), &mac) {
            return None;
        }
        let body = Base64UrlUnpadded::decode_vec(body).ok()?;
        let (subject, id) = body.split_at_checked(SUBJECT_BYTES)?;
        Some(Self { subject: SubjectKey(subject.try_into().ok()?), id: SessionId(Secret::new(id.try_into().ok()?)) })
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

    fn handle() -> SessionHandle {
        SessionHandle { subject: SubjectKey::of("https://op.example", "alice"), id: SessionId::generate(&Fixed) }
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
        for index in 0..value.expose().len() {
            let mut bytes = value.expose().clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(SessionHandle::from_cookie_value(&forged, &ring), None, "at {index}");
        }
        assert_eq!(SessionHandle::from_cookie_value(value.expose(), &super::tests::ring("k1", 2)), None);
        assert_eq!(SessionHandle::from_cookie_value(value.expose(), &super::tests::ring("k2", 1)), None);
        for text in ["", "1", "1.k1", "1.k1.", "1.k1..", "2.k1.AA.AA", "1.k1.AA.AA.AA"] {
            assert_eq!(SessionHandle::from_cookie_value(text, &ring), None, "{text}");
        }
        assert_eq!(SessionHandle::from_cookie_value(&"1.".repeat(10_000), &ring), None);
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
