//! What people granted to a client, across people. The index of clients says whom to ask, and knows nobody by name; the
//! person's own object says who they are, and what they granted. So each person costs a call: an answer is about some people
//! only, and says where to go on.

use serde_json::{Value, json};

use super::agents::as_json;
use super::authorize::Manager;
use super::request::Order;
use super::{Change, Done};
use crate::audit::{self, Effect, What};
use crate::gateway::Platform;
use crate::gateway::account::sessions::those_that_count;
use crate::gateway::background::event::background_event;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::StatusCode;
use crate::ports::{Log, StoreError};
use crate::refusal::Reason;
use crate::session::message::GrantsTo;
use crate::session::{Command, PersonNamed, Reply, SidIndex, SidKey, SidPage, SubjectKey};

/// How many people an answer is about: with what else a request costs, fewer calls than the free plan allows (50).
const PEOPLE: usize = 25;

/// Some of the people who granted something to a client.
struct People {
    keys: Vec<SubjectKey>,
    /// Where to go on; `None`: these are the last ones.
    next: Option<String>,
}

/// The grants to a client, with whose they are. Of people who have none any more there is nothing.
pub(super) async fn list<P: Platform>(
    ctx: &RequestContext<'_, P>,
    client: &str,
    order: &Order,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let People { keys, next } = people(ctx, client, (order, false), parts).await?;
    let command = Command::ListGrantsTo { client: client.to_owned(), clocks: ctx.timeouts() };
    let mut grants = Vec::new();
    for key in &keys {
        let GrantsTo { person: Some(person), grants: found, .. } = ask(ctx, key, &command).await? else { continue };
        for listed in those_that_count(ctx, (&person.issuer, &person.subject), found).await? {
            let Some(mut grant) = as_json(&listed) else { continue };
            grant.insert("provider".to_owned(), listed.provider.as_deref().unwrap_or(&person.provider).into());
            grant.insert("issuer".to_owned(), (&*person.issuer).into());
            grant.insert("subject".to_owned(), (&*person.subject).into());
            grants.push(Value::Object(grant));
        }
    }
    Ok(Done::read(&json!({ "grants": grants, "next": next })))
}

/// Ends the grants to a client. With the first people, the index notes it: what was asked for by then does not begin any more.
/// Whoever gets no answer repeats it: all of it can be done twice.
pub(super) async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (client, manager): (&str, &Manager),
    order: &Order,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let is_first = order.optional_text("after")?.is_none();
    let People { keys, next } = people(ctx, client, (order, is_first), parts).await?;
    let command = Command::EndGrantsTo { client: client.to_owned() };
    let mut count = 0_u32;
    for key in &keys {
        let GrantsTo { person, ended, .. } = ask(ctx, key, &command).await?;
        count = count.saturating_add(ended);
        if let Some(person) = person {
            note(ctx, (client, manager), &person, ended);
        }
    }
    parts.event.ended = Some(count);
    let which = format!("grants to {client}");
    let rest = if next.is_some() { ", of these people" } else { "" };
    let change = Change { before: format!("{which}: {count} alive"), after: format!("{which}: none alive{rest}") };
    Ok(Done::changed(&json!({ "ended": count, "next": next }), change))
}

/// The people after those that an answer before was about.
async fn people<P: Platform>(
    ctx: &RequestContext<'_, P>,
    client: &str,
    (order, ends): (&Order, bool),
    parts: &mut ResponseParts,
) -> Result<People, Reason> {
    parts.event.target = Some(audit::short(&format!("agent {client}")));
    let after = order.optional_text("after")?;
    let after = after.map(|name| SubjectKey::from_object_name(name).ok_or(Reason::BadInput("after"))).transpose()?;
    // One more says whether there are more.
    let page = SidPage { after, limit: u32::try_from(PEOPLE).unwrap_or(u32::MAX).saturating_add(1), ends };
    let keys = ctx.platform.sid_index().page_sid(&SidKey::of_agent(client), &page).await.map_err(Reason::Store)?;
    let next = if keys.len() > PEOPLE { keys.get(PEOPLE - 1).map(SubjectKey::object_name) } else { None };
    Ok(People { keys: keys.into_iter().take(PEOPLE).collect(), next })
}

async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    key: &SubjectKey,
    command: &Command,
) -> Result<GrantsTo, Reason> {
    match ctx.command(key, command).await.map_err(Reason::Store)? {
        Reply::GrantsTo(found) => Ok(*found),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The log is asked about a person too: each whose grants ended has a line.
fn note<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (client, manager): (&str, &Manager),
    person: &PersonNamed,
    ended: u32,
) {
    let mut event = background_event(&ctx.site.config, ctx.platform, What::AgentRevoked);
    event.identity(&person.provider, &person.issuer, &person.subject);
    event.client_id = Some(audit::short(client));
    event.detail = Some(audit::short(&format!("by {}", manager.name())));
    event.ended = Some(ended);
    event.end(Effect::Allow, "agent.ended_for_client", StatusCode::OK);
    ctx.platform.log().line(&event.to_line());
}
