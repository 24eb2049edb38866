//! The port through which signatures are verified.

#![expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::PublicKey;

/// Signature verification by whoever does it best here: WebCrypto at the edge, [`crate::jose::portable`] elsewhere.
pub trait Signatures {
    /// Whether `signature` is `key`'s signature over `message` under `algorithm`.
    ///
    /// The key has been matched to the algorithm before. Errors of the backend count as "no".
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool;
}
