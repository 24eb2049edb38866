//! Both doors, for whoever asks: a request that is to be sent on, and one that another proxy asks about.

use super::agent::GrantAtHand;
use super::caller::Caller;
use super::policies::{self, PolicyQuestion};
use super::relations;
use crate::audit::{Effect, short};
use crate::authn::api_key::{KeyRejection, ShownKey};
use crate::authn::bearer::Scheme;
use crate::authn::certificate::CertificateRefusal;
use crate::authn::dpop::DpopError;
use crate::authn::error::SenderError;
use crate::authn::{Principal, Standing, TokenRejection, session_cookie::Wants};
use crate::authz::{self, Decision, Denial, Permit, found, second};
use crate::config::Config;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::{Credential, Refused};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::sign_in::link::SignIn;
use crate::gateway::{Platform, cold};
use crate::http::StatusCode;
use crate::http::cors::CorsGrant;
use crate::refusal::{McpDenial, Reason};
use crate::route::{Access, CanonicalPath, Guard, GuardedRoute, Matched, NoRoute, Route};
use crate::time::{Seconds, Timestamp};
use crate::upstream::{StreamLifetime, UpstreamIdentity};

/// A request that both doors let through.
pub(crate) struct AdmittedRequest {
    /// Who asks; `None` where nobody is asked who they are.
    pub(crate) principal: Option<Principal>,
    /// What its upstream is told of them.
    pub(super) identity: UpstreamIdentity,
    /// For how long it was let through.
    pub(super) lifetime: StreamLifetime,
    pub(super) permit: Permit,
    /// What is spent when it goes on.
    pub(super) counted: Option<CountedUse>,
    /// How a token was presented, if one was.
    scheme: Option<Scheme>,
}

/// A use of a grant whose uses are counted.
pub(super) struct CountedUse {
    grant: GrantAtHand,
    scheme: Scheme,
}

/// The rule for this request. From here on its answer says whether pages of other origins may read it.
///
/// # Errors
/// When there is none.
pub(crate) fn route<'a, P>(
    ctx: &RequestContext<'a, P>,
    path: &CanonicalPath,
    parts: &mut ResponseParts,
) -> Result<Matched<'a>, Reason> {
    let matched = ctx.site.config.routes.find(&ctx.request.head.method, path).map_err(|error| match error {
        NoRoute::NotFound => Reason::NoRoute,
        NoRoute::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.allow_header()),
        NoRoute::OtherSpelling(stricter) => Reason::OtherSpelling(stricter),
    })?;
    parts.event.route = Some(matched.route.name.clone());
    parts.grants(grant(ctx, matched.route));
    Ok(matched)
}

/// What the answer of a route says to the page that the request is from.
fn grant<P>(ctx: &RequestContext<'_, P>, route: &Route) -> Option<CorsGrant> {
    route.cors.as_ref().map(|cors| cors.grant(ctx.request.head))
}

/// Both doors. From here on the request goes on.
///
/// # Errors
/// When either stays shut.
pub(crate) async fn enter<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    matched: &Matched<'_>,
    parts: &mut ResponseParts,
) -> Result<AdmittedRequest, Refused> {
    let mut admitted = consider(ctx, path, matched, parts).await?;
    spend(ctx, matched, admitted.counted.take()).await?;
    Ok(admitted)
}

/// Both doors for a request that was refused, to say why. Where nothing else is wrong with the proof of a key, it was used before, or the
/// doors have opened since then: its sender comes again with another one.
///
/// # Errors
/// With why.
pub(super) async fn explain<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    matched: &Matched<'_>,
    parts: &mut ResponseParts,
) -> Result<(), Refused> {
    match consider(ctx, path, matched, parts).await?.scheme {
        Some(scheme @ Scheme::Dpop) => {
            let replayed = TokenRejection::Sender(SenderError::Dpop(DpopError::Replayed));
            Err(refused_at(ctx, matched, scheme, Reason::TokenRejected(replayed)))
        }
        _ => Ok(()),
    }
}

/// Spends one use of a grant whose uses are counted. It is the last thing before a request goes on, so that one that is
/// refused, or that a person has to allow first, costs none.
///
/// # Errors
/// When none is left.
pub(super) async fn spend<P: Platform>(
    ctx: &RequestContext<'_, P>,
    matched: &Matched<'_>,
    counted: Option<CountedUse>,
) -> Result<(), Refused> {
    let Some(CountedUse { grant, scheme }) = counted else { return Ok(()) };
    cold(ctx.spend(&grant)).await.map_err(|reason| refused_at(ctx, matched, scheme, reason))
}

fn refused_at<P>(ctx: &RequestContext<'_, P>, matched: &Matched<'_>, scheme: Scheme, reason: Reason) -> Refused {
    let route = matched.route;
    match route.guard() {
        Some(guard) => Refused::at(GuardedRoute { route, guard }, &ctx.site.config, Credential::Token(scheme), reason),
        None => reason.into(),
    }
}

/// Door 1, then door 2, and on the way the route's limits. What is counted is not spent yet.
///
/// # Errors
/// When either stays shut.
pub(super) async fn consider<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    matched: &Matched<'_>,
    parts: &mut ResponseParts,
) -> Result<AdmittedRequest, Refused> {
    ctx.limit_address(matched.route, parts).await?;
    // Whoever asks without the body, such as another proxy, cannot be told.
    if matched.route.mcp.is_some() && matched.call.is_none() {
        return Err(Reason::Mcp(McpDenial::Unseen).into());
    }
    match &matched.route.access {
        Access::Public => {
            let permit = permitted(authz::authorize(None, matched, ctx.request.now))?;
            ctx.limit_route(matched.route, parts).await?;
            parts.event.end(Effect::Allow, "route.public", StatusCode::OK);
            Ok(AdmittedRequest {
                principal: None,
                identity: UpstreamIdentity::default(),
                lifetime: StreamLifetime::Unlimited,
                permit,
                counted: None,
                scheme: None,
            })
        }
        Access::Guarded(guard) => {
            cold(enter_guarded(ctx, PolicyQuestion { path, matched, guard, facts: &[] }, parts)).await
        }
    }
}

/// The same where somebody has to prove who they are. Of all that, a public route needs nothing.
async fn enter_guarded<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asked: PolicyQuestion<'_>,
    parts: &mut ResponseParts,
) -> Result<AdmittedRequest, Refused> {
    let PolicyQuestion { path, matched, guard, .. } = asked;
    let caller = authenticate(ctx, path, GuardedRoute { route: matched.route, guard }, parts).await?;
    ctx.limit_subject(matched.route, caller.principal(), parts).await?;
    authorize(ctx, asked, caller, parts).await
}

/// Door 1: a caller who is proven, and not blocked. A session was held against the block list when it was looked at.
///
/// # Errors
/// When nobody came through.
pub(crate) async fn authenticate<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    guarded: GuardedRoute<'_>,
    parts: &mut ResponseParts,
) -> Result<Caller, Refused> {
    let caller = identify(ctx, path, guarded, parts).await?;
    if caller.principal().session().is_none() {
        let refused = |reason| Refused::at(guarded, &ctx.site.config, caller.credential(), reason);
        let standing = Standing::of_caller(caller.principal(), caller.granted_at(), ctx.request.now);
        ctx.refuse_blocked(&standing, guarded.guard.revocation).await.map_err(refused)?;
    }
    Ok(caller)
}

/// Who comes. Where tokens are accepted and one is presented, it alone is judged: what a client says explicitly is not
/// overruled, nor saved, by a cookie that its browser adds.
///
/// # Errors
/// When nobody came through.
async fn identify<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    guarded: GuardedRoute<'_>,
    parts: &mut ResponseParts,
) -> Result<Caller, Refused> {
    let GuardedRoute { route, guard } = guarded;
    let refused = |credential| move |reason| Refused::at(guarded, &ctx.site.config, credential, reason);
    refuse_key_beside_token(ctx, guarded)?;
    if let Some(rules) = ctx.site.config.agents.as_ref().filter(|_| guard.goes_by_authorization())
        && let Some(agent) = cold(ctx.by_agent(rules, guarded, path, parts)).await?
    {
        return Ok(Caller::Agent(Box::new(agent)));
    }
    if let Some(principal) = by_key(ctx, guarded, parts).await? {
        return Ok(Caller::Key(Box::new(principal)));
    }
    if guard.takes_tokens() || guard.takes_workloads() {
        if let Some(presented) = ctx.presented_token().map_err(refused(Credential::None))? {
            let credential = Credential::Token(presented.scheme);
            let bearer = match ctx.workload_of(&presented, guard) {
                Some(issuer) => cold(ctx.authenticate_presented_workload(issuer, presented, parts)).await,
                None if guard.takes_tokens() => ctx.authenticate_token(presented, guard, path, parts).await,
                None => Err(Reason::TokenRejected(TokenRejection::IssuerUnknown)),
            };
            return Ok(Caller::Token(Box::new(bearer.map_err(refused(credential))?)));
        }
        if let Some((issuer, presented)) = ctx.access_assertion(guard).map_err(refused(Credential::None))? {
            let credential = Credential::Token(presented.scheme);
            let bearer = cold(ctx.authenticate_workload(issuer, presented, parts)).await;
            return Ok(Caller::Token(Box::new(bearer.map_err(refused(credential))?)));
        }
    }
    let grant = grant(ctx, route);
    let trusted_origin = grant.as_ref().and_then(CorsGrant::trusted_origin);
    if ctx.goes_by_certificate(guard) {
        match ctx.authenticate_certificate(trusted_origin, parts) {
            Ok(principal) => return Ok(Caller::Certificate(Box::new(principal))),
            Err(Reason::Certificate(refusal)) if is_for_others(guard, &refusal) => {
                parts.event.detail = Some(refusal.code().to_owned());
            }
            Err(reason) => return Err(refused(Credential::Certificate)(reason)),
        }
    }
    if !guard.takes_sessions() {
        return Err(refused(Credential::None)(Reason::NoToken));
    }
    let wants = Wants { touch: guard.touch, access_token: guard.token.is_of_session(), staleness: guard.revocation };
    let authenticated = ctx.authenticate_from(trusted_origin, wants, parts).await;
    Ok(Caller::Session(Box::new(authenticated.map_err(refused(Credential::None))?)))
}

/// Several credentials are a bad request, whichever of them would be good: so that is found out before one of them is judged.
///
/// # Errors
/// When a key is shown in a header of its own, and something else in `Authorization`.
fn refuse_key_beside_token<P: Platform>(ctx: &RequestContext<'_, P>, guarded: GuardedRoute<'_>) -> Result<(), Refused> {
    let GuardedRoute { guard, .. } = guarded;
    let takes_both = guard.takes_keys() || guard.takes_tokens();
    let rules = ctx.site.config.api_keys.as_ref().filter(|rules| takes_both && rules.header.is_some());
    let shown = rules.map(|rules| ctx.shown_key(rules)).transpose();
    shown.map(drop).map_err(|reason| Refused::at(guarded, &ctx.site.config, Credential::Key, reason))
}

/// Who comes with an API key; `None` where none is shown. What stands where only a key belongs, and is none, is refused; so is
/// a key where only access tokens belong: nobody but us may see it.
///
/// # Errors
/// When nobody came through.
async fn by_key<P: Platform>(
    ctx: &RequestContext<'_, P>,
    guarded: GuardedRoute<'_>,
    parts: &mut ResponseParts,
) -> Result<Option<Principal>, Refused> {
    let GuardedRoute { guard, .. } = guarded;
    let Some(rules) = &ctx.site.config.api_keys else { return Ok(None) };
    if !guard.takes_keys() && !guard.takes_tokens() {
        return Ok(None);
    }
    let refused = |reason| Refused::at(guarded, &ctx.site.config, Credential::Key, reason);
    let is_token_too = guard.takes_tokens() && rules.header.is_none();
    match ctx.shown_key(rules).map_err(refused)? {
        ShownKey::Nothing if guard.takes_tokens() && ctx.shows_key_as_token(rules).map_err(refused)? => {
            Err(refused(Reason::Key(KeyRejection::NotTaken)))
        }
        ShownKey::Nothing => Ok(None),
        ShownKey::Other if is_token_too => Ok(None),
        ShownKey::Key(key) if guard.takes_keys() => {
            cold(ctx.authenticate_key(rules, &key, guarded, parts)).await.map(Some).map_err(refused)
        }
        ShownKey::Key(_) => Err(refused(Reason::Key(KeyRejection::NotTaken))),
        ShownKey::Other => Err(refused(Reason::Key(KeyRejection::Malformed))),
    }
}

/// Whether a caller whose certificate is of no use here is told of the other ways: people, who may have one of their device's
/// and can sign in, and whoever shows none and could show a token or a key.
fn is_for_others(guard: &Guard, refusal: &CertificateRefusal) -> bool {
    guard.takes_sessions() || (guard.goes_by_authorization() && refusal.is_absence())
}

/// Door 2, and what goes on with whom it lets through.
async fn authorize<P: Platform>(
    ctx: &RequestContext<'_, P>,
    asked: PolicyQuestion<'_>,
    caller: Caller,
    parts: &mut ResponseParts,
) -> Result<AdmittedRequest, Refused> {
    let PolicyQuestion { matched, guard, .. } = asked;
    let guarded = GuardedRoute { route: matched.route, guard };
    let credential = caller.credential();
    let refused = |reason| Refused::at(guarded, &ctx.site.config, credential, reason);
    mcp_denial(matched).map_err(refused)?;
    let decision = authz::authorize(Some(caller.principal()), matched, ctx.request.now);
    let related = relations::also(ctx, decision, &asked, caller.principal(), &mut parts.event).await;
    let (decision, facts) = related.map_err(refused)?;
    let asked = PolicyQuestion { facts: &facts, ..asked };
    let decision = policies::also(ctx, decision, asked, caller.principal(), &mut parts.event).await;
    let (decision, again) = mendable(&ctx.site.config, decision, caller.principal(), ctx.request.now);
    parts.event.detail = shortfall(&decision, caller.principal(), guard);
    let permit = permitted(decision).map_err(|reason| match again {
        Some(again) => Refused { sign_in: Some(Box::new(again)), ..refused(reason) },
        None => refused(reason),
    })?;
    ctx.limit_route(matched.route, parts).await.map_err(refused)?;
    let lifetime = ctx.lifetime(guard, &caller);
    let scheme = credential.scheme();
    let counted = caller.counted_grant().zip(scheme).map(|(grant, scheme)| CountedUse { grant, scheme });
    let sign_in_helps = !caller.has_just_signed_in(ctx.request.now);
    let introduced = ctx.introduce(caller, guarded, &mut parts.event).await;
    let (principal, identity) = introduced.map_err(|reason| Refused { sign_in_helps, ..refused(reason) })?;
    parts.event.end(Effect::Allow, "authz.requirements_met", StatusCode::OK);
    Ok(AdmittedRequest { principal: Some(principal), identity, lifetime, permit, counted, scheme })
}

/// what no rule of the route is for, nobody may.
fn mcp_denial(matched: &Matched<'_>) -> Result<(), Reason> {
    let is_unlisted = matched.call.is_some_and(|call| call.needs.is_none());
    if is_unlisted { Err(Reason::Mcp(McpDenial::Unlisted)) } else { Ok(()) }
}

/// A factor that was proven this short a while ago will not do any better the next time.
const JUST_PROVEN: Seconds = Seconds::minutes(1);

/// Who has a session and a sign-in that does not do is sent for another to the provider that they came by. If that
/// cannot be asked for one, no sign-in helps. Who lacks a second factor of ours is sent to us for it.
fn mendable(config: &Config, decision: Decision, principal: &Principal, now: Timestamp) -> (Decision, Option<SignIn>) {
    let Decision::StepUp(wanted) = &decision else { return (decision, None) };
    // An agent sends the person.
    if principal.grant_id().is_some() {
        return (decision, None);
    }
    // Policies may want one of a program too, which cannot sign in.
    if !principal.is_in_person() {
        return (Decision::Deny(Denial::Authentication(wanted.shortfall)), None);
    }
    if wanted.shortfall.is_of_second() {
        let can_prove = config.second.is_some() && principal.session().is_some();
        let has_just = second::proven(principal).is_some_and(|proof| now.since(proof.at) < JUST_PROVEN);
        return match can_prove && !has_just {
            true => (decision, Some(SignIn::second())),
            false => (Decision::Deny(Denial::Authentication(wanted.shortfall)), None),
        };
    }
    let Some(id) = principal.provider() else { return (decision, None) };
    match config.provider(id).and_then(|provider| SignIn::again(provider, wanted)) {
        Some(again) => (decision, Some(again)),
        None => (Decision::Deny(Denial::Authentication(wanted.shortfall)), None),
    }
}

/// What the route asks for beside what is there, where that is why.
fn shortfall(decision: &Decision, principal: &Principal, guard: &Guard) -> Option<String> {
    let text = match decision {
        Decision::Allow(_) => None,
        Decision::Deny(denial) => found::found(denial, principal, &guard.requirements),
        Decision::StepUp(wanted) if wanted.shortfall.is_of_second() => Some(found::second(principal, wanted.max_age)),
        Decision::StepUp(wanted) => Some(found::sign_in(principal, &wanted.acr_values, wanted.max_age)),
    };
    text.as_deref().map(short)
}

fn permitted(decision: Decision) -> Result<Permit, Reason> {
    match decision {
        Decision::Allow(permit) => Ok(permit),
        Decision::Deny(denial) => Err(Reason::Denied(denial)),
        Decision::StepUp(wanted) => Err(Reason::StepUp(Box::new(wanted))),
    }
}
