//! The texts that agents hold: opaque, authenticated pointers to a grant.
//!
//! `PREFIX_KIND_BODY_CRC`: the prefix of the site's keys, the kind, base64url of the tag of the root key (3 bytes), the key
//! of the person (32), the id of the grant (16), a number (8) and the first 16 bytes of the MAC over all of it; and check
//! digits as in API keys. One that was not made here dies on the MAC, before any storage is asked. An object knows a grant by
//! the digest of its id alone.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::handle::{SessionId, SubjectKey};
use crate::api_key::{CRC_DIGITS, KeyPrefix, check_digits};
use crate::keyring::{KeyPurpose, KeyRing, KeyTag, TAG_BYTES};
use crate::secret::Secret;
use crate::time::Timestamp;

const SUBJECT_BYTES: usize = 32;
const ID_BYTES: usize = 16;
const NUMBER_BYTES: usize = 8;
const MAC_BYTES: usize = 16;
const BODY_BYTES: usize = TAG_BYTES + SUBJECT_BYTES + ID_BYTES + NUMBER_BYTES + MAC_BYTES;
/// Of base64url without padding.
const BODY_DIGITS: usize = BODY_BYTES.div_ceil(3) * 4;
/// All that follows the prefix: the kind, the body, the check digits, and what separates them.
const TEXT_DIGITS: usize = 1 + 2 + 1 + BODY_DIGITS + 1 + CRC_DIGITS;

/// What a text is for. No text of one kind is read as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleKind {
    /// A code of the authorization endpoint.
    Code,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// The name of an approval that an agent waits for.
    Approval,
}

impl HandleKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "ac",
            Self::Access => "at",
            Self::Refresh => "rt",
            Self::Approval => "ap",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::Code, Self::Access, Self::Refresh, Self::Approval].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A pointer to one grant of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantHandle {
    /// What it is for.
    pub kind: HandleKind,
    /// Whose object to ask.
    pub subject: SubjectKey,
    /// Which grant there.
    pub id: SessionId,
    /// Of a code 0; of an access token and of an approval the second in which it ends; of a refresh token its generation.
    pub number: u64,
}

impl GrantHandle {
    /// An access token that ends then.
    #[must_use]
    pub fn access(subject: SubjectKey, id: SessionId, ends_at: Timestamp) -> Self {
        Self { kind: HandleKind::Access, subject, id, number: u64::try_from(ends_at.as_unix()).unwrap_or_default() }
    }

    /// When it ends, of an access token or an approval.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        Timestamp::from_unix(i64::try_from(self.number).unwrap_or(i64::MAX))
    }

    /// The text.
    #[must_use]
    pub fn to_text(&self, prefix: &KeyPrefix, keys: &KeyRing) -> Secret<String> {
        let (tag, number) = (keys.newest_tag(KeyPurpose::AgentHandle).bytes(), self.number.to_be_bytes());
        let body = Secret::new([&tag[..], self.subject.bytes(), self.id.bytes(), &number].concat());
        let mac = keys.mac(KeyPurpose::AgentHandle, &signed(self.kind, body.expose()));
        let (mac, _) = mac.split_at(MAC_BYTES);
        let body = Secret::new([body.expose().as_slice(), mac].concat());
        let body = Secret::new(Base64UrlUnpadded::encode_string(body.expose()));
        let text = Secret::new([prefix.as_str(), self.kind.as_str(), body.expose().as_str()].join("_"));
        Secret::new([text.expose().as_str(), &check_digits(text.expose().as_bytes())].join("_"))
    }

    /// Reads a text of any kind; `None` for whatever was not made by [`GrantHandle::to_text`] with this prefix and a key still
    /// in the ring.
    #[must_use]
    pub fn parse(text: &str, prefix: &KeyPrefix, keys: &KeyRing) -> Option<Self> {
        let (kind, body) = parts(text, prefix)?;
        let body = Secret::new(Base64UrlUnpadded::decode_vec(body).ok()?);
        let (before, mac) = body.expose().split_at_checked(BODY_BYTES - MAC_BYTES)?;
        let (tag, rest) = before.split_first_chunk::<TAG_BYTES>()?;
        let tag = KeyTag::new(*tag);
        if keys.mark_is_valid(KeyPurpose::AgentHandle, tag, &signed(kind, before), mac) != Some(true) {
            return None;
        }
        let (subject, rest) = rest.split_first_chunk::<SUBJECT_BYTES>()?;
        let (id, number) = rest.split_first_chunk::<ID_BYTES>()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        Some(Self { kind, subject: SubjectKey::of_bytes(*subject), id: SessionId::of_bytes(*id), number })
    }

    /// Whether such a text stands in this one.
    #[must_use]
    pub fn stands_in(text: &str, prefix: &KeyPrefix) -> bool {
        let length = prefix.as_str().len() + TEXT_DIGITS;
        text.match_indices(prefix.as_str()).any(|(at, _)| {
            let shown = at.checked_add(length).and_then(|end| text.get(at..end));
            shown.is_some_and(|shown| Self::is_shaped(shown, prefix))
        })
    }

    /// Whether a text has the form of one of ours, whether or not it was made here: then it is to be seen by no one else.
    #[must_use]
    pub fn is_shaped(text: &str, prefix: &KeyPrefix) -> bool {
        parts(text, prefix).is_some()
    }
}

/// Kind and body of a text with the right form and check digits.
fn parts<'a>(text: &'a str, prefix: &KeyPrefix) -> Option<(HandleKind, &'a str)> {
    let (before, crc) = text.split_at_checked(text.len().checked_sub(CRC_DIGITS + 1)?)?;
    let rest = before.strip_prefix(prefix.as_str())?.strip_prefix('_')?;
    let (kind, body) = rest.split_once('_')?;
    let kind = HandleKind::of(kind).filter(|_| body.len() == BODY_DIGITS)?;
    (crc.strip_prefix('_')? == check_digits(before.as_bytes())).then_some((kind, body))
}

fn signed(kind: HandleKind, body: &[u8]) -> Vec<u8> {
    [kind.as_str().as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::handle::SessionHandle;

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::parse(&format!("{id}:{}", Base64UrlUnpadded::encode_string(&[byte; 32]))).unwrap()
    }

    fn handle(kind: HandleKind, number: u64) -> GrantHandle {
        let subject = SubjectKey::of("https://op.example", "alice");
        GrantHandle { kind, subject, id: SessionId::of_bytes([7; 16]), number }
    }

    const KINDS: [HandleKind; 4] = [HandleKind::Code, HandleKind::Access, HandleKind::Refresh, HandleKind::Approval];

    #[test]
    fn a_handle_is_read_as_it_was_made() {
        let (keys, prefix) = (ring("k1", 1), KeyPrefix::default());
        for kind in KINDS {
            for number in [0, 1, 1_800_000_000, u64::MAX] {
                let text = handle(kind, number).to_text(&prefix, &keys);
                assert_eq!(GrantHandle::parse(text.expose(), &prefix, &keys), Some(handle(kind, number)));
                assert!(text.expose().starts_with(&format!("pstn_{}_", kind.as_str())), "{}", text.expose());
                assert_eq!(text.expose().len(), "pstn_at_".len() + 100 + 7);
                assert!(crate::http::is_token68(text.expose()));
            }
        }
    }

    #[test]
    fn any_changed_character_and_any_foreign_key_or_prefix_makes_it_nobodys() {
        let (keys, prefix) = (ring("k1", 1), KeyPrefix::default());
        let text = handle(HandleKind::Access, 9).to_text(&prefix, &keys);
        for index in 0..text.expose().len() {
            let mut bytes = text.expose().clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let mut forged = String::from_utf8(bytes).unwrap();
            assert_eq!(GrantHandle::parse(&forged, &prefix, &keys), None, "at {index}");
            // With check digits that are right, it is the MAC that counts.
            if forged.is_char_boundary(108) && index > 7 && index < 108 {
                forged.truncate(108);
                let digits = check_digits(forged.as_bytes());
                assert_eq!(GrantHandle::parse(&format!("{forged}_{digits}"), &prefix, &keys), None, "at {index}");
            }
        }
        let parse = |prefix: &str, keys: &KeyRing| {
            GrantHandle::parse(text.expose(), &KeyPrefix::parse(prefix).unwrap(), keys).is_some()
        };
        assert!(parse("pstn", &keys));
        assert!(!parse("pstn", &ring("k1", 2)) && !parse("acme", &keys));
        for odd in [
            "",
            "_",
            "pstn_at__",
            "pstn_at",
            &"_".repeat(500),
            text.expose().get(1..).unwrap(),
            "é".repeat(60).as_str(),
        ] {
            assert_eq!(GrantHandle::parse(odd, &prefix, &keys), None, "{odd}");
        }
    }

    #[test]
    fn no_kind_is_read_as_another_and_none_is_a_session() {
        let (keys, prefix) = (ring("k1", 1), KeyPrefix::default());
        for kind in KINDS {
            let text = handle(kind, 9).to_text(&prefix, &keys);
            assert_eq!(SessionHandle::from_cookie_value(text.expose(), &keys), None);
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                let renamed = text.expose().replace(&format!("_{}_", kind.as_str()), &format!("_{}_", other.as_str()));
                let renamed = renamed.get(..108).unwrap();
                let renamed = format!("{renamed}_{}", check_digits(renamed.as_bytes()));
                assert!(GrantHandle::is_shaped(&renamed, &prefix));
                assert_eq!(GrantHandle::parse(&renamed, &prefix, &keys), None);
            }
        }
    }

    #[test]
    fn an_older_key_of_the_ring_reads_it_too() {
        let prefix = KeyPrefix::default();
        let old = handle(HandleKind::Refresh, 3).to_text(&prefix, &ring("k1", 1));
        let both = KeyRing::parse(&format!(
            "k2:{} k1:{}",
            Base64UrlUnpadded::encode_string(&[2; 32]),
            Base64UrlUnpadded::encode_string(&[1; 32])
        ));
        assert_eq!(GrantHandle::parse(old.expose(), &prefix, &both.unwrap()), Some(handle(HandleKind::Refresh, 3)));
    }
}
