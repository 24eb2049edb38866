//! `POST /auth/agents/revoke`: a client gives back what it was granted (RFC 7009). Only its own: what is another's, or nobody's,
//! is answered alike.

use super::client_auth::token_error;
use super::token::{form, tell};
use super::{for_clients, preflight};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::agent::token::TokenParameters;
use crate::audit::{Effect, What};
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Response, StatusCode};
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Command, Reply};

/// Answers a client.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if let Some(response) = preflight(ctx, parts)? {
        return Ok(response);
    }
    parts.event.event = What::AgentRevoked;
    match end(ctx, rules, body, parts).await {
        Ok(count) => {
            parts.event.ended = Some(count);
            let reason = if count == 0 { "agent.nothing_revoked" } else { "agent.revoked" };
            parts.event.end(Effect::Allow, reason, StatusCode::OK);
            Ok(for_clients(Response::empty(StatusCode::OK)))
        }
        Err(reason) => tell(ctx, reason, parts),
    }
}

/// Ends the grant that a token is of. Returns how many grants ended, with those that were exchanged for it.
async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<u32, Reason> {
    let form = form(ctx, body).await?;
    let parameters = TokenParameters::parse(&form).map_err(token_error)?;
    let token = parameters.wanted("token").map_err(token_error)?;
    let handle = GrantHandle::parse(token, &rules.prefix, &ctx.site.config.keys);
    let is_token = |handle: &GrantHandle| matches!(handle.kind, HandleKind::Access | HandleKind::Refresh);
    let Some(handle) = handle.filter(is_token) else { return Ok(0) };
    parts.event.grant = Some(handle.id.digest().public_id());
    let client = ctx.proven_client(rules, &parameters, parts).await?;
    let command = Command::EndGrant { digest: handle.id.digest(), client: client.id };
    match ctx.command(&handle.subject, &command).await.map_err(Reason::Store)? {
        Reply::EndedMany { count } => Ok(count),
        Reply::Gone => Ok(0),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}
