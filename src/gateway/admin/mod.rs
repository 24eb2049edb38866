//! `/auth/admin/*`: management, for the people and services that the configuration names. Without an `ADMIN` table there is nothing
//! here.
//!
//! Every endpoint is a row of [`ENDPOINTS`], and comes by [`authorize::enter`]: tests ask each row who may use it. One more
//! endpoint is a row, a [`Task`] and its arm in [`carry_out`]; its handler reads an [`Order`] and answers with
//! [`Done`], which says what it changed.

mod agents;
mod agents_by_client;
mod api_keys;
mod authorize;
mod blocks;
mod endpoints;
mod explain;
mod explain_page;
mod factors;
mod policies;
mod relations;
pub(super) mod request;
mod sessions;

use serde_json::{Value, json};

use super::context::RequestContext;
use super::refused::Refused;
use super::response_parts::ResponseParts;
use super::{Platform, health, response};
use crate::audit::{self, Effect, What};
use crate::http::{Method, Response, StatusCode};
use crate::pages::HtmlPage;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::route::CanonicalPath;

use authorize::Manager;
pub(super) use endpoints::PREFIX;
pub use endpoints::{ENDPOINTS, Endpoint};
use endpoints::{Extras, Task, at_hand, find};

/// What an endpoint did.
struct Done {
    response: Response,
    reason: &'static str,
    change: Option<Change>,
}

/// What was changed, for the log: short, and never a secret.
struct Change {
    before: String,
    after: String,
}

impl Done {
    /// It only looked.
    fn read(answer: &Value) -> Self {
        Self { response: response::json(StatusCode::OK, answer), reason: "admin.done", change: None }
    }

    /// It only looked, and the answer is written already.
    const fn told(response: Response) -> Self {
        Self { response, reason: "admin.done", change: None }
    }

    /// It shows a page.
    fn page(page: HtmlPage) -> Self {
        Self { response: response::html(StatusCode::OK, page), reason: "admin.done", change: None }
    }

    /// It changed something.
    fn changed(answer: &Value, change: Change) -> Self {
        Self { change: Some(change), ..Self::read(answer) }
    }

    /// It ended, at once or half-way, where something was not as expected.
    fn unmet<P>(ctx: &RequestContext<'_, P>, (answer, unmet): (&Value, &[String]), change: Change) -> Self {
        let response = response::unmet(&ctx.request.id, answer, unmet);
        Self { response, reason: "admin.outdated", change: Some(change) }
    }

    /// It did nothing, for what it was given does not hold up. Who manages may know why, in their own words.
    fn unacceptable<P>(ctx: &RequestContext<'_, P>, problems: &[String]) -> Self {
        let response = response::unacceptable(&ctx.request.id, problems);
        Self { response, reason: "admin.unacceptable", change: None }
    }
}

/// Answers a request for a path within [`PREFIX`].
pub(super) async fn answer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    path: &CanonicalPath,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::Admin;
    if ctx.site.config.admin.is_none() {
        return Err(Reason::NoRoute.into());
    }
    let (endpoint, parameter) = find(&ctx.request.head.method, path, extras(ctx))?;
    parts.event.action = Some(endpoint.action);
    let manager = match authorize::enter(ctx, path, endpoint, parts).await {
        Ok(manager) => manager,
        Err(refused) => return super::guard::challenge(ctx, refused, parts),
    };
    let order = Asked { task: endpoint.task, parameter, manager };
    let Done { response, reason, change } = carry_out(ctx, order, body, parts).await?;
    if let Some(Change { before, after }) = change {
        parts.event.before = Some(audit::short(&before));
        parts.event.after = Some(audit::short(&after));
    }
    let effect = if response.status.is_client_error() { Effect::Deny } else { Effect::Allow };
    parts.event.end(effect, reason, response.status);
    Ok(response)
}

/// What is to be done, and for whom.
struct Asked<'a> {
    task: Task,
    /// What stands in the path where the endpoint has `{…}`; else nothing.
    parameter: &'a str,
    manager: Manager,
}

async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    Asked { task, parameter, manager }: Asked<'_>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    match task {
        Task::Index => Ok(Done::read(&index(extras(ctx)))),
        Task::Health => Ok(Done::told(health::report::of(ctx).await.to_response())),
        Task::ListSessions => sessions::list(ctx, parts).await,
        Task::Recall => Ok(Done::read(&explain::recall(ctx, parameter, parts).await?)),
        Task::ExplainPage => explain_page::show(ctx, &manager, parts).await,
        Task::Explain => explain::suppose(ctx, &manager, body, parts).await,
        Task::Policies(task) => policies::carry_out(ctx, (task, &manager), parameter, body, parts).await,
        Task::ListRelations => relations::list(ctx, parts).await,
        Task::DumpRelations => relations::dump(ctx, parts).await,
        Task::ChangeRelations => relations::change(ctx, body, parts).await,
        Task::RemoveRelations => relations::remove_subject(ctx, body, parts).await,
        Task::CheckRelation => relations::check(ctx, body, parts).await,
        Task::RevokeSessions => sessions::revoke(ctx, body, parts).await,
        Task::ListFactors => factors::list(ctx, parts).await,
        Task::ResetFactors => factors::reset(ctx, &manager, body, parts).await,
        Task::ListGrants => agents::list(ctx, parts).await,
        Task::RevokeGrants => agents::revoke(ctx, &manager, body, parts).await,
        Task::ListKeys => api_keys::list(ctx, parts).await,
        Task::MakeKey => api_keys::make(ctx, &manager, body, parts).await,
        Task::RotateKey => api_keys::rotate(ctx, &manager, body, parts).await,
        Task::RevokeKeys => api_keys::revoke(ctx, body, parts).await,
        Task::Blocks(task) => blocks::carry_out(ctx, (task, &manager), body, parts).await,
    }
}

fn extras<P: Platform>(ctx: &RequestContext<'_, P>) -> Extras {
    Extras { policies: ctx.site.policies.is_some(), blocks: ctx.has_block_list() }
}

/// `GET /auth/admin`: what there is.
fn index(extras: Extras) -> Value {
    let row = |endpoint: &Endpoint| {
        let Endpoint { method, path, action, does, .. } = endpoint;
        json!({ "method": method.as_str(), "path": path, "action": action, "does": does })
    };
    json!({ "endpoints": at_hand(extras).map(row).collect::<Vec<_>>() })
}
