//! What is stored of a key.

use serde::{Deserialize, Serialize};

use super::holder::KeyHolder;
use super::text::KeyDigest;
use crate::time::{Seconds, Timestamp};

/// The record of a key. Its JSON is a stored format: fields are added with `#[serde(default)]`, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// Whose it is.
    pub holder: KeyHolder,
    /// What its holder calls it.
    pub name: String,
    /// What it was made for. A person's key may at present perhaps less.
    pub scopes: Vec<String>,
    /// What its secret is known by.
    pub digest: KeyDigest,
    /// The secret before the last rotation, while it is still good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<OldSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// For how long it was made; so long it lives again when it is rotated.
    pub life: Seconds,
    /// Its last use, as far as noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<KeyUse>,
    /// When its use was last noted.
    #[serde(default)]
    pub noted_at: Timestamp,
    /// How many notices of its expiry were written.
    #[serde(default)]
    pub notices: u8,
    /// Since when it counts no more, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<KeyEnd>,
}

/// The secret before the last rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecret {
    /// What it is known by.
    pub digest: KeyDigest,
    /// Until when it is good.
    pub until: Timestamp,
    /// Whether the new one was used: who uses the old one from then on has missed the rotation, or is somebody else.
    #[serde(default)]
    pub superseded: bool,
}

/// A use of a key. No finer than its holder has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The first second of the day (UTC).
    pub day: Timestamp,
    /// The name of the route.
    pub route: String,
    /// The country that the caller's address is in, as far as known.
    #[serde(default)]
    pub country: Option<String>,
}

/// The end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnd {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: KeyEnding,
}

/// Why a key was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEnding {
    /// Its owner deleted it.
    Owner,
    /// An administrator revoked it.
    Administrator,
    /// It was reported as leaked.
    Leaked,
}

impl KeyUse {
    /// A use now.
    #[must_use]
    pub fn new(now: Timestamp, route: &str, country: Option<&str>) -> Self {
        const DAY: i64 = 24 * 60 * 60;
        let day = Timestamp::from_unix(now.as_unix().div_euclid(DAY) * DAY);
        Self { day, route: route.to_owned(), country: country.map(str::to_owned) }
    }
}

impl KeyEnding {
    /// As logs and answers write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Leaked => "leaked",
        }
    }
}

impl ApiKeyRecord {
    /// Whether it may be used at all.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}
