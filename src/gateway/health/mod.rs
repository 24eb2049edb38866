//! `/auth/health`: whether the Worker can serve; and what of it works, for those who may ask.

pub(super) mod report;

use serde_json::json;

use super::context::RequestContext;
use super::refused::Refused;
use super::response_parts::ResponseParts;
use super::{Platform, cold, response};
use crate::audit::{Effect, What};
use crate::config::{BindingUse, Config};
use crate::http::{HeaderValue, Method, Response, StatusCode, header};
use crate::ports::Probe;
use crate::refusal::Reason;
use crate::route::Upstream;

const SCHEME: &str = "Bearer ";
/// RFC 9110 §11.6.1 wants a challenge with every 401.
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer realm="postern""#);

/// `GET /auth/health`: to anyone, whether requests can be served at all, by a look at what is bound. To the monitor that
/// shows its secret, the [`report`]. A caller that shows another one is refused.
///
/// # Errors
/// When the method is another one.
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD])?;
    let is_monitor = match is_monitor(ctx) {
        Ok(is_monitor) => is_monitor,
        Err(reason) => return Ok(refuse(ctx, reason, parts)),
    };
    let response = if is_monitor {
        cold(report::of(ctx)).await.to_response()
    } else {
        let is_able = can_serve(&ctx.site.config, ctx.platform.probe());
        let (status, word) =
            if is_able { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "failing") };
        response::json(status, &json!({ "status": word }))
    };
    let (effect, reason) = match response.status {
        StatusCode::OK => (Effect::Allow, "own.page"),
        _ => (Effect::Deny, "health.failing"),
    };
    parts.event.end(effect, reason, response.status);
    Ok(response)
}

/// Whether the caller shows the monitor's secret. Without a monitor in the configuration nobody is asked for one.
fn is_monitor<P>(ctx: &RequestContext<'_, P>) -> Result<bool, Reason> {
    let Some(monitor) = &ctx.site.config.monitor else { return Ok(false) };
    let name = header::AUTHORIZATION.as_str();
    if !ctx.request.head.headers.contains_key(name) {
        return Ok(false);
    }
    let shown = ctx.request.head.header(name).and_then(|value| value.strip_prefix(SCHEME));
    if shown.is_some_and(|shown| monitor.knows(shown)) { Ok(true) } else { Err(Reason::WrongHealthSecret) }
}

/// The refusal, with the scheme that the monitor's secret comes by.
fn refuse<P: Platform>(ctx: &RequestContext<'_, P>, reason: Reason, parts: &mut ResponseParts) -> Response {
    let mut response = ctx.refuse(&Refused::from(reason), parts);
    response.headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
    response
}

/// Whether any request can come to a good end: no store is missing, and of the upstreams at least one is there.
fn can_serve(config: &Config, probe: &impl Probe) -> bool {
    let needed = config.needed_bindings();
    let is_there = |wanted: BindingUse| {
        let those = needed.iter().filter(move |one| one.used_as == wanted);
        those.map(|one| probe.is_bound(&one.name))
    };
    let elsewhere = |upstream: Option<&Upstream>| !matches!(upstream, Some(Upstream::Service(_) | Upstream::Assets));
    let goes_elsewhere = config.routes.routes().iter().any(|route| elsewhere(route.upstream.as_ref()));
    is_there(BindingUse::Store).chain(is_there(BindingUse::Certificate)).all(|there| there)
        && (goes_elsewhere || is_there(BindingUse::Upstream).any(|there| there))
}
