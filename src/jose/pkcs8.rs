//! A private P-256 key as PKCS #8 in PEM (RFC 5958, RFC 5915, RFC 7468) → its scalar.
//!
//! DER has one spelling for each of the three forms in which such a key is written, and no other is taken: with the curve
//! named twice, as Apple and Java write it, with it named once, as OpenSSL does, and without the public half. So nothing of
//! ASN.1 has to be read, whose crates are as large as the whole of signing.

use base64ct::{Base64, Encoding};

use crate::secret::Secret;

/// A key of this kind has some 250 characters.
const MAX_PEM_BYTES: usize = 1024;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// `AlgorithmIdentifier`: a public key on an elliptic curve, P-256.
const ALGORITHM: [u8; 21] = [
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// `parameters [0]` of the key itself: the same curve once more.
const CURVE: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `publicKey [1]` with a bit string of 65 octets.
const PUBLIC: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];
const SCALAR_BYTES: usize = 32;
const POINT_BYTES: usize = 65;

/// By form: what stands around the algorithm, and whether the curve and the public half follow the scalar.
const FORMS: [(&[u8], &[u8], bool, bool); 3] = [
    (&[0x30, 0x81, 0x93, 0x02, 0x01, 0x00], &[0x04, 0x79, 0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20], true, true),
    (&[0x30, 0x81, 0x87, 0x02, 0x01, 0x00], &[0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20], false, true),
    (&[0x30, 0x41, 0x02, 0x01, 0x00], &[0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20], false, false),
];

/// What such a file holds. Whether its halves belong together is for the caller to see.
pub(super) struct P256Halves {
    pub(super) scalar: Secret<[u8; SCALAR_BYTES]>,
    /// The public half as a point, if it is there.
    pub(super) public: Option<Vec<u8>>,
}

/// Reads the file.
pub(super) fn p256(pem: &str) -> Option<P256Halves> {
    if pem.len() > MAX_PEM_BYTES {
        return None;
    }
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body = Secret::new(body.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>());
    let der = Secret::new(Base64::decode_vec(body.expose()).ok()?);
    FORMS.iter().find_map(|form| in_form(der.expose(), *form))
}

fn in_form(der: &[u8], (outer, inner, has_curve, has_public): (&[u8], &[u8], bool, bool)) -> Option<P256Halves> {
    let rest = der.strip_prefix(outer)?.strip_prefix(&ALGORITHM)?.strip_prefix(inner)?;
    let (scalar, rest) = rest.split_first_chunk::<SCALAR_BYTES>()?;
    let rest = if has_curve { rest.strip_prefix(&CURVE)? } else { rest };
    let public = if has_public { Some(rest.strip_prefix(&PUBLIC)?) } else { None };
    let ends = public.map_or(rest.is_empty(), |point| point.len() == POINT_BYTES);
    ends.then(|| P256Halves { scalar: Secret::new(*scalar), public: public.map(<[u8]>::to_vec) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = include_str!("../../fixtures/jwk/p256_private.p8");

    fn pem(parts: &[&[u8]]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", Base64::encode_string(&parts.concat()))
    }

    /// The scalar and the point of the fixture.
    fn halves() -> (Vec<u8>, Vec<u8>) {
        let P256Halves { scalar, public } = p256(FIXTURE).unwrap();
        (scalar.expose().to_vec(), public.unwrap())
    }

    #[test]
    fn a_key_is_the_same_in_each_of_its_forms() {
        let (scalar, point) = halves();
        let [(apple, apple_inner, ..), (openssl, openssl_inner, ..), (short, short_inner, ..)] = FORMS;
        let forms = [
            (pem(&[apple, &ALGORITHM, apple_inner, &scalar, &CURVE, &PUBLIC, &point]), true),
            (pem(&[openssl, &ALGORITHM, openssl_inner, &scalar, &PUBLIC, &point]), true),
            (pem(&[short, &ALGORITHM, short_inner, &scalar]), false),
        ];
        for (text, has_public) in forms {
            let P256Halves { scalar: found, public } = p256(&text).unwrap();
            assert_eq!((found.expose().as_slice(), public.is_some()), (scalar.as_slice(), has_public), "{text}");
        }
    }

    #[test]
    fn lengths_are_those_of_their_parts() {
        for (outer, inner, has_curve, has_public) in FORMS {
            let key = 3 + 2 + SCALAR_BYTES + if has_curve { CURVE.len() } else { 0 };
            let key = key + if has_public { PUBLIC.len() + POINT_BYTES } else { 0 };
            assert_eq!((usize::from(inner[3]), usize::from(inner[1])), (key, key + 2));
            let body = 3 + ALGORITHM.len() + 4 + key;
            assert_eq!(usize::from(outer[outer.len() - 4]), body);
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let (scalar, point) = halves();
        let (outer, inner, ..) = FORMS[1];
        let good = [outer, &ALGORITHM, inner, &scalar, &PUBLIC, &point].concat();
        for at in 0..good.len() {
            let cut = pem(&[&good[..at]]);
            assert!(p256(&cut).is_none(), "cut at {at}");
        }
        assert!(p256(&pem(&[&good, &[0]])).is_none(), "something follows");
        // One bit of anything but the numbers.
        for at in (0..36).chain(68..73) {
            let mut odd = good.clone();
            odd[at] ^= 1;
            assert!(p256(&pem(&[&odd])).is_none(), "a bit of octet {at}");
        }
        assert!(p256(&format!("{FIXTURE}{FIXTURE}")).is_none() && p256(&" ".repeat(MAX_PEM_BYTES + 1)).is_none());
    }
}
