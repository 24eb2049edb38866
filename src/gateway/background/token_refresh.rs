//! What a subject's object asks of the provider: new tokens for old, and to forget a token.

use std::rc::Rc;

use super::event::{background_event, note_failure};
use crate::audit::{Effect, What};
use crate::config::Provider;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::platform::assertion_maker;
use crate::gateway::proven::ProofOfKey;
use crate::gateway::refused::{expected_of, tell_mismatch};
use crate::gateway::{Gateway, Platform, cold, decrypted};
use crate::http::StatusCode;
use crate::oidc::error_response::ErrorResponse;
use crate::oidc::exchange::may_pass;
use crate::oidc::id_token::{IdToken, IdTokenError, RefreshedIdTokenExpectations};
use crate::oidc::metadata::Metadata;
use crate::oidc::tenant;
use crate::oidc::token::{self, TokenError, TokenResponse};
use crate::ports::{Clock, Fetch, FetchError, Log};
use crate::refusal::{Document, Reason};
use crate::secret::Secret;
use crate::session::{RefreshJob, RefreshOutcome, Revocation};
use crate::time::Timestamp;

/// How many refreshes in a row a key may be unknown before its tokens count as somebody else's: with their pauses,
/// longer than the keys at hand are kept from being fetched again.
const NEW_KEY_WITHIN: u32 = 5;

impl Gateway {
    /// Uses a refresh token, once, and says what became of it. Writes one event.
    pub async fn refresh_session<P: Platform>(&self, platform: &P, job: &RefreshJob) -> RefreshOutcome {
        let mut event = background_event(&self.config, platform, What::SessionRefresh);
        event.identity(&job.session.provider, &job.session.issuer, &job.session.subject);
        event.session = Some(job.digest.public_id());
        let (outcome, reason) = match self.ask_for_tokens(platform, job).await {
            Ok((metadata, mut response)) => match self.check(platform, job, &metadata, &mut response).await {
                Ok(access_token) => {
                    (refreshed(self.provider_of(job), response, access_token, platform.clock().now()), None)
                }
                Err(reason) => {
                    if let (Some(token), Some(provider)) = (&response.id_token, self.provider_of(job)) {
                        let expected = expected_of(provider, platform.clock().now());
                        tell_mismatch(&mut event, &reason, token.expose(), &expected);
                    }
                    (consequence(job, &reason, response.refresh_token), Some(reason))
                }
            },
            Err(reason) => (consequence(job, &reason, None), Some(reason)),
        };
        match reason {
            None => event.end(Effect::Allow, "session.renewed", StatusCode::OK),
            Some(reason) => note_failure(&mut event, &reason),
        }
        platform.log().line(&event.to_line());
        outcome
    }

    /// Makes the provider forget a refresh token. False when it is worth trying again (RFC 7009 §2.2).
    pub async fn revoke<P: Platform>(&self, platform: &P, revocation: &Revocation) -> bool {
        // Whatever its id is now. Another issuer that has that id is not shown the token.
        let Some(provider) = self.config.provider_by_issuer(&revocation.issuer) else { return true };
        let mut event = background_event(&self.config, platform, What::TokenRevoke);
        event.provider = Some(revocation.provider.clone());
        let done = match self.ask_to_forget(platform, provider, revocation).await {
            Ok(reason) => {
                event.end(Effect::Allow, reason, StatusCode::OK);
                true
            }
            Err(reason) => {
                note_failure(&mut event, &reason);
                false
            }
        };
        platform.log().line(&event.to_line());
        done
    }

    /// Whom to ask. Another issuer that has the provider's id now is shown no token of this one's.
    fn provider_of(&self, job: &RefreshJob) -> Option<&Provider> {
        self.config.provider_of(&job.session.provider, &job.session.issuer)
    }

    async fn ask_for_tokens<P: Platform>(
        &self,
        platform: &P,
        job: &RefreshJob,
    ) -> Result<(Rc<Metadata>, TokenResponse), Reason> {
        let provider = self.provider_of(job).ok_or(Reason::UnknownProvider)?;
        let metadata = self.documents.metadata(platform, provider).await?;
        let endpoint = metadata.token_endpoint.of_provider(provider);
        let key = job.proof_key.as_ref();
        if key.is_none() && provider.binds_by_dpop() {
            return Err(Reason::Token(TokenError::ProofKey));
        }
        let (asking, proof) = ((provider, Document::Token), ProofOfKey { key, access_token: None });
        let answer = self.send_proven(platform, asking, proof, async || {
            let maker = assertion_maker(platform, platform.clock().now());
            token::refresh_request(provider, endpoint, &job.refresh_token, maker).await.map_err(Reason::Token)
        });
        let response = token::process_as(&answer.await?, key.is_some()).map_err(Reason::Token)?;
        Ok((metadata, response))
    }

    /// Opens the ID token where it is encrypted, and checks it.
    async fn check<P: Platform>(
        &self,
        platform: &P,
        job: &RefreshJob,
        metadata: &Metadata,
        response: &mut TokenResponse,
    ) -> Result<Secret<String>, Reason> {
        if let Some(provider) = self.provider_of(job) {
            cold(decrypted::open_id_token(platform, provider, response)).await?;
        }
        self.check_id_token(platform, job, metadata, response).await
    }

    /// The new access token. R-063: a refreshed ID token, where there is one, tells of the same person.
    async fn check_id_token<P: Platform>(
        &self,
        platform: &P,
        job: &RefreshJob,
        metadata: &Metadata,
        response: &TokenResponse,
    ) -> Result<Secret<String>, Reason> {
        let access_token = response.access_token.clone();
        let access_token = access_token.ok_or(Reason::Token(TokenError::Missing("access_token")))?;
        let Some(id_token) = &response.id_token else { return Ok(access_token) };
        let provider = self.provider_of(job).ok_or(Reason::UnknownProvider)?;
        if provider.oauth2.is_some() {
            return Ok(access_token);
        }
        let accepted = AcceptedKeys::of_provider(provider, metadata);
        let verified = self.documents.verify_delivered(platform, accepted, id_token.expose()).await;
        let verified = verified.map_err(|error| error.reason(Reason::IdTokenSignature))?;
        let issuer = tenant::issuer_of(&verified, &provider.issuer).map_err(Reason::IdToken)?;
        if *job.session.issuer != *issuer {
            return Err(Reason::IdToken(IdTokenError::IssMismatch));
        }
        let expectations = RefreshedIdTokenExpectations {
            issuer: &job.session.issuer,
            audience: provider.own_audience(),
            subject: &job.session.subject,
            nonce: job.nonce.as_ref(),
            access_token: access_token.expose(),
            now: platform.clock().now(),
        };
        IdToken::check_refreshed(&verified, &expectations).map_err(Reason::IdToken)?;
        self.tell_keys_of_refresh(platform, (job, provider), verified.claims()).await.map(|()| access_token)
    }

    async fn ask_to_forget<P: Platform>(
        &self,
        platform: &P,
        provider: &Provider,
        revocation: &Revocation,
    ) -> Result<&'static str, Reason> {
        let metadata = self.documents.metadata(platform, provider).await?;
        let Some(endpoint) = &metadata.revocation_endpoint else { return Ok("revocation.not_offered") };
        let token = (&revocation.token, revocation.hint);
        let maker = assertion_maker(platform, platform.clock().now());
        let endpoint = endpoint.of_provider(provider);
        let request = token::revocation_request(provider, endpoint, token, maker).await;
        let answer = platform.fetch().send(request.map_err(Reason::Token)?).await;
        let answer = answer.map_err(|error| Reason::ProviderUnreachable(Document::Token, error))?;
        match answer.status {
            status if status.is_success() => Ok("revocation.done"),
            // RFC 7009 §2.2.1: 503 asks to come again, and so do its like; other refusals will not change by repeating them.
            status if may_pass(status) => Err(Reason::ProviderStatus(Document::Token, status)),
            _ => Ok("revocation.refused"),
        }
    }
}

fn refreshed(
    provider: Option<&Provider>,
    response: TokenResponse,
    access_token: Secret<String>,
    now: Timestamp,
) -> RefreshOutcome {
    let is_openid = provider.is_none_or(|provider| provider.oauth2.is_none());
    RefreshOutcome::Refreshed {
        scopes: response.granted(is_openid),
        expires_at: now.plus(response.life(is_openid)),
        access_token,
        refresh_token: response.refresh_token,
        id_token: response.id_token.filter(|_| is_openid),
    }
}

/// What a failed refresh means for the session; `successor` is the refresh token that came all the same.
fn consequence(job: &RefreshJob, reason: &Reason, successor: Option<Secret<String>>) -> RefreshOutcome {
    match reason {
        // A provider that has just changed its keys is no other: they may not have reached us yet.
        Reason::IdTokenSignature(error)
            if error.keys_may_be_stale() && job.session.refresh.failures < NEW_KEY_WITHIN =>
        {
            RefreshOutcome::Unverified { successor }
        }
        Reason::Token(TokenError::Refused(error)) => consequence_of_error(error),
        // The session is from before its tokens were to be bound.
        Reason::Token(TokenError::ProofKey) => RefreshOutcome::PersonWanted,
        // tokens for somebody else are not this session's.
        Reason::IdToken(_) | Reason::IdTokenSignature(_) => RefreshOutcome::Mistrusted { successor },
        // Its provider is not configured any more: the session ends, and its issuer is told if it can be.
        Reason::UnknownProvider => RefreshOutcome::Mistrusted { successor: None },
        // No answer. The runtime does not tell a connection that was refused from one that broke after the request
        // was read, so the token may be used up.
        Reason::ProviderUnreachable(
            Document::Token,
            FetchError::Network | FetchError::Timeout | FetchError::TooLarge,
        )
        | Reason::Token(TokenError::AnswerLost(_)) => RefreshOutcome::Unknown,
        // A success that cannot be read: the token is used up, its successor lost.
        Reason::Token(
            TokenError::NotJson | TokenError::Missing(_) | TokenError::TokenType | TokenError::NotBound,
        ) => RefreshOutcome::Unknown,
        // The answer came, but its ID token cannot be checked now.
        Reason::ProviderUnreachable(Document::Keys, _)
        | Reason::ProviderStatus(Document::Keys, _)
        | Reason::Keys(_)
        // Or opened: its key may have left the configuration too soon.
        | Reason::Encryption(_)
        // The person's keys could not be told what it says.
        | Reason::Store(_) => RefreshOutcome::Unverified { successor },
        // The provider itself says that it failed, or was never asked: the token is as good as before.
        _ => RefreshOutcome::Failed,
    }
}

/// What the provider's error means for the session.
fn consequence_of_error(error: &ErrorResponse) -> RefreshOutcome {
    match error.code() {
        // used up, revoked, or stolen and used by somebody else.
        Some("invalid_grant") if error.is_for_good() => RefreshOutcome::Refused,
        _ if error.is_for_good() => RefreshOutcome::PersonWanted,
        // The token is as good as before. So it is while our client's secret is wrong: there is a person who can mend that.
        _ => RefreshOutcome::Failed,
    }
}
