//! A person renames or removes a factor, or makes new recovery codes.

use serde_json::json;

use super::input::Input;
use super::notices::{self, Told};
use super::way::{self, Way};
use super::{caller, listing, outcome, see_other};
use crate::audit::{Effect, What};
use crate::config::SecondRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::session::second::{SecondCommand, SecondReply};

/// `POST /auth/second/{id}/remove`
pub(super) async fn remove<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, id): (&SecondRules, &str),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorRemoved;
    ctx.request.allow_methods(&[Method::POST])?;
    let caller = caller::own(ctx, true, parts).await?;
    let command = SecondCommand::Remove { session: caller.session(), id: id.to_owned(), within: rules.enrol_within };
    let removed = match caller::order(ctx, &caller, command).await? {
        SecondReply::Removed(removed) => removed,
        other => return outcome::not_done(ctx, (&caller, rules), other, &Way::default(), parts),
    };
    parts.event.detail = Some(outcome::named(&removed));
    notices::tell(ctx, &Told::of(&caller.person), "factor.removed", [Some(&removed), None]);
    done(ctx, &json!({ "removed": listing::as_json(&removed) }), "second.removed", parts)
}

/// `POST /auth/second/{id}/name`
pub(super) async fn rename<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, id): (&SecondRules, &str),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::FactorRenamed;
    ctx.request.allow_methods(&[Method::POST])?;
    let caller = caller::own(ctx, true, parts).await?;
    let name = Input::read(ctx, body).await?.name.ok_or(Reason::BadInput("name"))?;
    let command = SecondCommand::Rename { session: caller.session(), id: id.to_owned(), name };
    match caller::order(ctx, &caller, command).await? {
        SecondReply::Renamed => {}
        other => return outcome::not_done(ctx, (&caller, rules), other, &Way::default(), parts),
    }
    parts.event.detail = Some(id.to_owned());
    done(ctx, &json!({ "renamed": id }), "second.renamed", parts)
}

/// `POST /auth/second/recovery`
pub(super) async fn new_codes<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &SecondRules,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::RecoveryMade;
    ctx.request.allow_methods(&[Method::POST])?;
    let caller = caller::own(ctx, true, parts).await?;
    let command = SecondCommand::NewRecoveryCodes { session: caller.session(), within: rules.enrol_within };
    let codes = match caller::order(ctx, &caller, command).await? {
        SecondReply::Codes(codes) => codes,
        other => return outcome::not_done(ctx, (&caller, rules), other, &Way::default(), parts),
    };
    notices::tell(ctx, &Told::of(&caller.person), "recovery.made", [None, None]);
    let response = if ctx.request.request_kind.is_navigation() {
        outcome::codes_page(ctx, &codes, &Way::default())
    } else {
        response::json(StatusCode::OK, &json!({ "recovery_codes": codes.expose().collect::<Vec<_>>() }))
    };
    parts.event.end(Effect::Allow, "second.codes_made", response.status);
    Ok(response)
}

fn done<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: &serde_json::Value,
    reason: &'static str,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let response = if ctx.request.request_kind.is_navigation() {
        see_other(way::PAGE)?
    } else {
        response::json(StatusCode::OK, body)
    };
    parts.event.end(Effect::Allow, reason, response.status);
    Ok(response)
}
