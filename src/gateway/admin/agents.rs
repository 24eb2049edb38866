//! What people granted to agents. A client is shut out everywhere by the block list: `agent` of `POST /auth/admin/blocks`.

use serde_json::{Value, json};

use super::request::{MAX_BYTES, Order};
use super::sessions::Person;
use super::{Change, Done};
use crate::gateway::Platform;
use crate::gateway::account::sessions::{counted, is_id};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Command, Listed, Reply};

/// The longest client id: more than any that is taken.
const MAX_CLIENT_BYTES: usize = 2048;

/// `GET /auth/admin/agents?provider=&subject=`, or `issuer=&subject=`: what somebody granted.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    exists(ctx)?;
    let order = Order::of_query(ctx, &["provider", "issuer", "subject"])?;
    let person = Person::of(ctx, &order, parts)?;
    let answer = ctx.command(&person.key, &Command::List { clocks: ctx.timeouts() }).await.map_err(Reason::Store)?;
    let listed = counted(ctx, (&person.issuer, &person.subject), answer).await?;
    Ok(Done::read(&json!({ "grants": listed.iter().filter_map(as_json).collect::<Vec<_>>() })))
}

/// `POST /auth/admin/agents/revoke`: ends what somebody granted: one grant, those to a client, or all.
pub(super) async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    exists(ctx)?;
    let order = Order::of_body(ctx, body, &["provider", "issuer", "subject", "grant", "client"], MAX_BYTES).await?;
    let person = Person::of(ctx, &order, parts)?;
    let grant = order.optional_text("grant")?.map(str::to_owned);
    if grant.as_deref().is_some_and(|id| !is_id(id)) {
        return Err(Reason::BadInput("grant"));
    }
    let client = order.optional_text("client")?.map(str::to_owned);
    if client.as_deref().is_some_and(|client| client.is_empty() || client.len() > MAX_CLIENT_BYTES) {
        return Err(Reason::BadInput("client"));
    }
    let which = match (&grant, &client) {
        (Some(_), Some(_)) => return Err(Reason::BadInput("client")),
        (Some(id), None) => format!("grant {id}"),
        (None, Some(client)) => format!("grants to {client}"),
        (None, None) => "all grants".to_owned(),
    };
    let command = Command::EndGrants { id: grant, client };
    let Reply::EndedMany { count } = ctx.command(&person.key, &command).await.map_err(Reason::Store)? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    parts.event.ended = Some(count);
    let change = Change { before: format!("{which}: {count} alive"), after: format!("{which}: none alive") };
    Ok(Done::changed(&json!({ "ended": count }), change))
}

/// Without agents there is nothing to manage.
fn exists<P>(ctx: &RequestContext<'_, P>) -> Result<(), Reason> {
    if ctx.site.config.agents.is_some() { Ok(()) } else { Err(Reason::NoRoute) }
}

/// A grant for programs; `None`: it is a session.
fn as_json(listed: &Listed) -> Option<Value> {
    let grant = listed.grant.as_ref()?;
    Some(json!({
        "id": listed.id,
        "client": grant.client,
        "client_name": grant.client_name,
        "resource": grant.resource,
        "scopes": grant.scopes,
        "created_at": listed.created_at,
        "last_seen": listed.last_seen,
        "expires_at": listed.expires_at,
    }))
}
