//! `POST /auth/keys/leaked/github`: GitHub has found keys in what it hosts (secret scanning partner program).

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{Found, end_suspect, note, suspect};
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
use crate::ordered;
use crate::ports::{Log, RequestBody};
use crate::refusal::Reason;

const KEY: &str = "github-public-key-identifier";
const SIGNATURE: &str = "github-public-key-signature";
const MAX_KEY_CHARS: usize = 128;
/// Of how many texts of a report that no root key of the ring marked an object is asked.
const MOST_UNKNOWN: usize = 200;

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
    let ReportOutcome { ended, real, failed } = end_all(ctx, rules, &reported).await;
    parts.event.ended = Some(ended);
    if let Some(reason) = failed {
        return Err(reason);
    }
    parts.event.end(Effect::Allow, "leak_report.received", StatusCode::OK);
    let told = reported.iter().map(|one| feedback(one, real.contains(one.text.expose().as_str()))).collect();
    let told = Value::Array(told);
    Ok(response::json(StatusCode::OK, &told))
}

/// What became of a report.
#[derive(Default)]
struct ReportOutcome<'a> {
    /// How many were ended.
    ended: u32,
    /// The texts that were those of keys.
    real: HashSet<&'a str>,
    /// Why not all is done: then the report is to come again.
    failed: Option<Reason>,
}

/// Ends what is alive. One object that does not answer keeps no other key alive, and neither do texts that anybody can make
/// up: what was made here for certain comes first. Each key that is ended has an event of its own.
async fn end_all<'a, P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    reported: &'a [ReportedSecret],
) -> ReportOutcome<'a> {
    let texts: BTreeSet<&str> = ordered::collected(reported.iter().map(|one| one.text.expose().as_str()));
    let suspects = texts.into_iter().filter_map(|text| suspect(ctx, rules, text).map(|suspect| (text, suspect)));
    let (ours, unknown): (Vec<_>, Vec<_>) = suspects.partition(|(_, suspect)| suspect.is_ours);
    let mut outcome = ReportOutcome::default();
    for (text, suspect) in ours.iter().chain(unknown.iter().take(MOST_UNKNOWN)) {
        let found = match end_suspect(ctx, suspect).await {
            Ok(found) => found,
            Err(reason) => {
                outcome.failed = Some(reason);
                continue;
            }
        };
        if !matches!(found, Found::Nothing) {
            outcome.real.insert(text);
        }
        let (key, reason) = match &found {
            Found::Ended(key) => (key, "leak_report.key_ended"),
            Found::OldSecretEnded(key) => (key, "leak_report.old_secret_ended"),
            Found::EndedBefore | Found::Nothing => continue,
        };
        outcome.ended = outcome.ended.saturating_add(1);
        let mut event = background_event(&ctx.site.config, ctx.platform, What::KeyLeaked);
        note(&mut event, key);
        event.end(Effect::Allow, reason, StatusCode::OK);
        ctx.platform.log().line(&event.to_line());
    }
    outcome
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
