//! The life of a request: canonical request → route → door 1 → door 2 → upstream or an answer of our own.

mod account;
mod admin;
mod agent_index;
mod agents;
mod authzen;
mod background;
mod blocks;
mod bound;
mod context;
mod decrypted;
mod deployment;
mod exposed_key;
mod guard;
mod health;
mod issuer_documents;
mod languages;
mod leak_reports;
mod person_index;
mod platform;
mod proven;
mod refused;
mod relations;
mod request;
mod request_id;
mod response;
mod response_parts;
mod saml;
mod second_factor;
mod sharing;
mod sign_in;
mod sign_out;
mod warm_up;
mod well_known;

use std::cell::Cell;
use std::pin::Pin;

use crate::api_key::KeyCache;
use crate::audit::{Effect, Event, PendingEvent, What};
use crate::authn::introspection_budget::IntrospectionBudget;
use crate::authn::token_cache::TokenCache;
use crate::config::{Config, DecisionRetention, SHARING_PREFIX};
use crate::http::cors::CorsGrant;
use crate::http::fetch_metadata::Reader;
use crate::http::{Method, RequestHead, Response, StatusCode};
use crate::limit::{IsolateBuckets, LimitKind};
use crate::outward::ServiceTokenCopies;
use crate::pages::problem::ProblemContext;
use crate::policy::{Policies, PolicyEngine};
use crate::ports::{Clock, Log, Random, RequestBody};
use crate::refusal::{Reason, Refusal};
use crate::route::{CanonicalPath, OWN_PREFIX};
use crate::session::LiveCache;
use crate::store::decision_log::{DecisionLog, LoggedDecision, MAX_EVENT_BYTES};
use crate::time::Timestamp;
use crate::upstream::{Assertions, ForwardPlan};
use account::{api_keys, me, second, sessions};
use agents::approvals;
use exposed_key::WatchedBody;
use guard::forward_auth;
use sign_in::{callback, continue_pages, login};
use sign_out::{backchannel, frontchannel, revocation};
use well_known::{assertion_keys, client_keys, client_script, protected_resource, resource_url};

pub use admin::{ENDPOINTS as MANAGEMENT, Endpoint};
pub use background::{BackgroundTask, Spawn};
use context::RequestContext;
pub use deployment::{SiteMatch, Sites, Unusable};
pub use guard::embedded::Admission;
use guard::forward_auth::Asks;
use issuer_documents::IssuerDocuments;
use languages::Translations;
pub use platform::Platform;
use proven::ProviderNonces;
use refused::{Refused, explain};
use request::Request;
use response_parts::ResponseParts;
pub use warm_up::WarmUp;

/// A site at work. Built once, shared by all requests; of any one of them it holds only what [`LiveCache`],
/// [`TokenCache`], [`KeyCache`], [`IntrospectionBudget`], [`IsolateBuckets`], [`Assertions`] and
/// [`ServiceTokenCopies`] may.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    documents: IssuerDocuments,
    cache: LiveCache,
    blocks: blocks::BlockMemory,
    clients: agents::ClientDocuments,
    tokens: TokenCache,
    /// Those of programs that platforms vouch for: a door of their own.
    workload_tokens: TokenCache,
    keys: KeyCache,
    introspection_budget: IntrospectionBudget,
    buckets: IsolateBuckets,
    assertions: Assertions,
    service_tokens: ServiceTokenCopies,
    translations: Translations,
    nonces: ProviderNonces,
    saml_metadata: saml::UnderstoodMetadata,
    /// `None` without an engine.
    policies: Option<Policies>,
    /// Whether any request may ask them.
    asks_policies: bool,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Disposition {
    /// This is the answer.
    Respond(Response),
    /// Both doors are open: send it on.
    Forward(Box<ForwardPlan>),
}

impl Gateway {
    /// A gateway for this site. `engine`: what its policies are read by; without one there are none, and nobody passes
    /// who would have to ask them.
    #[must_use]
    pub fn new(config: Config, engine: Option<&'static dyn PolicyEngine>) -> Self {
        let (documents, assertions) = (IssuerDocuments::new(&config.keys), Assertions::new(&config.keys));
        Self {
            asks_policies: config.asks_policies(),
            config,
            documents,
            cache: LiveCache::default(),
            blocks: blocks::BlockMemory::default(),
            clients: agents::ClientDocuments::default(),
            tokens: TokenCache::default(),
            workload_tokens: TokenCache::default(),
            keys: KeyCache::default(),
            introspection_budget: IntrospectionBudget::default(),
            buckets: IsolateBuckets::default(),
            assertions,
            service_tokens: ServiceTokenCopies::default(),
            translations: Translations::default(),
            nonces: ProviderNonces::default(),
            saml_metadata: saml::UnderstoodMetadata::default(),
            policies: engine.map(Policies::new),
        }
    }

    /// The site it serves.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Decides about one request. Exactly one event is written about it: now, or by [`Gateway::forwarded`] where the request
    /// is sent on.
    pub async fn handle<P: Platform>(&self, platform: &P, head: &RequestHead, body: impl RequestBody) -> Disposition {
        let (ctx, mut parts) = self.begin(platform, head);
        ctx.load_language().await;
        let outcome = match ctx.enter() {
            Ok(path) => {
                let exposed = Cell::new(None);
                let outcome =
                    self.dispatch(&ctx, &path, WatchedBody::new(&ctx, &path, body, &exposed), &mut parts).await;
                exposed.get().map_or(outcome, |id| Err(Reason::KeyExposed(id).into()))
            }
            Err(reason) => Err(reason.into()),
        };
        let outcome = outcome.unwrap_or_else(|refused| Disposition::Respond(ctx.refuse(&refused, &mut parts)));
        ctx.note_key_shown(&mut parts);
        if let Disposition::Respond(_) = outcome {
            self.note(platform, &parts.event);
        }
        self.look_ahead(platform);
        match outcome {
            Disposition::Respond(response) => Disposition::Respond(ctx.finish(response, parts)),
            Disposition::Forward(plan) => Disposition::Forward(Box::new(parts.complete(*plan))),
        }
    }

    /// Writes the event about a request that was sent on: with the status that its upstream answered, or why it did not.
    pub fn forwarded<P: Platform>(&self, platform: &P, plan: &ForwardPlan, answered: Result<StatusCode, &Reason>) {
        let Some(PendingEvent { event, line }) = plan.event() else { return };
        match answered {
            Ok(status) => {
                let status = status.as_u16();
                let line = line.closed(status, Some(status));
                self.write(platform, &line, || Event { status, upstream_status: Some(status), ..(**event).clone() });
            }
            Err(reason) => {
                let mut event = event.clone();
                event.end(Effect::Deny, reason.code(), reason.refusal().status());
                explain(&mut event, reason);
                self.note(platform, &event);
            }
        }
    }

    /// Writes the event about a request that was sent on, and whose client went away before its upstream answered.
    pub fn abandoned<P: Platform>(&self, platform: &P, plan: &ForwardPlan) {
        let Some(pending) = plan.event() else { return };
        self.write(platform, &pending.to_line(), || (*pending.event).clone());
    }

    fn note<P: Platform>(&self, platform: &P, event: &Event) {
        self.write(platform, &event.to_line(), || event.clone());
    }

    /// Writes the event by its line; where the configuration says so, it is kept as well, for who asks why by its id.
    fn write<P: Platform>(&self, platform: &P, line: &str, event: impl FnOnce() -> Event) {
        platform.log().line(line);
        let Some(decisions) = self.config.decisions else { return };
        let event = event();
        let is_meant = event.outcome == Effect::Deny || decisions.of == DecisionRetention::All;
        if is_meant && is_for_keeping(&event) {
            let (until, id) = (event.time.plus(decisions.keep), event.request_id.clone());
            let kept = if line.len() > MAX_EVENT_BYTES { event.in_short().to_line() } else { line.to_owned() };
            platform.decisions().keep(LoggedDecision::new(&id, kept, until));
        }
    }

    /// What is known of a request from its start, and nothing noted yet.
    fn begin<'a, P: Platform>(
        &'a self,
        platform: &'a P,
        head: &'a RequestHead,
    ) -> (RequestContext<'a, P>, ResponseParts) {
        let request_id = request_id::request_id(platform.random());
        let now = platform.clock().now();
        let mut event = Event::about(&request_id, head.method.as_str(), head.target().path, &head.peer, now);
        event.decided_by(&self.config);
        let ctx = RequestContext { request: Request::new(head, now, request_id), site: self, platform, uses_up: true };
        (ctx, ResponseParts::new(event))
    }

    /// Own endpoints first; everything else is a route or nothing.
    async fn dispatch<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        path: &CanonicalPath,
        body: impl RequestBody,
        parts: &mut ResponseParts,
    ) -> Result<Disposition, Refused> {
        if may_be_own(path) {
            cold(self.own(ctx, path, body, parts)).await
        } else {
            guard::pass(ctx, path, body, parts).await
        }
    }

    /// The endpoint of ours at this path, where there is one.
    async fn own<P: Platform>(
        &self,
        ctx: &RequestContext<'_, P>,
        path: &CanonicalPath,
        body: impl RequestBody,
        parts: &mut ResponseParts,
    ) -> Result<Disposition, Refused> {
        if is_limited_as_own(path) {
            let limited = ctx.limit_own(LimitKind::Own, self.config.limits.own.as_ref(), parts).await;
            if let Err(reason) = limited {
                return agents::refuse(ctx, path, reason.into(), parts).map(Disposition::Respond);
            }
        }
        if let Some(resource) = resource_url::asked_about(&ctx.site.config, path) {
            return Ok(Disposition::Respond(protected_resource::describe(ctx, resource, parts)?));
        }
        if let (Some(authzen), Some(endpoint)) = (&ctx.site.config.authzen, authzen::AuthzenEndpoint::at(path)) {
            let response = cold(authzen::answer(ctx, authzen::Call { authzen, endpoint, path }, body, parts)).await?;
            return Ok(Disposition::Respond(response));
        }
        if let Some(sharing) = ctx.site.config.sharing.as_ref().filter(|_| path.is_within(SHARING_PREFIX)) {
            let response = cold(sharing::answer(ctx, (sharing, path), body, parts)).await?;
            return Ok(Disposition::Respond(response));
        }
        if let Some(rules) = agents::rules_at(ctx, path) {
            let response = cold(agents::answer(ctx, (rules, path), body, parts)).await?;
            return Ok(Disposition::Respond(response));
        }
        if assertion_keys::is_asked_for(&ctx.site.config, path) {
            return Ok(Disposition::Respond(assertion_keys::publish(ctx, parts)?));
        }
        let response = match path.as_str() {
            "/auth/login" => cold(login::start(ctx, body, parts)).await?,
            "/auth/me" => cold(me::read(ctx, parts)).await?,
            "/auth/logout" => cold(sign_out::end(ctx, parts)).await?,
            "/auth/logged-out" => cold(sign_out::landing(ctx, parts)).await?,
            "/auth/signed-in" => cold(continue_pages::signed_in(ctx, parts)).await?,
            "/auth/continue" => ctx.own_page(parts, continue_pages::go_on)?,
            "/auth/postern.js" => ctx.own_page(parts, client_script::script)?,
            "/auth/health" => cold(health::answer(ctx, parts)).await?,
            "/auth/keys" => cold(api_keys::all(ctx, body, parts)).await?,
            "/auth/approvals" => cold(approvals::all(ctx, parts)).await?,
            "/auth/second" => cold(second::answer(ctx, "", body, parts)).await?,
            "/auth/sessions" => cold(sessions::all(ctx, parts)).await?,
            "/auth/sessions/end-others" => cold(sessions::end_others_by_form(ctx, parts)).await?,
            "/auth/verify" => cold(forward_auth::answer(ctx, Asks::Whether, parts)).await?,
            "/auth/verify/refusal" => cold(forward_auth::answer(ctx, Asks::Why, parts)).await?,
            _ if path.is_within(bound::PREFIX) => cold(bound::answer(ctx, path, parts)).await?,
            _ if path.is_within(admin::PREFIX) => cold(admin::answer(ctx, path, body, parts)).await?,
            _ => return named(ctx, path, body, parts).await,
        };
        Ok(Disposition::Respond(response))
    }
}

/// The endpoints that have a name of somebody's or something's in their path.
async fn named<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Disposition, Refused> {
    let response = match path.as_str().strip_prefix("/auth/").and_then(|rest| rest.split_once('/')) {
        Some(("callback", provider)) => cold(callback::finish(ctx, provider, body, parts)).await?,
        Some(("backchannel-logout", provider)) => cold(backchannel::receive(ctx, provider, body, parts)).await?,
        Some(("saml", rest)) => cold(saml::answer(ctx, rest, body, parts)).await?,
        Some(("revocation", provider)) => cold(revocation::receive(ctx, provider, body, parts)).await?,
        Some(("frontchannel-logout", provider)) => cold(frontchannel::receive(ctx, provider, parts)).await?,
        Some(("clients", rest)) => client_keys::publish(ctx, rest, parts)?,
        Some(("keys", "leaked")) => cold(leak_reports::receive(ctx, body, parts)).await?,
        Some(("keys", "leaked/github")) => cold(leak_reports::github::receive(ctx, body, parts)).await?,
        Some(("keys", rest)) => cold(api_keys::one(ctx, rest, parts)).await?,
        Some(("approvals", rest)) => cold(approvals::one(ctx, rest, body, parts)).await?,
        Some(("second", rest)) if !rest.is_empty() => cold(second::answer(ctx, rest, body, parts)).await?,
        Some(("sessions", rest)) => cold(sessions::one(ctx, rest, parts)).await?,
        _ => return guard::pass(ctx, path, body, parts).await,
    };
    Ok(Disposition::Respond(response))
}

/// Work that few requests lead to, as code of its own. Else it would be part of the code of every request: an isolate compiles
/// that for its first request, and anew once it is hot, all or nothing.
pub(crate) fn cold<'work, T>(work: impl Future<Output = T> + 'work) -> Pin<Box<dyn Future<Output = T> + 'work>> {
    Box::pin(work)
}

/// Whether an event may be kept: only a decision about somebody who is known, and none that a limit made. Else each request
/// of any stranger would be a write, and no limit would help against those of others. A 429 of an upstream's is no limit of
/// ours.
fn is_for_keeping(event: &Event) -> bool {
    let is_limited = event.outcome == Effect::Deny && event.status == StatusCode::TOO_MANY_REQUESTS;
    // Whose session it is does not say who sent a cookie alone.
    let is_unproven = event.reason.strip_prefix("session.").is_some_and(|rest| rest.starts_with("device"));
    event.event != What::Own && event.subject.is_some() && !is_limited && !is_unproven
}

/// Whether there may be an endpoint of ours at this path.
fn may_be_own(path: &CanonicalPath) -> bool {
    is_in_own_places(path) || authzen::AuthzenEndpoint::at(path).is_some()
}

fn is_in_own_places(path: &CanonicalPath) -> bool {
    path.is_within(OWN_PREFIX) || path.is_within("/.well-known")
}

/// Whether a path is ours and has no limit of its own. What another proxy asks about, and what services share, is counted by
/// its own rule.
fn is_limited_as_own(path: &CanonicalPath) -> bool {
    const OTHERWISE: [&str; 10] = [
        bound::PREFIX,
        "/auth/login",
        "/auth/callback",
        "/auth/backchannel-logout",
        "/auth/frontchannel-logout",
        "/auth/revocation",
        "/auth/verify",
        SHARING_PREFIX,
        saml::CONSUMER,
        saml::LOGOUT,
    ];
    is_in_own_places(path) && !OTHERWISE.iter().any(|other| path.is_within(other))
}

impl<P: Platform> RequestContext<'_, P> {
    /// A page or document of ours that decides nothing.
    fn own_page(&self, parts: &mut ResponseParts, page: fn(&Self) -> Response) -> Result<Response, Reason> {
        parts.event.event = What::Own;
        self.request.allow_methods(&[Method::GET, Method::HEAD])?;
        let response = page(self);
        parts.event.end(Effect::Allow, "own.page", response.status);
        Ok(response)
    }
}

impl Gateway {
    /// The answer when the upstream of a [`ForwardPlan`] fails: the same face as every other refusal.
    #[must_use]
    pub fn upstream_failed(&self, head: &RequestHead, request_id: &str, reason: &Reason) -> Response {
        let grant = self.grant(head);
        // Its language was loaded before it was sent on.
        let request = Request::new(head, Timestamp::EPOCH, request_id.to_owned());
        let ctx = RequestContext { request, site: self, platform: &(), uses_up: true };
        let here = ctx.request.here();
        let again = ctx.request.may_be_asked_again().then_some(here.as_str());
        let context = ProblemContext { request_id, again, ..ProblemContext::default() };
        let response = response::problem(&ctx.view(), &reason.refusal(), ctx.request.reader, &context);
        let mut response = response::sealed(response, request_id, self.config.public_url.is_pinned_to_https());
        if let Some(grant) = grant {
            grant.add_to_own(&mut response.headers);
        }
        response
    }
}

impl Gateway {
    /// What an answer to this request says to pages of other origins.
    fn grant(&self, head: &RequestHead) -> Option<CorsGrant> {
        let path = CanonicalPath::parse(head.target().path).ok()?;
        Some(self.config.routes.find(&head.method, &path).ok()?.route.cors.as_ref()?.grant(head))
    }
}

/// The answer when a mistake of ours comes to light, or there is no configuration to work by, and the
/// id under which the log says why.
#[must_use]
pub fn broken(head: Option<&RequestHead>, random: &impl Random) -> (String, Response) {
    let request_id = request_id::request_id(random);
    let reader = head.map_or(Reader::Program, Reader::of);
    let response = response::plain_problem(&Reason::Internal("internal").refusal(), &request_id, reader);
    let response = response::sealed(response, &request_id, false);
    (request_id, response)
}

/// The answer where a site's configuration cannot be used, and the id under which the log says why. `told`: what is wrong with
/// it, if the caller may know.
#[must_use]
pub fn unusable(head: &RequestHead, told: Option<&str>, random: &impl Random) -> (String, Response) {
    let Some(told) = told else { return broken(Some(head), random) };
    let request_id = request_id::request_id(random);
    let text = format!(
        "The configuration cannot be used. Only requests from this machine are told why.\n\n{told}\nRequest {request_id}\n"
    );
    let response = response::plain(StatusCode::INTERNAL_SERVER_ERROR, text);
    let response = response::sealed(response, &request_id, false);
    (request_id, response)
}

/// The answer to a request that something else interrupted, and the id under which the log says so: it may be sent again.
#[must_use]
pub fn interrupted(head: Option<&RequestHead>, random: &impl Random) -> (String, Response) {
    let request_id = request_id::request_id(random);
    let reader = head.map_or(Reader::Program, Reader::of);
    let response = response::plain_problem(&Refusal::Unavailable, &request_id, reader);
    (request_id.clone(), response::sealed(response, &request_id, false))
}

/// The answer to a request for a host that is no site's, and the event about it.
#[must_use]
pub fn misdirected(head: &RequestHead, now: Timestamp, random: &impl Random) -> (String, Response) {
    let (request_id, refusal) = (request_id::request_id(random), Reason::UnknownHost.refusal());
    let mut event = Event::about(&request_id, head.method.as_str(), head.target().path, &head.peer, now);
    event.end(Effect::Deny, Reason::UnknownHost.code(), refusal.status());
    let response = response::plain_problem(&refusal, &request_id, Reader::of(head));
    (event.to_line(), response::sealed(response, &request_id, false))
}

/// The answer to a request whose method or headers are not HTTP.
#[must_use]
pub fn unreadable(random: &impl Random) -> (String, Response) {
    let request_id = request_id::request_id(random);
    let response = response::plain_problem(&Reason::BadHeader.refusal(), &request_id, Reader::Program);
    let response = response::sealed(response, &request_id, false);
    (request_id, response)
}
