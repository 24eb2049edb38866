//! Opens a signed authorization response (JARM), which may be encrypted.

use crate::config::Provider;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::refused::{expected_of, tell_mismatch};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, decrypted};
use crate::http::cookie;
use crate::jose::{JwtError, UnverifiedJwt, is_encrypted};
use crate::oidc::callback::{CallbackError, CallbackParams};
use crate::oidc::jarm::{self, ResponseError};
use crate::oidc::metadata::Metadata;
use crate::oidc::transaction::{self, Transaction};
use crate::refusal::Reason;

/// The signed response in the place of one that is encrypted, for until then nobody knows which login it names (JARM §2.4,
/// step 1). Nothing is opened for a browser that has no login of ours under way.
///
/// # Errors
/// When it does not open, or there is no key for it.
pub(super) async fn decrypt<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    params: CallbackParams,
) -> Result<CallbackParams, Reason> {
    let Some(response) = params.response().filter(|response| is_encrypted(response)) else { return Ok(params) };
    let (keys, now) = (&ctx.site.config.keys, ctx.request.now);
    let mut logins = cookie::login_transactions(&ctx.request.head.headers).take(transaction::MAX_AT_ONCE);
    if !logins.any(|(name, value)| Transaction::open(name, value, keys, now).is_some()) {
        return Err(Reason::Callback(CallbackError::NoTransaction));
    }
    let signed = decrypted::opened(ctx.platform, provider, response).await?;
    signed.map(|signed| params.opened(signed)).ok_or(refused(ResponseError::Jwt(JwtError::Encrypted)))
}

/// The parameters that the provider signed for this login.
///
/// # Errors
/// When it did not, or there are no keys to tell.
pub(super) async fn open<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (provider, metadata): (&Provider, &Metadata),
    response: &str,
    transaction: &Transaction,
    parts: &mut ResponseParts,
) -> Result<CallbackParams, Reason> {
    let opened = verified(ctx, provider, metadata, response).await.and_then(|params| {
        let is_for_login = params.state().is_ok_and(|state| transaction.has_state(state));
        if is_for_login { Ok(params) } else { Err(refused(ResponseError::StateMismatch)) }
    });
    opened.inspect_err(|reason| {
        tell_mismatch(&mut parts.event, reason, response, &expected_of(provider, ctx.request.now));
    })
}

async fn verified<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    response: &str,
) -> Result<CallbackParams, Reason> {
    let of_jwt = |error| refused(ResponseError::Jwt(error));
    let jwt = UnverifiedJwt::parse(response).map_err(of_jwt)?;
    let accepted = AcceptedKeys::of_provider(provider, metadata);
    // A browser brings it, so looking for its key waits for nothing.
    let verified = ctx.site.documents.verify(ctx.platform, accepted, &jwt).await;
    let verified = verified.map_err(|error| error.reason(of_jwt))?;
    jarm::open(verified, &provider.issuer, &provider.client_id, ctx.request.now).map_err(refused)
}

const fn refused(error: ResponseError) -> Reason {
    Reason::Callback(CallbackError::Signed(error))
}
