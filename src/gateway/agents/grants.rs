//! A grant begins, and its client learns by the browser that there is a code for it; or why there is none.

use crate::agent::AgentError;
use crate::agent::authorize::AuthorizationError;
use crate::agent::client::RedirectUri;
use crate::agent::grant::{CODE_LIFE, Grant, MAX_GRANTS, PendingCode};
use crate::agent::handle::{GrantHandle, HandleKind};
use crate::audit::{Effect, What, short};
use crate::authn::Authenticated;
use crate::config::AgentRules;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::ids::actor::Actor;
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::oidc::email::MailAddress;
use crate::ports::StoreError;
use crate::refusal::Reason;
use crate::session::{BeginGrant, Command, PersonNamed, Reply, Session, SessionDigest, SessionId};
use crate::time::{Seconds, Timestamp};

const SECONDS_A_DAY: u32 = 24 * 60 * 60;
/// The numbers of days that the page offers beside the most that are allowed, as far as they are.
const DAYS: [u32; 2] = [1, 30];

/// How long a grant lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// As long as the session that it is given in.
    Session,
    /// Until then.
    Until(Timestamp),
}

/// What a person allows.
pub(super) struct GrantOrder<'a> {
    pub(super) person: &'a Authenticated,
    pub(super) client: &'a str,
    pub(super) client_name: &'a str,
    pub(super) redirect_uri: &'a RedirectUri,
    pub(super) state: Option<&'a str>,
    pub(super) resource: &'a str,
    pub(super) scopes: &'a [String],
    pub(super) challenge: &'a str,
    pub(super) life: Life,
    /// A logout since then wins.
    pub(super) asked_at: Timestamp,
    /// What the log says.
    pub(super) reason: &'static str,
}

/// For how many days a person may allow something beside until they sign out; none, where that alone is allowed.
pub(super) fn days(rules: &AgentRules) -> Vec<u32> {
    if rules.with_session {
        return Vec::new();
    }
    let longest = rules.grant.get() / SECONDS_A_DAY;
    let mut days: Vec<u32> = DAYS.into_iter().filter(|days| *days <= longest).collect();
    if longest > 0 && !days.contains(&longest) {
        days.push(longest);
    }
    days
}

/// What was chosen of them.
pub(super) fn life(rules: &AgentRules, chosen: &str, now: Timestamp) -> Option<Life> {
    if chosen == "session" {
        return Some(Life::Session);
    }
    let chosen = days(rules).into_iter().find(|days| days.to_string() == chosen)?;
    let life = Seconds::new(chosen.checked_mul(SECONDS_A_DAY)?).min(rules.grant);
    Some(Life::Until(now.plus(life)))
}

/// Stores the grant with the code that it begins with, and sends the browser to the client with it.
///
/// # Errors
/// When the person's object does not store it.
pub(super) async fn begin<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    order: GrantOrder<'_>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let (now, person) = (ctx.request.now, order.person);
    let id = SessionId::generate(ctx.platform.random());
    let session = person.handle.id.digest();
    let (expires_at, with_session) = match order.life {
        Life::Session => (now.plus(rules.grant), Some(session.clone())),
        Life::Until(until) => (until.min(now.plus(rules.grant)), None),
    };
    let grant = grant(ctx, &order, (expires_at, with_session));
    let named = PersonNamed {
        issuer: IssuerIdentifier::new(person.principal.issuer()),
        subject: SubjectIdentifier::new(person.principal.subject()),
        provider: person.principal.provider().unwrap_or_default().to_owned(),
    };
    enter(ctx, &order, expires_at).await?;
    let command = Command::BeginGrant(Box::new(BeginGrant {
        digest: id.digest(),
        session: Session::of_grant(named, grant, now),
        begun_by: Some(session),
        asked_at: order.asked_at,
        max_grants: MAX_GRANTS,
        clocks: ctx.timeouts(),
    }));
    match ctx.command(&person.handle.subject, &command).await.map_err(Reason::Store)? {
        Reply::Begun => {}
        Reply::Gone | Reply::Blocked | Reply::Refused(_) => return Err(Reason::Client(AgentError::ConsentOver)),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    }
    parts.event.grant = Some(id.digest().public_id());
    let code = GrantHandle { kind: HandleKind::Code, subject: person.handle.subject, id, number: 0 };
    let code = code.to_text(&rules.prefix, &ctx.site.config.keys);
    let to = (order.redirect_uri, order.state);
    let response = to_client(ctx, to, &[("code", code.expose())])?;
    parts.event.event = What::AgentConsent;
    parts.event.detail = Some(short(&order.scopes.join(" ")));
    parts.event.end(Effect::Allow, order.reason, response.status);
    Ok(response)
}

fn grant<P>(
    ctx: &RequestContext<'_, P>,
    order: &GrantOrder<'_>,
    (expires_at, with_session): (Timestamp, Option<SessionDigest>),
) -> Grant {
    let now = ctx.request.now;
    let issuer = Some(ctx.site.config.public_url.origin().to_owned());
    Grant {
        client: order.client.to_owned(),
        client_name: order.client_name.to_owned(),
        redirect_uri: order.redirect_uri.as_str().to_owned(),
        resource: order.resource.to_owned(),
        scopes: order.scopes.to_vec(),
        expires_at,
        code: Some(PendingCode {
            challenge: order.challenge.to_owned(),
            redirect_uri: order.redirect_uri.as_str().to_owned(),
            expires_at: now.plus(CODE_LIFE),
        }),
        generation: 0,
        rotated_at: now,
        jkt: None,
        with_session,
        parent: None,
        actors: vec![Actor { issuer, subject: order.client.to_owned() }],
        task: None,
        uses_left: None,
        indexed: true,
        seen_at: None,
    }
}

/// A grant may live when the session by which the person is found does no more; and administration finds it by its client.
async fn enter<P: Platform>(
    ctx: &RequestContext<'_, P>,
    order: &GrantOrder<'_>,
    ends_at: Timestamp,
) -> Result<(), Reason> {
    let (principal, subject) = (&order.person.principal, order.person.handle.subject);
    let email = principal.email().and_then(MailAddress::parse);
    let of = (principal.provider().unwrap_or_default(), principal.issuer());
    let entered = ctx
        .enter_person(ctx.email_key(of, email), (subject, order.asked_at), Some(ends_at))
        .await
        .map_err(Reason::Store)?
        && ctx.enter_agent(order.client, subject, ends_at, order.asked_at).await.map_err(Reason::Store)?;
    if entered { Ok(()) } else { Err(Reason::Client(AgentError::ConsentOver)) }
}

/// Sends the browser to the client with an error (RFC 6749 §4.1.2.1).
///
/// # Errors
/// When the address cannot stand in a header.
pub(super) fn tell_client<P>(
    ctx: &RequestContext<'_, P>,
    to: (&RedirectUri, Option<&str>),
    error: AuthorizationError,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let description = error.parameter().map(|name| format!("Not good: {name}"));
    let mut parameters = vec![("error", error.error())];
    parameters.extend(description.as_deref().map(|text| ("error_description", text)));
    let response = to_client(ctx, to, &parameters)?;
    parts.event.event = What::AgentRefused;
    parts.event.detail = error.parameter().map(str::to_owned);
    parts.event.end(Effect::Deny, error.code(), response.status);
    Ok(response)
}

/// With `state`, by which the client knows its request again, and `iss`, by which it knows us (RFC 9207, R-306).
fn to_client<P>(
    ctx: &RequestContext<'_, P>,
    (uri, state): (&RedirectUri, Option<&str>),
    answer: &[(&str, &str)],
) -> Result<Response, Reason> {
    let mut parameters = answer.to_vec();
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", ctx.site.config.public_url.origin()));
    let is_form = ctx.request.head.method == Method::POST;
    let status = if is_form { StatusCode::SEE_OTHER } else { StatusCode::FOUND };
    let response = response::redirect(status, &uri.with(&parameters));
    response.ok_or(Reason::Internal("internal.location_unwritable"))
}
