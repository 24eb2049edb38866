//! What a person presents → what their object says of it, and what they see then.

use serde_json::{Value, json};

use super::caller::{self, FactorOwner};
use super::notices::{self, Told};
use super::standing::{self, Need};
use super::way::{self, Way};
use super::{listing, see_other};
use crate::audit::{Effect, What};
use crate::config::SecondRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, bound, response};
use crate::http::{Response, StatusCode, header};
use crate::pages;
use crate::ports::StoreError;
use crate::refusal::{Reason, SecondError};
use crate::session::second::{
    Enrol, Enrolled, ListedFactor, NewFactor, Presented, Prove, Proven, RecoveryCodes, SecondCommand, SecondMethod,
    SecondRefusal, SecondReply,
};
use crate::time::Timestamp;

/// A factor to be added.
pub(super) struct Enrolment {
    pub(super) factor: NewFactor,
    pub(super) name: String,
    pub(super) back: Way,
}

/// Adds a factor: the page with recovery codes, or with the list. Where something has to be done first, a person is led there.
///
/// # Errors
/// When it is not added.
pub(super) async fn enrol<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    Enrolment { factor, name, back }: Enrolment,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let (handle, rotation) = caller.rotation(ctx);
    let command = Enrol { rotation, factor, name, enrol_within: rules.enrol_within };
    let enrolled = match caller::order(ctx, caller, SecondCommand::Enrol(Box::new(command))).await? {
        SecondReply::Enrolled(enrolled) => enrolled,
        other => return not_done(ctx, (caller, rules), other, &back, parts),
    };
    caller::moved(ctx, &handle, parts)?;
    parts.event.event = What::FactorEnrolled;
    let Enrolled { factor, recovery, replaced } = *enrolled;
    parts.event.detail = Some(match &replaced {
        Some(replaced) => format!("{}, in the place of {}", named(&factor), named(replaced)),
        None => named(&factor),
    });
    notices::tell(ctx, &Told::of(&caller.person), "factor.enrolled", [Some(&factor), replaced.as_ref()]);
    let mut body = json!({ "factor": listing::as_json(&factor) });
    if let (Some(codes), Some(members)) = (&recovery, body.as_object_mut()) {
        members.insert("recovery_codes".to_owned(), codes.expose().collect());
    }
    let response = match (&recovery, ctx.request.request_kind.is_navigation()) {
        (_, false) => response::json(StatusCode::CREATED, &body),
        (Some(codes), true) => codes_page(ctx, codes, &back),
        (None, true) => see_other(back.said().unwrap_or(way::PAGE))?,
    };
    parts.event.end(Effect::Allow, "second.enrolled", response.status);
    Ok(response)
}

/// Looks at a proof: the session goes on under a new id, and the person where they wanted to.
///
/// # Errors
/// When it is none.
pub(super) async fn prove<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    (presented, back): (Presented, &Way),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let (handle, rotation) = caller.rotation(ctx);
    let command = SecondCommand::Prove(Box::new(Prove { rotation, presented }));
    let proven = match caller::order(ctx, caller, command).await? {
        SecondReply::Proven(proven) => *proven,
        other => return not_done(ctx, (caller, rules), other, back, parts),
    };
    caller::moved(ctx, &handle, parts)?;
    let is_factor = proven.by.is_a_factor();
    parts.event.event = if is_factor { What::FactorUsed } else { What::RecoveryUsed };
    parts.event.detail = proven.factor.as_ref().map(named);
    if !is_factor {
        parts.event.ended = Some(proven.ended);
        notices::tell(ctx, &Told::of(&caller.person), "recovery.used", [None, None]);
    }
    let response = if ctx.request.request_kind.is_navigation() {
        super::loop_guard::note(ctx, back, parts)?;
        // A recovery code opens nothing but the way to a new factor.
        if is_factor { see_other(back.onward())? } else { see_other(&back.to_factors())? }
    } else {
        response::json(StatusCode::OK, &proven_json(&proven, ctx.request.now))
    };
    parts.event.end(Effect::Allow, "second.proven", response.status);
    Ok(if is_factor { bound::offer_proven(ctx, (&caller.person, &handle), response) } else { response })
}

/// Nothing was changed: why, and for a person the way to what is missing.
pub(super) fn not_done<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (caller, rules): (&FactorOwner, &SecondRules),
    reply: SecondReply,
    back: &Way,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let refusal = match reply {
        SecondReply::Refused(refusal) => refusal,
        SecondReply::Wrong { locked_until } => {
            parts.event.event = if locked_until.is_some() { What::FactorLocked } else { What::FactorFailed };
            return Err(Reason::Second(SecondError::WrongCode).into());
        }
        SecondReply::Locked { until } => {
            parts.event.event = What::FactorFailed;
            return Err(Reason::Second(SecondError::Locked(until.since(ctx.request.now))).into());
        }
        _ => return Err(Reason::Store(StoreError::Malformed).into()),
    };
    match refusal {
        SecondRefusal::CountWentBack => parts.event.event = What::FactorCloned,
        SecondRefusal::BackupChanged => parts.event.event = What::FactorFailed,
        _ => {}
    }
    let need = match refusal {
        SecondRefusal::SignInNeeded => Need::SignIn,
        SecondRefusal::ProofNeeded | SecondRefusal::OtherProofNeeded => Need::Proof,
        _ => Need::Nothing,
    };
    let link = standing::link(ctx, (caller, rules), need, back);
    match link.filter(|_| ctx.request.request_kind.is_navigation()) {
        Some(link) => {
            let response = see_other(&link)?;
            parts.event.end(Effect::Redirect, SecondError::Refused(refusal).code(), response.status);
            Ok(response)
        }
        None => Err(standing::refused(ctx, (caller, rules), refusal)),
    }
}

/// The one answer with recovery codes.
pub(super) fn codes_page<P: Platform>(ctx: &RequestContext<'_, P>, codes: &RecoveryCodes, back: &Way) -> Response {
    let codes: Vec<&str> = codes.expose().collect();
    let next = back.said().unwrap_or(way::PAGE);
    response::html(StatusCode::OK, pages::second::codes::render(&ctx.view(), &codes, next))
}

/// A factor in the log: its kind and id, never its name.
pub(super) fn named(factor: &ListedFactor) -> String {
    format!("{} {}", listing::kind(factor.kind), factor.id)
}

fn proven_json(proven: &Proven, now: Timestamp) -> Value {
    json!({
        "second": { "at": now, "by": method(proven.by) },
        "recovery_left": proven.recovery_left,
        "ended": proven.ended,
    })
}

/// How a factor was proven, for programs.
pub(crate) const fn method(by: SecondMethod) -> &'static str {
    match by {
        SecondMethod::Passkey { .. } => "passkey",
        SecondMethod::Totp => "totp",
        SecondMethod::Recovery => "recovery",
    }
}

/// Whether a refusal is about a code that was typed, so that the form can be shown once more.
pub(super) fn is_about_code(refused: &Refused) -> Option<pages::second::CodeFault> {
    match refused.reason {
        Reason::Second(SecondError::WrongCode) => Some(pages::second::CodeFault::Wrong),
        Reason::Second(SecondError::Locked(wait)) => Some(pages::second::CodeFault::Locked(wait)),
        Reason::Second(SecondError::Refused(SecondRefusal::NotThere)) => Some(pages::second::CodeFault::Wrong),
        _ => None,
    }
}

/// The form once more, with the status and the headers of the refusal, which the log has.
pub(super) fn once_more<P: Platform>(
    ctx: &RequestContext<'_, P>,
    refused: Refused,
    page: Response,
    parts: &mut ResponseParts,
) -> Response {
    let refusal = ctx.refuse(&refused, parts);
    let mut response = Response { status: refusal.status, ..page };
    if let Some(wait) = refusal.headers.get(header::RETRY_AFTER) {
        response.headers.insert(header::RETRY_AFTER, wait.clone());
    }
    response
}
