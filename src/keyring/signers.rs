//! One ES256 key pair for each entry of the ring, derived: there is no further secret to keep, and none to rotate.

use hkdf::Hkdf;
use sha2::Sha256;

use super::{Entry, KEY_BYTES, KeyPurpose, KeyRing};
use crate::jose::Es256Signer;
use crate::secret::Secret;

impl KeyRing {
    /// The key pair of the newest entry: the one that signs.
    #[must_use]
    pub fn newest_signer(&self) -> Option<Es256Signer> {
        self.newest.signer()
    }

    /// The key pairs of all entries, newest first: what is signed with any of them counts.
    pub fn signers(&self) -> impl Iterator<Item = Es256Signer> {
        std::iter::once(&self.newest).chain(&self.older).filter_map(Entry::signer)
    }
}

impl Entry {
    /// By rejection sampling, as RFC 9180 §7.1.3 derives a P-256 key: candidates of 32 bytes from HKDF, each with a
    /// counter, until one is a scalar from 1 to n - 1. Nothing is reduced, so nothing is biased. One candidate in
    /// 2^32 is refused; that all 256 are does not happen.
    fn signer(&self) -> Option<Es256Signer> {
        let hkdf = Hkdf::<Sha256>::new(None, self.root.expose());
        (0..=u8::MAX).find_map(|counter| {
            let mut candidate = [0; KEY_BYTES];
            let label = [KeyPurpose::Assertion.label(), &[counter]];
            hkdf.expand_multi_info(&label, &mut candidate).ok()?;
            Es256Signer::from_scalar(&Secret::new(candidate))
        })
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::*;

    fn ring(letters: &[u8]) -> KeyRing {
        let entry = |letter: &u8| {
            format!("{}:{}", char::from(*letter), Base64UrlUnpadded::encode_string(&[*letter; KEY_BYTES]))
        };
        KeyRing::parse(&letters.iter().map(entry).collect::<Vec<_>>().join(",")).unwrap()
    }

    fn kids(ring: &KeyRing) -> Vec<String> {
        ring.signers().map(|signer| signer.kid().to_owned()).collect()
    }

    #[test]
    fn an_entry_has_the_same_key_for_ever_and_wherever_it_stands() {
        let (a, b) = (kids(&ring(b"a")), kids(&ring(b"b")));
        // Another value here means that every assertion under way is refused after the next deployment.
        assert_eq!(a, ["VH21QEZj3Uskplk-zjn8x8g1F6CV44kOuAAQr97WCTM"]);
        assert_eq!(kids(&ring(b"ba")), [b.clone(), a.clone()].concat());
        assert_eq!(ring(b"ba").newest_signer().unwrap().kid(), b[0]);
        assert_eq!(kids(&ring(b"ab")), [a, b].concat());
    }

    #[test]
    fn the_key_is_not_what_another_purpose_uses() {
        let ring = ring(b"a");
        let own = ring.newest_signer().unwrap();
        let plain = Es256Signer::from_scalar(&ring.newest.derive(KeyPurpose::Assertion)).unwrap();
        let root = Es256Signer::from_scalar(&ring.newest.root).unwrap();
        assert!(own.kid() != plain.kid() && own.kid() != root.kid());
    }

    #[test]
    fn what_is_no_scalar_is_no_key() {
        // The order of P-256 (SEC 2 §2.4.2), the number before it, and zero.
        let mut order = [0_u8; 32];
        let text = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
        for (at, byte) in order.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2).unwrap(), 16).unwrap();
        }
        let signer = |bytes: [u8; 32]| Es256Signer::from_scalar(&Secret::new(bytes));
        assert!(signer(order).is_none() && signer([0; 32]).is_none() && signer([0xff; 32]).is_none());
        order[31] -= 1;
        assert!(signer(order).is_some());
    }
}
