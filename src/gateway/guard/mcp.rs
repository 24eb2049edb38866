//! A route with a server of the Model Context Protocol behind it: the body is read first, for it says what is asked for.
//! Both doors decide by it, and the upstream gets the very same bytes.

use serde_json::Value;

use super::{challenge, decide, forward};
use crate::audit::{Effect, McpFacts};
use crate::authn::Principal;
use crate::gateway::agents::approvals::{self, ApprovalAnswer, Wanted};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Disposition, Platform, cold, response};
use crate::http::cors::CorsGrant;
use crate::http::{HeaderName, HeaderValue, Method, RequestHead, Response, StatusCode, essence, header};
use crate::mcp::version::{self, Era};
use crate::mcp::{ListFilter, McpCall, McpError, McpMessage, McpRules, headers};
use crate::ports::{BodyError, RequestBody};
use crate::refusal::{ApprovalRefusal, Reason};
use crate::route::{CanonicalPath, Matched};
use crate::upstream::{Assertion, ForwardPlan};

/// Finds out what is asked for, and lets it through, or not.
pub(super) async fn pass<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    matched: Matched<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Disposition, Refused> {
    let Some(rules) = matched.route.mcp.clone() else { return Err(Reason::Internal("internal.no_mcp_rules").into()) };
    refuse_foreign_page(ctx, parts)?;
    let (era, body, message) = match read(ctx.request.head, &rules, body).await {
        Ok(read) => read,
        Err(unread) => return Ok(Disposition::Respond(unread.refuse(parts))),
    };
    parts.event.mcp = message.as_ref().map(McpFacts::of);
    let needs = message.as_ref().map_or(Some(Vec::new()), |message| rules.needed_by(message));
    let route = matched.route.needing(needs.as_deref().unwrap_or_default());
    let call = McpCall { message, needs };
    let matched = Matched { route: &route, params: matched.params, call: Some(&call) };
    match forward(ctx, path, &matched, parts).await {
        Ok((mut plan, principal, counted)) => {
            let wanting = call.message.as_ref().filter(|message| rules.wants_approval(message));
            let mut body = body;
            if let Some(message) = wanting {
                // What answers us is no part of the call that somebody allows, nor of what the upstream gets.
                let left = approvals::without_answers(ctx, &body);
                let is_declined = left.is_some() && approvals::is_declined(&message.params);
                body = left.unwrap_or(body);
                let asking = Asking { era, rules: &rules, message, body: &body, is_declined };
                match cold(approve(ctx, &matched, principal.as_ref(), asking, parts)).await? {
                    Approved::Given(receipt) => plan.add_receipt(&receipt),
                    Approved::Waits(response) => return Ok(Disposition::Respond(response)),
                }
            }
            if era == Era::Legacy {
                forget_repeated(&mut plan);
            }
            plan.body = Some(body);
            match decide::spend(ctx, &matched, counted).await {
                Ok(()) => Ok(Disposition::Forward(Box::new(plan))),
                Err(refused) => challenge(ctx, refused, parts).map(Disposition::Respond),
            }
        }
        Err(refused) => challenge(ctx, refused, parts).map(Disposition::Respond),
    }
}

/// A message that somebody has to allow.
struct Asking<'a> {
    era: Era,
    rules: &'a McpRules,
    message: &'a McpMessage,
    body: &'a str,
    /// Whether the client was asked, and the person did not want to see the address.
    is_declined: bool,
}

/// What becomes of it.
enum Approved {
    Given(Assertion),
    /// Somebody is asked; the client learns where.
    Waits(Response),
}

/// The last thing before a message goes on, for it uses the approval up.
async fn approve<P: Platform>(
    ctx: &RequestContext<'_, P>,
    matched: &Matched<'_>,
    principal: Option<&Principal>,
    asking: Asking<'_>,
    parts: &mut ResponseParts,
) -> Result<Approved, Reason> {
    let Asking { era, rules, message, body, is_declined } = asking;
    let principal = principal.ok_or(Reason::Approval(ApprovalRefusal::NoGrant))?;
    let wanted = Wanted {
        route: &matched.route.name,
        method: &message.method,
        name: message.name().unwrap_or_default(),
        body,
        approvers: rules.approvers.as_deref(),
        // Whoever answers the upstream keeps that answer: one to us would take its place. And nobody is shown again what they
        // did not want to see.
        elicits_url: era == Era::Modern
            && !is_declined
            && message.id().is_some()
            && elicits_url(message)
            && !approvals::answers_upstream(body),
    };
    match approvals::required(ctx, principal, wanted, parts).await? {
        ApprovalAnswer::Granted(receipt) => Ok(Approved::Given(receipt)),
        ApprovalAnswer::Waits(waiting) => {
            let id = message.id().unwrap_or(&Value::Null);
            let response = response::json(StatusCode::OK, &waiting.to_result(id));
            parts.event.end(Effect::Deny, waiting.reason, response.status);
            Ok(Approved::Waits(response))
        }
    }
}

/// Whether the client says that it can show a person an address (MCP, client capability `elicitation.url`).
fn elicits_url(message: &McpMessage) -> bool {
    let meta = message.params.get("_meta").and_then(|meta| meta.get("io.modelcontextprotocol/clientCapabilities"));
    meta.and_then(|capabilities| capabilities.get("elicitation")?.get("url")).is_some_and(Value::is_object)
}

/// Has the answer to a list lose what the caller may not use. `granted`: their scopes.
pub(super) fn filter_lists(plan: &mut ForwardPlan, matched: &Matched<'_>, granted: &[String]) {
    let (Some(rules), Some(call)) = (&matched.route.mcp, matched.call) else { return };
    if !rules.filters_lists || rules.scopes.is_empty() {
        return;
    }
    match &call.message {
        Some(message) if message.asks_for_list() => {
            plan.list_filter = Some(ListFilter::new(rules.clone(), granted.to_vec()));
            plan.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        Some(_) => {}
        // What is sent once more could be a list.
        None => drop(plan.headers.remove(HeaderName::from_static("last-event-id"))),
    }
}

/// a page of another origin, which may have made its own name that of this host, is refused before its token is
/// looked at.
fn refuse_foreign_page<P>(ctx: &RequestContext<'_, P>, parts: &ResponseParts) -> Result<(), Reason> {
    let head = ctx.request.head;
    let is_own = head.header(header::ORIGIN.as_str()) == Some(ctx.site.config.public_url.origin());
    let is_named = parts.grant.as_ref().and_then(CorsGrant::origin).is_some();
    if is_own || is_named || !head.headers.contains_key(header::ORIGIN) { Ok(()) } else { Err(Reason::CorsOrigin) }
}

/// A message that is not taken, and its id where that could be read.
struct Unread {
    error: McpError,
    id: Option<Value>,
}

impl From<McpError> for Unread {
    fn from(error: McpError) -> Self {
        Self { error, id: None }
    }
}

impl Unread {
    fn refuse(&self, parts: &mut ResponseParts) -> Response {
        let response = response::json(StatusCode::BAD_REQUEST, &self.error.answer(self.id.as_ref()));
        parts.event.end(Effect::Deny, self.error.code(), response.status);
        parts.event.detail = self.error.detail().map(str::to_owned);
        response
    }
}

/// The era, the body, and the message that it is.
async fn read(
    head: &RequestHead,
    rules: &McpRules,
    body: impl RequestBody,
) -> Result<(Era, String, Option<McpMessage>), Unread> {
    let era = version::era(head, rules.legacy);
    if head.method != Method::POST {
        // Only earlier revisions have such requests.
        let version = head.header(version::HEADER).unwrap_or_default();
        return match era? {
            Era::Legacy => Ok((Era::Legacy, String::new(), None)),
            Era::Modern => Err(McpError::Version(version.to_owned()).into()),
        };
    }
    refuse_other_encodings(head)?;
    let body = body.text(rules.max_body).await.map_err(|error| match error {
        BodyError::TooLarge => McpError::Unreadable,
        BodyError::Unreadable => McpError::NotJson,
    })?;
    let message = McpMessage::parse(&body, rules.max_body, era == Ok(Era::Legacy))?;
    let checked = era.and_then(|era| match era {
        Era::Modern => headers::check(head, &message).map(|()| era),
        Era::Legacy => Ok(era),
    });
    match checked {
        Ok(era) => Ok((era, body, Some(message))),
        Err(error) => Err(Unread { error, id: message.id().cloned() }),
    }
}

/// JSON is UTF-8 (RFC 8259 §8.1): a reader that believed another charset, or undid an encoding, would find another message.
fn refuse_other_encodings(head: &RequestHead) -> Result<(), McpError> {
    let content_type = head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let is_json = essence(content_type).eq_ignore_ascii_case("application/json");
    let parameters = content_type.split_once(';').map_or("", |(_, rest)| rest).trim();
    let is_utf8 = ["", "charset=utf-8", "charset=\"utf-8\""].iter().any(|one| parameters.eq_ignore_ascii_case(one));
    let is_plain = !head.headers.contains_key(header::CONTENT_ENCODING);
    if is_json && is_utf8 && is_plain { Ok(()) } else { Err(McpError::ContentType) }
}

/// Nobody compared them with the body, so nobody is to go by them.
fn forget_repeated(plan: &mut ForwardPlan) {
    let names: Vec<HeaderName> = plan.headers.keys().filter(|name| headers::repeats_body(name)).cloned().collect();
    for name in names {
        plan.headers.remove(name);
    }
}
