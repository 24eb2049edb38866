//! `/auth/admin/*`: the sessions of others, for those whom the configuration names. Without an `ADMIN` table
//! there is nothing here.

use serde_json::{Map, Value, json};

use super::sessions::{as_json, counted, is_id};
use super::turn::{Ledger, Turn};
use super::{Platform, reply};
use crate::audit::{self, Outcome as Ending, What};
use crate::authn::Authenticated;
use crate::authn::session_cookie::Wants;
use crate::config::Provider;
use crate::http::{Method, Reply, StatusCode, essence, header};
use crate::json;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;
use crate::session::{Answer, Command, SubjectKey};

const MAX_BODY_BYTES: usize = 4096;
/// OpenID Connect Core §2: `sub` has at most 255 ASCII characters.
const MAX_SUBJECT_BYTES: usize = 255;

/// `GET /auth/admin/sessions?provider=&subject=`: someone's sessions.
pub(super) async fn list<P: Platform>(turn: &Turn<'_, P>, ledger: &mut Ledger) -> Result<Reply, Reason> {
    ledger.event.event = What::AdminSessions;
    enter(turn, &Method::GET, ledger).await?;
    let (mut provider, mut subject) = (None, None);
    for (name, value) in form_urlencoded::parse(turn.query.unwrap_or_default().as_bytes()) {
        let (field, name) = match name.as_ref() {
            "provider" => (&mut provider, "provider"),
            "subject" => (&mut subject, "subject"),
            _ => return Err(Reason::BadInput("query")),
        };
        if field.replace(value).is_some() {
            return Err(Reason::BadInput(name));
        }
    }
    let person = Person::of(turn, provider.as_deref(), subject.as_deref(), ledger)?;
    let answer = turn.command(&person.key, &Command::List { clocks: turn.clocks() }).await.map_err(Reason::Store)?;
    let sessions = counted(turn, person.provider.id.as_str(), answer)?;
    ledger.event.end(Ending::Allow, "admin.listed", StatusCode::OK);
    Ok(reply::json(StatusCode::OK, &as_json(&sessions, None)))
}

/// `POST /auth/admin/revoke`: ends all sessions of someone, one of them, or those that began at or before a time.
pub(super) async fn revoke<P: Platform>(
    turn: &Turn<'_, P>,
    body: impl RequestBody,
    ledger: &mut Ledger,
) -> Result<Reply, Reason> {
    ledger.event.event = What::AdminRevoke;
    enter(turn, &Method::POST, ledger).await?;
    let order = read(turn, body).await?;
    let text = |name: &str| order.get(name).and_then(Value::as_str);
    let person = Person::of(turn, text("provider"), text("subject"), ledger)?;
    let command = command(turn, &order)?;
    match turn.command(&person.key, &command).await.map_err(Reason::Store)? {
        Answer::EndedMany { count } => {
            ledger.event.ended = Some(count);
            ledger.event.end(Ending::Allow, "admin.revoked", StatusCode::OK);
            Ok(reply::json(StatusCode::OK, &json!({ "ended": count })))
        }
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The door to administration: is there any, and who is it?
async fn enter<P: Platform>(turn: &Turn<'_, P>, method: &Method, ledger: &mut Ledger) -> Result<(), Reason> {
    let admin = turn.config.admin.as_ref().ok_or(Reason::NoRoute)?;
    turn.allow_methods(std::slice::from_ref(method))?;
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, provider: id, .. } = turn.authenticate(wants, ledger).await?;
    // The provider's id may have been given to another issuer since this session began.
    let issuer = turn.config.provider(&id).map(|provider| provider.issuer.as_str());
    if issuer != Some(principal.issuer()) || !admin.contains(&id, principal.subject()) {
        return Err(Reason::NotAdministrator);
    }
    Ok(())
}

/// Whose sessions it is about.
struct Person<'a> {
    provider: &'a Provider,
    key: SubjectKey,
}

impl<'a> Person<'a> {
    fn of<P>(
        turn: &Turn<'a, P>,
        provider: Option<&str>,
        subject: Option<&str>,
        ledger: &mut Ledger,
    ) -> Result<Self, Reason> {
        let provider = provider.and_then(|id| turn.config.provider(id)).ok_or(Reason::BadInput("provider"))?;
        let subject = subject
            .filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT_BYTES)
            .ok_or(Reason::BadInput("subject"))?;
        ledger.event.target = Some(audit::short(&format!("{}|{subject}", provider.id)));
        Ok(Self { provider, key: SubjectKey::of(provider.issuer.as_str(), subject) })
    }
}

/// The order: one JSON object of known members.
async fn read<P>(turn: &Turn<'_, P>, body: impl RequestBody) -> Result<Map<String, Value>, Reason> {
    let media_type = turn.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !essence(media_type).eq_ignore_ascii_case("application/json") {
        return Err(Reason::BadInput("content-type"));
    }
    let text = body.text(MAX_BODY_BYTES).await.map_err(|_| Reason::BadInput("body"))?;
    let order = json::parse_object(text.as_bytes(), MAX_BODY_BYTES).map_err(|_| Reason::BadInput("body"))?;
    // A member that is misspelt must not end more than was meant.
    if order.keys().any(|name| !["provider", "subject", "session", "before"].contains(&name.as_str())) {
        return Err(Reason::BadInput("body"));
    }
    Ok(order)
}

fn command<P>(turn: &Turn<'_, P>, order: &Map<String, Value>) -> Result<Command, Reason> {
    match (order.get("session"), order.get("before")) {
        (None, None) => Ok(Command::EndAll { before: None }),
        (Some(id), None) => match id.as_str().filter(|id| is_id(id)) {
            Some(id) => Ok(Command::EndListed { id: id.to_owned() }),
            None => Err(Reason::BadInput("session")),
        },
        // A time to come would also void the logins until then.
        (None, Some(before)) => match before.as_i64().filter(|before| (0..=turn.now.as_unix()).contains(before)) {
            Some(before) => Ok(Command::EndAll { before: Some(before) }),
            None => Err(Reason::BadInput("before")),
        },
        (Some(_), Some(_)) => Err(Reason::BadInput("before")),
    }
}
