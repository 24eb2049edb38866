//! `/auth/keys/leaked`: who has found a key ends it. Having it is the proof; nobody need sign in.

pub(super) mod github;

use crate::api_key::{
    ApiKeyRules, ApiKeyText, KeyCommand, KeyEnding, KeyHolder, KeyMark, KeyReply, ListedKey, RevokeShownKey,
};
use crate::audit::{Effect, Event, What, short};
use crate::gateway::Platform;
use crate::gateway::account::api_keys::order;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Method, Response, StatusCode, essence, header};
use crate::leak_report::{MAX_SINGLE_BYTES, read_single};
use crate::limit::LimitKind;
use crate::ports::{RequestBody, StoreError};
use crate::refusal::Reason;

/// What a text that was found is.
enum Found {
    /// A live key, which is ended now.
    Ended(Box<ListedKey>),
    /// The secret before a rotation, which is ended now; the key lives on with the new one.
    OldSecretEnded(Box<ListedKey>),
    /// A key that was made here and had ended before.
    EndedBefore,
    /// No key.
    Nothing,
}

/// `POST /auth/keys/leaked`. Whatever was sent, the answer is the same.
pub(super) async fn receive<P: Platform>(
    ctx: &RequestContext<'_, P>,
    body: impl RequestBody,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::KeyLeaked;
    let config = &ctx.site.config;
    let rules = config.api_keys.as_ref().ok_or(Reason::NoRoute)?;
    ctx.request.allow_methods(&[Method::POST])?;
    ctx.limit_own(LimitKind::Keys, config.limits.keys.as_ref(), parts).await?;
    let media_type = essence(ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default());
    let text = body.text(MAX_SINGLE_BYTES).await.ok().and_then(|body| read_single(media_type, &body));
    let found = match text {
        Some(text) => end(ctx, rules, text.expose()).await?,
        None => Found::Nothing,
    };
    let reason = match found {
        Found::Ended(key) => {
            note(&mut parts.event, &key);
            "leak_report.key_ended"
        }
        Found::OldSecretEnded(key) => {
            note(&mut parts.event, &key);
            "leak_report.old_secret_ended"
        }
        Found::EndedBefore => "leak_report.key_ended_before",
        Found::Nothing => "leak_report.no_key",
    };
    parts.event.end(Effect::Allow, reason, StatusCode::ACCEPTED);
    Ok(Response::empty(StatusCode::ACCEPTED))
}

/// Ends the key that has this text, if there is one. A text that no key here can have costs no question.
async fn end<P: Platform>(ctx: &RequestContext<'_, P>, rules: &ApiKeyRules, text: &str) -> Result<Found, Reason> {
    match suspect(ctx, rules, text) {
        Some(suspect) => end_suspect(ctx, &suspect).await,
        None => Ok(Found::Nothing),
    }
}

/// A text that may be that of a key.
struct Suspect {
    key: ApiKeyText,
    /// Whether it was made here for certain.
    is_ours: bool,
}

/// `None`: no key here can have this text.
fn suspect<P>(ctx: &RequestContext<'_, P>, rules: &ApiKeyRules, text: &str) -> Option<Suspect> {
    let key = ApiKeyText::parse(text, &rules.prefix)?;
    match key.mark(&ctx.site.config.keys) {
        KeyMark::Forged => None,
        mark => Some(Suspect { key, is_ours: mark == KeyMark::Ours }),
    }
}

async fn end_suspect<P: Platform>(ctx: &RequestContext<'_, P>, suspect: &Suspect) -> Result<Found, Reason> {
    let Suspect { key, is_ours } = suspect;
    let shown = RevokeShownKey { id: key.id(), digest: key.digest(), why: KeyEnding::Leaked };
    match order(ctx, &KeyCommand::RevokeShown(shown)).await? {
        KeyReply::Revoked(listed) => Ok(Found::Ended(listed)),
        KeyReply::OldSecretEnded(listed) => Ok(Found::OldSecretEnded(listed)),
        KeyReply::Gone if *is_ours => Ok(Found::EndedBefore),
        KeyReply::Gone => Ok(Found::Nothing),
        _ => Err(Reason::Store(StoreError::Malformed)),
    }
}

/// Says which key it was and whose, so that they can be told. Who sent the report is another.
fn note(event: &mut Event, key: &ListedKey) {
    event.key_id = Some(key.id.to_string());
    match &key.holder {
        KeyHolder::Person(owner) => event.owner = Some(short(&format!("{}|{}", owner.provider, &*owner.subject))),
        KeyHolder::Service(name) => event.target = Some(short(&format!("service:{name}"))),
    }
}
