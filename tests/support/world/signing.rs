//! Signatures: those of others, and our own.

use postern::jose::{Algorithm, Es256Signer, Portable, PrivateJwk, PublicKey};
use postern::ports::{Signatures, Signing};

use super::{Fault, World, breath};

impl Signatures for World {
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifications.set(self.verifications.get() + 1);
        Portable.verify(key, algorithm, message, signature).await
    }
}

impl Signing for World {
    async fn sign(&self, key: &Es256Signer, message: &[u8]) -> Option<Vec<u8>> {
        self.signatures_made.set(self.signatures_made.get() + 1);
        breath().await;
        if self.fault.get() == Fault::Signing { None } else { Portable.sign(key, message).await }
    }

    async fn sign_by_jwk(&self, key: &PrivateJwk, message: &[u8]) -> Option<Vec<u8>> {
        breath().await;
        if self.fault.get() == Fault::Signing { None } else { Portable.sign_by_jwk(key, message).await }
    }
}
