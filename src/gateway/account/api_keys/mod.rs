//! `/auth/keys`: a person's own API keys, to make, rotate and end. Whose they are is said by the session alone, never by
//! the request, and no key and no token makes a key.

mod new_key;
mod recent;

use serde_json::{Value, json};

use crate::api_key::{
    ApiKeyId, ApiKeyRules, ApiKeyText, HolderKey, KeyCommand, KeyEnding, KeyHolder, KeyOwner, KeyReply, ListedKey,
    MakeKey, OwnerStanding, RotateKey,
};
use crate::audit::{Effect, What};
use crate::authn::api_key::standing_of;
use crate::authn::session_cookie::Wants;
use crate::authn::{Authenticated, Principal};
use crate::gateway::context::RequestContext;
use crate::gateway::refused::Refused;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::second_factor;
use crate::gateway::{Platform, guard, response};
use crate::http::{Method, Response, StatusCode};
use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::pages;
use crate::pages::api_keys::{KeyMaking, OwnKeys};
use crate::ports::{RequestBody, StoreError};
use crate::refusal::{KeyRequestError, Reason};
use crate::secret::Secret;
use crate::time::Seconds;

use new_key::NewKey;
pub(crate) use new_key::{is_name, life_of_days};
pub(crate) use recent::{Recency, recency, recency_within};

pub(crate) const PAGE: &str = "/auth/keys";
const SECONDS_A_DAY: u32 = 24 * 60 * 60;
/// The numbers of days that the form offers, as far as they are allowed.
const LIVES: [u32; 5] = [7, 30, 90, 180, 365];
/// How often an id that is taken is replaced by another.
const ATTEMPTS: usize = 3;

/// `GET`: the list, as a page or as JSON. `POST`: makes a key.
pub(crate) async fn all<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let rules = rules(ctx)?;
    if ctx.request.head.method == Method::POST {
        return make(ctx, rules, body, parts).await;
    }
    parts.event.event = What::KeyList;
    ctx.request.allow_methods(&[Method::GET, Method::POST])?;
    // A program that watches the list is nobody's presence.
    let wants = Wants { touch: ctx.request.request_kind.is_navigation(), access_token: false, staleness: None };
    let person = match ctx.authenticate(wants, parts).await {
        Ok(Authenticated { principal, .. }) => principal,
        Err(reason) => return guard::challenge(ctx, reason.into(), parts),
    };
    let keys = list(ctx, &HolderKey::of_person(person.issuer(), person.subject())).await?;
    let response = show(ctx, rules, &person, &keys);
    parts.event.end(Effect::Allow, "key.listed", response.status);
    Ok(response)
}

/// `POST /auth/keys/{id}/rotate` and `…/end-old`; `DELETE /auth/keys/{id}`, and the same for forms: `POST …/delete`.
pub(crate) async fn one<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    let rules = rules(ctx)?;
    let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
    let id = ApiKeyId::parse(id).ok_or(Reason::NoRoute)?;
    match action {
        "rotate" => {
            ctx.request.allow_methods(&[Method::POST])?;
            rotate(ctx, rules, id, parts).await
        }
        "end-old" => {
            ctx.request.allow_methods(&[Method::POST])?;
            end(ctx, rules, (id, Ended::OldSecret), parts).await
        }
        "delete" => {
            ctx.request.allow_methods(&[Method::POST])?;
            end(ctx, rules, (id, Ended::Key), parts).await
        }
        "" => {
            ctx.request.allow_methods(&[Method::DELETE])?;
            end(ctx, rules, (id, Ended::Key), parts).await
        }
        _ => Err(Reason::NoRoute.into()),
    }
}

/// Without `KEYS` there is nothing here.
fn rules<'a, P>(ctx: &RequestContext<'a, P>) -> Result<&'a ApiKeyRules, Reason> {
    ctx.site.config.api_keys.as_ref().ok_or(Reason::NoRoute)
}

/// A person who has signed in recently enough to change keys, and proven what is asked of them; or what they are told to do first.
enum Changer {
    Person(Box<Principal>),
    Told(Response),
}

async fn changer<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    parts: &mut ResponseParts,
) -> Result<Changer, Refused> {
    let wants = Wants { touch: true, access_token: false, staleness: None };
    let Authenticated { principal, .. } = ctx.authenticate(wants, parts).await?;
    let refused = match recency(ctx, rules, &principal) {
        Recency::TooOld { wanted, again } => {
            Refused { sign_in: Some(Box::new(again)), ..Reason::StepUp(Box::new(wanted)).into() }
        }
        // A key goes on to have what its maker has: whom we ask for a second factor, we ask before.
        Recency::Recent => match second_factor::require(ctx, &principal, None) {
            Ok(()) => {
                let proof = guard::device::prove_first(ctx, &principal, parts)?;
                return Ok(proof.map_or_else(|| Changer::Person(Box::new(principal)), Changer::Told));
            }
            Err(refused) => refused,
        },
    };
    let Some(again) = refused.sign_in.as_ref().filter(|_| ctx.request.request_kind.is_navigation()) else {
        return Err(refused);
    };
    // What was in the form is little, and the page that it was on is not to be opened by a POST.
    let response = see_other(&again.link_back_to(PAGE))?;
    parts.event.end(Effect::Redirect, refused.reason.code(), response.status);
    Ok(Changer::Told(response))
}

async fn make<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::KeyMade;
    let person = match changer(ctx, rules, parts).await? {
        Changer::Person(person) => person,
        Changer::Told(response) => return Ok(response),
    };
    let NewKey { name, scopes, life } = NewKey::read(ctx, rules, body).await?;
    let standing = standing_of(&person);
    let Some(service) = rules.self_service.as_ref().filter(|service| service.is_open_to(&standing.roles)) else {
        return Err(Reason::KeyRequest(KeyRequestError::NotAllowed).into());
    };
    let granted = rules.granted(&standing);
    if !scopes.iter().all(|scope| granted.contains(scope)) {
        return Err(Reason::KeyRequest(KeyRequestError::ScopeNotGranted).into());
    }
    let most = service.per_person;
    let order = KeyOrder { holder: holder_of(&person), name, scopes, life, most, standing: Some(standing) };
    match store_new(ctx, rules, order, parts).await {
        Ok((key, text)) => Ok(shown_once(ctx, rules, (&key, &text), StatusCode::CREATED, parts)),
        Err(Reason::KeyRequest(KeyRequestError::TooMany)) if ctx.request.request_kind.is_navigation() => {
            done(KeyRequestError::TooMany.code(), parts)
        }
        Err(reason) => Err(reason.into()),
    }
}

async fn rotate<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    id: ApiKeyId,
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = What::KeyRotated;
    let person = match changer(ctx, rules, parts).await? {
        Changer::Person(person) => person,
        Changer::Told(response) => return Ok(response),
    };
    parts.event.key_id = Some(id.to_string());
    if rules.granted(&standing_of(&person)).is_empty() {
        return Err(Reason::KeyRequest(KeyRequestError::NotAllowed).into());
    }
    match give_new_secret(ctx, rules, id, HolderKey::of_person(person.issuer(), person.subject())).await? {
        Some((key, text)) => Ok(shown_once(ctx, rules, (&key, &text), StatusCode::OK, parts)),
        None => gone(ctx, parts),
    }
}

/// What of a key its owner ends.
#[derive(Clone, Copy)]
enum Ended {
    /// All of it.
    Key,
    /// The secret before a rotation, which else is good until the overlap ends.
    OldSecret,
}

async fn end<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    (id, ended): (ApiKeyId, Ended),
    parts: &mut ResponseParts,
) -> Result<Response, Refused> {
    parts.event.event = match ended {
        Ended::Key => What::KeyRevoked,
        Ended::OldSecret => What::KeyOldSecretEnded,
    };
    let person = match changer(ctx, rules, parts).await? {
        Changer::Person(person) => person,
        Changer::Told(response) => return Ok(response),
    };
    parts.event.key_id = Some(id.to_string());
    let of = Some(HolderKey::of_person(person.issuer(), person.subject()));
    let command = match ended {
        Ended::Key => KeyCommand::Revoke { id, of, why: KeyEnding::Owner },
        Ended::OldSecret => KeyCommand::EndOldSecret { id, of },
    };
    match order(ctx, &command).await? {
        KeyReply::Revoked(key) | KeyReply::OldSecretEnded(key) if !ctx.request.request_kind.is_navigation() => {
            parts.event.end(Effect::Allow, "key.done", StatusCode::OK);
            Ok(response::json(StatusCode::OK, &as_json(rules, &key)))
        }
        KeyReply::Revoked(_) | KeyReply::OldSecretEnded(_) => done("key.done", parts),
        KeyReply::Gone => gone(ctx, parts),
        _ => Err(Reason::Store(StoreError::Malformed).into()),
    }
}

/// A key to be stored.
pub(crate) struct KeyOrder {
    pub(crate) holder: KeyHolder,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) life: Seconds,
    /// How many the holder may have.
    pub(crate) most: u32,
    pub(crate) standing: Option<OwnerStanding>,
}

/// Makes a key and has it stored: what is listed of it, and its text.
///
/// # Errors
/// When the holder has as many as they may, or the store does not say that it has it.
pub(crate) async fn store_new<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    ordered: KeyOrder,
    parts: &mut ResponseParts,
) -> Result<(ListedKey, Secret<String>), Reason> {
    let KeyOrder { holder, name, scopes, life, most, standing } = ordered;
    let key = HolderKey::of(&holder);
    let (keys, random) = (&ctx.site.config.keys, ctx.platform.random());
    for _ in 0..ATTEMPTS {
        let id = ApiKeyId::generate(&key, random);
        let text = ApiKeyText::generate(id, keys, random);
        let make = MakeKey {
            id,
            digest: text.digest(),
            holder: holder.clone(),
            name: name.clone(),
            scopes: scopes.clone(),
            life,
            most,
            standing: standing.clone(),
        };
        match order(ctx, &KeyCommand::Make(Box::new(make))).await? {
            KeyReply::Made(key) => {
                parts.event.key_id = Some(key.id.to_string());
                return Ok((*key, text.expose(&rules.prefix)));
            }
            KeyReply::Taken => {}
            KeyReply::TooMany => return Err(Reason::KeyRequest(KeyRequestError::TooMany)),
            _ => return Err(Reason::Store(StoreError::Malformed)),
        }
    }
    Err(Reason::Store(StoreError::Malformed))
}

/// Gives a holder's key another secret: what is listed of it, and its text. `None`: they have no such live key.
///
/// # Errors
/// When the store does not say that it has it.
pub(crate) async fn give_new_secret<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    id: ApiKeyId,
    of: HolderKey,
) -> Result<Option<(ListedKey, Secret<String>)>, Reason> {
    let text = ApiKeyText::generate(id, &ctx.site.config.keys, ctx.platform.random());
    let (digest, overlap, max_life) = (text.digest(), rules.overlap, rules.max_life);
    match order(ctx, &KeyCommand::Rotate(RotateKey { id, of, digest, overlap, max_life })).await? {
        KeyReply::Rotated(key) => Ok(Some((*key, text.expose(&rules.prefix)))),
        KeyReply::Gone => Ok(None),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// Hands a command to the object that keeps the keys it is about.
///
/// # Errors
/// When the object does not answer.
pub(crate) async fn order<P: Platform>(ctx: &RequestContext<'_, P>, command: &KeyCommand) -> Result<KeyReply, Reason> {
    ctx.key_command(command).await.map_err(Reason::Store)
}

/// The keys of a holder.
///
/// # Errors
/// When their object does not answer.
pub(crate) async fn list<P: Platform>(ctx: &RequestContext<'_, P>, of: &HolderKey) -> Result<Vec<ListedKey>, Reason> {
    match order(ctx, &KeyCommand::List { of: of.clone() }).await? {
        KeyReply::Keys { keys } => Ok(keys),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// The list, for whoever looks.
fn show<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    person: &Principal,
    keys: &[ListedKey],
) -> Response {
    let granted = rules.granted(&standing_of(person)).to_vec();
    if !ctx.request.request_kind.is_navigation() {
        let all: Vec<Value> = keys.iter().map(|key| as_json(rules, key)).collect();
        let days = rules.max_life.get() / SECONDS_A_DAY;
        let body = json!({ "keys": all, "scopes_offered": granted, "longest_life_in_days": days });
        return response::json(StatusCode::OK, &body);
    }
    let link = match recency(ctx, rules, person) {
        Recency::Recent => None,
        Recency::TooOld { again, .. } => Some(again.link_back_to(PAGE)),
    };
    let now = ctx.request.now;
    let alive = keys.iter().filter(|key| key.ended.is_none() && now < key.expires_at).count();
    let lives: Vec<u32> = LIVES.into_iter().filter(|days| life_of_days(rules, *days).is_some()).collect();
    let making = match &rules.self_service {
        Some(service) if !granted.is_empty() && alive >= service.per_person as usize => KeyMaking::Full,
        Some(_) if !granted.is_empty() => {
            KeyMaking::Open(&granted, &lives, (rules.default_life.get() / SECONDS_A_DAY).max(1))
        }
        _ => KeyMaking::NotAllowed,
    };
    let own = OwnKeys { keys, prefix: &rules.prefix, now, sign_in: link.as_deref(), making };
    response::html(StatusCode::OK, pages::api_keys::render(&ctx.view(), &own))
}

/// The one answer that holds the text of a key.
fn shown_once<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rules: &ApiKeyRules,
    (key, text): (&ListedKey, &Secret<String>),
    status: StatusCode,
    parts: &mut ResponseParts,
) -> Response {
    let response = if ctx.request.request_kind.is_navigation() {
        response::html(StatusCode::OK, pages::api_keys::render_new(&ctx.view(), key, text))
    } else {
        response::json(status, &with_text(rules, key, text))
    };
    parts.event.end(Effect::Allow, "key.done", response.status);
    response
}

/// A key that counts no more, or never was theirs. Who asked twice sees by the list how it is.
fn gone<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Response, Refused> {
    if ctx.request.request_kind.is_navigation() {
        return done(KeyRequestError::NoSuchKey.code(), parts);
    }
    Err(Reason::KeyRequest(KeyRequestError::NoSuchKey).into())
}

fn done(reason: &'static str, parts: &mut ResponseParts) -> Result<Response, Refused> {
    let response = see_other(PAGE)?;
    parts.event.end(Effect::Allow, reason, response.status);
    Ok(response)
}

fn see_other(location: &str) -> Result<Response, Reason> {
    response::redirect(StatusCode::SEE_OTHER, location).ok_or(Reason::Internal("internal.location_unwritable"))
}

/// A key for programs: nothing of it that a key could be made of.
pub(crate) fn as_json(rules: &ApiKeyRules, key: &ListedKey) -> Value {
    let mut object = json!({
        "id": key.id,
        "begins_with": key.id.start(&rules.prefix),
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "rotated_at": key.rotated_at,
        "old_until": key.old_until,
        "last_use": key.last_use,
        "ended": key.ended,
    });
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// The same with its text: of a key that is new.
pub(crate) fn with_text(rules: &ApiKeyRules, key: &ListedKey, text: &Secret<String>) -> Value {
    let mut object = as_json(rules, key);
    if let Some(members) = object.as_object_mut() {
        members.insert("key".to_owned(), text.expose().as_str().into());
    }
    object
}

fn holder_of(person: &Principal) -> KeyHolder {
    KeyHolder::Person(KeyOwner {
        provider: person.provider().unwrap_or_default().to_owned(),
        issuer: IssuerIdentifier::new(person.issuer()),
        subject: SubjectIdentifier::new(person.subject()),
    })
}
