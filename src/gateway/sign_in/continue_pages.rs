//! Pages on the way to somewhere else.

use super::link::SignIn;
use crate::audit::{Effect, What};
use crate::authn::session_cookie::Wants;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode, csrf};
use crate::oidc::return_to::{ReturnTo, SIGNED_IN};
use crate::pages;
use crate::pages::unsent::WhyUnsent;
use crate::refusal::Reason;

/// `GET /auth/signed-in`: for who signed in here to go on in another tab.
pub(crate) async fn signed_in<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET])?;
    ctx.authenticate(Wants { touch: false, access_token: false, staleness: None }, parts).await?;
    parts.event.end(Effect::Allow, "own.page", StatusCode::OK);
    Ok(response::html(StatusCode::OK, pages::signed_in::render(&ctx.view())))
}

/// `GET /auth/continue?to=`: on to a page of this origin, fragment included. Where that leads is held to the
/// same as `return_to`.
pub(crate) fn go_on<P: Platform>(ctx: &RequestContext<'_, P>) -> Response {
    let query = ctx.request.target.query.unwrap_or_default();
    let to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "to");
    let to = to.and_then(|(_, path)| ReturnTo::parse_nearest(&path, &ctx.site.config.public_url));
    let to = to.unwrap_or_else(ReturnTo::start);
    response::html(StatusCode::OK, pages::forward::go_on(&ctx.view(), to.as_str()))
}

/// A form by who is not signed in any more: refused, but not lost. Only for forms of our own pages: to send
/// another site's again from here would make it ours.
///
/// # Errors
/// With the refusal, where it is no such form.
pub(crate) fn unsent<P: Platform>(
    ctx: &RequestContext<'_, P>,
    refused: Refused,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if ctx.request.head.method != Method::POST
        || csrf::check(ctx.request.head, &ctx.site.config.public_url, None).is_err()
    {
        return Err(refused);
    }
    let refusal = ctx.refuse(&refused, parts);
    let (why, login) = match refused.reason {
        Reason::StepUp(ref wanted) if wanted.shortfall.is_of_second() => (WhyUnsent::Second, SignIn::second()),
        Reason::StepUp(_) => (WhyUnsent::StepUp, refused.sign_in.map(|sign_in| *sign_in).unwrap_or_default()),
        _ => (WhyUnsent::SignedOut, SignIn::default()),
    };
    let login = login.link_back_to(SIGNED_IN);
    let page = pages::unsent::render(&ctx.view(), &ctx.request.id, why, &login);
    let page = response::html(refusal.status, page);
    // Status and challenge as ever, with a page that says more.
    let mut headers = refusal.headers;
    headers.extend(page.headers);
    Ok(Response { status: refusal.status, headers, body: page.body })
}
