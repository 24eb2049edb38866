//! Hands the authorization request to the provider behind the browser's back, where it takes it so (RFC 9126).

use crate::config::Provider;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, cold, platform};
use crate::oidc::metadata::Metadata;
use crate::oidc::pushed::{self, Push};
use crate::ports::Fetch;
use crate::refusal::{Document, Reason};
use crate::secret::Secret;

/// Said where a request went through the browser because there was no endpoint where the metadata has it.
const NO_ENDPOINT: &str = "not pushed: the provider answered 404";

/// The parameters that go through the browser: all, or what stands for them where they were pushed.
///
/// # Errors
/// When they would have to be pushed, or the provider did not take them. Without an endpoint it was never asked, and where
/// it need not be they go through the browser.
pub(super) async fn hand_over<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    parameters: Vec<(String, String)>,
    parts: &mut ResponseParts,
) -> Result<Vec<(String, String)>, Reason> {
    let Some(push) = pushed::wanted(provider, metadata).map_err(Reason::Pushed)? else { return Ok(parameters) };
    match cold(push_to(ctx, provider, push, &parameters)).await {
        Ok(request_uri) => Ok(pushed::parameters(provider, &request_uri)),
        Err(Reason::Pushed(error)) if error.is_of_no_endpoint() && !push.required => {
            parts.event.detail = Some(NO_ENDPOINT.to_owned());
            Ok(parameters)
        }
        Err(reason) => Err(reason),
    }
}

async fn push_to<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    push: Push<'_>,
    parameters: &[(String, String)],
) -> Result<Secret<String>, Reason> {
    let maker = platform::assertion_maker(ctx.platform, ctx.request.now);
    let request = pushed::request(provider, push, parameters, maker).await.map_err(Reason::Pushed)?;
    let answer = ctx.platform.fetch().send(request).await;
    let answer = answer.map_err(|error| Reason::ProviderUnreachable(Document::PushedRequest, error))?;
    pushed::process(&answer).map_err(Reason::Pushed)
}
