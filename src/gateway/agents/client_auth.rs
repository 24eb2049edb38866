//! How a client proves itself at the token endpoint: not at all, or by its key.

use super::client_documents::PublishedDocument;
use super::{REVOKE, TOKEN};
use crate::agent::AgentError;
use crate::agent::client::assertion::{self, AssertionExpectations, ShownClientAssertion};
use crate::agent::client::{ClientDocument, ClientKeys};
use crate::agent::token::error::ClientRefusal;
use crate::agent::token::{TokenEndpointError, TokenParameters};
use crate::audit::short;
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::jose::{JwtError, KeySet, UnverifiedJwt, VerifiedJwt};
use crate::ports::ReplayGuard;
use crate::refusal::Reason;

/// The largest key set of a client that is read.
const MAX_KEYS_BYTES: usize = 64 * 1024;

/// A client that has proven itself, as far as it can.
#[derive(Debug)]
pub(in crate::gateway) struct ProvenClient {
    /// Its id.
    pub(in crate::gateway) id: String,
    /// What it calls itself.
    pub(in crate::gateway) name: String,
    /// Whether it has shown that it is the one, by its key.
    pub(in crate::gateway) is_proven: bool,
}

impl<P: Platform> RequestContext<'_, P> {
    /// The client of a token request. Called once the code or token that it shows is known to be of our making: strangers
    /// have nothing fetched.
    ///
    /// # Errors
    /// When it is not known, or does not prove what it has to.
    pub(in crate::gateway) async fn proven_client(
        &self,
        rules: &AgentRules,
        parameters: &TokenParameters<'_>,
        parts: &mut ResponseParts,
    ) -> Result<ProvenClient, Reason> {
        if self.request.head.headers.contains_key("authorization") || parameters.get("client_secret").is_some() {
            return Err(refused(ClientRefusal::Method));
        }
        let assertion = shown_assertion(parameters)?;
        let id = claimed_by(parameters, assertion.as_ref())?;
        parts.event.client_id = Some(short(&id));
        let named = self.named_client(rules, &id).map_err(|error| {
            refused(if error == AgentError::NotAdmitted { ClientRefusal::NotAllowed } else { ClientRefusal::Unknown })
        })?;
        let client = self.client(named, parts).await.map_err(|reason| match reason {
            Reason::Client(AgentError::Document(error)) => refused(ClientRefusal::Document(error)),
            Reason::Client(AgentError::NotAdmitted) => refused(ClientRefusal::NotAllowed),
            other => other,
        })?;
        let is_proven = match &assertion {
            Some(shown) => self.prove_client(&client, shown, parts).await.map(|()| true)?,
            None if client.is_public => false,
            None => return Err(refused(ClientRefusal::NoProof)),
        };
        Ok(ProvenClient { id: client.id, name: client.name, is_proven })
    }

    async fn prove_client(
        &self,
        client: &ClientDocument,
        shown: &UnverifiedJwt<'_>,
        parts: &mut ResponseParts,
    ) -> Result<(), Reason> {
        let verified = match client.keys.as_ref().ok_or(refused(ClientRefusal::Method))? {
            ClientKeys::Given(keys) => self.verify_assertion(shown, keys).await.map_err(unverified)?,
            ClientKeys::At(url) => self.verify_by_published(url, shown, parts).await?,
        };
        let own = &self.site.config.public_url;
        let endpoint = if self.request.target.path == REVOKE { REVOKE } else { TOKEN };
        let endpoint = own.join(endpoint);
        let expected =
            AssertionExpectations { client_id: &client.id, audience: [own.origin(), &endpoint], now: self.request.now };
        let checked = ShownClientAssertion::check(&verified, &expected);
        let proof = checked.map_err(|error| refused(ClientRefusal::Assertion(error)))?;
        let first = self.platform.replay_guard().claim(proof.once_key(), proof.usable_until()).await;
        if first.map_err(Reason::Store)? { Ok(()) } else { Err(refused(ClientRefusal::Replayed)) }
    }

    /// By the keys at a URL; those are asked for once more where the one is not among them.
    async fn verify_by_published(
        &self,
        url: &str,
        shown: &UnverifiedJwt<'_>,
        parts: &mut ResponseParts,
    ) -> Result<VerifiedJwt, Reason> {
        let published = PublishedDocument { url, kind: "keys", max_bytes: MAX_KEYS_BYTES };
        let read = |body: &str| KeySet::parse(body.as_bytes()).map_err(|_| AgentError::NotJson);
        let keys = self.client_document(published, read, parts).await?;
        let error = match self.verify_assertion(shown, &keys).await {
            Err(error) if error.keys_may_be_stale() => error,
            verdict => return verdict.map_err(unverified),
        };
        match self.newer_client_document(published, read, parts).await? {
            Some(keys) => self.verify_assertion(shown, &keys).await.map_err(unverified),
            None => Err(unverified(error)),
        }
    }

    async fn verify_assertion(&self, shown: &UnverifiedJwt<'_>, keys: &KeySet) -> Result<VerifiedJwt, JwtError> {
        shown.verify(keys, &assertion::ALGORITHMS, self.platform.signatures()).await
    }
}

/// The client that a token request says it is from: anybody may have written that.
///
/// # Errors
/// When it does not say.
pub(super) fn claimed_client(parameters: &TokenParameters<'_>) -> Result<String, Reason> {
    claimed_by(parameters, shown_assertion(parameters)?.as_ref())
}

fn claimed_by(parameters: &TokenParameters<'_>, assertion: Option<&UnverifiedJwt<'_>>) -> Result<String, Reason> {
    match (parameters.get("client_id"), assertion) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(shown)) => shown.claimed_issuer().ok().flatten().ok_or(refused(ClientRefusal::Unknown)),
        (None, None) => Err(token_error(TokenEndpointError::InvalidRequest("client_id"))),
    }
}

/// The assertion that comes with a request, taken apart.
fn shown_assertion<'a>(parameters: &'a TokenParameters<'_>) -> Result<Option<UnverifiedJwt<'a>>, Reason> {
    match (parameters.get("client_assertion_type"), parameters.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(assertion::TYPE), Some(text)) => UnverifiedJwt::parse(text).map(Some).map_err(unverified),
        (Some(_), Some(_)) => Err(refused(ClientRefusal::Method)),
        (None, Some(_)) => Err(token_error(TokenEndpointError::InvalidRequest("client_assertion_type"))),
        (Some(_), None) => Err(token_error(TokenEndpointError::InvalidRequest("client_assertion"))),
    }
}

fn unverified(error: JwtError) -> Reason {
    refused(ClientRefusal::Signature(error))
}

fn refused(refusal: ClientRefusal) -> Reason {
    token_error(TokenEndpointError::InvalidClient(refusal))
}

/// The reason that a client is told in the words of the token endpoint.
pub(super) const fn token_error(error: TokenEndpointError) -> Reason {
    Reason::Client(AgentError::Token(error))
}
