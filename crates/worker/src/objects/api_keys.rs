//! The Durable Object that keeps API keys: loads, calls [`KeyShard`], stores. Every rule is there; here is only what needs
//! the runtime: the alarm.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::worker_sys::DurableObjectState;
use worker::{Env, State, Storage};

use crate::objects::key_table::SqlKeys;
use crate::objects::{self, ObjectError};
use postern::api_key::message::VERSION;
use postern::api_key::table::KeyTable;
use postern::api_key::{CachedKeys, KeyCommand, KeyEnvelope, KeyShard};
use postern::ids::site::Site;
use postern::json;
use postern::ports::{Clock, StoreError};
use postern::time::{Seconds, Timestamp};
use postern_workers::background::Background;
use postern_workers::clock::SystemClock;
use postern_workers::log;
use postern_workers::platform::Workers;

/// How long after an alarm for which there is no gateway the next one rings.
const NEXT_TRY: Seconds = Seconds::hours(1);
/// The furthest ahead that an alarm is set.
const LONGEST_WAIT: Seconds = Seconds::hours(30 * 24);

/// The API keys of some holders.
#[wasm_bindgen]
pub struct KeyObject {
    inner: Rc<Inner>,
}

struct Inner {
    storage: Storage,
    table: CachedKeys<SqlKeys>,
    /// Whose it is, by the object's own name: alarms say nothing of it.
    site: Site,
    env: Env,
    /// When the alarm rings, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
}

#[wasm_bindgen]
impl KeyObject {
    /// The object over its storage.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::from(state);
        let storage = state.storage();
        let table = CachedKeys::new(SqlKeys::new(storage.sql()));
        let site = state.id().name().map_or(Site::SOLE, |name| Site::of_scoped(&name));
        Self { inner: Rc::new(Inner { storage, table, site, env, alarm_at: Cell::new(None) }) }
    }

    /// The answer to a question about a key, at once; to another message, or where something fails, there is none.
    #[wasm_bindgen(js_name = answerNow)]
    pub fn answer_now(&self, message: &str) -> Option<String> {
        self.inner.answer_now(message)
    }

    /// The answer to any message: a status as in HTTP, and a text.
    pub fn answer(&self, message: String) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::answered(message, move |message| async move { inner.answer(&message).await })
    }

    /// Does what time has made due.
    pub fn alarm(&self) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::done(async move { inner.ring().await })
    }
}

impl Inner {
    /// A check changes nothing that is due, so that nothing has to be waited for.
    fn answer_now(&self, message: &str) -> Option<String> {
        let envelope: KeyEnvelope<KeyCommand> = json::from_text(message).ok()?;
        if envelope.v != VERSION || !matches!(envelope.command, KeyCommand::Check(_)) {
            return None;
        }
        let reply = self.shard().handle(&envelope.command, SystemClock.now()).ok()?;
        serde_json::to_string(&reply).ok()
    }

    /// Nothing is waited for between a command's first read and its last write.
    async fn answer(&self, message: &str) -> Result<String, ObjectError> {
        let envelope: KeyEnvelope<KeyCommand> =
            json::from_text(message).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        if envelope.v != VERSION {
            return Err(ObjectError::Malformed(format!("version {} is not spoken here", envelope.v)));
        }
        let reply = self.shard().handle(&envelope.command, SystemClock.now()).map_err(failed)?;
        if reply.changes_what_is_due() {
            self.set_alarm().await?;
        }
        serde_json::to_string(&reply).map_err(|_| ObjectError::Failed("the answer is no json".to_owned()))
    }

    async fn ring(&self) -> Result<(), ObjectError> {
        self.alarm_at.set(None);
        let gateway = match objects::gateway_of(&self.env, &self.site) {
            Ok(gateway) => gateway,
            Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason)) => {
                log::failure("alarm_put_off", None, &reason);
                return self.set_alarm_at(SystemClock.now().plus(NEXT_TRY)).await;
            }
        };
        let notices = self.shard().sweep(SystemClock.now()).map_err(failed)?;
        gateway.tell_of_keys(&Workers::new(&self.env, &gateway, Background::Object), &notices);
        self.set_alarm().await
    }

    /// Sets the alarm for the next thing to do; without one, the storage is given back.
    async fn set_alarm(&self) -> Result<(), ObjectError> {
        match self.table.next_due().map_err(failed)? {
            Some(next) => self.set_alarm_at(next).await,
            None if self.table.table().is_made() => {
                self.table.forget_all();
                self.table.table().unmade();
                self.alarm_at.set(None);
                self.storage.delete_all().await.map_err(|error| ObjectError::Failed(error.to_string()))
            }
            None => Ok(()),
        }
    }

    async fn set_alarm_at(&self, next: Timestamp) -> Result<(), ObjectError> {
        let now = SystemClock.now();
        if self.alarm_at.get().is_some_and(|at| at <= next && at > now) {
            return Ok(());
        }
        let wait_ms = i64::from(next.since(now).min(LONGEST_WAIT).get()) * 1000;
        self.storage.set_alarm(wait_ms.max(100)).await.map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.alarm_at.set(Some(next));
        Ok(())
    }

    const fn shard(&self) -> KeyShard<'_, CachedKeys<SqlKeys>> {
        KeyShard { table: &self.table }
    }
}

fn failed(error: StoreError) -> ObjectError {
    let reason = match error {
        StoreError::Unavailable(why) => why.0,
        StoreError::Malformed => "a stored key cannot be read".to_owned(),
    };
    log::failure("key_object_failed", None, &reason);
    ObjectError::Failed(reason)
}
