//! Bytes from others → verified claims (JWS, JWK, JWT: RFC 7515, 7517, 7518, 7519, 8725).
//!
//! A token becomes an [`UnverifiedJwt`] by parsing, and a [`VerifiedJwt`] only through a key of a [`KeySet`]
//! that came from configuration: nothing in a token says where its key is. Proofs of possession, which bring
//! their key, are other types ([`key_proof`]). What the claims then
//! mean is for the validator of that kind of token to say, one each (RFC 8725 §3.12).

pub mod algorithm;
pub mod assertion_key;
pub mod client_secret;
pub mod decryption_key;
mod ecdsa_der;
pub mod github_keys;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod key_proof;
mod pkcs8;
pub mod portable;
pub mod sign;
#[cfg(test)]
pub(crate) mod testing;

pub use algorithm::{Algorithm, Hash, KeyType};
pub use assertion_key::{AssertionKey, DEFAULT_TYP, PrivateJwk};
pub use client_secret::sign_by_secret;
pub use decryption_key::DecryptionKey;
pub use ecdsa_der::es256_from_der;
pub use jwe::{ContentEncryption, Decryption, EncryptedJwt, JweError, KeyManagement, SealedContent, is_encrypted};
pub use jwk::{KeyChoiceError, KeySet, KeySetError, KeyStamp, PublicKey};
pub use jws::{Header, JwtError, UnverifiedJwt, VerifiedJwt, is_media_type};
pub use key_proof::{KeyProofError, UnverifiedKeyProof, VerifiedKeyProof};
pub use portable::Portable;
pub use sign::{Es256Signer, Signatures, SignerError, Signing};
