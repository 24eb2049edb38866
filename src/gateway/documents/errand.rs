//! Fetching, apart from requests: what a request finds wanting is fetched beside it, and outlives it.

use crate::config::Issuer;

/// A document to be fetched. Only the gateway makes one, and [`Gateway::run`](crate::gateway::Gateway::run) runs it.
#[derive(Debug)]
pub struct Errand {
    pub(super) published: Published,
    pub(super) ask: Ask,
}

/// What issuers publish.
#[derive(Clone, Debug)]
pub(in crate::gateway) enum Published {
    /// The metadata of an issuer with whom people sign in.
    Metadata(Issuer),
    /// The same document of an issuer of access tokens: only where its keys are is of interest.
    KeysUri(Issuer),
    /// The same document: only where the issuer is asked about its tokens.
    IntrospectionEndpoint(Issuer),
    /// The keys at a URL.
    Keys(String),
}

impl Published {
    /// The issuer, or the URL.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Metadata(issuer) | Self::KeysUri(issuer) | Self::IntrospectionEndpoint(issuer) => issuer.as_str(),
            Self::Keys(url) => url,
        }
    }
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The shared cache, and the issuer only if the copy there is not fresh.
    Anybody,
    /// The issuer, whatever is at hand: a token names a key that is not there.
    Issuer,
    /// As [`Ask::Anybody`], with an eye on the time until the next timed refresh; the keys after the metadata.
    Ahead,
}

/// Has work done that does not end with the request at hand, even when its client goes away.
///
/// An attacker who hangs up as soon as a fetch begins could otherwise end every one of them.
pub trait Errands {
    /// Has [`Gateway::run`](crate::gateway::Gateway::run) called with `errand`, now, without waiting for it.
    fn start(&self, errand: Errand);
}
