//! `POST /auth/bound/register`: the browser made a key, and binds its session to it.

use super::{bound, check_origin, command, session_of, terms};
use crate::audit::{Effect, What};
use crate::authn::Rejection;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Response, StatusCode};
use crate::ports::StoreError;
use crate::refusal::{DeviceError, Reason};
use crate::session::device::{self, Bind, DeviceCommand, DeviceReply, proof};

/// Once for a session, and within a minute of the sign-in.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    if !ctx.site.config.binds_devices() {
        return Err(Reason::NoRoute);
    }
    parts.event.event = What::DeviceBound;
    check_origin(ctx)?;
    let authenticated = session_of(ctx, parts).await?;
    let refused = |error| Reason::Device(error);
    if authenticated.device.is_some() {
        parts.event.event = What::DeviceMismatch;
        return Err(refused(DeviceError::AlreadyBound));
    }
    let digest = authenticated.handle.id.digest();
    let not_proven = |fault| refused(DeviceError::Registration(fault));
    let presented = proof::presented(&ctx.request.head.headers).map_err(not_proven)?;
    let jwk = proof::register(presented, &digest, terms(ctx), ctx.platform.signatures()).await.map_err(not_proven)?;
    let bind = Bind { digest, jwk, place: device::place_of(&ctx.request.head.peer), clocks: ctx.timeouts() };
    let device = match command(ctx, &authenticated.handle, DeviceCommand::Bind(bind)).await? {
        DeviceReply::Bound(device) => device,
        DeviceReply::AlreadyBound => {
            parts.event.event = What::DeviceMismatch;
            return Err(refused(DeviceError::AlreadyBound));
        }
        DeviceReply::TooLate => return Err(refused(DeviceError::TooLate)),
        DeviceReply::Gone => return Err(Reason::Rejected(Rejection::SessionGone)),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    parts.event.end(Effect::Allow, "device.bound", StatusCode::OK);
    bound(ctx, &device, parts)
}
