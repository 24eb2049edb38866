//! An issuer's public documents, metadata and keys: isolate memory → shared cache → issuer.
//!
//! A document lives as long as the issuer says (`Cache-Control: max-age`), within bounds. In the first half
//! of its life it is *fresh*; in the second it is *ageing*: still used at once, and asked for again beside
//! the request. A *stale* one is not used before the issuer was asked, unless the issuer does not answer,
//! and never once it is *too old* (R-014). So a key that the issuer removed works for at most
//! [`Lifetimes::life_at_most`] while the issuer can be reached, and for at most [`Lifetimes::usable`] while
//! it cannot.
//!
//! The shared cache has other writers than us: what it holds is authenticated, or whoever may write there could
//! name keys of their own and sign in as anybody.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::http::{HeaderMap, header};
use crate::json;
use crate::keyring::{KeyPurpose, KeyRing};
use crate::time::{Seconds, Timestamp};

/// How long a document of one kind lives, and is usable.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// The life of a document when the issuer does not say (`Cache-Control: max-age`).
    pub life: Seconds,
    /// At least this long, whatever the issuer says.
    pub life_at_least: Seconds,
    /// At most this long, whatever the issuer says.
    pub life_at_most: Seconds,
    /// Usable this long while the issuer does not answer.
    pub usable: Seconds,
}

/// Metadata changes rarely.
pub const METADATA: Lifetimes = Lifetimes {
    life: Seconds::hours(1),
    life_at_least: Seconds::minutes(5),
    life_at_most: Seconds::hours(24),
    usable: Seconds::hours(48),
};

/// A removed key must stop working soon.
pub const KEYS: Lifetimes = Lifetimes {
    life: Seconds::minutes(10),
    life_at_least: Seconds::minutes(1),
    life_at_most: Seconds::hours(1),
    usable: Seconds::hours(24),
};

/// The bundle of a trust domain, which says itself how often it wants to be asked for (SPIFFE Trust Domain and Bundle §4.1.3).
pub const BUNDLE: Lifetimes = Lifetimes {
    life: Seconds::minutes(5),
    life_at_least: Seconds::minutes(1),
    life_at_most: Seconds::hours(24),
    usable: Seconds::hours(48),
};

impl Lifetimes {
    /// Those of a document that says itself how long it lives, whatever its headers say.
    #[must_use]
    pub fn hinted(self, hint: Option<u32>) -> Self {
        let life = hint.map_or(self.life, Seconds::new).clamp(self.life_at_least, self.life_at_most);
        Self { life, life_at_least: life, life_at_most: life, usable: self.usable }
    }
}

/// The keys of GitHub, by which it signs reports of leaked secrets: nobody signs in by them.
pub const REPORTER_KEYS: Lifetimes = Lifetimes {
    life: Seconds::hours(24),
    life_at_least: Seconds::hours(24),
    life_at_most: Seconds::hours(24),
    usable: Seconds::hours(72),
};

/// Between two attempts while the issuer does not answer.
pub const FAILURE_COOLDOWN: Seconds = Seconds::new(5);

/// How often the timed refresh comes, at least: it refreshes whatever would be ageing before it comes again.
pub const REFRESH_INTERVAL: Seconds = Seconds::minutes(5);

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    #[serde(rename = "v")]
    version: u8,
    /// The body, which has passed its parser.
    pub body: String,
    /// When it was fetched, or last confirmed by the issuer.
    pub fetched_at: Timestamp,
    /// When its life ends.
    pub fresh_until: Timestamp,
    /// `ETag`, to ask whether it changed.
    #[serde(default)]
    pub etag: Option<String>,
}

/// What a stored document is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Use it.
    Fresh,
    /// Use it, and ask for a new one.
    Ageing,
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
            fetched_at: now,
            fresh_until: now.plus(life(headers, lifetimes)),
            etag: etag.map(str::to_owned),
        }
    }

    /// The same document, confirmed by a 304.
    #[must_use]
    pub fn confirmed(self, headers: &HeaderMap, lifetimes: Lifetimes, now: Timestamp) -> Self {
        Self { fetched_at: now, fresh_until: now.plus(life(headers, lifetimes)), ..self }
    }

    /// What the shared cache holds of the document at `url`: `KEY.MAC.JSON`, the MAC over URL, NUL and JSON.
    #[must_use]
    pub fn to_cache(&self, url: &str, keys: &KeyRing) -> Option<String> {
        let json = serde_json::to_string(self).ok()?;
        let mac = Base64UrlUnpadded::encode_string(&keys.mac(KeyPurpose::SharedDocument, &authenticated(url, &json)));
        Some(format!("{}.{mac}.{json}", keys.newest_id().as_str()))
    }

    /// Reads what the shared cache holds; `None` for whatever [`Stored::to_cache`] did not make for this `url`.
    #[must_use]
    pub fn from_cache(text: &str, url: &str, keys: &KeyRing) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (key, mac, json) = (parts.next()?, parts.next()?, parts.next()?);
        let mac = Base64UrlUnpadded::decode_vec(mac).ok()?;
        if !keys.mac_is_valid(KeyPurpose::SharedDocument, key, &authenticated(url, json), &mac) {
            return None;
        }
        json::from_text(json).ok().filter(|stored: &Self| stored.version == 1)
    }

    /// What it is good for now. A document from the future is one whose clock cannot be trusted.
    #[must_use]
    pub fn freshness(&self, lifetimes: Lifetimes, now: Timestamp) -> Freshness {
        let fetched = self.fetched_at;
        if now >= fetched.plus(lifetimes.usable) || fetched > now.plus(Seconds::minutes(5)) {
            return Freshness::TooOld;
        }
        let end = self.fresh_until.min(fetched.plus(lifetimes.life_at_most));
        let half = Seconds::new(end.since(fetched).get() / 2);
        match now {
            now if now < fetched.plus(half) => Freshness::Fresh,
            now if now < end => Freshness::Ageing,
            _ => Freshness::Stale,
        }
    }
}

/// A URL holds no NUL: no two pairs are written alike.
fn authenticated(url: &str, json: &str) -> Vec<u8> {
    [url.as_bytes(), &[0], json.as_bytes()].concat()
}

fn life(headers: &HeaderMap, lifetimes: Lifetimes) -> Seconds {
    let said = headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let directive = |word: &str| word.trim().to_ascii_lowercase();
            value.split(',').map(directive).find_map(|word| word.strip_prefix("max-age=")?.parse::<u32>().ok())
        })
        .map_or(lifetimes.life, Seconds::new);
    said.clamp(lifetimes.life_at_least, lifetimes.life_at_most)
}

#[cfg(test)]
mod tests;
