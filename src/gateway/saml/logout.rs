//! Who signs out here signs out at a provider of SAML too: a `LogoutRequest` by redirect (SAML Profiles §4.4.3.1).

use serde_json::{Value, json};

use super::SamlParty;
use super::identity_provider::IdentityProvider;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::json;
use crate::saml::redirect::RedirectMessage;
use crate::secret::Secret;
use crate::time::Seconds;

const MAX_KEPT_BYTES: usize = 4096;
/// How long the browser may take on its way.
const USABLE: Seconds = Seconds::minutes(5);

/// Where the provider ends its own session: `kept` names it. `None` where it cannot be asked: it takes nothing that is not
/// signed.
pub(in crate::gateway) async fn at_provider<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    kept: &Secret<String>,
) -> Option<String> {
    let signing = party.saml.signing.as_ref()?;
    let kept = json::parse_object(kept.expose().as_bytes(), MAX_KEPT_BYTES).ok()?;
    let found = IdentityProvider::of(ctx, party).await.ok()?;
    let destination = found.slo?;
    let question = json!({
        "id": ctx.message_id(),
        "destination": destination,
        "entity_id": party.own_entity_id(&ctx.site.config),
        "now": ctx.request.now,
        "not_on_or_after": ctx.request.now.plus(USABLE),
        "name_id": kept.get("name_id")?,
        "session_index": kept.get("session_index"),
    });
    let made = ctx.ask_saml_worker_for("make_logout_request", question, "made").await.ok()?;
    let deflated = made.get("deflated").and_then(Value::as_str)?;
    let message = RedirectMessage { destination: &destination, parameter: "SAMLRequest", deflated, relay_state: None };
    message.url(Some(signing), ctx.platform.signing()).await.ok()
}
