//! The API keys of others, and those of services without an owner.

use serde_json::{Value, json};

use super::authorize::Manager;
use super::request::{MAX_BYTES, Order};
use super::sessions::Person;
use super::{Change, Done};
use crate::api_key::message::MAX_SCOPES;
use crate::api_key::{ApiKeyId, ApiKeyRules, HolderKey, KeyCommand, KeyEnding, KeyHolder, KeyReply, ListedKey};
use crate::audit;
use crate::config::{AdminCredential, AdminService, Administrators, is_scope};
use crate::gateway::Platform;
use crate::gateway::account::api_keys::{
    KeyOrder, Recency, as_json, give_new_secret, is_name, life_of_days, list as keys_of, order as command, recency,
    store_new, with_text,
};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::StatusCode;
use crate::ordered;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::{KeyRequestError, OrderError, Reason};

/// So many live keys a service may have.
const MOST_OF_SERVICE: u32 = 50;
const MAX_SERVICE_BYTES: usize = 64;
const OLD: &str = "old_secret";

/// Without `KEYS` there is nothing to manage.
fn rules<'a, P>(ctx: &RequestContext<'a, P>) -> Result<&'a ApiKeyRules, Reason> {
    ctx.site.config.api_keys.as_ref().ok_or(Reason::NoRoute)
}

/// `GET /auth/admin/keys?provider=&subject=`, `?issuer=&subject=` or `?service=`.
pub(super) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    let rules = rules(ctx)?;
    let order = Order::of_query(ctx, &["provider", "issuer", "subject", "service"])?;
    let keys = keys_of(ctx, &holder(ctx, &order, parts)?).await?;
    Ok(Done::read(&json!({ "keys": keys.iter().map(|key| with_holder(rules, key)).collect::<Vec<_>>() })))
}

/// `POST /auth/admin/keys`: a key of a service that has no owner. Only somebody who is there in person makes one, and no
/// longer after their sign-in than people for themselves.
pub(super) async fn make<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let rules = rules(ctx)?;
    be_present(ctx, rules, manager)?;
    let asked = Order::of_body(ctx, body, &["service", "name", "scopes", "expires_in_days"], MAX_BYTES).await?;
    let service = entrusted(ctx, manager, &asked, parts)?;
    let name = asked.text("name").filter(|name| is_name(name)).ok_or(Reason::BadInput("name"))?;
    let life = match asked.get("expires_in_days") {
        None => rules.default_life,
        Some(days) => {
            let days = days.as_u64().and_then(|days| u32::try_from(days).ok());
            days.and_then(|days| life_of_days(rules, days)).ok_or(Reason::BadInput("expires_in_days"))?
        }
    };
    let ordered = KeyOrder {
        holder: KeyHolder::Service(service.clone()),
        name: name.to_owned(),
        scopes: scopes(&asked)?,
        life,
        most: MOST_OF_SERVICE,
        standing: None,
    };
    let (key, text) = store_new(ctx, rules, ordered, parts).await?;
    let change =
        Change { before: "no such key".to_owned(), after: format!("key {}: {}", key.id, key.scopes.join(" ")) };
    let mut done = Done::changed(&with_text(rules, &key, &text), change);
    done.response.status = StatusCode::CREATED;
    Ok(done)
}

/// `POST /auth/admin/keys/rotate`: another secret for a key of a service. Whoever gets it is the service, so this is as much
/// as to make one; a person's key is for that person alone to rotate.
pub(super) async fn rotate<P: Platform>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    let rules = rules(ctx)?;
    be_present(ctx, rules, manager)?;
    let asked = Order::of_body(ctx, body, &["service", "key"], MAX_BYTES).await?;
    let of = HolderKey::of(&KeyHolder::Service(entrusted(ctx, manager, &asked, parts)?));
    let id = id_of(&asked)?.ok_or(Reason::BadInput("key"))?;
    parts.event.key_id = Some(id.to_string());
    let rotated = give_new_secret(ctx, rules, id, of).await?;
    let (key, text) = rotated.ok_or(Reason::KeyRequest(KeyRequestError::NoSuchKey))?;
    let old = key.old_until.map_or_else(|| "none".to_owned(), |until| format!("good until {until}"));
    let change = Change { before: format!("key {id}"), after: format!("key {id}: new secret, the old one {old}") };
    Ok(Done::changed(&with_text(rules, &key, &text), change))
}

/// Only somebody who is there in person gets to see a key.
fn be_present<P>(ctx: &RequestContext<'_, P>, rules: &ApiKeyRules, manager: &Manager) -> Result<(), Reason> {
    let person = manager.principal();
    if person.session().is_none() {
        return Err(Reason::Order(OrderError::NotAdministrator));
    }
    match recency(ctx, rules, person) {
        Recency::Recent => Ok(()),
        Recency::TooOld { wanted, .. } => Err(Reason::StepUp(Box::new(wanted))),
    }
}

/// The service that is named, where they may have a key of it.
fn entrusted<P>(
    ctx: &RequestContext<'_, P>,
    manager: &Manager,
    asked: &Order,
    parts: &mut ResponseParts,
) -> Result<String, Reason> {
    let service = service_of(asked)?.ok_or(Reason::BadInput("service"))?;
    parts.event.target = Some(audit::short(&format!("service:{service}")));
    if administers(ctx, &service) && !manager.is_named(ctx) {
        return Err(Reason::Order(OrderError::NotAdministrator));
    }
    Ok(service)
}

/// Whether keys of this service administer: who makes one gets what `ADMIN.services` gives to it.
fn administers<P>(ctx: &RequestContext<'_, P>, service: &str) -> bool {
    let services = ctx.site.config.admin.as_ref().and_then(Administrators::services);
    let is_meant = |one: &AdminService| matches!(&one.by, AdminCredential::Key(name) if name == service);
    services.is_some_and(|services| services.all().iter().any(is_meant))
}

/// `POST /auth/admin/keys/revoke`: one key by its id, or all of a person or a service; of one key perhaps only the secret
/// before its rotation.
pub(super) async fn revoke<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Done, Reason> {
    rules(ctx)?;
    let asked = Order::of_body(ctx, body, &["provider", "issuer", "subject", "service", "key", OLD], MAX_BYTES).await?;
    let one = id_of(&asked)?;
    let is_old = asked.get(OLD).map_or(Ok(false), |old| old.as_bool().ok_or(Reason::BadInput(OLD)))?;
    let names_holder = ["provider", "issuer", "subject", "service"].iter().any(|name| asked.get(name).is_some());
    let of = if one.is_none() || names_holder { Some(holder(ctx, &asked, parts)?) } else { None };
    let why = KeyEnding::Administrator;
    let (order, which) = match (one, of) {
        (Some(id), of) if is_old => (KeyCommand::EndOldSecret { id, of }, format!("old secret of key {id}")),
        (_, _) if is_old => return Err(Reason::BadInput("key")),
        (Some(id), of) => (KeyCommand::Revoke { id, of, why }, format!("key {id}")),
        (None, Some(of)) => (KeyCommand::RevokeAll { of, why }, "all keys".to_owned()),
        (None, None) => return Err(Reason::BadInput("key")),
    };
    let revoked = match command(ctx, &order).await? {
        KeyReply::Revoked(key) | KeyReply::OldSecretEnded(key) => vec![key.id],
        KeyReply::AllRevoked { ids } => ids,
        KeyReply::Gone => Vec::new(),
        _ => return Err(Reason::Store(StoreError::Malformed)),
    };
    if let (Some(id), true) = (one, revoked.is_empty()) {
        parts.event.key_id = Some(id.to_string());
        return Err(Reason::KeyRequest(KeyRequestError::NoSuchKey));
    }
    parts.event.key_id = one.map(|id| id.to_string());
    parts.event.ended = u32::try_from(revoked.len()).ok();
    let change = Change { before: format!("{which}: {} alive", revoked.len()), after: format!("{which}: none alive") };
    Ok(Done::changed(&json!({ "revoked": revoked }), change))
}

/// The key that is named, if any is.
fn id_of(asked: &Order) -> Result<Option<ApiKeyId>, Reason> {
    let read = |id: &Value| id.as_str().and_then(ApiKeyId::parse).ok_or(Reason::BadInput("key"));
    asked.get("key").map(read).transpose()
}

/// Whose keys it is about.
fn holder<P>(ctx: &RequestContext<'_, P>, order: &Order, parts: &mut ResponseParts) -> Result<HolderKey, Reason> {
    let Some(service) = service_of(order)? else {
        let Person { issuer, subject, .. } = Person::of(ctx, order, parts)?;
        return Ok(HolderKey::of_person(&issuer, &subject));
    };
    if ["provider", "issuer", "subject"].iter().any(|name| order.get(name).is_some()) {
        return Err(Reason::BadInput("service"));
    }
    parts.event.target = Some(audit::short(&format!("service:{service}")));
    Ok(HolderKey::of(&KeyHolder::Service(service)))
}

/// The name of a service: it becomes the subject of requests, `service:NAME`.
fn service_of(order: &Order) -> Result<Option<String>, Reason> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_service = |name: &&str| (1..=MAX_SERVICE_BYTES).contains(&name.len()) && name.bytes().all(is_sign);
    match order.get("service") {
        None => Ok(None),
        Some(name) => {
            let name = name.as_str().filter(is_service).ok_or(Reason::BadInput("service"))?;
            Ok(Some(name.to_owned()))
        }
    }
}

fn scopes(order: &Order) -> Result<Vec<String>, Reason> {
    let wrong = || Reason::BadInput("scopes");
    let items = order.get("scopes").and_then(Value::as_array).ok_or_else(wrong)?;
    let one = |item: &Value| item.as_str().filter(|scope| is_scope(scope)).map(str::to_owned);
    let scopes = ordered::texts(items.iter().map(one).collect::<Option<_>>().ok_or_else(wrong)?);
    if scopes.len() > MAX_SCOPES { Err(wrong()) } else { Ok(scopes) }
}

/// The key, and whose it is.
fn with_holder(rules: &ApiKeyRules, key: &ListedKey) -> Value {
    let mut object = as_json(rules, key);
    if let Some(members) = object.as_object_mut() {
        let holder = match &key.holder {
            KeyHolder::Person(owner) => {
                json!({ "provider": owner.provider, "issuer": &*owner.issuer, "subject": &*owner.subject })
            }
            KeyHolder::Service(name) => json!({ "service": name }),
        };
        members.insert("holder".to_owned(), holder);
    }
    object
}
