//! What leads a browser on that has to prove the key of its device, where a refusal would be the end.

use crate::audit::Effect;
use crate::authn::Rejection;
use crate::authz::{Denial, DeviceShortfall};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response;
use crate::gateway::response_parts::ResponseParts;
use crate::http::fetch_metadata::RequestKind;
use crate::http::{HeaderValue, Method, Response, StatusCode, cookie, header};
use crate::pages;
use crate::refusal::Reason;
use crate::session::device::DeviceFault;

/// How long a page waits before it asks again whether the browser has registered its key.
const ONE_SECOND: HeaderValue = HeaderValue::from_static("1");

/// An answer by which the browser proves its key, or registers it, and asks again.
///
/// # Errors
/// When it cannot be written.
pub(super) fn lead_on<P: Platform>(
    ctx: &RequestContext<'_, P>,
    reason: &Reason,
    parts: &mut ResponseParts,
) -> Result<Option<Response>, Reason> {
    let response = match reason {
        Reason::Denied(Denial::Device(DeviceShortfall::ProofTooOld)) => once_more(ctx, parts)?,
        Reason::Rejected(Rejection::DeviceUnbound { is_new: true }) => wait(ctx),
        _ => None,
    };
    if let Some(response) = &response {
        parts.event.end(Effect::Redirect, reason.code(), response.status);
    }
    Ok(response)
}

/// The same request, without the cookie that says that the key was proved: the browser proves it anew before it sends the
/// request again, with its body (RFC 9110 §15.4.8). Where it does not, there is no cookie that could be taken away once more.
fn once_more<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Option<Response>, Reason> {
    let head = ctx.request.head;
    // No WebSocket follows a redirect.
    if cookie::only(&head.headers, cookie::BOUND).is_none() || head.headers.contains_key(header::UPGRADE) {
        return Ok(None);
    }
    parts.set_cookie(cookie::delete_bound())?;
    let here = ctx.site.config.public_url.join(&ctx.request.here());
    let response = response::redirect(StatusCode::TEMPORARY_REDIRECT, &here);
    response.ok_or(Reason::Internal("internal.location_unwritable")).map(Some)
}

/// Right after a sign-in the browser may be about to register its key: the page is asked for again in a moment.
fn wait<P: Platform>(ctx: &RequestContext<'_, P>) -> Option<Response> {
    if !ctx.request.request_kind.is_navigation() || ctx.request.head.method != Method::GET {
        return None;
    }
    let page = pages::forward::wait(&ctx.view(), &ctx.request.here());
    let mut response = response::html(StatusCode::OK, page);
    response.headers.insert(header::REFRESH, ONE_SECOND);
    Some(response)
}

/// Whether the page's own navigation may bring the proof: who came from another site has left the bound cookie behind, and
/// their browser proves nothing for that site; who came with one that counts no more has lost it by this answer.
pub(super) fn may_be_proven<P: Platform>(ctx: &RequestContext<'_, P>, reason: &Reason) -> bool {
    let Reason::Rejected(Rejection::DeviceUnproven(fault)) = reason else { return false };
    match ctx.request.request_kind {
        RequestKind::Navigation { cross_site } => cross_site || *fault != DeviceFault::Missing,
        _ => false,
    }
}
