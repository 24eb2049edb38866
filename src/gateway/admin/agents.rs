//! What people granted to agents. A client is shut out everywhere by the block list: `agent` of `POST /auth/admin/blocks`.

use serde_json::{Map, Value, json};

use super::authorize::Manager;
use super::request::{MAX_BYTES, Order};
use super::sessions::Person;
use super::{Change, Done, agents_by_client};
use crate::gateway::Platform;
use crate::gateway::account::sessions::{is_id, those_that_count};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::json;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Command, Listed, Reply};

/// The longest client id: more than any that is taken.
const MAX_CLIENT_BYTES: usize = 2048;

/// `GET /auth/admin/agents?provider=&subject=`, or `issuer=&subject=`: what somebody granted, perhaps only to a client; or
/// `?client=`: what people granted to it.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    exists(ctx)?;
    let order = Order::of_query(ctx, &["provider", "issuer", "subject", "client", "after"])?;
    let client = client_of(&order)?;
    if let Some(client) = client.filter(|_| !names_person(&order)) {
        return agents_by_client::list(ctx, client, &order, parts).await;
    }
    let person = person_of(ctx, &order, parts)?;
    let clocks = ctx.timeouts();
    let command = match client {
        None => Command::List { clocks },
        Some(client) => Command::ListGrantsTo { client: client.to_owned(), clocks },
    };
    let listed = match ctx.command(&person.key, &command).await.map_err(Reason::Store)? {
        Reply::Sessions(listed) => listed,
        Reply::GrantsTo(found) => found.grants,
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    let listed = those_that_count(ctx, (&person.issuer, &person.subject), listed).await?;
    let grants = listed.iter().filter_map(as_json).map(Value::Object);
    Ok(Done::read(&json!({ "grants": grants.collect::<Vec<_>>() })))
}

/// `POST /auth/admin/agents/revoke`: ends what somebody granted: one grant, those to a client, or all; or, without anybody, what
/// people granted to a client.
pub(super) async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    exists(ctx)?;
    let known = ["provider", "issuer", "subject", "grant", "client", "after"];
    let order = Order::of_body(ctx, body, &known, MAX_BYTES).await?;
    let client = client_of(&order)?;
    if let Some(client) = client.filter(|_| !names_person(&order) && order.get("grant").is_none()) {
        return agents_by_client::revoke(ctx, (client, manager), &order, parts).await;
    }
    let person = person_of(ctx, &order, parts)?;
    let grant = order.optional_text("grant")?.map(str::to_owned);
    if grant.as_deref().is_some_and(|id| !is_id(id)) {
        return Err(Reason::BadInput("grant"));
    }
    let which = match (&grant, client) {
        (Some(_), Some(_)) => return Err(Reason::BadInput("client")),
        (Some(id), None) => format!("grant {id}"),
        (None, Some(client)) => format!("grants to {client}"),
        (None, None) => "all grants".to_owned(),
    };
    let command = Command::EndGrants { id: grant, client: client.map(str::to_owned) };
    let Reply::EndedMany { count } = ctx.command(&person.key, &command).await.map_err(Reason::Store)? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    parts.event.ended = Some(count);
    let change = Change { before: format!("{which}: {count} alive"), after: format!("{which}: none alive") };
    Ok(Done::changed(&json!({ "ended": count }), change))
}

/// The one person that it is about. What they granted has no pages.
fn person_of<P>(ctx: &RequestContext<'_, P>, order: &Order, parts: &mut ResponseParts) -> Result<Person, Reason> {
    let person = Person::of(ctx, order, parts)?;
    if order.get("after").is_none() { Ok(person) } else { Err(Reason::BadInput("after")) }
}

/// Whether it is about one person.
fn names_person(order: &Order) -> bool {
    ["provider", "issuer", "subject"].iter().any(|name| order.get(name).is_some())
}

fn client_of(order: &Order) -> Result<Option<&str>, Reason> {
    let client = order.optional_text("client")?;
    let is_bad = client.is_some_and(|client| client.is_empty() || client.len() > MAX_CLIENT_BYTES);
    if is_bad { Err(Reason::BadInput("client")) } else { Ok(client) }
}

/// Without agents there is nothing to manage.
fn exists<P>(ctx: &RequestContext<'_, P>) -> Result<(), Reason> {
    if ctx.site.config.agents.is_some() { Ok(()) } else { Err(Reason::NoRoute) }
}

/// A grant for programs; `None`: it is a session.
pub(super) fn as_json(listed: &Listed) -> Option<Map<String, Value>> {
    let grant = listed.grant.as_ref()?;
    let all = [
        ("id", json!(listed.id)),
        ("client", json!(grant.client)),
        ("client_name", json!(grant.client_name)),
        ("resource", json!(grant.resource)),
        ("scopes", json!(grant.scopes)),
        ("created_at", json!(listed.created_at)),
        ("last_seen", json!(listed.last_seen)),
        ("expires_at", json!(listed.expires_at)),
    ];
    let parent = grant.parent.as_ref().map(|parent| ("parent", json!(parent)));
    Some(json::object(all.into_iter().chain(parent).map(|(name, value)| (name.to_owned(), value))))
}
