//! The providers' documents at hand: isolate memory → shared cache → provider (rules in [`documents`]).
//!
//! No request ever waits for another one's fetch: on Workers a future dies with its request. Whoever
//! needs a document that nobody has fetches it. Where there is one to go on with, a mark left before
//! the fetch keeps the others from asking as well.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::Platform;
use crate::config::Issuer;
use crate::http::{HeaderValue, StatusCode, header};
use crate::jose::{Algorithm, KeySet, UnverifiedJwt, VerifiedJwt, jwk};
use crate::keyring::KeyRing;
use crate::oidc::documents::{self, Freshness, Lifetimes, Stored};
use crate::oidc::exchange;
use crate::oidc::metadata::{self, Metadata};
use crate::ports::OutboundRequest;
use crate::refusal::{Document, Reason};
use crate::time::Timestamp;

/// What this isolate remembers of every provider's documents: public data only.
#[derive(Debug)]
pub(super) struct ProviderDocuments {
    metadata: Shelf<Metadata>,
    keys: Shelf<KeySet>,
}

impl ProviderDocuments {
    /// No documents yet; `ring` authenticates those in the shared cache.
    pub(super) fn new(ring: &Rc<KeyRing>) -> Self {
        Self { metadata: Shelf::new(Rc::clone(ring)), keys: Shelf::new(Rc::clone(ring)) }
    }

    /// The metadata of a provider or issuer.
    ///
    /// # Errors
    /// When there is none that is young enough and the provider does not give one.
    pub(super) async fn metadata<P: Platform>(&self, platform: &P, issuer: &Issuer) -> Result<Rc<Metadata>, Reason> {
        self.metadata.get(platform, &MetadataOf(issuer), Demand::Usable).await
    }

    /// The provider's keys.
    ///
    /// # Errors
    /// When there are none that are young enough and the provider does not give any.
    pub(super) async fn keys<P: Platform>(&self, platform: &P, jwks_uri: &str) -> Result<Rc<KeySet>, Reason> {
        self.keys.get(platform, &KeysAt(jwks_uri), Demand::Usable).await
    }

    /// Keys fetched just now, because a token names one that is not among those at hand;
    /// the keys at hand while the last such fetch is too recent.
    ///
    /// # Errors
    /// When there are none at all.
    pub(super) async fn newer_keys<P: Platform>(&self, platform: &P, jwks_uri: &str) -> Result<Rc<KeySet>, Reason> {
        self.keys.get(platform, &KeysAt(jwks_uri), Demand::Newer).await
    }
}

impl ProviderDocuments {
    /// Verifies a token's signature by the provider's keys.
    ///
    /// # Errors
    /// When there are no keys, or the token does not verify.
    pub(super) async fn verify<P: Platform>(
        &self,
        platform: &P,
        jwks_uri: &str,
        algorithms: &[Algorithm],
        token: &str,
    ) -> Result<VerifiedJwt, Reason> {
        let parse = || UnverifiedJwt::parse(token).map_err(Reason::IdTokenSignature);
        let unverified = parse()?;
        let keys = self.keys(platform, jwks_uri).await?;
        match unverified.verify(&keys, algorithms, platform).await {
            // the provider may have changed its keys since we last looked.
            Err(error) if error.keys_may_be_stale() => {
                let keys = self.newer_keys(platform, jwks_uri).await?;
                parse()?.verify(&keys, algorithms, platform).await.map_err(Reason::IdTokenSignature)
            }
            verdict => verdict.map_err(Reason::IdTokenSignature),
        }
    }
}

/// A kind of document: where it is, how it is read, how long it is good.
trait Source {
    type Parsed;
    const DOCUMENT: Document;
    const LIFETIMES: Lifetimes;
    fn request(&self) -> OutboundRequest;
    fn parse(&self, body: &[u8]) -> Result<Self::Parsed, Reason>;
}

struct MetadataOf<'a>(&'a Issuer);

impl Source for MetadataOf<'_> {
    type Parsed = Metadata;
    const DOCUMENT: Document = Document::Metadata;
    const LIFETIMES: Lifetimes = documents::METADATA;

    fn request(&self) -> OutboundRequest {
        metadata::request(self.0)
    }

    fn parse(&self, body: &[u8]) -> Result<Metadata, Reason> {
        Metadata::parse(body, self.0).map_err(Reason::Metadata)
    }
}

struct KeysAt<'a>(&'a str);

impl Source for KeysAt<'_> {
    type Parsed = KeySet;
    const DOCUMENT: Document = Document::Keys;
    const LIFETIMES: Lifetimes = documents::KEYS;

    fn request(&self) -> OutboundRequest {
        exchange::json_get(self.0.to_owned(), jwk::MAX_SET_BYTES)
    }

    fn parse(&self, body: &[u8]) -> Result<KeySet, Reason> {
        KeySet::parse(body).map_err(Reason::Keys)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    Usable,
    Newer,
}

/// The documents of one kind, by URL. URLs come from the configuration and from validated metadata:
/// there are as many as providers.
#[derive(Debug)]
struct Shelf<T> {
    entries: RefCell<HashMap<String, Entry<T>>>,
    ring: Rc<KeyRing>,
}

#[derive(Debug)]
struct Entry<T> {
    held: Option<(Stored, Rc<T>)>,
    /// Until when the provider is not asked again for what is no longer fresh, …
    quiet_until: Timestamp,
    /// … and for something newer than what is at hand.
    newer_quiet_until: Timestamp,
    /// Why there was no document when it was last asked, and until when that is taken for the answer.
    failure: Option<(Timestamp, Reason)>,
}

impl<T> Shelf<T> {
    fn new(ring: Rc<KeyRing>) -> Self {
        Self { entries: RefCell::default(), ring }
    }

    async fn get<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        demand: Demand,
    ) -> Result<Rc<T>, Reason> {
        let request = source.request();
        let now = platform.now();
        let url = request.url.clone();
        let usable = |(stored, _): &(Stored, Rc<T>)| stored.freshness(S::LIFETIMES, now) != Freshness::TooOld;
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
        match self.fetch(platform, source, request, held.as_ref()).await {
            Ok(parsed) => Ok(parsed),
            Err(reason) => {
                self.mark_failure(&url, &reason, platform.now());
                // Stale if error: better yesterday's keys than nobody let in.
                held.map(|(_, parsed)| parsed).ok_or(reason)
            }
        }
    }

    fn held(&self, url: &str) -> Option<(Stored, Rc<T>)> {
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
            self.hold(url, stored, Rc::new(parsed));
        }
    }

    async fn fetch<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        mut request: OutboundRequest,
        held: Option<&(Stored, Rc<T>)>,
    ) -> Result<Rc<T>, Reason> {
        let url = request.url.clone();
        if let Some(etag) = held.and_then(|(stored, _)| HeaderValue::try_from(stored.etag.as_deref()?).ok()) {
            request.headers.insert(header::IF_NONE_MATCH, etag);
        }
        let response = platform.send(request).await.map_err(|error| Reason::ProviderUnreachable(S::DOCUMENT, error))?;
        let now = platform.now();
        let (stored, parsed) = match (response.status, held) {
            (StatusCode::NOT_MODIFIED, Some((stored, parsed))) => {
                (stored.clone().confirmed(&response.headers, S::LIFETIMES, now), Rc::clone(parsed))
            }
            (StatusCode::OK, _) => {
                let parsed = source.parse(&response.body)?;
                let body = String::from_utf8(response.body).unwrap_or_default();
                (Stored::new(body, &response.headers, S::LIFETIMES, now), Rc::new(parsed))
            }
            (status, _) => return Err(Reason::ProviderStatus(S::DOCUMENT, status)),
        };
        self.hold(&url, stored.clone(), Rc::clone(&parsed));
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

    fn hold(&self, url: &str, stored: Stored, parsed: Rc<T>) {
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
