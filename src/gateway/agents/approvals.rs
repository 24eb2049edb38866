//! `/auth/approvals`: calls of agents that a person allows one by one (R-329…R-334). A call asks by [`required`]; whoever may decide
//! does so here, by their own session and a recent sign-in, never by anything that an agent has.

mod decide;

pub(crate) use crate::agent::approval::answers_upstream;
pub(crate) use decide::{all, one};

use serde_json::{Map, Value, json};

use crate::agent::approval::{
    self, ApprovableCall, Approval, ApprovalCommand, ApprovalReply, CallError, LIFE, Party, UseApproval,
};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::agent::receipt;
use crate::authn::Principal;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::ports::StoreError;
use crate::refusal::{ApprovalRefusal, Reason};
use crate::session::{Command, Reply, SessionId, SubjectKey};
use crate::time::{Seconds, Timestamp};
use crate::upstream::Assertion;

const PAGE: &str = "/auth/approvals";
/// What we call our question among those that a client is asked.
const QUESTION: &str = "approval";

/// A call that both doors let through, and that somebody has to allow.
pub(crate) struct Wanted<'a> {
    /// The name of its route.
    pub(crate) route: &'a str,
    /// The method of the JSON-RPC request.
    pub(crate) method: &'a str,
    /// The tool, the prompt or the resource.
    pub(crate) name: &'a str,
    /// The body, as it was parsed.
    pub(crate) body: &'a str,
    /// Who decides: `None`, the person; else somebody else with one of these roles.
    pub(crate) approvers: Option<&'a [String]>,
    /// Whether the client can show an address to the person.
    pub(crate) elicits_url: bool,
}

/// What becomes of the call.
pub(crate) enum ApprovalAnswer {
    /// It goes on, with our word for who allowed it.
    Granted(Assertion),
    /// Somebody is asked. The client shows them this address, and tries again with this state.
    Waits(Waiting),
}

/// Where somebody is asked.
pub(crate) struct Waiting {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) message: String,
    /// What the log says.
    pub(crate) reason: &'static str,
}

impl Waiting {
    /// The result by which a client is told so (MCP 2026-07-28, multi round-trip requests), for the request of this id.
    pub(crate) fn to_result(&self, id: &Value) -> Value {
        let params = json!({ "mode": "url", "url": self.url, "message": self.message });
        let requests = json!({ QUESTION: { "method": "elicitation/create", "params": params } });
        let result = json!({ "resultType": "input_required", "inputRequests": requests, "requestState": self.state });
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }
}

/// Uses up the approval of this call, or has somebody asked. It is used up before anybody carries the call out.
///
/// # Errors
/// When the call does not go on, and the client cannot show anybody where to allow it.
pub(crate) async fn required<P: Platform>(
    ctx: &RequestContext<'_, P>,
    principal: &Principal,
    wanted: Wanted<'_>,
    parts: &mut ResponseParts,
) -> Result<ApprovalAnswer, Reason> {
    let refused = |refusal| Err(Reason::Approval(refusal));
    let (Some(grant), Some(rules)) = (principal.grant_id(), &ctx.site.config.agents) else {
        return refused(ApprovalRefusal::NoGrant);
    };
    let call = match ApprovableCall::new(grant, wanted.route, (wanted.method, wanted.name), wanted.body) {
        Ok(call) => call,
        Err(CallError::TooLarge) => return refused(ApprovalRefusal::TooLarge),
        Err(CallError::Malformed) => return Err(Reason::BadInput("body")),
    };
    let now = ctx.request.now;
    let subject = SubjectKey::of(principal.issuer(), principal.subject());
    let id = SessionId::generate(ctx.platform.random());
    let handle = GrantHandle { kind: HandleKind::Approval, ..GrantHandle::access(subject, id, now.plus(LIFE)) };
    let command = ApprovalCommand::Use(Box::new(UseApproval {
        grant: grant.to_owned(),
        call,
        request: ctx.request.id.clone(),
        id: handle.id.digest().as_str().to_owned(),
        link: handle.to_text(&rules.prefix, &ctx.site.config.keys).expose().clone(),
        approvers: wanted.approvers.map(<[String]>::to_vec),
        person: party(principal),
    }));
    let reply = order(ctx, &subject, command).await?;
    let (approval, is_new) = match reply {
        ApprovalReply::Used(approval) => {
            parts.event.approval = Some(public_id(&approval.id));
            let signed = sign(ctx, &approval).await;
            return Ok(ApprovalAnswer::Granted(signed.ok_or(Reason::Internal("internal.receipt_unsigned"))?));
        }
        ApprovalReply::Asked(approval) => (approval, true),
        ApprovalReply::Pending(approval) => (approval, false),
        ApprovalReply::Denied(approval) => {
            parts.event.approval = Some(public_id(&approval.id));
            return refused(ApprovalRefusal::Denied(left(approval.until, now)));
        }
        ApprovalReply::TooMany => return refused(ApprovalRefusal::TooMany(Seconds::minutes(1))),
        ApprovalReply::Gone => return refused(ApprovalRefusal::NoGrant),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    parts.event.approval = Some(public_id(&approval.id));
    let url = ctx.site.config.public_url.join(&format!("{PAGE}/{}", approval.link));
    let left = left(approval.until, now);
    let asked =
        if is_new { ApprovalRefusal::Asked(url.clone(), left) } else { ApprovalRefusal::Pending(url.clone(), left) };
    if !wanted.elicits_url {
        return refused(asked);
    }
    let message = format!("Somebody has to allow this call: {} {}", wanted.method, wanted.name);
    Ok(ApprovalAnswer::Waits(Waiting { url, state: approval.link, message, reason: asked.code() }))
}

/// The body of a call that was asked about before, without what it brings of an answer to us; `None` where it brings none.
pub(crate) fn without_answers<P>(ctx: &RequestContext<'_, P>, body: &str) -> Option<String> {
    let rules = ctx.site.config.agents.as_ref()?;
    let is_ours = |state: &str| {
        let handle = GrantHandle::parse(state, &rules.prefix, &ctx.site.config.keys);
        handle.is_some_and(|handle| handle.kind == HandleKind::Approval)
    };
    approval::without_answers(body, is_ours)
}

/// Whether the person did not want to see the address: by the answer to us in these parameters.
pub(crate) fn is_declined(params: &Map<String, Value>) -> bool {
    let action = params.get("inputResponses").and_then(|responses| responses.get(QUESTION)?.get("action")?.as_str());
    matches!(action, Some("decline" | "cancel"))
}

/// Our signed word for an approval that was given.
async fn sign<P: Platform>(ctx: &RequestContext<'_, P>, approval: &Approval) -> Option<Assertion> {
    let claims = receipt::claims(approval, ctx.site.config.public_url.origin())?;
    ctx.site.assertions.sign(ctx.platform.signing(), receipt::TYP, &claims).await
}

/// Hands a command about approvals to the object of the person for whom they are.
async fn order<P: Platform>(
    ctx: &RequestContext<'_, P>,
    subject: &SubjectKey,
    command: ApprovalCommand,
) -> Result<ApprovalReply, Reason> {
    match ctx.command(subject, &Command::Approval(Box::new(command))).await.map_err(Reason::Store)? {
        Reply::Approval(reply) => Ok(*reply),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

fn party(principal: &Principal) -> Party {
    Party {
        issuer: IssuerIdentifier::new(principal.issuer()),
        subject: SubjectIdentifier::new(principal.subject()),
        name: principal.email().map(str::to_owned),
        tenant: principal.tenant().map(str::to_owned),
    }
}

/// What the log calls an approval: enough to tell one from another, and no part of its address.
fn public_id(id: &str) -> String {
    id.chars().take(16).collect()
}

fn left(until: Timestamp, now: Timestamp) -> Seconds {
    until.since(now)
}
