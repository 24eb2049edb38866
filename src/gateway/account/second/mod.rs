//! `/auth/second`: a person's own second factors, to add, prove, rename and remove. Whose they are is said by the session alone.
//! What changes what a session is worth gives it a new id.

mod caller;
mod input;
mod listing;
mod loop_guard;
mod managing;
pub(crate) mod notices;
mod outcome;
mod passkeys;
mod standing;
mod totp;
mod verify;
mod way;

use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Response, StatusCode};
use crate::ports::RequestBody;
use crate::refusal::Reason;

pub(crate) use caller::factors_of;
pub(crate) use listing::changed_elsewhere;
pub(crate) use outcome::method;
use passkeys::PasskeyStep;
use verify::CodeKind;

/// Answers a request for this path; `rest` is what comes after `/auth/second`.
///
/// # Errors
/// When it is refused. Without `SECOND` there is nothing here.
pub(crate) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let rules = ctx.site.config.second.as_ref().ok_or(Reason::NoRoute)?;
    match rest {
        "" => listing::show(ctx, rules, parts).await,
        "totp/begin" => totp::begin(ctx, rules, body, parts).await,
        "totp/finish" => totp::finish(ctx, rules, body, parts).await,
        "passkey/begin" => passkeys::answer(ctx, rules, PasskeyStep::EnrolBegin, body, parts).await,
        "passkey/finish" => passkeys::answer(ctx, rules, PasskeyStep::EnrolFinish, body, parts).await,
        "verify" => verify::show(ctx, parts).await,
        "verify/totp" => verify::code(ctx, (rules, CodeKind::Totp), body, parts).await,
        "verify/recovery" => verify::code(ctx, (rules, CodeKind::Recovery), body, parts).await,
        "verify/passkey/begin" => passkeys::answer(ctx, rules, PasskeyStep::ProveBegin, body, parts).await,
        "verify/passkey" => passkeys::answer(ctx, rules, PasskeyStep::ProveFinish, body, parts).await,
        "recovery" => managing::new_codes(ctx, rules, parts).await,
        _ => match rest.split_once('/').filter(|(id, _)| is_id(id)) {
            Some((id, "remove")) => managing::remove(ctx, (rules, id), parts).await,
            Some((id, "name")) => managing::rename(ctx, (rules, id), body, parts).await,
            _ => Err(Reason::NoRoute.into()),
        },
    }
}

/// Whether a text has the form of a factor's id.
fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn see_other(location: &str) -> Result<Response, Reason> {
    response::redirect(StatusCode::SEE_OTHER, location).ok_or(Reason::Internal("internal.location_unwritable"))
}
