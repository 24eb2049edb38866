//! Signatures and decryption by WebCrypto.

pub mod decrypt;
pub mod sign;
pub mod verify;
