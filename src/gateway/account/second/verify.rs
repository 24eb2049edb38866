//! `/auth/second/verify`: a person proves a factor, and goes on where they wanted to.

use serde_json::json;

use super::caller::{self, FactorOwner};
use super::input::Input;
use super::way::Way;
use super::{loop_guard, outcome, see_other};
use crate::audit::{Effect, What};
use crate::config::SecondRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::pages;
use crate::pages::second::CodeFault;
use crate::pages::second::verify::Asked;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::session::second::{FactorKind, FactorList, Presented};
use crate::time::{Seconds, Timestamp};

/// Which kind of code comes with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeKind {
    Totp,
    Recovery,
}

/// `GET`: what can be used. A person who has nothing yet is led to where they add it.
pub(super) async fn show<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorAsked;
    ctx.request.allow_methods(&[Method::GET])?;
    let is_navigation = ctx.request.request_kind.is_navigation();
    let caller = match caller::own(ctx, is_navigation, parts).await {
        Ok(caller) => caller,
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let back = Way::of_query(ctx.request.target.query, &ctx.site.config.public_url);
    let list = caller::factors(ctx, &caller).await?;
    if !is_navigation {
        parts.event.end(Effect::Allow, "second.asked", StatusCode::OK);
        return Ok(response::json(StatusCode::OK, &json!({ "methods": methods(&list) })));
    }
    if list.factors.is_empty() {
        let response = see_other(&back.to_factors())?;
        parts.event.end(Effect::Redirect, "second.none", response.status);
        return Ok(response);
    }
    loop_guard::check(ctx, &back)?;
    let response = page(ctx, &list, &back, None);
    parts.event.end(Effect::Allow, "second.asked", response.status);
    Ok(response)
}

/// `POST …/totp` and `…/recovery`: a code.
pub(super) async fn code<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, kind): (&SecondRules, CodeKind),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = if kind == CodeKind::Totp { What::FactorUsed } else { What::RecoveryUsed };
    ctx.request.allow_methods(&[Method::POST])?;
    let caller = caller::own(ctx, true, parts).await?;
    let Input { code, back, .. } = Input::read(ctx, body).await?;
    let code = code.ok_or(Reason::BadInput("code"))?;
    let presented = match kind {
        CodeKind::Totp => Presented::Totp { code },
        CodeKind::Recovery => Presented::Recovery { code },
    };
    match outcome::prove(ctx, (&caller, rules), (presented, &back), parts).await {
        Ok(response) => Ok(response),
        Err(refused) => ask_again(ctx, &caller, (refused, &back), parts).await,
    }
}

/// After a code that was not good, a person sees the form once more.
async fn ask_again<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    (refused, back): (Refused, &Way),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let fault = outcome::is_about_code(&refused).filter(|_| ctx.request.request_kind.is_navigation());
    let Some(fault) = fault else { return Err(refused) };
    let list = caller::factors(ctx, caller).await?;
    let page = page(ctx, &list, back, Some(fault));
    Ok(outcome::once_more(ctx, refused, page, parts))
}

fn page<P: Platform>(ctx: &RequestContext<'_, P>, list: &FactorList, back: &Way, fault: Option<CodeFault>) -> Response {
    let now = ctx.request.now;
    let asked = Asked {
        passkey: list.has(FactorKind::Passkey),
        totp: list.has(FactorKind::Totp).then(|| wait(list.totp_locked_until, now)),
        recovery: (list.recovery_left > 0).then(|| wait(list.recovery_locked_until, now)),
        fault,
        back: back.said(),
    };
    response::html(StatusCode::OK, pages::second::verify::render(&ctx.view(), &asked))
}

fn wait(until: Option<Timestamp>, now: Timestamp) -> Option<Seconds> {
    until.filter(|until| now < *until).map(|until| until.since(now))
}

fn methods(list: &FactorList) -> Vec<&'static str> {
    let of = |is_there: bool, name: &'static str| is_there.then_some(name);
    let all = [
        of(list.has(FactorKind::Passkey), "passkey"),
        of(list.has(FactorKind::Totp), "totp"),
        of(list.recovery_left > 0, "recovery"),
    ];
    all.into_iter().flatten().collect()
}
