//! The Durable Object of one subject: loads, calls [`SubjectSessions`], stores. Every rule is there; here is
//! only what needs the runtime: one refresh of tokens at a time for a session, and the alarm.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Shared, select};
use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::worker_sys::DurableObjectState;
use worker::{Delay, Env, State, Storage, WebSocket};

use crate::objects::session_watchers::{self, Watchers};
use crate::objects::subject_table::SubjectTable;
use crate::objects::{self, ObjectError};
use postern::gateway::{Gateway, SiteMatch};
use postern::ids::site::Site;
use postern::json;
use postern::ports::{Clock, StoreError};
use postern::session::message::{Envelope, VERSION};
use postern::session::{
    CachedTable, Check, Command, RefreshJob, RefreshOutcome, Reply, Revocation, SessionDigest, SessionTable,
    SessionTimeouts, Step, SubjectSessions, USED, WatchRequest,
};
use postern::time::{Seconds, Timestamp};
use postern_workers::background::Background;
use postern_workers::clock::SystemClock;
use postern_workers::isolate;
use postern_workers::log;
use postern_workers::platform::Workers;
use postern_workers::random::SystemRandom;

/// How long after an alarm for which there is no gateway the next one rings.
const NEXT_TRY: Seconds = Seconds::new(3600);

/// How long what moves a session to another id waits for a refresh of its tokens. Whoever asks an object waits for twice as long: what
/// was done later would be told to nobody, and the new id would be lost.
const LONGEST_REFRESH: Duration = Duration::from_secs(5);

/// The furthest ahead that an alarm is set.
const LONGEST_WAIT: Seconds = Seconds::hours(30 * 24);

/// Everything that must be consistent about one subject.
#[wasm_bindgen]
pub struct SubjectObject {
    inner: Rc<Inner>,
}

/// A refresh under way. Inside an object all requests may wait for the same one.
type RefreshUnderWay = Shared<LocalBoxFuture<'static, ()>>;

struct Inner {
    storage: Storage,
    watchers: Watchers,
    table: CachedTable<SubjectTable>,
    /// Whose it is, by the object's own name: alarms and lines that wake it say nothing of it.
    site: Site,
    env: Env,
    refreshes: RefCell<HashMap<SessionDigest, RefreshUnderWay>>,
    /// When the alarm rings, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
}

/// `entry.js` hands in what the runtime hands it.
#[wasm_bindgen]
impl SubjectObject {
    /// The object over its storage.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        let state = State::from(state);
        let storage = state.storage();
        let table = CachedTable::new(SubjectTable::new(storage.sql()));
        let site = state.id().name().map_or(Site::SOLE, |name| Site::of_scoped(&name));
        let (refreshes, alarm_at) = (RefCell::default(), Cell::new(None));
        let inner = Inner { storage, watchers: Watchers(state), table, site, env, refreshes, alarm_at };
        Self { inner: Rc::new(inner) }
    }

    /// The answer to a message, if nothing has to be waited for; otherwise nothing has happened that `answer` would not do too.
    #[wasm_bindgen(js_name = answerNow)]
    pub fn answer_now(&self, message: &str) -> Option<String> {
        self.inner.answer_now(message)
    }

    /// The answer to any message: a status as in HTTP, and a text.
    pub fn answer(&self, message: String) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::answered(message, move |message| async move { inner.answer(&message).await })
    }

    /// The other end of a WebSocket on which its opener is told when a session ends; or a status and why there is none: 410
    /// where the session does not live.
    pub fn watch(&self, message: String) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::promise(Box::pin(async move {
            let (status, line) = match inner.admit(&message).await {
                Ok(Some(line)) => (101, line.into()),
                Ok(None) => (410, "gone".into()),
                Err(error) => {
                    let (status, reason) = objects::refused(error);
                    (status, reason.into())
                }
            };
            Ok(Array::of2(&status.into(), &line).into())
        }))
    }

    /// A message on such a line: its session was used.
    ///
    /// # Errors
    /// When the storage fails.
    #[wasm_bindgen(js_name = noteUse)]
    pub fn note_use(&self, line: web_sys::WebSocket, message: &str) -> Result<(), JsValue> {
        let noted = if message == USED { self.inner.touch(&line.into()) } else { Ok(()) };
        noted.map_err(|(ObjectError::Failed(reason) | ObjectError::Malformed(reason))| {
            js_sys::Error::new(&reason).into()
        })
    }

    /// Cleans up.
    pub fn alarm(&self) -> Promise {
        let inner = Rc::clone(&self.inner);
        objects::done(async move { inner.ring().await })
    }
}

impl Inner {
    /// Of a session that lives and has what it needs: nearly every message is about one.
    fn answer_now(self: &Rc<Self>, message: &str) -> Option<String> {
        if self.refreshes.borrow().is_empty() {
            return self.table.answer(message, SystemClock.now(), || self.work_out(message));
        }
        self.work_out(message).map(|(answer, _)| answer)
    }

    /// The answer, and whether it holds no token.
    fn work_out(self: &Rc<Self>, message: &str) -> Option<(String, bool)> {
        let envelope: Envelope<Command> = json::from_text(message).ok()?;
        if envelope.v != VERSION || !matches!(envelope.command, Command::Check(_) | Command::CheckGrant(_)) {
            return None;
        }
        let (answer, under_way) = self.begin(&envelope.command).ok()?;
        if matches!(answer, Reply::LiveGrant(_)) {
            return Some((serde_json::to_string(&answer).ok()?, true));
        }
        let Reply::Live(live) = &answer else { return None };
        let has_token = live.access_token.is_some() || live.bound_token.is_some();
        let waits = under_way.is_some() && waits_for_token(&answer);
        if waits { None } else { Some((serde_json::to_string(&answer).ok()?, !has_token)) }
    }

    async fn answer(self: &Rc<Self>, message: &str) -> Result<String, ObjectError> {
        let envelope: Envelope<Command> =
            json::from_text(message).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        if envelope.v != VERSION {
            return Err(ObjectError::Malformed(format!("version {} is not spoken here", envelope.v)));
        }
        let answer = self.carry_out(&envelope.command).await?;
        // A session or grant that lives changes nothing that has to be done sooner, and ends nothing.
        if !matches!(answer, Reply::Live(_) | Reply::LiveGrant(_)) {
            self.tell_watchers()?;
            self.set_alarm().await?;
        }
        serde_json::to_string(&answer).map_err(|_| ObjectError::Failed("the answer is no json".to_owned()))
    }

    /// Carries out a command.
    async fn carry_out(self: &Rc<Self>, command: &Command) -> Result<Reply, ObjectError> {
        // What a refresh brings belongs to the id that it began under: a session moves to another before or after it. What
        // came meanwhile may have begun the next one.
        if let Some(digest) = command.rotates() {
            self.let_refreshes_end(digest).await?;
        }
        match self.begin(command)? {
            // What is still valid can be used meanwhile; who has nothing waits.
            (answer, Some(under_way)) if waits_for_token(&answer) => {
                under_way.await;
                self.without_refresh(&*self.gateway()?, command)
            }
            (answer, _) => Ok(answer),
        }
    }

    /// Waits for the refreshes of a session.
    ///
    /// # Errors
    /// When they take so long that nobody may be left who is told of what comes after them.
    async fn let_refreshes_end(&self, digest: &SessionDigest) -> Result<(), ObjectError> {
        let ended = async {
            while let Some(under_way) = self.refreshing(digest) {
                under_way.await;
            }
        };
        match select(pin!(ended), Delay::from(LONGEST_REFRESH)).await {
            Either::Left(_) => Ok(()),
            Either::Right(_) => Err(ObjectError::Failed("the session's tokens are still being refreshed".to_owned())),
        }
    }

    /// The answer as things are, and the refresh under way. A check whose access token is due begins one, whoever asks.
    fn begin(self: &Rc<Self>, command: &Command) -> Result<(Reply, Option<RefreshUnderWay>), ObjectError> {
        let gateway = self.gateway()?;
        let under_way = self.under_way(command);
        let step = self.subject(&gateway).handle(command, SystemClock.now(), under_way.is_none()).map_err(failed)?;
        match step {
            Step::Answer(answer) => Ok((answer, under_way)),
            Step::Refresh(job) => {
                let under_way = self.begin_refresh(Rc::clone(&gateway), *job);
                Ok((self.without_refresh(&gateway, command)?, Some(under_way)))
            }
        }
    }

    /// Lets a session be watched, if it lives.
    async fn admit(&self, message: &str) -> Result<Option<web_sys::WebSocket>, ObjectError> {
        let envelope: Envelope<WatchRequest> =
            json::from_text(message).map_err(|error| ObjectError::Malformed(error.to_string()))?;
        let gateway = self.gateway()?;
        let (now, digest) = (SystemClock.now(), &envelope.command.digest);
        if !self.subject(&gateway).may_be_watched(digest, clocks(&gateway), now).map_err(failed)? {
            return Ok(None);
        }
        // Before anything else can happen here: an end from now on is told.
        let line = self.watchers.admit(digest)?;
        self.set_alarm().await?;
        Ok(Some(line))
    }

    fn touch(&self, line: &WebSocket) -> Result<(), ObjectError> {
        let Some(digest) = self.watchers.watched(line) else { return Ok(()) };
        let gateway = self.gateway()?;
        let now = SystemClock.now();
        if !self.subject(&gateway).may_be_watched(&digest, clocks(&gateway), now).map_err(failed)? {
            session_watchers::dismiss(line);
            return Ok(());
        }
        let check = Check { digest, touch: true, access_token: false, shown: None, clocks: clocks(&gateway) };
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
        let gateway = match self.gateway() {
            Ok(gateway) => gateway,
            Err(error) => return self.ring_later(error).await,
        };
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

    /// Has the alarm ring again for as long as there is no gateway. After an error the platform would repeat it a few times only.
    async fn ring_later(&self, error: ObjectError) -> Result<(), ObjectError> {
        let (ObjectError::Failed(reason) | ObjectError::Malformed(reason)) = error;
        log::failure("alarm_put_off", None, &reason);
        self.set_alarm_at(SystemClock.now().plus(NEXT_TRY)).await
    }

    /// Gives the storage back once nothing is left in it: of a person who is gone, no object stays.
    async fn give_back(&self) -> Result<(), ObjectError> {
        let table = self.table.forget_all();
        if !table.is_made() {
            return Ok(());
        }
        table.unmade();
        self.alarm_at.set(None);
        self.storage.delete_all().await.map_err(|error| ObjectError::Failed(error.to_string()))
    }

    /// Sets the alarm for the next thing to do, unless it rings before.
    async fn set_alarm(&self) -> Result<(), ObjectError> {
        let Some(next) = self.table.next_event().map_err(failed)? else { return self.give_back().await };
        self.set_alarm_at(next).await
    }

    async fn set_alarm_at(&self, next: Timestamp) -> Result<(), ObjectError> {
        let now = SystemClock.now();
        if self.alarm_at.get().is_some_and(|at| at <= next && at > now) {
            return Ok(());
        }
        // A block has no end, and no alarm is set so far ahead: then it rings in vain now and then.
        let wait_ms = i64::from(next.since(now).min(LONGEST_WAIT).get()) * 1000;
        self.storage.set_alarm(wait_ms.max(100)).await.map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.alarm_at.set(Some(next));
        Ok(())
    }

    fn under_way(&self, command: &Command) -> Option<RefreshUnderWay> {
        let Command::Check(check) = command else { return None };
        self.refreshing(&check.digest)
    }

    fn refreshing(&self, digest: &SessionDigest) -> Option<RefreshUnderWay> {
        self.refreshes.borrow().get(digest).cloned()
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

    fn subject<'a>(&'a self, gateway: &'a Gateway) -> SubjectSessions<'a, CachedTable<SubjectTable>, SystemRandom> {
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
        StoreError::Unavailable(why) => why.0,
        StoreError::Malformed => "a stored record or message cannot be read".to_owned(),
    };
    log::failure("subject_object_failed", None, &reason);
    ObjectError::Failed(reason)
}
