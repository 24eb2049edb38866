//! The block list, and the moments before which sessions and tokens count no more.

use serde_json::{Map, Value, json};

use super::authorize::Manager;
use super::endpoints::BlockTask;
use super::request::{MAX_BYTES, Order};
use super::sessions::{MAX_SUBJECT_BYTES, Person, issuer_of};
use super::{Change, Done};
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Command, Reply};
use crate::store::block_list::{
    BlockEntry, BlockReply, BlockRequest, BlockTarget, Blocks, MAX_BLOCKS, MAX_MOMENTS, NewBlock, NewMoment,
    NotBeforeEntry, NotBeforeScope,
};
use crate::time::{Seconds, Timestamp};

const MAX_REASON_BYTES: usize = 200;
/// A moment is kept for so long, or as long as a session may live: no token from before it can still be good.
const LONGEST_TOKEN_LIFE: Seconds = Seconds::hours(31 * 24);
/// One that is not of a single person is kept longer than a grant may live: no object ends what was granted before it.
const LONGEST_GRANT_LIFE: Seconds = Seconds::hours(91 * 24);
const MOST_LOOKS: usize = 5;
/// The id of a client that registered itself is long.
const MAX_AGENT_BYTES: usize = 2048;
const TARGET: [&str; 6] = ["provider", "issuer", "subject", "client_id", "key", "agent"];

/// Carries out what an endpoint about the list is for.
pub(super) async fn carry_out<P: Platform>(
    ctx: &RequestContext<'_, P>,
    (task, manager): (BlockTask, &Manager),
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    match task {
        BlockTask::List => list(ctx).await,
        BlockTask::Add => add(ctx, manager, body, parts).await,
        BlockTask::Lift => lift(ctx, body, parts).await,
        BlockTask::ReadMoments => read_moments(ctx).await,
        BlockTask::MoveMoment => move_moment(ctx, manager, body, parts).await,
        BlockTask::ClearMoment => clear_moment(ctx, body, parts).await,
    }
}

async fn list<P: Platform>(ctx: &RequestContext<'_, P>) -> Result<Done, Reason> {
    let order = Order::of_query(ctx, &["after"])?;
    let after = order.text("after").map(str::to_owned);
    let BlockReply::Page { entries, next } = ask(ctx, &BlockRequest::List { after }).await? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    let blocks: Vec<Value> = entries.iter().map(block_as_json).collect();
    Ok(Done::read(&json!({ "blocks": blocks, "next": next })))
}

/// First the list, by which tokens and keys are refused; then the person's own object, which ends their sessions and lets none
/// begin. Whoever gets no answer repeats it: both can be done twice.
async fn add<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let known = [&TARGET[..], &["reason", "until"]].concat();
    let order = Order::of_body(ctx, body, &known, MAX_BYTES).await?;
    let (target, person) = target(ctx, &order, parts)?;
    let reason = match order.get("reason") {
        None => String::new(),
        Some(reason) => {
            let fits = |text: &&str| text.len() <= MAX_REASON_BYTES && !text.chars().any(char::is_control);
            reason.as_str().filter(fits).ok_or(Reason::BadInput("reason"))?.to_owned()
        }
    };
    let until = match order.get("until") {
        None => None,
        Some(until) => {
            let until = until.as_i64().map(Timestamp::from_unix).filter(|until| *until > ctx.request.now);
            Some(until.ok_or(Reason::BadInput("until"))?)
        }
    };
    if let Some(problem) = manager.may_not_block(ctx, &target) {
        return Ok(Done::unacceptable(ctx, &[problem]));
    }
    let block = NewBlock { target, reason, until, by: manager.name() };
    let before = match ask(ctx, &BlockRequest::Block(block.clone())).await? {
        BlockReply::Changed { before } => before,
        BlockReply::Full => {
            return Ok(Done::unacceptable(ctx, &[full(MAX_BLOCKS, "blocks: lift some, or let them end by `until`")]));
        }
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    let ended = match &person {
        None => 0,
        Some(person) => tell(ctx, person, Some(until)).await?,
    };
    if let Some(person) = &person {
        agree(ctx, &block.target, person, Some(until)).await?;
    }
    parts.event.ended = person.as_ref().map(|_| ended);
    let change =
        Change { before: before.as_ref().map_or_else(not_blocked, in_words), after: words(&block.reason, until) };
    Ok(Done::changed(&json!({ "blocked": true, "ended": ended, "until": until }), change))
}

/// First the person's own object, then the list: as long as anything is left of a block, the list shows it. Then the object
/// once more: another administrator may have told it of a block before this lifted it.
async fn lift<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &TARGET, MAX_BYTES).await?;
    let (target, person) = target(ctx, &order, parts)?;
    if let Some(person) = &person {
        tell(ctx, person, None).await?;
    }
    let lifted = BlockRequest::Lift { target: target.clone() };
    let BlockReply::Changed { before } = ask(ctx, &lifted).await? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    if let Some(person) = &person {
        tell(ctx, person, None).await?;
        agree(ctx, &target, person, None).await?;
    }
    let answer = json!({ "lifted": before.is_some() });
    Ok(match before {
        Some(before) => Done::changed(&answer, Change { before: in_words(&before), after: not_blocked() }),
        None => Done::read(&answer),
    })
}

/// Until the person's own object says what the list says: another administrator may block or lift at the same time. Whoever
/// changes the list tells the object after it, and looks at the list after the last thing that they told it: so the last one
/// who tells it leaves both the same. `told`: what the object was told, and until when it blocks.
async fn agree<P: Platform>(
    ctx: &RequestContext<'_, P>,
    target: &BlockTarget,
    person: &Person,
    mut told: Option<Option<Timestamp>>,
) -> Result<(), Reason> {
    for _ in 0..MOST_LOOKS {
        let BlockReply::Found { block } = ask(ctx, &BlockRequest::Find { target: target.clone() }).await? else {
            return Err(Reason::Store(StoreError::Malformed));
        };
        let wanted = block.map(|block| block.until);
        if wanted == told {
            return Ok(());
        }
        tell(ctx, person, wanted).await?;
        told = wanted;
    }
    Err(Reason::Store(StoreError::unavailable("the block of this person changes again and again")))
}

/// Tells a person's own object that they are blocked, and until when, or are not. How many sessions that ended.
async fn tell<P: Platform>(
    ctx: &RequestContext<'_, P>,
    person: &Person,
    block: Option<Option<Timestamp>>,
) -> Result<u32, Reason> {
    let command = block.map_or(Command::Unblock, |until| Command::Block { until });
    match ctx.command(&person.key, &command).await.map_err(Reason::Store)? {
        Reply::EndedMany { count } => Ok(count),
        Reply::Unblocked => Ok(0),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

async fn read_moments<P: Platform>(ctx: &RequestContext<'_, P>) -> Result<Done, Reason> {
    let BlockReply::Moments(moments) = ask(ctx, &BlockRequest::Moments).await? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    let moments: Vec<Value> = moments.iter().map(moment_as_json).collect();
    Ok(Done::read(&json!({ "not_before": moments })))
}

async fn move_moment<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let known = ["everybody", "provider", "issuer", "subject", "at", "tokens"];
    let order = Order::of_body(ctx, body, &known, MAX_BYTES).await?;
    let (of, person) = scope(ctx, &order, parts)?;
    let moment = match order.get("at") {
        None => ctx.request.now,
        Some(at) => {
            let at = at.as_i64().map(Timestamp::from_unix);
            let at = at.filter(|at| (Timestamp::EPOCH..=ctx.request.now).contains(at));
            at.ok_or(Reason::BadInput("at"))?
        }
    };
    let tokens = match order.get("tokens") {
        None => false,
        Some(tokens) => tokens.as_bool().ok_or(Reason::BadInput("tokens"))?,
    };
    // A person's own object ends their sessions for good: nothing has to be remembered of them.
    let (before, after) = if person.is_some() && !tokens {
        (None, NotBeforeEntry { of, moment, tokens: None, by: manager.name(), at: ctx.request.now })
    } else {
        let longest = if person.is_some() { LONGEST_TOKEN_LIFE } else { LONGEST_GRANT_LIFE };
        let keep = Some(ctx.site.config.session.absolute.max(longest));
        match ask(ctx, &BlockRequest::NotBefore(NewMoment { of, moment, tokens, by: manager.name(), keep })).await? {
            BlockReply::Moved { before, after } => (before, after),
            BlockReply::Full => {
                return Ok(Done::unacceptable(
                    ctx,
                    &[full(MAX_MOMENTS, "moments of subjects: the oldest end by themselves")],
                ));
            }
            _ => return Err(Reason::Store(StoreError::Malformed)),
        }
    };
    if let Some(person) = person {
        // A session that begins in the very second of the moment counts.
        let before = Some(Timestamp::from_unix(after.moment.as_unix().saturating_sub(1)));
        match ctx.command(&person.key, &Command::EndAll { before }).await.map_err(Reason::Store)? {
            Reply::EndedMany { count } => parts.event.ended = Some(count),
            _ => return Err(Reason::Store(StoreError::Malformed)),
        }
    }
    let change = Change { before: moment_in_words(before.as_ref()), after: moment_in_words(Some(&after)) };
    Ok(Done::changed(&moment_as_json(&after), change))
}

/// What is on the list goes; a person's sessions that their own object has ended stay so.
async fn clear_moment<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["everybody", "provider", "issuer", "subject"], MAX_BYTES).await?;
    let (of, _) = scope(ctx, &order, parts)?;
    let BlockReply::Cleared { before } = ask(ctx, &BlockRequest::ClearMoment { of }).await? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    let answer = json!({ "cleared": before.is_some() });
    Ok(match before {
        Some(_) => {
            let change = Change { before: moment_in_words(before.as_ref()), after: moment_in_words(None) };
            Done::changed(&answer, change)
        }
        None => Done::read(&answer),
    })
}

fn moment_in_words(entry: Option<&NotBeforeEntry>) -> String {
    let Some(entry) = entry else { return "all sessions".to_owned() };
    let tokens = entry.tokens.map(|tokens| format!(", tokens since {tokens}")).unwrap_or_default();
    format!("sessions since {}{tokens}", entry.moment)
}

async fn ask<P: Platform>(ctx: &RequestContext<'_, P>, request: &BlockRequest) -> Result<BlockReply, Reason> {
    ctx.platform.blocks().ask_blocks(request).await.map_err(Reason::Store)
}

/// What an order is about, and the person or service, if it is one.
fn target<P>(
    ctx: &RequestContext<'_, P>,
    order: &Order,
    parts: &mut ResponseParts,
) -> Result<(BlockTarget, Option<Person>), Reason> {
    let is_of_issuer = order.get("provider").is_some() || order.get("issuer").is_some();
    if let Some(agent) = order.get("agent") {
        let is_alone = !is_of_issuer && ["subject", "client_id", "key"].iter().all(|name| order.get(name).is_none());
        return if is_alone { Ok((agent_of(ctx, agent, parts)?, None)) } else { Err(Reason::BadInput("agent")) };
    }
    match (order.get("subject"), order.get("client_id"), order.get("key")) {
        (Some(_), None, None) => {
            let person = Person::of(ctx, order, parts)?;
            let target = BlockTarget::Subject { issuer: person.issuer.clone(), subject: person.subject.clone() };
            Ok((target, Some(person)))
        }
        (None, Some(client_id), None) => {
            let (name, issuer) = issuer_of(ctx, order)?;
            let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES;
            let client_id = client_id.as_str().filter(fits).ok_or(Reason::BadInput("client_id"))?;
            parts.event.target = Some(audit::short(&format!("client {name}|{client_id}")));
            Ok((BlockTarget::Client { issuer: issuer.to_owned(), client_id: client_id.to_owned() }, None))
        }
        (None, None, Some(key)) if !is_of_issuer => {
            let id = key.as_str().filter(|id| is_key_id(id)).ok_or(Reason::BadInput("key"))?;
            parts.event.target = Some(format!("key {id}"));
            Ok((BlockTarget::Key { id: id.to_owned() }, None))
        }
        _ => Err(Reason::BadInput("subject")),
    }
}

/// A client to which people grant something here: whatever it is granted is refused from the next request on.
fn agent_of<P>(ctx: &RequestContext<'_, P>, agent: &Value, parts: &mut ResponseParts) -> Result<BlockTarget, Reason> {
    let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_AGENT_BYTES;
    let client_id = agent.as_str().filter(fits).ok_or(Reason::BadInput("agent"))?;
    parts.event.target = Some(audit::short(&format!("agent {client_id}")));
    let issuer = ctx.site.config.public_url.origin().to_owned();
    Ok(BlockTarget::Client { issuer, client_id: client_id.to_owned() })
}

/// Whose sessions and tokens an order is about, and the person, if it is one.
fn scope<P>(
    ctx: &RequestContext<'_, P>,
    order: &Order,
    parts: &mut ResponseParts,
) -> Result<(NotBeforeScope, Option<Person>), Reason> {
    let named = ["provider", "issuer", "subject"].iter().any(|name| order.get(name).is_some());
    match (order.get("everybody"), order.get("subject")) {
        (Some(Value::Bool(true)), None) if !named => {
            parts.event.target = Some("everybody".to_owned());
            Ok((NotBeforeScope::Everybody, None))
        }
        (None, Some(_)) => {
            let person = Person::of(ctx, order, parts)?;
            let of = NotBeforeScope::Subject { issuer: person.issuer.clone(), subject: person.subject.clone() };
            Ok((of, Some(person)))
        }
        (None, None) => {
            let (name, issuer) = issuer_of(ctx, order)?;
            parts.event.target = Some(audit::short(name));
            Ok((NotBeforeScope::Issuer { issuer: issuer.to_owned() }, None))
        }
        _ => Err(Reason::BadInput("everybody")),
    }
}

/// The public id of an API key: 8 bytes in hexadecimal.
fn is_key_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn full(most: usize, what: &str) -> String {
    format!("expected at most {most} {what}")
}

fn not_blocked() -> String {
    "not blocked".to_owned()
}

fn in_words(entry: &BlockEntry) -> String {
    words(&entry.reason, entry.until)
}

fn words(reason: &str, until: Option<Timestamp>) -> String {
    let until = until.map_or_else(|| "until lifted".to_owned(), |until| format!("until {until}"));
    if reason.is_empty() { format!("blocked {until}") } else { format!("blocked {until}: {reason}") }
}

fn block_as_json(entry: &BlockEntry) -> Value {
    let mut members = Map::new();
    match &entry.target {
        BlockTarget::Subject { issuer, subject } => {
            members.insert("issuer".to_owned(), issuer.as_str().into());
            members.insert("subject".to_owned(), subject.as_str().into());
        }
        BlockTarget::Client { issuer, client_id } => {
            members.insert("issuer".to_owned(), issuer.as_str().into());
            members.insert("client_id".to_owned(), client_id.as_str().into());
        }
        BlockTarget::Key { id } => drop(members.insert("key".to_owned(), id.as_str().into())),
    }
    members.insert("reason".to_owned(), entry.reason.as_str().into());
    members.insert("until".to_owned(), json!(entry.until));
    members.insert("by".to_owned(), entry.by.as_str().into());
    members.insert("at".to_owned(), json!(entry.at));
    Value::Object(members)
}

fn moment_as_json(entry: &NotBeforeEntry) -> Value {
    let (everybody, issuer, subject) = match &entry.of {
        NotBeforeScope::Everybody => (Some(true), None, None),
        NotBeforeScope::Issuer { issuer } => (None, Some(issuer), None),
        NotBeforeScope::Subject { issuer, subject } => (None, Some(issuer), Some(subject)),
    };
    let sessions = entry.moment;
    json!({
        "everybody": everybody, "issuer": issuer, "subject": subject,
        "sessions": sessions, "tokens": entry.tokens, "by": entry.by, "at": entry.at,
    })
}
