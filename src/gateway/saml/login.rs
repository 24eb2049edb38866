//! Off to a provider of SAML: an `AuthnRequest` by redirect (SAML Profiles §4.1.3, Bindings §3.4).

use serde_json::{Value, json};

use super::identity_provider::IdentityProvider;
use super::{CONSUMER, SamlParty};
use crate::audit::Effect;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::sign_in::login;
use crate::gateway::{Platform, response};
use crate::http::{Response, StatusCode};
use crate::oidc::transaction::{Intent, Transaction};
use crate::refusal::Reason;
use crate::saml::error::SamlError;
use crate::saml::redirect::RedirectMessage;

/// Words of `prompt` by which the person is to prove themselves anew.
const ANEW: [&str; 2] = ["login", "select_account"];

/// The request's `ID`: the 256 random bits that OpenID Connect has in `nonce`.
pub(super) fn request_id(transaction: &Transaction) -> String {
    format!("_{}", transaction.nonce.expose())
}

/// Begins a login. `prompt`: what the link asks for.
pub(in crate::gateway) async fn begin<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    (intent, prompt): (Intent<'_>, Option<&str>),
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let found = IdentityProvider::of(ctx, party).await?;
    let unusable = |why: &str| Reason::Saml(SamlError::Metadata(why.into()));
    let sso = found.sso.ok_or_else(|| unusable("it has no address for requests by redirect"))?;
    if found.wants_signed && party.saml.signing.is_none() {
        return Err(unusable("the provider takes signed requests alone, and `sign_requests` is off"));
    }
    // `state` alone is RelayState, a handle of 43 characters.
    let transaction = Transaction::begin(intent, ctx.request.now, ctx.platform.random());
    let asks_anew = prompt.is_some_and(|prompt| prompt.split(' ').any(|word| ANEW.contains(&word)));
    let question = json!({
        "id": request_id(&transaction),
        "destination": sso,
        "acs": party.address(&ctx.site.config, CONSUMER),
        "entity_id": party.own_entity_id(&ctx.site.config),
        "now": ctx.request.now,
        "force_authn": !transaction.silent && (asks_anew || transaction.max_age.is_some()),
        "is_passive": transaction.silent,
        "name_id_format": party.saml.name_id_format.map(|format| format.0),
        "authn_contexts": transaction.acr_values,
    });
    let made = ctx.ask_saml_worker_for("make_request", question, "made").await.map_err(Reason::Saml)?;
    let deflated = made.get("deflated").and_then(Value::as_str).ok_or_else(super::away)?;
    let state = Some(transaction.state.expose());
    let message = RedirectMessage { destination: &sso, parameter: "SAMLRequest", deflated, relay_state: state };
    let url = message.url(party.saml.signing.as_ref(), ctx.platform.signing()).await.map_err(Reason::Saml)?;
    let location = response::redirect(StatusCode::FOUND, &url).ok_or(Reason::Internal("internal.authorization_url"))?;
    login::remember(ctx, party.provider, &transaction, parts)?;
    login::remember_way_back(ctx, party.provider, &transaction, parts)?;
    parts.event.detail = found.notice;
    parts.event.end(Effect::Redirect, "login.started", location.status);
    Ok(location)
}
