//! Opens a signed authorization response (JARM).

use crate::config::Provider;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::AcceptedKeys;
use crate::gateway::refused::{expected_of, tell_mismatch};
use crate::gateway::response_parts::ResponseParts;
use crate::jose::UnverifiedJwt;
use crate::oidc::callback::{CallbackError, CallbackParams};
use crate::oidc::jarm::{self, ResponseError};
use crate::oidc::metadata::Metadata;
use crate::oidc::transaction::Transaction;
use crate::refusal::Reason;

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
