//! The ports through which signatures are verified and made.

#![expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::PublicKey;
use crate::jose::sign::Es256Signer;

/// Signature verification by whoever does it best here: WebCrypto at the edge, [`crate::jose::portable`] elsewhere.
pub trait Signatures {
    /// Whether `signature` is `key`'s signature over `message` under `algorithm`.
    ///
    /// The key has been matched to the algorithm before. Errors of the backend count as "no".
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool;
}

/// Signing by whoever does it best here: WebCrypto at the edge, [`crate::jose::portable`] elsewhere.
pub trait Signing {
    /// `key`'s ES256 signature over `message`: r and s, 32 bytes each (RFC 7518 §3.4). `None` when the backend fails.
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>>;
}
