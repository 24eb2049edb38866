//! `/auth/agents/*`: an authorization server for programs that act for people here, and for nothing else (OAuth 2.1 in a
//! narrow profile). It exists where a route takes agents, or there is an `AGENTS` table.

pub(in crate::gateway) mod approvals;
mod authorize;
mod client_auth;
mod client_documents;
mod clients;
mod consent;
mod enterprise;
mod exchange;
mod grants;
mod limits;
mod metadata;
mod register;
mod revoke;
mod token;

use super::context::RequestContext;
use super::refused::Refused;
use super::response_parts::ResponseParts;
use super::{Platform, cold, response};
use crate::audit::{Effect, What};
use crate::config::AgentRules;
use crate::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::route::CanonicalPath;

pub(in crate::gateway) use client_documents::ClientDocuments;

/// All endpoints lie below this.
const PREFIX: &str = "/auth/agents";
/// Where a client sends a person to.
const AUTHORIZE: &str = "/auth/agents/authorize";
/// Where it gets tokens.
const TOKEN: &str = "/auth/agents/token";
/// Where it gives them back.
const REVOKE: &str = "/auth/agents/revoke";
/// Where it registers.
const REGISTER: &str = "/auth/agents/register";
/// What the authorization server tells of itself (RFC 8414 §3).
const METADATA: &str = "/.well-known/oauth-authorization-server";
/// What a provider of OpenID Connect would tell: there is none here.
const OPENID: &str = "/.well-known/openid-configuration";

/// The rules, where the path is one of the authorization server's.
pub(super) fn rules_at<'a, P>(ctx: &RequestContext<'a, P>, path: &CanonicalPath) -> Option<&'a AgentRules> {
    let is_ours = path.is_within(PREFIX) || [METADATA, OPENID].contains(&path.as_str());
    ctx.site.config.agents.as_ref().filter(|_| is_ours)
}

/// Answers a request for such a path.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let answered = match path.as_str() {
        METADATA => Ok(metadata::describe(ctx, rules, parts)?),
        AUTHORIZE if ctx.request.head.method == Method::POST => cold(consent::decide(ctx, rules, body, parts)).await,
        AUTHORIZE => cold(authorize::ask(ctx, rules, parts)).await,
        TOKEN => cold(token::answer(ctx, (rules, path), body, parts)).await,
        REVOKE => cold(revoke::answer(ctx, rules, body, parts)).await,
        REGISTER if rules.register => cold(register::answer(ctx, body, parts)).await.map_err(Refused::from),
        _ => Err(Reason::NoRoute.into()),
    };
    answered.or_else(|refused| refuse(ctx, path, refused, parts))
}

/// What refuses a client, so that a page of another origin may read it, with when it may come again.
///
/// # Errors
/// With the refusal itself, where no client is refused.
pub(super) fn refuse<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    refused: Refused,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let is_for_clients = [TOKEN, REVOKE, REGISTER].contains(&path.as_str()) && ctx.site.config.agents.is_some();
    if is_for_clients { Ok(for_clients(ctx.refuse(&refused, parts))) } else { Err(refused) }
}

/// A browser asks whether a page of another origin may post here: any may, for no cookie counts.
fn preflight<P>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Option<Response>, Reason> {
    ctx.request.allow_methods(&[Method::POST, Method::OPTIONS])?;
    if ctx.request.head.method != Method::OPTIONS {
        return Ok(None);
    }
    parts.event.event = What::Own;
    parts.event.end(Effect::Allow, "cors.preflight", StatusCode::NO_CONTENT);
    Ok(Some(for_clients(Response::empty(StatusCode::NO_CONTENT))))
}

/// An answer to a client, which may be a page of any origin. Nobody keeps it (RFC 6749 §5.1).
fn for_clients(response: Response) -> Response {
    let mut response = response::readable_by_all(response);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "DPoP-Nonce, Retry-After, WWW-Authenticate"),
        (HeaderName::from_static("pragma"), "no-cache"),
    ] {
        response.headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
