//! Second factors of our own: what a person proves to us beside the sign-in at their provider.
//!
//! They belong to the person, not to a session, and are kept in the person's object. A session says when one was proven last.

mod passkey;

pub use passkey::Passkey;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The class of authentication that a challenge names where a route wants a factor of ours (RFC 9470 §3). No provider's `acr`
/// is ever read as it.
pub const ACR: &str = "urn:postern:second";

/// That, and when, the person of a session proved a factor of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondProof {
    /// When.
    pub at: Timestamp,
    /// How.
    pub by: SecondMethod,
}

/// How a person proves to us that it is them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondMethod {
    /// By a passkey (WebAuthn Level 3), which verified its user.
    Passkey {
        /// Whether its key may be copied to other devices of theirs (backup eligible).
        synced: bool,
    },
    /// By a code from an app (RFC 6238).
    Totp,
    /// By a recovery code: good for new factors alone, and for nothing that a route asks for.
    Recovery,
}

impl SecondMethod {
    /// The values of `amr` (RFC 8176) that it adds to those of the provider.
    #[must_use]
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Passkey { synced: false } => &["hwk", "user"],
            Self::Passkey { synced: true } => &["swk", "user"],
            Self::Totp => &["otp"],
            Self::Recovery => &[],
        }
    }

    /// Whether it is what a route means that asks for a second factor.
    #[must_use]
    pub const fn is_a_factor(self) -> bool {
        !matches!(self, Self::Recovery)
    }
}
