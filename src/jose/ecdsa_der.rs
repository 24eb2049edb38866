//! An ECDSA signature in DER, as certificates and authenticators write it → `r` and `s`, as JWS writes it.

use p256::ecdsa::Signature;

/// The longest such signature on P-256: two integers of 33 octets.
const MAX_BYTES: usize = 72;

/// An ECDSA signature on P-256 in DER (RFC 3279 §2.2.3) → `r` and `s`, 32 octets each. `None` where it is no such signature, or
/// written in another way than DER allows: each signature has one spelling.
#[must_use]
pub fn es256_from_der(der: &[u8]) -> Option<Vec<u8>> {
    let read = if der.len() <= MAX_BYTES { Signature::from_der(der).ok() } else { None };
    let raw = read?.to_bytes().to_vec();
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `r` = 1, `s` = 0x80.
    const GOOD: [u8; 9] = [0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80];

    #[test]
    fn a_signature_is_its_two_numbers() {
        let raw = es256_from_der(&GOOD).unwrap();
        let mut expected = [0; 64];
        (expected[31], expected[63]) = (1, 0x80);
        assert_eq!(raw, expected);
    }

    //
    #[test]
    fn another_spelling_is_refused() {
        let cases: [&[u8]; 11] = [
            &[],
            // A negative `s`, and one with a zero too many.
            &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x80],
            &[0x30, 0x08, 0x02, 0x01, 0x01, 0x02, 0x03, 0x00, 0x00, 0x80],
            // A longer length, and none that is said beforehand.
            &[0x30, 0x81, 0x07, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80],
            &[0x30, 0x80, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80, 0x00, 0x00],
            // Something behind it, or within it behind `s`.
            &[0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80, 0x00],
            &[0x30, 0x09, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80, 0x05, 0x00],
            // Zero is no `r` or `s`.
            &[0x30, 0x07, 0x02, 0x01, 0x00, 0x02, 0x02, 0x00, 0x80],
            &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00],
            // Another type.
            &[0x31, 0x07, 0x02, 0x01, 0x01, 0x02, 0x02, 0x00, 0x80],
            &[0x30; 73],
        ];
        for der in cases {
            assert_eq!(es256_from_der(der), None, "{der:02x?}");
        }
        for at in 0..GOOD.len() {
            assert_eq!(es256_from_der(&GOOD[..at]), None, "cut at {at}");
        }
    }
}
