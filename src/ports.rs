//! What the core asks of the world. `crates/workers` answers on Workers, `tests/support` answers in memory.

#![expect(async_fn_in_trait, reason = "a Worker is single-threaded: no future of ours is ever Send")]

use std::fmt;

use crate::http::{HeaderMap, Method, StatusCode};
pub use crate::jose::{Decryption, Signatures, Signing};
use crate::time::{Seconds, Timestamp};

/// The time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Waiting.
pub trait Timer {
    /// Returns when that many milliseconds have passed.
    async fn sleep(&self, milliseconds: u32);
}

/// A cryptographically secure random source.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Requests to providers. Implementations follow no redirects, send no cookies, verify TLS
/// certificates, and stop reading at `max_bytes`.
pub trait Fetch {
    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When no complete answer came within the limits.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError>;
}

/// A request to a provider. Prints without its body, which holds codes and secrets.
#[derive(Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// The headers; those that carry credentials are marked sensitive.
    pub headers: HeaderMap,
    /// The body; empty for GET.
    pub body: String,
    /// The time allowed for the whole exchange.
    pub timeout: Seconds,
    /// The largest body read.
    pub max_bytes: usize,
    /// The service binding that is asked, in place of the network.
    pub via: Option<String>,
    /// The binding (`mtls_certificates`) that shows our certificate to the server; `None`: none is shown.
    pub certificate: Option<String>,
}

/// A provider's answer, still untrusted. Prints without its body, which may hold tokens.
#[derive(Clone)]
pub struct OutboundResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most `max_bytes` long.
    pub body: Vec<u8>,
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OutboundRequest");
        shown.field("method", &self.method).field("url", &self.url).field("via", &self.via).finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboundResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No connection, or it broke.
    Network,
    /// Not within the time allowed.
    Timeout,
    /// More than `max_bytes`.
    TooLarge,
}

/// A shared cache of public documents (KV): may be stale, may be absent, is never authority.
pub trait SharedDocuments {
    /// The text stored under `key`.
    async fn get(&self, key: &str) -> Option<String>;
    /// Stores `text` for about `ttl`. Failures are the implementation's to log.
    async fn put(&self, key: &str, text: String, ttl: Seconds);
}

/// Looks whether what a deployment relies on is there.
pub trait Probe {
    /// Whether anything is bound by this name. It asks nothing outside the isolate.
    fn is_bound(&self, binding: &str) -> bool;
    /// Reads from the shared cache of public documents.
    ///
    /// # Errors
    /// When it does not answer.
    async fn read_cache(&self) -> Result<(), StoreError>;
}

/// Where versions of policies are published (KV): what it says may be late, and nothing else.
pub trait PolicyStore {
    /// The text under `key`; `None` when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError>;
}

/// Where versions of policies are written.
pub trait PolicyPublisher {
    /// Writes `text` under `key`, in the place of what was there.
    ///
    /// # Errors
    /// When the store does not say that it is written.
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError>;
    /// The keys that begin with `prefix`; at most a thousand.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}

/// Remembers what may be used only once, strongly consistent.
pub trait ReplayGuard {
    /// Claims `key` until `until`. True for the first caller, false for every later one.
    ///
    /// # Errors
    /// When the store does not answer: the caller refuses.
    async fn claim(&self, key: &[u8; 32], until: Timestamp) -> Result<bool, StoreError>;
    /// Claims `key` until `until` for the owner of this name: for the first one, and for that one again. A name of an owner is
    /// one of this key alone.
    ///
    /// # Errors
    /// When the store does not answer: the caller refuses.
    async fn claim_for(&self, key: &[u8; 32], owner: &[u8; 32], until: Timestamp) -> Result<Claimed, StoreError>;
    /// Whether somebody has claimed it. What asks for an effect that may be had twice, but not later, is claimed when it is
    /// done: else whoever is stopped in between is told that it is.
    ///
    /// # Errors
    /// When the store does not answer: the caller refuses.
    async fn is_claimed(&self, key: &[u8; 32]) -> Result<bool, StoreError>;
    /// Gives back a claim whose purpose failed, so that the same thing may be tried again.
    ///
    /// # Errors
    /// When the store does not answer: the claim stands.
    async fn release(&self, key: &[u8; 32]) -> Result<(), StoreError>;
}

/// What an owner has of its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is the first one.
    First,
    /// It was the first one before.
    Again,
    /// Another was the first one.
    ByAnother,
}

/// A strongly consistent store did not do its work. No larger than a pointer: it is handed on in many places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It did not answer, or with an error.
    Unavailable(Box<Outage>),
    /// It answered with something that cannot be read.
    Malformed,
}

/// Why a store did not do its work, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage(pub String);

impl StoreError {
    /// [`Self::Unavailable`] for this reason.
    #[must_use]
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(Box::new(Outage(why.into())))
    }
}

/// The body of the request at hand.
pub trait RequestBody {
    /// Reads it whole, as UTF-8 text.
    ///
    /// # Errors
    /// When it is longer than `max_bytes`, not UTF-8, or breaks off.
    async fn text(self, max_bytes: usize) -> Result<String, BodyError>;
}

/// Why a request body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than allowed.
    TooLarge,
    /// Not UTF-8, or it broke off.
    Unreadable,
}

/// Where the events go.
pub trait Log {
    /// Writes one line of JSON.
    fn line(&self, json: &str);
}

/// What our pages say in other languages than English.
pub trait Languages {
    /// The texts of the language with this tag: one JSON object of texts, by what they are in English. `None` where there
    /// are none.
    async fn texts(&self, tag: &str) -> Option<String>;
}
