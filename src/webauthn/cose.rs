//! A public key as authenticators write it (COSE_Key, RFC 9052 §7, RFC 9053 §7, RFC 8230 §4) → the key as it is stored.
//!
//! Of each kind there is one form: the members that make the key and its algorithm, and no other (§6.5.1.1). So no private key is
//! taken, and no compressed point.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::ALGORITHMS;
use super::cbor::ItemMap;
use super::error::CeremonyError;
use crate::jose::{Algorithm, PublicKey};

const KTY: i64 = 1;
const ALG: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const ED25519: i64 = 6;

/// A public key of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CredentialKey {
    pub(super) key: PublicKey,
    pub(super) algorithm: Algorithm,
    /// Its number in COSE.
    pub(super) cose_algorithm: i64,
}

impl CredentialKey {
    /// Reads the key of a credential.
    pub(super) fn read(map: &ItemMap<'_>) -> Result<Self, CeremonyError> {
        let cose_algorithm = map.number(ALG).ok_or(CeremonyError::Key)?;
        //
        let algorithm = ALGORITHMS.iter().find(|(number, _)| *number == cose_algorithm);
        let (_, algorithm) = *algorithm.ok_or(CeremonyError::Algorithm)?;
        let jwk = jwk(map, algorithm).ok_or(CeremonyError::Key)?;
        let key = jwk.as_object().and_then(PublicKey::from_jwk).ok_or(CeremonyError::Key)?;
        Ok(Self { key, algorithm, cose_algorithm })
    }
}

/// The JWK of the same key. `None` where a member is missing, or one is there besides.
fn jwk(map: &ItemMap<'_>, algorithm: Algorithm) -> Option<Value> {
    let is = |number: i64, value: i64| map.number(number) == Some(value);
    let member = |number: i64| map.bytes(number).map(Base64UrlUnpadded::encode_string);
    // A coordinate has as many octets as its field, in COSE too (RFC 9053 §7.1.1).
    let coordinate = |number: i64| member(number).filter(|_| map.bytes(number).is_some_and(|bytes| bytes.len() == 32));
    let alg = algorithm.name();
    match algorithm {
        Algorithm::Es256 if map.len() == 5 && is(KTY, EC2) && is(-1, P_256) => {
            Some(json!({ "kty": "EC", "crv": "P-256", "alg": alg, "x": coordinate(-2)?, "y": coordinate(-3)? }))
        }
        Algorithm::EdDsa if map.len() == 4 && is(KTY, OKP) && is(-1, ED25519) => {
            Some(json!({ "kty": "OKP", "crv": "Ed25519", "alg": alg, "x": coordinate(-2)? }))
        }
        Algorithm::Rs256 if map.len() == 4 && is(KTY, RSA) => {
            Some(json!({ "kty": "RSA", "alg": alg, "n": member(-1)?, "e": member(-2)? }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cbor::whole_map;
    use super::super::testing::{Cbor, cose_ed25519, cose_p256, map, signer};
    use super::*;

    fn read(key: &Cbor) -> Result<CredentialKey, CeremonyError> {
        CredentialKey::read(&whole_map(&key.encode()).unwrap())
    }

    fn without(members: &[(i64, Cbor)], number: i64) -> Vec<(i64, Cbor)> {
        members.iter().filter(|(name, _)| *name != number).cloned().collect()
    }

    fn with(members: &[(i64, Cbor)], number: i64, value: Cbor) -> Vec<(i64, Cbor)> {
        [without(members, number), vec![(number, value)]].concat()
    }

    fn rsa(n: usize, e: &[u8]) -> Vec<(i64, Cbor)> {
        let modulus = [vec![0x80], vec![1; n - 1]].concat();
        vec![(1, Cbor::Int(3)), (3, Cbor::Int(-257)), (-1, Cbor::Bytes(modulus)), (-2, Cbor::Bytes(e.to_vec()))]
    }

    //
    #[test]
    fn each_kind_of_key_becomes_its_jwk() {
        let found = read(&map(&cose_p256(&signer()))).unwrap();
        assert_eq!((found.algorithm, found.cose_algorithm), (Algorithm::Es256, -7));
        assert!(found.key.suits(Algorithm::Es256) && !found.key.suits(Algorithm::EdDsa));
        let found = read(&map(&cose_ed25519())).unwrap();
        assert_eq!((found.algorithm, found.cose_algorithm), (Algorithm::EdDsa, -8));
        let found = read(&map(&rsa(256, &[1, 0, 1]))).unwrap();
        assert_eq!((found.algorithm, found.cose_algorithm), (Algorithm::Rs256, -257));
    }

    // RFC 9052 §C.7.1: the public key of `meriadoc.brandybuck@buckland.example`, with the algorithm that WebAuthn asks for.
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d";
        let y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";
        let bytes = hex(&format!("a5010203262001215820{x}225820{y}"));
        let found = CredentialKey::read(&whole_map(&bytes).unwrap()).unwrap();
        let members: Vec<(&str, String)> = found.key.members();
        let text = |bytes: &str| Base64UrlUnpadded::encode_string(&hex(bytes));
        assert!(members.contains(&("x", text(x))) && members.contains(&("y", text(y))));
    }

    //
    #[test]
    fn an_algorithm_that_was_not_asked_for_is_refused() {
        // ES384, ES512, ES256K, Ed448, PS256, ESP256 and RS1.
        for number in [-35, -36, -47, -53, -37, -9, -65535, 7, 0] {
            let key = with(&cose_p256(&signer()), 3, Cbor::Int(number));
            assert_eq!(read(&map(&key)), Err(CeremonyError::Algorithm), "{number}");
        }
        for key in [without(&cose_p256(&signer()), 3), with(&cose_p256(&signer()), 3, Cbor::text("ES256"))] {
            assert_eq!(read(&map(&key)), Err(CeremonyError::Key));
        }
    }

    #[test]
    fn a_key_of_another_form_is_refused() {
        let (p256, ed25519) = (cose_p256(&signer()), cose_ed25519());
        let short = |members: &[(i64, Cbor)], number: i64| match members.iter().find(|(name, _)| *name == number) {
            Some((_, Cbor::Bytes(bytes))) => Cbor::Bytes(bytes[1..].to_vec()),
            other => panic!("{other:?}"),
        };
        let cases = [
            ("another kty", with(&p256, 1, Cbor::Int(1))),
            ("another curve", with(&p256, -1, Cbor::Int(2))),
            ("no x", without(&p256, -2)),
            ("no y", without(&p256, -3)),
            ("a compressed point", with(&p256, -3, Cbor::True)),
            ("a short x", with(&p256, -2, short(&p256, -2))),
            ("a long x", with(&p256, -2, Cbor::Bytes(vec![0; 33]))),
            ("no point of the curve", with(&p256, -3, Cbor::Bytes(vec![1; 32]))),
            ("the private key beside", with(&p256, -4, Cbor::Bytes(vec![1; 32]))),
            ("a name beside", with(&p256, 2, Cbor::Bytes(vec![1]))),
            ("the algorithm of another kind", with(&p256, 3, Cbor::Int(-8))),
            ("another curve of its kind", with(&ed25519, -1, Cbor::Int(4))),
            ("a short key", with(&ed25519, -2, short(&ed25519, -2))),
            ("a point of small order", with(&ed25519, -2, Cbor::Bytes([vec![1], vec![0; 31]].concat()))),
            ("a small modulus", rsa(128, &[1, 0, 1])),
            ("an even exponent", rsa(256, &[2])),
            ("an exponent of one", rsa(256, &[1])),
        ];
        for (name, key) in cases {
            assert_eq!(read(&map(&key)), Err(CeremonyError::Key), "{name}");
        }
    }
}
