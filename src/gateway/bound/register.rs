//! `POST /auth/bound/register`: the browser made a key, and binds its session to it.

use super::{bound, check_origin, command, terms};
use crate::audit::{Effect, What};
use crate::authn::Rejection;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::cookie::{self, SessionCookie};
use crate::http::{Response, StatusCode};
use crate::ports::StoreError;
use crate::refusal::{DeviceError, Reason};
use crate::session::SessionDigest;
use crate::session::device::proof::ProofFault;
use crate::session::device::{self, Bind, DeviceCommand, DeviceReply, proof};

/// Once for a session, and within a minute of the sign-in. What was signed says which session it is: it was sent
/// with the answer that set the session cookie, and a browser that came from its provider brings no `Strict` cookie along.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    if !ctx.site.config.binds_devices() {
        return Err(Reason::NoRoute);
    }
    parts.event.event = What::DeviceBound;
    check_origin(ctx)?;
    let not_proven = |fault| Reason::Device(DeviceError::Registration(fault));
    let presented = proof::presented(&ctx.request.head.headers).map_err(not_proven)?;
    let proven = proof::register(presented, terms(ctx), ctx.platform.signatures()).await.map_err(not_proven)?;
    if !may_be_of(ctx, &proven.digest) {
        parts.event.event = What::DeviceMismatch;
        return Err(not_proven(ProofFault::Challenge));
    }
    parts.event.session = Some(proven.digest.public_id());
    let (digest, jwk) = (proven.digest, proven.jwk);
    let bind = Bind { digest, jwk, place: device::place_of(&ctx.request.head.peer), clocks: ctx.timeouts() };
    let device = match command(ctx, &proven.subject, DeviceCommand::Bind(bind)).await? {
        DeviceReply::Bound(device) => device,
        DeviceReply::AlreadyBound => {
            parts.event.event = What::DeviceMismatch;
            return Err(Reason::Device(DeviceError::AlreadyBound));
        }
        DeviceReply::TooLate => return Err(Reason::Device(DeviceError::TooLate)),
        DeviceReply::Gone => return Err(Reason::Rejected(Rejection::SessionGone)),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    parts.event.end(Effect::Allow, "device.bound", StatusCode::OK);
    bound(ctx, &device, parts)
}

/// Whether a session cookie, if there is one, is of the session that is to be bound.
fn may_be_of<P: Platform>(ctx: &RequestContext<'_, P>, digest: &SessionDigest) -> bool {
    match cookie::session(&ctx.request.head.headers) {
        SessionCookie::Absent => true,
        SessionCookie::Several => false,
        SessionCookie::One(value) => ctx.session_of(value).is_some_and(|handle| handle.id.digest() == *digest),
    }
}
