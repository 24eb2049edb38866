//! A provider's public documents, metadata and keys: isolate memory → shared cache → provider.
//!
//! A document is used without asking while it is *fresh*, asked for again when it is not, and used
//! all the same while the provider does not answer, until it is *too old* (R-014). So a key that the
//! provider removed works for at most [`Lifetimes::fresh_at_most`] while the provider can be
//! reached, and for at most [`Lifetimes::usable`] while it cannot.
//!
//! The shared cache has other writers than us: what it holds is authenticated, or whoever may write there could
//! name keys of their own and sign in as anybody.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::http::{HeaderMap, header};
use crate::keyring::{KeyRing, Purpose};
use crate::time::{Seconds, Timestamp};

/// How long a document of one kind is fresh, and usable.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Fresh this long when the provider does not say (`Cache-Control: max-age`).
    pub fresh: Seconds,
    /// Fresh at least this long, whatever the provider says.
    pub fresh_at_least: Seconds,
    /// Fresh at most this long, whatever the provider says.
    pub fresh_at_most: Seconds,
    /// Usable this long while the provider does not answer.
    pub usable: Seconds,
}

/// Metadata changes rarely.
pub const METADATA: Lifetimes = Lifetimes {
    fresh: Seconds::hours(1),
    fresh_at_least: Seconds::minutes(5),
    fresh_at_most: Seconds::hours(24),
    usable: Seconds::hours(48),
};

/// A removed key must stop working soon.
pub const KEYS: Lifetimes = Lifetimes {
    fresh: Seconds::minutes(10),
    fresh_at_least: Seconds::minutes(1),
    fresh_at_most: Seconds::hours(1),
    usable: Seconds::hours(24),
};

/// Between two fetches because of a key id that is not known.
pub const UNKNOWN_KEY_COOLDOWN: Seconds = Seconds::new(30);

/// Between two attempts while the provider does not answer.
pub const FAILURE_COOLDOWN: Seconds = Seconds::new(5);

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    #[serde(rename = "v")]
    version: u8,
    /// The body, which has passed its parser.
    pub body: String,
    /// When it was fetched, or last confirmed by the provider.
    pub fetched_at: i64,
    /// Until when it is fresh.
    pub fresh_until: i64,
    /// `ETag`, to ask whether it changed.
    #[serde(default)]
    pub etag: Option<String>,
}

/// What a stored document is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Use it.
    Fresh,
    /// Ask for a new one; use it if there is no answer.
    Stale,
    /// Do not use it.
    TooOld,
}

impl Stored {
    /// A document that has just come.
    #[must_use]
    pub fn new(body: String, headers: &HeaderMap, lifetimes: Lifetimes, now: Timestamp) -> Self {
        let etag = headers.get(header::ETAG).and_then(|value| value.to_str().ok()).filter(|etag| etag.len() <= 256);
        Self {
            version: 1,
            body,
            fetched_at: now.as_unix(),
            fresh_until: now.plus(fresh_for(headers, lifetimes)).as_unix(),
            etag: etag.map(str::to_owned),
        }
    }

    /// The same document, confirmed by a 304.
    #[must_use]
    pub fn confirmed(self, headers: &HeaderMap, lifetimes: Lifetimes, now: Timestamp) -> Self {
        Self { fetched_at: now.as_unix(), fresh_until: now.plus(fresh_for(headers, lifetimes)).as_unix(), ..self }
    }

    /// What the shared cache holds of the document at `url`: `KEY.MAC.JSON`, the MAC over URL, NUL and JSON.
    #[must_use]
    pub fn to_cache(&self, url: &str, keys: &KeyRing) -> Option<String> {
        let json = serde_json::to_string(self).ok()?;
        let mac = Base64UrlUnpadded::encode_string(&keys.mac(Purpose::SharedDocument, &authenticated(url, &json)));
        Some(format!("{}.{mac}.{json}", keys.newest_id().as_str()))
    }

    /// Reads what the shared cache holds; `None` for whatever [`Stored::to_cache`] did not make for this `url`.
    #[must_use]
    pub fn from_cache(text: &str, url: &str, keys: &KeyRing) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (key, mac, json) = (parts.next()?, parts.next()?, parts.next()?);
        let mac = Base64UrlUnpadded::decode_vec(mac).ok()?;
        if !keys.mac_is_valid(Purpose::SharedDocument, key, &authenticated(url, json), &mac) {
            return None;
        }
        serde_json::from_str(json).ok().filter(|stored: &Self| stored.version == 1)
    }

    /// What it is good for now. A document from the future is one whose clock cannot be trusted.
    #[must_use]
    pub fn freshness(&self, lifetimes: Lifetimes, now: Timestamp) -> Freshness {
        let fetched = Timestamp::from_unix(self.fetched_at);
        if now >= fetched.plus(lifetimes.usable) || fetched > now.plus(Seconds::minutes(5)) {
            return Freshness::TooOld;
        }
        let fresh_until = Timestamp::from_unix(self.fresh_until).min(fetched.plus(lifetimes.fresh_at_most));
        if now < fresh_until { Freshness::Fresh } else { Freshness::Stale }
    }
}

/// A URL holds no NUL: no two pairs are written alike.
fn authenticated(url: &str, json: &str) -> Vec<u8> {
    [url.as_bytes(), &[0], json.as_bytes()].concat()
}

fn fresh_for(headers: &HeaderMap, lifetimes: Lifetimes) -> Seconds {
    let said = headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let directive = |word: &str| word.trim().to_ascii_lowercase();
            value.split(',').map(directive).find_map(|word| word.strip_prefix("max-age=")?.parse::<u32>().ok())
        })
        .map_or(lifetimes.fresh, Seconds::new);
    said.clamp(lifetimes.fresh_at_least, lifetimes.fresh_at_most)
}

#[cfg(test)]
mod tests;
