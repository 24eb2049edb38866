//! One fetch of a document: shared cache, then issuer; and what it brings, into the cache.

use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::cache::{Cached, DocumentCache, Entry};
use super::document::Ask;
use super::source::Source;
use crate::gateway::Platform;
use crate::http::{HeaderValue, StatusCode, header};
use crate::oidc::documents::{self, Freshness, Stored};
use crate::ports::{Clock, Fetch, OutboundResponse, SharedDocuments};
use crate::refusal::Reason;
use crate::time::Seconds;

/// What a fetch brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Nothing that was not known.
    Nothing,
    /// The first document, or the same one, younger.
    Age,
    /// Another document than the one there was.
    Change,
}

/// Marks the end of the fetch, however it ends: a future may be dropped in the middle.
struct EndOfFetch<'a, T> {
    cache: &'a DocumentCache<T>,
    name: &'a str,
}

impl<T> Drop for EndOfFetch<'_, T> {
    fn drop(&mut self) {
        self.cache.with(self.name, Entry::end_fetch);
    }
}

impl<T> DocumentCache<T> {
    /// Fetches the document, as the task that was spawned for it, or as one of its own.
    ///
    /// # Errors
    /// When the issuer was asked, and gave none.
    pub(super) async fn fetch<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        ask: Ask,
    ) -> Result<Fetched, Reason> {
        let end_of_fetch = EndOfFetch { cache: self, name: source.name() };
        let url = source.place();
        if ask != Ask::Issuer {
            self.adopt_shared_copy(platform, source, &url).await;
        }
        let ahead = if ask == Ask::Ahead { documents::REFRESH_INTERVAL } else { Seconds::new(0) };
        let freshness = self.with(source.name(), |entry| {
            let lifetimes = source.lifetimes(entry.parsed());
            entry.freshness(lifetimes, platform.clock().now(), ahead)
        });
        if ask != Ask::Issuer && freshness == Freshness::Fresh {
            return Ok(Fetched::Nothing);
        }
        let before = self.cached(source.name());
        let (stored, parsed) = match self.ask_issuer(platform, source, before.as_ref()).await {
            Ok(cached) => cached,
            Err(reason) => {
                self.with(source.name(), |entry| entry.fail(reason.clone(), platform.clock().now()));
                return Err(reason);
            }
        };
        self.with(source.name(), |entry| {
            entry.store(Rc::clone(&stored), parsed);
            if ask == Ask::Issuer {
                entry.answered = entry.asked;
            }
        });
        // Nobody need wait for what follows.
        drop(end_of_fetch);
        let changed = before.as_ref().is_none_or(|(before, _)| before.body != stored.body);
        // Asking for unknown keys again and again must not mean writing again and again.
        if changed || freshness != Freshness::Fresh {
            self.share(platform, &url, &stored, source.lifetimes(None).usable).await;
        }
        Ok(if changed && before.is_some() { Fetched::Change } else { Fetched::Age })
    }

    /// Takes what another isolate fetched, if it is younger and still parses.
    async fn adopt_shared_copy<P: Platform, S: Source<Parsed = T>>(&self, platform: &P, source: &S, url: &str) {
        let Some(text) = platform.shared_documents().get(&cache_key(url)).await else { return };
        let Some(stored) = Stored::from_cache(&text, url, &self.ring) else { return };
        if stored.freshness(source.lifetimes(None), platform.clock().now()) == Freshness::TooOld {
            return;
        }
        let cached = self.cached(source.name());
        if cached.as_ref().is_some_and(|(cached, _)| cached.fetched_at >= stored.fetched_at) {
            return;
        }
        if let Ok(parsed) = parse(source, &stored.body, cached.as_ref()) {
            self.with(source.name(), |entry| entry.store(Rc::new(stored), parsed));
        }
    }

    async fn ask_issuer<P: Platform, S: Source<Parsed = T>>(
        &self,
        platform: &P,
        source: &S,
        cached: Option<&Cached<T>>,
    ) -> Result<Cached<T>, Reason> {
        let mut request = source.request();
        if let Some(etag) = cached.and_then(|(stored, _)| HeaderValue::try_from(stored.etag.as_deref()?).ok()) {
            request.headers.insert(header::IF_NONE_MATCH, etag);
        }
        let response =
            platform.fetch().send(request).await.map_err(|error| Reason::ProviderUnreachable(S::DOCUMENT, error))?;
        let OutboundResponse { status, headers, body } = response;
        let now = platform.clock().now();
        match (status, cached) {
            (StatusCode::NOT_MODIFIED, Some((stored, parsed))) => {
                let stored = Stored::clone(stored).confirmed(&headers, source.lifetimes(Some(parsed)), now);
                Ok((Rc::new(stored), Rc::clone(parsed)))
            }
            (StatusCode::OK, _) => {
                let body = String::from_utf8(body).unwrap_or_default();
                let parsed = parse(source, &body, cached)?;
                Ok((Rc::new(Stored::new(body, &headers, source.lifetimes(Some(&parsed)), now)), parsed))
            }
            (status, _) => Err(Reason::ProviderStatus(S::DOCUMENT, status)),
        }
    }

    async fn share<P: Platform>(&self, platform: &P, url: &str, stored: &Stored, ttl: Seconds) {
        if let Some(text) = stored.to_cache(url, &self.ring) {
            platform.shared_documents().put(&cache_key(url), text, ttl).await;
        }
    }
}

/// Reads a body, unless it is the one that was read before.
fn parse<S: Source>(source: &S, body: &str, cached: Option<&Cached<S::Parsed>>) -> Result<Rc<S::Parsed>, Reason> {
    match cached {
        Some((stored, parsed)) if stored.body == body => Ok(Rc::clone(parsed)),
        _ => source.parse(body.as_bytes()).map(Rc::new),
    }
}

/// The URL's hash: keys of the shared cache show in logs and lists, and have a length limit.
fn cache_key(url: &str) -> String {
    format!("document/2/{}", Base64UrlUnpadded::encode_string(&Sha256::digest(url)))
}
