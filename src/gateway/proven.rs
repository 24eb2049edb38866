//! Requests to providers that carry a proof of the session's key (RFC 9449).

use std::cell::RefCell;

use super::{Gateway, Platform};
use crate::config::{Provider, ProviderId};
use crate::oidc::proof_key::{self, ProofKey};
use crate::oidc::token::TokenError;
use crate::ports::{Clock, Fetch, OutboundRequest, OutboundResponse};
use crate::refusal::{Document, Reason};
use crate::secret::Secret;

/// The last nonce of each provider's endpoint: of its authorization server and of its resource server, which share none (§9).
/// One that another isolate got is not known here; then the provider says the next, and the request is sent once more.
#[derive(Debug, Default)]
pub(super) struct ProviderNonces(RefCell<Vec<(ProviderId, Document, String)>>);

impl ProviderNonces {
    fn get(&self, provider: &ProviderId, document: Document) -> Option<String> {
        let known = self.0.borrow();
        let found = known.iter().find(|(id, of, _)| id == provider && *of == document);
        found.map(|(_, _, nonce)| nonce.clone())
    }

    /// There are two slots for each provider of the configuration, so this has an end.
    fn note(&self, provider: &ProviderId, document: Document, answer: &OutboundResponse) {
        if let Some(nonce) = proof_key::nonce_of(answer) {
            let mut known = self.0.borrow_mut();
            known.retain(|(id, of, _)| id != provider || *of != document);
            known.push((provider.clone(), document, nonce.to_owned()));
        }
    }
}

/// With what a request is proven.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProofOfKey<'a> {
    /// `None`: there is nothing to prove.
    pub(super) key: Option<&'a ProofKey>,
    /// The token that goes along in `Authorization`; `None` at the token endpoint.
    pub(super) access_token: Option<&'a Secret<String>>,
}

impl Gateway {
    /// Sends what `make` makes, with a proof where there is a key. If the provider wants another nonce and says which, it is made
    /// and sent once more, never twice: its assertions count once, like proofs.
    ///
    /// # Errors
    /// When no answer comes, or the request cannot be made.
    pub(super) async fn send_proven<P: Platform>(
        &self,
        platform: &P,
        (provider, document): (&Provider, Document),
        proof: ProofOfKey<'_>,
        make: impl AsyncFn() -> Result<OutboundRequest, Reason>,
    ) -> Result<OutboundResponse, Reason> {
        let mut is_again = false;
        loop {
            let mut request = make().await?;
            let nonce = self.nonces.get(&provider.id, document);
            if let Some(key) = proof.key {
                let making = (platform.clock().now(), platform.random());
                proof_key::prove_request(&mut request, key, (proof.access_token, nonce.as_deref()), making)
                    .ok_or(Reason::Token(TokenError::ProofKey))?;
            }
            let answer = platform.fetch().send(request).await;
            let answer = answer.map_err(|error| Reason::ProviderUnreachable(document, error))?;
            if proof.key.is_none() {
                return Ok(answer);
            }
            self.nonces.note(&provider.id, document, &answer);
            if is_again || !proof_key::wants_nonce(&answer) {
                return Ok(answer);
            }
            is_again = true;
        }
    }
}
