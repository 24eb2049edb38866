//! `POST /auth/second/totp/{begin,finish}`: an app that makes codes is added. Between the two steps nothing is kept here: the
//! form has the secret, sealed for the session.

use serde_json::json;

use super::caller::{self, FactorOwner};
use super::input::Input;
use super::outcome::{self, Enrolment};
use super::see_other;
use super::standing::{self, Need};
use super::way::Way;
use crate::audit::{Effect, What};
use crate::config::{OfferedFactor, SecondRules};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::pages;
use crate::pages::second::CodeFault;
use crate::pages::second::totp::NewApp;
use crate::ports::RequestBody;
use crate::refusal::{Reason, SecondError};
use crate::secret::Secret;
use crate::session::second::{NewFactor, PendingTotp, SecondRefusal, TotpSecret};

/// A new secret, which counts once it is confirmed.
pub(super) async fn begin<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorBegun;
    let (caller, input) = read(ctx, rules, body, parts).await?;
    let list = caller::factors(ctx, &caller).await?;
    let refusal = match standing::before_enrolling(&caller, rules, &list, ctx.request.now) {
        Need::Nothing => None,
        Need::SignIn => Some(SecondRefusal::SignInNeeded),
        Need::Proof => Some(SecondRefusal::ProofNeeded),
    };
    if let Some(refusal) = refusal {
        let refused = crate::session::second::SecondReply::Refused(refusal);
        return outcome::not_done(ctx, (&caller, rules), refused, &input.back, parts);
    }
    let (keys, random) = (&ctx.site.config.keys, ctx.platform.random());
    let pending = PendingTotp::begin(keys, random, &caller.session(), ctx.request.now)
        .ok_or(Reason::Internal("internal.unsealable"))?;
    let response = if ctx.request.request_kind.is_navigation() {
        let shown = Shown { secret: &pending.secret, sealed: &pending.sealed, name: "", back: &input.back };
        page(ctx, &caller, &shown, None)
    } else {
        let body = json!({
            "secret": pending.secret.to_base32().expose(),
            "uri": uri(ctx, &caller, &pending.secret).expose(),
            "pending": pending.sealed,
        });
        response::json(StatusCode::OK, &body)
    };
    parts.event.end(Effect::Allow, "second.begun", response.status);
    Ok(response)
}

/// It is confirmed by a code.
pub(super) async fn finish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorEnrolled;
    let (caller, input) = read(ctx, rules, body, parts).await?;
    if let Some(proof) = guard::device::prove_first(ctx, &caller.person, parts)? {
        return Ok(proof);
    }
    let Input { code, name, pending, back, .. } = input;
    let (sealed, code) = (pending.ok_or(Reason::BadInput("pending"))?, code.ok_or(Reason::BadInput("code"))?);
    let name = name.unwrap_or_default();
    let opened = PendingTotp::open(&ctx.site.config.keys, &sealed, &caller.session(), ctx.request.now);
    let Some(secret) = opened else { return over(ctx, &back, parts) };
    let enrolment =
        Enrolment { factor: NewFactor::Totp { secret: secret.clone(), code }, name: name.clone(), back: back.clone() };
    let refused = match outcome::enrol(ctx, (&caller, rules), enrolment, parts).await {
        Ok(response) => return Ok(response),
        Err(refused) => refused,
    };
    let fault = outcome::is_about_code(&refused).filter(|_| ctx.request.request_kind.is_navigation());
    let Some(fault) = fault else { return Err(refused) };
    let shown = Shown { secret: &secret, sealed: &sealed, name: &name, back: &back };
    let page = page(ctx, &caller, &shown, Some(fault));
    Ok(outcome::once_more(ctx, refused, page, parts))
}

/// Who asks, and what; where the site offers no such factors, nobody.
async fn read<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<(FactorOwner, Input), Refused> {
    ctx.request.allow_methods(&[Method::POST])?;
    if !rules.offers(OfferedFactor::Totp) {
        return Err(Reason::Second(SecondError::NotOffered).into());
    }
    let caller = caller::own(ctx, true, parts).await?;
    Ok((caller, Input::read(ctx, body).await?))
}

/// What a form brought back counts no more: of another session, too old, or used. A person sees by the list how it is.
fn over<P: Platform>(ctx: &RequestContext<'_, P>, back: &Way, parts: &mut ResponseParts) -> Result<Response, Refused> {
    let error = SecondError::PendingOver;
    if !ctx.request.request_kind.is_navigation() {
        return Err(Reason::Second(error).into());
    }
    let response = see_other(&back.to_factors())?;
    parts.event.end(Effect::Redirect, error.code(), response.status);
    Ok(response)
}

struct Shown<'a> {
    secret: &'a TotpSecret,
    sealed: &'a str,
    name: &'a str,
    back: &'a Way,
}

fn page<P: Platform>(
    ctx: &RequestContext<'_, P>,
    caller: &FactorOwner,
    shown: &Shown<'_>,
    fault: Option<CodeFault>,
) -> Response {
    let (uri, secret) = (uri(ctx, caller, shown.secret), shown.secret.to_base32());
    let app =
        NewApp { uri: &uri, secret: &secret, pending: shown.sealed, name: shown.name, back: shown.back.said(), fault };
    response::html(StatusCode::OK, pages::second::totp::render(&ctx.view(), &app))
}

/// By what the app tells this secret from others: the site, and what the person is called there.
fn uri<P: Platform>(ctx: &RequestContext<'_, P>, caller: &FactorOwner, secret: &TotpSecret) -> Secret<String> {
    let config = &ctx.site.config;
    let site = config.pages.name.as_deref().unwrap_or_else(|| config.public_url.host());
    let claims = caller.person.claims();
    let said = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    let account = said("email").or_else(|| said("preferred_username")).or_else(|| said("name"));
    secret.to_uri(site, account.unwrap_or_else(|| caller.person.subject()))
}
