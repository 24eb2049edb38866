//! The pages and documents by which somebody decides.

use serde_json::{Value, json};

use super::{PAGE, order, party, public_id, sign};
use crate::agent::approval::{
    Approval, ApprovalCommand, ApprovalReply, ApprovalState, ApprovalVerdict, Decided, Party,
};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::audit::{Effect, What};
use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Principal};
use crate::authz::origin;
use crate::gateway::account::api_keys::{Recency, recency_within};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::second_factor;
use crate::gateway::{Platform, guard, response};
use crate::http::{HeaderValue, Method, Response, StatusCode, essence, header};
use crate::json::parse_object;
use crate::pages;
use crate::pages::approvals::{Deciding, Shown};
use crate::ports::{RequestBody, StoreError};
use crate::refusal::{ApprovalRefusal, Reason};
use crate::route::Route;
use crate::session::SubjectKey;
use crate::time::Seconds;

/// How recently whoever decides must have signed in.
const MAX_AGE: Seconds = Seconds::minutes(15);
const MAX_BYTES: usize = 256;

/// `GET /auth/approvals`: what waits for the person, and what was decided lately.
pub(crate) async fn all<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    exists(ctx)?;
    parts.event.event = What::ApprovalList;
    ctx.request.allow_methods(&[Method::GET])?;
    // A program that watches the list is nobody's presence.
    let wants = Wants { touch: ctx.request.request_kind.is_navigation(), access_token: false, staleness: None };
    let person = match ctx.authenticate(wants, parts).await {
        Ok(Authenticated { principal, .. }) => principal,
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let subject = SubjectKey::of(person.issuer(), person.subject());
    let ApprovalReply::All(approvals) = order(ctx, &subject, ApprovalCommand::List).await? else {
        return Err(Reason::Store(StoreError::Malformed).into());
    };
    let response = if ctx.request.request_kind.is_navigation() {
        response::html(StatusCode::OK, pages::approvals::render_all(&ctx.view(), &approvals))
    } else {
        let all: Vec<Value> = approvals.iter().map(|one| as_json(ctx, one)).collect();
        response::json(StatusCode::OK, &json!({ "approvals": all }))
    };
    parts.event.end(Effect::Allow, "approval.listed", response.status);
    Ok(response)
}

/// `GET` and `POST /auth/approvals/{id}`, `GET /auth/approvals/{id}/receipt`.
pub(crate) async fn one<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::ApprovalRead;
    let (link, wants_receipt) = match rest.strip_suffix("/receipt") {
        Some(link) => (link, true),
        None => (rest, false),
    };
    let handle = handle(ctx, link)?;
    let decides = ctx.request.head.method == Method::POST && !wants_receipt;
    ctx.request.allow_methods(if wants_receipt { &[Method::GET] } else { &[Method::GET, Method::POST] })?;
    let touch = decides || ctx.request.request_kind.is_navigation();
    let person = match ctx.authenticate(Wants { touch, access_token: false, staleness: None }, parts).await {
        Ok(Authenticated { principal, .. }) => principal,
        Err(reason) if decides => return Err(reason.into()),
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let id = handle.id.digest().as_str().to_owned();
    parts.event.approval = Some(public_id(&id));
    let ApprovalReply::Found(approval) = order(ctx, &handle.subject, ApprovalCommand::Read { id }).await? else {
        return Err(Reason::Approval(ApprovalRefusal::Unknown).into());
    };
    let who = party(&person);
    let may_decide = approval.may_be_decided_by(&who, person.roles()) && is_of_route(ctx, &approval, &person);
    let has_decided = approval.given().is_some_and(|given| given.by.is(&who));
    if !may_decide && !has_decided && !approval.person.is(&who) {
        return Err(Reason::Approval(ApprovalRefusal::NotApprover).into());
    }
    if wants_receipt {
        return Ok(receipt_of(ctx, &approval, parts).await?);
    }
    if decides {
        if !may_decide {
            return Err(Reason::Approval(ApprovalRefusal::NotApprover).into());
        }
        return decide(ctx, (&handle, *approval), (&person, who), body, parts).await;
    }
    let response = show(ctx, &approval, may_decide.then_some(&person));
    parts.event.end(Effect::Allow, "approval.shown", response.status);
    Ok(response)
}

async fn decide<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (handle, approval): (&GrantHandle, Approval),
    (person, by): (&Principal, Party),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let here = format!("{PAGE}/{}", approval.link);
    if let Recency::TooOld { wanted, again } = recency_within(ctx, MAX_AGE, person) {
        let reason = Reason::StepUp(Box::new(wanted));
        if !ctx.request.request_kind.is_navigation() {
            return Err(Refused { sign_in: Some(Box::new(again)), ..reason.into() });
        }
        // The page is opened anew once they have signed in, and they decide then.
        let response = see_other(&again.link_back_to(&here))?;
        parts.event.end(Effect::Redirect, reason.code(), response.status);
        return Ok(response);
    }
    if let Err(refused) = second_factor::require(ctx, person, None) {
        let Some(again) = refused.sign_in.as_ref().filter(|_| ctx.request.request_kind.is_navigation()) else {
            return Err(refused);
        };
        let response = see_other(&again.link_back_to(&here))?;
        parts.event.end(Effect::Redirect, refused.reason.code(), response.status);
        return Ok(response);
    }
    if let Some(proof) = guard::device::prove_first(ctx, person, parts)? {
        return Ok(proof);
    }
    let verdict = read(ctx, body).await?;
    parts.event.event = match verdict {
        ApprovalVerdict::Allow => What::ApprovalGiven,
        ApprovalVerdict::Deny => What::ApprovalDenied,
    };
    parts.event.target = Some(crate::audit::short(&format!("{} {}", approval.call.method, approval.call.name)));
    let decided = Decided { by, at: ctx.request.now, request: ctx.request.id.clone() };
    let command = ApprovalCommand::Decide { id: approval.id, verdict, decided };
    let response = match order(ctx, &handle.subject, command).await? {
        ApprovalReply::Decided(_) if ctx.request.request_kind.is_navigation() => see_other(&here)?,
        ApprovalReply::Decided(approval) => response::json(StatusCode::OK, &as_json(ctx, &approval)),
        ApprovalReply::Found(_) => return Err(Reason::Approval(ApprovalRefusal::Over).into()),
        ApprovalReply::Gone => return Err(Reason::Approval(ApprovalRefusal::Unknown).into()),
        _ => return Err(Reason::Store(StoreError::Malformed).into()),
    };
    parts.event.end(Effect::Allow, "approval.decided", response.status);
    Ok(response)
}

/// Where a route is only for people of some providers, so are its calls: roles that others give decide nothing there.
fn is_of_route<P>(ctx: &RequestContext<'_, P>, approval: &Approval, person: &Principal) -> bool {
    let route = ctx.site.config.routes.routes().iter().find(|route| route.name == approval.call.route);
    let guard = route.and_then(Route::guard);
    guard.is_some_and(|guard| origin::decide(person, &guard.requirements).is_ok())
}

/// `decision`: `allow` or `deny`, in a form of ours or as JSON.
async fn read<P>(ctx: &RequestContext<'_, P>, body: impl RequestBody) -> Result<ApprovalVerdict, Reason> {
    const NAME: &str = "decision";
    let text = body.text(MAX_BYTES).await.map_err(|_| Reason::BadInput("body"))?;
    let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let word = if ctx.request.is_form() {
        let mut members = form_urlencoded::parse(text.as_bytes());
        match (members.next(), members.next()) {
            (Some((name, value)), None) if name == NAME => value.into_owned(),
            _ => return Err(Reason::BadInput(NAME)),
        }
    } else if essence(media_type).eq_ignore_ascii_case("application/json") {
        let members = parse_object(text.as_bytes(), MAX_BYTES).map_err(|_| Reason::BadInput("body"))?;
        let word = members.get(NAME).and_then(Value::as_str).filter(|_| members.len() == 1);
        word.ok_or(Reason::BadInput(NAME))?.to_owned()
    } else {
        return Err(Reason::BadInput("content-type"));
    };
    match word.as_str() {
        "allow" => Ok(ApprovalVerdict::Allow),
        "deny" => Ok(ApprovalVerdict::Deny),
        _ => Err(Reason::BadInput(NAME)),
    }
}

/// `decider`: whoever looks, if they may decide.
fn show<P: Platform>(ctx: &RequestContext<'_, P>, approval: &Approval, decider: Option<&Principal>) -> Response {
    if !ctx.request.request_kind.is_navigation() {
        return response::json(StatusCode::OK, &as_json(ctx, approval));
    }
    let deciding = match decider.filter(|_| approval.is_pending()) {
        None => Deciding::No,
        Some(person) => match recency_within(ctx, MAX_AGE, person) {
            Recency::Recent => Deciding::Yes,
            Recency::TooOld { again, .. } => Deciding::SignIn(again.link_back_to(&format!("{PAGE}/{}", approval.link))),
        },
    };
    response::html(StatusCode::OK, pages::approvals::render_one(&ctx.view(), &Shown { approval, deciding }))
}

async fn receipt_of<P: Platform>(
    ctx: &RequestContext<'_, P>,
    approval: &Approval,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    if approval.given().is_none() {
        return Err(Reason::Approval(ApprovalRefusal::Unknown));
    }
    let signed = sign(ctx, approval).await.ok_or(Reason::Internal("internal.receipt_unsigned"))?;
    let mut response = response::json_text(StatusCode::OK, signed.expose().to_owned());
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    parts.event.end(Effect::Allow, "approval.receipt", response.status);
    Ok(response)
}

/// What an address of ours names; whatever we did not make names nothing.
fn handle<P>(ctx: &RequestContext<'_, P>, link: &str) -> Result<GrantHandle, Reason> {
    let rules = ctx.site.config.agents.as_ref().ok_or(Reason::NoRoute)?;
    let handle = GrantHandle::parse(link, &rules.prefix, &ctx.site.config.keys);
    handle.filter(|handle| handle.kind == HandleKind::Approval).ok_or(Reason::NoRoute)
}

/// Without agents there is nothing here.
fn exists<P>(ctx: &RequestContext<'_, P>) -> Result<(), Reason> {
    if ctx.site.config.agents.is_some() { Ok(()) } else { Err(Reason::NoRoute) }
}

fn see_other(location: &str) -> Result<Response, Reason> {
    response::redirect(StatusCode::SEE_OTHER, location).ok_or(Reason::Internal("internal.location_unwritable"))
}

fn as_json<P>(ctx: &RequestContext<'_, P>, approval: &Approval) -> Value {
    let (state, decided) = match &approval.state {
        ApprovalState::Pending => ("pending", None),
        ApprovalState::Given(decided) => ("allowed", Some(decided)),
        ApprovalState::Denied(decided) => ("denied", Some(decided)),
        ApprovalState::Used { given, .. } => ("used", Some(given)),
    };
    let url = ctx.site.config.public_url.join(&format!("{PAGE}/{}", approval.link));
    let mut object = json!({
        "url": url,
        "state": state,
        "client": approval.client,
        "client_name": approval.client_name,
        "route": approval.call.route,
        "method": approval.call.method,
        "name": approval.call.name,
        "hash": approval.call.hash,
        "params": approval.call.params,
        "asked_at": approval.asked_at,
        "until": approval.until,
        "decided_at": decided.map(|decided| decided.at),
    });
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}
