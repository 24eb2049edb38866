//! `GET|POST /auth/saml/slo/{provider}`: the provider ends sessions, or answers that it did (SAML Profiles §4.4).

use serde_json::{Map, Value, json};

use super::identity_provider::IdentityProvider;
use super::{LOGOUT, RELAY_STATE, SamlParty, only, parties};
use crate::audit::{Effect, What};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::pages;
use crate::ports::{ReplayGuard, RequestBody, StoreError};
use crate::refusal::Reason;
use crate::saml::assertion::{SKEW, once_key};
use crate::saml::error::SamlError;
use crate::saml::name::NameId;
use crate::saml::redirect::RedirectMessage;
use crate::session::{Command, SidIndex, SidKey};
use crate::time::{Seconds, Timestamp};

const REQUEST: &str = "SAMLRequest";
const RESPONSE: &str = "SAMLResponse";
/// A message of a logout is short.
const MAX_QUERY_BYTES: usize = 16 * 1024;
const MAX_FORM_BYTES: usize = 64 * 1024;
/// The longest state of the provider's that is sent back; the specification has 80 (Bindings §3.4.3).
const MAX_RELAY_STATE_BYTES: usize = 512;
/// The SAML Worker takes no older request.
const USABLE: Seconds = Seconds::minutes(5);

/// Ends what the provider ended, and answers it; or leads on where the provider answers us.
pub(super) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::BackchannelLogout;
    ctx.request.allow_methods(&[Method::GET, Method::POST])?;
    ctx.limit_logout(parts).await?;
    let (message, relay_state) = received(ctx, body).await.map_err(Reason::Saml)?;
    let found = IdentityProvider::of(ctx, party).await?;
    let question = json!({
        "message": message,
        "certificates": found.certificates,
        "idp_entity_id": party.entity_id(),
        "destination": party.address(&ctx.site.config, LOGOUT),
        "now": ctx.request.now,
        "skew": SKEW.get(),
    });
    let answer = ctx.ask_saml_worker("read_logout", question).await.map_err(|error| match error {
        SamlError::Refused(why) | SamlError::Status(why) => Reason::Saml(SamlError::Logout(why)),
        other => Reason::Saml(other),
    })?;
    match answer {
        (kind, Value::Object(request)) if kind == "logout_request" => {
            let ended = end(ctx, party, &request).await?;
            parts.event.ended = Some(ended.unwrap_or(0));
            let reason = match ended {
                None => "logout.repeated",
                Some(0) => "logout.no_session",
                Some(_) => "logout.sessions_ended",
            };
            let response = respond(ctx, (party, &found), (&request, relay_state.as_deref())).await?;
            parts.event.end(Effect::Allow, reason, response.status);
            Ok(response)
        }
        (kind, Value::Object(answer)) if kind == "logout_response" => signed_out(&answer, parts),
        _ => Err(super::away()),
    }
}

/// The message as the SAML Worker wants it, and the state that goes back with the answer.
async fn received<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
) -> Result<(Value, Option<String>), SamlError> {
    let state = |encoded: &str| only(encoded, RELAY_STATE).filter(|state| state.len() <= MAX_RELAY_STATE_BYTES);
    if ctx.request.head.method == Method::GET {
        let query = ctx.request.target.query.filter(|query| is_signed(query)).ok_or(SamlError::Malformed)?;
        return Ok((json!({ "redirect": query }), state(query)));
    }
    if !ctx.request.is_form() {
        return Err(SamlError::Malformed);
    }
    let form = body.text(MAX_FORM_BYTES).await.map_err(|_| SamlError::Malformed)?;
    let message = match (only(&form, REQUEST), only(&form, RESPONSE)) {
        (Some(request), None) => json!({ "posted_request": request }),
        (None, Some(response)) => json!({ "posted_response": response }),
        _ => return Err(SamlError::Malformed),
    };
    Ok((message, state(&form)))
}

/// Whether it could be one signed message (Bindings §3.4.4.1): nothing else is worth a question to the SAML Worker.
fn is_signed(query: &str) -> bool {
    let is_there = |name: &str| only(query, name).is_some();
    query.len() <= MAX_QUERY_BYTES
        && is_there(REQUEST) != is_there(RESPONSE)
        && is_there("SigAlg")
        && is_there("Signature")
}

/// by name and index together; without an index, all sessions of the name. `None`: that was done before, and the answer
/// was perhaps lost. A request counts as carried out when it is: whoever was stopped before sends it again.
async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    party: SamlParty<'_>,
    request: &Map<String, Value>,
) -> Result<Option<u32>, Reason> {
    let own = party.own_entity_id(&ctx.site.config);
    let issuer = party.entity_id();
    let name = request.get("name_id").and_then(|name| NameId::read(name, parties(issuer, &own)));
    let name = name.ok_or(Reason::Saml(SamlError::NoSubject))?;
    let id = request.get("id").and_then(Value::as_str).ok_or_else(super::away)?;
    let once = once_key("logout", issuer, id);
    let guard = ctx.platform.replay_guard();
    if guard.is_claimed(&once).await.map_err(Reason::Store)? {
        return Ok(None);
    }
    let indexes = request.get("session_indexes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let indexes: Vec<&str> = indexes.iter().filter_map(Value::as_str).collect();
    let ended = end_sessions(ctx, issuer, (&name, &indexes)).await.map_err(Reason::Store)?;
    guard.claim(&once, usable_until(request, ctx.request.now)).await.map_err(Reason::Store)?;
    Ok(Some(ended))
}

/// The request is not taken later: the SAML Worker checks its end, and when it was written.
fn usable_until(request: &Map<String, Value>, now: Timestamp) -> Timestamp {
    let written = crate::claims::time(request, "issue_instant").unwrap_or(now);
    written.plus(USABLE).plus(SKEW).plus(SKEW).max(now.plus(USABLE))
}

async fn end_sessions<P: Platform>(
    ctx: &RequestContext<'_, P>,
    issuer: &str,
    (name, indexes): (&NameId, &[&str]),
) -> Result<u32, StoreError> {
    let subjects = ctx.platform.sid_index().end_sid(&SidKey::of(issuer, &name.index_key())).await?;
    if indexes.is_empty() {
        return ctx.end_at_all(&subjects, &Command::EndAll { before: None }).await;
    }
    let mut ended = 0_u32;
    for index in indexes {
        let command = Command::EndSid { sid: name.session_key(index), unproven: false };
        ended = ended.saturating_add(ctx.end_at_all(&subjects, &command).await?);
    }
    Ok(ended)
}

/// The answer to the provider's request, by redirect; a page where it has no address for that.
async fn respond<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (party, found): (SamlParty<'_>, &IdentityProvider),
    (request, relay_state): (&Map<String, Value>, Option<&str>),
) -> Result<Response, Reason> {
    let Some(destination) = found.slo_response.as_deref() else {
        return Ok(response::html(StatusCode::OK, pages::signed_out::render(&ctx.view(), true)));
    };
    let question = json!({
        "id": ctx.message_id(),
        "destination": destination,
        "entity_id": party.own_entity_id(&ctx.site.config),
        "now": ctx.request.now,
        "in_response_to": request.get("id"),
        "success": true,
    });
    let made = ctx.ask_saml_worker_for("make_logout_response", question, "made").await.map_err(Reason::Saml)?;
    let deflated = made.get("deflated").and_then(Value::as_str).ok_or_else(super::away)?;
    let message = RedirectMessage { destination, parameter: RESPONSE, deflated, relay_state };
    let url = message.url(party.saml.signing.as_ref(), ctx.platform.signing()).await.map_err(Reason::Saml)?;
    // 303, so that the browser asks with GET.
    response::redirect(StatusCode::SEE_OTHER, &url).ok_or(Reason::Internal("internal.location_unwritable"))
}

/// The session here was over before the provider was asked. What is said of the provider's own is what it says.
fn signed_out(answer: &Map<String, Value>, parts: &mut ResponseParts) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    let is_out = answer.get("success") == Some(&Value::Bool(true));
    let to = if is_out { "/auth/logged-out?state=saml" } else { "/auth/logged-out" };
    let response =
        response::redirect(StatusCode::SEE_OTHER, to).ok_or(Reason::Internal("internal.location_unwritable"))?;
    parts.event.end(Effect::Allow, "own.page", response.status);
    Ok(response)
}
