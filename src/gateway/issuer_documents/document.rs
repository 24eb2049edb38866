//! What there is to be fetched, and of whom.

use crate::config::{Issuer, PublishedKeys};
use crate::refusal::Reason;
use crate::time::Seconds;

/// What issuers publish.
#[derive(Clone, Debug)]
pub(in crate::gateway) enum Published {
    /// The metadata of an issuer with whom people sign in.
    Metadata(Issuer),
    /// The same document of an issuer of access tokens: only where its keys are is of interest.
    KeysUri(Issuer),
    /// The same document: only where the issuer is asked about its tokens.
    IntrospectionEndpoint(Issuer),
    /// The same document: only where the issuer gives tokens.
    TokenEndpoint(Issuer),
    /// The keys at a URL.
    Keys(String),
    /// Those of a platform that gives tokens to programs, where the configuration says.
    PlatformKeys(Box<PublishedKeys>),
    /// The keys at a URL by which GitHub signs reports of leaked secrets.
    GithubKeys(String),
    /// The metadata of a provider of SAML, at this address.
    Saml(Issuer),
}

impl Published {
    /// The issuer, or the URL.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Metadata(issuer)
            | Self::KeysUri(issuer)
            | Self::IntrospectionEndpoint(issuer)
            | Self::TokenEndpoint(issuer)
            | Self::Saml(issuer) => issuer.as_str(),
            Self::Keys(url) | Self::GithubKeys(url) => url,
            Self::PlatformKeys(keys) => &keys.name,
        }
    }
}

/// What this isolate has of what an issuer publishes.
pub(in crate::gateway) struct Condition {
    /// The issuer, or the URL.
    pub(in crate::gateway) name: String,
    /// How long ago the issuer gave or confirmed it.
    pub(in crate::gateway) age: Option<Seconds>,
    /// Why it could not be had anew. What is here may go on counting all the same.
    pub(in crate::gateway) failure: Option<Reason>,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Ask {
    /// The shared cache, and the issuer only if the copy there is not fresh.
    Anybody,
    /// The issuer, whatever is at hand: a token names a key that is not there.
    Issuer,
    /// As [`Ask::Anybody`], with an eye on the time until the next timed refresh; the keys after the metadata.
    Ahead,
}
