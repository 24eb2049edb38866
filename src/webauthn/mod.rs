//! What a browser says of a passkey → a new passkey, or proof of one (Web Authentication Level 3, §7.1 and §7.2).
//!
//! A browser's answer is read ([`RegistrationResponse`], [`AssertionResponse`]), says which question it answers, and becomes a
//! [`NewPasskey`] or a [`VerifiedAssertion`] only by passing every step of the ceremony. Users are always verified, no
//! attestation is asked for and none is trusted. The signatures are left to the port ([`Signatures`](crate::jose::Signatures)).

mod assertion;
mod attestation;
mod authenticator_data;
mod cbor;
mod client_data;
mod cose;
mod error;
pub mod options;
mod registration;
mod response;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use assertion::{AssertionResponse, KnownPasskey, VerifiedAssertion, counter_goes_on};
pub use cbor::CborError;
pub use error::CeremonyError;
pub use registration::{NewPasskey, RegistrationResponse};

use crate::jose::Algorithm;

/// The signature algorithms of passkeys, in the order of preference, by their numbers in COSE (RFC 9053 §2, RFC 8812 §2): what
/// every authenticator of today has one of. No other is asked for or taken.
pub const ALGORITHMS: [(i64, Algorithm); 3] =
    [(-7, Algorithm::Es256), (-8, Algorithm::EdDsa), (-257, Algorithm::Rs256)];

/// The largest answer of a browser that is read, in bytes of its JSON.
pub const MAX_RESPONSE_BYTES: usize = 32 * 1024;

/// What an answer must fit.
#[derive(Clone, Copy, Debug)]
pub struct CeremonyExpectations<'a> {
    /// The RP ID: our host, or a parent domain of it.
    pub rp_id: &'a str,
    /// Our origin, and no other.
    pub origin: &'a str,
    /// The challenge that was kept for this person and this purpose, in base64url.
    pub challenge: &'a str,
}
