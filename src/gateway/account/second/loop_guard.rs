//! A page that asks again right after each proof asks for something that no proof gives: after some in vain the person is told
//! so. What counts is a cookie of the browser's own, which can only make things worse for it.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::way::Way;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::cookie;
use crate::refusal::{Reason, SecondError};
use crate::time::Timestamp;

/// So many proofs are enough.
const PROOFS: u32 = 3;

/// What was noted of the last proof.
struct Noted {
    proofs: u32,
    at: Timestamp,
}

/// Refuses to ask once more, where a person was led back here from the same place right after each of some proofs.
///
/// # Errors
/// When they were.
pub(super) fn check<P>(ctx: &RequestContext<'_, P>, back: &Way) -> Result<(), Reason> {
    let is_in_vain = noted(ctx, back)
        .is_some_and(|noted| noted.proofs >= PROOFS && ctx.request.now.since(noted.at) < cookie::ARRIVAL_LIFETIME);
    if is_in_vain { Err(Reason::Second(SecondError::InVain)) } else { Ok(()) }
}

/// Notes a proof.
///
/// # Errors
/// When the cookie cannot be written: a mistake of ours.
pub(super) fn note<P: Platform>(
    ctx: &RequestContext<'_, P>,
    back: &Way,
    parts: &mut ResponseParts,
) -> Result<(), Reason> {
    let proofs = noted(ctx, back).map_or(0, |noted| noted.proofs).saturating_add(1);
    let value = format!("{proofs}.{}.{}", ctx.request.now.as_unix(), tag(back));
    parts.set_cookie(cookie::set_proven(&value))
}

fn noted<P>(ctx: &RequestContext<'_, P>, back: &Way) -> Option<Noted> {
    let mut members = cookie::proven(&ctx.request.head.headers)?.splitn(3, '.');
    let proofs = members.next()?.parse().ok()?;
    let at = Timestamp::from_unix(members.next()?.parse().ok()?);
    (members.next()? == tag(back)).then_some(Noted { proofs, at })
}

/// The place in short, without the fragment: that comes back with a proof, and not with the question.
fn tag(back: &Way) -> String {
    let place = back.onward().split('#').next().unwrap_or_default();
    let digest = Sha256::digest(place);
    Base64UrlUnpadded::encode_string(digest.get(..9).unwrap_or_default())
}
