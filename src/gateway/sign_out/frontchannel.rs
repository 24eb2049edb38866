//! `GET /auth/frontchannel-logout/{provider}`: a hidden frame of the provider's page says that it ended a
//! session (OpenID Connect Front-Channel Logout 1.0). Off unless the provider's table turns it on.
//!
//! Nothing proves who asks: the browser keeps our cookie from a frame of another site, so the `sid` in
//! the URL is all there is, and whoever learns one can sign that person out. Where it names none, nothing ends: any
//! page of our own site can have this address in a frame, and there the cookie comes along. Back-channel logout
//! has no such weakness; this is for providers that offer nothing else.

use crate::audit::{Effect, What};
use crate::config::Provider;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::limit::LimitKind;
use crate::pages::{View, framed};
use crate::ports::StoreError;
use crate::refusal::{LogoutRequestError, Reason};
use crate::session::message::Check;
use crate::session::{Command, Reply, Session, SidIndex, SidKey};

/// Ends the named session, and answers with a page that only the provider may frame.
pub(crate) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &str,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::FrontchannelLogout;
    let provider = ctx.site.config.provider(provider).filter(|provider| provider.frontchannel_logout);
    let provider = provider.ok_or(Reason::NoRoute)?;
    parts.event.provider = Some(provider.id.as_str().to_owned());
    ctx.request.allow_methods(&[Method::GET])?;
    ctx.limit_own(LimitKind::FrontchannelLogout, ctx.site.config.limits.frontchannel_logout.as_ref(), parts).await?;
    let sid = named(ctx.request.target.query.unwrap_or_default(), provider).map_err(Reason::LogoutRequest)?;
    let count = match sid {
        Some(sid) => end_named(ctx, provider, &sid, parts).await?,
        None => 0,
    };
    let reason = if count == 0 { "logout.no_session" } else { "logout.sessions_ended" };
    parts.event.ended = Some(count);
    parts.event.end(Effect::Allow, reason, StatusCode::OK);
    page(&ctx.view(), provider).ok_or(Reason::Internal("internal.policy_unwritable"))
}

/// The `sid` asked for; `None` when none is named. `iss` may be left out, as by Entra ID: the path says which
/// provider it is about. Parameters of others' are ignored.
fn named(query: &str, provider: &Provider) -> Result<Option<String>, LogoutRequestError> {
    let (mut iss, mut sid) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "iss" => &mut iss,
            "sid" => &mut sid,
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(LogoutRequestError::Repeated);
        }
    }
    match (iss, sid) {
        (None, None) => Ok(None),
        (Some(iss), Some(_)) if !provider.issuer.is(&iss) => Err(LogoutRequestError::IssMismatch),
        (_, Some(sid)) if !sid.is_empty() => Ok(Some(sid)),
        _ => Err(LogoutRequestError::Incomplete),
    }
}

/// This browser's session, where its cookie came along.
async fn session_here<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Option<Session>, StoreError> {
    let Some(handle) = ctx.named_session() else { return Ok(None) };
    let check =
        Check { digest: handle.id.digest(), touch: false, access_token: false, shown: None, clocks: ctx.timeouts() };
    match ctx.command(&handle.subject, &Command::Check(check)).await? {
        Reply::Live(live) => {
            parts.event.identity(&live.session.provider, &live.session.issuer, &live.session.subject);
            Ok(Some(live.session))
        }
        Reply::Gone => Ok(None),
        _ => Err(StoreError::Malformed),
    }
}

/// without a cookie the name is enough. With one it has to be this browser's session.
async fn end_named<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    sid: &str,
    parts: &mut ResponseParts,
) -> Result<u32, Reason> {
    let issuer = provider.issuer.as_str();
    let is_it = |session: &Session| *session.issuer == *issuer && session.sid.as_deref() == Some(sid);
    let here = session_here(ctx, parts).await.map_err(Reason::Store)?;
    if here.is_some_and(|session| !is_it(&session)) {
        return Err(Reason::LogoutRequest(LogoutRequestError::NotThisSession));
    }
    let subjects = ctx.platform.sid_index().find_sid(&SidKey::of(issuer, sid)).await.map_err(Reason::Store)?;
    let command = Command::EndSid { sid: sid.to_owned(), unproven: true };
    ctx.end_at_all(&subjects, &command).await.map_err(Reason::Store)
}

///
fn page(view: &View<'_>, provider: &Provider) -> Option<Response> {
    Some(response::html(StatusCode::OK, framed::signed_out(view, &provider.issuer.origin()?)))
}
