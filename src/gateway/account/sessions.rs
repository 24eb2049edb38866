//! `/auth/sessions`: a person's own sessions, to look at and to end. Whose they are is said by the session
//! alone, never by the request.

use serde_json::json;

use super::second;
use crate::audit::{Effect, What};
use crate::authn::Authenticated;
use crate::authn::session_cookie::Wants;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::pages;
use crate::pages::sessions::OwnPages;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::session::{Command, Listed, Reply};

const PAGE: &str = "/auth/sessions";
const LOGGED_OUT: &str = "/auth/logged-out";

/// `GET`: the list, as a page or as JSON. `DELETE`: ends all but the one at hand.
pub(crate) async fn all<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if ctx.request.head.method == Method::DELETE {
        return Ok(end_others(ctx, parts).await?);
    }
    parts.event.event = What::SessionList;
    ctx.request.allow_methods(&[Method::GET, Method::DELETE])?;
    // A program that watches the list is nobody's presence.
    let wants = Wants { touch: ctx.request.request_kind.is_navigation(), access_token: false, staleness: None };
    let authenticated = match ctx.authenticate(wants, parts).await {
        Ok(authenticated) => authenticated,
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let listed = list(ctx, &authenticated).await?;
    let current = authenticated.handle.id.digest().public_id();
    let response = if ctx.request.request_kind.is_navigation() {
        let list = second::factors_of(ctx, &authenticated).await?;
        let own = OwnPages {
            keys: ctx.site.config.api_keys.is_some(),
            second: list.is_some(),
            words: ctx.site.config.agents.as_ref().map_or(&[], |rules| &rules.scopes),
            changes: second::changed_elsewhere(list.as_ref(), authenticated.created_at),
        };
        let page = pages::sessions::render(&ctx.view(), &listed, &current, |one| provider_name(ctx, one), &own);
        response::html(StatusCode::OK, page)
    } else {
        response::json(StatusCode::OK, &as_json(&listed, Some(&current)))
    };
    parts.event.end(Effect::Allow, "session.listed", response.status);
    Ok(response)
}

/// By which provider a session was begun, where there are several.
fn provider_name<P>(ctx: &RequestContext<'_, P>, listed: &Listed) -> Option<String> {
    let config = &ctx.site.config;
    let provider = config.provider(listed.provider.as_deref()?)?;
    (config.providers.len() > 1).then(|| provider.name.clone())
}

/// `DELETE /auth/sessions/{id}`, `POST /auth/sessions/{id}/end`.
pub(crate) async fn one<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::SessionEnd;
    let (id, method) = match rest.strip_suffix("/end") {
        Some(id) => (id, Method::POST),
        None => (rest, Method::DELETE),
    };
    if !is_id(id) {
        return Err(Reason::NoRoute);
    }
    ctx.request.allow_methods(&[method])?;
    let authenticated = own(ctx, parts).await?;
    let is_current = authenticated.handle.id.digest().public_id() == id;
    let ended = end(ctx, &authenticated, &Command::EndListed { id: id.to_owned() }, parts).await?;
    if is_current {
        ctx.drop_session_cookie(parts)?;
    }
    if ended == 0 && !ctx.request.request_kind.is_navigation() {
        return Err(Reason::NoSuchSession);
    }
    // A person who asked twice, or too late, sees by the list that it is gone.
    let reason = if ended == 0 { "session.unknown" } else { "session.ended" };
    done(ctx, if is_current { LOGGED_OUT } else { PAGE }, ended, reason, parts)
}

/// `POST /auth/sessions/end-others`.
pub(crate) async fn end_others_by_form<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::SessionEndOthers;
    ctx.request.allow_methods(&[Method::POST])?;
    end_others(ctx, parts).await
}

async fn end_others<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Response, Reason> {
    parts.event.event = What::SessionEndOthers;
    let authenticated = own(ctx, parts).await?;
    let keep = authenticated.handle.id.digest();
    let ended = end(ctx, &authenticated, &Command::EndOthers { keep }, parts).await?;
    done(ctx, PAGE, ended, "session.others_ended", parts)
}

/// Who asks, by their session.
async fn own<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Authenticated, Reason> {
    ctx.authenticate(Wants { touch: true, access_token: false, staleness: None }, parts).await
}

async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    authenticated: &Authenticated,
    command: &Command,
    parts: &mut ResponseParts,
) -> Result<u32, Reason> {
    match ctx.command(&authenticated.handle.subject, command).await.map_err(Reason::Store)? {
        Reply::EndedMany { count } => {
            parts.event.ended = Some(count);
            Ok(count)
        }
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

fn done<P: Platform>(
    ctx: &RequestContext<'_, P>,
    location: &str,
    ended: u32,
    reason: &'static str,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let response = if ctx.request.request_kind.is_navigation() {
        response::redirect(StatusCode::SEE_OTHER, location).ok_or(Reason::Internal("internal.location_unwritable"))?
    } else {
        response::json(StatusCode::OK, &json!({ "ended": ended }))
    };
    parts.event.end(Effect::Allow, reason, response.status);
    Ok(response)
}

/// The sessions that would be let in now.
async fn list<P: Platform>(ctx: &RequestContext<'_, P>, authenticated: &Authenticated) -> Result<Vec<Listed>, Reason> {
    let command = Command::List { clocks: ctx.timeouts() };
    let answer = ctx.command(&authenticated.handle.subject, &command).await.map_err(Reason::Store)?;
    counted(ctx, (authenticated.principal.issuer(), authenticated.principal.subject()), answer).await
}

/// The sessions of an answer about somebody of this issuer that count, by the configuration in force here: the object may
/// go by another for a while.
///
/// # Errors
/// When it is no list.
pub(crate) async fn counted<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (issuer, subject): (&str, &str),
    answer: Reply,
) -> Result<Vec<Listed>, Reason> {
    let Reply::Sessions(sessions) = answer else { return Err(Reason::Store(StoreError::Malformed)) };
    those_that_count(ctx, (issuer, subject), sessions).await
}

/// Those of somebody's sessions and grants that count, by the configuration in force here.
///
/// # Errors
/// When the block list does not answer.
pub(crate) async fn those_that_count<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (issuer, subject): (&str, &str),
    mut sessions: Vec<Listed>,
) -> Result<Vec<Listed>, Reason> {
    let list = ctx.block_list_for_session().await?;
    let (config, now) = (&ctx.site.config, ctx.request.now);
    sessions.retain_mut(|listed| {
        // The release before does not say by which provider.
        let provider = match &listed.provider {
            Some(id) => config.provider_of(id, issuer),
            None => config.provider_by_issuer(issuer),
        };
        let Some(provider) = provider else { return false };
        // A grant has a clock of its own.
        if let Some(longest) = provider.session_max.filter(|_| listed.grant.is_none()) {
            listed.expires_at = listed.expires_at.min(listed.created_at.plus(longest));
        }
        let not_before = config.not_before(provider.id.as_str(), now);
        let is_void = list.as_ref().is_some_and(|list| list.voids_session(issuer, subject, listed.created_at));
        !is_void && listed.expires_at > now && not_before.is_none_or(|moment| listed.created_at >= moment)
    });
    Ok(sessions)
}

/// The list for programs; `current` marks the one at hand.
pub(crate) fn as_json(sessions: &[Listed], current: Option<&str>) -> serde_json::Value {
    let one = |listed: &Listed| {
        let mut object = json!({
            "id": listed.id,
            "device": listed.device,
            "place": listed.place,
            "created_at": listed.created_at,
            "last_seen": listed.last_seen,
            "expires_at": listed.expires_at,
        });
        if let (Some(current), Some(members)) = (current, object.as_object_mut()) {
            members.insert("current".to_owned(), (listed.id == current).into());
        }
        if let (Some(bound_at), Some(members)) = (listed.bound_at, object.as_object_mut()) {
            members.insert("bound_at".to_owned(), json!(bound_at));
        }
        if let (Some(grant), Some(members)) = (&listed.grant, object.as_object_mut()) {
            members.insert("grant".to_owned(), json!(grant));
        }
        object
    };
    json!({ "sessions": sessions.iter().map(one).collect::<Vec<_>>() })
}

/// Whether a text has the form of [`Listed::id`].
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
