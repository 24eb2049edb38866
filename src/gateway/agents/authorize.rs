//! `GET /auth/agents/authorize`: a client sends a person here, to be asked (RFC 6749 §4.1.1).

use super::AUTHORIZE;
use super::clients::redirect_uri;
use super::grants::{self, GrantOrder, Life};
use crate::agent::AgentError;
use crate::agent::authorize::{
    AuthorizationError, AuthorizationRequest, ConsentQuestion, ConsentTransaction, Parameters, UnanswerableRequest,
    offer,
};
use crate::agent::client::{ClientDocument, RedirectUri};
use crate::audit::{Effect, What, short};
use crate::authn::Authenticated;
use crate::authn::session_cookie::Wants;
use crate::authz::{StepUp, authentication};
use crate::config::AgentRules;
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::{ResponseParts, SignedInPerson};
use crate::gateway::second_factor;
use crate::gateway::sign_in::link::SignIn;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::oidc::return_to::CONSENT_MARK;
use crate::pages;
use crate::pages::consent::ConsentPage;
use crate::refusal::Reason;
use crate::route::Requirements;
use crate::session::{Command, Listed, Reply};
use crate::time::Timestamp;

/// A client's request, once it is known whose it is.
pub(super) struct Asking<'a> {
    pub(super) client: &'a ClientDocument,
    /// The host of its id.
    pub(super) host: Option<&'a str>,
    pub(super) uri: &'a RedirectUri,
    pub(super) state: Option<&'a str>,
    pub(super) request: AuthorizationRequest,
}

/// Asks the person, who is sent to sign in before.
pub(super) async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::AgentConsent;
    ctx.request.allow_methods(&[Method::GET, Method::POST])?;
    // An image, a frame or a script of whatever site asks nobody.
    if !ctx.request.request_kind.is_navigation() {
        return Err(Reason::LoginNotNavigated.into());
    }
    let parameters = Parameters::parse(ctx.request.target.query.unwrap_or_default());
    let id = parameters.client_id().map_err(unanswerable)?;
    let asked_uri = parameters.redirect_uri().map_err(unanswerable)?;
    parts.event.client_id = Some(short(id));
    let named = ctx.named_client(rules, id).map_err(Reason::Client)?;
    // Before anything is fetched: strangers have nothing fetched.
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let person = match ctx.authenticate(wants, parts).await {
        Ok(person) => person,
        Err(reason) => return to_sign_in(ctx, &parameters, reason.into(), parts),
    };
    parts.event.client_id = Some(short(id));
    let principal = &person.principal;
    ctx.limit_consents((principal.issuer(), principal.subject()), parts).await?;
    let host = named.host().map(str::to_owned);
    let client = ctx.client(named, parts).await?;
    let uri = redirect_uri(rules, host.as_deref(), &client, asked_uri).map_err(Reason::Client)?;
    let state = parameters.state();
    let request = match parameters.accept(|address| offer::find(&ctx.site.config, address)) {
        Ok(request) => request,
        Err(error) => return Ok(grants::tell_client(ctx, (&uri, state), error, parts)?),
    };
    match shortfall(ctx, &person, &request) {
        Some(Shortfall::Unmet) => {
            return Ok(grants::tell_client(ctx, (&uri, state), AuthorizationError::Unmet, parts)?);
        }
        Some(Shortfall::Again(wanted, again)) => {
            let refused = Refused { sign_in: Some(Box::new(again)), ..Reason::StepUp(Box::new(wanted)).into() };
            return to_sign_in(ctx, &parameters, refused, parts);
        }
        None => {}
    }
    // An agent has what the person has: whom we ask for a second factor, we ask before.
    if let Err(refused) = second_factor::require(ctx, principal, None) {
        return to_sign_in(ctx, &parameters, refused, parts);
    }
    let asking = Asking { client: &client, host: host.as_deref(), uri: &uri, state, request };
    if let Some(until) = remembered(ctx, (rules, &parameters), &person, &asking).await? {
        if let Some(proof) = guard::device::prove_first(ctx, principal, parts)? {
            return Ok(proof);
        }
        return Ok(grants::begin(ctx, rules, order(&person, &asking, (until, ctx.request.now)), parts).await?);
    }
    Ok(page(ctx, rules, &person, &asking, parts)?)
}

const fn unanswerable(error: UnanswerableRequest) -> Reason {
    Reason::Client(AgentError::Request(error))
}

/// To the sign-in and back. What comes back says that the person is to be asked: however they come back, it is by a page of
/// ours, and would look as if they had come by themselves.
fn to_sign_in<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parameters: &Parameters<'_>,
    refused: Refused,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    if parameters.is_marked() || !refused.reason.refusal().offers_login() {
        return guard::challenge(ctx, refused, parts);
    }
    let query = ctx.request.target.query.unwrap_or_default();
    let location = format!("{AUTHORIZE}?{query}&{CONSENT_MARK}");
    let response = response::redirect(StatusCode::FOUND, &location);
    let response = response.ok_or(Reason::Internal("internal.location_unwritable"))?;
    parts.event.end(Effect::Redirect, refused.reason.code(), response.status);
    Ok(response)
}

/// Why the person's sign-in is not what the client asks for.
enum Shortfall {
    /// Another one may be.
    Again(StepUp, SignIn),
    /// And no other can be.
    Unmet,
}

fn shortfall<P>(
    ctx: &RequestContext<'_, P>,
    person: &Authenticated,
    request: &AuthorizationRequest,
) -> Option<Shortfall> {
    let required =
        Requirements { acr: request.acr_values.clone(), max_age: request.max_age, ..Requirements::default() };
    let facts = person.principal.authentication();
    let shortfall = authentication::decide(Some(facts), &required, ctx.request.now).err()?;
    let wanted = StepUp { acr_values: required.acr, max_age: required.max_age, shortfall };
    let provider = person.principal.provider().and_then(|id| ctx.site.config.provider(id));
    let again = provider.and_then(|provider| SignIn::again(provider, &wanted));
    Some(again.map_or(Shortfall::Unmet, |again| Shortfall::Again(wanted, again)))
}

/// Until when the person has allowed the same before, where that is remembered: to the same client, at the same address, and
/// as much. Never where the request may be some page's and not the person's own, and never for a client that anybody
/// may have registered.
async fn remembered<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (rules, parameters): (&AgentRules, &Parameters<'_>),
    person: &Authenticated,
    asking: &Asking<'_>,
) -> Result<Option<Timestamp>, Reason> {
    let is_persons_own = matches!(ctx.request.head.header("sec-fetch-site"), Some("none" | "same-origin"));
    if !rules.remember || !is_persons_own || parameters.is_marked() || asking.client.is_registered {
        return Ok(None);
    }
    let command = Command::List { clocks: ctx.timeouts() };
    let Reply::Sessions(listed) = ctx.command(&person.handle.subject, &command).await.map_err(Reason::Store)? else {
        return Ok(None);
    };
    let is_same = |listed: &&Listed| {
        listed.grant.as_ref().is_some_and(|grant| {
            grant.client == asking.client.id
                && grant.redirect_uri == asking.uri.as_str()
                && grant.resource == asking.request.resource
                && asking.request.scopes.iter().all(|scope| grant.scopes.contains(scope))
                && !grant.with_session
        })
    };
    Ok(listed.iter().filter(is_same).map(|listed| listed.expires_at).max())
}

fn order<'a>(
    person: &'a Authenticated,
    asking: &'a Asking<'a>,
    (until, now): (Timestamp, Timestamp),
) -> GrantOrder<'a> {
    GrantOrder {
        person,
        client: &asking.client.id,
        client_name: &asking.client.name,
        redirect_uri: asking.uri,
        state: asking.state,
        resource: &asking.request.resource,
        scopes: &asking.request.scopes,
        challenge: &asking.request.challenge,
        life: Life::Until(until),
        // Nobody is asked: what they allowed before is there now.
        asked_at: now,
        reason: "agent.consent_remembered",
    }
}

fn page<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    person: &Authenticated,
    asking: &Asking<'_>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let (keys, random) = (&ctx.site.config.keys, ctx.platform.random());
    let question = ConsentQuestion {
        client: &asking.client.id,
        client_name: &asking.client.name,
        redirect_uri: asking.uri.as_str(),
        state: asking.state,
        resource: &asking.request.resource,
        scopes: &asking.request.scopes,
        challenge: &asking.request.challenge,
    };
    let transaction = ConsentTransaction::begin(&question, ctx.request.now, random);
    let sealed = transaction.seal(person.handle.id.digest().as_str(), keys, random);
    let sealed = sealed.map_err(|_| Reason::Internal("internal.consent_unsealable"))?;
    let (config, resource) = (&ctx.site.config, &asking.request.resource);
    let explained = |scope: &'_ String| offer::operations(config, resource, scope);
    let scopes: Vec<(&str, Vec<&str>)> =
        asking.request.scopes.iter().map(|scope| (scope.as_str(), explained(scope))).collect();
    let label = SignedInPerson::of(&person.principal).label;
    let page = ConsentPage {
        client: &asking.client.name,
        host: asking.host,
        redirect: asking.uri,
        resource: &asking.request.resource,
        person: &label,
        scopes: &scopes,
        words: &rules.scopes,
        days: &grants::days(rules),
        question: &sealed,
    };
    parts.event.end(Effect::Allow, "agent.consent_asked", StatusCode::OK);
    Ok(response::html(StatusCode::OK, pages::consent::render(&ctx.view(), &page)))
}
