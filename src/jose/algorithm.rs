//! The signature algorithms, as rows of a table.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// A signature algorithm Postern verifies (RFC 7518 §3, RFC 8037, RFC 9864). `none` and HMAC have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt as long as the hash.
    Ps256,
    /// RSASSA-PSS with SHA-384 and a salt as long as the hash.
    Ps384,
    /// RSASSA-PSS with SHA-512 and a salt as long as the hash.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519 (`EdDSA`, or `Ed25519` by RFC 9864).
    EdDsa,
}

/// The kind of key an algorithm needs: `kty`, and `crv` where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `RSA`.
    Rsa,
    /// `EC` on `P-256`.
    P256,
    /// `EC` on `P-384`.
    P384,
    /// `EC` on `P-521`.
    P521,
    /// `OKP` with `Ed25519`.
    Ed25519,
}

/// The hash an algorithm goes with; `at_hash` uses the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

struct Row {
    algorithm: Algorithm,
    name: &'static str,
    /// Another registered name for the same signatures.
    alias: Option<&'static str>,
    key_type: KeyType,
    hash: Hash,
}

const fn row(algorithm: Algorithm, name: &'static str, key_type: KeyType, hash: Hash) -> Row {
    Row { algorithm, name, alias: None, key_type, hash }
}

const TABLE: [Row; 10] = [
    row(Algorithm::Rs256, "RS256", KeyType::Rsa, Hash::Sha256),
    row(Algorithm::Rs384, "RS384", KeyType::Rsa, Hash::Sha384),
    row(Algorithm::Rs512, "RS512", KeyType::Rsa, Hash::Sha512),
    row(Algorithm::Ps256, "PS256", KeyType::Rsa, Hash::Sha256),
    row(Algorithm::Ps384, "PS384", KeyType::Rsa, Hash::Sha384),
    row(Algorithm::Ps512, "PS512", KeyType::Rsa, Hash::Sha512),
    row(Algorithm::Es256, "ES256", KeyType::P256, Hash::Sha256),
    row(Algorithm::Es384, "ES384", KeyType::P384, Hash::Sha384),
    row(Algorithm::Es512, "ES512", KeyType::P521, Hash::Sha512),
    // Ed25519 hashes with SHA-512 inside, and so does its `at_hash`.
    Row { alias: Some("Ed25519"), ..row(Algorithm::EdDsa, "EdDSA", KeyType::Ed25519, Hash::Sha512) },
];

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The algorithm of that registered name, case and all; `EdDSA` and `Ed25519` name the same.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name || row.alias == Some(name)).map(|row| row.algorithm)
    }

    const fn row(self) -> &'static Row {
        let [rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, eddsa] = &TABLE;
        match self {
            Self::Rs256 => rs256,
            Self::Rs384 => rs384,
            Self::Rs512 => rs512,
            Self::Ps256 => ps256,
            Self::Ps384 => ps384,
            Self::Ps512 => ps512,
            Self::Es256 => es256,
            Self::Es384 => es384,
            Self::Es512 => es512,
            Self::EdDsa => eddsa,
        }
    }

    /// The name as in a JWS header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of key it needs.
    #[must_use]
    pub const fn key_type(self) -> KeyType {
        self.row().key_type
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(self) -> Hash {
        self.row().hash
    }
}

impl Hash {
    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_own_row() {
        for (algorithm, row) in Algorithm::ALL.into_iter().zip(&TABLE) {
            assert_eq!(row.algorithm, algorithm);
            assert_eq!(algorithm.row().algorithm, algorithm);
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn ed25519_goes_by_two_names() {
        assert_eq!(Algorithm::from_name("EdDSA"), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }

    //
    #[test]
    fn none_hmac_and_misspelt_names_are_no_algorithms() {
        let names = [
            "none", "None", "NONE", "nonE", "none ", "", "HS256", "HS384", "HS512", "rs256", "RS256 ", " RS256",
            "RS256\0", "ES256K", "ES521", "Ed448", "eddsa", "RSA-OAEP", "RSA1_5", "dir",
        ];
        for name in names {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn digests_are_those_of_the_hash() {
        for (hash, length, first) in [(Hash::Sha256, 32, 0xba), (Hash::Sha384, 48, 0xcb), (Hash::Sha512, 64, 0xdd)] {
            let digest = hash.digest(b"abc");
            assert_eq!((digest.len(), digest[0]), (length, first));
        }
    }
}
