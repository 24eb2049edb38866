//! Token exchange (RFC 8693): a client that has an agent's token gets one that may do less (R-323…R-326).

use super::client_auth::{ProvenClient, token_error};
use super::token::{Issued, proven_key};
use crate::agent::authorize::offer;
use crate::agent::exchange::{ACCESS_TOKEN_TYPE, ExchangeError, ExchangeRequest, Parent, narrow};
use crate::agent::grant::{Grant, GrantRefusal, MAX_ACTORS};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::agent::token::{TokenEndpointError, TokenParameters};
use crate::audit::{What, short};
use crate::authn::{BlockedBy, agent};
use crate::config::AgentRules;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ids::actor::Actor;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::route::CanonicalPath;
use crate::session::{CheckGrant, Command, Exchange, Reply, Session, SessionId};

/// Gives a token for one that the client has.
///
/// # Errors
/// When nothing is given.
pub(super) async fn grant<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    parameters: &TokenParameters<'_>,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    parts.event.event = What::AgentExchange;
    let request = ExchangeRequest::read(|name| parameters.get(name)).map_err(refused)?;
    parts.event.task = request.task.as_ref().map(|task| short(&task.name));
    let (now, keys) = (ctx.request.now, &ctx.site.config.keys);
    let shown = GrantHandle::parse(request.subject_token, &rules.prefix, keys);
    let shown = shown.filter(|shown| shown.kind == HandleKind::Access && now < shown.ends_at());
    let shown = shown.ok_or(refused(ExchangeError::TokenRefused))?;
    let client = ctx.proven_client(rules, parameters, parts).await?;
    let jkt = proven_key(ctx, path).await?;
    let session = live(ctx, &shown, parts).await?;
    let parent = session.grant.as_deref().ok_or(refused(ExchangeError::TokenRefused))?;
    may_have(rules, parent, (&client, jkt.as_ref())).map_err(refused)?;
    if let Some(why) = why_it_opens_nothing(ctx, rules, &shown, &session).await? {
        parts.event.detail = Some(why.to_owned());
        return Err(refused(ExchangeError::TokenRefused));
    }
    ctx.limit_tokens(&shown.id.digest().public_id(), parts).await?;
    let of = Parent {
        resource: &parent.resource,
        scopes: &parent.scopes,
        actors: parent.actors.len(),
        is_of_task: parent.task.is_some() || parent.uses_left.is_some(),
        ends_at: shown.ends_at().min(parent.expires_at),
    };
    let asked_for = request.resource.map(|asked| offer::find(&ctx.site.config, asked).map(|offer| offer.resource));
    let asked_for = asked_for.map(|found| found.ok_or(refused(ExchangeError::OtherResource))).transpose()?;
    let request = ExchangeRequest { resource: asked_for.as_deref(), ..request };
    let narrowed = narrow(&request, of, MAX_ACTORS, (now, rules.access)).map_err(refused)?;
    let issuer = Some(ctx.site.config.public_url.origin().to_owned());
    let actor = Actor { issuer, subject: client.id.clone() };
    let task = request.task;
    // Where it is the same client, its own grant is in the index already, and lives as long.
    let is_entered = parent.client == client.id
        || ctx.enter_agent(&client.id, shown.subject, narrowed.ends_at, now).await.map_err(Reason::Store)?;
    if !is_entered {
        return Err(refused(ExchangeError::TokenRefused));
    }
    let grant = Grant {
        client: client.id,
        client_name: client.name,
        scopes: narrowed.scopes,
        expires_at: narrowed.ends_at,
        jkt,
        actors: std::iter::once(actor).chain(parent.actors.iter().cloned()).collect(),
        uses_left: task.as_ref().and_then(|task| task.uses),
        task: task.map(|task| task.name),
        ..parent.clone()
    };
    let id = SessionId::generate(ctx.platform.random());
    parts.event.grant = Some(id.digest().public_id());
    let (parent, digest) = (shown.id.digest(), id.digest());
    let (clocks, asked_at) = (ctx.timeouts(), Some(now));
    let command = Command::Exchange(Box::new(Exchange { parent, digest, grant, asked_at, clocks }));
    let session = granted(ctx.command(&shown.subject, &command).await.map_err(Reason::Store)?)?;
    let handle = GrantHandle { id, ..shown };
    Ok(Issued { handle, session, refresh: false, kind: Some(ACCESS_TOKEN_TYPE), reason: "agent.token_exchanged" })
}

/// The record of the grant that was made.
fn granted(reply: Reply) -> Result<Session, Reason> {
    match reply {
        Reply::Granted(granted) => Ok(granted.session),
        Reply::Refused(GrantRefusal::TooMuch) => Err(refused(ExchangeError::TooMuch)),
        Reply::Refused(GrantRefusal::TooMany) => Err(refused(ExchangeError::TooMany)),
        Reply::Gone | Reply::Refused(_) => Err(refused(ExchangeError::TokenRefused)),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The record of the grant whose token it is.
async fn live<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &GrantHandle,
    parts: &mut ResponseParts,
) -> Result<Session, Reason> {
    let check = CheckGrant { digest: handle.id.digest(), spend: false, clocks: ctx.timeouts() };
    let session = match ctx.command(&handle.subject, &Command::CheckGrant(check)).await.map_err(Reason::Store)? {
        Reply::LiveGrant(session) => *session,
        Reply::Gone => return Err(refused(ExchangeError::TokenRefused)),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    parts.event.identity(&session.provider, &session.issuer, &session.subject);
    Ok(session)
}

/// Why the token itself would be refused at its resource. Nothing is given for one that opens nothing: what is given may
/// be of another client, and is younger than the grant.
async fn why_it_opens_nothing<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    shown: &GrantHandle,
    session: &Session,
) -> Result<Option<&'static str>, Reason> {
    let (config, now) = (&ctx.site.config, ctx.request.now);
    let resource = session.grant.as_ref().map_or("", |grant| grant.resource.as_str());
    if let Err(rejection) = agent::check(config, rules, session, resource, (ctx.timeouts(), now)) {
        return Ok(Some(rejection.code()));
    }
    Ok(ctx.why_grant_is_void(shown, session).await?.map(BlockedBy::code))
}

/// Whether the client may have part of what another one was given: only the same one, and those that the configuration names
/// . What is bound to a key is for whoever proves that key.
fn may_have(
    rules: &AgentRules,
    parent: &Grant,
    (client, jkt): (&ProvenClient, Option<&String>),
) -> Result<(), ExchangeError> {
    let is_delegate = client.is_proven && rules.delegates.admit_named(&client.id);
    if parent.client != client.id && !is_delegate {
        return Err(ExchangeError::NotForClient);
    }
    if parent.jkt.is_some() && parent.jkt.as_ref() != jkt { Err(ExchangeError::TokenRefused) } else { Ok(()) }
}

const fn refused(error: ExchangeError) -> Reason {
    token_error(TokenEndpointError::Exchange(error))
}
