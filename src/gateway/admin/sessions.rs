//! The sessions of others.

use serde_json::json;

use super::request::{MAX_BYTES, Order};
use super::{Change, Done};
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::account::sessions::{as_json, counted, is_id};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Command, Reply, SubjectKey};
use crate::time::Timestamp;

/// OpenID Connect Core §2: `sub` has at most 255 ASCII characters.
pub(super) const MAX_SUBJECT_BYTES: usize = 255;
const MAX_ISSUER_BYTES: usize = 1024;

/// `GET /auth/admin/sessions?provider=&subject=`, or `issuer=&subject=`: someone's sessions.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    let order = Order::of_query(ctx, &["provider", "issuer", "subject"])?;
    let person = Person::of(ctx, &order, parts)?;
    let answer = ctx.command(&person.key, &Command::List { clocks: ctx.timeouts() }).await.map_err(Reason::Store)?;
    let sessions = counted(ctx, (&person.issuer, &person.subject), answer).await?;
    Ok(Done::read(&as_json(&sessions, None)))
}

/// `POST /auth/admin/revoke`: ends all sessions of someone, one of them, or those that began at or before a time.
pub(super) async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &["provider", "issuer", "subject", "session", "before"], MAX_BYTES).await?;
    let person = Person::of(ctx, &order, parts)?;
    let command = command(ctx, &order)?;
    let Reply::EndedMany { count } = ctx.command(&person.key, &command).await.map_err(Reason::Store)? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    parts.event.ended = Some(count);
    let which = match &command {
        Command::EndListed { id } => format!("session {id}"),
        Command::EndAll { before: Some(before) } => format!("sessions since before {before}"),
        _ => "all sessions".to_owned(),
    };
    let change = Change { before: format!("{which}: {count} alive"), after: format!("{which}: none alive") };
    Ok(Done::changed(&json!({ "ended": count }), change))
}

/// Whose sessions it is about.
pub(super) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) key: SubjectKey,
}

impl Person {
    /// By the id of a provider, or by an issuer: also one that is not configured any more, whose sessions are still stored.
    pub(super) fn of<P>(ctx: &RequestContext<'_, P>, order: &Order, parts: &mut ResponseParts) -> Result<Self, Reason> {
        let (name, issuer) = issuer_of(ctx, order)?;
        let subject = order
            .text("subject")
            .filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT_BYTES)
            .ok_or(Reason::BadInput("subject"))?;
        parts.event.target = Some(audit::short(&format!("{name}|{subject}")));
        Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned(), key: SubjectKey::of(issuer, subject) })
    }
}

/// The issuer that is meant, and how it was named.
pub(super) fn issuer_of<'a, P>(ctx: &RequestContext<'a, P>, order: &'a Order) -> Result<(&'a str, &'a str), Reason> {
    match (order.get("provider"), order.get("issuer")) {
        (Some(id), None) => {
            let provider = id.as_str().and_then(|id| ctx.site.config.provider(id));
            // One with a name for each tenant says nothing of whose person it is.
            let provider = provider.filter(|provider| !provider.issuer.has_tenants());
            let provider = provider.ok_or(Reason::BadInput("provider"))?;
            Ok((provider.id.as_str(), provider.issuer.as_str()))
        }
        (None, Some(issuer)) => {
            let issuer = issuer.as_str().filter(|issuer| is_issuer(issuer)).ok_or(Reason::BadInput("issuer"))?;
            Ok((issuer, issuer))
        }
        _ => Err(Reason::BadInput("provider")),
    }
}

/// Whether a text can be an issuer: a URL, and so without NUL ([`SubjectKey::of`]).
fn is_issuer(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ISSUER_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn command<P>(ctx: &RequestContext<'_, P>, order: &Order) -> Result<Command, Reason> {
    match (order.get("session"), order.get("before")) {
        (None, None) => Ok(Command::EndAll { before: None }),
        (Some(id), None) => match id.as_str().filter(|id| is_id(id)) {
            Some(id) => Ok(Command::EndListed { id: id.to_owned() }),
            None => Err(Reason::BadInput("session")),
        },
        // A time to come would also void the logins until then.
        (None, Some(before)) => {
            match before
                .as_i64()
                .map(Timestamp::from_unix)
                .filter(|at| (Timestamp::EPOCH..=ctx.request.now).contains(at))
            {
                Some(at) => Ok(Command::EndAll { before: Some(at) }),
                None => Err(Reason::BadInput("before")),
            }
        }
        (Some(_), Some(_)) => Err(Reason::BadInput("before")),
    }
}
