//! The second factors of others: to see which there are, and to take them away from who lost them.

use serde_json::{Value, json};

use super::authorize::Manager;
use super::request::{MAX_BYTES, Order};
use super::sessions::Person;
use super::{Change, Done};
use crate::gateway::Platform;
use crate::gateway::account::second::notices::{self, Told};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::second::{FactorKind, FactorList, ListedFactor, SecondCommand, SecondReply};
use crate::session::{Command, Reply};

const WHO: [&str; 3] = ["provider", "issuer", "subject"];

/// `GET /auth/admin/factors?provider=&subject=`, or `issuer=&subject=`: which factors someone has.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    let order = Order::of_query(ctx, &WHO)?;
    let person = Person::of(ctx, &order, parts)?;
    match ask(ctx, &person, SecondCommand::Read { session: None }).await? {
        SecondReply::Factors(list) => Ok(Done::read(&as_json(&list))),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// `POST /auth/admin/factors/reset`: someone has none any more, and all their sessions end, with what agents may by them: one of
/// them may be of whoever has the lost factor, and could add the next first one. Never one's own:
/// it takes two people, or whoever has an administrator's session could make it their own factor.
pub(super) async fn reset<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let order = Order::of_body(ctx, body, &WHO, MAX_BYTES).await?;
    let person = Person::of(ctx, &order, parts)?;
    let by = manager.principal();
    if by.issuer() == person.issuer && by.subject() == person.subject {
        return Ok(Done::unacceptable(
            ctx,
            &["you would reset your own factors: another administrator does".to_owned()],
        ));
    }
    if let Some(problem) = manager.may_not_reset(ctx, &person.issuer, &person.subject) {
        return Ok(Done::unacceptable(ctx, &[problem]));
    }
    // First the sessions: who repeats a reset that came to an end half-way ends those that began since.
    let all = Command::EndAll { before: None };
    let Reply::EndedMany { count } = ctx.command(&person.key, &all).await.map_err(Reason::Store)? else {
        return Err(Reason::Store(StoreError::Malformed));
    };
    parts.event.ended = Some(count);
    match ask(ctx, &person, SecondCommand::Reset).await? {
        SecondReply::Reset(was) => {
            let person = Told::named(&person.issuer, &person.subject);
            notices::tell(ctx, &person, "factor.reset", [None, None]);
            let change = Change { before: in_words(&was), after: in_words(&FactorList::default()) };
            Ok(Done::changed(&json!({ "removed": as_json(&was), "ended": count }), change))
        }
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

async fn ask<P: Platform>(
    ctx: &RequestContext<'_, P>,
    person: &Person,
    command: SecondCommand,
) -> Result<SecondReply, Reason> {
    match ctx.command(&person.key, &Command::Second(Box::new(command))).await.map_err(Reason::Store)? {
        Reply::Second(reply) => Ok(*reply),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// Nothing by which anybody could prove one.
fn as_json(list: &FactorList) -> Value {
    let factor = |factor: &ListedFactor| {
        json!({
            "id": factor.id, "kind": kind(factor.kind), "name": factor.name, "made_at": factor.made_at,
            "used_at": factor.used_at, "usable": factor.usable,
        })
    };
    json!({
        "factors": list.factors.iter().map(factor).collect::<Vec<_>>(),
        "recovery_codes": { "left": list.recovery_left, "made_at": list.recovery_made_at },
        "locked_until": { "totp": list.totp_locked_until, "recovery": list.recovery_locked_until },
    })
}

const fn kind(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Passkey => "passkey",
        FactorKind::Totp => "totp",
        FactorKind::Unknown => "unknown",
    }
}

/// For the log.
fn in_words(list: &FactorList) -> String {
    let kinds: Vec<&str> = list.factors.iter().map(|factor| kind(factor.kind)).collect();
    let kinds = if kinds.is_empty() { "no factors".to_owned() } else { kinds.join(" ") };
    format!("{kinds}, {} recovery codes", list.recovery_left)
}
