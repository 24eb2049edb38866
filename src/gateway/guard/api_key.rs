//! An API key, as presented → a principal. Whatever can be told without its object is told without it.

use std::rc::Rc;

use crate::api_key::{
    ApiKeyId, ApiKeyRules, ApiKeyText, CheckKey, KeyCommand, KeyMark, KeyNotice, KeyReply, KeyUse, Knowledge, LiveKey,
    ask,
};
use crate::audit::{Effect, Event, What};
use crate::authn::Principal;
use crate::authn::api_key::{self, KeyRejection, ShownKey};
use crate::gateway::background::event::{background_event, note_failure};
use crate::gateway::background::{BackgroundTask, Spawn, Work};
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::{KeyShown, ResponseParts};
use crate::gateway::{Gateway, Platform};
use crate::http::StatusCode;
use crate::limit::LimitKind;
use crate::ports::{Log, StoreError};
use crate::refusal::Reason;
use crate::route::GuardedRoute;
use crate::time::{Seconds, Timestamp};

/// A stream that was opened with a key lives no longer: a key lives for months, and nobody tells a stream that it was
/// revoked.
const LONGEST_STREAM: Seconds = Seconds::hours(1);

/// Until when a stream may live that was opened with a key.
pub(super) fn stream_until(principal: &Principal, now: Timestamp) -> Timestamp {
    principal.expires_at().min(now.plus(LONGEST_STREAM))
}

impl<P: Platform> RequestContext<'_, P> {
    /// The key that this request shows, if any. Asked only where keys are accepted.
    ///
    /// # Errors
    /// When it shows one in a way that has more than one reading.
    pub(super) fn shown_key(&self, rules: &ApiKeyRules) -> Result<ShownKey, Reason> {
        let (headers, query) = (&self.request.head.headers, self.request.target.query);
        api_key::shown_key(rules, headers, query).map_err(Reason::Presentation)
    }

    /// Whether `Authorization` holds a key, where only access tokens belong.
    ///
    /// # Errors
    /// When it holds something that has more than one reading.
    pub(super) fn shows_key_as_token(&self, rules: &ApiKeyRules) -> Result<bool, Reason> {
        let (headers, query) = (&self.request.head.headers, self.request.target.query);
        let shown = api_key::as_token(rules, headers, query).map_err(Reason::Presentation)?;
        Ok(matches!(shown, ShownKey::Key(_)))
    }

    /// Door 1 for a key: no cookie is looked at, and so no page of another site can abuse one.
    ///
    /// # Errors
    /// When nobody came through.
    pub(super) async fn authenticate_key(
        &self,
        rules: &ApiKeyRules,
        key: &ApiKeyText,
        guarded: GuardedRoute<'_>,
        parts: &mut ResponseParts,
    ) -> Result<Principal, Reason> {
        parts.event.key_id = Some(key.id().to_string());
        let live = self.look_up(key, guarded.guard.revocation, parts).await?;
        let principal = api_key::principal(&self.site.config, rules, (key.id(), &*live), self.request.now);
        let principal = principal.map_err(Reason::Key)?;
        parts.event.who(&principal);
        let usage = KeyUse::new(self.request.now, &guarded.route.name, self.request.head.peer.country.as_deref());
        parts.key_shown = Some(Box::new(KeyShown { id: key.id(), live, usage }));
        Ok(principal)
    }

    /// Notes the use of a key, once both doors have let its holder through: a use that was refused is none.
    pub(in crate::gateway) fn note_key_shown(&self, parts: &mut ResponseParts) {
        let Some(shown) = parts.key_shown.take().filter(|_| parts.event.outcome == Effect::Allow) else { return };
        let KeyShown { id, live, usage } = *shown;
        if live.superseded {
            self.tell_of_old_secret(&parts.event);
        }
        if self.site.keys.is_to_be_noted(id, &usage, &live, self.request.now) {
            self.platform.background().spawn(BackgroundTask(Work::KeyUse(KeyCommand::NoteUse { id, usage })));
        }
    }

    /// The live key of this text: remembered, or asked. A text whose mark is wrong was not made here. Of one that a root key
    /// marked which is gone, nobody but its object knows: only so many of an address are asked about, but for those that were
    /// live here before.
    async fn look_up(
        &self,
        key: &ApiKeyText,
        staleness: Option<Seconds>,
        parts: &mut ResponseParts,
    ) -> Result<Rc<LiveKey>, Reason> {
        let mark = key.mark(&self.site.config.keys);
        if mark == KeyMark::Forged {
            return Err(Reason::Key(KeyRejection::Forged));
        }
        let (id, digest, now) = (key.id(), key.digest(), self.request.now);
        match self.site.keys.known(&digest, staleness, now) {
            Knowledge::Live(live) => return Ok(live),
            Knowledge::Refused(refusal) => return Err(Reason::Key(KeyRejection::Refused(refusal))),
            Knowledge::Nothing => {}
        }
        if mark == KeyMark::Unknown && !self.site.keys.was_live(&digest) {
            self.limit_own(LimitKind::Keys, self.site.config.limits.keys.as_ref(), parts).await?;
        }
        let ticket = self.site.keys.ticket();
        let check = KeyCommand::Check(CheckKey { id, digest });
        match ask(self.platform.api_keys(), &check).await.map_err(Reason::Store)? {
            KeyReply::Live(live) => {
                let live = Rc::new(*live);
                self.site.keys.keep(ticket, (id, digest), &live, now);
                Ok(live)
            }
            KeyReply::Refused(refusal) => {
                self.site.keys.refuse(digest, refusal, now);
                Err(Reason::Key(KeyRejection::Refused(refusal)))
            }
            _ => Err(Reason::Store(StoreError::Malformed)),
        }
    }

    /// Hands a command to the object that keeps the keys. What this isolate remembers of the keys that it weakens is
    /// forgotten, also when nobody knows whether it did.
    ///
    /// # Errors
    /// When the object does not answer.
    pub(in crate::gateway) async fn key_command(&self, command: &KeyCommand) -> Result<KeyReply, StoreError> {
        let answer = ask(self.platform.api_keys(), command).await;
        if let Some(weakened) = command.weakens() {
            self.site.keys.forget(weakened);
        }
        answer
    }

    /// Whoever uses a secret that was replaced, and whose successor is in use, missed the rotation, or is somebody else
    ///
    fn tell_of_old_secret(&self, about: &Event) {
        let mut event = background_event(&self.site.config, self.platform, What::KeySuperseded);
        event.key_id.clone_from(&about.key_id);
        event.owner.clone_from(&about.owner);
        event.route.clone_from(&about.route);
        event.address.clone_from(&about.address);
        event.country.clone_from(&about.country);
        event.end(Effect::Allow, "key.old_secret_used", StatusCode::OK);
        self.platform.log().line(&event.to_line());
    }
}

impl Gateway {
    /// Notes the use of a key, beside the request. Writes an event when that fails.
    pub(in crate::gateway) async fn note_key_use<P: Platform>(&self, platform: &P, note: &KeyCommand) {
        let Err(error) = ask(platform.api_keys(), note).await else { return };
        let mut event = background_event(&self.config, platform, What::KeyUse);
        event.key_id = note.id().as_ref().map(ApiKeyId::to_string);
        note_failure(&mut event, &Reason::Store(error));
        platform.log().line(&event.to_line());
    }

    /// Writes the events about what time does to keys.
    pub fn tell_of_keys<P: Platform>(&self, platform: &P, notices: &[KeyNotice]) {
        for notice in notices {
            let mut event = background_event(&self.config, platform, What::KeyExpiry);
            event.key_id = Some(notice.key.id.to_string());
            event.detail = notice.days_left.map(|days| format!("expires in {days} days"));
            if let Some(owner) = notice.key.holder.owner() {
                event.identity(&owner.provider, &owner.issuer, &owner.subject);
            }
            let reason = if notice.days_left.is_some() { "key.expires_soon" } else { "key.expired" };
            event.end(Effect::Allow, reason, StatusCode::OK);
            platform.log().line(&event.to_line());
        }
    }
}
