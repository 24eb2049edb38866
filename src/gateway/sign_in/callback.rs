//! `GET|POST /auth/callback/{provider}`: back from the provider, with a code to redeem.

use serde_json::Value;

use super::{chooser, concurrent_logins, login, person, signed_response, userinfo};
use crate::api_key::{HolderKey, KeyCommand, KeyReply, OwnerStanding};
use crate::audit::{Effect, What, some_of};
use crate::authn::BlockedBy;
use crate::config::{ClientAuth, Provider};
use crate::gateway::background::{BackgroundTask, Spawn, Work};
use crate::gateway::context::RequestContext;
use crate::gateway::proven::ProofOfKey;
use crate::gateway::refused::{expected_of, explain, tell_mismatch};
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, bound, cold, decrypted, platform, response};
use crate::http::cookie::{self, SessionCookie};
use crate::http::{Method, Response, StatusCode};
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::limit::LimitKind;
use crate::oidc::apple;
use crate::oidc::callback::{CallbackError, CallbackParams};
use crate::oidc::error_response::ErrorClass;
use crate::oidc::metadata::Metadata;
use crate::oidc::return_to::ReturnTo;
use crate::oidc::session_claims::SessionClaims;
use crate::oidc::signed_in::SignedIn;
use crate::oidc::token::{self, CodeGrant, TokenError, TokenResponse};
use crate::oidc::transaction::{self, Transaction};
use crate::oidc::way_back;
use crate::pages;
use crate::ports::{BodyError, Clock, ReplayGuard, RequestBody, StoreError};
use crate::refusal::mismatch::Expected;
use crate::refusal::{Document, Reason};
use crate::secret::Secret;
use crate::session::refresh::RefreshState;
use crate::session::sid_index::SidKey;
use crate::session::{
    Begin, Command, Origin, Reply, Revocation, Session, SessionHandle, SessionId, SubjectKey, Tokens,
};
use crate::time::Timestamp;

const MAX_BODY_BYTES: usize = 64 * 1024;

/// Ends a login, well or badly. Either way its transaction is used up.
pub(crate) async fn finish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::LoginFinish;
    let provider = ctx.site.config.provider(provider).ok_or(Reason::NoRoute)?;
    parts.event.provider = Some(provider.id.as_str().to_owned());
    ctx.request.allow_methods(&[Method::GET, Method::POST])?;
    // Providers send people. A frame or image in a page elsewhere is not to use up the sign-ins of the person before it, so
    // it is not counted; and nothing is looked at for it, or whoever calls themselves one would not be limited at all.
    if ctx.request.is_subresource() {
        return Err(Reason::Callback(CallbackError::NotNavigated));
    }
    ctx.limit_own(LimitKind::Callback, ctx.site.config.limits.callback.as_ref(), parts).await?;
    let params = match receive(ctx, provider, body).await? {
        Received::AsAsked(params) => cold(signed_response::decrypt(ctx, provider, params)).await?,
        Received::Otherwise(responses, fault) => {
            for params in &responses {
                // What it says is not believed; the login it names is over all the same.
                let _named_or_not = consume(ctx, provider, params, parts).await;
            }
            return Err(Reason::Callback(fault));
        }
    };
    let transaction = consume(ctx, provider, &params, parts).await?;
    let metadata = ctx.site.documents.metadata(ctx.platform, provider).await?;
    params.check().map_err(Reason::Callback)?;
    let params = match params.response() {
        Some(response) => {
            cold(signed_response::open(ctx, (provider, &metadata), response, &transaction, parts)).await?
        }
        None => params,
    };
    // of no other provider, and of no later login.
    let told = params.user().filter(|_| matches!(provider.client_auth, ClientAuth::Apple(_))).and_then(apple::name);
    let wants_iss = metadata.iss_parameter_supported || provider.requests.fapi2;
    let code = match params.accept(&provider.issuer, wants_iss) {
        Err(CallbackError::ProviderError(error)) if transaction.silent && error.class() == ErrorClass::PersonWanted => {
            return go_on_as_before(ctx, &Reason::Callback(CallbackError::ProviderError(error)), parts);
        }
        accepted => accepted.map_err(Reason::Callback)?,
    };
    let response = redeem(ctx, provider, &metadata, code, &transaction).await?;
    let refresh_token = response.refresh_token.clone();
    let handle = complete(ctx, provider, &metadata, (response, &transaction, told), parts).await.inspect_err(|_| {
        if let Some(token) = refresh_token {
            let revocation = Revocation::once(provider.id.to_string(), provider.issuer.as_str().to_owned(), token);
            ctx.platform.background().spawn(BackgroundTask(Work::Revoke(revocation)));
        }
    })?;
    arrive(ctx, provider, &transaction, &handle, parts)
}

/// The session cookie, and the page that goes on to where the login was to lead.
pub(in crate::gateway) fn arrive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    transaction: &Transaction,
    handle: &SessionHandle,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let value = handle.to_cookie_value(&ctx.site.config.keys);
    parts.set_cookie(cookie::set_session(value.expose(), ctx.same_site()))?;
    let asked = transaction.asked_tag();
    parts.set_cookie(cookie::set_arrival(ctx.platform.clock().now(), asked.as_deref()))?;
    if chooser::is_a_choice(&ctx.site.config) {
        parts.set_cookie(cookie::set_last_provider(provider.id.as_str()))?;
    }
    concurrent_logins::share_session(ctx, transaction, &value, parts)?;
    parts.event.end(Effect::Allow, "login.succeeded", StatusCode::OK);
    let to = parts.way_back.clone().unwrap_or_else(ReturnTo::start);
    let page = response::html(StatusCode::OK, pages::forward::signed_in(&ctx.view(), to.as_str()));
    Ok(bound::offer(ctx, handle, page))
}

/// From the tokens to the session. If it does not come to that, nobody has the tokens.
async fn complete<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    (response, transaction, told): (TokenResponse, &Transaction, Option<String>),
    parts: &mut ResponseParts,
) -> Result<SessionHandle, Reason> {
    let believed = person::believe(ctx, provider, metadata, &response, transaction).await;
    let signed_in = believed.inspect_err(|reason| {
        let token = response.id_token.as_ref().map_or("", |token| token.expose().as_str());
        let expected = Expected { acr_values: &transaction.acr_values, ..expected_of(provider, ctx.request.now) };
        tell_mismatch(&mut parts.event, reason, token, &expected);
    })?;
    parts.event.identity(provider.id.as_str(), signed_in.issuer(), signed_in.subject());
    let signed_in = signed_in.with_claim(apple::CLAIM, told.map(Value::from));
    let kept = userinfo::told(ctx, provider, metadata, (&response, transaction.proof_key.as_ref()), &signed_in).await?;
    (parts.event.roles, parts.event.left_out) = (some_of(&kept.roles), some_of(&kept.left_out));
    let person = PersonTold { signed_in, kept };
    let handle = begin_session(ctx, provider, response, person, transaction).await?;
    parts.event.session = Some(handle.id.digest().public_id());
    Ok(handle)
}

/// A sign-in that was to ask the person nothing, and cannot be had so: the page that tried it goes on without
/// (OpenID Connect Core §3.1.2.6).
pub(in crate::gateway) fn go_on_as_before<P: Platform>(
    ctx: &RequestContext<'_, P>,
    reason: &Reason,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    // A guarded page says so, and does not send them round again.
    parts.set_cookie(cookie::set_arrival(ctx.platform.clock().now(), None))?;
    parts.event.end(Effect::Redirect, reason.code(), StatusCode::OK);
    explain(&mut parts.event, reason);
    let to = parts.way_back.clone().unwrap_or_else(ReturnTo::start);
    Ok(response::html(StatusCode::OK, pages::forward::go_on(&ctx.view(), to.as_str())))
}

/// what was sealed is parsed again before it is used.
fn parsed_again<P>(ctx: &RequestContext<'_, P>, return_to: &str) -> ReturnTo {
    ReturnTo::parse(return_to, &ctx.site.config.public_url).unwrap_or_else(ReturnTo::start)
}

/// Where the login was to lead, by what outlives it. Cookies for that are taken away: the answer says it from here on.
fn take_way_back<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    state: &str,
    parts: &mut ResponseParts,
) -> Result<Option<ReturnTo>, Reason> {
    let headers = &ctx.request.head.headers;
    for name in way_back::cookie_names(state) {
        if cookie::only(headers, &name).is_some() {
            parts.set_cookie(cookie::delete(&name, login::same_site(provider)))?;
        }
    }
    let known = way_back::open(state, |name| cookie::only(headers, name), &ctx.site.config.keys);
    Ok(known.map(|return_to| parsed_again(ctx, &return_to)))
}

/// Who signed in, and what the session will know of them.
pub(in crate::gateway) struct PersonTold {
    pub(in crate::gateway) signed_in: SignedIn,
    pub(in crate::gateway) kept: SessionClaims,
}

/// An authorization response, by where it stood.
enum Received {
    /// Where this provider was told to put it.
    AsAsked(CallbackParams),
    /// Somewhere else, or in two places.
    Otherwise(Vec<CallbackParams>, CallbackError),
}

/// The response's parameters, from wherever they are.
async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    body: impl RequestBody,
) -> Result<Received, Reason> {
    let signed = provider.response_mode.is_signed();
    let parse = if signed { CallbackParams::parse_signed } else { CallbackParams::parse };
    let is_asked = |params: &CallbackParams| params.response().is_some() == signed;
    let query = parse(ctx.request.target.query.unwrap_or_default());
    let by_form = provider.response_mode.is_posted();
    if ctx.request.head.method == Method::GET {
        return Ok(if by_form || !is_asked(&query) {
            Received::Otherwise(vec![query], CallbackError::WrongResponseMode)
        } else {
            Received::AsAsked(query)
        });
    }
    let posted = if ctx.request.is_form() { body.text(MAX_BODY_BYTES).await.map(Some) } else { Ok(None) };
    Ok(match posted {
        Err(BodyError::TooLarge | BodyError::Unreadable) => Received::Otherwise(vec![query], CallbackError::TooLarge),
        Ok(Some(text)) if by_form && !query.says_anything() => match parse(&text) {
            params if is_asked(&params) => Received::AsAsked(params),
            params => Received::Otherwise(vec![params], CallbackError::WrongResponseMode),
        },
        Ok(text) => {
            let mixed = by_form && query.says_anything();
            let fault = if mixed { CallbackError::Mixed } else { CallbackError::WrongResponseMode };
            let body = text.as_deref().map(parse);
            Received::Otherwise(std::iter::once(query).chain(body).collect(), fault)
        }
    })
}

/// Finds the login that this browser began with this `state`, and uses it up: whatever comes after,
/// it ends once.
async fn consume<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    params: &CallbackParams,
    parts: &mut ResponseParts,
) -> Result<Transaction, Reason> {
    consume_named(ctx, provider, params.state().map_err(Reason::Callback)?, parts).await
}

/// The same, by its `state`.
pub(in crate::gateway) async fn consume_named<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    state: &str,
    parts: &mut ResponseParts,
) -> Result<Transaction, Reason> {
    let name = transaction::cookie_name(state);
    let named = || cookie::login_transactions(&ctx.request.head.headers).filter(|(candidate, _)| *candidate == name);
    if named().next().is_some() {
        parts.set_cookie(cookie::delete(&name, login::same_site(provider)))?;
    }
    parts.way_back = take_way_back(ctx, provider, state, parts)?;
    let found = named()
        .take(transaction::MAX_AT_ONCE)
        .filter_map(|(name, value)| Transaction::open(name, value, &ctx.site.config.keys, ctx.request.now))
        .find(|transaction| transaction.has_state(state))
        .ok_or_else(|| {
            // Who made this up could not have sealed it.
            parts.event.detail = parts.way_back.as_ref().map(|_| "a login of ours, expired or finished".to_owned());
            Reason::Callback(CallbackError::NoTransaction)
        })?;
    if parts.way_back.is_none() {
        parts.way_back = Some(parsed_again(ctx, &found.return_to));
    }
    let first =
        ctx.platform.replay_guard().claim(&found.once_key(), found.expires_at()).await.map_err(Reason::Store)?;
    if !first {
        return Err(Reason::Callback(CallbackError::AlreadyUsed));
    }
    if found.provider != provider.id.as_str() {
        return Err(Reason::Callback(CallbackError::WrongProvider));
    }
    Ok(found)
}

/// Exchanges the code. It is sent once: if the answer stays away nobody knows whether it counted.
async fn redeem<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    metadata: &Metadata,
    code: Secret<String>,
    transaction: &Transaction,
) -> Result<TokenResponse, Reason> {
    let redirect_uri = ctx.site.config.callback_url(&provider.id);
    let grant = CodeGrant { code, code_verifier: &transaction.code_verifier, redirect_uri: &redirect_uri };
    let key = transaction.proof_key.as_ref();
    if key.is_none() && provider.binds_by_dpop() {
        return Err(Reason::Token(TokenError::ProofKey));
    }
    let endpoint = metadata.token_endpoint.of_provider(provider);
    let (asking, proof) = ((provider, Document::Token), ProofOfKey { key, access_token: None });
    let answer = ctx.site.send_proven(ctx.platform, asking, proof, async || {
        let maker = platform::assertion_maker(ctx.platform, ctx.request.now);
        token::code_request(provider, endpoint, &grant, maker).await.map_err(Reason::Token)
    });
    let mut response = token::process_as(&answer.await?, key.is_some()).map_err(Reason::Token)?;
    cold(decrypted::open_id_token(ctx.platform, provider, &mut response)).await?;
    Ok(response)
}

/// Ends the session this browser had, and begins a new one under a new id.
pub(in crate::gateway) async fn begin_session<P: Platform>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    response: TokenResponse,
    person: PersonTold,
    transaction: &Transaction,
) -> Result<SessionHandle, Reason> {
    let signed_in = &person.signed_in;
    let subject = SubjectKey::of(signed_in.issuer(), signed_in.subject());
    let id = SessionId::generate(ctx.platform.random());
    let handle = SessionHandle { subject, id, began_at: Some(ctx.request.now) };
    let mut replaces = None;
    for old in previous(ctx, transaction) {
        if old.subject == subject && replaces.is_none() {
            replaces = Some(old.id.digest());
        } else {
            ctx.end_session(&old).await?;
        }
    }
    let session = record(ctx, provider, &response, &person);
    let by_name = signed_in.logout_name().map(|name| SidKey::of(signed_in.issuer(), name));
    let by_email = ctx.email_key((provider.id.as_str(), &session.issuer), session.email());
    let grants_end_at = ctx.last_grant_ends_at();
    // A logout of SAML may name the person alone, and ends what they granted too.
    for (key, until) in [(by_name, grants_end_at.filter(|_| provider.saml.is_some())), (by_email, grants_end_at)] {
        // Before the session begins, so that none is alive that a logout token, or a revocation, could not find.
        if !ctx.enter_person(key, (subject, transaction.started_at), until).await.map_err(Reason::Store)? {
            return Err(Reason::LoginOvertaken);
        }
    }
    tell_keys(ctx, &session).await?;
    let begin = Begin {
        digest: handle.id.digest(),
        session,
        tokens: Tokens {
            access_token: response.access_token.unwrap_or_default(),
            refresh_token: response.refresh_token,
            // Without OpenID Connect it would be nothing that was checked.
            id_token: response.id_token.filter(|_| provider.oauth2.is_none()).unwrap_or_default(),
            nonce: Some(transaction.nonce.clone()),
            proof_key: transaction.proof_key.clone(),
        },
        replaces,
        login_started_at: transaction.started_at,
        max_sessions: ctx.site.config.session.max_per_subject,
        clocks: ctx.timeouts(),
    };
    match ctx.command(&subject, &Command::Begin(Box::new(begin))).await.map_err(Reason::Store)? {
        Reply::Begun => Ok(handle),
        Reply::Overtaken => Err(Reason::LoginOvertaken),
        Reply::Blocked => Err(Reason::Blocked(BlockedBy::Person)),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// Before the session begins: a person's keys never may more than they themselves, so nobody gets in while that cannot be
/// seen to.
async fn tell_keys<P: Platform>(ctx: &RequestContext<'_, P>, session: &Session) -> Result<(), Reason> {
    if ctx.site.config.api_keys.as_ref().is_none_or(|rules| rules.self_service.is_none()) {
        return Ok(());
    }
    let standing = OwnerStanding {
        roles: session.roles.clone(),
        permissions: session.permissions.clone(),
        tenant: session.tenant.clone(),
        at: session.created_at,
    };
    let of = HolderKey::of_person(&session.issuer, &session.subject);
    match ctx.key_command(&KeyCommand::Update { of, standing }).await.map_err(Reason::Store)? {
        KeyReply::Done { .. } => Ok(()),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The sessions this browser has or had when the login began.
fn previous<P: Platform>(ctx: &RequestContext<'_, P>, transaction: &Transaction) -> Vec<SessionHandle> {
    let now = match cookie::session(&ctx.request.head.headers) {
        SessionCookie::One(value) => Some(value),
        SessionCookie::Absent | SessionCookie::Several => None,
    };
    let then =
        transaction.previous_session.as_ref().map(|then| then.expose().as_str()).filter(|then| Some(*then) != now);
    now.into_iter().chain(then).filter_map(|value| ctx.session_of(value)).collect()
}

fn record<P>(
    ctx: &RequestContext<'_, P>,
    provider: &Provider,
    response: &TokenResponse,
    person: &PersonTold,
) -> Session {
    let signed_in = &person.signed_in;
    let now = ctx.request.now;
    // One that never came is over from the start: a refresh token may bring one, else the person signs in for it.
    let is_openid = provider.oauth2.is_none();
    let life = response.access_token.as_ref().map(|_| response.life(is_openid));
    Session {
        issuer: IssuerIdentifier::new(signed_in.issuer()),
        subject: SubjectIdentifier::new(signed_in.subject()),
        provider: provider.id.as_str().to_owned(),
        claims: person.kept.claims.clone(),
        // RFC 6749 §5.1: left out when it is what was asked for.
        scopes: response.granted(is_openid).unwrap_or_else(|| provider.scopes.clone()),
        roles: person.kept.roles.clone(),
        permissions: person.kept.permissions.clone(),
        tenant: person.kept.tenant.clone(),
        auth_time: signed_in.auth_time(),
        acr: signed_in.acr().map(str::to_owned),
        amr: signed_in.amr().to_vec(),
        sid: signed_in.sid().map(str::to_owned),
        created_at: now,
        last_seen: now,
        access_token_expires_at: Some(life.map_or(now, |life| now.plus(life))),
        access_token_issued_at: if life.is_some() { now } else { Timestamp::EPOCH },
        refresh: RefreshState { possible: response.refresh_token.is_some(), ..RefreshState::default() },
        ceiling: provider.session_max.map(|longest| now.plus(longest)),
        until: signed_in.until(),
        origin: Origin::of(ctx.request.head),
        second: None,
        device: None,
        listed_before: Vec::new(),
        grant: None,
        left_out: person.kept.left_out.clone(),
    }
}
