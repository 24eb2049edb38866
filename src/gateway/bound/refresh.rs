//! `POST /auth/bound/refresh`: the browser proves its key once more.

use super::{CHALLENGE, bound, check_origin, command, description, session_of, terms};
use crate::audit::{Effect, What};
use crate::authn::Authenticated;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{HeaderValue, Response, StatusCode, cookie};
use crate::ports::StoreError;
use crate::refusal::{DeviceError, Reason};
use crate::session::device::proof::ProofFault;
use crate::session::device::{self, DeviceBinding, DeviceChallenge, DeviceCommand, DeviceReply, FurtherProof, proof};

/// The header by which the browser names the session that it means.
const SESSION_ID: &str = "sec-secure-session-id";
const MAX_ID_BYTES: usize = 512;

/// A new bound cookie for a proof; a challenge, where none came or for one that is over; and an end of the binding, where the
/// session has ended or is bound to nothing (R-356).
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    check_origin(ctx)?;
    let named = ctx.request.head.header(SESSION_ID).filter(|id| id.len() <= MAX_ID_BYTES);
    // A string of RFC 9651 §3.3.3; some browsers leave the quotes out.
    let named = named.map(|id| id.strip_prefix('"').and_then(|id| id.strip_suffix('"')).unwrap_or(id));
    let named = named.ok_or(Reason::Device(DeviceError::NoSession))?;
    if named != ctx.site.config.device_session_id() || !ctx.site.config.binds_devices() {
        return over(named, "device.session_other", parts);
    }
    let authenticated = match session_of(ctx, parts).await {
        Ok(authenticated) => authenticated,
        // Whether it has ended is not known.
        Err(reason) if reason.refusal().may_pass() => return Err(reason),
        Err(reason) => {
            parts.set_cookie(cookie::delete_bound())?;
            return over(named, reason.code(), parts);
        }
    };
    let Some(device) = &authenticated.device else {
        parts.set_cookie(cookie::delete_bound())?;
        return over(named, "device.unbound", parts);
    };
    let presented = proof::presented(&ctx.request.head.headers);
    let proven = match presented {
        Ok(presented) => proof::refresh(presented, device, terms(ctx), ctx.platform.signatures()).await,
        Err(fault) => Err(fault),
    };
    match proven {
        Ok(()) => prove(ctx, &authenticated, device, parts).await,
        Err(fault) => {
            if !fault.wants_challenge() {
                parts.event.event = What::DeviceMismatch;
            }
            refuse(ctx, device, DeviceError::Refresh(fault), parts)
        }
    }
}

/// Only the first proof of a generation counts (R-351).
async fn prove<P: Platform>(
    ctx: &RequestContext<'_, P>,
    authenticated: &Authenticated,
    device: &DeviceBinding,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let prove = FurtherProof {
        digest: authenticated.handle.id.digest(),
        generation: device.generation,
        place: device::place_of(&ctx.request.head.peer),
        clocks: ctx.timeouts(),
    };
    match command(ctx, &authenticated.handle.subject, DeviceCommand::Prove(prove)).await? {
        DeviceReply::Bound(device) => {
            parts.event.end(Effect::Allow, "device.refreshed", StatusCode::OK);
            bound(ctx, &device, parts)
        }
        DeviceReply::Outdated(device) => refuse(ctx, &device, DeviceError::Outdated, parts),
        DeviceReply::Gone => {
            parts.set_cookie(cookie::delete_bound())?;
            over(&ctx.site.config.device_session_id(), "session.gone", parts)
        }
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// A refusal, with something to sign where another proof would do.
fn refuse<P: Platform>(
    ctx: &RequestContext<'_, P>,
    device: &DeviceBinding,
    error: DeviceError,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    let mut response = ctx.refuse(&Reason::Device(error).into(), parts);
    if error.wants_challenge() {
        let challenge = DeviceChallenge::Refresh(device).issue(&ctx.site.config.keys, ctx.request.now);
        let value = format!(r#""{challenge}";id="{}""#, ctx.site.config.device_session_id());
        let value = HeaderValue::try_from(value).map_err(|_| Reason::Internal("internal.challenge_unwritable"))?;
        response.headers.insert(CHALLENGE, value);
    }
    if matches!(error, DeviceError::Refresh(ProofFault::Missing)) {
        // What every refresh begins with is nobody's fault.
        parts.event.outcome = Effect::Allow;
    }
    Ok(response)
}

/// The browser is to forget the binding (R-356).
fn over(named: &str, reason: &'static str, parts: &mut ResponseParts) -> Result<Response, Reason> {
    parts.event.end(Effect::Allow, reason, StatusCode::OK);
    Ok(description::over(named))
}
