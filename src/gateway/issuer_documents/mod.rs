//! What issuers publish, at hand: isolate memory → shared cache → issuer (rules in [`crate::oidc::documents`]).
//!
//! Requests look only at the memory. What is wanting there is fetched apart from them, by a [`BackgroundTask`]:
//! once however many need it, and to its end whoever goes away.

mod cache;
pub(super) mod document;
mod fetch;
mod source;
mod unknown_key;

use std::pin::Pin;
use std::rc::Rc;

use super::background::event::{background_event, note_failure};
use super::background::{BackgroundTask, Spawn, Work};
use super::{Gateway, Platform, cold};
use crate::audit::{Effect, What, short};
use crate::config::{
    Issuer, Provider, PublishedKeys, SamlMetadata, TokenFormat, TokenIssuer, WorkloadIssuer, WorkloadKeys,
};
use crate::http::StatusCode;
use crate::jose::{Algorithm, JwtError, KeySet, KeyStamp, Signatures, UnverifiedJwt, VerifiedJwt};
use crate::keyring::KeyRing;
use crate::oidc::metadata::{AliasedEndpoint, Metadata};
use crate::oidc::refetch_budget;
use crate::ports::{Clock, Log, Timer};
use crate::refusal::Reason;
use crate::time::{Seconds, Timestamp};

use cache::DocumentCache;
use document::{Ask, Condition, Published};
use fetch::Fetched;
use source::{GithubKeysAt, KeysAt, MetadataOf};
use unknown_key::Lookup;

/// A fetch under way.
type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, Reason>> + 'a>>;

/// Where an issuer's keys are published.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeySource<'a> {
    /// At the `jwks_uri` of its metadata (OpenID Connect Discovery §3, RFC 8414 §2).
    Discovery(&'a Issuer),
    /// At this URL: from the configuration, or from metadata that has passed its checks.
    Uri(&'a str),
    /// Where the configuration says of a platform.
    Platform(&'a PublishedKeys),
    /// Here.
    Given(&'a KeySet),
}

/// What may have signed a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptedKeys<'a> {
    /// The keys.
    pub(super) source: KeySource<'a>,
    /// The algorithms that they may be used with.
    pub(super) algorithms: &'a [Algorithm],
}

impl<'a> AcceptedKeys<'a> {
    /// For what a provider signs for us.
    pub(super) fn of_provider(provider: &'a Provider, metadata: &'a Metadata) -> Self {
        Self { source: KeySource::Uri(&metadata.jwks_uri), algorithms: &provider.id_token_algs }
    }
}

/// A report, and who is said to have signed it.
pub(super) struct SignedReport<'a> {
    /// The name of the key.
    pub(super) kid: &'a str,
    /// `r` and `s`.
    pub(super) signature: &'a [u8],
    /// What was signed, byte for byte.
    pub(super) body: &'a [u8],
}

impl SignedReport<'_> {
    async fn is_by(&self, keys: &KeySet, signatures: &impl Signatures) -> bool {
        let Ok(candidates) = keys.candidates(Algorithm::Es256, Some(self.kid)) else { return false };
        for key in candidates {
            if signatures.verify(key, Algorithm::Es256, self.body, self.signature).await {
                return true;
            }
        }
        false
    }
}

/// Why a token is not verified.
#[derive(Clone, Debug)]
pub(super) enum VerificationError {
    /// The token's fault.
    Token(JwtError),
    /// There are no keys to verify it with.
    Keys(Reason),
    /// It names a key that nobody knows, and the issuer was asked too often to be asked again: it may be a good one.
    Unasked(JwtError),
}

impl VerificationError {
    /// The reason for the log, where `token` says what kind of token it was.
    pub(super) fn reason(self, token: impl FnOnce(JwtError) -> Reason) -> Reason {
        match self {
            Self::Token(error) | Self::Unasked(error) => token(error),
            Self::Keys(reason) => reason,
        }
    }
}

/// What this isolate remembers of what issuers publish: public data only.
#[derive(Debug)]
pub(super) struct IssuerDocuments {
    metadata: DocumentCache<Metadata>,
    keys_uris: DocumentCache<String>,
    introspection_endpoints: DocumentCache<AliasedEndpoint>,
    token_endpoints: DocumentCache<AliasedEndpoint>,
    saml: DocumentCache<String>,
    keys: DocumentCache<KeySet>,
}

impl IssuerDocuments {
    /// No documents yet; `ring` authenticates those in the shared cache.
    pub(super) fn new(ring: &Rc<KeyRing>) -> Self {
        Self {
            metadata: DocumentCache::new(Rc::clone(ring)),
            keys_uris: DocumentCache::new(Rc::clone(ring)),
            introspection_endpoints: DocumentCache::new(Rc::clone(ring)),
            token_endpoints: DocumentCache::new(Rc::clone(ring)),
            saml: DocumentCache::new(Rc::clone(ring)),
            keys: DocumentCache::new(Rc::clone(ring)),
        }
    }

    /// The metadata of a provider.
    ///
    /// # Errors
    /// When there is none that is young enough and the issuer does not give one.
    pub(super) async fn metadata<P: Platform>(
        &self,
        platform: &P,
        provider: &Provider,
    ) -> Result<Rc<Metadata>, Reason> {
        match &provider.oauth2 {
            Some(oauth2) => Ok(Rc::new(Metadata::of_oauth2(oauth2))),
            // Nothing is at the address that an entityID may look like.
            None if provider.saml.is_some() => Err(Reason::UnknownProvider),
            None => self.metadata.get(platform, &MetadataOf::provider(&provider.issuer)).await,
        }
    }

    /// The metadata of a provider of SAML, as it is at its address: the SAML Worker reads it.
    ///
    /// # Errors
    /// When there is none that is young enough and the provider does not give it.
    pub(super) async fn saml_metadata<P: Platform>(&self, platform: &P, at: &Issuer) -> Result<Rc<String>, Reason> {
        self.saml.get(platform, &MetadataOf::saml(at)).await
    }

    /// Where an issuer is asked about its tokens (RFC 7662), by its metadata.
    ///
    /// # Errors
    /// When there is no metadata that is young enough and the issuer does not give it, or it does not say.
    pub(super) async fn introspection_endpoint<P: Platform>(
        &self,
        platform: &P,
        issuer: &Issuer,
    ) -> Result<Rc<AliasedEndpoint>, Reason> {
        self.introspection_endpoints.get(platform, &MetadataOf::introspection_endpoint(issuer)).await
    }

    /// Where an issuer gives tokens, by its metadata.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn token_endpoint<P: Platform>(
        &self,
        platform: &P,
        issuer: &Issuer,
    ) -> Result<Rc<AliasedEndpoint>, Reason> {
        self.token_endpoints.get(platform, &MetadataOf::token_endpoint(issuer)).await
    }

    /// Verifies the signature of a token that anybody may have sent, by the accepted keys.
    ///
    /// # Errors
    /// When there are no keys, or the token does not verify.
    pub(super) async fn verify<P: Platform>(
        &self,
        platform: &P,
        accepted: AcceptedKeys<'_>,
        token: &UnverifiedJwt<'_>,
    ) -> Result<VerifiedJwt, VerificationError> {
        self.verify_within(platform, accepted, token, 0).await
    }

    /// The same for a token that came straight from its issuer and will not come again: if it names a key that
    /// nobody knows, this waits until the issuer may be asked, however many made-up names were looked for before.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn verify_delivered<P: Platform>(
        &self,
        platform: &P,
        accepted: AcceptedKeys<'_>,
        token: &str,
    ) -> Result<VerifiedJwt, VerificationError> {
        let token = UnverifiedJwt::parse_delivered(token).map_err(VerificationError::Token)?;
        self.verify_within(platform, accepted, &token, refetch_budget::REFILL.get() + 1).await
    }

    async fn verify_within<P: Platform>(
        &self,
        platform: &P,
        AcceptedKeys { source, algorithms }: AcceptedKeys<'_>,
        token: &UnverifiedJwt<'_>,
        mut seconds: u32,
    ) -> Result<VerifiedJwt, VerificationError> {
        let url;
        let at = match source {
            KeySource::Given(keys) => {
                return token.verify(keys, algorithms, platform.signatures()).await.map_err(VerificationError::Token);
            }
            KeySource::Uri(url) => KeysAt::Url(url),
            KeySource::Platform(keys) => KeysAt::Platform(keys),
            KeySource::Discovery(issuer) => {
                let found = self.keys_uris.get(platform, &MetadataOf::keys_uri(issuer)).await;
                url = found.map_err(VerificationError::Keys)?;
                KeysAt::Url(&url)
            }
        };
        let keys = self.keys.get(platform, &at).await.map_err(VerificationError::Keys)?;
        let error = match token.verify(&keys, algorithms, platform.signatures()).await {
            Err(error) if error.keys_may_be_stale() => error,
            verdict => return verdict.map_err(VerificationError::Token),
        };
        let unknown = self.keys.unknown_key(&at, keys, token.header().kid());
        loop {
            match self.keys.look(platform, &at, &unknown).await.map_err(VerificationError::Keys)? {
                Lookup::Others(keys) => {
                    return token
                        .verify(&keys, algorithms, platform.signatures())
                        .await
                        .map_err(VerificationError::Token);
                }
                Lookup::Unasked if seconds > 0 => platform.timer().sleep(1000).await,
                Lookup::Unasked => return Err(VerificationError::Unasked(error)),
                Lookup::Nothing => return Err(VerificationError::Token(error)),
            }
            seconds -= 1;
        }
    }

    /// Whether a token once verified by the key of `stamp` would be verified by it again, with the keys in this
    /// isolate's memory. Without waiting: false when there are none, or when the issuer must be asked for them
    /// first, for which [`IssuerDocuments::verify`] waits.
    pub(super) fn still_holds(
        &self,
        now: Timestamp,
        background: &impl Spawn,
        source: KeySource<'_>,
        stamp: &KeyStamp,
    ) -> bool {
        let by = |at: &KeysAt<'_>| self.keys.at_hand(now, background, at).is_some_and(|keys| keys.holds(stamp));
        match source {
            KeySource::Given(keys) => keys.holds(stamp),
            KeySource::Uri(url) => by(&KeysAt::Url(url)),
            KeySource::Platform(keys) => by(&KeysAt::Platform(keys)),
            KeySource::Discovery(issuer) => self
                .keys_uris
                .at_hand(now, background, &MetadataOf::keys_uri(issuer))
                .is_some_and(|url| by(&KeysAt::Url(&url))),
        }
    }

    /// Verifies a signature of GitHub's over a report, by the key of this name in the list at `url`. False where there is no
    /// such key, after GitHub was asked once more, or it did not sign that.
    ///
    /// # Errors
    /// When the list is not to be had.
    pub(super) async fn verify_report<P: Platform>(
        &self,
        platform: &P,
        url: &str,
        signed: &SignedReport<'_>,
    ) -> Result<bool, Reason> {
        let at = GithubKeysAt(url);
        let keys = self.keys.get(platform, &at).await?;
        if keys.candidates(Algorithm::Es256, Some(signed.kid)).is_ok() {
            return Ok(signed.is_by(&keys, platform.signatures()).await);
        }
        let unknown = self.keys.unknown_key(&at, keys, Some(signed.kid));
        match self.keys.look(platform, &at, &unknown).await? {
            Lookup::Others(keys) => Ok(signed.is_by(&keys, platform.signatures()).await),
            Lookup::Nothing | Lookup::Unasked => Ok(false),
        }
    }

    /// One piece of code for whoever needs it: each kind of document has its own.
    fn fetch<'a, P: Platform>(&'a self, platform: &'a P, published: &'a Published, ask: Ask) -> Fetching<'a> {
        cold(async move {
            match published {
                Published::Metadata(issuer) => self.metadata.fetch(platform, &MetadataOf::provider(issuer), ask).await,
                Published::KeysUri(issuer) => self.keys_uris.fetch(platform, &MetadataOf::keys_uri(issuer), ask).await,
                Published::IntrospectionEndpoint(issuer) => {
                    let source = MetadataOf::introspection_endpoint(issuer);
                    self.introspection_endpoints.fetch(platform, &source, ask).await
                }
                Published::TokenEndpoint(issuer) => {
                    self.token_endpoints.fetch(platform, &MetadataOf::token_endpoint(issuer), ask).await
                }
                Published::Saml(at) => self.saml.fetch(platform, &MetadataOf::saml(at), ask).await,
                Published::Keys(url) => self.keys.fetch(platform, &KeysAt::Url(url), ask).await,
                Published::PlatformKeys(keys) => self.keys.fetch(platform, &KeysAt::Platform(keys), ask).await,
                Published::GithubKeys(url) => self.keys.fetch(platform, &GithubKeysAt(url), ask).await,
            }
        })
    }

    fn age(&self, published: &Published, now: Timestamp) -> Option<Seconds> {
        let name = published.name();
        match published {
            Published::Metadata(_) => self.metadata.age(name, now),
            Published::KeysUri(_) => self.keys_uris.age(name, now),
            Published::IntrospectionEndpoint(_) => self.introspection_endpoints.age(name, now),
            Published::TokenEndpoint(_) => self.token_endpoints.age(name, now),
            Published::Saml(_) => self.saml.age(name, now),
            Published::Keys(_) | Published::PlatformKeys(_) | Published::GithubKeys(_) => self.keys.age(name, now),
        }
    }

    /// Where the keys are that belong to metadata at hand.
    fn keys_after(&self, published: &Published) -> Option<Published> {
        let url = match published {
            Published::Metadata(issuer) => self.metadata.cached(issuer.as_str())?.1.jwks_uri.clone(),
            Published::KeysUri(issuer) => self.keys_uris.cached(issuer.as_str())?.1.as_str().to_owned(),
            Published::IntrospectionEndpoint(_)
            | Published::TokenEndpoint(_)
            | Published::Saml(_)
            | Published::Keys(_)
            | Published::PlatformKeys(_)
            | Published::GithubKeys(_) => return None,
        };
        Some(Published::Keys(url))
    }
}

/// Of OpenID Connect what its issuer publishes, of SAML what is at the address of its metadata.
fn published_by_provider(provider: &Provider) -> Option<Published> {
    match provider.saml.as_deref().map(|saml| &saml.metadata) {
        Some(SamlMetadata::Published { at, .. }) => Some(Published::Saml(at.clone())),
        Some(SamlMetadata::Given(_)) => None,
        None => provider.is_openid().then(|| Published::Metadata(provider.issuer.clone())),
    }
}

impl Gateway {
    /// The timed refresh: has everything fetched that would be ageing before it comes again, of every issuer.
    pub fn refresh_documents<P: Platform>(&self, platform: &P) {
        for published in self.published() {
            platform.background().spawn(BackgroundTask(Work::Document(published, Ask::Ahead)));
        }
    }

    /// How things stand with what an issuer publishes. What is not fresh is fetched.
    pub(super) async fn condition<P: Platform>(&self, platform: &P, published: Published) -> Condition {
        let failure = self.documents.fetch(platform, &published, Ask::Anybody).await.err();
        let age = self.documents.age(&published, platform.clock().now());
        Condition { name: published.name().to_owned(), age, failure }
    }

    /// What every issuer publishes that is used here.
    pub(super) fn published(&self) -> impl Iterator<Item = Published> {
        let providers = self.config.providers.iter().filter_map(published_by_provider);
        let services = self.config.services.iter().filter(|service| service.token_endpoint.is_none());
        let services = services.filter_map(|service| Some(Published::TokenEndpoint(service.issuer.clone()?)));
        let providers = providers.chain(services);
        let issuers = self.config.issuers.iter().filter_map(|issuer| self.published_by(issuer));
        providers
            .chain(issuers)
            .chain(self.config.workloads.iter().filter_map(|issuer| self.published_by_platform(issuer)))
    }

    /// Where the keys of a platform are, unless they are in the configuration, or the same is fetched for a provider.
    fn published_by_platform(&self, platform: &WorkloadIssuer) -> Option<Published> {
        let same = |issuer: &Issuer| {
            let is_same = |provider: &&Provider| provider.issuer.published_at() == issuer.published_at();
            self.config.providers.iter().filter(|provider| provider.is_openid()).any(|provider| is_same(&provider))
        };
        match &platform.keys {
            WorkloadKeys::Given(_) => None,
            WorkloadKeys::Published(keys) => Some(Published::PlatformKeys(Box::new(keys.clone()))),
            WorkloadKeys::Discovery(issuer) => (!same(issuer)).then(|| Published::KeysUri(issuer.clone())),
        }
    }

    /// What of an issuer of access tokens is used here, unless the same is fetched for a provider.
    fn published_by(&self, issuer: &TokenIssuer) -> Option<Published> {
        let is_same = |provider: &Provider| provider.issuer.published_at() == issuer.issuer.published_at();
        let is_fetched = self.config.providers.iter().any(|provider| provider.is_openid() && is_same(provider));
        match &issuer.tokens {
            TokenFormat::Signed(how) => match &how.jwks_uri {
                Some(url) => Some(Published::Keys(url.clone())),
                None => (!is_fetched).then(|| Published::KeysUri(issuer.issuer.clone())),
            },
            TokenFormat::Opaque(how) => {
                (how.endpoint.is_none() && !is_fetched).then(|| Published::IntrospectionEndpoint(issuer.issuer.clone()))
            }
        }
    }

    /// Fetches a document. Writes an event when it changed, or could not be had.
    pub(super) async fn fetch_document<P: Platform>(&self, platform: &P, published: Published, ask: Ask) {
        let mut next = Some(published);
        while let Some(published) = next {
            let fetched = self.documents.fetch(platform, &published, ask).await;
            self.note_fetch(platform, &published, fetched);
            next = (ask == Ask::Ahead).then(|| self.documents.keys_after(&published)).flatten();
        }
    }

    /// The endpoints that metadata names and that are not used, for they cannot be.
    fn left_out(&self, published: &Published) -> String {
        let Published::Metadata(issuer) = published else { return String::new() };
        let cached = self.documents.metadata.cached(issuer.as_str());
        cached.map(|(_, metadata)| metadata.left_out.join(" ")).unwrap_or_default()
    }

    fn note_fetch<P: Platform>(&self, platform: &P, published: &Published, fetched: Result<Fetched, Reason>) {
        let mut event = background_event(&self.config, platform, What::DocumentFetch);
        match fetched {
            Ok(Fetched::Age | Fetched::Change) if !self.left_out(published).is_empty() => {
                event.end(Effect::Allow, "document.endpoint_left_out", StatusCode::OK);
                event.detail = Some(self.left_out(published));
            }
            Ok(Fetched::Nothing | Fetched::Age) => return,
            Ok(Fetched::Change) => event.end(Effect::Allow, "document.changed", StatusCode::OK),
            Err(reason) => note_failure(&mut event, &reason),
        }
        event.document = Some(short(published.name()));
        platform.log().line(&event.to_line());
    }
}

#[cfg(test)]
mod tests;
