//! `POST /auth/agents/token`: codes and refresh tokens → access tokens (RFC 6749 §4.1.3, §6).

use serde_json::{Map, Value, json};

use super::client_auth::token_error;
use super::{for_clients, preflight};
use crate::agent::AgentError;
use crate::agent::authorize::offer;
use crate::agent::grant::{Grant, GrantRefusal};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::agent::token::{GrantError, TokenEndpointError, TokenParameters, request};
use crate::agent::{enterprise, exchange};
use crate::audit::{Effect, What, short};
use crate::authn::BlockedBy;
use crate::authn::dpop::{self, Blame, DpopError, DpopProof, KeyExpectations, NonceRule, TargetUri};
use crate::config::AgentRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::{Refused, explain};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, cold, response};
use crate::http::{HeaderValue, Response, StatusCode, header};
use crate::ports::{ReplayGuard, RequestBody, StoreError};
use crate::refusal::Reason;
use crate::route::CanonicalPath;
use crate::session::{Command, RedeemCode, RefreshGrant, Reply, Session, Terms};

/// A grant that a client may have a token of.
pub(in crate::gateway) struct Issued {
    /// The handle of what the client showed, or of the new grant: its subject and id count.
    pub(in crate::gateway) handle: GrantHandle,
    /// The grant's record.
    pub(in crate::gateway) session: Session,
    /// Whether a refresh token goes along.
    pub(in crate::gateway) refresh: bool,
    /// `issued_token_type`, of an exchange (RFC 8693 §2.2.1).
    pub(in crate::gateway) kind: Option<&'static str>,
    /// What the log says.
    pub(in crate::gateway) reason: &'static str,
}

/// Answers a client.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if let Some(response) = preflight(ctx, parts)? {
        return Ok(response);
    }
    parts.event.event = What::AgentToken;
    match issue(ctx, (rules, path), body, parts).await {
        Ok(issued) => Ok(handed_out(ctx, rules, issued, parts)?),
        Err(reason) => tell(ctx, reason, parts),
    }
}

async fn issue<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    let form = form(ctx, body).await?;
    let parameters = TokenParameters::parse(&form).map_err(token_error)?;
    match parameters.wanted("grant_type").map_err(token_error)? {
        "authorization_code" => redeem(ctx, (rules, path), &parameters, parts).await,
        "refresh_token" => refresh(ctx, (rules, path), &parameters, parts).await,
        exchange::GRANT_TYPE => cold(super::exchange::grant(ctx, (rules, path), &parameters, parts)).await,
        enterprise::GRANT_TYPE if !rules.enterprise.is_empty() => {
            cold(super::enterprise::grant(ctx, (rules, path), &parameters, parts)).await
        }
        _ => Err(token_error(TokenEndpointError::UnsupportedGrantType)),
    }
}

/// The form that a client posts.
///
/// # Errors
/// When it is none, or longer than any.
pub(super) async fn form<P>(ctx: &RequestContext<'_, P>, body: impl RequestBody) -> Result<String, Reason> {
    let unreadable = || token_error(TokenEndpointError::InvalidRequest("body"));
    if !ctx.request.is_form() {
        return Err(unreadable());
    }
    body.text(request::MAX_BYTES).await.map_err(|_| unreadable())
}

/// A code (RFC 6749 §4.1.3, R-307).
async fn redeem<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    parameters: &TokenParameters<'_>,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    let code = parameters.wanted("code").map_err(token_error)?;
    let redirect_uri = parameters.wanted("redirect_uri").map_err(token_error)?.to_owned();
    let challenge = parameters.challenge().map_err(token_error)?;
    let handle = handle(ctx, rules, code, HandleKind::Code, parts)?;
    let client = ctx.proven_client(rules, parameters, parts).await?;
    let command = Command::RedeemCode(Box::new(RedeemCode {
        digest: handle.id.digest(),
        client: client.id,
        redirect_uri,
        challenge,
        resource: resource(ctx, parameters)?,
        jkt: proven_key(ctx, path).await?,
        clocks: ctx.timeouts(),
    }));
    let session = granted(ctx, &handle, &command, parts).await?;
    Ok(Issued { handle, session, refresh: true, kind: None, reason: "agent.token_issued" })
}

/// A refresh token (RFC 6749 §6, R-309).
async fn refresh<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, path): (&AgentRules, &CanonicalPath),
    parameters: &TokenParameters<'_>,
    parts: &mut ResponseParts,
) -> Result<Issued, Reason> {
    parts.event.event = What::AgentRefresh;
    let token = parameters.wanted("refresh_token").map_err(token_error)?;
    let handle = handle(ctx, rules, token, HandleKind::Refresh, parts)?;
    let client = ctx.proven_client(rules, parameters, parts).await?;
    ctx.limit_tokens(&handle.id.digest().public_id(), parts).await?;
    let command = Command::RefreshGrant(Box::new(RefreshGrant {
        digest: handle.id.digest(),
        client: client.id,
        generation: handle.number,
        resource: resource(ctx, parameters)?,
        scopes: parameters.scopes(),
        jkt: proven_key(ctx, path).await?,
        seen_within: rules.owner_seen_within,
        clocks: ctx.timeouts(),
    }));
    let session = granted(ctx, &handle, &command, parts).await?;
    enter_old(ctx, &handle, &session).await?;
    Ok(Issued { handle, session, refresh: true, kind: None, reason: "agent.token_refreshed" })
}

/// Enters a grant that an earlier release began, and ends it where all grants to its client were ended since it began. If the
/// index does not answer, the next refresh tries again: the refresh token at hand is used up by now.
async fn enter_old<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &GrantHandle,
    session: &Session,
) -> Result<(), Reason> {
    let Some(grant) = session.grant.as_deref().filter(|grant| !grant.indexed) else { return Ok(()) };
    let entered = ctx.enter_agent(&grant.client, handle.subject, grant.expires_at, session.created_at).await;
    if entered.unwrap_or(true) {
        return Ok(());
    }
    let command = Command::EndGrant { digest: handle.id.digest(), client: grant.client.clone() };
    ctx.command(&handle.subject, &command).await.map_err(Reason::Store)?;
    Err(token_error(TokenEndpointError::InvalidGrant(GrantError::Gone)))
}

/// The handle in a text that a client shows: of this kind, and made here. Others cost no question.
pub(super) fn handle<P>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    text: &str,
    kind: HandleKind,
    parts: &mut ResponseParts,
) -> Result<GrantHandle, Reason> {
    let handle = GrantHandle::parse(text, &rules.prefix, &ctx.site.config.keys).filter(|handle| handle.kind == kind);
    let handle = handle.ok_or(token_error(TokenEndpointError::InvalidGrant(GrantError::Forged)))?;
    parts.event.grant = Some(handle.id.digest().public_id());
    Ok(handle)
}

/// `resource`, as it is stored: addresses that mean the same are the same.
fn resource<P>(ctx: &RequestContext<'_, P>, parameters: &TokenParameters<'_>) -> Result<Option<String>, Reason> {
    let Some(asked) = parameters.get("resource") else { return Ok(None) };
    let offer = offer::find(&ctx.site.config, asked);
    offer.map(|offer| Some(offer.resource)).ok_or(token_error(TokenEndpointError::InvalidTarget))
}

/// The thumbprint of the key that the client proves to have (RFC 9449 §5). A proof counts once.
pub(in crate::gateway) async fn proven_key<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
) -> Result<Option<String>, Reason> {
    if !ctx.request.head.headers.contains_key("dpop") {
        return Ok(None);
    }
    let expected = KeyExpectations {
        method: ctx.request.head.method.as_str(),
        uri: &TargetUri::of(&ctx.site.config.public_url, path),
        nonce: NonceRule::Unasked,
        now: ctx.request.now,
    };
    let checked = DpopProof::check_key(&ctx.request.head.headers, &expected, ctx.platform.signatures()).await;
    let (proof, jkt) = checked.map_err(unproven)?;
    let first = ctx.platform.replay_guard().claim(proof.once_key(), proof.usable_until()).await;
    if first.map_err(Reason::Store)? { Ok(Some(jkt)) } else { Err(unproven(DpopError::Replayed)) }
}

fn unproven(error: DpopError) -> Reason {
    token_error(TokenEndpointError::Proof { code: error.code(), wants_nonce: error.blame() == Blame::Nonce })
}

/// Asks the person's object.
pub(in crate::gateway) async fn granted<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &GrantHandle,
    command: &Command,
    parts: &mut ResponseParts,
) -> Result<Session, Reason> {
    let gone = || token_error(TokenEndpointError::InvalidGrant(GrantError::Gone));
    let session = match ctx.command(&handle.subject, command).await.map_err(Reason::Store)? {
        Reply::Granted(granted) => {
            parts.event.detail = granted.repeated.then(|| "repeated".to_owned());
            granted.session
        }
        Reply::Gone | Reply::Blocked => return Err(gone()),
        Reply::Refused(refusal) => {
            if let GrantRefusal::CodeReused | GrantRefusal::RefreshReused = refusal {
                parts.event.event = What::AgentReuse;
            }
            return Err(token_error(refusal.into()));
        }
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    parts.event.identity(&session.provider, &session.issuer, &session.subject);
    // The object may be of another release, and by another configuration, for a while.
    let now = ctx.request.now;
    ctx.site.config.terms(&session, now).check(&session, ctx.timeouts(), now).map_err(|_| gone())?;
    refuse_void(ctx, handle, &session, parts).await?;
    Ok(session)
}

/// Refuses a grant that counts no more by the list. One that began too early is ended for good, as a session is.
async fn refuse_void<P: Platform>(
    ctx: &RequestContext<'_, P>,
    handle: &GrantHandle,
    session: &Session,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let Some(why) = ctx.why_grant_is_void(handle, session).await? else { return Ok(()) };
    parts.event.detail = Some(why.code().to_owned());
    if why == BlockedBy::SessionTooOld
        && let Some(grant) = &session.grant
    {
        let command = Command::EndGrant { digest: handle.id.digest(), client: grant.client.clone() };
        ctx.command(&handle.subject, &command).await.map_err(Reason::Store)?;
    }
    Err(token_error(TokenEndpointError::InvalidGrant(GrantError::Gone)))
}

/// The answer with the tokens (RFC 6749 §5.1). An access token costs no write: it is a text that only we can make.
pub(super) fn handed_out<P>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    issued: Issued,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let Issued { handle, session, refresh, kind, reason } = issued;
    let grant = session.grant.as_deref().ok_or(Reason::Store(StoreError::Malformed))?;
    parts.event.client_id = Some(short(&grant.client));
    let body = body(ctx, rules, (&handle, refresh, kind), grant);
    parts.event.end(Effect::Allow, reason, StatusCode::OK);
    Ok(for_clients(response::json(StatusCode::OK, &body)))
}

fn body<P>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    (handle, refresh, kind): (&GrantHandle, bool, Option<&'static str>),
    grant: &Grant,
) -> Value {
    let (now, keys) = (ctx.request.now, &ctx.site.config.keys);
    let ends_at = now.plus(rules.access).min(grant.expires_at);
    let text = |handle: &GrantHandle| Value::from(handle.to_text(&rules.prefix, keys).expose().as_str());
    let access = GrantHandle::access(handle.subject, handle.id.clone(), ends_at);
    let next = GrantHandle { kind: HandleKind::Refresh, number: grant.generation, ..handle.clone() };
    let all = [
        ("access_token", Some(text(&access))),
        ("token_type", Some(if grant.jkt.is_some() { "DPoP" } else { "Bearer" }.into())),
        ("expires_in", Some(json!(ends_at.since(now)))),
        ("refresh_token", refresh.then(|| text(&next))),
        ("scope", Some(grant.scopes.join(" ").into())),
        ("issued_token_type", kind.map(Value::from)),
    ];
    let mut members = Map::new();
    members.extend(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(members)
}

/// What is wrong, in the words of RFC 6749 §5.2. What is our own fault, and what a limit refuses, is told as ever.
pub(super) fn tell<P: Platform>(
    ctx: &RequestContext<'_, P>,
    reason: Reason,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let (error, parameter, status) = match &reason {
        Reason::Client(AgentError::Token(error)) => {
            let is_about_client = matches!(error, TokenEndpointError::InvalidClient(_));
            let status = if is_about_client { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            (error.error(), error.parameter(), status)
        }
        // The client's own server does not say who it is.
        Reason::Client(_) => ("temporarily_unavailable", None, StatusCode::SERVICE_UNAVAILABLE),
        _ => return Err(reason.into()),
    };
    explain(&mut parts.event, &reason);
    parts.event.end(Effect::Deny, reason.code(), status);
    let mut body = json!({ "error": error });
    if let (Some(members), Some(name)) = (body.as_object_mut(), parameter) {
        members.insert("error_description".to_owned(), format!("Not good: {name}").into());
    }
    let mut response = for_clients(response::json(status, &body));
    if error == "use_dpop_nonce"
        && let Ok(nonce) = HeaderValue::try_from(dpop::nonce::current(&ctx.site.config.keys, ctx.request.now))
    {
        response.headers.insert("dpop-nonce", nonce);
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_client""#));
    }
    Ok(response)
}
