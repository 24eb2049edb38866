//! `SESSION`: clocks and cookie.

use super::table::Table;
use super::value::{MOMENT, choice, duration, list, moment, parsed, spelled, whole_number, word};
use crate::time::{Seconds, Timestamp};

/// No session outlives a month.
const LONGEST: Seconds = Seconds::hours(30 * 24);
const SHORTEST: Seconds = Seconds::new(1);
/// Browsers sign no more often.
const SHORTEST_DEVICE_LIFE: Seconds = Seconds::minutes(5);
const LONGEST_DEVICE_LIFE: Seconds = Seconds::hours(1);
const MAX_CLAIMS: usize = 32;
const DEFAULT_CLAIMS: [&str; 8] =
    ["name", "given_name", "family_name", "preferred_username", "email", "email_verified", "picture", "locale"];

/// `SESSION`: clocks and cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// `idle`: how long a session lives without a request. Default 1 h.
    pub idle: Seconds,
    /// `absolute`: how long it lives at most. Default 8 h.
    pub absolute: Seconds,
    /// `same_site`. Default `strict`.
    pub same_site: SameSite,
    /// `max_per_subject`: the oldest session ends when one more begins. Default 20.
    pub max_per_subject: u32,
    /// `claims`: which claims the session keeps and `/auth/me` tells. Default: the names, `email`, `email_verified`, `picture`, `locale`.
    pub claims: Vec<String>,
    /// `device`: whether a session is bound to the device on which it begins. Default `off`.
    pub device: DeviceMode,
    /// `device_life`: how long a proof of the device's key counts. Default 10 min.
    pub device_life: Seconds,
    /// `not_before`: every session that began before this time is over, from then on. Default none.
    pub not_before: Option<Timestamp>,
}

/// `SameSite` of the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent only from our own pages; a link from elsewhere is bounced once through ourselves.
    Strict,
    /// Also sent on links from elsewhere.
    Lax,
}

/// Whether sessions are bound to the device on which they begin (Device Bound Session Credentials).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceMode {
    /// No, and no binding that is there is looked at.
    Off,
    /// Where the browser can.
    Offer,
    /// All of them: without a binding a session is let in nowhere.
    Require,
}

impl DeviceMode {
    const WORDS: [(&str, Self); 3] = [("off", Self::Off), ("offer", Self::Offer), ("require", Self::Require)];

    /// The word for it in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Offer => "offer",
            Self::Require => "require",
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            idle: Seconds::hours(1),
            absolute: Seconds::hours(8),
            same_site: SameSite::Strict,
            max_per_subject: 20,
            claims: DEFAULT_CLAIMS.map(str::to_owned).to_vec(),
            device: DeviceMode::Off,
            device_life: Seconds::minutes(10),
            not_before: None,
        }
    }
}

/// Reads the table; a value that is wrong is reported and stands in as the default.
pub(super) fn read(mut table: Table<'_>) -> SessionConfig {
    let default = SessionConfig::default();
    let idle = table.optional("idle", duration(SHORTEST, LONGEST));
    let absolute = table.optional("absolute", duration(SHORTEST, LONGEST));
    let session = SessionConfig {
        // An absolute end below the default idle time alone is no contradiction of the user's.
        idle: idle.unwrap_or_else(|| default.idle.min(absolute.unwrap_or(default.absolute))),
        absolute: absolute.unwrap_or(default.absolute),
        same_site: table
            .optional("same_site", choice(&[("strict", SameSite::Strict), ("lax", SameSite::Lax)]))
            .unwrap_or(default.same_site),
        max_per_subject: table.optional("max_per_subject", whole_number(1, 100)).unwrap_or(default.max_per_subject),
        claims: table.optional("claims", list("the name of a claim", word)).unwrap_or(default.claims),
        device: table.optional("device", choice(&DeviceMode::WORDS)).unwrap_or(default.device),
        device_life: table
            .optional("device_life", duration(SHORTEST_DEVICE_LIFE, LONGEST_DEVICE_LIFE))
            .unwrap_or(default.device_life),
        not_before: table.optional("not_before", parsed(MOMENT, moment)),
    };
    if session.claims.len() > MAX_CLAIMS {
        table.problem("claims", format!("expected at most {MAX_CLAIMS} claims, found {}", session.claims.len()));
    }
    let absolute_is_known = absolute.is_some() || !table.has("absolute");
    if session.idle > session.absolute && absolute_is_known {
        let (idle, absolute) = (spelled(session.idle), spelled(session.absolute));
        table.problem("idle", format!("expected at most the `absolute` time of `{absolute}`, found `{idle}`"));
    }
    table.finish();
    session
}
