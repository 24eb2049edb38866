//! `/auth/bound`: a browser ties its session to its device, and proves the key of the device again and again (Device Bound
//! Session Credentials).
//!
//! No page asks for these: the browser does, by itself, before it sends a request whose bound cookie is over. What it is
//! answered decides whether it goes on with the binding: by a 4xx without a challenge it forgets it, by a 5xx it does not. So
//! whatever says nothing of the session itself is a 503 (R-352).

mod description;
mod refresh;
mod register;

use super::context::RequestContext;
use super::response_parts::ResponseParts;
use super::{Gateway, Platform, cold};
use crate::audit::What;
use crate::authn::session_cookie::{DeviceProofs, Wants};
use crate::authn::{Authenticated, Principal};
use crate::http::csrf::CsrfError;
use crate::http::{HeaderName, HeaderValue, Method, Response, cookie};
use crate::limit::LimitKind;
use crate::ports::{Clock, StoreError};
use crate::refusal::{DeviceError, Reason};
use crate::route::CanonicalPath;
use crate::session::device::proof::{self, ProofTerms};
use crate::session::device::{
    BoundCookie, DeviceBinding, DeviceChallenge, DeviceCommand, DeviceReply, REGISTER_WITHIN,
};
use crate::session::{Check, Command, Reply, SessionHandle, SessionTimeouts, Sessions, SubjectKey};
use crate::upstream::{ProofLease, SessionLease};

/// What is ours of the paths.
pub(super) const PREFIX: &str = "/auth/bound";
const REGISTER: &str = "/auth/bound/register";
const REFRESH: &str = "/auth/bound/refresh";

const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");

/// Answers a browser.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    // The answer is about the session itself, whoever asks.
    parts.is_about_session = true;
    ctx.limit_own(LimitKind::Own, ctx.site.config.limits.own.as_ref(), parts).await.map_err(not_now)?;
    match path.as_str() {
        REGISTER => cold(register::answer(ctx, parts)).await,
        REFRESH => cold(refresh::answer(ctx, parts)).await,
        _ => Err(Reason::NoRoute),
    }
}

/// Too many requests are no reason to forget a key (R-352).
fn not_now(reason: Reason) -> Reason {
    match reason {
        Reason::Limited(..) => Reason::Device(DeviceError::Busy),
        other => other,
    }
}

impl Gateway {
    /// Whether a stream that depends on proofs of a device goes on, and by which; `None`: it ends, as where the session has.
    ///
    /// # Errors
    /// When its object does not answer.
    pub async fn still_proven<P: Platform>(
        &self,
        platform: &P,
        lease: &SessionLease,
        proof: ProofLease,
    ) -> Result<Option<ProofLease>, StoreError> {
        let session = &self.config.session;
        let clocks = SessionTimeouts::new(session.idle, session.absolute);
        let check = Check { digest: lease.digest.clone(), touch: false, access_token: false, shown: None, clocks };
        match platform.sessions().call(&lease.subject, &Command::Check(check)).await? {
            Reply::Live(live) => {
                let now = platform.clock().now();
                Ok(live.session.device.and_then(|device| proof.renewed(&device, now)))
            }
            Reply::Gone => Ok(None),
            _ => Err(StoreError::Malformed),
        }
    }
}

/// Offers a browser to bind the session that just began: with the answer that sets its cookie, and for a minute (R-346). One
/// that cannot leaves the header alone (R-355).
pub(super) fn offer<P: Platform>(ctx: &RequestContext<'_, P>, handle: &SessionHandle, response: Response) -> Response {
    let is_new = handle.began_at.is_some_and(|began_at| ctx.request.now.since(began_at) < REGISTER_WITHIN);
    if is_new { offered(ctx, handle, response) } else { response }
}

/// The same after a proof by a second factor, where the session is bound to no device: whoever proved it has the session under
/// an id that nobody else knows, as after a sign-in (R-346).
pub(super) fn offer_proven<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (person, handle): (&Principal, &SessionHandle),
    response: Response,
) -> Response {
    let is_bound = person.session().is_none_or(|session| session.device.is_some());
    if is_bound { response } else { offered(ctx, handle, response) }
}

fn offered<P: Platform>(ctx: &RequestContext<'_, P>, handle: &SessionHandle, mut response: Response) -> Response {
    if !ctx.site.config.binds_devices() {
        return response;
    }
    let digest = handle.id.digest();
    let challenge = DeviceChallenge::Register(&handle.subject, &digest).issue(&ctx.site.config.keys, ctx.request.now);
    let authorization = proof::authorization(&digest);
    let value = format!(r#"(ES256);path="{REGISTER}";challenge="{challenge}";authorization="{authorization}""#);
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers.insert(REGISTRATION, value);
    }
    response
}

/// R-354: a POST of the browser's own. It names no origin with it, where a page that sends one always does.
fn check_origin<P>(ctx: &RequestContext<'_, P>) -> Result<(), Reason> {
    let head = ctx.request.head;
    ctx.request.allow_methods(&[Method::POST])?;
    let says = |name: &str, allowed: &[&str]| {
        !head.headers.contains_key(name) || head.header(name).is_some_and(|value| allowed.contains(&value))
    };
    if !says("sec-fetch-site", &["same-origin", "none"]) {
        return Err(Reason::Csrf(CsrfError::FetchSite));
    }
    if !says("origin", &[ctx.site.config.public_url.origin()]) {
        return Err(Reason::Csrf(CsrfError::Origin));
    }
    Ok(())
}

/// Whose session it is, by the session cookie alone: the proof that makes it count is what comes along.
async fn session_of<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Authenticated, Reason> {
    let wants = Wants { touch: false, access_token: false, staleness: None };
    ctx.authenticate_with(wants, DeviceProofs::Brought, parts).await
}

fn terms<'a, P>(ctx: &'a RequestContext<'_, P>) -> ProofTerms<'a> {
    let config = &ctx.site.config;
    ProofTerms { keys: &config.keys, origin: config.public_url.origin(), now: ctx.request.now }
}

/// Hands a command about a device to the object of the session.
async fn command<P: Platform>(
    ctx: &RequestContext<'_, P>,
    subject: &SubjectKey,
    command: DeviceCommand,
) -> Result<DeviceReply, Reason> {
    let command = Command::Device(Box::new(command));
    match ctx.command(subject, &command).await.map_err(Reason::Store)? {
        Reply::Device(reply) => Ok(*reply),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The bound cookie, and what the browser is to know of its session. What it is to sign next does not come along: it would be
/// over by then, and the browser would sign twice (R-353).
fn bound<P: Platform>(
    ctx: &RequestContext<'_, P>,
    device: &DeviceBinding,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let config = &ctx.site.config;
    let cookie = BoundCookie { binding: device.id.clone(), proved_at: device.proved_at, generation: device.generation };
    parts.set_cookie(cookie::set_bound(cookie.to_value(&config.keys).expose(), config.session.device_life))?;
    Ok(description::session(config))
}
