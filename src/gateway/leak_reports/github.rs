//! `POST /auth/keys/leaked/github`: GitHub has found keys in what it hosts (secret scanning partner program).

use std::collections::HashMap;

use serde_json::Value;

use super::{Found, end, note};
use crate::api_key::ApiKeyRules;
use crate::audit::{Effect, What};
use crate::gateway::background::event::background_event;
use crate::gateway::context::RequestContext;
use crate::gateway::issuer_documents::SignedReport;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{HeaderMap, Method, Response, StatusCode};
use crate::jose::github_keys::es256_in_der;
use crate::leak_report::{LeakReportError, MAX_GITHUB_BYTES, ReportedSecret, feedback, read_github};
use crate::limit::LimitKind;
use crate::ports::{Log, RequestBody};
use crate::refusal::Reason;

const KEY: &str = "github-public-key-identifier";
const SIGNATURE: &str = "github-public-key-signature";
const MAX_KEY_CHARS: usize = 128;

/// Ends every live key that the report names, and says of each finding whether it was one. Nothing is read, and nothing
/// ended, before the signature is verified.
pub(crate) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::LeakReport;
    let config = &ctx.site.config;
    let rules = config.api_keys.as_ref().ok_or(Reason::NoRoute)?;
    let list = rules.github.as_deref().ok_or(Reason::NoRoute)?;
    ctx.request.allow_methods(&[Method::POST])?;
    ctx.limit_own(LimitKind::Keys, config.limits.keys.as_ref(), parts).await?;
    let refuse = |error| Reason::LeakReport(error);
    let kid = single(&ctx.request.head.headers, KEY).filter(|kid| is_key_name(kid));
    let signature = single(&ctx.request.head.headers, SIGNATURE);
    let (Some(kid), Some(signature)) = (kid, signature) else { return Err(refuse(LeakReportError::Unsigned)) };
    let signature = es256_in_der(signature).ok_or(refuse(LeakReportError::BadSignature))?;
    let body = body.text(MAX_GITHUB_BYTES).await.map_err(|_| refuse(LeakReportError::Unreadable))?;
    let signed = SignedReport { kid, signature: &signature, body: body.as_bytes() };
    if !ctx.site.documents.verify_report(ctx.platform, list, &signed).await? {
        return Err(refuse(LeakReportError::BadSignature));
    }
    let reported = read_github(body.as_bytes()).map_err(refuse)?;
    let (ended, told) = end_all(ctx, rules, &reported).await?;
    parts.event.ended = Some(ended);
    parts.event.end(Effect::Allow, "leak_report.received", StatusCode::OK);
    Ok(response::json(StatusCode::OK, &told))
}

/// Ends what is alive: how many, and what GitHub is told. Each key that is ended has an event of its own.
async fn end_all<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    reported: &[ReportedSecret],
) -> Result<(u32, Value), Reason> {
    let (mut known, mut told, mut ended) = (HashMap::new(), Vec::new(), 0);
    for one in reported {
        let text = one.text.expose().as_str();
        let was_real = match known.get(text) {
            Some(was_real) => *was_real,
            None => {
                let found = end(ctx, rules, text).await?;
                if let Found::Ended(key) = &found {
                    ended += 1;
                    let mut event = background_event(&ctx.site.config, ctx.platform, What::KeyLeaked);
                    note(&mut event, key);
                    event.end(Effect::Allow, "leak_report.key_ended", StatusCode::OK);
                    ctx.platform.log().line(&event.to_line());
                }
                let was_real = !matches!(found, Found::Nothing);
                known.insert(text, was_real);
                was_real
            }
        };
        told.push(feedback(one, was_real));
    }
    Ok((ended, Value::Array(told)))
}

fn is_key_name(text: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The value of a header that stands once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}
