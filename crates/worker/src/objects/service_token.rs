//! The Durable Object that keeps the token of an entry of `SERVICES`, and gets the next one: one at a time, whoever asks.
//! When it is used and when another is got is for [`Keeper`] to say.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use js_sys::Promise;
use serde::Deserialize;
use serde::de::IgnoredAny;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::worker_sys::DurableObjectState;
use worker::{Env, State};

use crate::objects::expiring_table::{ExpiringTable, Kind};
use crate::objects::{self, ObjectError};
use postern::config::ServiceClient;
use postern::gateway::Gateway;
use postern::ids::site::Site;
use postern::outward::message::{self, statement};
use postern::outward::{Keeper, Next, ServiceToken, ServiceTokenReply, ServiceTokenRequest};
use postern::ports::Clock;
use postern::time::Timestamp;
use postern_workers::background::Background;
use postern_workers::clock::SystemClock;
use postern_workers::log;
use postern_workers::platform::Workers;
use postern_workers::random::SystemRandom;

const KIND: Kind = Kind {
    create: &[statement::CREATE],
    is_made: statement::IS_MADE,
    sweep: statement::SWEEP,
    next: statement::NEXT,
    sweep_after: message::sweep_after,
    alarm_failed: "service_token_alarm_failed",
};

/// The token of an entry.
#[wasm_bindgen]
pub struct ServiceTokenObject {
    inner: Rc<Inner>,
}

/// A request for a token under way. Inside an object all may wait for the same one.
type UnderWay = Shared<LocalBoxFuture<'static, ()>>;

struct Inner {
    table: ExpiringTable,
    site: Site,
    env: Env,
    /// By the terms of the entry: more than one while a deployment is under way.
    keepers: RefCell<HashMap<String, Keeper>>,
    under_way: RefCell<HashMap<String, UnderWay>>,
}

#[derive(Deserialize)]
struct Stored {
    sealed: String,
}

#[wasm_bindgen]
impl ServiceTokenObject {
    /// The object over its storage.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::from(state);
        let site = state.id().name().map_or(Site::SOLE, |name| Site::of_scoped(&name));
        let table = ExpiringTable::new(KIND, state.storage());
        Self { inner: Rc::new(Inner { table, site, env, keepers: RefCell::default(), under_way: RefCell::default() }) }
    }

    /// The answer to a message: a status as in HTTP, and a text.
    pub fn answer(&self, message: String) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::answered(message, move |message| async move { inner.answer(&message).await })
    }

    /// Forgets what has expired.
    pub fn alarm(&self) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::done(async move { inner.table.sweep().await })
    }
}

impl Inner {
    async fn answer(self: &Rc<Self>, message: &str) -> Result<String, ObjectError> {
        let request = ServiceTokenRequest::parse(message);
        let request = request.ok_or_else(|| ObjectError::Malformed("expected a request for a token".to_owned()))?;
        let gateway = objects::gateway_of(&self.env, &self.site)?;
        let config = gateway.config();
        let client = config.service(&request.service).filter(|client| client.terms(&config.keys) == request.terms);
        let Some(client) = client else { return Ok(ServiceTokenReply::OtherConfiguration.to_json()) };
        self.load(&gateway, &request.terms)?;
        if let Some(refused) = &request.refused
            && self.keeper(&request.terms, |keeper| keeper.drop_refused(refused, SystemClock.now()))
        {
            self.table.query::<IgnoredAny>(statement::DROP, vec![request.terms.as_str().into()])?;
        }
        let token = match self.keeper(&request.terms, |keeper| keeper.next(SystemClock.now())) {
            Next::Use(token) => Some(token),
            Next::UseAndRenew(token) => {
                drop(self.renew(&gateway, client));
                Some(token)
            }
            Next::Wait => {
                self.renew(&gateway, client).await;
                self.keeper(&request.terms, |keeper| keeper.at_hand(SystemClock.now()).cloned())
            }
            Next::Pause => None,
        };
        Ok(token.map_or(ServiceTokenReply::Unavailable, ServiceTokenReply::Token).to_json())
    }

    fn keeper<T>(&self, terms: &str, act: impl FnOnce(&mut Keeper) -> T) -> T {
        let mut keepers = self.keepers.borrow_mut();
        act(keepers.entry(terms.to_owned()).or_default())
    }

    /// What an object in memory does not know yet, it reads once. A token that no key opens any more is none.
    fn load(&self, gateway: &Gateway, terms: &str) -> Result<(), ObjectError> {
        if self.keepers.borrow().contains_key(terms) {
            return Ok(());
        }
        let bindings = vec![terms.into(), SystemClock.now().as_unix().into()];
        let rows: Vec<Stored> = self.table.query(statement::READ, bindings)?;
        let stored = rows.first().and_then(|row| message::open(&row.sealed, terms, &gateway.config().keys));
        self.keepers.borrow_mut().insert(terms.to_owned(), Keeper::new(stored));
        Ok(())
    }

    /// Gets the next token, or waits for the attempt under way. It goes on even if whoever asked for it goes away.
    fn renew(self: &Rc<Self>, gateway: &Rc<Gateway>, client: &ServiceClient) -> UnderWay {
        let terms = client.terms(&gateway.config().keys);
        if let Some(under_way) = self.under_way.borrow().get(&terms) {
            return under_way.clone();
        }
        let (inner, gateway, client, slot) = (Rc::clone(self), Rc::clone(gateway), client.clone(), terms.clone());
        let work = async move {
            let platform = Workers::new(&inner.env, &gateway, Background::Object);
            let fetched = gateway.fetch_service_token(&platform, &client).await;
            match fetched {
                Some(token) => inner.keep(&gateway, &terms, token).await,
                None => inner.keeper(&terms, |keeper| keeper.failed(SystemClock.now())),
            }
            inner.under_way.borrow_mut().remove(&terms);
        };
        let under_way = work.boxed_local().shared();
        self.under_way.borrow_mut().insert(slot, under_way.clone());
        wasm_bindgen_futures::spawn_local(under_way.clone());
        under_way
    }

    /// A token that cannot be stored is used all the same: the next object gets another.
    async fn keep(&self, gateway: &Gateway, terms: &str, token: ServiceToken) {
        if let Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason)) =
            self.store(gateway, terms, &token).await
        {
            log::failure("service_token_not_stored", None, &reason);
        }
        self.keeper(terms, |keeper| keeper.fetched(token));
    }

    async fn store(&self, gateway: &Gateway, terms: &str, token: &ServiceToken) -> Result<(), ObjectError> {
        let sealed = message::seal(token, terms, &gateway.config().keys, &SystemRandom);
        let sealed = sealed.map_err(|_| ObjectError::Failed("a token cannot be sealed".to_owned()))?;
        let until: Timestamp = token.expires_at;
        let row = vec![terms.into(), sealed.into(), until.as_unix().into()];
        self.table.write::<IgnoredAny>(statement::WRITE, row)?;
        self.table.ensure_alarm(SystemClock.now(), until).await
    }
}
