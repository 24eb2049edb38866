//! `GET /auth/me`: who am I, and how long still?

use serde_json::{Value, json};

use super::second;
use crate::audit::{Effect, What};
use crate::authn::session_cookie::Wants;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{Method, Response, StatusCode};
use crate::refusal::Reason;

/// Answers the principal and the session's clocks. With `touch=false` neither the idle clock is moved nor the cookie changed.
/// With `anonymous=null` a caller without a session gets `null`: for the start page of an application that is no error.
pub(crate) async fn read<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::SessionRead;
    ctx.request.allow_methods(&[Method::GET])?;
    let says = |wanted: &str| ctx.request.target.query.is_some_and(|query| query.split('&').any(|pair| pair == wanted));
    let watching = says("touch=false");
    // Who watches asks in the background.
    parts.is_about_session = !watching;
    let wants = Wants { touch: !watching, access_token: false, staleness: None };
    let principal = match ctx.authenticate(wants, parts).await {
        Ok(authenticated) => authenticated.principal,
        Err(reason) if says("anonymous=null") && reason.tells_of_no_session() => {
            parts.event.end(Effect::Allow, "session.none", StatusCode::OK);
            parts.event.detail = Some(reason.code().to_owned());
            return Ok(response::json(StatusCode::OK, &Value::Null));
        }
        Err(reason) => return Err(reason),
    };
    parts.event.end(Effect::Allow, "session.alive", StatusCode::OK);
    let proof = principal.authentication().second.as_ref();
    let body = json!({
        "issuer": principal.issuer(),
        "subject": principal.subject(),
        "kind": principal.kind().as_str(),
        "provider": principal.provider(),
        "claims": principal.claims(),
        // For what a page shows; what counts is decided at every request.
        "roles": principal.roles(),
        "tenant": principal.tenant(),
        "session": principal.session(),
        // The second factor of ours that was proven in it, and when.
        "second": proof.map(|proof| json!({ "at": proof.at, "by": second::method(proof.by) })),
        // By whose clock these are: the browser's may be wrong by hours.
        "now": ctx.request.now,
    });
    Ok(response::json(StatusCode::OK, &body))
}
