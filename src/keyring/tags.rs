//! Short marks for texts that have no room for the id of a root key and a whole MAC.

use super::{Entry, KeyPurpose, KeyRing};
use hmac::Mac;

/// How long a tag is.
pub const TAG_BYTES: usize = 3;

/// What is authenticated to make a tag. No marked text is so short.
const TAGGED: &[u8] = b"tag";

/// Stands for a root key in few bytes: it goes by the secret, not by its id, for an id may be given again. Two root keys
/// share one by chance in one of 16 million cases; then a text that a dropped key marked counts as forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTag([u8; TAG_BYTES]);

impl KeyTag {
    /// The tag with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; TAG_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; TAG_BYTES] {
        self.0
    }
}

impl KeyRing {
    /// The tag of the key that new things are made with.
    #[must_use]
    pub fn newest_tag(&self, purpose: KeyPurpose) -> KeyTag {
        self.newest.tag(purpose)
    }

    /// Whether `mark` is the beginning of the MAC over `message` by a key of this tag, in constant time; `None` where the
    /// ring has no such key (any more).
    #[must_use]
    pub fn mark_is_valid(&self, purpose: KeyPurpose, tag: KeyTag, message: &[u8], mark: &[u8]) -> Option<bool> {
        let entries = std::iter::once(&self.newest).chain(&self.older).filter(|entry| entry.tag(purpose) == tag);
        let marks = |entry: &Entry| entry.mac(purpose).chain_update(message).verify_truncated_left(mark).is_ok();
        entries.map(marks).reduce(|valid, one| valid | one)
    }
}

impl Entry {
    fn tag(&self, purpose: KeyPurpose) -> KeyTag {
        let [a, b, c, ..]: [u8; 32] = self.mac(purpose).chain_update(TAGGED).finalize().into_bytes().into();
        KeyTag([a, b, c])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ring;
    use super::*;

    #[test]
    fn a_mark_is_the_beginning_of_its_key_s_mac() {
        //
        let (old, both, other) = (ring(&["a"]), ring(&["b", "a"]), ring(&["b"]));
        let mac = old.mac(KeyPurpose::ApiKey, b"text");
        let (tag, mark) = (old.newest_tag(KeyPurpose::ApiKey), mac.get(..5).unwrap());
        let valid = |ring: &KeyRing, purpose, text: &[u8], mark: &[u8]| ring.mark_is_valid(purpose, tag, text, mark);
        for ring in [&old, &both] {
            assert_eq!(valid(ring, KeyPurpose::ApiKey, b"text", mark), Some(true));
            assert_eq!(valid(ring, KeyPurpose::ApiKey, b"texu", mark), Some(false));
            assert_eq!(valid(ring, KeyPurpose::SessionHandle, b"text", mark), None);
            assert_eq!(valid(ring, KeyPurpose::ApiKey, b"text", &[0; 5]), Some(false));
            assert_eq!(valid(ring, KeyPurpose::ApiKey, b"text", b""), Some(false));
        }
        assert_eq!(valid(&other, KeyPurpose::ApiKey, b"text", mark), None);
        assert_ne!(other.newest_tag(KeyPurpose::ApiKey), tag);
        assert_ne!(old.newest_tag(KeyPurpose::SessionHandle), tag);
    }
}
