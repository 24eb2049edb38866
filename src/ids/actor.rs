//! A party that acts for another.

use serde::{Deserialize, Serialize};

/// A party that acts for another (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `iss`, where it is said.
    pub issuer: Option<String>,
    /// `sub`
    pub subject: String,
}
