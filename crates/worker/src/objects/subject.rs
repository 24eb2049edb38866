//! The Durable Object of one subject: loads, calls [`SubjectSessions`], stores. Every rule is there; here is
//! only what needs the runtime: one refresh of tokens at a time for a session, and the alarm.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use worker::{
    DurableObject, Env, Request, Response, State, Storage, WebSocket, WebSocketIncomingMessage, durable_object,
};

use crate::objects::expiring_table;
use crate::objects::session_watchers::{self, Watchers};
use crate::objects::subject_table::SubjectTable;
use crate::objects::{self, ObjectError};
use postern::gateway::{Gateway, SiteMatch};
use postern::ids::site::Site;
use postern::json;
use postern::ports::{Clock, StoreError};
use postern::session::message::{Envelope, VERSION};
use postern::session::{
    Check, Command, RefreshJob, RefreshOutcome, Reply, Revocation, SessionDigest, SessionTable, SessionTimeouts, Step,
    SubjectSessions, USED, WatchRequest,
};
use postern::time::Timestamp;
use postern_workers::background::Background;
use postern_workers::clock::SystemClock;
use postern_workers::isolate;
use postern_workers::log;
use postern_workers::platform::Workers;
use postern_workers::random::SystemRandom;

/// Everything that must be consistent about one subject.
#[durable_object]
pub struct SubjectObject {
    inner: Rc<Inner>,
}

/// A refresh under way. Inside an object all requests may wait for the same one.
type RefreshUnderWay = Shared<LocalBoxFuture<'static, ()>>;

struct Inner {
    storage: Storage,
    watchers: Watchers,
    table: SubjectTable,
    /// Whose it is, by the object's own name: alarms and lines that wake it say nothing of it.
    site: Site,
    env: Env,
    refreshes: RefCell<HashMap<SessionDigest, RefreshUnderWay>>,
    /// When the alarm rings, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
}

impl DurableObject for SubjectObject {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        let table = SubjectTable::new(storage.sql());
        let site = state.id().name().map_or(Site::SOLE, |name| Site::of_scoped(&name));
        let (refreshes, alarm_at) = (RefCell::default(), Cell::new(None));
        let inner = Inner { storage, watchers: Watchers(state), table, site, env, refreshes, alarm_at };
        Self { inner: Rc::new(inner) }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let inner = Rc::clone(&self.inner);
        match objects::line_message(&request) {
            Some(message) => objects::serve_line(async move { inner.admit(&message).await }).await,
            None => objects::serve(request, move |message| async move { inner.answer(&message).await }).await,
        }
    }

    /// A watcher says that its session was used.
    async fn websocket_message(&self, line: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        let inner = Rc::clone(&self.inner);
        let is_use = matches!(&message, WebSocketIncomingMessage::String(text) if text == USED);
        let noted = if is_use { inner.touch(&line) } else { Ok(()) };
        noted.map_err(|(ObjectError::Failed(reason) | ObjectError::Malformed(reason))| reason.into())
    }

    async fn websocket_close(&self, _: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        Ok(())
    }

    async fn websocket_error(&self, _: WebSocket, _: worker::Error) -> worker::Result<()> {
        Ok(())
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let inner = Rc::clone(&self.inner);
        expiring_table::on_alarm(async move { inner.ring().await }).await
    }
}

impl Inner {
    async fn answer(self: &Rc<Self>, message: &str) -> Result<String, ObjectError> {
        let envelope: Envelope<Command> =
            serde_json::from_str(message).map_err(|error| ObjectError::Malformed(json::unread(&error)))?;
        if envelope.v != VERSION {
            return Err(ObjectError::Malformed(format!("version {} is not spoken here", envelope.v)));
        }
        let answer = self.carry_out(&envelope.command).await?;
        // A session that lives changes nothing that has to be done sooner, and ends nothing.
        if !matches!(answer, Reply::Live(_)) {
            self.tell_watchers()?;
            self.set_alarm().await?;
        }
        serde_json::to_string(&answer).map_err(|error| ObjectError::Failed(json::unread(&error)))
    }

    /// Carries out a command; a check whose access token is due begins one refresh, whoever asks.
    async fn carry_out(self: &Rc<Self>, command: &Command) -> Result<Reply, ObjectError> {
        let gateway = self.gateway()?;
        let under_way = self.under_way(command);
        let step = self.subject(&gateway).handle(command, SystemClock.now(), under_way.is_none()).map_err(failed)?;
        let (answer, under_way) = match step {
            Step::Answer(answer) => (answer, under_way),
            Step::Refresh(job) => {
                let under_way = self.begin_refresh(Rc::clone(&gateway), *job);
                (self.without_refresh(&gateway, command)?, Some(under_way))
            }
        };
        match under_way {
            // What is still valid can be used meanwhile; who has nothing waits.
            Some(under_way) if waits_for_token(&answer) => {
                under_way.await;
                self.without_refresh(&gateway, command)
            }
            _ => Ok(answer),
        }
    }

    /// Lets a session be watched, if it lives: a response with a WebSocket, or 410.
    async fn admit(&self, message: &str) -> Result<Response, ObjectError> {
        let envelope: Envelope<WatchRequest> =
            serde_json::from_str(message).map_err(|error| ObjectError::Malformed(json::unread(&error)))?;
        let gateway = self.gateway()?;
        let (now, digest) = (SystemClock.now(), &envelope.command.digest);
        let lives = self.subject(&gateway).may_be_watched(digest, clocks(&gateway), now).map_err(failed)?;
        if !lives {
            return Response::error("gone", 410).map_err(|error| ObjectError::Failed(error.to_string()));
        }
        // Before anything else can happen here: an end from now on is told.
        let line = self.watchers.admit(digest)?;
        self.set_alarm().await?;
        Ok(line)
    }

    fn touch(&self, line: &WebSocket) -> Result<(), ObjectError> {
        let Some(digest) = self.watchers.watched(line) else { return Ok(()) };
        let gateway = self.gateway()?;
        let now = SystemClock.now();
        if !self.subject(&gateway).may_be_watched(&digest, clocks(&gateway), now).map_err(failed)? {
            session_watchers::dismiss(line);
            return Ok(());
        }
        let check = Check { digest, touch: true, access_token: false, clocks: clocks(&gateway) };
        let answer = self.without_refresh(&gateway, &Command::Check(check))?;
        if matches!(answer, Reply::Gone) {
            session_watchers::dismiss(line);
        }
        Ok(())
    }

    fn tell_watchers(&self) -> Result<(), ObjectError> {
        let gateway = self.gateway()?;
        self.watchers.tell(|digest| self.subject(&gateway).has(digest)).map_err(failed)
    }

    fn without_refresh(&self, gateway: &Gateway, command: &Command) -> Result<Reply, ObjectError> {
        let step = self.subject(gateway).handle(command, SystemClock.now(), false).map_err(failed)?;
        step.into_answer().ok_or_else(|| ObjectError::Failed("refresh began though it may not".to_owned()))
    }

    /// Starts a refresh that goes on even if the request that asked for it goes away.
    fn begin_refresh(self: &Rc<Self>, gateway: Rc<Gateway>, job: RefreshJob) -> RefreshUnderWay {
        let inner = Rc::clone(self);
        let digest = job.digest.clone();
        let done_once = async move {
            let done = Rc::clone(&inner);
            let digest = job.digest.clone();
            inner.refresh(&gateway, &job).await;
            done.refreshes.borrow_mut().remove(&digest);
        };
        let under_way = done_once.boxed_local().shared();
        wasm_bindgen_futures::spawn_local(under_way.clone());
        self.refreshes.borrow_mut().insert(digest, under_way.clone());
        under_way
    }

    async fn refresh(&self, gateway: &Rc<Gateway>, job: &RefreshJob) {
        let outcome: RefreshOutcome =
            gateway.refresh_session(&Workers::new(&self.env, gateway, Background::Object), job).await;
        let stored = self.subject(gateway).finish_refresh(job, &outcome, SystemClock.now());
        // The mark of the attempt stays: the next one knows that this one was lost.
        if let Err(error) = stored {
            failed(error);
        }
        let told = self.tell_watchers();
        if let Err(ObjectError::Failed(reason) | ObjectError::Malformed(reason)) = told.and(self.set_alarm().await) {
            log::failure("alarm_not_set", None, &reason);
        }
    }

    /// Cleans up, and tells providers what to forget.
    async fn ring(&self) -> Result<(), ObjectError> {
        self.alarm_at.set(None);
        let gateway = self.gateway()?;
        let platform = Workers::new(&self.env, &gateway, Background::Object);
        self.subject(&gateway).sweep(SystemClock.now()).map_err(failed)?;
        self.tell_watchers()?;
        let due: Vec<Revocation> = self.subject(&gateway).revocations_due(SystemClock.now()).map_err(failed)?;
        for revocation in due {
            let done = gateway.revoke(&platform, &revocation).await;
            self.subject(&gateway).revocation_tried(revocation, done, SystemClock.now()).map_err(failed)?;
        }
        self.set_alarm().await
    }

    /// Sets the alarm for the next thing to do, unless it rings before.
    async fn set_alarm(&self) -> Result<(), ObjectError> {
        let Some(next) = self.table.next_event().map_err(failed)? else { return Ok(()) };
        let now = SystemClock.now();
        if self.alarm_at.get().is_some_and(|at| at <= next && at > now) {
            return Ok(());
        }
        let wait_ms = i64::from(next.since(now).get()) * 1000;
        self.storage.set_alarm(wait_ms.max(100)).await.map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.alarm_at.set(Some(next));
        Ok(())
    }

    fn under_way(&self, command: &Command) -> Option<RefreshUnderWay> {
        let Command::Check(check) = command else { return None };
        self.refreshes.borrow().get(&check.digest).cloned()
    }

    /// The gateway of the site whose object this is.
    fn gateway(&self) -> Result<Rc<Gateway>, ObjectError> {
        let deployment = isolate::deployment(&self.env).map_err(|error| ObjectError::Failed(error.to_string()))?;
        match deployment.of(&self.site) {
            SiteMatch::Site(gateway) => Ok(Rc::clone(gateway)),
            SiteMatch::Unusable(why) => Err(ObjectError::Failed(why.to_string())),
            SiteMatch::Nowhere => Err(ObjectError::Failed("an object of a site that there is no more".to_owned())),
        }
    }

    fn subject<'a>(&'a self, gateway: &'a Gateway) -> SubjectSessions<'a, SubjectTable, SystemRandom> {
        let config = gateway.config();
        SubjectSessions {
            table: &self.table,
            keys: &config.keys,
            random: &SystemRandom,
            terms: config,
            report: &report,
        }
    }
}

/// The clocks in force here and now.
fn clocks(gateway: &Gateway) -> SessionTimeouts {
    let session = &gateway.config().session;
    SessionTimeouts::new(session.idle, session.absolute)
}

fn waits_for_token(answer: &Reply) -> bool {
    matches!(answer, Reply::Live(live) if live.access_token.is_none() && live.provider_down)
}

fn report(code: &'static str, detail: &str) {
    log::failure(code, None, detail);
}

fn failed(error: StoreError) -> ObjectError {
    let reason = match error {
        StoreError::Unavailable(reason) => reason,
        StoreError::Malformed => "a stored record or message cannot be read".to_owned(),
    };
    log::failure("subject_object_failed", None, &reason);
    ObjectError::Failed(reason)
}
