//! Signatures by WebCrypto.

pub mod sign;
pub mod verify;
