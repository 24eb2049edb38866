//! `POST /auth/agents/authorize`: the person answers.

use super::grants::{self, GrantOrder};
use crate::agent::AgentError;
use crate::agent::authorize::{AuthorizationError, ConsentTransaction, transaction};
use crate::agent::client::RedirectUri;
use crate::audit::{What, short};
use crate::authn::session_cookie::Wants;
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::guard::device;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::second_factor;
use crate::http::Response;
use crate::ports::{ReplayGuard, RequestBody};
use crate::refusal::Reason;

/// The sealed question, and what little goes with it.
const MAX_BYTES: usize = transaction::MAX_SEALED_BYTES + 1024;

/// What the form says.
struct Answer {
    question: String,
    allows: bool,
    life: String,
}

/// Carries out what the person says.
pub(super) async fn decide<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::AgentConsent;
    if !ctx.request.is_form() {
        return Err(Reason::Client(AgentError::ConsentForm).into());
    }
    let person = ctx.authenticate(Wants { touch: true, access_token: false, staleness: None }, parts).await?;
    let text = body.text(MAX_BYTES).await.map_err(|_| Reason::Client(AgentError::ConsentForm))?;
    let answer = read(&text).ok_or(Reason::Client(AgentError::ConsentForm))?;
    second_factor::require(ctx, &person.principal, None)?;
    if answer.allows
        && let Some(proof) = device::prove_first(ctx, &person.principal, parts)?
    {
        return Ok(proof);
    }
    // of this session, and not another of the same person's.
    let session = person.handle.id.digest();
    let config = &ctx.site.config;
    let asked = ConsentTransaction::open(&answer.question, session.as_str(), &config.keys, ctx.request.now);
    let asked = asked.ok_or(Reason::Client(AgentError::ConsentOver))?;
    parts.event.client_id = Some(short(&asked.client));
    ctx.named_client(rules, &asked.client).map_err(Reason::Client)?;
    ctx.refuse_blocked_client(&asked.client, parts).await?;
    let uri = RedirectUri::parse(&asked.redirect_uri).ok_or(Reason::Client(AgentError::ConsentOver))?;
    let life = grants::life(rules, &answer.life, ctx.request.now).ok_or(Reason::Client(AgentError::ConsentForm))?;
    let once = ctx.platform.replay_guard().claim(&asked.once_key(), asked.expires_at()).await;
    if !once.map_err(Reason::Store)? {
        return Err(Reason::Client(AgentError::ConsentUsed).into());
    }
    let state = asked.state.as_deref();
    if !answer.allows {
        return Ok(grants::tell_client(ctx, (&uri, state), AuthorizationError::AccessDenied, parts)?);
    }
    let order = GrantOrder {
        person: &person,
        client: &asked.client,
        client_name: &asked.client_name,
        redirect_uri: &uri,
        state,
        resource: &asked.resource,
        scopes: &asked.scopes,
        challenge: &asked.challenge,
        life,
        asked_at: asked.asked_at,
        reason: "agent.consent_given",
    };
    let begun = grants::begin(ctx, rules, order, parts).await;
    if let Err(Reason::Store(_)) = &begun {
        // The person may answer once more. If this fails too, the client has to ask again.
        let _ = ctx.platform.replay_guard().release(&asked.once_key()).await;
    }
    Ok(begun?)
}

/// Each field once, and no others.
fn read(form: &str) -> Option<Answer> {
    let (mut question, mut answer, mut life) = (None, None, None);
    for (name, value) in form_urlencoded::parse(form.as_bytes()) {
        let field = match &*name {
            "question" => &mut question,
            "answer" => &mut answer,
            "for" => &mut life,
            _ => return None,
        };
        if field.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    let allows = match answer?.as_str() {
        "allow" => true,
        "refuse" => false,
        _ => return None,
    };
    Some(Answer { question: question?, allows, life: life? })
}
