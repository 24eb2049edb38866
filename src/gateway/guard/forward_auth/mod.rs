//! `GET /auth/verify`: another proxy asks whether a request may pass. The same doors decide as for a request that we
//! send on ourselves, and the same event tells of it; only the answer goes to somebody else.

pub(crate) mod request;

use super::decide::{self, AdmittedRequest};
use crate::audit::Effect;
use crate::authn::Principal;
use crate::claims::is_believed;
use crate::config::Config;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, guard, response};
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, cookie, header};
use crate::refusal::{ForwardAuthError, Reason};
use crate::route::{CanonicalPath, Matched};
use crate::upstream::forward::holds_secret;

use request::{Dialect, ForwardedRequest, SECRET};

/// What the proxy wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// `/auth/verify`: whether the request may pass.
    Whether,
    /// `/auth/verify/refusal`: what its caller is told, for a proxy that took nothing but a status from the first answer.
    Why,
}

/// 204 with who it is, or the refusal: as a proxy hands it to the caller, or in the few words that nginx knows.
///
/// Who asks why lets nothing pass and uses nothing up: if the doors have opened meanwhile, the caller comes again.
pub(crate) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asks: Asks,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let question = asked(ctx, asks, parts)?;
    let inner = ctx.about(&question.head, asks == Asks::Whether);
    inner.load_language().await;
    let decision = decided(&inner, asks, parts).await;
    let response = match decision {
        Ok(Some(admitted)) => passport(&admitted, &question.head.headers, &ctx.site.config)?,
        Ok(None) => {
            parts.event.end(Effect::Redirect, "verify.passes_now", StatusCode::TEMPORARY_REDIRECT);
            let again = response::redirect(StatusCode::TEMPORARY_REDIRECT, &question.head.url);
            again.ok_or(Reason::Internal("internal.location_unwritable"))?
        }
        Err(refused) if asks == Asks::Whether && question.dialect == Dialect::Original => {
            in_few_words(refusal(&inner, refused, parts))
        }
        Err(refused) => refusal(&inner, refused, parts),
    };
    parts.event.status = response.status.as_u16();
    Ok(response)
}

/// What both doors say: the request that they let through, or nothing, where only the reason is asked for and there is none.
async fn decided<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asks: Asks,
    parts: &mut ResponseParts,
) -> Result<Option<AdmittedRequest>, Refused> {
    let (path, matched) = rule(ctx, parts)?;
    match asks {
        Asks::Whether => decide::enter(ctx, &path, &matched, parts).await.map(Some),
        Asks::Why => decide::explain(ctx, &path, &matched, parts).await.map(|()| None),
    }
}

/// The request that is asked about, where the proxy may ask.
fn asked<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asks: Asks,
    parts: &mut ResponseParts,
) -> Result<ForwardedRequest, Reason> {
    let Some(verify) = &ctx.site.config.verify else { return Err(Reason::NoRoute) };
    parts.event.via = Some(match asks {
        Asks::Whether => "verify",
        Asks::Why => "refusal",
    });
    ctx.request.allow_methods(&[Method::GET])?;
    match ctx.request.head.header(SECRET) {
        Some(secret) if verify.knows(secret) => {}
        None if !ctx.request.head.headers.contains_key(SECRET) => {
            return Err(Reason::Verify(ForwardAuthError::NoSecret));
        }
        _ => return Err(Reason::Verify(ForwardAuthError::WrongSecret)),
    }
    let question = ForwardedRequest::read(ctx.request.head, &ctx.site.config.public_url)?;
    parts.event.instead(question.head.method.as_str(), question.head.target().path, &question.head.peer);
    Ok(question)
}

/// The request's one meaning, and its rule: as for any other.
fn rule<'a, P: Platform>(
    ctx: &RequestContext<'a, P>,
    parts: &mut ResponseParts,
) -> Result<(CanonicalPath, Matched<'a>), Reason> {
    let path = ctx.enter()?;
    let matched = decide::route(ctx, &path, parts)?;
    Ok((path, matched))
}

/// Leave to pass, with the headers that the upstream is to get in place of those of `asked`, as it would from us: who it
/// is, cookies without ours, and a credential where it is for the upstream. Using it up is all that can be done with an [`AdmittedRequest`].
fn passport(admitted: &AdmittedRequest, asked: &HeaderMap, config: &Config) -> Result<Response, Reason> {
    let mut lines = admitted.principal.as_ref().map(identity).transpose()?.unwrap_or_default();
    lines.push(("cookie", cookie::without_ours(asked)));
    // Where nobody is asked who they are, what the caller shows is not for us; but what was made here is.
    let shown = asked.get(header::AUTHORIZATION).filter(|_| admitted.principal.is_none());
    lines.push(("authorization", shown.filter(|value| !holds_secret(value, config.secret_prefix())).cloned()));
    let mut response = Response::empty(StatusCode::NO_CONTENT);
    for (name, value) in lines.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        response.headers.insert(HeaderName::from_static(name), value);
    }
    admitted.identity.add_to(&mut response.headers);
    // For a Worker that asks: what a browser says under these names goes no further, also where nothing is said in its place.
    let ours: Vec<&str> = config.claim_headers.iter().map(HeaderName::as_str).collect();
    if let Ok(names) = HeaderValue::try_from(ours.join(", "))
        && !ours.is_empty()
    {
        response.headers.insert(HeaderName::from_static("x-postern-headers"), names);
    }
    Ok(response)
}

/// Who it is. A name that cannot stand in a header as it is names nobody: without it, or cut to fit, it would name another.
fn identity(principal: &Principal) -> Result<Vec<(&'static str, Option<HeaderValue>)>, Reason> {
    let actor = principal.actors().first().map(|actor| actor.subject.as_str());
    let owner = principal.owner();
    let email = principal.claims().get("email").and_then(|email| email.as_str());
    let verified = is_believed(principal.claims(), "email");
    let scopes = principal.scopes().join(" ");
    let lines = [
        ("x-postern-issuer", Some(principal.issuer()), true),
        ("x-postern-subject", Some(principal.subject()), true),
        ("x-postern-kind", Some(principal.kind().as_str()), true),
        ("x-postern-provider", principal.provider(), true),
        ("x-postern-client", principal.client_id(), true),
        ("x-postern-actor", actor, true),
        ("x-postern-key", principal.key_id(), true),
        ("x-postern-owner", owner.map(|owner| &*owner.subject), true),
        ("x-postern-owner-issuer", owner.map(|owner| &*owner.issuer), true),
        ("x-postern-email", email.filter(|_| verified), false),
        ("x-postern-scopes", Some(scopes.as_str()), false),
    ];
    let written = lines.into_iter().map(|(name, value, is_name)| match (value, value.and_then(written)) {
        (Some(_), None) if is_name => Err(Reason::Internal("internal.identity_unwritable")),
        (_, value) => Ok((name, value)),
    });
    written.collect()
}

/// A value that reads the same on the other side: HTTP takes white space off its ends (RFC 9110 §5.5).
fn written(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    HeaderValue::from_str(text).ok().filter(|_| plain && !text.is_empty() && text.trim() == text)
}

/// The answer to the caller. It is never 2xx, which would be leave to pass: a page of ours that leads on comes as a 401.
fn refusal<P: Platform>(ctx: &RequestContext<'_, P>, refused: Refused, parts: &mut ResponseParts) -> Response {
    let challenged = guard::challenge(ctx, refused, parts);
    let mut response = challenged.unwrap_or_else(|refused| ctx.refuse(&refused, parts));
    if response.status.is_success() {
        response.status = StatusCode::UNAUTHORIZED;
    }
    // Traefik takes a relative one for a place on the host where it asked.
    let path = response.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = path.filter(|path| path.starts_with('/')).map(|path| ctx.site.config.public_url.join(path));
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        response.headers.insert(header::LOCATION, location);
    }
    response
}

/// nginx's `auth_request` knows two refusals: who are you, and no.
fn in_few_words(mut response: Response) -> Response {
    let unknown = response.status == StatusCode::UNAUTHORIZED || response.status.is_redirection();
    response.status = if unknown { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
    response
}
