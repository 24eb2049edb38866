//! Token exchange (RFC 8693): a client that has an agent's token gets one that may do less (R-323…R-326).

use super::issued::{IssuedToken, TokenClient, token_type};
use crate::agent::exchange::{ACCESS_TOKEN_TYPE, ExchangeError, ExchangeRequest, Parent, narrow};
use crate::agent::grant::{Grant, GrantRefusal, MAX_ACTORS};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::audit::short;
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ids::actor::Actor;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::session::{CheckGrant, Command, Exchange, Reply, Session, SessionId};

/// Why nothing is exchanged.
#[derive(Debug)]
pub(crate) enum ExchangeFailure {
    /// The client learns why.
    Refused(ExchangeError),
    /// A store does not answer.
    Failed(Reason),
}

impl From<ExchangeError> for ExchangeFailure {
    fn from(error: ExchangeError) -> Self {
        Self::Refused(error)
    }
}

/// Gives a token for one that the client has. `parameter`: those of the request.
///
/// # Errors
/// When nothing is given.
pub(crate) async fn grant<'a, P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    parameter: impl Fn(&str) -> Option<&'a str>,
    client: &TokenClient<'_>,
    parts: &mut ResponseParts,
) -> Result<IssuedToken, ExchangeFailure> {
    let request = ExchangeRequest::read(parameter)?;
    parts.event.task = request.task.as_ref().map(|task| short(&task.name));
    let now = ctx.request.now;
    let keys = &ctx.site.config.keys;
    let handle = GrantHandle::parse(request.subject_token, &rules.prefix, keys);
    let handle = handle.filter(|handle| handle.kind == HandleKind::Access && now < handle.ends_at());
    let handle = handle.ok_or(ExchangeError::TokenRefused)?;
    let session = live(ctx, &handle, parts).await?;
    let parent = session.grant.as_deref().ok_or(ExchangeError::TokenRefused)?;
    may_have(rules, parent, client)?;
    let of = Parent {
        resource: &parent.resource,
        scopes: &parent.scopes,
        actors: parent.actors.len(),
        is_of_task: parent.task.is_some() || parent.uses_left.is_some(),
        ends_at: handle.ends_at().min(parent.expires_at),
    };
    let narrowed = narrow(&request, of, MAX_ACTORS, (now, rules.access))?;
    let actor = Actor { issuer: Some(ctx.site.config.public_url.origin().to_owned()), subject: client.id.to_owned() };
    let task = request.task;
    let grant = Grant {
        client: client.id.to_owned(),
        client_name: client.name.to_owned(),
        scopes: narrowed.scopes,
        expires_at: narrowed.ends_at,
        jkt: client.jkt.map(str::to_owned),
        actors: std::iter::once(actor).chain(parent.actors.iter().cloned()).collect(),
        uses_left: task.as_ref().and_then(|task| task.uses),
        task: task.map(|task| task.name),
        ..parent.clone()
    };
    let id = SessionId::generate(ctx.platform.random());
    parts.event.grant = Some(id.digest().public_id());
    let (parent, digest) = (handle.id.digest(), id.digest());
    let command = Command::Exchange(Box::new(Exchange { parent, digest, grant, clocks: ctx.timeouts() }));
    let answer = ctx.command(&handle.subject, &command).await.map_err(|error| failed(Reason::Store(error)))?;
    let granted = match answer {
        Reply::Granted(granted) => granted.session.grant.ok_or_else(malformed)?,
        Reply::Gone => return Err(ExchangeError::TokenRefused.into()),
        Reply::Refused(refusal) => return Err(refused(refusal).into()),
        _ => return Err(malformed()),
    };
    let text = GrantHandle::access(handle.subject, id, granted.expires_at).to_text(&rules.prefix, keys);
    Ok(IssuedToken {
        access_token: text,
        expires_in: granted.expires_at.since(now),
        scopes: granted.scopes,
        token_type: token_type(granted.jkt.as_ref()),
        issued_token_type: Some(ACCESS_TOKEN_TYPE),
    })
}

/// The record of the grant whose token it is. One that is blocked gives nothing away, either.
async fn live<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &GrantHandle,
    parts: &mut ResponseParts,
) -> Result<Session, ExchangeFailure> {
    let check = CheckGrant { digest: handle.id.digest(), spend: false, clocks: ctx.timeouts() };
    let answer = ctx.command(&handle.subject, &Command::CheckGrant(check)).await;
    let session = match answer.map_err(|error| failed(Reason::Store(error)))? {
        Reply::LiveGrant(session) => *session,
        Reply::Gone => return Err(ExchangeError::TokenRefused.into()),
        _ => return Err(malformed()),
    };
    parts.event.identity(&session.provider, &session.issuer, &session.subject);
    Ok(session)
}

/// Whether the client may have what another one was given: only the same one, and those that the configuration names. What is
/// bound to a key is for whoever proves that key.
fn may_have(rules: &AgentRules, parent: &Grant, client: &TokenClient<'_>) -> Result<(), ExchangeError> {
    let is_its_own = parent.client == client.id;
    if !is_its_own && !rules.delegates.admit_named(client.id) {
        return Err(ExchangeError::NotForClient);
    }
    match &parent.jkt {
        Some(jkt) if client.jkt != Some(jkt.as_str()) => Err(ExchangeError::TokenRefused),
        _ => Ok(()),
    }
}

const fn refused(refusal: GrantRefusal) -> ExchangeError {
    match refusal {
        GrantRefusal::TooMuch => ExchangeError::TooMuch,
        GrantRefusal::TooMany => ExchangeError::TooMany,
        _ => ExchangeError::TokenRefused,
    }
}

fn malformed() -> ExchangeFailure {
    failed(Reason::Store(StoreError::Malformed))
}

const fn failed(reason: Reason) -> ExchangeFailure {
    ExchangeFailure::Failed(reason)
}
