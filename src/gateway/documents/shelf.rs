//! The documents of one kind that this isolate has, and how it comes by them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::source::Source;
use crate::gateway::Platform;
use crate::http::{HeaderValue, StatusCode, header};
use crate::keyring::KeyRing;
use crate::oidc::documents::{self, Freshness, Stored};
use crate::refusal::Reason;
use crate::time::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// One that is good.
    Usable,
    /// One fetched just now, because a token names a key that is not among those at hand; the one at
    /// hand while the last such fetch is too recent.
    Newer,
}

/// The documents of one kind, by URL. URLs come from the configuration and from validated metadata:
/// there are as many as issuers.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    entries: RefCell<HashMap<String, Entry<T>>>,
    ring: Rc<KeyRing>,
}

/// As it came, and as it was read.
type Held<T> = (Rc<Stored>, Rc<T>);

#[derive(Debug)]
struct Entry<T> {
    held: Option<Held<T>>,
    /// Until when the provider is not asked again for what is no longer fresh, …
    quiet_until: Timestamp,
    /// … and for something newer than what is at hand.
    newer_quiet_until: Timestamp,
    /// Why there was no document when it was last asked, and until when that is taken for the answer.
    failure: Option<(Timestamp, Reason)>,
}

impl<T> Shelf<T> {
    pub(super) fn new(ring: Rc<KeyRing>) -> Self {
        Self { entries: RefCell::default(), ring }
    }

    pub(super) async fn get<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        demand: Demand,
    ) -> Result<Rc<T>, Reason> {
        let now = platform.now();
        let url = source.url();
        let usable = |(stored, _): &Held<T>| stored.freshness(S::LIFETIMES, now) != Freshness::TooOld;
        if self.held(&url).filter(usable).is_none() {
            self.adopt_shared_copy(platform, source, &url, now).await;
        }
        let held = self.held(&url).filter(usable);
        let fresh = held.as_ref().is_some_and(|(stored, _)| stored.freshness(S::LIFETIMES, now) == Freshness::Fresh);
        if let Some((_, parsed)) = held.as_ref().filter(|_| !self.should_fetch(&url, demand, fresh, now)) {
            return Ok(Rc::clone(parsed));
        }
        if let (None, Some(reason)) = (&held, self.recent_failure(&url, now)) {
            return Err(reason);
        }
        self.mark_attempt(&url, demand, now);
        match self.fetch(platform, source, held.as_ref()).await {
            Ok(parsed) => Ok(parsed),
            Err(reason) => {
                self.mark_failure(&url, &reason, platform.now());
                // Stale if error: better yesterday's keys than nobody let in.
                held.map(|(_, parsed)| parsed).ok_or(reason)
            }
        }
    }

    /// The document, if it can be used now without asking anybody.
    pub(super) fn at_hand<S: Source<Parsed = T>>(&self, source: &S, now: Timestamp) -> Option<Rc<T>> {
        let url = source.url();
        let (stored, parsed) = self.held(&url)?;
        let usable = match stored.freshness(S::LIFETIMES, now) {
            Freshness::Fresh => true,
            Freshness::Stale => !self.should_fetch(&url, Demand::Usable, false, now),
            Freshness::TooOld => false,
        };
        usable.then_some(parsed)
    }

    fn held(&self, url: &str) -> Option<Held<T>> {
        self.entries.borrow().get(url)?.held.clone()
    }

    fn should_fetch(&self, url: &str, demand: Demand, fresh: bool, now: Timestamp) -> bool {
        let shelf = self.entries.borrow();
        let Some(entry) = shelf.get(url) else { return true };
        match demand {
            Demand::Newer => now >= entry.newer_quiet_until,
            Demand::Usable => !fresh && now >= entry.quiet_until,
        }
    }

    fn recent_failure(&self, url: &str, now: Timestamp) -> Option<Reason> {
        let shelf = self.entries.borrow();
        let (until, reason) = shelf.get(url)?.failure.as_ref()?;
        (now < *until).then(|| reason.clone())
    }

    /// Takes what another isolate fetched, if it still parses and is not too old.
    async fn adopt_shared_copy<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        url: &str,
        now: Timestamp,
    ) {
        let Some(text) = platform.get(&cache_key(url)).await else { return };
        let Some(stored) = Stored::from_cache(&text, url, &self.ring) else { return };
        if stored.freshness(S::LIFETIMES, now) == Freshness::TooOld {
            return;
        }
        if let Ok(parsed) = source.parse(stored.body.as_bytes()) {
            self.hold(url, Rc::new(stored), Rc::new(parsed));
        }
    }

    async fn fetch<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        held: Option<&Held<T>>,
    ) -> Result<Rc<T>, Reason> {
        let mut request = source.request();
        let url = request.url.clone();
        if let Some(etag) = held.and_then(|(stored, _)| HeaderValue::try_from(stored.etag.as_deref()?).ok()) {
            request.headers.insert(header::IF_NONE_MATCH, etag);
        }
        let response = platform.send(request).await.map_err(|error| Reason::ProviderUnreachable(S::DOCUMENT, error))?;
        let now = platform.now();
        let (stored, parsed) = match (response.status, held) {
            (StatusCode::NOT_MODIFIED, Some((stored, parsed))) => {
                ((**stored).clone().confirmed(&response.headers, S::LIFETIMES, now), Rc::clone(parsed))
            }
            (StatusCode::OK, _) => {
                let parsed = source.parse(&response.body)?;
                let body = String::from_utf8(response.body).unwrap_or_default();
                (Stored::new(body, &response.headers, S::LIFETIMES, now), Rc::new(parsed))
            }
            (status, _) => return Err(Reason::ProviderStatus(S::DOCUMENT, status)),
        };
        let stored = Rc::new(stored);
        self.hold(&url, Rc::clone(&stored), Rc::clone(&parsed));
        if let Some(text) = stored.to_cache(&url, &self.ring) {
            platform.put(&cache_key(&url), text, S::LIFETIMES.usable).await;
        }
        Ok(parsed)
    }

    fn mark_attempt(&self, url: &str, demand: Demand, now: Timestamp) {
        let mut shelf = self.entries.borrow_mut();
        let entry = shelf.entry(url.to_owned()).or_insert_with(Entry::empty);
        match demand {
            Demand::Usable => entry.quiet_until = now.plus(documents::FAILURE_COOLDOWN),
            Demand::Newer => entry.newer_quiet_until = now.plus(documents::UNKNOWN_KEY_COOLDOWN),
        }
    }

    fn mark_failure(&self, url: &str, reason: &Reason, now: Timestamp) {
        let mut shelf = self.entries.borrow_mut();
        let entry = shelf.entry(url.to_owned()).or_insert_with(Entry::empty);
        entry.failure = Some((now.plus(documents::FAILURE_COOLDOWN), reason.clone()));
    }

    fn hold(&self, url: &str, stored: Rc<Stored>, parsed: Rc<T>) {
        let mut shelf = self.entries.borrow_mut();
        let entry = shelf.entry(url.to_owned()).or_insert_with(Entry::empty);
        entry.held = Some((stored, parsed));
    }
}

impl<T> Entry<T> {
    const fn empty() -> Self {
        let long_ago = Timestamp::from_unix(i64::MIN);
        Self { held: None, quiet_until: long_ago, newer_quiet_until: long_ago, failure: None }
    }
}

/// The URL's hash: keys of the shared cache show in logs and lists, and have a length limit.
fn cache_key(url: &str) -> String {
    format!("document/2/{}", Base64UrlUnpadded::encode_string(&Sha256::digest(url)))
}
