//! What clients publish, at hand: isolate memory → shared cache → the client's server. Anybody may be a client, so what is
//! remembered is bounded. No failure is remembered.

use std::cell::RefCell;
use std::rc::Rc;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use url::Url;

use crate::agent::AgentError;
use crate::bounded_cache::{BoundedCache, Bounds};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{HeaderValue, StatusCode, header};
use crate::oidc::documents::{Freshness, Lifetimes, Stored};
use crate::oidc::exchange;
use crate::ports::{Fetch, FetchError, SharedDocuments};
use crate::refusal::Reason;
use crate::time::Seconds;

/// How long a client's server may take.
const TIMEOUT: Seconds = Seconds::new(3);
/// A document of a client.
const LIFETIMES: Lifetimes = Lifetimes {
    life: Seconds::hours(1),
    life_at_least: Seconds::minutes(5),
    life_at_most: Seconds::hours(24),
    usable: Seconds::hours(24),
};
/// Keys are asked for again where one is not among them, but not more often than this.
const OLD_ENOUGH: Seconds = Seconds::new(60);
const BOUNDS: Bounds = Bounds { entries: 256, weight: 2 * 1024 * 1024 };

/// What this isolate remembers of clients: public data only.
#[derive(Debug)]
pub(in crate::gateway) struct ClientDocuments(RefCell<BoundedCache<[u8; 32], Rc<Stored>>>);

impl Default for ClientDocuments {
    fn default() -> Self {
        Self(RefCell::new(BoundedCache::new(BOUNDS)))
    }
}

/// One document of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublishedDocument<'a> {
    /// Where it is.
    pub(super) url: &'a str,
    /// What it is: no document of one kind is taken for one of another.
    pub(super) kind: &'static str,
    /// The largest that is read.
    pub(super) max_bytes: usize,
}

impl PublishedDocument<'_> {
    /// What it is called in the shared cache.
    fn place(&self) -> String {
        format!("{} {}", self.kind, self.url)
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// The body of a document, which `holds` says to be one.
    ///
    /// # Errors
    /// When there is none that is young enough, and the client's server does not give one that is.
    pub(super) async fn client_document<T>(
        &self,
        published: PublishedDocument<'_>,
        read: impl Fn(&str) -> Result<T, AgentError>,
        parts: &mut ResponseParts,
    ) -> Result<T, Reason> {
        let known = self.known(published).await;
        if let Some((stored, Freshness::Fresh | Freshness::Ageing)) = &known
            && let Ok(document) = read(&stored.body)
        {
            return Ok(document);
        }
        let old = known.map(|(stored, _)| stored);
        match self.fetch_client_document(published, old.as_deref(), &read, parts).await {
            Ok(document) => Ok(document),
            // Better the document of an hour ago than none: what it says was true then, and nobody has said otherwise since.
            Err(reason) if is_silence(&reason) => old.and_then(|stored| read(&stored.body).ok()).ok_or(reason),
            Err(reason) => Err(reason),
        }
    }

    /// The same from the client's server, unless it was asked a moment ago.
    ///
    /// # Errors
    /// When it was, or it does not give a document that `holds`.
    pub(super) async fn newer_client_document<T>(
        &self,
        published: PublishedDocument<'_>,
        read: impl Fn(&str) -> Result<T, AgentError>,
        parts: &mut ResponseParts,
    ) -> Result<Option<T>, Reason> {
        let old = self.known(published).await.map(|(stored, _)| stored);
        let is_young = |stored: &Rc<Stored>| self.request.now.since(stored.fetched_at) < OLD_ENOUGH;
        if old.as_ref().is_some_and(is_young) {
            return Ok(None);
        }
        self.fetch_client_document(published, old.as_deref(), &read, parts).await.map(Some)
    }

    /// What is at hand, unless it is too old.
    async fn known(&self, published: PublishedDocument<'_>) -> Option<(Rc<Stored>, Freshness)> {
        let (place, now) = (published.place(), self.request.now);
        let usable = |stored: Rc<Stored>| {
            let freshness = stored.freshness(LIFETIMES, now);
            (freshness != Freshness::TooOld).then_some((stored, freshness))
        };
        let remembered = self.site.clients.0.borrow_mut().get(&digest(&place)).cloned().and_then(usable);
        if let Some((_, Freshness::Fresh | Freshness::Ageing)) = remembered {
            return remembered;
        }
        let text = self.platform.shared_documents().get(&cache_key(&place)).await;
        let shared = text.and_then(|text| Stored::from_cache(&text, &place, &self.site.config.keys));
        let shared = shared.map(Rc::new).and_then(usable);
        if let Some((stored, _)) = &shared {
            self.remember(&place, stored);
        }
        shared.or(remembered)
    }

    fn remember(&self, place: &str, stored: &Rc<Stored>) {
        let weight = stored.body.len() + place.len();
        self.site.clients.0.borrow_mut().insert(digest(place), Rc::clone(stored), weight);
    }

    async fn fetch_client_document<T>(
        &self,
        published: PublishedDocument<'_>,
        old: Option<&Stored>,
        read: &impl Fn(&str) -> Result<T, AgentError>,
        parts: &mut ResponseParts,
    ) -> Result<T, Reason> {
        let PublishedDocument { url, max_bytes, .. } = published;
        let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        self.limit_fetches(&host, parts).await?;
        let mut request = exchange::json_get(url.to_owned(), max_bytes);
        request.timeout = TIMEOUT;
        if let Some(etag) = old.and_then(|stored| HeaderValue::try_from(stored.etag.as_deref()?).ok()) {
            request.headers.insert(header::IF_NONE_MATCH, etag);
        }
        let answer = self.platform.fetch().send(request).await;
        let answer = answer.map_err(|error| Reason::Client(AgentError::Unreachable(error)))?;
        let stored = match (answer.status, old) {
            (StatusCode::NOT_MODIFIED, Some(old)) => {
                old.clone().confirmed(&answer.headers, LIFETIMES, self.request.now)
            }
            (StatusCode::OK, _) if !exchange::is_json(&answer.headers) => {
                return Err(Reason::Client(AgentError::NotJson));
            }
            (StatusCode::OK, _) => {
                let body = String::from_utf8(answer.body).unwrap_or_default();
                Stored::new(body, &answer.headers, LIFETIMES, self.request.now)
            }
            (status, _) => return Err(Reason::Client(AgentError::Status(status))),
        };
        let document = read(&stored.body).map_err(Reason::Client)?;
        let place = published.place();
        if let Some(text) = stored.to_cache(&place, &self.site.config.keys) {
            self.platform.shared_documents().put(&cache_key(&place), text, LIFETIMES.usable).await;
        }
        self.remember(&place, &Rc::new(stored));
        Ok(document)
    }
}

/// Whether a client's server said nothing of its document. One that says that there is none, or gives one that is not good, has
/// withdrawn what it gave before.
fn is_silence(reason: &Reason) -> bool {
    match reason {
        Reason::Client(AgentError::Unreachable(error)) => *error != FetchError::TooLarge,
        Reason::Client(AgentError::Status(status)) => {
            status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        Reason::Client(_) => false,
        // It was not asked.
        _ => true,
    }
}

fn digest(place: &str) -> [u8; 32] {
    Sha256::digest(place).into()
}

/// A hash: keys of the shared cache show in logs and lists, and have a length limit.
fn cache_key(place: &str) -> String {
    format!("client/1/{}", Base64UrlUnpadded::encode_string(&digest(place)))
}
