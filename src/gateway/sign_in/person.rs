//! Who came back from the provider, by what it says of them: an ID token, or without OpenID Connect its user endpoint.

use super::userinfo::answer_of;
use crate::config::{OAuth2, Provider};
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::{Platform, cold};
use crate::oidc::id_token::{IdToken, IdTokenError, IdTokenExpectations};
use crate::oidc::metadata::Metadata;
use crate::oidc::oauth2_user::OAuth2User;
use crate::oidc::signed_in::SignedIn;
use crate::oidc::tenant;
use crate::oidc::token::{TokenError, TokenResponse};
use crate::oidc::transaction::Transaction;
use crate::oidc::userinfo::UserInfoError;
use crate::ports::Clock;
use crate::refusal::Reason;

/// Who it is that signed in.
///
/// # Errors
/// When nothing says so that can be believed.
pub(super) async fn believe<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    response: &TokenResponse,
    transaction: &Transaction,
) -> Result<SignedIn, Reason> {
    match &provider.oauth2 {
        Some(oauth2) => cold(by_user_endpoint(ctx, (provider, oauth2), response, transaction)).await,
        None => by_id_token(ctx, provider, metadata, response, transaction).await.map(SignedIn::from),
    }
}

/// Verifies the ID token's signature, then its claims.
async fn by_id_token<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    response: &TokenResponse,
    transaction: &Transaction,
) -> Result<IdToken, Reason> {
    let id_token = response.id_token.as_ref().ok_or(Reason::Token(TokenError::Missing("id_token")))?;
    let accepted = AcceptedKeys::of_provider(provider, metadata);
    let verified = ctx.site.documents.verify_delivered(ctx.platform, accepted, id_token.expose()).await;
    let verified = verified.map_err(|error| error.reason(Reason::IdTokenSignature))?;
    let issuer = tenant::issuer_of(&verified, &provider.issuer).map_err(Reason::IdToken)?;
    let expectations = IdTokenExpectations {
        issuer: &issuer,
        audience: provider.own_audience(),
        nonce: &transaction.nonce,
        access_token: response.access_token.as_ref().map(|token| token.expose().as_str()),
        max_age: transaction.max_age,
        acr_values: &transaction.acr_values,
        now: ctx.platform.clock().now(),
    };
    IdToken::check(verified, &expectations).map_err(Reason::IdToken)
}

/// Asks whose access token it is. It came for the code of this login, which is all that ties it to that.
async fn by_user_endpoint<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, oauth2): (&Provider, &OAuth2),
    response: &TokenResponse,
    transaction: &Transaction,
) -> Result<SignedIn, Reason> {
    // asked for or not, nothing would say so.
    if transaction.max_age.is_some() {
        return Err(Reason::IdToken(IdTokenError::AuthTimeMissing));
    }
    if !transaction.acr_values.is_empty() {
        return Err(Reason::IdToken(IdTokenError::AcrUnsatisfied));
    }
    let access_token = response.access_token.as_ref().ok_or(Reason::UserInfo(UserInfoError::NoToken))?;
    let key = transaction.proof_key.as_ref();
    let answer = cold(answer_of(ctx, (provider, &oauth2.user_endpoint), (access_token, key))).await?;
    let mut user = OAuth2User::check(&answer, oauth2).map_err(Reason::UserInfo)?;
    let is_kept = ctx.site.config.session.claims.iter().any(|claim| claim == "email");
    if let Some(endpoint) = oauth2.emails_endpoint.as_deref().filter(|_| is_kept) {
        let answer = cold(answer_of(ctx, (provider, endpoint), (access_token, key))).await?;
        user = user.with_emails(&answer).map_err(Reason::UserInfo)?;
    }
    Ok(SignedIn::by_oauth2(&provider.issuer, user))
}
