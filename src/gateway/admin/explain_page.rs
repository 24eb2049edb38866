//! `GET /auth/admin/explain`: the same for people, as a page without script. What it answers is what other endpoints
//! answer, and only for those who may ask there.

use serde_json::{Map, Value, json};

use super::authorize::Manager;
use super::endpoints::{READ_DECISION, SUPPOSE_DECISION};
use super::explain::Supposition;
use super::request::Order;
use super::{Done, explain};
use crate::config::Config;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::json;
use crate::pages::explain::{Choice, ExplainAnswer, ExplainForm, render};
use crate::refusal::{OrderError, Reason};
use crate::store::decision_log;

const FIELDS: [&str; 8] = ["id", "request", "by", "claims", "scopes", "signed_in", "second", "context"];
const NOBODY: &str = "nobody";

pub(super) async fn show<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_query(ctx, &FIELDS)?;
    let fields = FIELDS.map(|name| order.text(name).unwrap_or_default().trim());
    let [id, request, by, claims, scopes, signed_in, second, context] = fields;
    let asked = ExplainForm { id, request, by, claims, scopes, signed_in, second, context };
    let answer = if !id.is_empty() {
        // Also where it is refused: the log has no query.
        parts.event.target = Some(id.to_owned()).filter(|id| decision_log::is_id(id));
        manager.may(ctx, READ_DECISION, parts).await?;
        made(ctx, id, parts).await?
    } else if !request.is_empty() {
        manager.may(ctx, SUPPOSE_DECISION, parts).await?;
        match supposition(&asked) {
            Ok(asked) => explain::verdict(ctx, manager, asked, parts)
                .await?
                .map_or_else(ExplainAnswer::Problem, ExplainAnswer::Hypothetical),
            Err(problem) => ExplainAnswer::Problem(problem),
        }
    } else {
        ExplainAnswer::Nothing
    };
    Ok(Done::page(render(
        &ctx.view(),
        &asked,
        &choices(&ctx.site.config),
        ctx.site.config.decisions.is_some(),
        &answer,
    )))
}

async fn made<P: Platform>(
    ctx: &RequestContext<'_, P>,
    id: &str,
    parts: &mut ResponseParts,
) -> Result<ExplainAnswer, Reason> {
    match explain::recalled(ctx, id, parts).await {
        Ok(event) => Ok(ExplainAnswer::Made(event)),
        Err(Reason::Order(OrderError::NoSuchDecision)) => {
            let problem =
                "No decision of this number is kept: it is mistyped, or too old, or of a kind that is not kept.";
            Ok(ExplainAnswer::Problem(problem.to_owned()))
        }
        Err(reason) => Err(reason),
    }
}

/// What the form asks.
fn supposition<'a>(asked: &ExplainForm<'a>) -> Result<Supposition<'a>, String> {
    let context = match asked.context {
        "" => None,
        text => Some(members("context", text)?.into()),
    };
    Ok(Supposition { who: who(asked)?, request: asked.request, context })
}

fn members(name: &str, text: &str) -> Result<Map<String, Value>, String> {
    json::parse_object(text.as_bytes(), explain::MAX_BYTES).map_err(|error| format!("{name}: {error}"))
}

/// Who asks, as the form says it, in the words of the API; `None`: nobody.
fn who(asked: &ExplainForm<'_>) -> Result<Option<Map<String, Value>>, String> {
    let Some((kind @ ("provider" | "issuer"), id)) = asked.by.split_once(':') else { return Ok(None) };
    let claims = match asked.claims {
        "" => Map::new(),
        text => members("claims", text)?,
    };
    let scopes: Vec<&str> = asked.scopes.split_whitespace().collect();
    let told = [(kind, id.into()), ("claims", claims.into()), ("scopes", json!(scopes))];
    let mut who = json::object(told.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)));
    if !asked.signed_in.is_empty() {
        who.insert("signed_in".to_owned(), asked.signed_in.into());
    }
    if !asked.second.is_empty() {
        who.insert("second".to_owned(), asked.second.into());
    }
    Ok(Some(who))
}

fn choices(config: &Config) -> Vec<Choice> {
    let providers = config.providers.iter().map(|provider| Choice {
        value: format!("provider:{}", provider.id),
        label: format!("Who signed in with {}", provider.id),
    });
    let ids = config.issuers.iter().map(|issuer| &issuer.id);
    let ids = ids.chain(config.workloads.iter().map(|issuer| &issuer.id));
    let issuers =
        ids.map(|id| Choice { value: format!("issuer:{id}"), label: format!("A program with a token of {id}") });
    let nobody = Choice { value: NOBODY.to_owned(), label: "Nobody: no credentials at all".to_owned() };
    providers.chain(issuers).chain([nobody]).collect()
}
