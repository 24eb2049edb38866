//! A request for a route: both doors, then on to the upstream.

mod access_token;
mod agent;
mod api_key;
pub(super) mod caller;
mod certificate;
pub(super) mod challenge;
pub(super) mod decide;
pub(super) mod device;
pub(super) mod embedded;
pub(super) mod forward_auth;
mod introspection;
mod limits;
mod mcp;
pub(super) mod policies;
pub(super) mod relations;
mod service_token;
mod workload;

use super::context::RequestContext;
use super::refused::Refused;
use super::request::Request;
use super::response_parts::ResponseParts;
use super::sign_in::continue_pages;
use super::sign_in::link::SignIn;
use super::{Disposition, Gateway, Platform, cold, response};
use crate::audit::Effect;
use crate::authn::Principal;
use crate::http::{Method, Response, StatusCode, cookie, cors};
use crate::pages;
use crate::ports::RequestBody;
use crate::refusal::{Reason, Refusal};
use crate::route::{CanonicalPath, Matched, Route};
use crate::upstream::{CacheScope, ForwardPlan, Forwarding, StreamLifetime, UpstreamIdentity};
use decide::{AdmittedRequest, CountedUse};

/// Finds the route and lets the request through, or not.
pub(super) async fn pass<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Disposition, Refused> {
    if let Some(permissions) = preflight(ctx, path, parts) {
        return Ok(Disposition::Respond(permissions?));
    }
    let matched = decide::route(ctx, path, parts)?;
    if matched.route.mcp.is_some() {
        return cold(mcp::pass(ctx, path, matched, body, parts)).await;
    }
    match forward(ctx, path, &matched, parts).await {
        Ok((plan, _, counted)) => match decide::spend(ctx, &matched, counted).await {
            Ok(()) => Ok(Disposition::Forward(Box::new(plan))),
            Err(refused) => challenge(ctx, refused, parts).map(Disposition::Respond),
        },
        Err(refused) => challenge(ctx, refused, parts).map(Disposition::Respond),
    }
}

/// Both doors, the request as its upstream gets it, whose it is, and what is to be spent before it goes on.
///
/// # Errors
/// When either stays shut.
async fn forward<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    matched: &Matched<'_>,
    parts: &mut ResponseParts,
) -> Result<(ForwardPlan, Option<Principal>, Option<CountedUse>), Refused> {
    let route = matched.route;
    // Another proxy sends it on, and asks us before: here there is nothing.
    let upstream = route.upstream.as_ref().ok_or(Reason::NoRoute)?;
    if ctx.request.head.has_body_that_cannot_be_sent() {
        return Err(Reason::UnsendableBody.into());
    }
    let AdmittedRequest { principal, mut identity, lifetime, permit, counted, .. } =
        decide::consider(ctx, path, matched, parts).await?;
    let bound_token = identity.bound_token.take();
    let service = ctx.site.service_credential(ctx.platform, route).await?;
    parts.event.service = service.as_ref().map(|credential| credential.id.to_string());
    let plain = forwarding((ctx.site, &ctx.request), (path, route), (identity, lifetime));
    let forwarding = Forwarding { service, ..plain };
    let mut plan = ForwardPlan::new(upstream.clone(), forwarding, permit);
    if let Some(token) = bound_token {
        let proven = plan.add_proof(&token, ctx.request.now, ctx.platform.random());
        proven.ok_or(Reason::Internal("internal.proof_unmade"))?;
    }
    parts.event.removed(&plan.removed);
    mcp::filter_lists(&mut plan, matched, principal.as_ref().map(Principal::scopes).unwrap_or_default());
    Ok((plan, principal, counted))
}

/// What is known of a request when it goes on by a route, without a token of our own: what its upstream is told of the caller,
/// and for how long it was let through.
pub(super) fn forwarding<'a>(
    (site, request): (&'a Gateway, &'a Request<'_>),
    (path, route): (&'a CanonicalPath, &'a Route),
    (identity, lifetime): (UpstreamIdentity, StreamLifetime),
) -> Forwarding<'a> {
    Forwarding {
        head: request.head,
        path,
        strip_prefix: route.strip_prefix.as_deref(),
        query: request.target.query,
        public_url: &site.config.public_url,
        cache_scope: CacheScope::of(&route.access, site.config.key_header()),
        cache: route.guard().map(|guard| guard.cache).unwrap_or_default(),
        lifetime,
        identity,
        service: None,
        security_headers: route.security_headers.clone(),
        claim_headers: &site.config.claim_headers,
        request_headers: &route.request_headers,
        websocket_buffer: route.websocket_buffer,
        key_prefix: site.config.secret_prefix(),
        request_id: &request.id,
    }
}

/// Answers a browser that asks whether a page of another origin may send a request: before anybody is asked who they
/// are, for such a question never says (Fetch §3.2.2). `None` when it is no such question, or the route knows no other origins: then
/// it is a request like any other.
pub(super) fn preflight<P>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    parts: &mut ResponseParts,
) -> Option<Result<Response, Reason>> {
    let method = cors::preflight(ctx.request.head)?;
    let route = ctx.site.config.routes.find(&method, path).ok()?.route;
    let cors = route.cors.as_ref()?;
    parts.event.route = Some(route.name.clone());
    let grant = cors.grant(ctx.request.head);
    let is_named = grant.origin().is_some();
    parts.grants(Some(grant));
    if !is_named {
        return Some(Err(Reason::CorsOrigin));
    }
    let mut response = Response::empty(StatusCode::NO_CONTENT);
    response.headers = cors.permissions(&route.methods.allow_header());
    parts.event.end(Effect::Allow, "cors.preflight", response.status);
    Some(Ok(response))
}

/// Redirects a navigation to the sign-in. All other callers, and all other reasons, get the refusal. So does a caller that
/// has just returned from the provider: a provider that asks nothing would make that an endless loop. The sender of a form
/// of ours is told how to send it again, signed in. A user whose sign-in does not suffice is sent to another one, once: a
/// provider that knows no better one would make that an endless loop too.
///
/// # Errors
/// With the refusal, where it stands.
pub(super) fn challenge<P: Platform>(
    ctx: &RequestContext<'_, P>,
    refused: Refused,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if let Some(response) = device::lead_on(ctx, &refused.reason, parts)? {
        return Ok(response);
    }
    let again = matches!(refused.reason, Reason::StepUp(_)) && refused.sign_in.is_some();
    let refusal = refused.reason.refusal();
    let is_nobody = matches!(refusal, Refusal::Unauthenticated | Refusal::DeviceProof);
    let could_help = refused.sign_in_helps && (again || is_nobody);
    if !ctx.request.request_kind.is_navigation() || !could_help {
        return Err(refused);
    }
    if ctx.request.head.method != Method::GET {
        return continue_pages::unsent(ctx, refused, parts);
    }
    let none_in_particular = SignIn::default();
    let sign_in = refused.sign_in.as_deref().unwrap_or(&none_in_particular);
    let in_vain = match sign_in.tag() {
        // The person answers there themselves, so it leads nobody round by itself. Whom a proof of just now did not help is
        // not sent at all (`decide::mendable`).
        _ if sign_in.is_second() => false,
        Some(tag) if again => cookie::arrived_just_now_with(&ctx.request.head.headers, ctx.request.now, &tag),
        _ => cookie::arrived_just_now(&ctx.request.head.headers, ctx.request.now),
    };
    let response = if ctx.may_have_left_cookie_behind() || device::may_be_proven(ctx, &refused.reason) {
        bounce(ctx)
    } else if in_vain {
        return Err(refused);
    } else {
        to_login(ctx, sign_in)?
    };
    parts.event.end(Effect::Redirect, refused.reason.code(), response.status);
    Ok(response)
}

fn to_login<P: Platform>(ctx: &RequestContext<'_, P>, sign_in: &SignIn) -> Result<Response, Reason> {
    // Only the browser knows the fragment, and it carries it along to the login page's address (RFC 9110 §10.2.2).
    let link = if !sign_in.is_second() && ctx.request.head.headers.contains_key("sec-fetch-dest") {
        sign_in.link_keeping_fragment(&ctx.request.here())
    } else {
        sign_in.link_back_to(&ctx.request.here())
    };
    response::redirect(StatusCode::FOUND, &link).ok_or(Reason::Internal("internal.location_unwritable"))
}

/// Once round through ourselves: the page's own navigation brings a `Strict` cookie along, if there is one.
fn bounce<P: Platform>(ctx: &RequestContext<'_, P>) -> Response {
    response::html(StatusCode::OK, pages::forward::bounce(&ctx.view(), &ctx.request.here()))
}
