//! `POST /auth/agents/register` (RFC 7591), where `register = true`. It stores nothing.

use serde_json::json;

use super::{for_clients, preflight};
use crate::agent::client::registration::{self, Registration, RegistrationError};
use crate::audit::{Effect, What, short};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Response, StatusCode, essence, header};
use crate::ports::RequestBody;
use crate::refusal::Reason;

/// Answers a client with its id.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    if let Some(response) = preflight(ctx, parts)? {
        return Ok(response);
    }
    parts.event.event = What::AgentRegistered;
    ctx.limit_registrations(parts).await?;
    match read(ctx, body).await {
        Ok(registration) => {
            let config = &ctx.site.config;
            let id = registration.client_id(&config.public_url, &config.keys);
            parts.event.client_id = Some(short(&id));
            parts.event.end(Effect::Allow, "agent.registered", StatusCode::CREATED);
            Ok(for_clients(response::json(StatusCode::CREATED, &registration.to_json(&id))))
        }
        Err(error) => {
            parts.event.detail = Some(error.member().to_owned());
            parts.event.end(Effect::Deny, "agent.registration_refused", StatusCode::BAD_REQUEST);
            let body = json!({ "error": error.error(), "error_description": format!("Not good: {}", error.member()) });
            Ok(for_clients(response::json(StatusCode::BAD_REQUEST, &body)))
        }
    }
}

async fn read<P>(ctx: &RequestContext<'_, P>, body: impl RequestBody) -> Result<Registration, RegistrationError> {
    let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !essence(media_type).eq_ignore_ascii_case("application/json") {
        return Err(RegistrationError::Metadata("content-type"));
    }
    let text = body.text(registration::MAX_BYTES).await.map_err(|_| RegistrationError::Metadata("body"))?;
    Registration::parse(text.as_bytes(), ctx.request.now)
}
