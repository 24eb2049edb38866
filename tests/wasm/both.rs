//! WebCrypto and the portable backend as one, which fails the test where they disagree.

use std::cell::RefCell;

use postern::jose::{Algorithm, Portable, PublicKey};
use postern::ports::Signatures;
use postern_workers::webcrypto::verify::WebCrypto;

/// Gives the verdict that both share, and keeps the good signatures: to bend them.
#[derive(Default)]
pub(crate) struct Both {
    seen: RefCell<Seen>,
}

/// What was asked for so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) good: Vec<Signed>,
    pub(crate) bad: usize,
}

/// A good signature and all it takes to verify it.
pub(crate) struct Signed {
    pub(crate) key: PublicKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Both {
    pub(crate) fn into_seen(self) -> Seen {
        self.seen.into_inner()
    }
}

impl Signatures for Both {
    async fn verify(&self, key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let edge = WebCrypto.verify(key, algorithm, message, signature).await;
        let portable = Portable.verify(key, algorithm, message, signature).await;
        assert_eq!(
            edge, portable,
            "{algorithm:?}: WebCrypto says {edge}, the portable backend {portable}: {key:?}, message {message:02x?}, \
             signature {signature:02x?}"
        );
        let mut seen = self.seen.borrow_mut();
        if edge {
            let (key, message, signature) = (key.clone(), message.to_vec(), signature.to_vec());
            seen.good.push(Signed { key, algorithm, message, signature });
        } else {
            seen.bad += 1;
        }
        edge
    }
}
