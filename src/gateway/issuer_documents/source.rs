//! The kinds of documents: where each is, how it is read, how long it lives.

use super::document::{Ask, Published};
use crate::config::{Issuer, PublishedKeys};
use crate::gateway::background::{BackgroundTask, Work};
use crate::jose::{KeySet, jwk};
use crate::oidc::documents::{self, Lifetimes};
use crate::oidc::exchange;
use crate::oidc::metadata::{self, AliasedEndpoint, Metadata, MetadataError};
use crate::ports::OutboundRequest;
use crate::refusal::{Document, Reason};

/// A document of one kind.
pub(super) trait Source {
    type Parsed;
    const DOCUMENT: Document;
    /// How long it lives; of one that is here, as it says itself.
    fn lifetimes(&self, parsed: Option<&Self::Parsed>) -> Lifetimes;
    /// What tells it from others of its kind: the issuer, or the URL.
    fn name(&self) -> &str;
    fn request(&self) -> OutboundRequest;
    /// What it is called in the shared cache.
    fn place(&self) -> String {
        self.request().url
    }
    fn parse(&self, body: &[u8]) -> Result<Self::Parsed, Reason>;
    fn task(&self, ask: Ask) -> BackgroundTask;
}

/// The metadata of an issuer, of which no more is read, and no more need be there, than what it is fetched for.
pub(super) struct MetadataOf<'a, T> {
    issuer: &'a Issuer,
    request: fn(&Issuer) -> OutboundRequest,
    read: fn(&[u8], &Issuer) -> Result<T, MetadataError>,
    published: fn(Issuer) -> Published,
}

impl<'a> MetadataOf<'a, Metadata> {
    /// What it takes to have people sign in with the issuer.
    pub(super) fn provider(issuer: &'a Issuer) -> Self {
        Self { issuer, request: metadata::request, read: Metadata::parse, published: Published::Metadata }
    }
}

impl<'a> MetadataOf<'a, String> {
    /// Where the keys are: an issuer of access tokens need not sign people in.
    pub(super) fn keys_uri(issuer: &'a Issuer) -> Self {
        Self { issuer, request: metadata::request, read: metadata::keys_uri, published: Published::KeysUri }
    }

    /// The whole of what is at this address, for the SAML Worker to read.
    pub(super) fn saml(at: &'a Issuer) -> Self {
        Self { issuer: at, request: metadata::saml_request, read: metadata::saml, published: Published::Saml }
    }
}

impl<'a> MetadataOf<'a, AliasedEndpoint> {
    /// Where the issuer gives tokens.
    pub(super) fn token_endpoint(issuer: &'a Issuer) -> Self {
        Self { issuer, request: metadata::request, read: metadata::token_endpoint, published: Published::TokenEndpoint }
    }

    /// Where the issuer is asked about its tokens.
    pub(super) fn introspection_endpoint(issuer: &'a Issuer) -> Self {
        Self {
            issuer,
            request: metadata::request,
            read: metadata::introspection_endpoint,
            published: Published::IntrospectionEndpoint,
        }
    }
}

impl<T> Source for MetadataOf<'_, T> {
    type Parsed = T;
    const DOCUMENT: Document = Document::Metadata;

    fn lifetimes(&self, _: Option<&T>) -> Lifetimes {
        documents::METADATA
    }

    fn name(&self) -> &str {
        self.issuer.as_str()
    }

    fn request(&self) -> OutboundRequest {
        (self.request)(self.issuer)
    }

    fn parse(&self, body: &[u8]) -> Result<T, Reason> {
        (self.read)(body, self.issuer).map_err(Reason::Metadata)
    }

    fn task(&self, ask: Ask) -> BackgroundTask {
        BackgroundTask(Work::Document((self.published)(self.issuer.clone()), ask))
    }
}

/// Keys at an address.
#[derive(Clone, Copy)]
pub(super) enum KeysAt<'a> {
    /// A JWK set at a URL.
    Url(&'a str),
    /// What the configuration says of where those of a platform are.
    Platform(&'a PublishedKeys),
}

impl KeysAt<'_> {
    const fn is_bundle(&self) -> bool {
        matches!(self, Self::Platform(keys) if keys.is_bundle)
    }
}

impl Source for KeysAt<'_> {
    type Parsed = KeySet;
    const DOCUMENT: Document = Document::Keys;

    fn lifetimes(&self, keys: Option<&KeySet>) -> Lifetimes {
        match keys {
            _ if !self.is_bundle() => documents::KEYS,
            Some(keys) => documents::BUNDLE.hinted(keys.refresh_hint()),
            None => documents::BUNDLE,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Url(url) => url,
            Self::Platform(keys) => &keys.name,
        }
    }

    fn request(&self) -> OutboundRequest {
        match self {
            Self::Url(url) => exchange::json_get((*url).to_owned(), jwk::MAX_SET_BYTES),
            Self::Platform(keys) => {
                OutboundRequest { via: keys.via.clone(), ..exchange::json_get(keys.url.clone(), jwk::MAX_SET_BYTES) }
            }
        }
    }

    fn place(&self) -> String {
        self.name().to_owned()
    }

    fn parse(&self, body: &[u8]) -> Result<KeySet, Reason> {
        let keys = if self.is_bundle() { KeySet::parse_bundle(body) } else { KeySet::parse(body) };
        keys.map_err(Reason::Keys)
    }

    fn task(&self, ask: Ask) -> BackgroundTask {
        let published = match self {
            Self::Url(url) => Published::Keys((*url).to_owned()),
            Self::Platform(keys) => Published::PlatformKeys(Box::new((*keys).clone())),
        };
        BackgroundTask(Work::Document(published, ask))
    }
}

/// The keys at a URL by which GitHub signs reports of leaked secrets. It asks for a token of those who come often, so they are
/// kept for a day whatever it says, and a key that is not there is asked for by itself.
pub(super) struct GithubKeysAt<'a>(pub(super) &'a str);

impl Source for GithubKeysAt<'_> {
    type Parsed = KeySet;
    const DOCUMENT: Document = Document::Keys;

    fn lifetimes(&self, _: Option<&KeySet>) -> Lifetimes {
        documents::REPORTER_KEYS
    }

    fn name(&self) -> &str {
        self.0
    }

    fn request(&self) -> OutboundRequest {
        exchange::json_get(self.0.to_owned(), jwk::MAX_SET_BYTES)
    }

    fn parse(&self, body: &[u8]) -> Result<KeySet, Reason> {
        KeySet::of_github(body).map_err(Reason::Keys)
    }

    fn task(&self, ask: Ask) -> BackgroundTask {
        BackgroundTask(Work::Document(Published::GithubKeys(self.0.to_owned()), ask))
    }
}
