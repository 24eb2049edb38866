//! What a session keeps of a person: claims of the ID token, and where configured those of UserInfo.

use crate::config::Provider;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::proven::ProofOfKey;
use crate::gateway::{Platform, cold, decrypted};
use crate::oidc::exchange::may_pass;
use crate::oidc::metadata::Metadata;
use crate::oidc::proof_key::ProofKey;
use crate::oidc::session_claims::SessionClaims;
use crate::oidc::signed_in::SignedIn;
use crate::oidc::token::TokenResponse;
use crate::oidc::userinfo::{self, Body, UserInfo, UserInfoError, UserInfoExpectations};
use crate::ports::{Clock, OutboundResponse};
use crate::refusal::{Document, Reason};
use crate::secret::Secret;

/// What the configuration keeps of a person. UserInfo is asked once, and only when the ID token lacks some of it.
///
/// # Errors
/// When UserInfo is to be asked and cannot be believed: a session never has half of what the configuration asks for.
pub(crate) async fn told<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    (response, key): (&TokenResponse, Option<&ProofKey>),
    signed_in: &SignedIn,
) -> Result<SessionClaims, Reason> {
    let names = SessionClaims::names(provider, &ctx.site.config.session.claims);
    let mut told = signed_in.claims().clone();
    if provider.userinfo && !userinfo::lacking(&told, &names).is_empty() {
        ask(ctx, provider, metadata, (response, key), signed_in).await?.complete(&mut told, &names);
    }
    Ok(SessionClaims::of(told, provider, &ctx.site.config.session.claims))
}

/// What an endpoint says of whoever the access token is for.
///
/// # Errors
/// When there is no answer, or one that may be another a moment later.
pub(super) async fn answer_of<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, endpoint): (&Provider, &str),
    (access_token, key): (&Secret<String>, Option<&ProofKey>),
) -> Result<OutboundResponse, Reason> {
    let proof = ProofOfKey { key, access_token: Some(access_token) };
    let asking = (provider, Document::UserInfo);
    let answer = ctx.site.send_proven(ctx.platform, asking, proof, async || {
        userinfo::request(endpoint, access_token, provider.certificate()).map_err(Reason::UserInfo)
    });
    let answer = answer.await?;
    if may_pass(answer.status) {
        return Err(Reason::ProviderStatus(Document::UserInfo, answer.status));
    }
    Ok(answer)
}

async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    (response, key): (&TokenResponse, Option<&ProofKey>),
    signed_in: &SignedIn,
) -> Result<UserInfo, Reason> {
    let missing = || {
        let refused = metadata.left_out.contains(&"userinfo_endpoint");
        if refused { UserInfoError::EndpointRefused } else { UserInfoError::NoEndpoint }
    };
    let endpoint = metadata.userinfo_endpoint.as_ref().ok_or_else(missing).map_err(Reason::UserInfo)?;
    let endpoint = endpoint.of_provider(provider);
    let access_token = response.access_token.as_ref().ok_or(Reason::UserInfo(UserInfoError::NoToken))?;
    let answer = cold(answer_of(ctx, (provider, endpoint), (access_token, key))).await?;
    let expectations = UserInfoExpectations {
        issuer: signed_in.issuer(),
        client_id: &provider.client_id,
        subject: signed_in.subject(),
        now: ctx.platform.clock().now(),
    };
    let checked = match userinfo::process(&answer).map_err(Reason::UserInfo)? {
        Body::Claims(claims) => UserInfo::check(claims, &expectations),
        Body::Jwt(token) => {
            let inner = cold(decrypted::opened(ctx.platform, provider, token)).await?;
            let token = inner.as_ref().map_or(token, |inner| inner.expose().as_str());
            let accepted = AcceptedKeys::of_provider(provider, metadata);
            let verified = ctx.site.documents.verify_delivered(ctx.platform, accepted, token).await;
            let verified = verified.map_err(|error| error.reason(Reason::UserInfoSignature))?;
            UserInfo::check_signed(verified, &expectations)
        }
    };
    checked.map_err(Reason::UserInfo)
}
