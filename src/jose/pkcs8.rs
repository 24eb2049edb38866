//! A private key as PKCS #8 in PEM (RFC 5958, RFC 7468): of P-256 (RFC 5915) → its scalar, of RSA (RFC 8017 §A.1.2) → its numbers.
//!
//! Of P-256, DER has one spelling for each of the three forms in which such a key is written, and no other is taken: with the curve
//! named twice, as Apple and Java write it, with it named once, as OpenSSL does, and without the public half. So nothing of
//! ASN.1 has to be read, whose crates are as large as the whole of signing. An RSA key is nine integers one after the other, and
//! no more than that is read.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

use crate::secret::Secret;

/// A key on P-256 has some 250 characters.
const MAX_PEM_BYTES: usize = 1024;
/// An RSA key of 8192 bits has some 6,400 characters.
const MAX_RSA_PEM_BYTES: usize = 8 * 1024;
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
/// `AlgorithmIdentifier`: `rsaEncryption`, without parameters.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `version`: of both the key and what it is packed in.
const VERSION: [u8; 3] = [0x02, 0x01, 0x00];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
/// The numbers of an RSA key, by the names that they have in a JWK (RFC 7518 §6.3), in the order of RFC 8017 §A.1.2.
const RSA_NUMBERS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
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

/// Whether a text is meant to be such a file.
pub(super) fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

/// Reads the file of a key on P-256.
pub(super) fn p256(pem: &str) -> Option<P256Halves> {
    let der = der(pem, MAX_PEM_BYTES)?;
    FORMS.iter().find_map(|form| in_form(der.expose(), *form))
}

/// Reads the file of an RSA key → its numbers as in a JWK, by name, in base64url. Whether they belong together is for the
/// backend to say.
pub(super) fn rsa(pem: &str) -> Option<Vec<(&'static str, Secret<String>)>> {
    let der = der(pem, MAX_RSA_PEM_BYTES)?;
    let (outer, rest) = element(SEQUENCE, der.expose())?;
    let (packed, after) = element(OCTETS, outer.strip_prefix(&VERSION)?.strip_prefix(&RSA_ALGORITHM)?)?;
    let (key, behind) = element(SEQUENCE, packed)?;
    let mut rest_of_key = key.strip_prefix(&VERSION)?;
    let mut numbers = Vec::with_capacity(RSA_NUMBERS.len());
    for name in RSA_NUMBERS {
        let (number, following) = positive(rest_of_key)?;
        numbers.push((name, Secret::new(Base64UrlUnpadded::encode_string(number))));
        rest_of_key = following;
    }
    let ends = [rest, after, behind, rest_of_key].iter().all(|rest| rest.is_empty());
    ends.then_some(numbers)
}

/// The content of an element that begins the input, and what follows it. Lengths have their shortest form (X.690 §10.1).
fn element(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = input.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match (*first, rest) {
        (short @ 0..=0x7f, rest) => (usize::from(short), rest),
        (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high @ 1..=0xff, low, rest @ ..]) => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A positive integer in its shortest form (X.690 §8.3), without the zero that keeps its sign.
fn positive(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = element(INTEGER, input)?;
    let number = match number {
        [0, number @ ..] if number.first().is_some_and(|first| *first >= 0x80) => number,
        [1..=0x7f, ..] => number,
        _ => return None,
    };
    Some((number, rest))
}

fn der(pem: &str, longest: usize) -> Option<Secret<Vec<u8>>> {
    if pem.len() > longest {
        return None;
    }
    let body = pem.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body = Secret::new(body.chars().filter(|c| !matches!(c, '\r' | '\n')).collect::<String>());
    Base64::decode_vec(body.expose()).ok().map(Secret::new)
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
    const RSA_FIXTURE: &str = include_str!("../../fixtures/jwk/rsa_private.p8");

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
    fn an_rsa_key_is_the_same_as_in_its_jwk() {
        let jwk: serde_json::Value = serde_json::from_str(include_str!("../../fixtures/jwk/rsa_private.json")).unwrap();
        let numbers = rsa(RSA_FIXTURE).unwrap();
        assert_eq!(numbers.len(), RSA_NUMBERS.len());
        for (name, number) in numbers {
            assert_eq!(jwk[name], number.expose().as_str(), "{name}");
        }
    }

    #[test]
    fn an_rsa_key_that_is_not_whole_is_refused() {
        let der = der(RSA_FIXTURE, MAX_RSA_PEM_BYTES).unwrap();
        let good = der.expose();
        for at in (0..good.len()).step_by(7) {
            assert!(rsa(&pem(&[&good[..at]])).is_none(), "cut at {at}");
        }
        assert!(rsa(&pem(&[good, &[0]])).is_none(), "something follows");
        for at in 0..37 {
            let mut odd = good.clone();
            odd[at] ^= 1;
            assert!(rsa(&pem(&[&odd])).is_none(), "a bit of octet {at}");
        }
        assert!(rsa(FIXTURE).is_none() && p256(RSA_FIXTURE).is_none());
        assert!(rsa(&" ".repeat(MAX_RSA_PEM_BYTES + 1)).is_none());
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(positive(&[2, 2, 0, 0x80, 9]), Some((&[0x80][..], &[9][..])));
        for bad in [&[2, 0][..], &[2, 1, 0], &[2, 2, 0, 1], &[2, 1, 0x80], &[2, 0x81, 1, 1], &[4, 1, 1], &[2, 2, 1]] {
            assert_eq!(positive(bad), None, "{bad:?}");
        }
        for bad in [&[0x30, 0x80][..], &[0x30, 0x81, 0x7f], &[0x30, 0x82, 0, 0x80], &[0x30, 0x83, 1, 0, 0], &[]] {
            assert_eq!(element(SEQUENCE, bad), None, "{bad:?}");
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
