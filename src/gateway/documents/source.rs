//! The kinds of documents: where each is, how it is read, how long it lives.

use super::errand::{Ask, Errand, Published};
use crate::config::Issuer;
use crate::jose::{KeySet, jwk};
use crate::oidc::documents::{self, Lifetimes};
use crate::oidc::exchange;
use crate::oidc::metadata::{self, Metadata};
use crate::ports::OutboundRequest;
use crate::refusal::{Document, Reason};

/// A document of one kind.
pub(super) trait Source {
    type Parsed;
    const DOCUMENT: Document;
    const LIFETIMES: Lifetimes;
    /// What tells it from others of its kind: the issuer, or the URL.
    fn name(&self) -> &str;
    fn request(&self) -> OutboundRequest;
    fn parse(&self, body: &[u8]) -> Result<Self::Parsed, Reason>;
    fn errand(&self, ask: Ask) -> Errand;
}

/// The metadata of an issuer with whom people sign in.
pub(super) struct MetadataOf<'a>(pub(super) &'a Issuer);

impl Source for MetadataOf<'_> {
    type Parsed = Metadata;
    const DOCUMENT: Document = Document::Metadata;
    const LIFETIMES: Lifetimes = documents::METADATA;

    fn name(&self) -> &str {
        self.0.as_str()
    }

    fn request(&self) -> OutboundRequest {
        metadata::request(self.0)
    }

    fn parse(&self, body: &[u8]) -> Result<Metadata, Reason> {
        Metadata::parse(body, self.0).map_err(Reason::Metadata)
    }

    fn errand(&self, ask: Ask) -> Errand {
        Errand { published: Published::Metadata(self.0.clone()), ask }
    }
}

/// Of the same document, only where the keys are: an issuer of access tokens need not sign people in.
pub(super) struct KeysUriOf<'a>(pub(super) &'a Issuer);

impl Source for KeysUriOf<'_> {
    type Parsed = String;
    const DOCUMENT: Document = Document::Metadata;
    const LIFETIMES: Lifetimes = documents::METADATA;

    fn name(&self) -> &str {
        self.0.as_str()
    }

    fn request(&self) -> OutboundRequest {
        metadata::request(self.0)
    }

    fn parse(&self, body: &[u8]) -> Result<String, Reason> {
        metadata::keys_uri(body, self.0).map_err(Reason::Metadata)
    }

    fn errand(&self, ask: Ask) -> Errand {
        Errand { published: Published::KeysUri(self.0.clone()), ask }
    }
}

/// Of the same document, only where the issuer is asked about its tokens.
pub(super) struct IntrospectionEndpointOf<'a>(pub(super) &'a Issuer);

impl Source for IntrospectionEndpointOf<'_> {
    type Parsed = String;
    const DOCUMENT: Document = Document::Metadata;
    const LIFETIMES: Lifetimes = documents::METADATA;

    fn name(&self) -> &str {
        self.0.as_str()
    }

    fn request(&self) -> OutboundRequest {
        metadata::request(self.0)
    }

    fn parse(&self, body: &[u8]) -> Result<String, Reason> {
        metadata::introspection_endpoint(body, self.0).map_err(Reason::Metadata)
    }

    fn errand(&self, ask: Ask) -> Errand {
        Errand { published: Published::IntrospectionEndpoint(self.0.clone()), ask }
    }
}

/// The keys at a URL.
pub(super) struct KeysAt<'a>(pub(super) &'a str);

impl Source for KeysAt<'_> {
    type Parsed = KeySet;
    const DOCUMENT: Document = Document::Keys;
    const LIFETIMES: Lifetimes = documents::KEYS;

    fn name(&self) -> &str {
        self.0
    }

    fn request(&self) -> OutboundRequest {
        exchange::json_get(self.0.to_owned(), jwk::MAX_SET_BYTES)
    }

    fn parse(&self, body: &[u8]) -> Result<KeySet, Reason> {
        KeySet::parse(body).map_err(Reason::Keys)
    }

    fn errand(&self, ask: Ask) -> Errand {
        Errand { published: Published::Keys(self.0.to_owned()), ask }
    }
}
