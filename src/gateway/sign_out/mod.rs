//! `POST /auth/logout`: the session ends here first, then at the provider.

pub(super) mod backchannel;
pub(super) mod frontchannel;
pub(super) mod revocation;

use serde_json::json;

use super::context::RequestContext;
use super::issuer_documents::{AcceptedKeys, VerificationError};
use super::response_parts::ResponseParts;
use super::saml::{self, SamlParty};
use super::{Platform, cold, response};
use crate::audit::{Effect, What};
use crate::authn::session_cookie::Wants;
use crate::config::{Logout, Provider};
use crate::http::cookie;
use crate::http::{Method, Response, StatusCode, csrf};
use crate::jose::{JwtError, KeySetError, UnverifiedJwt, VerifiedJwt};
use crate::oidc::logout::end_session_url;
use crate::pages;
use crate::refusal::Reason;
use crate::session::device::BoundCookie;
use crate::session::message::Ended;

/// Ends the session, takes the cookie away, and says where to go on: a redirect for people, JSON for programs.
pub(super) async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Logout;
    ctx.request.allow_methods(&[Method::POST])?;
    csrf::check(ctx.request.head, &ctx.site.config.public_url, None).map_err(Reason::Csrf)?;
    let ended = end_here(ctx, parts).await?;
    ctx.drop_session_cookie(parts)?;
    parts.set_cookie(cookie::delete_arrival())?;
    let mut location = "/auth/logged-out".to_owned();
    let mut reason = "logout.no_session";
    if let Some(ended) = ended {
        parts.event.identity(&ended.session.provider, &ended.session.issuer, &ended.session.subject);
        reason = "logout.session_ended";
        if let Some(at_provider) = end_at_provider(ctx, &ended).await {
            location = at_provider;
        }
    }
    let response = if asks_for_page(ctx) {
        response::html(StatusCode::OK, pages::forward::to_sign_out(&ctx.view(), &location))
    } else if ctx.request.request_kind.is_navigation() {
        // 303, so that the browser asks with GET.
        response::redirect(StatusCode::SEE_OTHER, &location).ok_or(Reason::Internal("internal.location_unwritable"))?
    } else {
        response::json(StatusCode::OK, &json!({ "location": location }))
    };
    parts.event.end(Effect::Allow, reason, response.status);
    Ok(response)
}

/// Whether a form of our own pages asks: their policy for forms lets none lead on to a provider, not even by a redirect.
fn asks_for_page<P>(ctx: &RequestContext<'_, P>) -> bool {
    ctx.request.request_kind.is_navigation() && ctx.request.target.query == Some("answer=page")
}

/// `GET /auth/logged-out`: where a sign-out ends, whatever the provider sends along. Says no more than is known: who
/// comes from the provider brings a `state` along, and who is signed in here is told so.
pub(super) async fn landing<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD])?;
    let looks = Wants { touch: false, access_token: false, staleness: None };
    let is_signed_in = match ctx.authenticate(looks, parts).await {
        Ok(_) => true,
        Err(reason) if reason.tells_of_no_session() => false,
        // Whether there is a session is not known.
        Err(reason) => return Err(reason),
    };
    parts.event.end(Effect::Allow, "own.page", StatusCode::OK);
    if is_signed_in {
        return Ok(response::html(StatusCode::OK, pages::signed_out::not_yet(&ctx.view())));
    }
    let query = ctx.request.target.query.unwrap_or_default();
    // A logout of a provider's own brings nothing along that tells of it.
    let may_be_silent = ctx.site.config.providers.iter().any(|provider| provider.sign_out.return_parameter.is_some());
    let by_provider = may_be_silent || form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "state");
    Ok(response::html(StatusCode::OK, pages::signed_out::render(&ctx.view(), by_provider)))
}

/// A token that somebody sent in the name of a provider, verified by its keys. Where it may not be asked for a key that nobody
/// knows, that is not the token's fault: the sender may try again.
async fn verified<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    token: &str,
    refused: fn(JwtError) -> Reason,
) -> Result<VerifiedJwt, Reason> {
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await?;
    let accepted = AcceptedKeys::of_provider(provider, &metadata);
    let unverified = UnverifiedJwt::parse(token).map_err(refused)?;
    match ctx.site.documents.verify(ctx.platform, accepted, &unverified).await {
        Err(VerificationError::Unasked(_)) => Err(Reason::Keys(KeySetError::Unasked)),
        verified => verified.map_err(|error| error.reason(refused)),
    }
}

/// before anything else, and whether or not the provider answers.
async fn end_here<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Option<Ended>, Reason> {
    let Some(handle) = ctx.named_session() else { return Ok(None) };
    parts.event.session = Some(handle.id.digest().public_id());
    ctx.end_session(&handle).await
}

/// Whether whoever signs out has shown the device that the session was bound to, if it was. A session cookie by itself ends the
/// session, and learns nothing of whose it was.
fn is_proven<P>(ctx: &RequestContext<'_, P>, ended: &Ended) -> bool {
    let config = &ctx.site.config;
    ended.session.device.as_deref().filter(|_| config.binds_devices()).is_none_or(|device| {
        let value = cookie::only(&ctx.request.head.headers, cookie::BOUND);
        let shown = value.and_then(|value| BoundCookie::read(value, &config.keys));
        device.shown(shown.as_ref(), (config.session.device_life, ctx.request.now), None).is_ok()
    })
}

/// Where the provider ends its own session; `None` if it cannot, or cannot be asked now.
async fn end_at_provider<P: Platform>(ctx: &RequestContext<'_, P>, ended: &Ended) -> Option<String> {
    let provider = ctx.site.config.provider_of(&ended.session.provider, &ended.session.issuer)?;
    if provider.sign_out.logout == Logout::Local {
        return None;
    }
    // script can read a program's answer, and a page of this origin by its window. Only a redirect names the ID token.
    let is_redirect = ctx.request.request_kind.is_navigation() && !asks_for_page(ctx);
    if let Some(party) = SamlParty::of(provider) {
        // The request names the person: R-159, as below.
        let kept = &ended.tokens.as_ref().filter(|_| is_redirect && is_proven(ctx, ended))?.id_token;
        return cold(saml::at_provider(ctx, party, kept)).await;
    }
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await.ok()?;
    let tokens = ended.tokens.as_ref().filter(|_| is_redirect && is_proven(ctx, ended));
    let hint = tokens.map(|tokens| tokens.id_token.expose().as_str());
    let state = super::request_id::request_id(ctx.platform.random());
    end_session_url(provider, &metadata, &ctx.site.config.public_url, hint, &state)
}
