//! What is kept of a passkey: its public half and what it said of itself. Nothing of it is secret.

use serde::{Deserialize, Serialize};

/// A passkey of a person (WebAuthn Level 3 §4, *credential record*), as it is stored and sent to the person's object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// The credential id, in base64url without padding.
    #[serde(default)]
    pub id: String,
    /// The public key, as a JWK with its one `alg`.
    #[serde(default)]
    pub jwk: String,
    /// The user handle it was made for, in base64url without padding.
    #[serde(default)]
    pub user_handle: String,
    /// How often its authenticator says that it signed; 0 where it does not count.
    #[serde(default)]
    pub sign_count: u32,
    /// Whether it may be copied to other devices. It never changes.
    #[serde(default)]
    pub backup_eligible: bool,
    /// Whether it was copied, when it was last used.
    #[serde(default)]
    pub backed_up: bool,
    /// How the browser reaches its authenticator, as the browser said; a hint to it alone.
    #[serde(default)]
    pub transports: Vec<String>,
    /// The model of its authenticator, as 32 hexadecimal digits. Nobody vouches for it: it is shown and decides nothing.
    #[serde(default)]
    pub aaguid: String,
}
