//! What issuers publish, at hand: isolate memory → shared cache → issuer (rules in [`crate::oidc::documents`]).
//!
//! No request ever waits for another one's fetch: on Workers a future dies with its request. Whoever
//! needs a document that nobody has fetches it. Where there is one to go on with, a mark left before
//! the fetch keeps the others from asking as well.

mod shelf;
mod source;

use std::rc::Rc;

use super::Platform;
use crate::config::Issuer;
use crate::jose::{Algorithm, JwtError, KeySet, KeyStamp, UnverifiedJwt, VerifiedJwt};
use crate::keyring::KeyRing;
use crate::oidc::metadata::Metadata;
use crate::refusal::Reason;
use crate::time::Timestamp;

use shelf::{Demand, Shelf};
use source::{KeysAt, KeysUriOf, MetadataOf};

/// Where an issuer's keys are published.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeySource<'a> {
    /// At the `jwks_uri` of its metadata (OpenID Connect Discovery §3, RFC 8414 §2).
    Discovery(&'a Issuer),
    /// At this URL: from the configuration, or from metadata that has passed its checks.
    Uri(&'a str),
}

/// Why a token is not verified.
#[derive(Clone, Debug)]
pub(super) enum VerifyError {
    /// The token's fault.
    Token(JwtError),
    /// There are no keys to verify it with.
    Keys(Reason),
}

impl VerifyError {
    /// The reason for the log, where `token` says what kind of token it was.
    pub(super) fn reason(self, token: impl FnOnce(JwtError) -> Reason) -> Reason {
        match self {
            Self::Token(error) => token(error),
            Self::Keys(reason) => reason,
        }
    }
}

/// What this isolate remembers of what issuers publish: public data only.
#[derive(Debug)]
pub(super) struct IssuerDocuments {
    metadata: Shelf<Metadata>,
    keys_uris: Shelf<String>,
    keys: Shelf<KeySet>,
}

impl IssuerDocuments {
    /// No documents yet; `ring` authenticates those in the shared cache.
    pub(super) fn new(ring: &Rc<KeyRing>) -> Self {
        Self {
            metadata: Shelf::new(Rc::clone(ring)),
            keys_uris: Shelf::new(Rc::clone(ring)),
            keys: Shelf::new(Rc::clone(ring)),
        }
    }

    /// The metadata of an issuer with whom people sign in.
    ///
    /// # Errors
    /// When there is none that is young enough and the issuer does not give one.
    pub(super) async fn metadata<P: Platform>(&self, platform: &P, issuer: &Issuer) -> Result<Rc<Metadata>, Reason> {
        self.metadata.get(platform, &MetadataOf(issuer), Demand::Usable).await
    }

    /// Verifies a token's signature by the keys of `source`, with one of `algorithms`.
    ///
    /// # Errors
    /// When there are no keys, or the token does not verify.
    pub(super) async fn verify<P: Platform>(
        &self,
        platform: &P,
        source: KeySource<'_>,
        algorithms: &[Algorithm],
        token: &str,
    ) -> Result<VerifiedJwt, VerifyError> {
        let parse = || UnverifiedJwt::parse(token).map_err(VerifyError::Token);
        let unverified = parse()?;
        let keys = self.keys(platform, source, Demand::Usable).await.map_err(VerifyError::Keys)?;
        match unverified.verify(&keys, algorithms, platform).await {
            // the issuer may have changed its keys since we last looked.
            Err(error) if error.keys_may_be_stale() => {
                let keys = self.keys(platform, source, Demand::Newer).await.map_err(VerifyError::Keys)?;
                parse()?.verify(&keys, algorithms, platform).await.map_err(VerifyError::Token)
            }
            verdict => verdict.map_err(VerifyError::Token),
        }
    }

    /// Whether a token once verified by the key of `stamp` would be verified by it again, with the keys in this
    /// isolate's memory. Without I/O: false when there are none, or when it is time to ask the issuer for them,
    /// which [`IssuerDocuments::verify`] then does.
    #[expect(dead_code, reason = "for the cache of verified access tokens")]
    pub(super) fn still_holds(&self, source: KeySource<'_>, stamp: &KeyStamp, now: Timestamp) -> bool {
        let by = |url: &str| self.keys.at_hand(&KeysAt(url), now).is_some_and(|keys| keys.holds(stamp));
        match source {
            KeySource::Uri(url) => by(url),
            KeySource::Discovery(issuer) => self.keys_uris.at_hand(&KeysUriOf(issuer), now).is_some_and(|url| by(&url)),
        }
    }

    async fn keys<P: Platform>(
        &self,
        platform: &P,
        source: KeySource<'_>,
        demand: Demand,
    ) -> Result<Rc<KeySet>, Reason> {
        match source {
            KeySource::Uri(url) => self.keys.get(platform, &KeysAt(url), demand).await,
            KeySource::Discovery(issuer) => {
                let url = self.keys_uris.get(platform, &KeysUriOf(issuer), Demand::Usable).await?;
                self.keys.get(platform, &KeysAt(&url), demand).await
            }
        }
    }
}
