//! Second factors of our own: what a person proves to us beside the sign-in at their provider.
//!
//! They belong to the person, not to a session, and are kept in the person's object. A session says when one was proven last.

pub(super) mod book;
pub mod changes;
mod lock;
pub mod message;
mod passkey;
mod recovery;
pub mod rules;
mod totp;

pub use message::{
    CeremonyChallenge, ChallengePurpose, Enrol, Enrolled, FactorKind, FactorList, ListedFactor, NewFactor, Presented,
    Prove, Proven, SecondCommand, SecondRefusal, SecondReply,
};
pub use passkey::Passkey;
pub use recovery::{RECOVERY_CODES, RecoveryCodes};
pub(in crate::session) use totp::TotpCode;
pub use totp::{PendingTotp, TotpSecret};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// That, and when, the person of a session proved a factor of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondProof {
    /// When.
    pub at: Timestamp,
    /// How.
    pub by: SecondMethod,
    /// By which factor of theirs ([`ListedFactor::id`]); `None` by a recovery code.
    #[serde(default)]
    pub factor: Option<String>,
}

impl SecondProof {
    /// A proof at this time, by a factor of which no more is known.
    #[must_use]
    pub const fn new(at: Timestamp, by: SecondMethod) -> Self {
        Self { at, by, factor: None }
    }
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

    /// Its name for logs, policies and upstreams.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey { .. } => "passkey",
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }

    /// The one of this name; a passkey that stays where it is.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Passkey { synced: false }, Self::Totp, Self::Recovery].into_iter().find(|one| one.as_str() == name)
    }

    /// Whether it is what a route means that asks for a second factor.
    #[must_use]
    pub const fn is_a_factor(self) -> bool {
        !matches!(self, Self::Recovery)
    }
}

/// The most characters of a factor's name.
pub const MAX_NAME_CHARACTERS: usize = 64;

/// A factor's name as it is kept: what a person typed, without what cannot be seen and without what is too long. It may be
/// empty.
#[must_use]
pub fn factor_name(typed: &str) -> String {
    let is_seen = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let name: String = typed.trim().chars().filter(is_seen).take(MAX_NAME_CHARACTERS).collect();
    name.trim().to_owned()
}
